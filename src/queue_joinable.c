/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Joinable queues: each message is a task, which is done or not.
 */

#include "queue.h"
#include "tasks.h"

#include <mproc/status.h>

static apr_status_t check(const mproc_queue_t *queue)
{
    MPROC_TRY(mproc__queue_check(queue));
    if (queue->view.tasks == NULL)
        return mproc_error_set(APR_EINVAL, "the queue counts no tasks: it was not made with the "
                                           "option `joinable`");
    return APR_SUCCESS;
}

apr_status_t mproc_queue_task_done(mproc_queue_t *queue)
{
    apr_status_t rv;

    MPROC_TRY(check(queue));
    rv = mproc__tasks_finish_one(&queue->view);
    if (rv == MPROC_EOVERRELEASE)
        return mproc_error_set(rv,
                               "mproc_queue_task_done was called too many times: no message that "
                               "was got is an unfinished task");
    return mproc__queue_failed(rv);
}

static apr_status_t say_what_was_lost(const mproc__task_sums_t *sums)
{
    unsigned long lost = sums->lost;
    const char *tasks = lost == 1 ? "task was" : "tasks were", *them = lost == 1 ? "it" : "them";

    if (sums->queued == 0)
        return mproc_error_set(MPROC_EWORKERDIED,
                               "%lu %s not done: who had taken %s has died or closed the queue",
                               lost, tasks, them);
    return mproc_error_set(MPROC_EWORKERDIED,
                           "%lu %s not done: who had taken %s has died or closed the queue, and "
                           "no other process is left that gets the %llu in the queue",
                           lost, tasks, them, (unsigned long long)sums->queued);
}

apr_status_t mproc_queue_join(mproc_queue_t *queue, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    mproc__task_sums_t sums = {0, 0, 0};
    apr_status_t rv;

    MPROC_TRY(check(queue));
    rv = mproc__tasks_join(&queue->view, &sums, &patience);
    if (rv == MPROC_EWORKERDIED)
        return say_what_was_lost(&sums);
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "not all tasks were done in time");
    return mproc__queue_failed(rv);
}

/* Who has the lock for longer waits for somebody who puts a message in pieces, or is stopped. */
apr_status_t mproc_queue_tasks(mproc_queue_t *queue, size_t *unfinished, size_t *lost)
{
    mproc__patience_t patience = mproc__patience(MPROC__LOOK_MAX);
    mproc__task_sums_t sums;
    apr_status_t rv;

    MPROC_TRY(check(queue));
    rv = mproc__tasks_count(&queue->view, &sums, &patience);
    if (APR_STATUS_IS_TIMEUP(rv))
        rv = mproc__tasks_look(&queue->view, &sums);
    MPROC_TRY(mproc__queue_failed(rv));
    if (unfinished != NULL)
        *unfinished = sums.queued + sums.taken;
    if (lost != NULL)
        *lost = sums.lost;
    return APR_SUCCESS;
}
