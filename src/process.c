/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The process object from outside: waiting, stopping, and how it ended.
 *
 * Threads wait on the system's part without the lock, and count as waiters
 * meanwhile; whoever sees the end first settles it under the lock, once, and the
 * last one to leave gives the system's part back.
 */

#include "process_object.h"

#include "belongings.h"
#include "deadline.h"
#include "port_forkserver.h"
#include "program.h"

#include <mproc/status.h>

/* A fork server tells of an end at once.  One that has been stopped may never. */
#define TOLD_TIMEOUT apr_time_from_sec(10)

apr_status_t mproc__process_create(mproc_process_t **process, mproc__role_t role, apr_pool_t *mem)
{
    mproc_process_t *made = apr_pcalloc(mem, sizeof *made);

    made->role = role;
    made->mem = mem;
    made->owner = port_pid();
    MPROC_TRY(apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, mem));
    *process = made;
    return APR_SUCCESS;
}

/* The handler of a signal that came now and called exit() would want this lock too. */
static void lock(mproc_process_t *process)
{
    port_signals_hold();
    apr_thread_mutex_lock(process->lock);
}

static void unlock(mproc_process_t *process)
{
    apr_thread_mutex_unlock(process->lock);
    port_signals_release();
}

/* -- Waiting ------------------------------------------------------------------ */

/*
 * What is closed here is not closed in the middle of a fork: the system copies descriptors and
 * memory one after the other, so that the child could have those that its memory calls closed.
 */
static void close_port(mproc_process_t *process)
{
    mproc__belongings_lock();
    port_process_close(process->port);
    process->port = NULL;
    mproc__belongings_unlock();
}

static void close_control(mproc_process_t *process)
{
    mproc__belongings_lock();
    port_channel_close(process->control);
    process->control = NULL;
    mproc__belongings_unlock();
}

static void release_port(mproc_process_t *process)
{
    if (process->port != NULL && process->waiters == 0 &&
        (!process->is_sentinel_given || process->is_closed))
        close_port(process);
}

/* Those who wait for what the dead one held look at once, instead of when they would have. */
static void tell_belongings(void)
{
    mproc__belongings_lock();
    mproc__belongings_notice();
    mproc__belongings_unlock();
}

/* Under the lock, once. */
static void settle(mproc_process_t *process)
{
    if (process->has_ended)
        return;
    process->has_ended = 1;
    if (process->role != MPROC__CHILD)
        return;
    port_process_reap(process->port, &process->how);
    if (process->how.ending != PORT_EXITED || process->how.code != 0)
        tell_belongings();
    mproc__process_read_last_words(process);
    close_control(process);
}

port_process_t *mproc__process_enter(mproc_process_t *process)
{
    port_process_t *port = NULL;

    lock(process);
    if (process->has_ended) {
        release_port(process);
    } else {
        process->waiters++;
        port = process->port;
    }
    unlock(process);
    return port;
}

/* Whoever sees the end first decides. */
port_deadline_t mproc__process_overdue(mproc_process_t *process)
{
    port_deadline_t overdue;

    lock(process);
    if (process->overdue == 0)
        process->overdue = port_clock() + TOLD_TIMEOUT;
    overdue = process->overdue;
    unlock(process);
    return overdue;
}

apr_status_t mproc__process_hear_end(mproc_process_t *process, const port_process_t *port,
                                     port_deadline_t deadline)
{
    port_deadline_t overdue;
    apr_status_t rv;

    if (!process->is_served || port_forkserver_await_end(port, PORT_NOW) == APR_SUCCESS)
        return APR_SUCCESS;
    overdue = mproc__process_overdue(process);
    rv = port_forkserver_await_end(port, deadline < overdue ? deadline : overdue);
    return APR_STATUS_IS_TIMEUP(rv) && port_clock() < overdue ? rv : APR_SUCCESS;
}

void mproc__process_leave(mproc_process_t *process, int has_ended)
{
    lock(process);
    process->waiters--;
    if (has_ended && !process->is_being_told)
        settle(process);
    if (process->has_ended)
        release_port(process);
    unlock(process);
}

