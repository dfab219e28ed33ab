/* SPDX-License-Identifier: Apache-2.0 */

/* Our pool. */

#include "pools.h"

#include <apr_time.h>

#define DEADLINE apr_time_from_sec(120)

/* A worker that has nothing to do sleeps by then. */
#define UNTIL_THEY_SLEEP apr_time_from_msec(5)

static apr_pool_t *ours_mem;
static mproc_pool_t *ours_workers;

static apr_status_t add_one_in_a_call(mproc_task_t *task)
{
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &number));
    return mproc_task_return(task, MPROC_PACK(number + 1));
}

static apr_status_t tell_it_is_there(mproc_task_t *task)
{
    mproc_queue_t *there;

    MPROC_TRY(MPROC_UNPACK(task, &there));
    return mproc_queue_put(there, MPROC_NO_ARGS, DEADLINE);
}

const mproc_target_t pools_targets[] = {MPROC_TARGET(add_one), MPROC_TARGET(add_one_slowly),
                                        MPROC_TARGET(add_one_in_a_call),
                                        MPROC_TARGET(tell_it_is_there), MPROC_TARGETS_END};

/* Make a pool, and wait until each of its workers waits for work. */
static mproc_pool_t *start_workers(apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_values_t *values = mproc_values_create(mem);
    mproc_pool_t *workers;
    mproc_queue_t *there;
    int i;

    MPROC_CHECK(mproc_queue_create(&there, NULL, mem));
    options.initializer = tell_it_is_there;
    options.initargs = MPROC_PACK(there);
    MPROC_CHECK(mproc_pool_create(&workers, POOLS_WORKERS, &options, mem));
    for (i = 0; i < POOLS_WORKERS; i++)
        MPROC_CHECK(mproc_queue_get(there, values, DEADLINE));
    apr_sleep(UNTIL_THEY_SLEEP);
    return workers;
}

void ours_begin(apr_pool_t *mem)
{
    ours_mem = mem;
    ours_workers = start_workers(mem);
}

void ours_end(void)
{
    MPROC_CHECK(mproc_pool_join(ours_workers, DEADLINE));
}

void *ours_alloc(size_t size)
{
    void *memory;

    MPROC_CHECK(mproc_pool_alloc(&memory, ours_workers, size));
    return memory;
}

void ours_free(void *memory)
{
    MPROC_CHECK(mproc_pool_free(ours_workers, memory));
}

static int call_chunks(const map_t *map, mproc_pool_t *workers)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_result_t *result;
    apr_status_t status;
    apr_pool_t *mem;

    options.chunksize = map->chunksize;
    apr_pool_create(&mem, ours_mem);
    status = mproc_pool_map_async(&result, workers, map->target, map->items, sizeof *map->items,
                                  map->results, sizeof *map->results, (size_t)map->nitems, &options,
                                  mem);
    if (status == APR_SUCCESS)
        status = mproc_result_get(result, DEADLINE);
    apr_pool_destroy(mem);
    return status == APR_SUCCESS;
}

static int call_pool(const map_t *map, mproc_pool_t *workers)
{
    if (map->chunksize > 0)
        return call_chunks(map, workers);
    return mproc_pool_map(workers, map->target, map->items, sizeof *map->items, map->results,
                          sizeof *map->results, (size_t)map->nitems, DEADLINE) == APR_SUCCESS;
}

static int call_ours(const map_t *map)
{
    return call_pool(map, ours_workers);
}

double run_ours(int count, void *data)
{
    return map_time(call_ours, data, count);
}

/* The pool that call_first() is the first to use. */
static mproc_pool_t *new_workers;

static int call_first(const map_t *map)
{
    return call_pool(map, new_workers);
}

