/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process from outside: waiting for it, ending it, and how it ended.
 */

#include "internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

/* A child that cannot be waited for is not started. */
apr_status_t posix_process_watch(port_process_t *process)
{
    apr_status_t rv = posix_watch_open(process);

    if (rv != APR_SUCCESS) {
        kill(process->pid, SIGKILL);
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return rv;
}

/* It is no child of this process, but a fork server's. */
static int is_told_of(const port_process_t *process)
{
    return process->told >= 0;
}

apr_int64_t port_process_pid(const port_process_t *process)
{
    return (apr_int64_t)process->pid;
}

/* A copy's line is ready when all is known, and its pidfd a moment before that. */
port_handle_t port_process_sentinel(const port_process_t *process)
{
    return is_told_of(process) ? process->told : process->sentinel;
}

apr_status_t port_process_wait(port_process_t *process, port_deadline_t deadline)
{
    return posix_poll(process->sentinel, POLLIN, deadline);
}

int posix_is_end(const siginfo_t *how)
{
    return how->si_code == CLD_EXITED || how->si_code == CLD_KILLED || how->si_code == CLD_DUMPED;
}

void port_process_reap(port_process_t *process, port_exit_t *how)
{
    siginfo_t about;
    int error =
        is_told_of(process) ? posix_told_reap(process, &about) : posix_watch_reap(process, &about);

    if (error != 0) {
        how->ending = PORT_LOST;
        how->code = 0;
        return;
    }
    how->ending = about.si_code == CLD_EXITED ? PORT_EXITED : PORT_SIGNALED;
    how->code = about.si_status;
}

apr_status_t port_process_stop(port_process_t *process, int signal)
{
    int error = is_told_of(process) ? posix_told_signal(process, signal)
                                    : posix_watch_signal(process, signal);

    assert(signal == SIGTERM || signal == SIGKILL);
    return error == 0 || error == ESRCH ? APR_SUCCESS : APR_FROM_OS_ERROR(error);
}

/* What tells of a process may be its sentinel as well. */
static void close_all(port_process_t *process)
{
    if (process->told == process->sentinel)
        process->told = -1;
    close_descriptor(&process->told);
    close_descriptor(&process->sentinel);
    close_descriptor(&process->lifeline);
}

void port_process_close(port_process_t *process)
{
    close_all(process);
}

/* The kernel's notices of a parent's lifeline go to its owner alone: closing a copy stops nothing. */
void port_process_abandon(port_process_t *process)
{
    posix_watch_abandon(process);
    close_all(process);
}
