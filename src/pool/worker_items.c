/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker at items: the slot on the board always says which one it is at, so that when it dies
 * the pool knows which are done, which one was lost, and which were not begun.
 */

#include "worker.h"

#include "failpoint.h"
#include "program.h"
#include "values.h"

#include <mproc/status.h>

#include <string.h>

/* Some items, and where they and their results lie; the first is `first` of the order's. */
typedef struct items_t {
    const unsigned char *items;
    unsigned char *results;
    apr_uint64_t first, end;
} items_t;

static void mark(mproc__worker_t *worker, apr_uint64_t item)
{
    mproc__failpoint();
    atomic_store_explicit(&worker->slot->item, item, memory_order_release);
    mproc__failpoint();
}

/* -- Results that are larger than their place ------------------------------------------------ */

/* Bytes behind a result that must be as they were when its function has returned. */
#define GUARD sizeof(apr_uint64_t)

/* A larger result is not made apart from the others: copying it would take too long. */
#define APART_MAX 65536

static apr_uint64_t look_at(const unsigned char *guard)
{
    apr_uint64_t bytes;

    memcpy(&bytes, guard, GUARD);
    return bytes;
}

static apr_status_t refuse_result(const mproc__worker_t *worker)
{
    return mproc_error_set(MPROC_ETOOLARGE, "%s wrote more than its result of %llu bytes",
                           worker->target->name, (unsigned long long)worker->order->result_size);
}

/* What follows is the place of this worker's own next results, and is put back as it was. */
static apr_status_t call_watched(mproc__worker_t *worker, mproc_task_t *task, const void *item,
                                 unsigned char *result)
{
    unsigned char *guard = result + worker->order->result_size;
    apr_uint64_t before = look_at(guard);
    apr_status_t rv = ((mproc_item_fn *)worker->target->function)(item, result, task);

    if (look_at(guard) == before)
        return rv;
    memcpy(guard, &before, GUARD);
    return refuse_result(worker);
}

/* What follows may be another worker's, who is writing there: so it is made in a place of its own. */
static apr_status_t call_apart(mproc__worker_t *worker, mproc_task_t *task, const void *item,
                               unsigned char *result)
{
    static const apr_uint64_t pattern = 0xa5a5a5a5a5a5a5a5u;
    size_t size = (size_t)worker->order->result_size;
    unsigned char *apart;
    apr_status_t rv;

    worker->apart.size = 0;
    if (mproc__buffer_reserve(&worker->apart, size + GUARD) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "a result is larger than the memory there is");
    apart = worker->apart.bytes;
    memcpy(apart, result, size);
    memcpy(apart + size, &pattern, GUARD);
    rv = ((mproc_item_fn *)worker->target->function)(item, apart, task);
    if (look_at(apart + size) != pattern)
        return refuse_result(worker);
    if (rv == APR_SUCCESS)
        memcpy(result, apart, size);
    return rv;
}

/* With so many results of this part behind it. */
static apr_status_t call(mproc__worker_t *worker, mproc_task_t *task, const void *item,
                         unsigned char *result, apr_uint64_t behind)
{
    size_t size = (size_t)worker->order->result_size;

    if (size > 0 && (behind >= GUARD || behind * size >= GUARD))
        return call_watched(worker, task, item, result);
    if (size > 0 && size <= APART_MAX)
        return call_apart(worker, task, item, result);
    return ((mproc_item_fn *)worker->target->function)(item, result, task);
}

/* -- One after the other ------------------------------------------------------------------------ */

/* A failure of an item is told at once, and the others go on. */
static apr_status_t do_each(mproc__worker_t *worker, const items_t *items)
{
    size_t item_size = (size_t)worker->order->item_size;
    size_t result_size = (size_t)worker->order->result_size;
    mproc_task_t task = mproc__worker_task(worker);
    const unsigned char *item = items->items;
    unsigned char *result = items->results;
    apr_uint64_t i;

    for (i = items->first; i < items->end; i++) {
        apr_status_t rv;

        mark(worker, i);
        mproc__worker_begin(worker, &task);
        rv = call(worker, &task, item, result, items->end - i - 1);
        mproc__worker_finish(worker, &task);
        mproc__failpoint();
        if (rv != APR_SUCCESS)
            MPROC_TRY(mproc__worker_item_failed(worker, i, rv));
        item += item_size;
        result += result_size;
    }
    mark(worker, items->end);
    return APR_SUCCESS;
}

/* -- Items that come with the order ------------------------------------------------------- */

static apr_status_t find_items(mproc__worker_t *worker, const unsigned char **items)
{
    unsigned char *data = (unsigned char *)(worker->order + 1);

    if (worker->order->payload.memory != 0)
        MPROC_TRY(mproc__worker_find(worker, &data, &worker->order->payload, worker->order->size));
    *items = data;
    return APR_SUCCESS;
}

