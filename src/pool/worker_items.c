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

/* A failure of an item is told at once, and the others go on. */
static apr_status_t do_each(mproc__worker_t *worker, const items_t *items)
{
    mproc_item_fn *function = (mproc_item_fn *)worker->target->function;
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
        rv = function(item, result, &task);
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
    apr_uint64_t end =
        size < worker->order->end - first ? first + size : worker->order->end;

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

    MPROC_TRY(mproc__worker_find(worker, &data, &worker->order->chunks,
                                 sizeof(mproc__chunks_t) + count));
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
