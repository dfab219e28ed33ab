/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Results: where they live, and what can be asked of them.
 */

#include "result.h"

#include "deadline.h"
#include "program.h"
#include "targets.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

/* -- Making and freeing them -------------------------------------------------------------------- */

mproc_result_t *mproc__result_create(const mproc__job_kind_t *kind, mproc_pool_t *workers,
                                     size_t count, const mproc_async_options_t *options)
{
    mproc_result_t *result = calloc(1, sizeof *result);

    if (result == NULL)
        return NULL;
    result->job.kind = kind;
    result->job.workers = workers;
    result->count = count;
    result->options = *options;
    return result;
}

static void free_returned(mproc_result_t *result)
{
    size_t i;

    for (i = 0; result->returned != NULL && i < result->count; i++) {
        mproc__buffer_free(&result->returned[i].bytes);
        if (result->returned[i].values != NULL)
            mproc__buffer_free(&result->returned[i].values->buffer);
        free(result->returned[i].values);
    }
    free(result->returned);
}

static void leave_home(mproc_result_t *result)
{
    if (result->home == NULL)
        return;
    if (result->previous != NULL)
        result->previous->next = result->next;
    else
        result->home->results = result->next;
    if (result->next != NULL)
        result->next->previous = result->previous;
    result->home = NULL;
}

void mproc__result_free(mproc__job_t *job)
{
    mproc_result_t *result = (mproc_result_t *)(void *)job;

    leave_home(result);
    free_returned(result);
    if (result->map != NULL && result->map->arrays != NULL)
        mproc__arrays_release(job->workers, result->map->arrays);
    free(result->map);
    free(result->statuses);
    free(result->words);
    free(result);
}

/* -- Their homes ------------------------------------------------------------------------------------ */

/* The map of one that is not there yet must not be copied to where the user had room for it. */
static void abandon(mproc_result_t *result)
{
    while (result->map != NULL && result->map->is_copying)
        mproc__pool_sleep(result->job.workers, PORT_NEVER);
    leave_home(result);
    if (result->map != NULL)
        result->map->results = NULL;
    mproc__job_abandon(&result->job);
}

static void remove_home(mproc__home_t *home)
{
    mproc__home_t **each = &home->workers->homes;

    while (*each != home)
        each = &(*each)->next;
    *each = home->next;
}

static apr_status_t home_has_gone(void *data)
{
    mproc__home_t *home = data;
    mproc_pool_t *workers = home->workers;

    while (workers == NULL && home->results != NULL)
        mproc__result_free(&home->results->job);
    if (workers == NULL || workers->generation != mproc__program.generation)
        return APR_SUCCESS;
    mproc__pool_lock(workers);
    while (home->results != NULL)
        abandon(home->results);
    remove_home(home);
    mproc__pool_unlock(workers);
    return APR_SUCCESS;
}

static mproc__home_t *find_home(const mproc_pool_t *workers, const apr_pool_t *mem)
{
    mproc__home_t *each;

    for (each = workers->homes; each != NULL; each = each->next)
        if (each->mem == mem)
            return each;
    return NULL;
}

static mproc__home_t *make_home(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc__home_t *home;
    apr_pool_t *own;

    if (apr_pool_create(&own, mem) != APR_SUCCESS)
        return NULL;
    home = apr_pcalloc(own, sizeof *home);
    home->workers = workers;
    home->mem = mem;
    home->own = own;
    home->next = workers->homes;
    workers->homes = home;
    apr_pool_cleanup_register(own, home, home_has_gone, apr_pool_cleanup_null);
    return home;
}

