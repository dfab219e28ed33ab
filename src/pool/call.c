/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls: apply, and starmap, which is many of them with one result.
 */

#include "result.h"

#include <mproc/status.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- As jobs -------------------------------------------------------------------------------------- */

static mproc_result_t *result_of(mproc__job_t *job)
{
    return (mproc_result_t *)(void *)job;
}

static void count_call(mproc_result_t *result)
{
    result->counted++;
    mproc__job_count(&result->job, 1);
}

static void set_failed(mproc_result_t *result, size_t index, apr_status_t status, const char *words)
{
    count_call(result);
    mproc__result_set_failed(result, index, status, words);
}

/* What the target said, or at least the name of its status. */
static void set_refused(mproc_result_t *result, size_t index, const mproc__reply_t *reply,
                        const char *payload)
{
    char words[1100];
    size_t size = reply->size < sizeof words - 1 ? (size_t)reply->size : sizeof words - 1;

    memcpy(words, payload, size);
    words[size] = '\0';
    if (size == 0)
        mproc_strerror(reply->status, words, sizeof words);
    set_failed(result, index, reply->status, words);
}

static void done(mproc__job_t *job, mproc__work_t *work, const mproc__reply_t *reply,
                 const void *payload)
{
    mproc_result_t *result = result_of(job);

    if (reply->status != APR_SUCCESS)
        set_refused(result, work->index, reply, payload);
    else if (mproc__buffer_append(&result->returned[work->index].bytes, payload,
                                  (size_t)reply->size) != APR_SUCCESS)
        set_failed(result, work->index, APR_ENOMEM,
                   "what the target returned is larger than the memory there is");
    else
        count_call(result);
}

static void lost(mproc__job_t *job, mproc__work_t *work, const mproc__ended_t *ended,
                 apr_status_t status, const char *words)
{
    mproc__work_t *again = NULL;

    (void)ended;
    if (status == APR_SUCCESS || mproc__is_tried_again(job->workers, work->attempts, status))
        again = mproc__work_copy(work);
    if (again == NULL) {
        set_failed(result_of(job), work->index, status == APR_SUCCESS ? APR_ENOMEM : status, words);
        return;
    }
    if (status != APR_SUCCESS)
        again->attempts++;
    mproc__work_add_again(again);
}

static int is_over(mproc__job_t *job)
{
    (void)job;
    return 1;
}

static const mproc__job_kind_t kind = {done, NULL, lost, mproc__result_fail, is_over,
                                       NULL, mproc__result_free};

/* -- Packing the arguments ---------------------------------------------------------------------- */

/* Packs one behind the other. */
typedef struct packed_t {
    mproc__buffer_t buffer;
    size_t *ends;
} packed_t;

static void free_packed(packed_t *packed)
{
    mproc__buffer_free(&packed->buffer);
    free(packed->ends);
}

