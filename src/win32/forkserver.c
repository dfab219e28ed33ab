/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fork server's client: there is none where there is no fork; see fork.c.
 */

#include "internal.h"

#include <assert.h>

const char *port_forkserver_refusal(void)
{
    return "Windows begins every process at the start of its program, and has no fork for a "
           "server to make children by; use spawn";
}

apr_status_t port_process_lifeline(port_handle_t *copy, const port_process_t *server)
{
    (void)copy;
    (void)server;
    assert(!"port_forkserver_refusal() was not asked");
    return APR_ENOTIMPL;
}

apr_status_t port_forkserver_await_service(const port_channel_t *server, port_deadline_t deadline)
{
    (void)server;
    (void)deadline;
    assert(!"port_forkserver_refusal() was not asked");
    return APR_ENOTIMPL;
}

apr_status_t port_forkserver_await_end(const port_process_t *copy, port_deadline_t deadline)
{
    (void)copy;
    (void)deadline;
    assert(!"port_forkserver_refusal() was not asked");
    return APR_ENOTIMPL;
}

apr_status_t port_forkserver_ask(port_process_t **process, port_channel_t *server,
                                 const port_ask_t *ask, port_stage_t *stage,
                                 port_deadline_t deadline, apr_pool_t *mem)
{
    (void)process;
    (void)server;
    (void)ask;
    (void)deadline;
    (void)mem;
    assert(!"port_forkserver_refusal() was not asked");
    *stage = PORT_STAGE_FORK;
    return APR_ENOTIMPL;
}
