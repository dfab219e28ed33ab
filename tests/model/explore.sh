#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Walks through all states of a model:  sh explore.sh <model> <folder> <megabytes> <what is found> -D... ...
#
# The model is the name of a .pml beside this. What is found is "nothing", or the claim that fails: the name in an assert(!name) of the model. It
# is taken from what the search says, as its exit status is 0 when it finds a mistake, too. A search
# that does not come to its end has found neither. The folder is made anew, for what is built.
set -eu

name=$1
model=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/$name.pml
folder=$2 megabytes=$3 expected=$4
shift 4

# The hash table has 8 bytes for each of 2^bits states; the stack is for paths that are this deep.
bits=23
[ "$megabytes" -lt 4000 ] || bits=27
depth=200000

fail()
{
    cat "$folder/spin.log" "$folder/cc.log" "$folder/pan.log" 2>/dev/null || :
    echo "explore.sh: $*" >&2
    exit 1
}

says() { grep -q -e "$1" "$folder/pan.log"; }

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
folder=$(pwd)
spin -a "$@" "$model" >spin.log 2>&1 || fail "spin cannot read the model"
# Compressed, and complete: no hashing of states that may take two for one.
${CC:-cc} -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM="$megabytes" -o pan pan.c >cc.log 2>&1 ||
    fail "the search cannot be compiled"
./pan -n -m$depth -w$bits >pan.log 2>&1 || fail "the search ended with exit status $?"

states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\) seconds.*/\1/p' pan.log)
says '^Full statespace search' || fail "the search left out what it was not to"
if [ "$expected" = nothing ]; then
    says ', errors: 0$' || fail "the search found a mistake; spin -t -p $* $name.pml shows the way there"
    # It may end in the middle, and says so, for want of memory or depth.
    ! says 'Search not completed' || fail "the search did not come to its end"
    ! says 'search depth too small' || fail "the search did not go deep enough"
else
    says ', errors: 1$' && says "^pan:1: assertion violated  *!(*$expected)* " ||
        fail "the search did not find that $expected"
fi
echo "explore.sh: $name: $*: found $expected, $states states, $seconds s"
