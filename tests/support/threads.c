/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads that return a status.
 */

#include "threads.h"

/* Returns, as AddressSanitizer does not follow apr_thread_exit() out of a function. */
static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    work_t *work = data;

    (void)thread;
    work->rv = work->function(work->data);
    return NULL;
}

apr_status_t start_thread(work_t *work, work_fn *function, void *data, apr_pool_t *mem)
{
    work->function = function;
    work->data = data;
    work->rv = APR_EINIT;
    return apr_thread_create(&work->thread, NULL, run, work, mem);
}

/* On Windows APR_INCOMPLETE says that the thread has ended, and by returning. */
apr_status_t end_thread(work_t *work)
{
    apr_status_t ignored, rv = apr_thread_join(&ignored, work->thread);

    return rv == APR_SUCCESS || APR_STATUS_IS_INCOMPLETE(rv) ? work->rv : rv;
}
