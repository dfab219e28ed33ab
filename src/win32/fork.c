/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copying this process: Windows cannot.  A process begins there with a program's
 * first instruction (CreateProcessW()); the kernel's own NtCreateProcess can copy
 * one, but the copy is unknown to the subsystems that kernel32 and the C runtime
 * talk to, and can use neither.
 */

#include "internal.h"

#include <assert.h>

const char *port_fork_refusal(void)
{
    return "Windows begins every process at the start of its program, and cannot copy one; "
           "use spawn";
}

void port_fork_flush(void)
{
}

void port_fork_flush_last(void)
{
}

apr_status_t port_fork(port_process_t **process, const port_fork_t *request, port_stage_t *stage,
                       apr_pool_t *mem)
{
    (void)process;
    (void)request;
    (void)mem;
    assert(!"port_fork_refusal() was not asked");
    *stage = PORT_STAGE_FORK;
    return APR_ENOTIMPL;
}
