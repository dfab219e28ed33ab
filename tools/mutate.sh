#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the tests notice:  sh tools/mutate.sh
#
# Each line of src that tools/mutations.txt lists is damaged in turn, in a copy of this folder; the dev
# preset is built there, and the tests listed with it are run. One of them must fail; one that hangs
# has failed. Prints a table: the mutation, and the test that noticed it, or SURVIVED. The exit status
# is 0 only if none survived; a line that is not there any more is a failure too.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
copy=$root/build/mutate
deadline=20 # seconds; the tests need two
result=0

fail() { echo "mutate.sh: $*" >&2; exit 2; }
row()  { printf '%-80s  %s\n' "$@"; }

# ---- the copy ----

make_copy()
{
    rm -rf "$copy"
    mkdir -p "$copy"
    (cd "$root" && tar -c --exclude=./build --exclude=./.git .) | tar -x -C "$copy"
    cd "$copy"
    cmake --preset dev >build.log 2>&1 || { cat build.log; fail "the copy cannot be configured"; }
}

# api.test_process.fork  ->  api_test_process
program_of()
{
    echo "$1" | sed 's/\.fork[a-z]*$//; s/\./_/'
}

build()
{
    programs=
    for test in $1; do
        programs="$programs $(program_of "$test")"
    done
    # Names of programs are to be split.
    # shellcheck disable=SC2086
    cmake --build --preset dev --target $programs >build.log 2>&1
}

# Children that nothing ends any more, as that was the mutation; Linux tells what each process runs.
end_leftovers()
{
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" || :) in
            "$copy"/*) kill -9 "${process#/proc/}" 2>/dev/null || : ;;
        esac
    done
}

run_test()
{
    ctest --preset dev --timeout $deadline -R "^$(echo "$1" | sed 's/\./\\./g')\$" \
        >test.log 2>&1 </dev/null 3<&-
}

# Prints the first of some tests that fails, and how.
failing_test()
{
    for test in $1; do
        status=0
        run_test "$test" || status=$?
        end_leftovers
        if [ $status -ne 0 ] && grep -q '\*\*\*Timeout' test.log; then
            echo "$test hangs"
            return
        elif [ $status -ne 0 ]; then
            echo "$test"
            return
        fi
    done
}

# ---- one mutation ----

# Puts the second text where the first is, in the file's copy; fails unless just one line has it.
replace()
{
    OLD=$2 NEW=$3 awk '
        (place = index($0, ENVIRON["OLD"])) > 0 {
            found++
            $0 = substr($0, 1, place - 1) ENVIRON["NEW"] substr($0, place + length(ENVIRON["OLD"]))
        }
        { print }
        END { exit found != 1 }' "$root/$1" >"$1"
}

# mutate <file> <text> <replacement> <tests>
mutate()
{
    noticed=
    if ! replace "$1" "$2" "$3"; then
        noticed="NOT FOUND in just one line"
        result=1
    elif ! build "$4"; then
        cat build.log
        noticed="DOES NOT BUILD"
        result=1
    else
        noticed=$(failing_test "$4")
        [ -n "$noticed" ] || result=1
    fi
    row "$1: $2" "${noticed:-SURVIVED}"
    cp "$root/$1" "$1"
}

# Without any mutation the same tests pass: else they would notice nothing.
check_unharmed()
{
    build "$4" || { cat build.log; fail "the copy cannot be built"; }
    failed=$(failing_test "$4")
    [ -z "$failed" ] || { cat test.log; fail "without a mutation this fails: $failed"; }
}

# for_each <command>: calls it for each mutation of the list.
for_each()
{
    while read -r file <&3; do
        case $file in
            ''|'#'*) continue ;;
        esac
        if ! { read -r old <&3 && read -r new <&3 && read -r tests <&3; }; then
            fail "tools/mutations.txt ends in the middle of a mutation"
        fi
        case $1 in
            check) check_unharmed "$file" "$old" "$new" "$tests" ;;
            mutate) mutate "$file" "$old" "$new" "$tests" ;;
        esac
    done 3<"$root/tools/mutations.txt"
}

[ -e /proc/self/exe ] || fail "this runs on Linux, where /proc tells what a mutation leaves behind"
sh "$root/tools/setup.sh"
make_copy
for_each check
row mutation "noticed by"
for_each mutate
exit $result
