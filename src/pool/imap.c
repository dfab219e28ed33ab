/* SPDX-License-Identifier: Apache-2.0 */

/*
 * imap: an iterator reads a bounded number of items ahead, sends them in batches, and hands out
 * what has come back.  Items are read in the thread that asks for results, so that neither an
 * endless input nor a slow reader fills memory.
 */

#include "imap.h"
#include "result.h"

#include "deadline.h"
#include "program.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

/* -- Reading items ------------------------------------------------------------------ */

/* Without the lock: the source is the user's. */
static apr_status_t read_item(mproc_imap_t *it, size_t place)
{
    if (it->source != NULL)
        return it->source(it->staging + place * it->item_size, it->source_data);
    if (it->read + place >= it->count)
        return APR_EOF;
    memcpy(it->staging + place * it->item_size, it->items + (it->read + place) * it->item_size,
           it->item_size);
    return APR_SUCCESS;
}

static apr_status_t read_chunk(mproc_imap_t *it, size_t *count)
{
    apr_status_t rv = APR_SUCCESS;

    for (*count = 0; *count < it->chunksize; ++*count) {
        rv = read_item(it, *count);
        if (rv != APR_SUCCESS)
            break;
    }
    return rv;
}

static apr_status_t send_chunk(mproc_imap_t *it, size_t count)
{
    mproc__batch_t *batch = mproc__batch_create(it, count);
    mproc__work_t *work;

    if (batch == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for items on their way");
    work = mproc__work_create_with(&it->job, MPROC__ITEMS, it->staging, count * it->item_size);
    if (work == NULL) {
        mproc__batch_free(it, batch);
        return mproc_error_set(APR_ENOMEM, "no memory for items on their way");
    }
    work->of_job = batch;
    work->parcel.order.first = it->read;
    work->parcel.order.end = it->read + count;
    work->parcel.order.item_size = it->item_size;
    work->parcel.order.result_size = it->result_size;
    it->read += count;
    mproc__job_expect(&it->job, count);
    mproc__work_add(work);
    return APR_SUCCESS;
}

/* The end of the input, or its failure, which comes out behind the results. */
static void end_input(mproc_imap_t *it, apr_status_t rv)
{
    if (!APR_STATUS_IS_EOF(rv)) {
        it->source_rv = rv;
        it->source_words = mproc__keep_words(mproc_error_message());
    }
    mproc__imap_set_read(it);
    mproc__job_look(&it->job);
    mproc__engine_nudge(it->job.workers->engine);
}

/* For a whole chunk: reading them item by item as those before are fetched would send them so. */
static int has_room(const mproc_imap_t *it)
{
    return it->buffersize - (it->read - it->given) >= it->chunksize;
}

/* Under the lock, which is let go meanwhile. */
static void read_ahead(mproc_imap_t *it)
{
    while (!it->is_read && it->failed == APR_SUCCESS && has_room(it)) {
        apr_status_t rv;
        size_t count;

        mproc__pool_unlock(it->job.workers);
        rv = read_chunk(it, &count);
        mproc__pool_lock(it->job.workers);
        if (it->failed != APR_SUCCESS)
            return;
        if (count > 0) {
            apr_status_t sent = send_chunk(it, count);
            rv = sent != APR_SUCCESS ? sent : rv;
        }
        if (rv != APR_SUCCESS)
            end_input(it, rv);
    }
}

/* -- Handing out ------------------------------------------------------------------ */

static mproc__batch_t *next_whole(const mproc_imap_t *it)
{
    if (!it->is_ordered)
        return it->whole;
    return it->batches != NULL && it->batches->left == 0 ? it->batches : NULL;
}

static void take_off_whole(mproc_imap_t *it, mproc__batch_t *batch)
{
    mproc__batch_t **each = &it->whole;

    while (*each != batch)
        each = &(*each)->next_whole;
    *each = batch->next_whole;
    if (it->whole == NULL)
        it->whole_end = &it->whole;
    else if (*each == NULL)
        it->whole_end = each;
}

static apr_status_t hand_out(mproc_imap_t *it, mproc__batch_t *batch, size_t *index, void *result)
{
    size_t item = batch->first + batch->given;
    apr_status_t rv = batch->unnoted;
    const mproc__failure_t *failure;

    if (rv != APR_SUCCESS)
        mproc_error_set(rv, "%s", mproc__kept_words(NULL));
    for (failure = batch->failures; failure != NULL; failure = failure->next)
        if (failure->item == item)
            rv = mproc_error_set(failure->status, "%s", failure->words);
    if (rv == APR_SUCCESS && it->result_size > 0)
        memcpy(result, batch->results + batch->given * it->result_size, it->result_size);
    if (index != NULL)
        *index = item;
    it->given++;
    if (++batch->given == batch->count) {
        take_off_whole(it, batch);
        mproc__batch_free(it, batch);
    }
    return rv;
}

/* What comes when there are no more results. */
static apr_status_t last_word(mproc_imap_t *it)
{
    apr_status_t rv;

    if (it->failed != APR_SUCCESS)
        return mproc_error_set(it->failed, "%s", mproc__kept_words(it->words));
    rv = it->source_rv;
    if (rv == APR_SUCCESS)
        return mproc_error_set(APR_EOF, "there are no more results");
    it->source_rv = APR_SUCCESS;
    return mproc_error_set(rv, "%s", mproc__kept_words(it->source_words));
}

static int is_at_its_end(const mproc_imap_t *it)
{
    return next_whole(it) == NULL &&
           (it->failed != APR_SUCCESS || (it->is_read && it->batches == NULL));
}

static apr_status_t next(mproc_imap_t *it, size_t *index, void *result, port_deadline_t deadline)
{
    mproc_pool_t *workers = it->job.workers;

    read_ahead(it);
    while (next_whole(it) == NULL && !is_at_its_end(it)) {
        if (mproc__pool_is_in_callback(workers))
            return mproc_error_set(MPROC_EINUSE, "a callback cannot wait for results of its pool, "
                                                 "which come after the callback");
        if (deadline == PORT_NOW || port_clock() >= deadline)
            return mproc_error_set(APR_TIMEUP, "no result was there in time");
        mproc__pool_sleep(workers, deadline);
    }
    return next_whole(it) != NULL ? hand_out(it, next_whole(it), index, result) : last_word(it);
}

static apr_status_t check(const mproc_imap_t *it)
{
    if (it == NULL)
        return mproc_error_set(APR_EINVAL, "the iterator is NULL");
    if (it->job.workers == NULL)
        return mproc_error_set(MPROC_ECLOSED, "the iterator is closed, or the memory of its pool "
                                              "is gone");
    return mproc__pool_check(it->job.workers);
}

apr_status_t mproc_imap_next(mproc_imap_t *it, size_t *index, void *result,
                             apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    MPROC_TRY(check(it));
    if (result == NULL && it->result_size > 0)
        return mproc_error_set(APR_EINVAL, "there is no room for the result");
    mproc__pool_lock(it->job.workers);
    rv = next(it, index, result, deadline);
    mproc__pool_unlock(it->job.workers);
    return rv;
}

/* -- Its end ------------------------------------------------------------------ */

static void detach(mproc_imap_t *it)
{
    mproc_imap_t **each = &it->job.workers->iterators;

    if (!it->is_attached)
        return;
    while (*each != it)
        each = &(*each)->next;
    *each = it->next;
    it->is_attached = 0;
}

/* The pool's part of it is freed when the supervisor has seen that it is over. */
static void close_it(mproc_imap_t *it)
{
    mproc_pool_t *workers = it->job.workers;

    mproc__pool_lock(workers);
    detach(it);
    if (!it->job.is_over) {
        mproc__job_fail(&it->job, MPROC_ECANCELLED, "the iterator was closed");
        mproc__engine_nudge(workers->engine);
    }
    mproc__job_abandon(&it->job);
    mproc__pool_unlock(workers);
}

void mproc__imaps_forget(mproc_pool_t *workers)
{
    while (workers->iterators != NULL) {
        mproc_imap_t *it = workers->iterators;

        detach(it);
        it->job.workers = NULL;
    }
}

static apr_status_t destroy(void *data)
{
    mproc_imap_t *it = data;

    if (it->job.workers == NULL)
        mproc__imap_free(&it->job);
    else if (it->job.workers->generation == mproc__program.generation)
        close_it(it);
    return APR_SUCCESS;
}

void mproc_imap_close(mproc_imap_t *it)
{
    if (it == NULL ||
        (it->job.workers != NULL && it->job.workers->generation != mproc__program.generation))
        return;
    apr_pool_destroy(it->mem);
}

/* -- Its beginning ------------------------------------------------------------------ */

static apr_status_t check_options(const mproc_imap_options_t *options, const void *items,
                                  size_t count)
{
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_IMAP_OPTIONS");
    if (options->source != NULL && (items != NULL || count > 0))
        return mproc_error_set(APR_EINVAL, "items come from the source or from an array, not both");
    if (options->source == NULL && items == NULL && count > 0)
        return mproc_error_set(APR_EINVAL, "there are no items, but a number of them");
    if (options->source == NULL && options->chunksize > count)
        return mproc_error_set(APR_EINVAL, "chunks of %llu items, and there are %llu",
                               (unsigned long long)options->chunksize, (unsigned long long)count);
    return APR_SUCCESS;
}

static apr_status_t check_sizes(const mproc_imap_t *it)
{
    size_t most = PTRDIFF_MAX / 4;

    if (it->item_size == 0)
        return mproc_error_set(APR_EINVAL, "an item has a size of 0 bytes");
    if (it->chunksize > most / it->item_size ||
        (it->result_size > 0 && it->chunksize > most / it->result_size) ||
        (it->source == NULL && it->count > most / it->item_size))
        return mproc_error_set(APR_EINVAL, "so many items of %llu bytes are beyond memory",
                               (unsigned long long)it->item_size);
    return APR_SUCCESS;
}

/* Four chunks a worker; whether there is memory for so much is found out when it is read. */
static size_t default_buffersize(const mproc_imap_t *it)
{
    size_t chunks = (size_t)4 * mproc__pool_wanted(it->job.workers);

    return it->chunksize <= SIZE_MAX / chunks ? chunks * it->chunksize : SIZE_MAX;
}

static void set_options(mproc_imap_t *it, const mproc_imap_options_t *options)
{
    it->source = options->source;
    it->source_data = options->source_data;
    it->chunksize = options->chunksize > 0 ? options->chunksize : 1;
    it->buffersize = options->buffersize > 0 ? options->buffersize : default_buffersize(it);
    if (it->chunksize > it->buffersize)
        it->chunksize = it->buffersize;
}

/* Under the lock. */
static apr_status_t attach(mproc_imap_t *it)
{
    mproc_pool_t *workers = it->job.workers;

    MPROC_TRY(mproc__pool_check_open(workers));
    it->next = workers->iterators;
    workers->iterators = it;
    it->is_attached = 1;
    workers->reading++;
    mproc__job_add(&it->job, workers, 0);
    return APR_SUCCESS;
}

static apr_status_t begin(mproc_imap_t *it)
{
    apr_status_t rv;

    MPROC_TRY(check_sizes(it));
    it->staging = malloc(it->chunksize * it->item_size);
    if (it->staging == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for a chunk of items");
    mproc__pool_lock(it->job.workers);
    rv = attach(it);
    if (rv == APR_SUCCESS)
        read_ahead(it);
    mproc__pool_unlock(it->job.workers);
    return rv;
}

static apr_status_t make(mproc_imap_t **it, mproc_pool_t *workers, mproc_item_fn *target,
                         const mproc_imap_options_t *options, apr_pool_t *mem)
{
    mproc_imap_t *made;
    apr_uint64_t number;

    MPROC_TRY(mproc__pool_target(&number, MPROC_KIND_ITEM, (void (*)(void))target));
    made = calloc(1, sizeof *made);
    if (made == NULL || apr_pool_create(&made->mem, mem) != APR_SUCCESS) {
        free(made);
        return mproc_error_set(APR_ENOMEM, "no memory for an iterator");
    }
    made->job.kind = &mproc__imap_kind;
    made->job.workers = workers;
    made->job.target = number;
    made->whole_end = &made->whole;
    set_options(made, options);
    *it = made;
    return APR_SUCCESS;
}

static apr_status_t imap(mproc_imap_t **it, const mproc_imap_t *as, mproc_pool_t *workers,
                         mproc_item_fn *target, const mproc_imap_options_t *options,
                         apr_pool_t *mem)
{
    static const mproc_imap_options_t by_default = MPROC_IMAP_OPTIONS;
    mproc_imap_t *made = NULL;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check(workers));
    if (it == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the iterator or its memory is NULL");
    if (options == NULL)
        options = &by_default;
    MPROC_TRY(check_options(options, as->items, as->count));
    MPROC_TRY(make(&made, workers, target, options, mem));
    made->is_ordered = as->is_ordered;
    made->items = as->items;
    made->count = as->count;
    made->item_size = as->item_size;
    made->result_size = as->result_size;
    rv = begin(made);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(made->mem);
        mproc__imap_free(&made->job);
        return rv;
    }
    apr_pool_cleanup_register(made->mem, made, destroy, apr_pool_cleanup_null);
    *it = made;
    return APR_SUCCESS;
}

apr_status_t(mproc_pool_imap)(mproc_imap_t **it, mproc_pool_t *workers, mproc_item_fn *target,
                              const void *items, size_t item_size, size_t result_size, size_t count,
                              const mproc_imap_options_t *options, apr_pool_t *mem)
{
    mproc_imap_t as = {.is_ordered = 1,
                       .items = items,
                       .count = count,
                       .item_size = item_size,
                       .result_size = result_size};

    return imap(it, &as, workers, target, options, mem);
}

apr_status_t(mproc_pool_imap_unordered)(mproc_imap_t **it, mproc_pool_t *workers,
                                        mproc_item_fn *target, const void *items, size_t item_size,
                                        size_t result_size, size_t count,
                                        const mproc_imap_options_t *options, apr_pool_t *mem)
{
    mproc_imap_t as = {
        .items = items, .count = count, .item_size = item_size, .result_size = result_size};

    return imap(it, &as, workers, target, options, mem);
}
