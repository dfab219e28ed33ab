#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds APR and cmocka for Windows as static libraries:  sh tools/windows-dependencies.sh
#
# They are built once, from the source packages of this Debian or Ubuntu, into the cache folder;
# the last line printed is the folder they are in. The machine's own package lists are not touched.
set -eu

# To be raised when this script builds something else than before: old builds are then done again.
recipe=2

tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
toolchain=$tools/../cmake/toolchains/mingw64.cmake
cache=${MPROC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mproc}
# A link with a fixed name, so that the toolchain file need not know the versions.
link=$cache/windows

say()  { echo "windows-dependencies.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

# The stamp is the last file of a build to be written: without it a build was interrupted.
is_built() { [ "$(cat "$link/mproc-recipe" 2>/dev/null)" = "$recipe" ]; }

# Runs a noisy command and shows what it said only if it failed.
quietly()
{
    "$@" >>"$log" 2>&1 && return
    tail -n 40 "$log" >&2
    fail "this command failed: $*"
}

# ---- sources ----

# apt-get with folders of its own and with source packages switched on, from the same places as the
# machine's packages. Other vendors' lists are left out: they rarely have sources.
private_apt_get()
{
    apt-get -q \
        -o Dir::Etc::sourcelist="$work/apt/sources.list" \
        -o Dir::Etc::sourceparts="$work/apt/sources.list.d" \
        -o Dir::State="$work/apt/state" \
        -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$work/apt/cache" \
        -o APT::Sandbox::User= \
        "$@"
}

write_source_lists()
{
    mkdir -p "$work/apt/sources.list.d" "$work/apt/state/lists/partial" \
        "$work/apt/cache/archives/partial"
    : >"$work/apt/sources.list"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        grep -qsiE 'debian|ubuntu' "$list" || continue
        sed -e 's/^deb[[:space:]]/deb-src /' -e 's/^Types:.*/Types: deb-src/' "$list" \
            >"$work/apt/sources.list.d/$(basename "$list")"
    done
}

fetch_sources()
{
    say "fetching the sources of APR and cmocka"
    write_source_lists
    # Some other vendor's list may have nothing for us, and that is no matter.
    private_apt_get update >>"$log" 2>&1 || :
    mkdir "$work/packages"
    cd "$work/packages"
    quietly private_apt_get source --download-only apr cmocka
    for name in apr cmocka; do
        quietly dpkg-source -x ${name}_*.dsc "$work/$name"
    done
}

# version apr  ->  1.7.2
version()
{
    sed -n 's/^Version: *\([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p' "$work/packages/$1"_*.dsc | head -n 1
}

# ---- building ----

configure()
{
    name=$1
    shift
    quietly cmake -S "$work/$name" -B "$work/$name-build" -G Ninja \
        -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DMPROC_WINDOWS_PREFIX="$prefix" \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POLICY_VERSION_MINIMUM=3.5 "$@"
}

# APR's CMake files are written for Microsoft's compiler on Windows.
adapt_apr_sources()
{
    # CMake puts the emulator in front of a target's name only, not of a file.
    sed -i 's/COMMAND \$<TARGET_FILE:gen_test_char>/COMMAND gen_test_char/' "$work/apr/CMakeLists.txt"

    # On Linux "ShellAPI.h" and "shellapi.h" are two names.
    mkdir "$work/headers"
    echo '#include <shellapi.h>' >"$work/headers/ShellAPI.h"
    # The order matters: APR's private header hides what wtypes.h declares from all that follows.
    for header in winsock2 ws2tcpip mswsock windows wtypes objbase iphlpapi; do
        echo "#include <$header.h>"
    done >"$work/headers/apr_windows.h"
}

build_apr()
{
    say "building APR $(version apr)"
    adapt_apr_sources
    flags="-include $work/headers/apr_windows.h -I$work/headers"
    flags="$flags -D_WIN32_WINNT=0x0601 -DMIN_WINDOWS_VER=0x0601"
    flags="$flags -DNETIOAPI_API_=WINAPI -DNET_IFINDEX=ULONG"
    # Else a header takes GCC to need 64-bit atomics made of mutexes; Windows has real ones.
    flags="$flags -DHAVE_ATOMIC_BUILTINS=1 -DHAVE_ATOMIC_BUILTINS64=1"
    # The warnings are not ours to mend; since GCC 14 this one is an error unless it is switched off.
    flags="$flags -w -Wno-incompatible-pointer-types"
    configure apr -DMIN_WINDOWS_VER=Windows7 -DCMAKE_C_FLAGS="$flags"
    quietly cmake --build "$work/apr-build" --target apr-1
}

# APR's own installation wants the shared library too, which we do not build.
install_apr()
{
    mkdir -p "$prefix/include/apr-1" "$prefix/lib/pkgconfig"
    cp "$work/apr/include"/apr*.h "$work/apr-build/apr.h" "$prefix/include/apr-1/"
    cp "$work/apr-build/libapr-1.a" "$prefix/lib/"
    cat >"$prefix/lib/pkgconfig/apr-1.pc" <<END
prefix=\${pcfiledir}/../..

Name: APR
Description: The Apache Portable Runtime library
Version: $(version apr)
Cflags: -I\${prefix}/include/apr-1 -DAPR_DECLARE_STATIC
Libs: -L\${prefix}/lib -lapr-1 -lws2_32 -lmswsock -lrpcrt4 -lole32 -ladvapi32 -lshell32 -liphlpapi
END
}

build_cmocka()
{
    say "building cmocka $(version cmocka)"
    configure cmocka -DWITH_STATIC_LIB=ON -DBUILD_SHARED_LIBS=OFF -DWITH_EXAMPLES=OFF
    quietly cmake --build "$work/cmocka-build"
    quietly cmake --install "$work/cmocka-build"
    leave_only_static_cmocka
}

# Older versions always install the DLL too, and their CMake package names only that one.
leave_only_static_cmocka()
{
    [ -e "$prefix/lib/libcmocka-static.a" ] || return 0
    rm -rf "${prefix:?}/bin" "$prefix/lib"/*cmocka.dll.a
    mv "$prefix/lib/libcmocka-static.a" "$prefix/lib/libcmocka.a"
    sed -i 's/cmocka\.dll\.a/libcmocka.a/' "$prefix/lib/cmake/cmocka/cmocka-config.cmake"
}

build_all()
{
    rm -rf "$cache"/build.*  # left by a build that was killed
    work=$(mktemp -d "$cache/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    log=$work/log
    fetch_sources
    prefix=$cache/windows-$(version apr)-$(version cmocka)-$recipe
    rm -rf "$prefix"
    mkdir "$prefix"
    build_apr
    install_apr
    build_cmocka
    echo "$recipe" >"$prefix/mproc-recipe.new"
    mv "$prefix/mproc-recipe.new" "$prefix/mproc-recipe"
    ln -sfn "$(basename "$prefix")" "$link"
}

if [ -n "${MPROC_WINDOWS_PREFIX-}" ]; then
    echo "$MPROC_WINDOWS_PREFIX"  # somebody has libraries of their own
    exit
fi
case $cache in
    /*) ;;
    *) fail "MPROC_CACHE must be an absolute path, and is '$cache'" ;;
esac
if ! is_built; then
    sh "$tools/setup.sh" windows
    mkdir -p "$cache"
    # Two builds at a time would tread on each other; the second finds the work done.
    exec 9>"$cache/windows.lock"
    flock 9
    is_built || build_all
fi
CDPATH='' cd -- "$link" && pwd -P
