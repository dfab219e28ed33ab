/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of owning a process: it is closed, its memory goes, or the program
 * ends.  Nothing of a child stays behind, and a detached one is let go.
 */

#include "ending.h"

#include "belongings.h"
#include "child.h"
#include "children.h"
#include "deadline.h"
#include "exit_hooks.h"
#include "forks.h"
#include "log.h"
#include "program.h"

#include <mproc/status.h>

#include <limits.h>

/* How long a process that was asked to end is waited for before it is forced. */
#define GRACE apr_time_from_sec(1)

/* A process that was asked to end. */
static void end_by(mproc_process_t *process, port_deadline_t deadline)
{
    if (mproc__process_wait(process, deadline) == APR_SUCCESS)
        return;
    mproc__process_force(process);
}

void mproc__process_stop_all(mproc_process_t *const *processes, size_t count)
{
    port_deadline_t deadline = mproc__deadline(GRACE);
    size_t i;

    for (i = 0; i < count; i++)
        mproc__process_stop(processes[i], MPROC__ASK);
    for (i = 0; i < count; i++)
        end_by(processes[i], deadline);
}

/* -- By closing it -------------------------------------------------------------- */

apr_status_t mproc_process_close(mproc_process_t *process)
{
    apr_status_t rv = mproc__process_check_child(process);

    if (rv == MPROC_ECLOSED)
        return APR_SUCCESS;
    MPROC_TRY(rv);
    rv = mproc__process_wait(process, PORT_NOW);
    if (rv != APR_SUCCESS)
        return mproc__process_not_ended(process, rv, MPROC_ERUNNING);
    rv = mproc__children_shut(process);
    return rv == APR_SUCCESS
               ? rv
               : mproc_error_set(rv, "another thread is waiting for %s", process->name);
}

/* -- By destroying its memory --------------------------------------------------- */

/* The memory that a detached child was started in goes. */
static apr_status_t release(void *data)
{
    mproc_process_t *process = data;

    if (process->owner != port_pid())
        return APR_SUCCESS;
    process->home = NULL;
    if (process->is_closed || mproc__process_wait(process, PORT_NOW) == APR_SUCCESS)
        apr_pool_destroy(process->mem);
    else
        mproc__children_release(process);
    return APR_SUCCESS;
}

/* The object's own memory goes. */
static apr_status_t end(void *data)
{
    mproc_process_t *process = data;

    if (process->owner != port_pid())
        return APR_SUCCESS;
    if (process->home != NULL)
        apr_pool_cleanup_kill(process->home, process, release);
    if (!process->is_closed && !process->is_detached)
        mproc__process_stop_all(&process, 1);
    if (!process->is_closed && mproc__process_wait(process, PORT_NOW) == APR_SUCCESS)
        mproc__children_shut(process);
    mproc__children_remove(process);
    return APR_SUCCESS;
}

void mproc__process_own(mproc_process_t *process, apr_pool_t *mem)
{
    /*
     * Before the pools under it go: until it is off the list, another thread that starts a process
     * may be reading this one's last words into one of them.
     */
    apr_pool_pre_cleanup_register(process->mem, process, end);
    if (!process->is_detached)
        return;
    /* In a pool under it: threads may share `mem`, and only making pools is safe there. */
    if (apr_pool_create(&process->home, mem) != APR_SUCCESS)
        process->home = mem;
    apr_pool_cleanup_register(process->home, process, release, apr_pool_cleanup_null);
}

/* -- By the end of the program ---------------------------------------------------- */

/* One that cannot be waited for, as somebody has closed all descriptors, must not be found again. */
static void await_end(mproc_process_t *process)
{
    if (mproc__process_wait(process, PORT_NEVER) == APR_SUCCESS)
        return;
    mproc__log(MPROC__LOG_WARNING, "cannot wait for %s, which ends with this process",
               process->name);
    mproc__process_lose(process);
}

/* Another thread may be destroying one of them meanwhile: each is held while it is looked at. */
static void end_children(void)
{
    unsigned last = atomic_load(&mproc__program.children);
    port_deadline_t deadline = last > 0 ? mproc__deadline(GRACE) : PORT_NOW;
    mproc_process_t *child;

    mproc__children_ask(last);
    while ((child = mproc__children_hold(1, last)) != NULL) {
        end_by(child, deadline);
        mproc__children_let_go(child);
    }
    while ((child = mproc__children_hold(0, last)) != NULL) {
        await_end(child);
        mproc__children_let_go(child);
    }
}

static void settle_belongings(void)
{
    mproc__belongings_lock();
    mproc__belongings_settle();
    mproc__belongings_unlock();
}

void mproc__leave(void)
{
    mproc__log(MPROC__LOG_INFO, "process shutting down");
    mproc__forks_leave();
    mproc__exit_hooks_run(0);
    end_children();
    mproc__exit_hooks_run(INT_MIN);
    settle_belongings();
    mproc__child_end();
}
