/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_ARRAY_H
#define MPROC_SRC_ARRAY_H

/*
 * Shared arrays, for the rest of the library.
 */

#include "shared_memory.h"

#include <mproc/array.h>

/* What no other array that this process has, or has had, goes by; never 0. */
typedef apr_uint64_t mproc__array_number_t;

/* The array of this process among whose items so many bytes lie, or NULL. */
mproc_array_t *mproc__array_find(const void *bytes, size_t size);

mproc__array_number_t mproc__array_number(const mproc_array_t *array);

/* Whether this process still has the array of that number. */
int mproc__array_is_here(mproc__array_number_t number);

/*
 * The memory that an array lies in, as another process would have it: APR_SUCCESS, or a status and
 * a message.  It goes with `mem`, and not with the array.
 */
apr_status_t mproc__array_memory(mproc__shared_memory_t **memory, const mproc_array_t *array,
                                 apr_pool_t *mem);

/* Where that memory begins in the array's mapping. */
unsigned char *mproc__array_memory_data(const mproc_array_t *array);

/* Arrays can be packed from now on.  Before there are threads. */
void mproc__array_register(void);

#endif
