/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Included before all else by the analysers of tools/check.sh, which do not look from one file into
 * another: what they must know of a function to follow its callers.
 */

#include <mproc/status.h>

/* It returns the status that it is given, so that a failure is never taken for a success. */
#define mproc_error_set(rv, ...) ((void)mproc_error_set((rv), __VA_ARGS__), (rv))
