#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs what is needed to build and test mproc, or says what to install:
#
#   sh tools/setup.sh           for this system
#   sh tools/setup.sh windows   for this system, and for building and running Windows programs on it
#   sh tools/setup.sh strace    for this system, and for recording system calls on it
#   sh tools/setup.sh fuzz      for this system, and for tools/fuzz.sh on it
#   sh tools/setup.sh check     for this system, and for tools/check.sh on it
#   sh tools/setup.sh bench     for this system, and what the benchmarks compare with, if it can be had
#
# Exit status: 0 everything is there; 1 something is missing; 3 everything for this system is there,
# but Windows programs cannot be built on it.
set -eu

# CMake's presets file needs this one.
cmake_needed=3.23

say()  { echo "setup.sh: $*" >&2; }
fail() { say "$*"; exit 1; }
has()  { command -v "$1" >/dev/null 2>&1; }

# ---- what is missing ----

# python3 runs the tests that talk to Python, and the benchmarks. spin walks through the model of the
# queue; not every system has a package of it, and the others do without.
missing_for_native()
{
    for program in cc c++ cmake ninja pkg-config python3; do
        has $program || echo $program
    done
    ! has apt-get || has spin || echo spin
    for library in apr-1 cmocka; do
        pkg-config --exists $library 2>/dev/null || echo $library
    done
}

# Debian's wine64 package puts nothing on the PATH. dpkg-source unpacks APR and cmocka.
missing_for_windows()
{
    for program in x86_64-w64-mingw32-gcc x86_64-w64-mingw32-g++ dpkg-source flock; do
        has $program || echo $program
    done
    [ -x /usr/lib/wine/wine64 ] || has wine64 || has wine || echo wine
}

# ---- installing ----

as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Says what it installs; what apt-get has to say is shown only if it fails.
apt_install()
{
    [ "$(id -u)" -eq 0 ] || has sudo ||
        fail "not root, and there is no sudo; as root, run: apt-get install $*"
    say "installing $* (this may take some minutes)"
    log=$(mktemp)
    # A list that cannot be fetched may belong to some other vendor; the installation will tell.
    as_root apt-get -q update >"$log" 2>&1 || :
    if ! as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y --no-install-recommends install "$@" >>"$log" 2>&1; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install them"
    fi
    rm -f "$log"
}

# The command for this system's own package manager, for the person to run.
install_command()
{
    if [ -n "${MSYSTEM-}" ]; then
        echo "pacman -S --needed \$MINGW_PACKAGE_PREFIX-{gcc,cmake,ninja,pkgconf,apr,cmocka,python,libpng}"
    elif has brew; then
        echo "brew install cmake ninja pkgconf apr cmocka python openssl libpng &&" \
            "export PKG_CONFIG_PATH=\$(brew --prefix apr)/lib/pkgconfig"
    elif has dnf; then
        echo "sudo dnf install gcc gcc-c++ cmake ninja-build pkgconf-pkg-config apr-devel" \
            "libcmocka-devel python3 openssl-devel libpng-devel"
    elif has apk; then
        echo "apk add build-base linux-headers cmake samurai pkgconf apr-dev cmocka-dev python3" \
            "openssl-dev libpng-dev"
    elif has pacman; then
        echo "sudo pacman -S --needed base-devel cmake ninja pkgconf apr cmocka python openssl libpng"
    elif has pkg; then
        echo "sudo pkg install cmake ninja pkgconf apr cmocka python3 png"
    else
        echo "(no known package manager here) a C and C++ compiler, CMake, Ninja, pkg-config," \
            "APR 1, cmocka, Python 3, OpenSSL, libpng; with vcpkg: vcpkg install apr cmocka libpng"
    fi
}

set_up_native()
{
    missing=$(missing_for_native | xargs)
    [ -n "$missing" ] || return 0
    has apt-get || fail "missing: $missing. Install with:
    $(install_command)"
    apt_install gcc g++ libc6-dev cmake ninja-build pkg-config libapr1-dev libcmocka-dev python3 spin \
        libssl-dev libpng-dev
    missing=$(missing_for_native | xargs)
    [ -z "$missing" ] || fail "still missing after apt-get install: $missing"
}