static apr_status_t pack_all(packed_t *packed, const mproc_pack_t *const *args, size_t count)
{
    size_t i;

    packed->ends = malloc((count + 1) * sizeof *packed->ends);
    if (packed->ends == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for so many calls");
    for (i = 0; i < count; i++) {
        apr_status_t rv = mproc__pack_encode(&packed->buffer, NULL, args[i]);

        if (rv != APR_SUCCESS)
            return count == 1 ? rv
                              : mproc_error_set(rv, "args[%llu]: %s", (unsigned long long)i,
                                                mproc_error_message());
        packed->ends[i] = packed->buffer.size;
    }
    return APR_SUCCESS;
}

/* -- Giving them to the pool ---------------------------------------------------------------------- */

/* Before any is sent all are there, so that nothing is half done when memory runs out. */
static apr_status_t make_works(mproc_result_t *result, const packed_t *packed,
                               mproc__work_t **works)
{
    size_t start = 0, i;

    for (i = 0; i < result->count; start = packed->ends[i++]) {
        works[i] = mproc__work_create_with(&result->job, MPROC__CALL, packed->buffer.bytes + start,
                                           packed->ends[i] - start);
        if (works[i] == NULL) {
            while (i-- > 0)
                mproc__work_free(result->job.workers, works[i]);
            return mproc_error_set(APR_ENOMEM, "no memory for a call to the pool");
        }
        works[i]->index = i;
    }
    return APR_SUCCESS;
}

static apr_status_t give_works(mproc_result_t *result, const packed_t *packed)
{
    mproc__work_t *one, **works = &one;
    apr_status_t rv;
    size_t i;

    if (result->count > 1)
        works = malloc(result->count * sizeof *works);
    if (works == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for so many calls");
    rv = make_works(result, packed, works);
    if (rv == APR_SUCCESS) {
        mproc__job_add(&result->job, result->job.workers, result->count);
        for (i = 0; i < result->count; i++)
            mproc__work_add(works[i]);
    }
    if (works != &one)
        free(works);
    return rv;
}

/* A job without calls is over at once, and the supervisor says so. */
static apr_status_t give(mproc_result_t *result, const packed_t *packed, apr_pool_t *mem)
{
    mproc_pool_t *workers = result->job.workers;

    MPROC_TRY(mproc__pool_check_open(workers));
    if (mem != NULL)
        MPROC_TRY(mproc__result_settle(result, mem));
    MPROC_TRY(give_works(result, packed));
    if (result->count == 0) {
        mproc__job_look(&result->job);
        mproc__engine_nudge(workers->engine);
    }
    return APR_SUCCESS;
}

static apr_status_t make(mproc_result_t **result, mproc_pool_t *workers, apr_uint64_t target,
                         size_t count, const mproc_async_options_t *options)
{
    mproc_result_t *made = mproc__result_create(&kind, workers, count, options);

    if (made == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for a result");
    made->job.target = target;
    made->returned = calloc(count > 0 ? count : 1, sizeof *made->returned);
    if (made->returned == NULL) {
        free(made);
        return mproc_error_set(APR_ENOMEM, "no memory for so many results");
    }
    *result = made;
    return APR_SUCCESS;
}

/* Without memory the result is the caller's to free. */
static apr_status_t call(mproc_result_t **result, mproc_pool_t *workers, mproc_target_fn *target,
                         const mproc_pack_t *const *args, size_t count,
                         const mproc_async_options_t *options, apr_pool_t *mem)
{
    packed_t packed = {{NULL, 0, 0}, NULL};
    mproc_result_t *made = NULL;
    apr_uint64_t number;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check(workers));
    MPROC_TRY(mproc__pool_target(&number, MPROC_KIND_TASK, (void (*)(void))target));
    MPROC_TRY(mproc__async_options(&options));
    rv = pack_all(&packed, args, count);
    if (rv == APR_SUCCESS)
        rv = make(&made, workers, number, count, options);
    if (rv == APR_SUCCESS) {
        mproc__pool_lock(workers);
        rv = give(made, &packed, mem);
        if (rv != APR_SUCCESS)
            mproc__result_free(&made->job);
        mproc__pool_unlock(workers);
    }
    free_packed(&packed);
    if (rv == APR_SUCCESS)
        *result = made;
    return rv;
}

/* -- For the user ------------------------------------------------------------------------------------ */

static apr_status_t check_where(mproc_result_t **result, const apr_pool_t *mem)
{
    return result != NULL && mem != NULL
               ? APR_SUCCESS
               : mproc_error_set(APR_EINVAL, "the variable for the result or its memory is NULL");
}

apr_status_t(mproc_pool_apply_async)(mproc_result_t **result, mproc_pool_t *workers,
                                     mproc_target_fn *target, const mproc_pack_t *args,
                                     const mproc_async_options_t *options, apr_pool_t *mem)
{
    MPROC_TRY(check_where(result, mem));
    return call(result, workers, target, &args, 1, options, mem);
}

static apr_status_t check_args(const mproc_pack_t *const *args, size_t count)
{
    return args != NULL || count == 0
               ? APR_SUCCESS
               : mproc_error_set(APR_EINVAL, "there are no arguments, but a number of them");
}

apr_status_t(mproc_pool_starmap_async)(mproc_result_t **result, mproc_pool_t *workers,
                                       mproc_target_fn *target, const mproc_pack_t *const *args,
                                       size_t count, const mproc_async_options_t *options,
                                       apr_pool_t *mem)
{
    MPROC_TRY(check_where(result, mem));
    MPROC_TRY(check_args(args, count));
    return call(result, workers, target, args, count, options, mem);
}

apr_status_t(mproc_pool_starmap)(mproc_result_t **result, mproc_pool_t *workers,
                                 mproc_target_fn *target, const mproc_pack_t *const *args,
                                 size_t count, apr_interval_time_t timeout, apr_pool_t *mem)
{
    mproc_result_t *made;
    apr_status_t rv;

    MPROC_TRY(check_where(result, mem));
    MPROC_TRY(check_args(args, count));
    MPROC_TRY(mproc__pool_check_waiting(workers));
    MPROC_TRY(call(&made, workers, target, args, count, NULL, mem));
    rv = mproc_result_get(made, timeout);
    if (!mproc_result_ready(made)) {
        mproc__result_give_up(made);
        return rv;
    }
    *result = made;
    return rv;
}

/* The bytes change hands, and are taken apart in the caller's values. */
static apr_status_t take(mproc_result_t *result, mproc_values_t *values)
{
    if (values == NULL)
        return APR_SUCCESS;
    mproc__buffer_swap(&values->buffer, &result->returned[0].bytes);
    values->count = 0;
    return values->buffer.size > 0 ? mproc__values_decode(values, 0, NULL, 0) : APR_SUCCESS;
}

apr_status_t(mproc_pool_apply)(mproc_pool_t *workers, mproc_target_fn *target,
                               const mproc_pack_t *args, mproc_values_t *values,
                               apr_interval_time_t timeout)
{
    mproc_result_t *result;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check_waiting(workers));
    MPROC_TRY(call(&result, workers, target, &args, 1, NULL, NULL));
    rv = mproc__result_await(result, timeout);
    if (rv == APR_SUCCESS)
        rv = take(result, values);
    mproc__result_give_up(result);
    return rv;
}
