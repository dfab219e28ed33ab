/* SPDX-License-Identifier: Apache-2.0 */

/*
 * imap: an iterator reads a bounded number of items ahead, sends them in batches, and hands out
 * what has come back.  Items are read in the thread that asks for results, so that neither an
 * endless input nor a slow reader fills memory.
 */

#include "result.h"

#include "deadline.h"
#include "program.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

/* An item that has failed. */
typedef struct failure_t {
    struct failure_t *next;
    size_t item;
    apr_status_t status;
    char words[];
} failure_t;

/* Items that travel together, and their results. */
typedef struct batch_t {
    struct batch_t *next, *previous; /* in the order of the items */
    struct batch_t *next_whole;      /* in the order in which they came back */
    size_t first, count;
    size_t left;  /* items that have not come back */
    size_t given; /* results handed out */
    failure_t *failures;
    unsigned char results[];
} batch_t;

struct mproc_imap_t {
    mproc__job_t job;
    mproc_imap_t *next; /* of the pool's iterators */
    apr_pool_t *mem;
    int is_ordered;
    int is_attached; /* the pool knows it */

    /* Where items come from. */
    mproc_source_fn *source;
    void *source_data;
    const unsigned char *items;
    size_t count, item_size, result_size, chunksize, buffersize;
    size_t read; /* items */
    size_t given;
    int is_read;              /* there are no more */
    apr_status_t source_rv;   /* why, if that is a failure */
    char *source_words;
    unsigned char *staging;   /* room for a chunk */

    /* What is under way. */
    batch_t *batches, *last_batch;
    batch_t *whole, **whole_end;
    apr_status_t failed; /* all that is not whole */
    char *words;
};

static mproc_imap_t *imap_of(mproc__job_t *job)
{
    return (mproc_imap_t *)(void *)job;
}

static char *copy_words(const char *words)
{
    char *copy = malloc(strlen(words) + 1);

    return copy != NULL ? strcpy(copy, words) : NULL;
}

/* -- Batches ------------------------------------------------------------------------------------------ */

static batch_t *make_batch(mproc_imap_t *it, size_t count)
{
    batch_t *batch = calloc(1, sizeof *batch + count * it->result_size);

    if (batch == NULL)
        return NULL;
    batch->first = it->read;
    batch->count = batch->left = count;
    batch->previous = it->last_batch;
    if (it->last_batch != NULL)
        it->last_batch->next = batch;
    else
        it->batches = batch;
    it->last_batch = batch;
    return batch;
}

static void free_batch(mproc_imap_t *it, batch_t *batch)
{
    failure_t *failure, *next;

    if (batch->previous != NULL)
        batch->previous->next = batch->next;
    else
        it->batches = batch->next;
    if (batch->next != NULL)
        batch->next->previous = batch->previous;
    else
        it->last_batch = batch->previous;
    for (failure = batch->failures; failure != NULL; failure = next) {
        next = failure->next;
        free(failure);
    }
    free(batch);
}

static void come_back(mproc_imap_t *it, batch_t *batch, size_t count)
{
    batch->left -= count < batch->left ? count : batch->left;
    mproc__job_count(&it->job, count);
    if (batch->left > 0)
        return;
    batch->next_whole = NULL;
    *it->whole_end = batch;
    it->whole_end = &batch->next_whole;
    mproc__pool_wake(it->job.workers);
}

static void note_failure(batch_t *batch, apr_uint64_t item, apr_status_t status, const char *words)
{
    size_t size = strlen(words) + 1;
    failure_t *failure = malloc(sizeof *failure + size);

    if (failure == NULL)
        return;
    failure->item = (size_t)item;
    failure->status = status;
    memcpy(failure->words, words, size);
    failure->next = batch->failures;
    batch->failures = failure;
}

static batch_t *batch_with(const mproc_imap_t *it, apr_uint64_t item)
{
    batch_t *each;

    for (each = it->batches; each != NULL; each = each->next)
        if (item >= each->first && item < each->first + each->count)
            return each;
    return NULL;
}

/* -- As a job --------------------------------------------------------------------------------------------- */

