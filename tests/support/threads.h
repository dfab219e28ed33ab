/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_THREADS_H
#define MPROC_TESTS_THREADS_H

/*
 * Threads that return a status.  Asserts nothing, so that children can use them.
 */

#include <mproc.h>

#include <apr_thread_proc.h>

typedef apr_status_t work_fn(void *data);

/* A function that runs in a thread: at a place of its own until end_thread(). */
typedef struct work_t {
    work_fn *function;
    void *data;
    apr_status_t rv;
    apr_thread_t *thread;
} work_t;

apr_status_t start_thread(work_t *work, work_fn *function, void *data, apr_pool_t *mem);

/* Wait for its end, and return what the function did. */
apr_status_t end_thread(work_t *work);

#endif
