/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker's share of the pool's memory.  The pool tells of new memory, and of memory that is
 * gone, through a line to each worker; an order can come before what it needs.
 */

#include "worker.h"

#include "failpoint.h"
#include "values.h"

#include <mproc/status.h>

static mproc__mapped_t *find(const mproc__worker_t *worker, apr_uint64_t number)
{
    mproc__mapped_t *each;

    for (each = worker->mapped; each != NULL; each = each->next)
        if (each->number == number)
            return each;
    return NULL;
}

static void drop(mproc__worker_t *worker, apr_uint64_t number)
{
    mproc__mapped_t **each, *gone;

    for (each = &worker->mapped; *each != NULL; each = &(*each)->next) {
        if ((*each)->number == number) {
            gone = *each;
            *each = gone->next;
            apr_pool_destroy(gone->mem);
            return;
        }
    }
}

static void add(mproc__worker_t *worker, apr_uint64_t number, mproc__shared_memory_t *memory,
                apr_pool_t *mem)
{
    mproc__mapped_t *mapped = apr_palloc(mem, sizeof *mapped);

    mapped->number = number;
    mapped->mem = mem;
    mapped->data = mproc__shared_memory_data(memory);
    mapped->size = mproc__shared_memory_size(memory);
    mapped->next = worker->mapped;
    worker->mapped = mapped;
}

/* One message: the number of a memory, and itself if it is new. */
static apr_status_t read_message(mproc__worker_t *worker, apr_pool_t *mem, int *is_kept)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__shared_memory_t *memory;
    apr_uint64_t number;
    const mproc_slot_t slots[] = {MPROC__SLOT(&number), mproc__shared_memory_slot(&memory)};

    MPROC_TRY(mproc_connection_recv(worker->line, values, MPROC_FOREVER));
    atomic_store(&worker->slot->heard, ++worker->heard);
    mproc__failpoint();
    if (mproc_values_count(values) == 1) {
        MPROC_TRY(mproc_unpack(values, slots, 1));
        drop(worker, number);
        return APR_SUCCESS;
    }
    MPROC_TRY(mproc_unpack(values, slots, 2));
    add(worker, number, memory, mem);
    *is_kept = 1;
    return APR_SUCCESS;
}

static apr_status_t hear_one(mproc__worker_t *worker)
{
    apr_pool_t *mem;
    int is_kept = 0;
    apr_status_t rv;

    if (apr_pool_create(&mem, worker->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for what the pool shares");
    rv = read_message(worker, mem, &is_kept);
    if (!is_kept)
        apr_pool_destroy(mem);
    return rv;
}

/* What is not said to be there yet may have been read, when an order needed it. */
static int is_told_more(const mproc__worker_t *worker)
{
    return (apr_int32_t)(atomic_load(&worker->slot->announced) - worker->heard) > 0;
}

apr_status_t mproc__worker_hear(mproc__worker_t *worker)
{
    while (is_told_more(worker))
        MPROC_TRY(hear_one(worker));
    return APR_SUCCESS;
}

apr_status_t mproc__worker_find(mproc__worker_t *worker, unsigned char **data,
                                const mproc__area_t *area, apr_uint64_t size)
{
    mproc__mapped_t *mapped;

    /* The pool says only so much at a time, and may wait until all of that was heard. */
    while ((mapped = find(worker, area->memory)) == NULL) {
        if (!is_told_more(worker))
            MPROC_TRY(mproc__worker_nudge(worker));
        MPROC_TRY(hear_one(worker));
    }
    if (area->offset > mapped->size || size > mapped->size - area->offset)
        return mproc_error_set(MPROC_ECORRUPT, "an order goes beyond the memory of the pool");
    *data = mapped->data + area->offset;
    return APR_SUCCESS;
}
