/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fork servers.  A server is a child like any other; what it is asked for is a record, too, as
 * long as the server runs.
 */

#include "internal.h"

#include "port_forkserver.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

static const char *refusal;
static int are_stopped;
static int deaths;       /* so many servers have ended when they are asked */
static int early_deaths; /* the same, and when they are waited for */

static struct {
    port_handle_t handles[FAKE_HANDLES_MAX];
    size_t nhandles; /* 0: for nothing */
    const char *token;
} asked;

void fake_forkserver_reset(void)
{
    refusal = NULL;
    deaths = early_deaths = are_stopped = 0;
    asked.nhandles = 0;
}

void fake_forkserver_refuse(const char *why)
{
    refusal = why;
}

void fake_forkservers_die(int count)
{
    deaths = count;
}

void fake_forkservers_die_early(int count)
{
    early_deaths = count;
}

void fake_forkservers_stop(int stop)
{
    are_stopped = stop;
}

int fake_forkservers_are_stopped(void)
{
    return are_stopped;
}

const char *port_forkserver_refusal(void)
{
    return refusal;
}

apr_status_t port_process_lifeline(port_handle_t *copy, const port_process_t *server)
{
    fake_end_t *ends[2];

    MPROC_TRY(fake_call());
    fake_ends_make(ends, PORT_WRITE);
    fake_handle_open(ends[1], server->child->number);
    *copy = fake_handle_open(ends[0], FAKE_THIS_PROCESS);
    return APR_SUCCESS;
}

apr_status_t port_forkserver_await_service(const port_channel_t *server, port_deadline_t deadline)
{
    (void)deadline;
    assert_non_null(fake_handle_end(port_channel_handle(server)));
    MPROC_TRY(fake_call());
    if (early_deaths > 0) {
        early_deaths--;
        return APR_EOF;
    }
    return APR_SUCCESS;
}

static apr_status_t go_through_stages(port_stage_t *stage)
{
    *stage = PORT_STAGE_FOLDER;
    MPROC_TRY(fake_call_in("port_forkserver_ask"));
    *stage = PORT_STAGE_HANDLES;
    MPROC_TRY(fake_call_in("port_forkserver_ask"));
    *stage = PORT_STAGE_FORK;
    return fake_call_in("port_forkserver_ask");
}

apr_status_t port_forkserver_ask(port_process_t **process, port_channel_t *server,
                                 const port_ask_t *ask, port_stage_t *stage,
                                 port_deadline_t deadline, apr_pool_t *mem)
{
    fake_child_t *child;

    (void)deadline;
    assert_null(refusal);
    assert_non_null(fake_handle_end(port_channel_handle(server)));
    assert_true(ask->nhandles > 0);
    assert_int_equal(fake_handle_end(ask->handles[0])->size, 0); /* it would begin unheard of */
    MPROC_TRY(go_through_stages(stage));
    if (deaths > 0) {
        deaths--;
        return APR_EOF;
    }
    child = fake_child_begin(ask->handles, ask->nhandles);
    child->is_served = 1;
    child->is_detached = ask->is_detached;
    apr_cpystrn(child->token, ask->token, sizeof child->token);
    *process = fake_process_open(child, mem);
    return APR_SUCCESS;
}

apr_status_t port_forkserver_await_end(const port_process_t *copy, port_deadline_t deadline)
{
    assert_false(copy->child->is_running);
    MPROC_TRY(fake_call());
    while (are_stopped)
        MPROC_TRY(fake_let_time_pass(deadline));
    return APR_SUCCESS;
}

void fake_forkserver_is_asked(const port_handle_t *handles, size_t nhandles, const char *token)
{
    assert_true(nhandles > 0 && nhandles <= FAKE_HANDLES_MAX);
    memcpy(asked.handles, handles, nhandles * sizeof *handles);
    asked.nhandles = nhandles;
    asked.token = token;
    fake_pause();
}

/* What fails here is told to `live`, as on a real system. */
static _Noreturn void live(const port_serving_t *serving)
{
    port_birth_t birth = {.token = asked.token,
                          .control = asked.handles[0],
                          .parent = fake_process_open(NULL, serving->copy_mem)};
    size_t nhandles = asked.nhandles;

    asked.nhandles = 0;
    fake_resume();
    port_signals_hold();
    fake_at_fork_before();
    fake_handles_copy(FAKE_PARENT);
    fake_copy_leaves_by(serving->leave);
    fake_pid_set(2);
    fake_at_fork_in_child();
    serving->live(fake_call_in("port_forkserver_serve"), &birth, asked.handles, nhandles,
                  serving->data);
    fail_msg("a copy has come back from its life");
    abort();
}

/* Nobody asks any more. */
apr_status_t port_forkserver_serve(port_channel_t *server, const port_serving_t *serving)
{
    apr_status_t rv = fake_call();

    port_channel_close(server);
    if (rv == APR_SUCCESS && asked.nhandles > 0)
        live(serving);
    return rv;
}
