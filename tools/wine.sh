#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs a Windows program:  tools/wine.sh program.exe [argument ...]
#
# CMake and CTest call this for every Windows program they want to run. Wine gets a directory of
# its own (its "prefix") in the cache folder, so that the user's ~/.wine is neither used nor changed.
set -eu

cache=${MPROC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mproc}
export WINEPREFIX="$cache/wine"
export WINEARCH=win64
# Wine's complaints are its own affair, but for those of memory: a program that Wine cannot start
# for want of it ends with exit code 1, and would say nothing.
export WINEDEBUG="${WINEDEBUG:--all,err+virtual}"
# No .NET, no HTML engine, no menu entries, no debugger that wakes up when a program crashes, and no
# desktop (explorer.exe), which would stay for a second behind each program: all of them would open
# a window or ask a question, and nobody is there to answer.
export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe,winedbg.exe,explorer.exe=d'
unset DISPLAY WAYLAND_DISPLAY

fail()
{
    echo "wine.sh: $*" >&2
    exit 126
}

# Sets wine and wineserver. Debian's /usr/bin/wine is a script that prints a note about a missing
# 32-bit Wine, so the programs themselves are looked for first.
find_wine()
{
    for folder in /usr/lib/wine /usr/lib/x86_64-linux-gnu/wine /opt/wine-stable/bin; do
        for name in wine64 wine; do
            if [ -x "$folder/$name" ] && [ -x "$folder/wineserver" ]; then
                wine=$folder/$name
                wineserver=$folder/wineserver
                return
            fi
        done
    done
    wine=$(command -v wine64 || command -v wine) ||
        fail "Wine is missing; install it with: sh tools/setup.sh windows"
    wineserver=$(command -v wineserver) ||
        fail "wineserver is missing; install it with: sh tools/setup.sh windows"
}

# Sets setarch, the program that keeps the heap of Wine in its place, or nothing where a container
# forbids it: there the programs run as they are.
#
# Windows has data for all programs in the page at 0x7ffe0000. Wine maps it early in each process,
# and cannot if its own heap is there already. The heap begins at a random place above 0x7d000000,
# where Wine itself is: within 32 MiB, but in kernels since 2024 within 1 GiB (arch_randomize_brk()
# in arch/x86). Then one start in some 8000 ends with exit code 1 before the program begins; if
# another Windows program asked for it, its CreateProcess() fails with ERROR_INTERNAL_ERROR. A Wine
# with a preloader keeps the page free; Debian's has none. What a program starts inherits this.
find_setarch()
{
    setarch=
    if setarch -R true 2>/dev/null; then
        setarch=setarch
    fi
}

# Gives the program a console, as programs have on Windows, unless its input is a terminal or holds
# something to read. What it reads from is a terminal of its own then, at which nobody types.
#
# Without one, each child of the program gets a console of its own, and starts a conhost.exe for it
# that inherits all that the child has. When the child is killed in that very moment, Wine (8.0)
# loses the conhost.exe: it waits for an answer that nobody gives any more, or is not even there
# yet, and the server keeps what it has inherited. Either way our caller's pipes are never closed,
# and CTest, which waits for that, says that the program timed out after all it did has passed. In
# a console that there is already nobody starts anything, and the children start faster. The same
# can still befall what a program was about to start when it was killed itself; few tests do that.
give_console()
{
    if [ /dev/stdin -ef /dev/null ] && (: </dev/ptmx) 2>/dev/null; then
        exec </dev/ptmx
    fi
}

# Runs a program of Wine's own, out of sight. What it starts stays alive, so it gets none of the
# files that our caller or we have open: somebody may be waiting for them to be closed.
run_quietly()
{
    "$@" </dev/null >>"$WINEPREFIX.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
}

# The first use takes some seconds. A prefix without the file "ready" was left half made.
make_prefix()
{
    run_quietly "$wineserver" -k || :
    rm -rf "$WINEPREFIX"
    mkdir "$WINEPREFIX"
    run_quietly ${setarch:+"$setarch" -R} "$wine" wineboot.exe --init ||
        fail "making $WINEPREFIX failed; see $WINEPREFIX.log"
    run_quietly "$wineserver" -k || :  # it writes the registry to the disk
    run_quietly "$wineserver" -w || :
    touch "$WINEPREFIX/ready"
}

# A server that stays makes every later start short. Asked to start while it already runs, it only
# says so with its exit code.
#
# Wine's services are started by the first program and keep that program's standard error open for
# ever: CTest would wait for its end. So the first program is one of our own, and the lock (file
# descriptor 9) holds all others back until it is done.
start_server()
{
    flock 9
    [ -e "$WINEPREFIX/ready" ] || make_prefix
    if run_quietly "$wineserver" -p; then
        run_quietly ${setarch:+"$setarch" -R} "$wine" wineboot.exe ||
            fail "starting Wine failed; see $WINEPREFIX.log"
    fi
}

case $cache in
    /*) ;;
    *) fail "MPROC_CACHE must be an absolute path, and is '$cache'" ;;
esac
[ $# -gt 0 ] || fail "no program given; use: tools/wine.sh program.exe [argument ...]"
find_wine
find_setarch
mkdir -p "$cache"
start_server 9>"$WINEPREFIX.lock"
give_console
exec ${setarch:+"$setarch" -R} "$wine" "$@"
