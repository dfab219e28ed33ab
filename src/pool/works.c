/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Works: the backlog, and sending.
 *
 * Only so many are on their way as there are tickets; the rest waits here, where it can still be
 * taken back, and follows in batches when others have come back.
 */

#include "pool.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

/* -- The two lists that a work is on ---------------------------------------------------------- */

static void join_job(mproc__work_t *work, mproc__job_t *job)
{
    work->job = job;
    work->next_of_job = job->works;
    if (job->works != NULL)
        job->works->previous_of_job = work;
    job->works = work;
}

static void leave_job(mproc__work_t *work)
{
    if (work->job == NULL)
        return;
    if (work->previous_of_job != NULL)
        work->previous_of_job->next_of_job = work->next_of_job;
    else
        work->job->works = work->next_of_job;
    if (work->next_of_job != NULL)
        work->next_of_job->previous_of_job = work->previous_of_job;
    work->next_of_job = work->previous_of_job = NULL;
    work->job = NULL;
}

static void append(mproc_pool_t *workers, mproc__work_t *work)
{
    work->previous = workers->backlog_last;
    work->next = NULL;
    if (workers->backlog_last != NULL)
        workers->backlog_last->next = work;
    else
        workers->backlog = work;
    workers->backlog_last = work;
}

static void prepend(mproc_pool_t *workers, mproc__work_t *work)
{
    work->next = workers->backlog;
    work->previous = NULL;
    if (workers->backlog != NULL)
        workers->backlog->previous = work;
    else
        workers->backlog_last = work;
    workers->backlog = work;
}

static void take_out(mproc_pool_t *workers, mproc__work_t *work)
{
    if (work->previous != NULL)
        work->previous->next = work->next;
    else
        workers->backlog = work->next;
    if (work->next != NULL)
        work->next->previous = work->previous;
    else
        workers->backlog_last = work->previous;
    work->next = work->previous = NULL;
}

/* -- Their life ---------------------------------------------------------------------------------- */

mproc__work_t *mproc__work_create(mproc__job_t *job, mproc__order_kind_t kind, size_t payload)
{
    mproc__work_t *work = calloc(1, sizeof *work + payload);

    if (work == NULL)
        return NULL;
    work->parcel.order.kind = kind;
    work->parcel.order.size = payload;
    work->parcel.payload = payload > 0 ? work->payload : NULL;
    if (job != NULL) {
        work->parcel.order.target = job->target;
        join_job(work, job);
    }
    return work;
}

/* More than travels with an order lies in memory. */
static apr_status_t put_in_memory(mproc__work_t *work, const void *payload, size_t size)
{
    mproc__engine_t *engine = work->job->workers->engine;
    mproc__memory_t *memory = mproc__memory_reuse(engine, size);

    if (memory == NULL) {
        MPROC_TRY(mproc__memory_create(&memory, engine, size));
        mproc__memory_announce(engine, memory);
    }
    work->arrays->memories[0] = memory;
    memcpy(memory->data, payload, size);
    work->parcel.order.payload.memory = memory->number;
    work->parcel.order.size = size;
    return APR_SUCCESS;
}

mproc__work_t *mproc__work_create_with(mproc__job_t *job, mproc__order_kind_t kind,
                                       const void *payload, size_t size)
{
    mproc__work_t *work = mproc__work_create(job, kind, size <= MPROC__INLINE_MAX ? size : 0);

    if (work == NULL)
        return NULL;
    if (size <= MPROC__INLINE_MAX) {
        if (size > 0)
            memcpy(work->payload, payload, size);
        return work;
    }
    work->arrays = mproc__arrays_create();
    if (work->arrays != NULL && put_in_memory(work, payload, size) == APR_SUCCESS)
        return work;
    mproc__work_free(job->workers, work);
    return NULL;
}

const unsigned char *mproc__work_payload(const mproc__work_t *work)
{
    return work->parcel.payload != NULL ? work->payload : work->arrays->memories[0]->data;
}