static void done(mproc__job_t *job, mproc__work_t *work, const mproc__reply_t *reply,
                 const void *payload)
{
    mproc_imap_t *it = imap_of(job);
    batch_t *batch = work->of_job;
    const mproc__order_t *order = &work->parcel.order;
    apr_uint64_t item;

    if (reply->status == APR_SUCCESS && it->result_size > 0 &&
        reply->size == (order->end - order->first) * it->result_size)
        memcpy(batch->results + (order->first - batch->first) * it->result_size, payload,
               (size_t)reply->size);
    else if (reply->status != APR_SUCCESS)
        for (item = order->first; item < order->end; item++)
            note_failure(batch, item, reply->status, "the results could not be had");
    come_back(it, batch, (size_t)(order->end - order->first));
}

static void item_failed(mproc__job_t *job, apr_uint64_t item, apr_status_t status,
                        const char *words)
{
    batch_t *batch = batch_with(imap_of(job), item);
    char text[200];

    if (batch != NULL)
        note_failure(batch, item, status,
                     words[0] != '\0' ? words : mproc_strerror(status, text, sizeof text));
}

/* Failures that a dead worker had told of come again when the items are done again. */
static void forget_failures(batch_t *batch, apr_uint64_t first, apr_uint64_t end)
{
    failure_t **each = &batch->failures, *gone;

    while (*each != NULL) {
        gone = *each;
        if (gone->item < first || gone->item >= end) {
            each = &gone->next;
            continue;
        }
        *each = gone->next;
        free(gone);
    }
}

/* Part of a lost work once more; without memory for that it has failed. */
static void again(mproc_imap_t *it, const mproc__work_t *work, apr_uint64_t first,
                  apr_uint64_t end, apr_uint32_t attempts)
{
    const mproc__order_t *order = &work->parcel.order;
    mproc__work_t *part;
    apr_uint64_t item;

    if (first >= end)
        return;
    part = mproc__work_create_with(&it->job, MPROC__ITEMS,
                                   mproc__work_payload(work) +
                                       (first - order->first) * it->item_size,
                                   (size_t)(end - first) * it->item_size);
    if (part == NULL) {
        for (item = first; item < end; item++)
            note_failure(work->of_job, item, APR_ENOMEM,
                         "no memory to do it again after a worker had died");
        come_back(it, work->of_job, (size_t)(end - first));
        return;
    }
    part->parcel.order.first = first;
    part->parcel.order.end = end;
    part->parcel.order.item_size = it->item_size;
    part->parcel.order.result_size = it->result_size;
    part->of_job = work->of_job;
    part->attempts = attempts;
    mproc__work_add_again(part);
}

/* The results of the items before were lost with the worker, too, but are no fault of theirs. */
static void lost(mproc__job_t *job, mproc__work_t *work, const mproc__ended_t *ended,
                 apr_status_t status, const char *words)
{
    mproc_imap_t *it = imap_of(job);
    apr_uint64_t first = work->parcel.order.first, end = work->parcel.order.end;
    apr_uint64_t item = ended->item;
    apr_uint32_t attempts = end - first == 1 ? work->attempts : 0;

    forget_failures(work->of_job, first, end);
    if (item < first || item >= end) {
        again(it, work, first, end, attempts);
        return;
    }
    again(it, work, item + 1, end, 0);
    if (status == APR_SUCCESS) {
        again(it, work, item, item + 1, attempts);
    } else if (mproc__is_tried_again(job->workers, attempts, status)) {
        again(it, work, item, item + 1, attempts + 1);
    } else {
        note_failure(work->of_job, item, status, words);
        come_back(it, work->of_job, 1);
    }
    again(it, work, first, item, 0);
}

static void set_read(mproc_imap_t *it)
{
    if (!it->is_read)
        it->job.workers->reading--;
    it->is_read = 1;
}

static void fail(mproc__job_t *job, apr_status_t status, const char *words)
{
    mproc_imap_t *it = imap_of(job);
    batch_t *each;

    for (each = it->batches; each != NULL; each = each->next)
        mproc__job_count(job, each->left);
    set_read(it);
    it->failed = status;
    free(it->words);
    it->words = copy_words(words);
}

static int is_over(mproc__job_t *job)
{
    return imap_of(job)->is_read;
}

static void free_imap(mproc__job_t *job)
{
    mproc_imap_t *it = imap_of(job);

    while (it->batches != NULL)
        free_batch(it, it->batches);
    free(it->staging);
    free(it->words);
    free(it->source_words);
    free(it);
}

