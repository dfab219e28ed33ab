# SPDX-License-Identifier: Apache-2.0
#
# How mproc's own code is compiled: warnings, sanitizers, C11 without extensions.
# Nothing here reaches the programs that use mproc.

option(MPROC_WERROR "Treat warnings as errors" OFF)
set(MPROC_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(mproc_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

# Warnings (and sanitizers) for one of our own targets.
function(mproc_compile_strictly target)
  target_compile_options(${target} PRIVATE ${mproc_warnings} $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
  if(MPROC_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(MPROC_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${MPROC_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${MPROC_SANITIZE})
  endif()
endfunction()
