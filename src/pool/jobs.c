/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Jobs: from when they are given to the pool until all may see what came of them.
 */

#include "pool.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

/* -- The list of those that are not over --------------------------------------------------------- */

void mproc__job_add(mproc__job_t *job, mproc_pool_t *workers, apr_uint64_t count)
{
    job->next = workers->jobs;
    if (workers->jobs != NULL)
        workers->jobs->previous = job;
    workers->jobs = job;
    job->workers = workers;
    mproc__job_expect(job, count);
}

void mproc__job_expect(mproc__job_t *job, apr_uint64_t count)
{
    mproc_pool_t *workers = job->workers;

    if (workers->done == workers->total) {
        workers->done = workers->total = 0;
        workers->began = port_clock();
    }
    workers->total += count;
}

static void remove_job(mproc__job_t *job)
{
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        job->workers->jobs = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    job->next = job->previous = NULL;
}

void mproc__job_count(mproc__job_t *job, apr_uint64_t count)
{
    mproc_pool_t *workers = job->workers;

    workers->done += count;
    if (workers->done == workers->total)
        workers->is_progress_due = 1;
}

/* -- Their end ------------------------------------------------------------------------------------- */

static void finish(mproc__job_t *job)
{
    mproc_pool_t *workers = job->workers;

    job->is_over = 1;
    remove_job(job);
    job->next_finished = NULL;
    *workers->finished_end = job;
    workers->finished_end = &job->next_finished;
}

void mproc__job_look(mproc__job_t *job)
{
    if (!job->is_over && job->works == NULL && job->kind->is_over(job))
        finish(job);
}

void mproc__job_fail(mproc__job_t *job, apr_status_t status, const char *words)
{
    mproc__job_withdraw(job);
    job->kind->fail(job, status, words);
    finish(job);
}

void mproc__jobs_fail(mproc_pool_t *workers, apr_status_t status, const char *words)
{
    while (workers->jobs != NULL)
        mproc__job_fail(workers->jobs, status, words);
}

void mproc__job_ready(mproc__job_t *job)
{
    job->is_ready = 1;
    mproc__pool_wake(job->workers);
    if (job->is_abandoned)
        job->kind->free(job);
}

void mproc__job_abandon(mproc__job_t *job)
{
    job->is_abandoned = 1;
    if (job->is_ready)
        job->kind->free(job);
}

char *mproc__keep_words(const char *words)
{
    char *copy = malloc(strlen(words) + 1);

    return copy != NULL ? strcpy(copy, words) : NULL;
}

const char *mproc__kept_words(const char *words)
{
    return words != NULL ? words : "there was no memory for the words";
}

int mproc__is_tried_again(const mproc_pool_t *workers, apr_uint32_t attempts, apr_status_t status)
{
    return status == MPROC_EWORKERDIED &&
           (workers->options.retries == MPROC_RETRY_FOREVER || attempts < workers->options.retries);
}
