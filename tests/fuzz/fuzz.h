/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FUZZ_H
#define MPROC_TESTS_FUZZ_H

/*
 * What the fuzzers share.  Each has a file that tries one decoder; the rest is linked to it: with
 * libFuzzer, which looks for inputs that go new ways, or with main.c, which tries those that were
 * found and many that are like them.
 */

#include "../unit/unit.h"

/*
 * What libFuzzer calls for each input (https://llvm.org/docs/LibFuzzer.html): bytes that may be
 * anything, in a block of just their size.
 */
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

/* The decoder's file: try an input; a claim that fails ends the program. */
void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem);

/* A decoder has failed with this status: it has said why, and it is one of those that it may give.
 */
void assert_refused(apr_status_t rv);

/* Values that arrived can be touched and unpacked, and arrive as the same when sent again. */
void assert_sound(mproc_values_t *values, apr_pool_t *mem);

/* Values as they can be sent again; the pack borrows from them. */
const mproc_pack_t *pack_again(const mproc_values_t *values, apr_pool_t *mem);

void assert_same_values(const mproc_values_t *values, const mproc_values_t *others);

#endif
