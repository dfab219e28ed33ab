#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes the decoders with libFuzzer:  sh tools/fuzz.sh [seconds]     (60 for each decoder unless given)
#
# Installs clang when it is missing. What is found on the way lies in build/fuzz/corpus, and the next
# run goes on from there; of it, tests/fuzz/corpus gets the smallest inputs that reach code which
# those that are kept there do not. An input that fails a claim, crashes or hangs is kept as
# build/fuzz/<decoder>-crash-..., and fails this script.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
seconds=${1:-60}
decoders='start report values frame ring'
result=0

# An assertion outside of cmocka's tests says its words only if it may abort.
export CMOCKA_TEST_ABORT=1
export ASAN_OPTIONS=detect_leaks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

say()  { echo "fuzz.sh: $*"; }
fail() { say "$*" >&2; exit 2; }

build()
{
    mkdir -p build
    log=build/fuzz.log
    if ! { cmake --preset fuzz && cmake --build --preset fuzz; } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "building the fuzzers failed; all of the output is in $root/$log"
    fi
}

# fuzzer <decoder> <option or folder ...>: what it says goes into a log.
fuzzer()
{
    decoder=$1
    shift
    "build/fuzz/tests/fuzz/fuzzer_$decoder" -max_len=4096 -timeout=10 -verbosity=1 \
        -artifact_prefix="build/fuzz/$decoder-" "$@" >"build/fuzz/$decoder.log" 2>&1
}

count_files()
{
    find "$1" -type f | wc -l
}

# number <name>: from the statistics at the end of the fuzzer's log.
number()
{
    sed -n "s/^stat::$1: *//p" "build/fuzz/$2.log"
}

# By edges alone: how often each is passed would keep many files that differ in little.
keep_what_is_new()
{
    fuzzer "$1" -set_cover_merge=1 -use_counters=0 "tests/fuzz/corpus/$1" "build/fuzz/corpus/$1" ||
        { result=1; say "merging what was found for '$1' failed; see build/fuzz/$1.log"; }
}

fuzz()
{
    kept=tests/fuzz/corpus/$1
    mkdir -p "$kept" "build/fuzz/corpus/$1"
    before=$(count_files "$kept")
    if ! fuzzer "$1" -max_total_time="$seconds" -print_final_stats=1 "build/fuzz/corpus/$1" "$kept"; then
        result=1
        tail -n 40 "build/fuzz/$1.log"
        say "$1: FAILED; the input is build/fuzz/$1-..., as is said above"
        return
    fi
    runs=$(number number_of_executed_units "$1")
    speed=$(number average_exec_per_sec "$1")
    keep_what_is_new "$1"
    say "$1: $runs inputs, $speed a second, nothing found;" \
        "the corpus has $(count_files "$kept") files, $(($(count_files "$kept") - before)) of them new"
}

case $seconds in
    ''|*[!0-9]*|0) fail "'$seconds' is no number of seconds; use: sh tools/fuzz.sh [seconds]" ;;
esac
sh tools/setup.sh fuzz
build
build/fuzz/tests/fuzz/fuzz_seeds tests/fuzz/corpus
for decoder in $decoders; do
    fuzz "$decoder"
done
exit $result