double run_ours_first(int count, void *data)
{
    const map_t *map = data;
    double nanoseconds;
    apr_pool_t *mem;

    (void)count; /* a second call would not be the first */
    apr_pool_create(&mem, ours_mem);
    new_workers = start_workers(mem);
    nanoseconds = map_time(call_first, map, map->nitems);
    MPROC_CHECK(mproc_pool_join(new_workers, DEADLINE));
    apr_pool_destroy(mem);
    return nanoseconds;
}

double run_ours_above(int count, void *data)
{
    double ours = run_ours(count, data), loop = run_loop(count, data);

    if (ours < 0 || loop < 0)
        return -1;
    return ours > loop ? ours - loop : 0;
}

/*
 * A call of one item takes what waking the workers and being woken takes.  Where that took longer by
 * chance than a call of all, what is left is as good as nothing, but not 0, so that it has a ratio.
 */
double run_ours_added(int count, void *data)
{
    const map_t *map = data;
    map_t single = *map;
    double all = run_ours(count, data), waking;

    single.nitems = 1;
    waking = map_time(call_ours, &single, count / map->nitems);
    if (all < 0 || waking < 0)
        return -1;
    return all > waking ? all - waking : all / 1000;
}

/* Fetch results until there are no more, and hold each against its item. */
static int fetch_all(mproc_imap_t *it, int count)
{
    size_t index;
    int result, i;

    for (i = 0; mproc_imap_next(it, &index, &result, DEADLINE) == APR_SUCCESS; i++)
        if (index != (size_t)i || result != i + 1)
            return 0;
    return i == count;
}

double run_ours_imap(int count, void *data)
{
    const map_t *map = data;
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;
    apr_pool_t *mem;
    int is_right = 0;
    double start;

    options.chunksize = map->chunksize;
    apr_pool_create(&mem, ours_mem);
    start = bench_clock();
    if (mproc_pool_imap(&it, ours_workers, map->target, map->items, sizeof *map->items,
                        sizeof *map->results, (size_t)count, &options, mem) == APR_SUCCESS)
        is_right = fetch_all(it, count);
    apr_pool_destroy(mem);
    return is_right ? bench_clock() - start : -1;
}

static int submit(mproc_result_t **results, int count, apr_pool_t *mem)
{
    int i;

    for (i = 0; i < count; i++)
        if (mproc_pool_apply_async(&results[i], ours_workers, add_one_in_a_call, MPROC_PACK(i),
                                   NULL, mem) != APR_SUCCESS)
            return 0;
    return 1;
}

static int get_all(mproc_result_t *const *results, int count)
{
    int i, number;

    for (i = 0; i < count; i++)
        if (mproc_result_get(results[i], DEADLINE) != APR_SUCCESS ||
            MPROC_UNPACK(results[i], &number) != APR_SUCCESS || number != i + 1)
            return 0;
    return 1;
}

/* To give the results back is part of it. */
double run_ours_submit(int count, void *data)
{
    mproc_result_t **results;
    apr_pool_t *mem;
    double start = bench_clock();
    int is_right;

    (void)data;
    apr_pool_create(&mem, ours_mem);
    results = apr_palloc(mem, (size_t)count * sizeof(mproc_result_t *));
    is_right = submit(results, count, mem) && get_all(results, count);
    apr_pool_destroy(mem);
    return is_right ? bench_clock() - start : -1;
}

static int apply_each(int count, mproc_values_t *values)
{
    int i, number;

    for (i = 0; i < count; i++)
        if (mproc_pool_apply(ours_workers, add_one_in_a_call, MPROC_PACK(i), values, DEADLINE) !=
                APR_SUCCESS ||
            MPROC_UNPACK(values, &number) != APR_SUCCESS || number != i + 1)
            return 0;
    return 1;
}

double run_ours_apply(int count, void *data)
{
    double start = bench_clock();
    apr_pool_t *mem;
    int is_right;

    (void)data;
    apr_pool_create(&mem, ours_mem);
    is_right = apply_each(count, mproc_values_create(mem));
    apr_pool_destroy(mem);
    return is_right ? bench_clock() - start : -1;
}
