#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds and tests mproc:  sh tools/test.sh [preset ...]
#
# The presets are those of CMakePresets.json; without any named, dev, asan, portable
# and windows. A failure does not stop the others. The last line is "N passed, N failed" over all
# presets; the exit status is 0 only if nothing failed. Nothing is skipped silently: a test that did
# not run counts as failed, and so does a preset that cannot be built or has no tests.
#
# MPROC_TEST_SCALE (1 unless set) makes the stress tests longer.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- dev asan portable windows

all_passed=0
all_failed=0
table=$(printf '%-12s %7s %7s %8s' preset passed failed seconds)

heading() { printf '\n==== %s ====\n\n' "$*"; }
say()     { echo "test.sh: $*"; }

set_up()
{
    if [ "$1" = windows ]; then
        sh tools/setup.sh windows && sh tools/windows-dependencies.sh >/dev/null
    else
        sh tools/setup.sh
    fi
}

# Says little if all is well, and everything if not.
build()
{
    log=build/$1.log
    mkdir -p build
    say "building"
    { cmake --preset "$1" && cmake --build --preset "$1"; } >"$log" 2>&1 || { cat "$log"; return 1; }
}

# ThreadSanitizer wants its memory at fixed places, which random addresses may take.
run_ctest()
{
    if [ "$1" = tsan ]; then
        setarch "$(uname -m)" -R ctest --preset "$@"
    else
        ctest --preset "$@"
    fi
}

count_known_tests()
{
    ctest --preset "$1" --show-only | sed -n 's/^Total Tests: *//p'
}

# CTest writes one such tag for each test; the status is "run" for those that ran and passed.
count_passed_tests()
{
    grep -c '<testcase .* status="run"' "$1" 2>/dev/null || :
}

# Sets passed and failed.
run_tests()
{
    results=build/$1.xml
    rm -f "$results"
    status=0
    run_ctest "$1" --output-junit "$root/$results" || status=$?
    known=$(count_known_tests "$1")
    passed=$(count_passed_tests "$results")
    # Whatever did not pass has failed: skipped, disabled, not found, or lost with CTest itself.
    failed=$((${known:-0} - ${passed:-0}))
    if [ "${known:-0}" -eq 0 ]; then
        say "preset '$1' has no tests; that counts as a failure"
        failed=1
    elif [ "$status" -ne 0 ] && [ "$failed" -le 0 ]; then
        say "all tests passed, but CTest ended with exit code $status; that counts as a failure"
        failed=1
    fi
}

test_preset()
{
    heading "$1"
    start=$(date +%s)
    passed=0
    failed=1
    if ! set_up "$1"; then
        say "preset '$1' cannot be built on this machine; that counts as a failure"
    elif ! build "$1"; then
        say "building preset '$1' failed"
    else
        run_tests "$1"
    fi
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    seconds=$(($(date +%s) - start))
    table="$table
$(printf '%-12s %7d %7d %8d' "$1" "$passed" "$failed" "$seconds")"
}

for preset in "$@"; do
    test_preset "$preset"
done
heading "summary"
echo "$table"
echo
echo "$all_passed passed, $all_failed failed"
[ "$all_failed" -eq 0 ]
