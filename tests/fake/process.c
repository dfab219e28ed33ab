/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process from outside.
 */

#include "internal.h"

/* Numbers that are neither a handle's nor a child's. */
#define FIRST_PID 1000
#define FIRST_SENTINEL 5000

static int processes;

int fake_processes_count(void)
{
    return processes;
}

void fake_processes_reset(void)
{
    processes = 0;
}

port_process_t *fake_process_open(fake_child_t *child, apr_pool_t *mem)
{
    port_process_t *process = apr_palloc(mem, sizeof *process);

    process->child = child;
    processes++;
    return process;
}

apr_int64_t fake_child_pid(const fake_child_t *child)
{
    return FIRST_PID + child->number;
}

const fake_child_t *fake_child_of_pid(apr_int64_t pid)
{
    return fake_child_at(pid - FIRST_PID);
}

apr_int64_t port_process_pid(const port_process_t *process)
{
    return fake_child_pid(process->child);
}

port_handle_t port_process_sentinel(const port_process_t *process)
{
    return FIRST_SENTINEL + process->child->number;
}

apr_status_t port_process_wait(port_process_t *process, port_deadline_t deadline)
{
    MPROC_TRY(fake_call());
    while (process->child == NULL || process->child->is_running)
        MPROC_TRY(fake_let_time_pass(deadline));
    return APR_SUCCESS;
}

/* The way in which this fails is that somebody else has asked before. */
void port_process_reap(port_process_t *process, port_exit_t *how)
{
    fake_child_t *child = process->child;

    assert_false(child->is_running);
    assert_false(child->is_reaped);
    child->is_reaped = 1;
    *how = child->how;
    if (fake_call() != APR_SUCCESS || (child->is_served && fake_forkservers_are_stopped()))
        *how = (port_exit_t){PORT_LOST, 0};
}

apr_status_t port_process_stop(port_process_t *process, int signal)
{
    fake_child_t *child = process->child;

    assert_false(child->is_reaped);
    MPROC_TRY(fake_call());
    child->signal = signal;
    if (child->is_running && !(child->is_stubborn && signal == 15))
        fake_child_end(child, PORT_SIGNALED, signal);
    return APR_SUCCESS;
}

void port_process_close(port_process_t *process)
{
    fake_child_t *child = process->child;

    processes--;
    if (child != NULL && child->is_running && !child->is_detached)
        fake_child_end(child, PORT_SIGNALED, 9);
}

void port_process_abandon(port_process_t *process)
{
    (void)process;
    processes--;
}
