#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The tests at full size:  sh tools/stress.sh [preset ...]     (dev unless named)
#
# MPROC_TEST_SCALE says how much larger than in tools/test.sh: 20 unless set, which is 10,000 starts.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
MPROC_TEST_SCALE=${MPROC_TEST_SCALE:-20}
export MPROC_TEST_SCALE
[ $# -gt 0 ] || set -- dev
exec sh "$root/tools/test.sh" "$@"
