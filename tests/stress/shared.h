/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SHARED_H
#define MPROC_TESTS_SHARED_H

/*
 * Memory that a test shares with its children, to keep account in: a file that is
 * mapped.  It does not go through mproc, which is what is tested.
 */

#include <mproc.h>

/* `size` bytes of 0, which are gone with `mem`, and the path for children.  Asserts. */
void *share_memory(const char **path, size_t size, apr_pool_t *mem);

/* The same memory in a child; NULL if it is not there. */
void *shared_memory(const char *path, size_t size, apr_pool_t *mem);

#endif
