#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows mproc at work:  sh tools/demo.sh
#
# Installs what is missing, builds the examples for this system and for Windows, and runs two of
# them: a first process, and a program that counts words with many processes. The number of words is
# compared with what wc says.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
result=0

heading() { printf '\n==== %s ====\n\n' "$*"; }
fail()    { echo "demo.sh: $*" >&2; exit 1; }

build()
{
    echo "Building preset '$1' ..."
    mkdir -p build
    log=build/demo-$1.log
    if ! { cmake --preset "$1" && cmake --build --preset "$1" --target 01_process wordcount; } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "building preset '$1' failed; all of its output is in $root/$log"
    fi
}

# Regular files or links to them: the text to count the words of.
list_texts()
{
    folder=/usr/share/common-licenses
    if [ -d "$folder" ]; then
        set -- "$folder"/*
    else
        set -- LICENSE ./*.md
    fi
    for file in "$@"; do
        [ ! -f "$file" ] || echo "$file"
    done
}

run()
{
    "$@" || { result=1; echo "demo.sh: '$*' failed" >&2; }
}

# The number in wordcount's line with the total.
total_of()
{
    sed -n '/total/s/^[^0-9]*\([0-9][0-9]*\).*/\1/p' "$1" | tail -n 1
}

# count_words <whose> <program ...>: runs it on the texts and compares with wc.
count_words()
{
    whose=$1
    shift
    output=build/demo-words.txt
    # The names have no spaces in them, and are to be split.
    # shellcheck disable=SC2046
    "$@" $(list_texts) >"$output" || { result=1; echo "demo.sh: '$1' failed" >&2; }
    cat "$output"
    total=$(total_of "$output")
    # shellcheck disable=SC2002,SC2046
    expected=$(cat $(list_texts) | LC_ALL=C wc -w)
    if [ "$total" -eq "$expected" ] 2>/dev/null; then
        echo "mproc counted $total words ($whose), wc counted $((expected)): the same."
    else
        echo "mproc counted '$total' words ($whose), wc counted $((expected)): DIFFERENT."
        result=1
    fi
}

show_native()
{
    sh tools/setup.sh
    build release
    heading "$(uname -s): examples/01_process"
    run build/release/examples/01_process
    heading "$(uname -s): examples/wordcount"
    count_words "$(uname -s)" build/release/examples/wordcount
}

show_windows()
{
    status=0
    sh tools/setup.sh windows || status=$?
    case $status in
        0) ;;
        3) heading "Windows: left out"
           echo "This machine cannot build and run Windows programs; the reason is given above."
           return ;;
        *) fail "the Windows half needs what is missing" ;;
    esac
    sh tools/windows-dependencies.sh >/dev/null
    build windows
    heading "Windows, under Wine: examples/01_process.exe"
    run tools/wine.sh build/windows/examples/01_process.exe
    heading "Windows, under Wine: examples/wordcount.exe"
    count_words "Windows" tools/wine.sh build/windows/examples/wordcount.exe
}

show_native
show_windows
exit $result
