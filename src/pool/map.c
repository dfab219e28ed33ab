/* SPDX-License-Identifier: Apache-2.0 */

/*
 * map: arrays in memory that the workers share, taken by them chunk by chunk.
 *
 * A worker that has an order for chunks takes the next by one addition until there are none.  What
 * a dead worker had is known from its slot; what it had taken without having said so is a chunk
 * that nobody has marked when all have come back.  What is left is done again as ranges.
 */

#include "result.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 128

/* Python's: four chunks for each worker, so that who is done early finds more. */
#define CHUNKS_A_WORKER 4

static mproc_result_t *result_of(mproc__job_t *job)
{
    return (mproc_result_t *)(void *)job;
}

/* -- Works ------------------------------------------------------------------------------------------- */

static mproc__work_t *make_work(mproc_result_t *result, mproc__order_kind_t kind)
{
    mproc__work_t *work = mproc__work_create(&result->job, kind, 0);

    if (work == NULL)
        return NULL;
    work->parcel.order = result->map->order;
    work->parcel.order.kind = kind;
    work->parcel.order.target = result->job.target;
    work->arrays = result->map->arrays;
    work->arrays->users++;
    return work;
}

/* Without memory for that, they have failed. */
static void add_range(mproc_result_t *result, apr_uint64_t first, apr_uint64_t end,
                      apr_uint32_t attempts)
{
    mproc__work_t *work = first < end ? make_work(result, MPROC__RANGE) : NULL;

    if (work == NULL) {
        for (; first < end; first++)
            mproc__result_set_failed(result, (size_t)first, APR_ENOMEM,
                                     "no memory to do it again after a worker had died");
        return;
    }
    work->parcel.order.first = first;
    work->parcel.order.end = end;
    work->attempts = attempts;
    mproc__work_add_again(work);
}

static size_t next_chunk(const mproc__map_t *map)
{
    apr_uint64_t next = atomic_load(&map->chunks->next);

    return next < map->nchunks ? (size_t)next : map->nchunks;
}

static unsigned count_helpers(const mproc_result_t *result)
{
    size_t left = result->map->nchunks - next_chunk(result->map);
    unsigned wanted = result->job.workers->wanted;

    return left < wanted ? (unsigned)left : wanted;
}

/* Whether there is at least one. */
static int add_helpers(mproc_result_t *result, unsigned count)
{
    mproc__work_t *work;
    unsigned i;

    for (i = 0; i < count; i++) {
        work = make_work(result, MPROC__CHUNKS);
        if (work == NULL)
            break;
        mproc__work_add(work);
    }
    return i > 0;
}

/* -- As a job ------------------------------------------------------------------------------------------ */

static void done(mproc__job_t *job, mproc__work_t *work, const mproc__reply_t *reply,
                 const void *payload)
{
    mproc_result_t *result = result_of(job);

    (void)work;
    (void)payload;
    if (reply->is_leaving && next_chunk(result->map) < result->map->nchunks)
        add_helpers(result, 1);
}

static void item_failed(mproc__job_t *job, apr_uint64_t item, apr_status_t status,
                        const char *words)
{
    char text[200];

    mproc__result_set_failed(result_of(job), (size_t)item, status,
                             words[0] != '\0' ? words : mproc_strerror(status, text, sizeof text));
}

/* What a worker had taken: a chunk, or a range. */
static void find_range(const mproc_result_t *result, const mproc__work_t *work,
                       const mproc__ended_t *ended, apr_uint64_t *first, apr_uint64_t *end)
{
    apr_uint64_t size = result->map->chunksize;

    *first = work->parcel.order.first;
    *end = work->parcel.order.end;
    if (work->parcel.order.kind != MPROC__CHUNKS)
        return;
    *end = *first = 0;
    if (ended->chunk == 0 || ended->chunk > result->map->nchunks)
        return;
    *first = (ended->chunk - 1) * size;
    *end = size < result->count - *first ? *first + size : result->count;
    atomic_store(&result->map->chunks->taken[ended->chunk - 1], 1);
}