missing_for_examples()
{
    pkg-config --exists libcrypto 2>/dev/null || echo libssl-dev
    pkg-config --exists libpng 2>/dev/null || echo libpng-dev
}

# Without OpenSSL an example is left out, and without libpng one writes PPM, so this never fails.
set_up_examples()
{
    missing=$(missing_for_examples | xargs)
    [ -n "$missing" ] || return 0
    if ! has apt-get || ! ( apt_install $missing ); then
        say "not there, and so the examples do without: $missing (Debian's names)"
    fi
}

set_up_windows()
{
    if ! has apt-get || [ "$(dpkg --print-architecture)" != amd64 ]; then
        say "Windows programs are built here on 64-bit x86 Debian and Ubuntu only: they need" \
            "mingw-w64, Wine, and the source packages of APR and cmocka."
        exit 3
    fi
    missing=$(missing_for_windows | xargs)
    [ -n "$missing" ] || return 0
    apt_install gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 wine64 dpkg-dev util-linux
    missing=$(missing_for_windows | xargs)
    [ -z "$missing" ] || fail "still missing after apt-get install: $missing"
}

set_up_strace()
{
    has strace && return 0
    has apt-get || fail "missing: strace. Install it with this system's package manager."
    apt_install strace
    has strace || fail "still missing after apt-get install: strace"
}

# Debian's clang has libFuzzer with it; elsewhere it may be a package of its own.
has_fuzzer()
{
    has clang && has clang++ &&
        [ -e "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null)" ]
}

set_up_fuzz()
{
    has_fuzzer && return 0
    has apt-get || fail "missing: clang with libFuzzer. Install it with this system's package manager."
    apt_install clang
    has_fuzzer || fail "still missing after apt-get install: clang with libFuzzer"
}

missing_for_check()
{
    for program in clang-tidy cppcheck valgrind setarch; do
        has $program || echo $program
    done
}

# valgrind reads the names of functions in the C library from libc6-dbg, and needs some of them.
set_up_check()
{
    missing=$(missing_for_check | xargs)
    [ -n "$missing" ] || return 0
    has apt-get || fail "missing: $missing. Install them with this system's package manager."
    apt_install clang-tidy cppcheck valgrind libc6-dbg util-linux
    missing=$(missing_for_check | xargs)
    [ -z "$missing" ] || fail "still missing after apt-get install: $missing"
}

missing_for_bench()
{
    pkg-config --exists libzmq 2>/dev/null || echo libzmq3-dev
    echo '#include <nng/nng.h>' | cc -E -x c - >/dev/null 2>&1 || echo libnng-dev
    echo '#include <boost/interprocess/ipc/message_queue.hpp>' | c++ -E -x c++ - >/dev/null 2>&1 ||
        echo libboost-dev
}

# A peer that is not there is a row without a ratio, so this never fails.
set_up_bench()
{
    missing=$(missing_for_bench | xargs)
    [ -n "$missing" ] || return 0
    if has apt-get; then
        ( apt_install $missing ) || :
        missing=$(missing_for_bench | xargs)
    fi
    [ -z "$missing" ] || say "not there, and so not compared with: $missing (Debian's names)"
}

check_cmake_version()
{
    version=$(cmake --version | sed -n 's/^cmake version \([0-9]*\.[0-9]*\).*/\1/p')
    oldest=$(printf '%s\n' "$version" "$cmake_needed" | sort -t . -k 1,1n -k 2,2n | head -n 1)
    [ "$oldest" = "$cmake_needed" ] || fail "CMake is $version, and mproc needs $cmake_needed or newer." \
        "A newer one: python3 -m pip install cmake, or https://cmake.org/download/"
}

case ${1-} in
    ''|windows|strace|fuzz|check|bench) ;;
    *) fail "unknown argument '$1'; use: sh tools/setup.sh [windows|strace|fuzz|check|bench]" ;;
esac
set_up_native
set_up_examples
check_cmake_version
[ "${1-}" != windows ] || set_up_windows
[ "${1-}" != strace ] || set_up_strace
[ "${1-}" != fuzz ] || set_up_fuzz
[ "${1-}" != check ] || set_up_check
[ "${1-}" != bench ] || set_up_bench