apr_status_t mproc__process_wait(mproc_process_t *process, port_deadline_t deadline)
{
    port_process_t *port = mproc__process_enter(process);
    apr_status_t rv;

    if (port == NULL)
        return APR_SUCCESS;
    rv = port_process_wait(port, deadline);
    if (rv == APR_SUCCESS)
        rv = mproc__process_hear_end(process, port, deadline);
    mproc__process_leave(process, rv == APR_SUCCESS);
    return rv;
}

int mproc__process_is_over(mproc_process_t *process)
{
    int is_over;

    if (mproc__process_wait(process, PORT_NOW) != APR_SUCCESS)
        return 0;
    lock(process);
    is_over = process->port == NULL && process->control == NULL;
    unlock(process);
    return is_over;
}

void mproc__process_told(mproc_process_t *process)
{
    lock(process);
    process->is_being_told = 0;
    unlock(process);
}

int mproc__process_is_being_told(mproc_process_t *process)
{
    int is_being_told;

    lock(process);
    is_being_told = process->is_being_told;
    unlock(process);
    return is_being_told;
}

apr_status_t mproc__process_shut(mproc_process_t *process)
{
    apr_status_t rv = APR_SUCCESS;

    lock(process);
    if (process->waiters > 0)
        rv = MPROC_EINUSE;
    else
        process->is_closed = 1;
    if (process->is_closed)
        release_port(process);
    unlock(process);
    return rv;
}

apr_status_t mproc__process_check(const mproc_process_t *process)
{
    if (process == NULL)
        return mproc_error_set(APR_EINVAL, "the process is NULL");
    if (process->owner != port_pid())
        return mproc_error_set(MPROC_EFOREIGN, "%s was not started by this process", process->name);
    if (process->role == MPROC__SELF)
        return mproc_error_set(APR_EINVAL, "%s is this process itself", process->name);
    if (process->is_closed)
        return mproc_error_set(MPROC_ECLOSED, "%s is closed", process->name);
    return APR_SUCCESS;
}

apr_status_t mproc__process_check_child(const mproc_process_t *process)
{
    MPROC_TRY(mproc__process_check(process));
    if (process->role != MPROC__CHILD)
        return mproc_error_set(APR_EINVAL, "%s is this process's parent, not its child",
                               process->name);
    return APR_SUCCESS;
}

static int is_untold(mproc_process_t *process)
{
    int is_untold;

    lock(process);
    is_untold = process->overdue != 0 && !process->has_ended;
    unlock(process);
    return is_untold;
}

apr_status_t mproc__process_not_ended(mproc_process_t *process, apr_status_t rv,
                                      apr_status_t running)
{
    char text[120];

    if (!APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "cannot wait for %s: %s", process->name,
                               mproc_strerror(rv, text, sizeof text));
    return mproc_error_set(running,
                           is_untold(process)
                               ? "%s has ended, and the fork server has not told yet how"
                               : "%s is still running",
                           process->name);
}

apr_status_t mproc_process_join(mproc_process_t *process, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    MPROC_TRY(mproc__process_check(process));
    rv = mproc__process_wait(process, deadline);
    return rv == APR_SUCCESS ? rv : mproc__process_not_ended(process, rv, APR_TIMEUP);
}

int mproc_process_is_alive(mproc_process_t *process)
{
    if (process == NULL || process->owner != port_pid() || process->is_closed)
        return 0;
    return process->role == MPROC__SELF || mproc__process_wait(process, PORT_NOW) != APR_SUCCESS;
}

/* -- How it ended ------------------------------------------------------------- */

static apr_status_t check_ended(mproc_process_t *process)
{
    apr_status_t rv;

    MPROC_TRY(mproc__process_check_child(process));
    rv = mproc__process_wait(process, PORT_NOW);
    return rv == APR_SUCCESS ? rv : mproc__process_not_ended(process, rv, MPROC_ERUNNING);
}