/* The items before the one that it was at are done, and those behind it were not begun. */
static void lost(mproc__job_t *job, mproc__work_t *work, const mproc__ended_t *ended,
                 apr_status_t status, const char *words)
{
    mproc_result_t *result = result_of(job);
    apr_uint64_t first, end, item = ended->item;

    find_range(result, work, ended, &first, &end);
    if (item < first || item == MPROC__NO_ITEM) {
        add_range(result, first, end, work->attempts);
        return;
    }
    if (item >= end)
        return;
    add_range(result, item + 1, end, 0);
    if (status == APR_SUCCESS)
        add_range(result, item, item + 1, work->attempts);
    else if (mproc__is_tried_again(job->workers, work->attempts, status))
        add_range(result, item, item + 1, work->attempts + 1);
    else
        mproc__result_set_failed(result, (size_t)item, status, words);
}

/* Chunks that a worker has taken, which died before its slot said so. */
static void add_forgotten(mproc_result_t *result)
{
    mproc__map_t *map = result->map;
    size_t next = next_chunk(map), i;

    for (i = 0; i < next; i++) {
        size_t first = i * map->chunksize;

        if (atomic_exchange(&map->chunks->taken[i], 1) != 0)
            continue;
        add_range(result, first,
                  map->chunksize < result->count - first ? first + map->chunksize : result->count,
                  0);
    }
}

/* Chunks that nobody has taken, as all workers who were to take some have left or died. */
static void add_more(mproc_result_t *result)
{
    size_t next = next_chunk(result->map) * result->map->chunksize;

    if (next >= result->count || add_helpers(result, count_helpers(result)))
        return;
    for (; next < result->count; next++)
        mproc__result_set_failed(result, next, APR_ENOMEM, "no memory to go on with the map");
}

/* Nobody is at it any more. */
static int is_over(mproc__job_t *job)
{
    mproc_result_t *result = result_of(job);

    if (result->count > 0) {
        add_forgotten(result);
        add_more(result);
    }
    if (job->works != NULL)
        return 0;
    mproc__job_count(job, result->count - result->counted);
    result->counted = result->count;
    return 1;
}

static apr_uint64_t progress(const mproc__job_t *job)
{
    const mproc_result_t *result = (const mproc_result_t *)(const void *)job;

    return result->map->chunks != NULL
               ? atomic_load_explicit(&result->map->chunks->done, memory_order_relaxed)
               : 0;
}

static const mproc__job_kind_t kind = {
    done, item_failed, lost, mproc__result_fail, is_over, progress, mproc__result_free};

/* -- Laying the arrays out ------------------------------------------------------------------------------- */

/* What is asked for, and where it lies in the memory of the pool's own. */
typedef struct layout_t {
    const void *items;
    mproc__memory_t *items_in, *results_in; /* used where they lie; or NULL */
    size_t items_at, results_at, size;
} layout_t;

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static apr_status_t check_sizes(const mproc_result_t *result)
{
    const mproc__map_t *map = result->map;
    size_t most = PTRDIFF_MAX / 4;

    if (result->count > most / map->item_size ||
        (map->result_size > 0 && result->count > most / map->result_size) || result->count > most)
        return mproc_error_set(
            APR_EINVAL, "%llu items of %llu bytes, with results of %llu, are beyond memory",
            (unsigned long long)result->count, (unsigned long long)map->item_size,
            (unsigned long long)map->result_size);
    return APR_SUCCESS;
}

static void lay_out(layout_t *layout, mproc_result_t *result, const void *items)
{
    const mproc__map_t *map = result->map;
    const mproc__engine_t *engine = result->job.workers->engine;
    size_t items_size = result->count * map->item_size;
    size_t results_size = result->count * map->result_size;

    layout->items = items;
    layout->items_in = mproc__memory_find(engine, items, items_size);
    layout->results_in =
        results_size > 0 ? mproc__memory_find(engine, map->results, results_size) : NULL;
    layout->items_at = aligned(sizeof(mproc__chunks_t) + map->nchunks);
    layout->results_at = layout->items_at;
    if (layout->items_in == NULL)
        layout->results_at += aligned(items_size);
    layout->size = layout->results_at + (layout->results_in == NULL ? aligned(results_size) : 0);
}