apr_status_t mproc__result_settle(mproc_result_t *result, apr_pool_t *mem)
{
    mproc_pool_t *workers = result->job.workers;
    mproc__home_t *home = find_home(workers, mem);

    if (home == NULL)
        home = make_home(workers, mem);
    if (home == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for a result");
    result->home = home;
    result->next = home->results;
    if (home->results != NULL)
        home->results->previous = result;
    home->results = result;
    return APR_SUCCESS;
}

/* The supervisor has ended: all are ready, and whoever has one may still ask for it. */
void mproc__homes_forget(mproc_pool_t *workers)
{
    mproc__home_t *home;
    mproc_result_t *each;

    for (home = workers->homes; home != NULL; home = home->next) {
        for (each = home->results; each != NULL; each = each->next)
            each->job.workers = NULL;
        home->workers = NULL;
    }
    workers->homes = NULL;
}

void mproc_result_close(mproc_result_t *result)
{
    mproc_pool_t *workers = result != NULL ? result->job.workers : NULL;

    if (result != NULL && workers == NULL)
        mproc__result_free(&result->job);
    if (workers == NULL || workers->generation != mproc__program.generation)
        return;
    mproc__pool_lock(workers);
    abandon(result);
    mproc__pool_unlock(workers);
}

/* -- What comes before all may see one ----------------------------------------------------------------- */

static mproc_result_t *result_of(mproc__job_t *job)
{
    return job->kind->free == mproc__result_free ? (mproc_result_t *)(void *)job : NULL;
}

void mproc__job_call_back(mproc__job_t *job)
{
    mproc_result_t *result = result_of(job), *told;
    mproc_callback_fn *callback;

    if (result == NULL)
        return;
    if (result->map != NULL)
        mproc__map_deliver(result);
    result->is_delivered = 1;
    callback = result->status == APR_SUCCESS ? result->options.callback
                                             : result->options.error_callback;
    if (callback == NULL)
        return;
    told = job->is_abandoned ? NULL : result;
    mproc__pool_unlock(job->workers);
    callback(told, result->status, result->options.data);
    mproc__pool_lock(job->workers);
}

/* -- Failures ----------------------------------------------------------------------------------------------- */

/* Without the memory to note them one by one, the first is all that is known. */
static void note_status(mproc_result_t *result, size_t index, apr_status_t status)
{
    if (result->statuses == NULL && result->count > 1)
        result->statuses = calloc(result->count, sizeof *result->statuses);
    if (result->statuses != NULL)
        result->statuses[index] = status;
}

void mproc__result_set_failed(mproc_result_t *result, size_t index, apr_status_t status,
                              const char *words)
{
    if (index >= result->count)
        return;
    note_status(result, index, status);
    if (result->status != APR_SUCCESS && result->first_failed <= index)
        return;
    result->status = status;
    result->first_failed = index;
    free(result->words);
    result->words = mproc__keep_words(words);
}

void mproc__result_fail(mproc__job_t *job, apr_status_t status, const char *words)
{
    mproc_result_t *result = (mproc_result_t *)(void *)job;

    mproc__job_count(job, result->count - result->counted);
    result->counted = result->count;
    result->first_failed = 0;
    result->status = status;
    free(result->statuses);
    result->statuses = NULL;
    free(result->words);
    result->words = mproc__keep_words(words);
}

/* -- What can be asked ------------------------------------------------------------------------------------------ */

static apr_status_t check(const mproc_result_t *result)
{
    if (result == NULL)
        return mproc_error_set(APR_EINVAL, "the result is NULL");
    if (result->job.workers == NULL)
        return mproc_error_set(MPROC_ECLOSED, "the memory of its pool is gone");
    return mproc__pool_check(result->job.workers);
}

/* In a callback its own result can be asked; another is there or will not be. */
static int is_there(const mproc_result_t *result)
{
    return result->job.is_ready ||
           (result->is_delivered && mproc__pool_is_in_callback(result->job.workers));
}

static apr_status_t await(mproc_result_t *result, port_deadline_t deadline)
{
    mproc_pool_t *workers = result->job.workers;

    if (!is_there(result) && mproc__pool_is_in_callback(workers))
        return mproc_error_set(MPROC_EINUSE, "a callback cannot wait for another result of its pool, "
                                             "which comes after the callback");
    while (!is_there(result) && deadline != PORT_NOW && port_clock() < deadline)
        mproc__pool_sleep(workers, deadline);
    return is_there(result) ? APR_SUCCESS
                            : mproc_error_set(APR_TIMEUP, "the result is not there yet");
}

static const char *words_of(const mproc_result_t *result)
{
    return result->status != APR_SUCCESS ? mproc__kept_words(result->words) : "";
}

static apr_status_t wait_for(mproc_result_t *result, apr_interval_time_t timeout,
                             apr_status_t *status)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    mproc__pool_lock(result->job.workers);
    rv = await(result, deadline);
    *status = result->status;
    mproc__pool_unlock(result->job.workers);
    return rv;
}

apr_status_t mproc__result_await(mproc_result_t *result, apr_interval_time_t timeout)
{
    apr_status_t status;

    MPROC_TRY(wait_for(result, timeout, &status));
    return status == APR_SUCCESS ? APR_SUCCESS : mproc_error_set(status, "%s", words_of(result));
}

apr_status_t mproc_result_get(mproc_result_t *result, apr_interval_time_t timeout)
{
    MPROC_TRY(check(result));
    return mproc__result_await(result, timeout);
}

apr_status_t mproc_result_wait(mproc_result_t *result, apr_interval_time_t timeout)
{
    apr_status_t status;

    MPROC_TRY(check(result));
    return wait_for(result, timeout, &status);
}

int mproc_result_ready(mproc_result_t *result)
{
    int is_ready;

    if (check(result) != APR_SUCCESS)
        return 0;
    mproc__pool_lock(result->job.workers);
    is_ready = result->job.is_ready;
    mproc__pool_unlock(result->job.workers);
    return is_ready;
}