static apr_status_t code_is_lost(const mproc_process_t *process)
{
    return mproc_error_set(
        MPROC_ELOST,
        process->is_served
            ? "the exit code of %s is lost: the fork server, which would have told it, is gone or "
              "does not answer"
            : "the exit code of %s was taken by somebody else: SIGCHLD is ignored, or a thread "
              "waits for any child",
        process->name);
}

apr_status_t mproc_process_exitcode(mproc_process_t *process, apr_int64_t *exitcode)
{
    MPROC_TRY(check_ended(process));
    if (exitcode == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the exit code is NULL");
    if (process->how.ending == PORT_LOST)
        return code_is_lost(process);
    *exitcode = process->how.ending == PORT_SIGNALED ? -process->how.code : process->how.code;
    return APR_SUCCESS;
}

apr_status_t mproc_process_status(mproc_process_t *process)
{
    MPROC_TRY(check_ended(process));
    return process->status == APR_SUCCESS ? APR_SUCCESS
                                          : mproc_error_set(process->status, "%s", process->words);
}

const char *mproc_process_error(mproc_process_t *process)
{
    return check_ended(process) == APR_SUCCESS ? process->words : "";
}

/* -- Ending it ---------------------------------------------------------------- */

apr_status_t mproc__process_stop(mproc_process_t *process, int signal)
{
    apr_status_t rv;

    lock(process);
    rv = process->has_ended ? APR_SUCCESS : port_process_stop(process->port, signal);
    unlock(process);
    return rv;
}

void mproc__process_lose(mproc_process_t *process)
{
    lock(process);
    if (!process->has_ended) {
        process->has_ended = 1;
        process->how = (port_exit_t){PORT_LOST, 0};
        process->status = MPROC_ELOST;
        process->words = "it could not be waited for";
        close_control(process);
    }
    process->is_closed = 1;
    release_port(process);
    unlock(process);
}

void mproc__process_force(mproc_process_t *process)
{
    if (mproc__process_stop(process, MPROC__FORCE) != APR_SUCCESS ||
        mproc__process_wait(process, PORT_NEVER) != APR_SUCCESS)
        mproc__process_lose(process);
}

static apr_status_t stop(mproc_process_t *process, int signal)
{
    char text[120];
    apr_status_t rv;

    MPROC_TRY(mproc__process_check_child(process));
    rv = mproc__process_stop(process, signal);
    return rv == APR_SUCCESS ? rv
                             : mproc_error_set(rv, "cannot end %s: %s", process->name,
                                               mproc_strerror(rv, text, sizeof text));
}

apr_status_t mproc_process_terminate(mproc_process_t *process)
{
    return stop(process, MPROC__ASK);
}

apr_status_t mproc_process_kill(mproc_process_t *process)
{
    return stop(process, MPROC__FORCE);
}

/* -- What it is --------------------------------------------------------------- */

const char *mproc_process_name(const mproc_process_t *process)
{
    return process->name;
}

apr_int64_t mproc_process_pid(const mproc_process_t *process)
{
    return process->pid;
}

int mproc_process_daemon(const mproc_process_t *process)
{
    return process->is_daemon;
}

apr_status_t mproc_process_sentinel(mproc_process_t *process, mproc_sentinel_t *sentinel)
{
    apr_status_t rv = MPROC_ECLOSED;

    MPROC_TRY(mproc__process_check(process));
    if (sentinel == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the sentinel is NULL");
    lock(process);
    if (process->port != NULL) {
        process->is_sentinel_given = 1;
        *sentinel = port_process_sentinel(process->port);
        rv = APR_SUCCESS;
    }
    unlock(process);
    return rv == APR_SUCCESS
               ? rv
               : mproc_error_set(rv, "%s has ended: there is nothing to wait for", process->name);
}

mproc_process_t *mproc_current_process(void)
{
    return mproc__program.self;
}

mproc_process_t *mproc_parent_process(void)
{
    return mproc__program.parent;
}
