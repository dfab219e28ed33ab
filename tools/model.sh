#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Walks through the models in their larger bounds:
#
#   sh tools/model.sh [queue | lock | condition | event [option of the model ...]]
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

# explore <model> <what is found> <option ...>
explore()
{
    model=$1 expected=$2
    shift 2
    sh tests/model/explore.sh "$model" build/model "$megabytes" "$expected" "$@" || result=1
}

explore_all()
{
    case $1 in
        queue)
            explore queue nothing -DNO_SLICES
            explore queue nothing -DKILLS=1
            explore queue somebody_oversleeps -DKILLS=1 -DNO_SLICES
            explore queue a_lock_is_lost -DKILLS=1 -DNO_STEALING ;;
        lock)
            explore lock nothing -DPARTICIPANTS=4 -DNO_SLICES
            explore lock nothing -DPARTICIPANTS=4 -DKILLS=1 ;;
        condition)
            explore condition nothing -DNOTIFIERS=2 -DTOKENS=1 -DNO_SLICES
            explore condition nothing -DTOKENS=3 -DWAITERS=3 -DNO_SLICES
            explore condition nothing -DNOTIFIERS=2 -DTOKENS=1 -DKILLS=1 ;;
        event)
            explore event nothing -DSETTERS=2 -DCLEARS -DNO_SLICES
            explore event nothing -DSETTERS=2 -DCLEARS -DKILLS=1
            explore event nothing -DWAITERS=3 -DROUNDS=2 -DCLEARS -DKILLS=1 ;;
        *) echo "model.sh: there is no model of $1" >&2; exit 2 ;;
    esac
}

sh tools/setup.sh
mkdir -p build
case $# in
    0) for each in lock condition event queue; do explore_all "$each"; done ;;
    1) explore_all "$1" ;;
    *) model=$1; shift; explore "$model" nothing "$@" ;;
esac
exit $result
