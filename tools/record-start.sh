#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Records one start of a child anew, in each way:  sh tools/record-start.sh
#
# Installs what is missing, builds examples/one_child, runs it under strace and under Wine, and puts
# what it asked of the system into docs/createprocess-fork-exec.md. A recording that this machine
# cannot make is left in the page as it is.
#
# Exit status: 0 all four are recorded; 1 something failed; 3 some are left out, as is said.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
page=docs/createprocess-fork-exec.md
result=0

say()  { echo "record-start.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

left_out()
{
    say "left out: $*"
    [ $result -ne 0 ] || result=3
}

build()
{
    mkdir -p build
    log=build/record-$1.log
    if ! { cmake --preset "$1" && cmake --build --preset "$1" --target one_child; } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "building preset '$1' failed; all of its output is in $root/$log"
    fi
}

# record <title> <strace or relay> <start method> <program ...>
record()
{
    title=$1 how=$2 method=$3
    shift 3
    MPROC_START_METHOD=$method python3 -B tools/record-start.py "$page" "$title" "$how" "$@" || result=1
}

# The tables of record_calls.py name the calls as x86-64 has them.
record_linux()
{
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        left_out "the three on Linux: strace and these calls are on 64-bit x86 Linux"
        return
    fi
    sh tools/setup.sh strace
    if ! strace -o /dev/null true 2>/dev/null; then
        left_out "the three on Linux: strace may not attach here (in a container: --cap-add=SYS_PTRACE)"
        return
    fi
    build release
    build portable
    record 'spawn on Linux' strace spawn build/release/examples/one_child
    record 'fork on Linux' strace fork build/release/examples/one_child
    record 'fork and exec on Linux' strace spawn build/portable/examples/one_child
}

record_windows()
{
    status=0
    sh tools/setup.sh windows || status=$?
    case $status in
        0) ;;
        3) left_out "the one on Windows: this machine cannot build and run Windows programs"
           return ;;
        *) fail "the Windows half needs what is missing" ;;
    esac
    sh tools/windows-dependencies.sh >/dev/null
    build windows
    # Once without a record, so that Wine itself is up.
    tools/wine.sh build/windows/examples/one_child.exe || fail "one_child.exe fails under Wine"
    record 'spawn on Windows' relay spawn tools/wine.sh build/windows/examples/one_child.exe
}

record_linux
record_windows
exit $result
