#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs the checkers over the library:  sh tools/check.sh [checker ...]
#
# The checkers are gcc (-fanalyzer), clang-tidy, cppcheck, valgrind, and tsan (ThreadSanitizer); without
# any named, all of them. Each has one line with its result, below what it found. The exit status is 0
# only if all ran and found nothing. What they are told not to say is written down, with the reason, in
# .clang-tidy and tools/check/cppcheck.txt.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- gcc clang-tidy cppcheck valgrind tsan

# What the analysers must know of our functions.
hints=$root/tools/check/analysis.h
folder=build/check
result=0

fail() { echo "check.sh: $*" >&2; exit 2; }
line() { printf '%-12s %-7s %s\n' "$@"; }

# report <checker> <number of findings> <what was looked at>
report()
{
    if [ "$2" -eq 0 ]; then
        line "$1" passed "nothing found in $3"
    else
        line "$1" FAILED "$2 found in $3"
        result=1
    fi
}

# configure <name> <preset> <option ...>: a build of its own, build/check/<name>.
configure()
{
    name=$1 preset=$2
    shift 2
    cmake --preset "$preset" -B "$folder/$name" "$@" >"$folder/$name.log" 2>&1 ||
        { cat "$folder/$name.log" >&2; fail "preset '$preset' cannot be configured"; }
}

# ---- the analysers ----

# The library's own files, as a build compiles them, or how it does.
sources_of()
{
    sed -n '/mproc_static\.dir/,/"file"/s/.*"file": "\(.*\)".*/\1/p' "$folder/$1/compile_commands.json"
}

commands_of()
{
    sed -n 's/.*"command": "\(.*mproc_static\.dir.*\)",$/\1/p' "$folder/$1/compile_commands.json"
}

# Each command of a build, with more to do and nothing to leave; all is said that it says. Without -O2
# gcc 12 takes a variable that is copied by memcpy() for one without a value.
analyse_build()
{
    [ -n "$(commands_of "$1")" ] || fail "$1 has no files of the library"
    commands_of "$1" | while read -r command; do
        $command -O2 -fanalyzer -Wno-unused-value -include "$hints" -o /dev/null 2>&1 || :
    done
}

# The library for Linux, and for any POSIX system; a finding is an error, as any warning is.
check_gcc()
{
    : >"$folder/gcc.log"
    for preset in dev portable; do
        configure "gcc-$preset" "$preset" -DCMAKE_C_COMPILER=gcc
        analyse_build "gcc-$preset" >>"$folder/gcc.log"
    done
    grep 'error: ' "$folder/gcc.log" | sort -u || :
    report gcc "$(grep 'error: ' "$folder/gcc.log" | sort -u | wc -l)" \
        "the library, for Linux and for any POSIX system"
}

check_clang_tidy()
{
    configure tidy-dev dev
    configure tidy-portable portable
    sources_of tidy-dev >"$folder/tidy-dev.txt"
    # Of the second build only what the first has not.
    sources_of tidy-portable | grep -vxF -f "$folder/tidy-dev.txt" >"$folder/tidy-portable.txt"
    : >"$folder/tidy.log"
    for build in tidy-dev tidy-portable; do
        [ -s "$folder/$build.txt" ] || fail "$build has no files of the library"
        xargs -n 8 -P 2 clang-tidy -p "$folder/$build" --quiet --extra-arg=-Wno-unused-value \
            --extra-arg=-include --extra-arg="$hints" \
            <"$folder/$build.txt" >>"$folder/tidy.log" 2>/dev/null || :
    done
    grep -E ' (warning|error): ' "$folder/tidy.log" | sort -u || :
    report clang-tidy "$(grep -E ' (warning|error): ' "$folder/tidy.log" | sort -u | wc -l)" \
        "$(cat "$folder"/tidy-*.txt | wc -l) files"
}