static mproc__area_t area_in(mproc__memory_t *memory, const void *array)
{
    mproc__area_t area = {memory->number,
                          (apr_uint64_t)((const unsigned char *)array - memory->data)};

    return area;
}

static void use(mproc__arrays_t *arrays, size_t place, mproc__memory_t *memory)
{
    arrays->memories[place] = memory;
    if (memory != NULL)
        memory->users++;
}

/* Under the lock: everything is in its place but the items. */
static void set_places(mproc_result_t *result, const layout_t *layout, mproc__memory_t *own)
{
    mproc__map_t *map = result->map;
    mproc__order_t *order = &map->order;

    map->arrays->memories[0] = own;
    use(map->arrays, 1, layout->items_in);
    use(map->arrays, 2, layout->results_in);
    map->chunks = (mproc__chunks_t *)(void *)own->data;
    map->filled = layout->results_in != NULL ? map->results : own->data + layout->results_at;
    order->chunks = area_in(own, own->data);
    order->items = layout->items_in != NULL ? area_in(layout->items_in, layout->items)
                                            : area_in(own, own->data + layout->items_at);
    order->results = layout->results_in != NULL ? area_in(layout->results_in, map->results)
                                                : area_in(own, map->filled);
    order->item_size = map->item_size;
    order->result_size = map->result_size;
    order->chunksize = map->chunksize;
    order->end = result->count;
}

/* Nobody else has this memory yet. */
static void fill(const mproc_result_t *result, const layout_t *layout, mproc__memory_t *own)
{
    memset(own->data, 0, sizeof(mproc__chunks_t) + result->map->nchunks);
    if (layout->items_in == NULL)
        memcpy(own->data + layout->items_at, layout->items, result->count * result->map->item_size);
}

/* -- Giving it to the pool ------------------------------------------------------------------------------- */

