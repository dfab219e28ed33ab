/* SPDX-License-Identifier: Apache-2.0 */

/*
 * imap: the items that are under way, in batches, and what comes of them.
 */

#include "imap.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

static mproc_imap_t *imap_of(mproc__job_t *job)
{
    return (mproc_imap_t *)(void *)job;
}

/* -- Batches ------------------------------------------------------------------ */

mproc__batch_t *mproc__batch_create(mproc_imap_t *it, size_t count)
{
    mproc__batch_t *batch = calloc(1, sizeof *batch + count * it->result_size);

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

void mproc__batch_free(mproc_imap_t *it, mproc__batch_t *batch)
{
    mproc__failure_t *failure, *next;

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

static void come_back(mproc_imap_t *it, mproc__batch_t *batch, size_t count)
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

static void note_failure(mproc__batch_t *batch, apr_uint64_t item, apr_status_t status,
                         const char *words)
{
    size_t size = strlen(words) + 1;
    mproc__failure_t *failure = malloc(sizeof *failure + size);

    if (failure == NULL) {
        batch->unnoted = status;
        return;
    }
    failure->item = (size_t)item;
    failure->status = status;
    memcpy(failure->words, words, size);
    failure->next = batch->failures;
    batch->failures = failure;
}

static mproc__batch_t *batch_with(const mproc_imap_t *it, apr_uint64_t item)
{
    mproc__batch_t *each;

    for (each = it->batches; each != NULL; each = each->next)
        if (item >= each->first && item < each->first + each->count)
            return each;
    return NULL;
}

/* -- As a job ------------------------------------------------------------------ */

static void fail_all(mproc__batch_t *batch, const mproc__order_t *order, apr_status_t status,
                     const char *words)
{
    apr_uint64_t item;

    for (item = order->first; item < order->end; item++)
        note_failure(batch, item, status, words);
}

static void done(mproc__job_t *job, mproc__work_t *work, const mproc__reply_t *reply,
                 const void *payload)
{
    mproc_imap_t *it = imap_of(job);
    mproc__batch_t *batch = work->of_job;
    const mproc__order_t *order = &work->parcel.order;
    size_t count = (size_t)(order->end - order->first);

    if (reply->status != APR_SUCCESS)
        fail_all(batch, order, reply->status, "the results could not be had");
    else if (reply->size != count * it->result_size)
        fail_all(batch, order, MPROC_ECORRUPT, "the worker returned results of another size");
    else if (reply->size > 0)
        memcpy(batch->results + (order->first - batch->first) * it->result_size, payload,
               (size_t)reply->size);
    come_back(it, batch, count);
}

static void item_failed(mproc__job_t *job, apr_uint64_t item, apr_status_t status,
                        const char *words)
{
    mproc__batch_t *batch = batch_with(imap_of(job), item);
    char text[200];

    if (batch != NULL)
        note_failure(batch, item, status,
                     words[0] != '\0' ? words : mproc_strerror(status, text, sizeof text));
}

/* Failures that a dead worker had told of come again when the items are done again. */
static void forget_failures(mproc__batch_t *batch, apr_uint64_t first, apr_uint64_t end)
{
    mproc__failure_t **each = &batch->failures, *gone;

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
static void again(mproc_imap_t *it, const mproc__work_t *work, apr_uint64_t first, apr_uint64_t end,
                  apr_uint32_t attempts)
{
    const mproc__order_t *order = &work->parcel.order;
    mproc__work_t *part;
    apr_uint64_t item;

    if (first >= end)
        return;
    part = mproc__work_create_with(
        &it->job, MPROC__ITEMS, mproc__work_payload(work) + (first - order->first) * it->item_size,
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

void mproc__imap_set_read(mproc_imap_t *it)
{
    if (!it->is_read)
        it->job.workers->reading--;
    it->is_read = 1;
}

static void fail(mproc__job_t *job, apr_status_t status, const char *words)
{
    mproc_imap_t *it = imap_of(job);
    mproc__batch_t *each;

    for (each = it->batches; each != NULL; each = each->next)
        mproc__job_count(job, each->left);
    mproc__imap_set_read(it);
    it->failed = status;
    free(it->words);
    it->words = mproc__keep_words(words);
}

static int is_over(mproc__job_t *job)
{
    return imap_of(job)->is_read;
}

void mproc__imap_free(mproc__job_t *job)
{
    mproc_imap_t *it = imap_of(job);

    while (it->batches != NULL)
        mproc__batch_free(it, it->batches);
    free(it->staging);
    free(it->words);
    free(it->source_words);
    free(it);
}

const mproc__job_kind_t mproc__imap_kind = {done, item_failed,     lost, fail, is_over,
                                            NULL, mproc__imap_free};