int mproc_result_successful(mproc_result_t *result)
{
    return mproc_result_ready(result) && result->status == APR_SUCCESS;
}

const char *mproc_result_error(mproc_result_t *result)
{
    const char *words;

    if (check(result) != APR_SUCCESS)
        return "";
    mproc__pool_lock(result->job.workers);
    words = is_there(result) ? words_of(result) : "";
    mproc__pool_unlock(result->job.workers);
    return words;
}

static apr_status_t status_of(const mproc_result_t *result, size_t index)
{
    if (!is_there(result))
        return mproc_error_set(MPROC_ERUNNING, "the result is not there yet");
    if (index >= result->count)
        return mproc_error_set(APR_EINVAL, "there is no item %llu; there are %llu",
                               (unsigned long long)index, (unsigned long long)result->count);
    return result->statuses != NULL ? result->statuses[index] : result->status;
}

apr_status_t mproc_result_item_status(mproc_result_t *result, size_t index)
{
    apr_status_t rv;

    MPROC_TRY(check(result));
    mproc__pool_lock(result->job.workers);
    rv = status_of(result, index);
    mproc__pool_unlock(result->job.workers);
    return rv;
}

/* -- What calls have returned ----------------------------------------------------------------------------------- */

/* Packed values in packed values are made in the memory of all results that live as long. */
static mproc_values_t *unpack(mproc_result_t *result, mproc__returned_t *returned)
{
    mproc_values_t *values = calloc(1, sizeof *values);

    if (values == NULL)
        return NULL;
    values->mem = result->home != NULL ? result->home->own : result->job.workers->mem;
    mproc__buffer_swap(&values->buffer, &returned->bytes);
    if (values->buffer.size > 0 && mproc__values_decode(values, 0, NULL, 0) != APR_SUCCESS) {
        mproc__buffer_free(&values->buffer);
        free(values);
        return NULL;
    }
    return values;
}

mproc_values_t *mproc_result_values(mproc_result_t *result, size_t index)
{
    mproc_values_t *values = NULL;

    if (check(result) != APR_SUCCESS)
        return NULL;
    mproc__pool_lock(result->job.workers);
    if (result->returned != NULL && status_of(result, index) == APR_SUCCESS) {
        if (result->returned[index].values == NULL)
            result->returned[index].values = unpack(result, &result->returned[index]);
        values = result->returned[index].values;
    }
    mproc__pool_unlock(result->job.workers);
    return values;
}

mproc_values_t *mproc__result_values(mproc_result_t *result)
{
    return mproc_result_values(result, 0);
}

/* -- Cancelling ------------------------------------------------------------------------------------------------------ */

apr_status_t mproc_result_cancel(mproc_result_t *result)
{
    mproc_pool_t *workers;
    int was_over;

    MPROC_TRY(check(result));
    workers = result->job.workers;
    mproc__pool_lock(workers);
    was_over = result->job.is_over;
    if (!was_over) {
        mproc__job_fail(&result->job, MPROC_ECANCELLED, "it was cancelled");
        mproc__engine_nudge(workers->engine);
    }
    while (!was_over && !result->job.is_ready && !mproc__pool_is_in_callback(workers))
        mproc__pool_sleep(workers, PORT_NEVER);
    mproc__pool_unlock(workers);
    return was_over ? mproc_error_set(MPROC_EENDED, "the result was there already") : APR_SUCCESS;
}

void mproc__result_give_up(mproc_result_t *result)
{
    mproc_pool_t *workers = result->job.workers;

    mproc__pool_lock(workers);
    if (!result->job.is_over) {
        mproc__job_fail(&result->job, MPROC_ECANCELLED, "it was cancelled");
        mproc__engine_nudge(workers->engine);
    }
    abandon(result);
    mproc__pool_unlock(workers);
}

/* -- For all that make them ---------------------------------------------------------------------------------------- */

apr_status_t mproc__async_options(const mproc_async_options_t **options)
{
    static const mproc_async_options_t by_default = MPROC_ASYNC_OPTIONS;

    if (*options == NULL)
        *options = &by_default;
    if ((*options)->size != sizeof by_default)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_ASYNC_OPTIONS");
    return APR_SUCCESS;
}

apr_status_t mproc__pool_target(apr_uint64_t *number, mproc_target_kind_t kind,
                                void (*function)(void))
{
    if (function == NULL)
        return mproc_error_set(APR_EINVAL, "the target is NULL");
    if (mproc__targets_find(mproc__program.targets, kind, function, number) == NULL)
        return mproc_error_set(MPROC_ETARGET,
                               "the target is not in the table of targets given to mproc_init; add "
                               "MPROC_TARGET(your_function) to it");
    return APR_SUCCESS;
}
