/* SPDX-License-Identifier: Apache-2.0 */

/*
 * OpenMP: threads of one process, which need not copy anything, and die together.
 */

#include "pools.h"

#include <omp.h>

#include <apr_time.h>

const char *const openmp_missing = NULL;

/* Its threads look for work for some 15 ms: they would take the CPU from whoever is next. */
#define UNTIL_THEY_SLEEP apr_time_from_msec(40)

static int call_openmp(const map_t *map)
{
    mproc_item_fn *volatile unknown = map->target; /* as in a plain loop */
    mproc_item_fn *target = unknown;
    int i, failures = 0;

#pragma omp parallel for num_threads(POOLS_WORKERS) schedule(runtime) reduction(+ : failures)
    for (i = 0; i < map->nitems; i++)
        failures += target(&map->items[i], &map->results[i], NULL) != APR_SUCCESS;
    return failures == 0;
}

double run_openmp(int count, void *data)
{
    const map_t *map = data;
    double nanoseconds;

    if (map->chunksize == 0)
        omp_set_schedule(omp_sched_static, 0);
    else
        omp_set_schedule(omp_sched_dynamic, (int)map->chunksize);
    nanoseconds = map_time(call_openmp, map, count);
    apr_sleep(UNTIL_THEY_SLEEP);
    return nanoseconds;
}