mproc__work_t *mproc__work_copy(const mproc__work_t *work)
{
    size_t payload = work->parcel.payload != NULL ? (size_t)work->parcel.order.size : 0;
    mproc__work_t *copy =
        mproc__work_create(work->job, (mproc__order_kind_t)work->parcel.order.kind, payload);

    if (copy == NULL)
        return NULL;
    copy->parcel.order = work->parcel.order;
    if (payload > 0)
        memcpy(copy->payload, work->payload, payload);
    copy->index = work->index;
    copy->of_job = work->of_job;
    copy->attempts = work->attempts;
    copy->arrays = work->arrays;
    if (copy->arrays != NULL)
        copy->arrays->users++;
    return copy;
}

size_t mproc__works_count(const mproc_pool_t *workers)
{
    return workers->outstanding - workers->quitting;
}

static void note_crowd(mproc_pool_t *workers)
{
    if (mproc__works_count(workers) > workers->crowd)
        workers->crowd = mproc__works_count(workers);
}

/* The supervisor looks at the clock while there is work, and sleeps when there is none. */
static int is_to_be_watched(const mproc_pool_t *workers)
{
    return workers->outstanding == 1 &&
           (workers->options.timeout > 0 || workers->options.progress != NULL);
}

/* At once if nothing waits before it: a lone call is not delayed. */
void mproc__work_add(mproc__work_t *work)
{
    mproc_pool_t *workers = work->job->workers;

    workers->outstanding++;
    note_crowd(workers);
    if (workers->backlog != NULL || !mproc__engine_send(workers->engine, &work->parcel))
        append(workers, work);
    if ((workers->living < workers->wanted && workers->outstanding > workers->living) ||
        is_to_be_watched(workers))
        mproc__engine_nudge(workers->engine);
}

void mproc__work_add_again(mproc__work_t *work)
{
    mproc_pool_t *workers = work->job->workers;

    workers->outstanding++;
    note_crowd(workers);
    prepend(workers, work);
}

void mproc__works_send(mproc_pool_t *workers)
{
    while (workers->backlog != NULL) {
        mproc__work_t *work = workers->backlog;

        if (!mproc__engine_send(workers->engine, &work->parcel))
            return;
        take_out(workers, work);
    }
}

void mproc__work_free(mproc_pool_t *workers, mproc__work_t *work)
{
    leave_job(work);
    if (work->arrays != NULL)
        mproc__arrays_release(workers, work->arrays);
    free(work);
}

/* What a worker is at goes on until the worker is dead, and is nobody's meanwhile. */
static void withdraw(mproc_pool_t *workers, mproc__work_t *work)
{
    if (!work->parcel.is_sent) {
        take_out(workers, work);
    } else if (mproc__engine_recall(workers->engine, &work->parcel)) {
        mproc__engine_retire(workers->engine, &work->parcel);
    } else {
        unsigned holder = mproc__engine_holder(workers->engine, &work->parcel);

        leave_job(work);
        if (holder != 0) {
            workers->is_killed[holder] = 1;
            mproc__engine_kill(workers->engine, holder);
        }
        return;
    }
    workers->outstanding--;
    mproc__work_free(workers, work);
}

void mproc__job_withdraw(mproc__job_t *job)
{
    while (job->works != NULL)
        withdraw(job->workers, job->works);
}

/* -- Arrays ------------------------------------------------------------------------------------------ */

mproc__arrays_t *mproc__arrays_create(void)
{
    mproc__arrays_t *arrays = calloc(1, sizeof *arrays);

    if (arrays != NULL)
        arrays->users = 1;
    return arrays;
}

void mproc__arrays_release(mproc_pool_t *workers, mproc__arrays_t *arrays)
{
    size_t i;

    if (--arrays->users > 0)
        return;
    for (i = 0; i < sizeof arrays->memories / sizeof arrays->memories[0]; i++)
        if (arrays->memories[i] != NULL)
            mproc__memory_release(workers->engine, arrays->memories[i]);
    free(arrays);
}
