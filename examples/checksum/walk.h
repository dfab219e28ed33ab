/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WALK_H
#define WALK_H

#include <apr_pools.h>

/*
 * The paths of all files below a folder, sorted byte by byte, and NULL behind the last; links are
 * not followed.  What cannot be read is reported on stderr, and counted in `failures`.
 */
const char *const *walk(const char *folder, int *failures, apr_pool_t *mem);

#endif
