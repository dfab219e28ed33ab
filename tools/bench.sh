#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Measures mproc and its peers in turn, in one run:  sh tools/bench.sh [--check] SUITE ...
#
# The suites are those of bench/limits.json. Each prints a table and writes build/bench/<suite>.json:
# medians of times per operation, their ratio (ours/peer), and the smallest and largest ratio of two
# runs next to each other. --check fails when a row is missing or a ratio is above its limit.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

check=no
if [ "${1-}" = --check ]; then
    check=yes
    shift
fi
if [ $# -eq 0 ]; then
    echo "usage: sh tools/bench.sh [--check] SUITE ...   (suites: $(ls bench/*.c | sed 's|bench/||; s|\.c$||' |
        grep -v '^bench$' | xargs))" >&2
    exit 2
fi

sh tools/setup.sh bench
mkdir -p build/bench
if ! { cmake --preset release -DMPROC_BUILD_BENCH=ON && cmake --build --preset release; } >build/bench/build.log 2>&1; then
    tail -n 40 build/bench/build.log >&2
    echo "bench.sh: the release build failed; all of its output is in build/bench/build.log" >&2
    exit 1
fi

status=0
for suite in "$@"; do
    program=build/release/bench/bench_$suite
    if [ ! -x "$program" ]; then
        echo "bench.sh: there is no suite $suite" >&2
        exit 2
    fi
    "$program" "build/bench/$suite.json"
    if [ $check = yes ]; then
        python3 tools/bench-check.py "$suite" "build/bench/$suite.json" || status=1
    fi
done
exit $status
