#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs the lessons both ways:  sh tools/lessons.sh [NN ...]
#
# Installs what is missing, builds each lesson (all of them if none is named), and shows what it
# prints when its child is started by spawn and by fork, side by side; lines that differ are marked.
# Where a page has forkserver, too, the three are shown one below the other.
# With --help it lists the lessons.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
tree=build/learn
log=build/lessons.log

fail() { echo "lessons.sh: $*" >&2; exit 1; }

# The lesson's folder, by its number: 2 and 02 are the same.
folder_of()
{
    case $1 in
        [1-9]) number=0$1 ;;
        *[!0-9]*) fail "'$1' is no lesson's number; sh tools/lessons.sh --help lists them" ;;
        *) number=$1 ;;
    esac
    for folder in examples/lessons/"$number"-*/; do
        [ -d "$folder" ] && echo "${folder%/}" && return
    done
    fail "there is no lesson '$1'; sh tools/lessons.sh --help lists them"
}

name_of()
{
    basename "$1" | sed -e 's/^[0-9]*-//' -e 's/-/_/g'
}

# It stands in the first line of its page.
title_of()
{
    sed -n '1s/^# //p' "$1/README.md"
}

help()
{
    echo "use: sh tools/lessons.sh [NN ...]     all lessons, if none is named; for example 02"
    echo
    for folder in examples/lessons/[0-9]*/; do
        title_of "${folder%/}"
    done
}

# By which start methods a lesson is built.
methods_of()
{
    if grep -q "^<!-- printed by $(name_of "$1")_forkserver" "$1/README.md"; then
        echo spawn fork forkserver
    else
        echo spawn fork
    fi
}

# A warning is no error here: whoever tries something out need not tidy up first.
configure()
{
    mkdir -p build
    if ! cmake --preset release -B "$tree" -D MPROC_WERROR=OFF -D MPROC_BUILD_TESTS=OFF >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "CMake cannot configure the lessons; all of its output is in $root/$log"
    fi
}

# Of the log, what the compiler says: not Ninja's steps and commands.
compilers_words()
{
    sed -e '/^\[[0-9]*\/[0-9]*\]/d' -e '/^FAILED: /{N;d;}' -e '/^ninja: /d' "$log" >&2
}

# build spawn 01 02: first all of one method, as what is wrong with one program is wrong with the others.
build()
{
    method=$1
    shift
    for lesson in "$@"; do
        folder=$(folder_of "$lesson")
        case " $(methods_of "$folder") " in
            *" $method "*) set -- "$@" "$(name_of "$folder")_$method" ;;
        esac
        shift
    done
    [ $# -gt 0 ] || return 0
    if ! cmake --build "$tree" --target "$@" >"$log" 2>&1; then
        compilers_words
        fail "building $* failed; all of the output is in $root/$log"
    fi
}

# What one of a lesson's programs prints, in a file; a failing program has its say too.
run()
{
    (cd build && "learn/lessons/$1" >"$1.txt" 2>&1) ||
        echo "lessons.sh: the program has ended with exit code $?" >>"build/$1.txt"
}

show()
{
    folder=$(folder_of "$1")
    name=$(name_of "$folder")
    printf '\n==== %s ====\n\n' "$(title_of "$folder")"
    set --
    for method in $(methods_of "$folder"); do
        run "${name}_$method"
        set -- "$@" "build/${name}_$method.txt"
    done
    python3 tools/side-by-side.py "$@"
    printf '\nWhy: %s/README.md\n' "$folder"
}

case ${1-} in
    -h|--help) help; exit 0 ;;
esac
[ $# -gt 0 ] || set -- 01 02 03 04 05 06 07 08 09 10
for lesson in "$@"; do
    folder_of "$lesson" >/dev/null
done
sh tools/setup.sh
configure
build spawn "$@"
compilers_words
build fork "$@"
build forkserver "$@"
for lesson in "$@"; do
    show "$lesson"
done
