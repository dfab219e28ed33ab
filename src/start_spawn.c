/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting by spawn: the program's executable runs again, in a process that has
 * the listed handles and nothing else, and is told what to do over the control
 * channel.
 */

#include "deadline.h"
#include "program.h"
#include "starting.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <string.h>

/* A child reads its start message first of all; one that has not by then never will. */
#define START_TIMEOUT apr_time_from_sec(60)

/* An override is another name of this program, and so goes by that name. */
static const char *const *child_arguments(const char *executable, apr_pool_t *mem)
{
    size_t count = 0;
    const char **arguments;

    while (mproc__program.argv[count] != NULL)
        count++;
    arguments = apr_pmemdup(mem, mproc__program.argv, (count + 1) * sizeof *arguments);
    if (mproc__program.own_executable == NULL ||
        strcmp(executable, mproc__program.own_executable) != 0)
        arguments[0] = executable;
    return arguments;
}

apr_status_t mproc__launch_by_spawn(mproc__starting_t *starting)
{
    apr_pool_t *mem = starting->process->mem;
    size_t count;
    port_handle_t *handles = mproc__starting_handles(starting, &count);
    port_spawn_t request = {
        .token = starting->token,
        .folder = starting->options->working_directory,
        .handles = handles,
        .nhandles = count,
        .ignores_interrupt = starting->options->ignore_interrupt != 0,
        .is_detached = starting->process->is_detached,
    };
    port_stage_t stage = PORT_STAGE_HANDLES;
    apr_status_t rv;

    MPROC_TRY(mproc__program_executable(&request.executable, mem));
    request.arguments = child_arguments(request.executable, mem);
    MPROC_TRY(mproc__starting_environment(starting, &request.environment, mem));
    rv = port_spawn(&starting->process->port, handles + count, &request, &stage, mem);
    if (rv != APR_SUCCESS)
        return mproc__starting_failed_at(starting, rv, stage, request.executable);
    mproc__start_number(&starting->message, handles + count + 1, count - 1);
    mproc__starting_take(starting);
    return APR_SUCCESS;
}

/*
 * A child that has ended already has its say through join; one that does not read is none of
 * ours.
 */
apr_status_t mproc__tell_by_spawn(const mproc__starting_t *starting)
{
    size_t sent;
    apr_status_t rv = port_channel_write(
        starting->control, starting->message.bytes + starting->told,
        starting->message.size - starting->told, mproc__deadline(START_TIMEOUT), &sent);

    if (rv == APR_SUCCESS || APR_STATUS_IS_EPIPE(rv))
        return APR_SUCCESS;
    mproc__starting_abort(starting);
    if (!APR_STATUS_IS_TIMEUP(rv))
        return mproc__starting_failed(starting, rv, "telling it what to do");
    return mproc_error_set(rv, "%s was started, but did not read its start message",
                           starting->process->name);
}
