/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting by forkserver: the fork server copies itself, and the copy gets the listed handles and
 * reads its start message over the control channel, as a spawned child does.  Nothing is said there
 * before the copy was heard of, as it begins by that.
 */

#include "deadline.h"
#include "forkserver.h"
#include "starting.h"

#include <mproc/status.h>

#include <string.h>

/* A server makes a copy at once, unless it is still at its preload function. */
#define BIRTH_TIMEOUT apr_time_from_sec(60)

/* So many servers may be killed before one start by them fails. */
#define TRIES 3

/* The control channel; the way to the server, which the child shares; and what the arguments hold. */
static const port_handle_t *handles_to_pass(mproc__starting_t *starting,
                                            const mproc__forkserver_t *way, size_t *count)
{
    const port_handle_t *own = mproc__starting_handles(starting, count);
    port_handle_t *all = apr_palloc(starting->process->mem, (*count + 2) * sizeof *all);

    all[0] = own[0];
    all[1] = port_channel_handle(way->channel);
    all[2] = way->lifeline;
    memcpy(all + 3, own + 1, (*count - 1) * sizeof *all);
    *count += 2;
    return all;
}

static apr_status_t ask(mproc__starting_t *starting, const mproc__forkserver_t *way,
                        port_stage_t *stage)
{
    mproc_process_t *process = starting->process;
    port_ask_t request = {
        .key = way->key,
        .token = starting->token,
        .folder = starting->options->working_directory,
        .is_detached = process->is_detached,
    };

    MPROC_TRY(mproc__starting_environment(starting, &request.environment, process->mem));
    request.handles = handles_to_pass(starting, way, &request.nhandles);
    return port_forkserver_ask(&process->port, way->channel, &request, stage,
                               mproc__deadline(BIRTH_TIMEOUT), process->mem);
}

static apr_status_t say_silent(const mproc__starting_t *starting)
{
    return mproc_error_set(APR_TIMEUP,
                           "cannot start %s: the fork server does not answer; if its preload "
                           "function takes long, start the server ahead by "
                           "mproc_forkserver_ensure_running",
                           starting->process->name);
}

/* Another one may do better: APR_SUCCESS, unless there were too many.  The message says how it ended. */
static apr_status_t count_loss(mproc__starting_t *starting)
{
    if (++starting->losses < TRIES)
        return APR_SUCCESS;
    return mproc_error_set(MPROC_EDIED,
                           "cannot start %s: the fork server has ended %d times before the "
                           "process was there: %s",
                           starting->process->name, TRIES, mproc_error_message());
}

static apr_status_t say_why_not(const mproc__starting_t *starting, apr_status_t rv,
                                port_stage_t stage)
{
    if (APR_STATUS_IS_TIMEUP(rv))
        return say_silent(starting);
    return stage == PORT_STAGE_FORK
               ? mproc__starting_failed(starting, rv, "copying the fork server")
               : mproc__starting_failed_at(starting, rv, stage, NULL);
}

/*
 * The next one calls the preload function first, which may take long: it is waited for without the
 * hold.  Another thread may have been the first to see that this one is gone.
 */
static apr_status_t prepare_again(mproc__starting_t *starting)
{
    starting->is_unprepared = 1;
    return APR_EOF;
}

/* One may be killed when it is asked. */
static apr_status_t launch(mproc__starting_t *starting)
{
    const mproc__forkserver_t *way = mproc__forkserver_serving();
    port_stage_t stage = PORT_STAGE_HANDLES;
    apr_status_t rv;

    if (way == NULL)
        return prepare_again(starting);
    rv = ask(starting, way, &stage);
    if (APR_STATUS_IS_EOF(rv)) {
        MPROC_TRY(mproc__forkserver_forget());
        MPROC_TRY(count_loss(starting));
        return prepare_again(starting);
    }
    return rv == APR_SUCCESS ? rv : say_why_not(starting, rv, stage);
}

apr_status_t mproc__prepare_by_forkserver(mproc__starting_t *starting)
{
    port_deadline_t deadline = mproc__deadline(BIRTH_TIMEOUT);
    mproc__service_t service;

    do {
        MPROC_TRY(mproc__forkserver_await(&service, deadline));
        if (service == MPROC__UNHEARD)
            return say_silent(starting);
        if (service == MPROC__UNSERVED)
            MPROC_TRY(count_loss(starting));
    } while (service != MPROC__SERVED);
    return APR_SUCCESS;
}

/* By which it begins.  What there is no room for follows. */
static void begin_to_tell(mproc__starting_t *starting)
{
    port_channel_write(starting->here, starting->message.bytes, starting->message.size, PORT_NOW,
                       &starting->told);
}

apr_status_t mproc__launch_by_forkserver(mproc__starting_t *starting)
{
    apr_status_t rv;

    mproc__forkserver_lock();
    rv = launch(starting);
    mproc__forkserver_unlock();
    MPROC_TRY(rv);
    begin_to_tell(starting);
    starting->process->is_served = 1;
    mproc__starting_take(starting);
    return APR_SUCCESS;
}
