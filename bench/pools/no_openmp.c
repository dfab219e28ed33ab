/* SPDX-License-Identifier: Apache-2.0 */

/* The place of OpenMP where the compiler does not have it. */

#include "pools.h"

const char *const openmp_missing = "the compiler has no OpenMP";

double run_openmp(int count, void *data)
{
    (void)count;
    (void)data;
    return -1;
}
