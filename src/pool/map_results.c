/* SPDX-License-Identifier: Apache-2.0 */

/*
 * map: results from the memory of the pool to where the user has room for them.
 */

#include "result.h"

#include <string.h>

static void copy_good_ones(const mproc_result_t *result)
{
    const mproc__map_t *map = result->map;
    size_t size = map->result_size, i;

    for (i = 0; i < result->count; i++)
        if (result->statuses[i] == APR_SUCCESS)
            memcpy(map->results + i * size, map->filled + i * size, size);
}

/* Without the lock, as that may take long; who closes the result meanwhile waits. */
void mproc__map_deliver(mproc_result_t *result)
{
    mproc__map_t *map = result->map;
    int is_whole = result->status == APR_SUCCESS;

    if (map->results != NULL && map->results != map->filled && map->result_size > 0 &&
        result->count > 0 && (is_whole || result->statuses != NULL)) {
        map->is_copying = 1;
        mproc__pool_unlock(result->job.workers);
        if (is_whole)
            memcpy(map->results, map->filled, result->count * map->result_size);
        else
            copy_good_ones(result);
        mproc__pool_lock(result->job.workers);
        map->is_copying = 0;
        mproc__pool_wake(result->job.workers);
    }
    if (map->arrays != NULL)
        mproc__arrays_release(result->job.workers, map->arrays);
    map->arrays = NULL;
    map->chunks = NULL;
}