/* At least one byte, so that there is a place for results of none. */
static apr_status_t make_room(mproc__worker_t *worker, size_t size)
{
    worker->returned.size = 0;
    if (mproc__buffer_reserve(&worker->returned, size + 1) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "the results are larger than the memory there is");
    worker->returned.size = size;
    return APR_SUCCESS;
}

apr_status_t mproc__worker_do_items(mproc__worker_t *worker)
{
    const mproc__order_t *order = worker->order;
    items_t items = {.first = order->first, .end = order->end};
    mproc__reply_t reply = {.kind = MPROC__REPLY_DONE};
    size_t size = (size_t)((order->end - order->first) * order->result_size);

    MPROC_TRY(find_items(worker, &items.items));
    reply.status = make_room(worker, size);
    items.results = worker->returned.bytes;
    if (reply.status == APR_SUCCESS)
        MPROC_TRY(do_each(worker, &items));
    return mproc__worker_reply(worker, &reply, worker->returned.bytes, size);
}

/* -- Items of an array --------------------------------------------------------------------- */

/* The arrays whole, from their first item on. */
static apr_status_t find_arrays(mproc__worker_t *worker, items_t *all)
{
    const mproc__order_t *order = worker->order;
    unsigned char *items, *results = NULL;

    MPROC_TRY(mproc__worker_find(worker, &items, &order->items, order->end * order->item_size));
    if (order->result_size > 0)
        MPROC_TRY(
            mproc__worker_find(worker, &results, &order->results, order->end * order->result_size));
    all->items = items;
    all->results = results;
    return APR_SUCCESS;
}

static apr_status_t do_part(mproc__worker_t *worker, const items_t *all, apr_uint64_t first,
                            apr_uint64_t end)
{
    items_t part = {all->items + first * worker->order->item_size, all->results, first, end};

    if (worker->order->result_size > 0)
        part.results += first * worker->order->result_size;
    return do_each(worker, &part);
}

apr_status_t mproc__worker_do_range(mproc__worker_t *worker)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_DONE};
    items_t all;

    MPROC_TRY(find_arrays(worker, &all));
    MPROC_TRY(do_part(worker, &all, worker->order->first, worker->order->end));
    return mproc__worker_reply(worker, &reply, NULL, 0);
}

/*
 * In this order: first the slot says what this worker has taken, then the chunk says that a slot
 * has said so.  A chunk that says nothing when all have left was lost in between, not begun.
 */
static apr_status_t do_chunk(mproc__worker_t *worker, const items_t *all, mproc__chunks_t *chunks,
                             apr_uint64_t chunk)
{
    apr_uint64_t size = worker->order->chunksize, first = chunk * size;
    apr_uint64_t end = size < worker->order->end - first ? first + size : worker->order->end;

    mark(worker, MPROC__NO_ITEM);
    atomic_store_explicit(&worker->slot->chunk, chunk + 1, memory_order_release);
    mproc__failpoint();
    atomic_store_explicit(&chunks->taken[chunk], 1, memory_order_release);
    mproc__failpoint();
    MPROC_TRY(do_part(worker, all, first, end));
    atomic_store_explicit(&worker->slot->chunk, 0, memory_order_release);
    mproc__failpoint();
    atomic_fetch_add_explicit(&chunks->done, end - first, memory_order_relaxed);
    return APR_SUCCESS;
}

static apr_status_t find_chunks(mproc__worker_t *worker, mproc__chunks_t **chunks,
                                apr_uint64_t count)
{
    unsigned char *data;

    MPROC_TRY(
        mproc__worker_find(worker, &data, &worker->order->chunks, sizeof(mproc__chunks_t) + count));
    *chunks = (mproc__chunks_t *)(void *)data;
    return APR_SUCCESS;
}

apr_status_t mproc__worker_do_chunks(mproc__worker_t *worker, int *is_enough)
{
    const mproc__order_t *order = worker->order;
    apr_uint64_t count = (order->end + order->chunksize - 1) / order->chunksize, chunk;
    mproc__reply_t reply = {.kind = MPROC__REPLY_DONE};
    mproc__chunks_t *chunks;
    items_t all;

    MPROC_TRY(find_chunks(worker, &chunks, count));
    MPROC_TRY(find_arrays(worker, &all));
    while (!*is_enough) {
        chunk = atomic_fetch_add(&chunks->next, 1);
        mproc__failpoint();
        if (chunk >= count)
            break;
        MPROC_TRY(do_chunk(worker, &all, chunks, chunk));
        *is_enough = mproc__worker_count_task(worker);
    }
    reply.is_leaving = *is_enough != 0;
    return mproc__worker_reply(worker, &reply, NULL, 0);
}