# Windows' too: it needs no headers of the system.
check_cppcheck()
{
    : >"$folder/cppcheck.log"
    for port in posix win32; do
        cppcheck -q --std=c11 --enable=warning,style,performance,portability --error-exitcode=1 \
            --suppressions-list=tools/check/cppcheck.txt --include=tools/check/cppcheck.h \
            --template='{file}:{line}: {severity}: {id}: {message}' -DMPROC_STATIC \
            -Iinclude -Isrc "-Isrc/$port" src/*.c "src/$port" >>"$folder/cppcheck.log" 2>&1 || :
    done
    sort -u "$folder/cppcheck.log"
    report cppcheck "$(sort -u "$folder/cppcheck.log" | wc -l)" "the library, for POSIX and for Windows"
}

# ---- valgrind ----

# Valgrind 3.19 knows no pidfd_open(2): the build takes what stands in for it.
build_for_valgrind()
{
    configure valgrind dev -DMPROC_HAVE_PIDFD=
    cmake --build "$folder/valgrind" >>"$folder/valgrind.log" 2>&1 ||
        { tail -n 60 "$folder/valgrind.log" >&2; fail "building for valgrind failed"; }
}

# memcheck <start method> <test>: the test and all its children run under valgrind, with a file each.
# /proc/self/exe is valgrind's own there, so that the program is named. Memory of a thread that still
# runs at the end is "possibly lost", and no finding. The methods do not matter to tests without children.
memcheck()
{
    program=$root/$folder/valgrind/tests/${2%%_*}/$2
    said=$folder/valgrind/said/$2-$1
    rm -rf "$said"
    mkdir -p "$said"
    if ! MPROC_EXECUTABLE=$program MPROC_START_METHOD=$1 timeout 300 \
            valgrind --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect \
            --errors-for-leak-kinds=definite --log-file="$said/%p" "$program" >"$said.log" 2>&1; then
        cat "$said.log"
        echo "$2 ($1) fails under valgrind"
        findings=$((findings + 1))
    fi
    ended=$(grep -l 'ERROR SUMMARY' -r "$said" | wc -l)
    bad=$(grep -l 'ERROR SUMMARY: [1-9]' -r "$said" || :)
    processes=$((processes + ended))
    for file in $bad; do
        echo "$2 ($1):"
        cat "$file"
        findings=$((findings + 1))
    done
}

# The same for a test of the API: its children must have been there, and have come to their end.
memcheck_with_children()
{
    memcheck "$1" "$2"
    if [ "$ended" -lt 2 ]; then
        echo "$2 ($1): no child ran under valgrind"
        findings=$((findings + 1))
    fi
}

# Not among them: the tests of starts that fail, as valgrind makes fork() of vfork(), and posix_spawn()
# then cannot tell that exec failed; and those that name executables by MPROC_EXECUTABLE themselves.
check_valgrind()
{
    findings=0
    processes=0
    build_for_valgrind
    for test in args integers values_hostile bootstrap frame targets status buffer deadline macros; do
        memcheck spawn "unit_test_$test"
    done
    for test in process ending pipe_travel exit_order; do
        memcheck_with_children spawn "api_test_$test"
        memcheck_with_children fork "api_test_$test"
    done
    report valgrind "$findings" "$processes processes, children among them"
}

# ---- ThreadSanitizer ----

check_tsan()
{
    status=0
    sh tools/test.sh tsan >"$folder/tsan.log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        cat "$folder/tsan.log"
        grep -q ' passed, ' "$folder/tsan.log" || fail "the tests with ThreadSanitizer did not run"
    fi
    found=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$folder/tsan.log")
    passed=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$folder/tsan.log")
    report tsan "$found" "$((passed + found)) tests"
}

check()
{
    case $1 in
        gcc) check_gcc ;;
        clang-tidy) check_clang_tidy ;;
        cppcheck) check_cppcheck ;;
        valgrind) check_valgrind ;;
        tsan) check_tsan ;;
        *) fail "there is no checker '$1'; there are gcc, clang-tidy, cppcheck, valgrind and tsan" ;;
    esac
}

sh tools/setup.sh check
mkdir -p "$folder"
for checker in "$@"; do
    check "$checker"
done
exit $result
