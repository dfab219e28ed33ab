# SPDX-License-Identifier: Apache-2.0
#
# Compiles a file and says whether that went as it should; nothing is linked.
#
#   cmake -DEXPECT=accepted|refused [-DCASE=macro] -P compile.cmake -- compiler flag... file
#
# accepted: it compiles, with the macro if one is given.
# refused:  it compiles without the macro; with it, it does not.

math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 1 ${last})
  if(is_command AND NOT "${CMAKE_ARGV${i}}" MATCHES "^(-isystem|-D)$") # one of an empty list
    list(APPEND command "${CMAKE_ARGV${i}}")
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(is_command TRUE)
  endif()
endforeach()

function(compile result)
  execute_process(COMMAND ${command} -fsyntax-only ${ARGN} RESULT_VARIABLE rv ERROR_VARIABLE said OUTPUT_VARIABLE said)
  set(${result} ${rv} PARENT_SCOPE)
  set(said "${said}" PARENT_SCOPE)
endfunction()

set(with)
if(CASE)
  set(with -D${CASE})
endif()

if(EXPECT STREQUAL "accepted")
  compile(rv ${with})
  if(NOT rv EQUAL 0)
    message(FATAL_ERROR "it does not compile:\n${said}")
  endif()
else()
  compile(rv)
  if(NOT rv EQUAL 0)
    message(FATAL_ERROR "it does not compile without the bad line either:\n${said}")
  endif()
  compile(rv ${with})
  if(rv EQUAL 0)
    message(FATAL_ERROR "it compiles with the bad line ${CASE}:\n${said}")
  endif()
  string(REGEX MATCH "[^\n]*error:[^\n]*" why "${said}")
  message(STATUS "refused: ${why}")
endif()
