/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_REFUSING_H
#define MPROC_TESTS_REFUSING_H

/*
 * Kernels that refuse calls, as old ones and the filters of containers do:
 * Linux only, by a filter of our own.
 */

/* Any first argument. */
#define ANY_ARGUMENT (-1L)

/*
 * From now on a call fails in this process and all that it starts, if its first argument is that:
 * 0, or -1 when there can be no such filter.
 */
int refuse_call(long call, long first_argument, int error);

#endif