static const mproc__job_kind_t kind = {done, item_failed, lost, fail, is_over, NULL, free_imap};

/* -- Reading items ---------------------------------------------------------------------------------------- */

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
    batch_t *batch = make_batch(it, count);
    mproc__work_t *work;

    if (batch == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for items on their way");
    work = mproc__work_create_with(&it->job, MPROC__ITEMS, it->staging, count * it->item_size);
    if (work == NULL) {
        free_batch(it, batch);
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
        it->source_words = copy_words(mproc_error_message());
    }
    set_read(it);
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

/* -- Handing out ------------------------------------------------------------------------------------------- */

static batch_t *next_whole(const mproc_imap_t *it)
{
    if (!it->is_ordered)
        return it->whole;
    return it->batches != NULL && it->batches->left == 0 ? it->batches : NULL;
}

static void take_off_whole(mproc_imap_t *it, batch_t *batch)
{
    batch_t **each = &it->whole;

    while (*each != batch)
        each = &(*each)->next_whole;
    *each = batch->next_whole;
    if (it->whole == NULL)
        it->whole_end = &it->whole;
    else if (*each == NULL)
        it->whole_end = each;
}

static apr_status_t hand_out(mproc_imap_t *it, batch_t *batch, size_t *index, void *result)
{
    size_t item = batch->first + batch->given;
    apr_status_t rv = APR_SUCCESS;
    const failure_t *failure;

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
        free_batch(it, batch);
    }
    return rv;
}

/* What comes when there are no more results. */
static apr_status_t last_word(mproc_imap_t *it)
{
    apr_status_t rv;

    if (it->failed != APR_SUCCESS)
        return mproc_error_set(it->failed, "%s", it->words != NULL ? it->words : "");
    rv = it->source_rv;
    if (rv == APR_SUCCESS)
        return mproc_error_set(APR_EOF, "there are no more results");
    it->source_rv = APR_SUCCESS;
    return mproc_error_set(rv, "%s", it->source_words != NULL ? it->source_words : "");
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

/* -- Its end ---------------------------------------------------------------------------------------------------- */

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
        free_imap(&it->job);
    else if (it->job.workers->generation == mproc__program.generation)
        close_it(it);
    return APR_SUCCESS;
}

void mproc_imap_close(mproc_imap_t *it)
{
    if (it == NULL || (it->job.workers != NULL &&
                       it->job.workers->generation != mproc__program.generation))
        return;
    apr_pool_destroy(it->mem);
}

/* -- Its beginning ----------------------------------------------------------------------------------------------- */

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

static void set_options(mproc_imap_t *it, const mproc_imap_options_t *options)
{
    it->source = options->source;
    it->source_data = options->source_data;
    it->chunksize = options->chunksize > 0 ? options->chunksize : 1;
    it->buffersize = options->buffersize > 0 ? options->buffersize
                                             : 4 * it->chunksize * it->job.workers->wanted;
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
    made->job.kind = &kind;
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
    mproc_imap_t *made;
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
        free_imap(&made->job);
        return rv;
    }
    apr_pool_cleanup_register(made->mem, made, destroy, apr_pool_cleanup_null);
    *it = made;
    return APR_SUCCESS;
}

apr_status_t(mproc_pool_imap)(mproc_imap_t **it, mproc_pool_t *workers, mproc_item_fn *target,
                              const void *items, size_t item_size, size_t result_size,
                              size_t count, const mproc_imap_options_t *options, apr_pool_t *mem)
{
    mproc_imap_t as = {.is_ordered = 1, .items = items, .count = count, .item_size = item_size,
                       .result_size = result_size};

    return imap(it, &as, workers, target, options, mem);
}

apr_status_t(mproc_pool_imap_unordered)(mproc_imap_t **it, mproc_pool_t *workers,
                                        mproc_item_fn *target, const void *items, size_t item_size,
                                        size_t result_size, size_t count,
                                        const mproc_imap_options_t *options, apr_pool_t *mem)
{
    mproc_imap_t as = {.items = items, .count = count, .item_size = item_size,
                       .result_size = result_size};

    return imap(it, &as, workers, target, options, mem);
}
