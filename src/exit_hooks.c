/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Functions to call at the end of this process, by priority.
 */

#include "exit_hooks.h"

#include "log.h"
#include "program.h"

#include <mproc/init.h>
#include <mproc/status.h>

#include <limits.h>

typedef struct hook_t {
    struct hook_t *next;
    mproc_exit_fn *function;
    void *data;
    int priority;
    apr_pool_t *mem;
} hook_t;

/* The highest priority first, of equals the last one; under the program's lock. */
static hook_t *hooks;

static void insert(hook_t *hook)
{
    hook_t **place = &hooks;

    while (*place != NULL && (*place)->priority > hook->priority)
        place = &(*place)->next;
    hook->next = *place;
    *place = hook;
}

static apr_status_t forget(void *data)
{
    hook_t **place = &hooks;

    mproc__program_lock();
    while (*place != NULL && *place != data)
        place = &(*place)->next;
    if (*place != NULL)
        *place = (*place)->next;
    mproc__program_unlock();
    return APR_SUCCESS;
}

apr_status_t mproc_at_exit(mproc_exit_fn *function, void *data, int priority, apr_pool_t *mem)
{
    apr_pool_t *own;
    hook_t *hook;
    apr_status_t rv;

    MPROC_TRY(mproc__program_check());
    if (function == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the function to call at exit or its memory is NULL");
    /* A pool of its own, so that threads may do this in the same memory. */
    rv = apr_pool_create(&own, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "no memory for a function to call at exit");
    hook = apr_palloc(own, sizeof *hook);
    *hook = (hook_t){NULL, function, data, priority, own};
    mproc__program_lock();
    insert(hook);
    mproc__program_unlock();
    apr_pool_cleanup_register(own, hook, forget, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static int take(hook_t *taken, int least_priority)
{
    hook_t *first;

    mproc__program_lock();
    first = hooks != NULL && hooks->priority >= least_priority ? hooks : NULL;
    if (first != NULL) {
        hooks = first->next;
        *taken = *first;
    }
    mproc__program_unlock();
    return first != NULL;
}

void mproc__exit_hooks_run(int least_priority)
{
    hook_t hook;

    mproc__log(MPROC__LOG_DEBUG, "running the exit hooks with %s",
               least_priority == INT_MIN ? "a negative priority" : "priority 0 or more");
    while (take(&hook, least_priority))
        hook.function(hook.data);
}

void mproc__exit_hooks_forget(void)
{
    hooks = NULL;
}
