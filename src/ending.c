/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of owning a process: it is closed, its memory goes, or the program
 * ends.  Nothing of a child stays behind, and a detached one is let go.
 */

#include "ending.h"

#include "children.h"
#include "deadline.h"
#include "program.h"

#include <mproc/status.h>

/* How long a process that was asked to end is waited for before it is forced. */
#define GRACE apr_time_from_sec(1)

void mproc__process_stop_all(mproc_process_t *const *processes, size_t count)
{
    port_deadline_t deadline = mproc__deadline(GRACE);
    size_t i;

    for (i = 0; i < count; i++)
        mproc__process_stop(processes[i], MPROC__ASK);
    for (i = 0; i < count; i++) {
        if (mproc__process_wait(processes[i], deadline) == APR_SUCCESS)
            continue;
        mproc__process_stop(processes[i], MPROC__FORCE);
        mproc__process_wait(processes[i], PORT_NEVER);
    }
}

/* -- By closing it -------------------------------------------------------------- */

apr_status_t mproc_process_close(mproc_process_t *process)
{
    apr_status_t rv = mproc__process_check_child(process);

    if (rv == MPROC_ECLOSED)
        return APR_SUCCESS;
    MPROC_TRY(rv);
    if (mproc__process_wait(process, PORT_NOW) != APR_SUCCESS)
        return mproc_error_set(MPROC_ERUNNING, "%s is still running", process->name);
    rv = mproc__process_shut(process);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "another thread is waiting for %s", process->name);
    mproc__children_remove(process);
    return APR_SUCCESS;
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
        mproc__process_shut(process);
    mproc__children_remove(process);
    return APR_SUCCESS;
}

void mproc__process_own(mproc_process_t *process, apr_pool_t *mem)
{
    apr_pool_cleanup_register(process->mem, process, end, apr_pool_cleanup_null);
    if (!process->is_detached)
        return;
    process->home = mem;
    apr_pool_cleanup_register(mem, process, release, apr_pool_cleanup_null);
}

/* -- By the end of the program ---------------------------------------------------- */

void mproc__children_end(void)
{
    size_t count, i;
    mproc_process_t **found = mproc__children_collect(1, &count);

    mproc__process_stop_all(found, count);
    found = mproc__children_collect(0, &count);
    for (i = 0; i < count; i++)
        mproc__process_wait(found[i], PORT_NEVER);
}
