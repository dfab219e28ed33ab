/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copying this process.  The copy is a record like any other child; or, when a test
 * wants to see it from inside, this very process becomes the copy, and a parent
 * that does nothing keeps the handles that were its own.
 */

#include "internal.h"

#include <stdlib.h>

static const char *refusal;
static int becomes_the_copy;
static void (*leave)(int code); /* of the copy that this process is */
static fake_end_t *control;     /* the copy's end */

void fake_fork_reset(void)
{
    refusal = NULL;
    becomes_the_copy = 0;
    leave = NULL;
}

void fake_fork_refuse(const char *why)
{
    refusal = why;
}

void fake_be_the_copy(void)
{
    becomes_the_copy = 1;
}

const char *port_fork_refusal(void)
{
    return refusal;
}

void port_fork_flush(void)
{
}

void port_fork_flush_last(void)
{
}

void fake_copy_leaves_by(void (*function)(int code))
{
    leave = function;
}

void fake_copy_leave(int code)
{
    if (leave != NULL)
        leave(code);
}

port_channel_t *fake_parents_end(apr_pool_t *mem)
{
    port_channel_t *channel = apr_palloc(mem, sizeof *channel);

    channel->handle = fake_handle_open(control->peer, FAKE_THIS_PROCESS);
    return channel;
}

/* What fails here is told to `live`, as on a real system. */
static _Noreturn void live(const port_fork_t *request)
{
    port_birth_t birth = {.parent = fake_process_open(NULL, request->child_mem)};
    port_handle_t copies[FAKE_HANDLES_MAX];
    size_t i;

    assert_true(request->nhandles <= FAKE_HANDLES_MAX);
    becomes_the_copy = 0;
    leave = request->leave;
    control = fake_handle_end(request->handles[0]);
    fake_handles_copy(FAKE_PARENT);
    for (i = 0; i < request->nhandles; i++)
        copies[i] = fake_handle_open(fake_handle_end(request->handles[i]), FAKE_THIS_PROCESS);
    birth.control = copies[0];
    fake_end_put(control->peer, "", 1); /* the parent lets it go on */
    fake_pid_set(2);
    fake_at_fork_in_child();
    request->live(fake_call_in("port_fork"), &birth, copies, request->data);
    fail_msg("a copy has come back from its life");
    abort();
}

static apr_status_t go_through_stages(port_stage_t *stage)
{
    *stage = PORT_STAGE_FOLDER;
    MPROC_TRY(fake_call_in("port_fork"));
    *stage = PORT_STAGE_HANDLES;
    MPROC_TRY(fake_call_in("port_fork"));
    *stage = PORT_STAGE_FORK;
    return fake_call_in("port_fork");
}

apr_status_t port_fork(port_process_t **process, const port_fork_t *request, port_stage_t *stage,
                       apr_pool_t *mem)
{
    fake_child_t *child;

    assert_null(refusal);
    assert_true(request->nhandles > 0);
    assert_true(fake_signals_are_held());
    MPROC_TRY(go_through_stages(stage));
    fake_at_fork_before();
    if (becomes_the_copy)
        live(request);
    fake_at_fork_in_parent();
    child = fake_child_begin(request->handles, request->nhandles);
    child->is_detached = request->is_detached;
    child->is_copy = 1;
    *process = fake_process_open(child, mem);
    return APR_SUCCESS;
}
