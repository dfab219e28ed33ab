/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting by fork: the child is a copy of this process, and finds its start
 * message in its own memory.
 */

#include "child.h"
#include "copying.h"
#include "deadline.h"
#include "forks.h"
#include "forkserver.h"
#include "log.h"
#include "program.h"
#include "starting.h"

#include <mproc/status.h>

/* A copy is at its target at once; one that is not by then never will be. */
#define BIRTH_TIMEOUT apr_time_from_sec(10)

/* What parent and child both know. */
typedef struct forking_t {
    mproc__starting_t *starting;
    apr_pool_t *childs; /* memory */
} forking_t;

/* -- In the child -------------------------------------------------------------- */

static apr_status_t prepare(const forking_t *forking, const port_birth_t *birth, apr_status_t rv)
{
    MPROC_TRY(mproc__child_begin_copy(birth, forking->childs));
    MPROC_TRY(mproc__copy_check_birth(rv));
    MPROC_TRY(mproc__forks_renew(forking->childs));
    if (forking->starting->process->is_detached)
        mproc__forkserver_leave();
    MPROC_TRY(mproc__child_prepare_copy(birth, &forking->starting->message, forking->childs));
    MPROC_TRY(mproc__read_environment(forking->childs));
    return mproc__child_await_word();
}

/* Only a whole child hears signals: a handler may call exit(). */
static void live(apr_status_t rv, const port_birth_t *birth, const port_handle_t *handles,
                 void *data)
{
    const forking_t *forking = data;
    mproc__starting_t *starting = forking->starting;

    mproc__copy_begin(forking->childs);
    port_channel_close(starting->here);
    port_channel_close(starting->there);
    mproc__start_number(&starting->message, handles + 1, starting->handles.count);
    rv = prepare(forking, birth, rv);
    if (rv != APR_SUCCESS)
        mproc__child_refuse(rv);
    port_signals_release_all();
    mproc__child_work();
}

/* -- In the parent -------------------------------------------------------------- */

static void warn_of_threads(int threads, const char *name)
{
    if (threads > 1)
        mproc__log(MPROC__LOG_WARNING,
                   "this process has %d threads, and forks %s: it is a copy of this one thread "
                   "alone, and a lock that another thread holds now stays locked in it for ever; "
                   "start it by spawn, or before there are threads",
                   threads, name);
}

static apr_status_t fork_process(forking_t *forking)
{
    mproc__starting_t *starting = forking->starting;
    size_t count;
    port_fork_t request = {
        .folder = starting->options->working_directory,
        .handles = mproc__starting_handles(starting, &count),
        .is_detached = starting->process->is_detached,
        .live = live,
        .leave = mproc__copy_leave,
        .data = forking,
        .child_mem = forking->childs,
    };
    port_stage_t stage = PORT_STAGE_HANDLES;
    apr_status_t rv;

    request.nhandles = count;
    MPROC_TRY(mproc__starting_environment(starting, &request.environment, forking->childs));
    rv = port_fork(&starting->process->port, &request, &stage, starting->process->mem);
    return rv == APR_SUCCESS ? rv : mproc__starting_failed_at(starting, rv, stage, NULL);
}

apr_status_t mproc__launch_by_fork(mproc__starting_t *starting)
{
    forking_t forking = {starting, NULL};
    int threads = port_thread_count();
    apr_status_t rv;

    MPROC_TRY(mproc__forks_check());
    starting->is_alone = threads == 1;
    warn_of_threads(threads, starting->process->name);
    rv = apr_pool_create(&forking.childs, NULL);
    if (rv != APR_SUCCESS)
        return mproc__starting_failed(starting, rv, "making its memory");
    rv = fork_process(&forking);
    apr_pool_destroy(forking.childs);
    MPROC_TRY(rv);
    mproc__starting_take(starting);
    return APR_SUCCESS;
}

/* -- Agreeing ------------------------------------------------------------------- */

/*
 * A process with threads is copied whatever they are doing.  The library's own locks are free in
 * the copy, but not all of the system's: with the one that exit() and atexit() hold for a moment
 * the child would hang before its target, and its parent with it, which joins it at its end.
 */
static apr_status_t see_it_live(const mproc__starting_t *starting)
{
    apr_status_t rv;

    if (starting->is_alone)
        return APR_SUCCESS;
    rv = mproc__process_hear_first_word(starting->process, mproc__deadline(BIRTH_TIMEOUT));
    if (rv == APR_SUCCESS || APR_STATUS_IS_EOF(rv))
        return APR_SUCCESS;
    mproc__starting_abort(starting);
    if (!APR_STATUS_IS_TIMEUP(rv))
        return mproc__starting_failed(starting, rv, "hearing from it");
    return mproc_error_set(rv,
                           "%s hangs: it is a copy of this process, and needs a lock that "
                           "another thread held; start it by spawn",
                           starting->process->name);
}

/* Only now, when nothing else can fail, does the child go on to its target; if it lives. */
apr_status_t mproc__tell_by_fork(const mproc__starting_t *starting)
{
    size_t sent;
    apr_status_t rv;

    MPROC_TRY(see_it_live(starting));
    rv = port_channel_write(starting->control, "", 1, PORT_NOW, &sent);
    if (rv == APR_SUCCESS || APR_STATUS_IS_EPIPE(rv))
        return APR_SUCCESS;
    mproc__starting_abort(starting);
    return mproc__starting_failed(starting, rv, "letting it go on");
}
