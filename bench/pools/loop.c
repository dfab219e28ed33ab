/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The work itself, and one thread that does all of it: what a map costs at the least
 * where there is no second CPU.
 */

#include "pools.h"

#include <stdint.h>
#include <string.h>

apr_status_t add_one(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(int *)result = *(const int *)item + 1;
    return APR_SUCCESS;
}

/* A step and the step back: each needs the one before, so no compiler or CPU can hurry. */
#define STEPS 450000
#define FACTOR UINT64_C(6364136223846793005)
#define FACTOR_BACK UINT64_C(13877824140714322085) /* FACTOR * FACTOR_BACK is 1 in 64 bits */
#define ADDEND UINT64_C(1442695040888963407)

apr_status_t add_one_slowly(const void *item, void *result, mproc_task_t *task)
{
    uint64_t number = (uint64_t)(*(const int *)item + 1);
    int i;

    (void)task;
    for (i = 0; i < STEPS; i++)
        number = number * FACTOR + ADDEND;
    for (i = 0; i < STEPS; i++)
        number = (number - ADDEND) * FACTOR_BACK;
    *(int *)result = (int)number;
    return APR_SUCCESS;
}

static int is_right(const map_t *map)
{
    int i;

    for (i = 0; i < map->nitems; i++)
        if (map->results[i] != i + 1)
            return 0;
    return 1;
}

double map_time(map_call_t *call, const map_t *map, int count)
{
    double start, end;

    memset(map->results, 0, (size_t)map->nitems * sizeof *map->results);
    start = bench_clock();
    for (; count > 0; count -= map->nitems)
        if (!call(map))
            return -1;
    end = bench_clock();
    return is_right(map) ? end - start : -1;
}

static int call_loop(const map_t *map)
{
    /* Volatile, so that the compiler cannot know which function it is: a pool does not either. */
    mproc_item_fn *volatile unknown = map->target;
    mproc_item_fn *target = unknown;
    int i;

    for (i = 0; i < map->nitems; i++)
        if (target(&map->items[i], &map->results[i], NULL) != APR_SUCCESS)
            return 0;
    return 1;
}

double run_loop(int count, void *data)
{
    return map_time(call_loop, data, count);
}