static apr_status_t give(mproc_result_t *result, const layout_t *layout, mproc__memory_t *own,
                         apr_pool_t *mem)
{
    MPROC_TRY(mproc__pool_check_open(result->job.workers));
    result->map->arrays = mproc__arrays_create();
    if (result->map->arrays == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for a map");
    if (mem != NULL)
        MPROC_TRY(mproc__result_settle(result, mem));
    set_places(result, layout, own);
    mproc__job_add(&result->job, result->job.workers, result->count);
    if (!add_helpers(result, count_helpers(result)))
        mproc__job_fail(&result->job, APR_ENOMEM, "no memory for a map");
    return APR_SUCCESS;
}

/* Memory of the pool's own: what was used before, or new. */
static apr_status_t get_memory(mproc__memory_t **own, mproc_pool_t *workers, size_t size)
{
    mproc__pool_lock(workers);
    *own = mproc__memory_reuse(workers->engine, size);
    mproc__pool_unlock(workers);
    if (*own != NULL)
        return APR_SUCCESS;
    MPROC_TRY(mproc__memory_create(own, workers->engine, size));
    mproc__pool_lock(workers);
    mproc__memory_announce(workers->engine, *own);
    mproc__pool_unlock(workers);
    return APR_SUCCESS;
}

static apr_status_t give_empty(mproc_result_t *result, apr_pool_t *mem)
{
    mproc_pool_t *workers = result->job.workers;
    apr_status_t rv;

    mproc__pool_lock(workers);
    rv = mproc__pool_check_open(workers);
    if (rv == APR_SUCCESS && mem != NULL)
        rv = mproc__result_settle(result, mem);
    if (rv == APR_SUCCESS) {
        mproc__job_add(&result->job, workers, 0);
        mproc__job_look(&result->job);
        mproc__engine_nudge(workers->engine);
    }
    mproc__pool_unlock(workers);
    return rv;
}

static apr_status_t give_arrays(mproc_result_t *result, const void *items, apr_pool_t *mem)
{
    mproc_pool_t *workers = result->job.workers;
    mproc__memory_t *own;
    layout_t layout;
    apr_status_t rv;

    mproc__pool_lock(workers);
    rv = mproc__pool_check_open(workers);
    if (rv == APR_SUCCESS)
        lay_out(&layout, result, items);
    mproc__pool_unlock(workers);
    if (rv == APR_SUCCESS)
        rv = get_memory(&own, workers, layout.size);
    if (rv != APR_SUCCESS)
        return rv;
    fill(result, &layout, own);
    mproc__pool_lock(workers);
    rv = give(result, &layout, own, mem);
    if (rv != APR_SUCCESS &&
        (result->map->arrays == NULL || result->map->arrays->memories[0] == NULL))
        mproc__memory_release(workers->engine, own);
    mproc__pool_unlock(workers);
    return rv;
}

static size_t default_chunksize(mproc_pool_t *workers, size_t count)
{
    size_t chunks = (size_t)mproc__pool_wanted(workers) * CHUNKS_A_WORKER;

    return (count + chunks - 1) / chunks;
}

static apr_status_t make_map(mproc_result_t *result, size_t item_size, void *results,
                             size_t result_size)
{
    mproc__map_t *map = result->map = calloc(1, sizeof *map);

    if (map == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for a map");
    map->item_size = item_size;
    map->result_size = result_size;
    map->results = results;
    MPROC_TRY(check_sizes(result));
    if (result->count == 0)
        return APR_SUCCESS;
    map->chunksize = result->options.chunksize > 0
                         ? result->options.chunksize
                         : default_chunksize(result->job.workers, result->count);
    map->nchunks = (result->count + map->chunksize - 1) / map->chunksize;
    return APR_SUCCESS;
}

static apr_status_t check(const void *items, size_t item_size, const void *results,
                          size_t result_size, size_t count, const mproc_async_options_t *options)
{
    if (item_size == 0)
        return mproc_error_set(APR_EINVAL, "an item has a size of 0 bytes");
    if (items == NULL && count > 0)
        return mproc_error_set(APR_EINVAL, "there are no items, but a number of them");
    if (results == NULL && result_size > 0 && count > 0)
        return mproc_error_set(APR_EINVAL, "there is no room for results, but they have a size");
    if (options->chunksize > count)
        return mproc_error_set(APR_EINVAL, "chunks of %llu items, and there are %llu",
                               (unsigned long long)options->chunksize, (unsigned long long)count);
    return APR_SUCCESS;
}

/* Without memory the result is the caller's to give up. */
static apr_status_t map(mproc_result_t **result, mproc_pool_t *workers, mproc_item_fn *target,
                        const void *items, size_t item_size, void *results, size_t result_size,
                        size_t count, const mproc_async_options_t *options, apr_pool_t *mem)
{
    mproc_result_t *made;
    apr_uint64_t number;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check(workers));
    MPROC_TRY(mproc__pool_target(&number, MPROC_KIND_ITEM, (void (*)(void))target));
    MPROC_TRY(mproc__async_options(&options));
    MPROC_TRY(check(items, item_size, results, result_size, count, options));
    made = mproc__result_create(&kind, workers, count, options);
    if (made == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for a result");
    made->job.target = number;
    rv = make_map(made, item_size, results, result_size);
    if (rv == APR_SUCCESS)
        rv = count > 0 ? give_arrays(made, items, mem) : give_empty(made, mem);
    if (rv != APR_SUCCESS) {
        mproc__pool_lock(workers);
        mproc__result_free(&made->job);
        mproc__pool_unlock(workers);
        return rv;
    }
    *result = made;
    return APR_SUCCESS;
}

apr_status_t(mproc_pool_map_async)(mproc_result_t **result, mproc_pool_t *workers,
                                   mproc_item_fn *target, const void *items, size_t item_size,
                                   void *results, size_t result_size, size_t count,
                                   const mproc_async_options_t *options, apr_pool_t *mem)
{
    if (result == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the result or its memory is NULL");
    return map(result, workers, target, items, item_size, results, result_size, count, options,
               mem);
}

apr_status_t(mproc_pool_map)(mproc_pool_t *workers, mproc_item_fn *target, const void *items,
                             size_t item_size, void *results, size_t result_size, size_t count,
                             apr_interval_time_t timeout)
{
    mproc_result_t *result;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check_waiting(workers));
    MPROC_TRY(
        map(&result, workers, target, items, item_size, results, result_size, count, NULL, NULL));
    rv = mproc__result_await(result, timeout);
    mproc__result_give_up(result);
    return rv;
}
