# SPDX-License-Identifier: Apache-2.0
#
# Builds Windows programs on Linux with mingw-w64, and runs them under Wine.
#
# MPROC_WINDOWS_PREFIX (cache or environment variable) is where APR and cmocka for Windows are
# installed. Its default is where tools/windows-dependencies.sh puts them.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

# Debian has each compiler twice. The one with POSIX threads has C++'s <thread> too.
find_program(MPROC_MINGW_GCC NAMES x86_64-w64-mingw32-gcc-posix x86_64-w64-mingw32-gcc)
find_program(MPROC_MINGW_GXX NAMES x86_64-w64-mingw32-g++-posix x86_64-w64-mingw32-g++)
mark_as_advanced(MPROC_MINGW_GCC MPROC_MINGW_GXX)
if(NOT MPROC_MINGW_GCC OR NOT MPROC_MINGW_GXX)
    message(FATAL_ERROR "The compilers for Windows (mingw-w64) are missing. "
                        "Install them with: sh tools/setup.sh windows")
endif()
set(CMAKE_C_COMPILER ${MPROC_MINGW_GCC})
set(CMAKE_CXX_COMPILER ${MPROC_MINGW_GXX})
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

# The compiler's own libraries go into each program: an .exe then runs without any of their DLLs.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-static")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-static")

# The installed dependencies.
if(NOT MPROC_WINDOWS_PREFIX)
    if(DEFINED ENV{MPROC_WINDOWS_PREFIX})
        set(_prefix $ENV{MPROC_WINDOWS_PREFIX})
    elseif(DEFINED ENV{MPROC_CACHE})
        set(_prefix $ENV{MPROC_CACHE}/windows)
    elseif(DEFINED ENV{XDG_CACHE_HOME})
        set(_prefix $ENV{XDG_CACHE_HOME}/mproc/windows)
    else()
        set(_prefix $ENV{HOME}/.cache/mproc/windows)
    endif()
    set(MPROC_WINDOWS_PREFIX ${_prefix} CACHE PATH "Where APR and cmocka for Windows are installed")
    unset(_prefix)
endif()
if(NOT IS_DIRECTORY ${MPROC_WINDOWS_PREFIX})
    message(FATAL_ERROR "There is no folder ${MPROC_WINDOWS_PREFIX} with APR and cmocka for Windows. "
                        "Build them with: sh tools/windows-dependencies.sh")
endif()
# CMake's small test projects read this file again, but do not see our cache.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MPROC_WINDOWS_PREFIX)

# Libraries, headers and packages come from there and never from this machine's own folders;
# programs that run during the build come from this machine. A folder that is named in
# CMAKE_PREFIX_PATH is meant, so it counts as well.
list(APPEND CMAKE_FIND_ROOT_PATH
     ${MPROC_WINDOWS_PREFIX} ${CMAKE_PREFIX_PATH} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${MPROC_WINDOWS_PREFIX}/lib/pkgconfig)
unset(ENV{PKG_CONFIG_PATH})
unset(ENV{PKG_CONFIG_SYSROOT_DIR})

# How CTest, try_run and custom commands start the programs.
get_filename_component(_tools ${CMAKE_CURRENT_LIST_DIR}/../../tools ABSOLUTE)
set(CMAKE_CROSSCOMPILING_EMULATOR ${_tools}/wine.sh)
unset(_tools)
