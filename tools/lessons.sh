#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs the lessons both ways:  sh tools/lessons.sh [NN ...]
#
# Installs what is missing, builds each lesson (all of them if none is named), and shows what it
# prints when its child is started by spawn and by fork, side by side; lines that differ are marked.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- 01 02 03 04 05 06 07 08

fail() { echo "lessons.sh: $*" >&2; exit 1; }

# The lesson's folder, by its number: 2 and 02 are the same.
folder_of()
{
    for folder in examples/lessons/"$(printf '%02d' "${1#0}")"-*/; do
        [ -d "$folder" ] && echo "${folder%/}" && return
    done
    fail "there is no lesson '$1'; there are 01 to 08"
}

name_of()
{
    basename "$1" | sed -e 's/^[0-9]*-//' -e 's/-/_/g'
}

build()
{
    mkdir -p build
    log=build/lessons.log
    if ! { cmake --preset release && cmake --build --preset release --target lessons; } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "building the lessons failed; all of the output is in $root/$log"
    fi
}

# What one of a lesson's two programs prints, in a file; a failing program has its say too.
run()
{
    (cd build && "release/lessons/$1" >"$1.txt" 2>&1) || echo "(it ended with exit code $?)" >>"build/$1.txt"
}

show()
{
    folder=$(folder_of "$1")
    name=$(name_of "$folder")
    printf '\n==== %s ====\n\n' "$(sed -n '1s/^# //p' "$folder/README.md")"
    run "${name}_spawn"
    run "${name}_fork"
    python3 tools/side-by-side.py "build/${name}_spawn.txt" "build/${name}_fork.txt"
    printf '\nWhy: %s/README.md\n' "$folder"
}

for lesson in "$@"; do
    folder_of "$lesson" >/dev/null
done
sh tools/setup.sh
build
for lesson in "$@"; do
    show "$lesson"
done
