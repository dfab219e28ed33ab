#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Walks through the model of the queue in its larger bounds, two putters and two getters:
#
#   sh tools/model.sh [option of the model ...]
#
# With options such as -DKILLS=1 -DCAPACITY=2 it is one search, which must find nothing; without, these
# are the searches of tests/model/README.md, each with a line that says how many states there were, and
# how long it took. MPROC_MODEL_MEMORY is the memory that one may use, in megabytes (8000 unless set; the largest needs 5500).
# Spin comes with tools/setup.sh, where there is a package of it.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
megabytes=${MPROC_MODEL_MEMORY:-8000}
result=0

# explore <what is found> <option ...>
explore()
{
    expected=$1
    shift
    sh tests/model/explore.sh build/model "$megabytes" "$expected" "$@" || result=1
}

sh tools/setup.sh
mkdir -p build
if [ $# -gt 0 ]; then
    explore nothing "$@"
    exit $result
fi
explore nothing -DNO_SLICES
explore nothing -DKILLS=1
explore somebody_oversleeps -DKILLS=1 -DNO_SLICES
explore a_lock_is_lost -DKILLS=1 -DNO_STEALING
exit $result
