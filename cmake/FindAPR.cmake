# SPDX-License-Identifier: Apache-2.0
#
# Finds APR 1 and gives the target APR::apr, whatever way APR was installed: as a CMake package
# (Windows, APR >= 1.7.5) or with a pkg-config file (everywhere else). Used by mproc's own build and,
# installed next to mproc's CMake package, by the programs that use mproc.
#
# Reads:  APR_USE_STATIC  which to take where the CMake package has both a static and a shared APR;
#                         by default the kind of library that BUILD_SHARED_LIBS asks for
# Sets:   APR_FOUND, APR_VERSION
#         APR_IS_STATIC   on Windows: whether that APR is a static library

# Each of the two gives the caller APR_TARGET, APR_VERSION and APR_IS_STATIC, or nothing. Targets are
# made global, as mproc may be a subdirectory of a larger project that links with it.

function(_apr_find_cmake_package)
    set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
    find_package(apr CONFIG QUIET)
    if(NOT DEFINED APR_USE_STATIC AND NOT BUILD_SHARED_LIBS)
        set(APR_USE_STATIC ON)
    endif()
    if(NOT TARGET apr::apr-1 AND NOT TARGET apr::libapr-1)
        return()
    endif()
    if(TARGET apr::apr-1 AND (APR_USE_STATIC OR NOT TARGET apr::libapr-1))
        set(APR_TARGET apr::apr-1 PARENT_SCOPE)
        set(APR_IS_STATIC ON PARENT_SCOPE)
    else()
        set(APR_TARGET apr::libapr-1 PARENT_SCOPE)
        set(APR_IS_STATIC OFF PARENT_SCOPE)
    endif()
    set(APR_VERSION "${apr_VERSION}" PARENT_SCOPE)
endfunction()

function(_apr_find_pkg_config)
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(APR_PKG_CONFIG QUIET IMPORTED_TARGET GLOBAL apr-1)
    endif()
    if(APR_PKG_CONFIG_FOUND)
        set(APR_TARGET PkgConfig::APR_PKG_CONFIG PARENT_SCOPE)
        set(APR_VERSION "${APR_PKG_CONFIG_VERSION}" PARENT_SCOPE)
        # On Windows APR's headers need this definition for a static APR, and only for that.
        if("-DAPR_DECLARE_STATIC" IN_LIST APR_PKG_CONFIG_CFLAGS)
            set(APR_IS_STATIC ON PARENT_SCOPE)
        else()
            set(APR_IS_STATIC OFF PARENT_SCOPE)
        endif()
    endif()
endfunction()

unset(APR_TARGET)
_apr_find_cmake_package()
if(NOT APR_TARGET)
    _apr_find_pkg_config()
endif()
if(APR_TARGET AND NOT TARGET APR::apr)
    add_library(APR::apr INTERFACE IMPORTED GLOBAL)
    set_target_properties(APR::apr PROPERTIES INTERFACE_LINK_LIBRARIES ${APR_TARGET})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(APR
    REQUIRED_VARS APR_TARGET
    VERSION_VAR APR_VERSION
    REASON_FAILURE_MESSAGE "Install APR (and pkg-config), then configure again:
      Debian, Ubuntu   apt-get install libapr1-dev pkg-config
      Fedora           dnf install apr-devel pkgconf-pkg-config
      macOS            brew install apr pkgconf, and
                       export PKG_CONFIG_PATH=$(brew --prefix apr)/lib/pkgconfig
      Alpine           apk add apr-dev pkgconf
      Arch             pacman -S apr pkgconf
      FreeBSD          pkg install apr pkgconf
      Windows, vcpkg   vcpkg install apr
      Windows, MSYS2   pacman -S mingw-w64-ucrt-x86_64-apr mingw-w64-ucrt-x86_64-pkgconf
    Not installed in a usual place? Name its folder in CMAKE_PREFIX_PATH.")
