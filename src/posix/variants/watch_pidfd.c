/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: a pidfd stands for one process, whatever becomes of its number
 * (pidfd_open(2)); it polls readable at the end, also when somebody else reaps.
 */

#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A child that has ended, and that somebody else has reaped at once, as the system does when
 * SIGCHLD is ignored: a pipe without another end is readable as well.
 */
static apr_status_t watch_nobody(port_process_t *process)
{
    int pair[2];
    apr_status_t rv = posix_pipe(pair);

    if (rv != APR_SUCCESS)
        return rv;
    close(pair[1]);
    process->sentinel = pair[0];
    return APR_SUCCESS;
}

static apr_status_t keep_pidfd(port_process_t *process, int descriptor)
{
    apr_status_t rv = posix_above_stdio(&descriptor);

    if (rv == APR_SUCCESS)
        process->sentinel = descriptor;
    else
        close(descriptor);
    return rv;
}

/*
 * A kernel before 5.3 has no pidfds, and the filters of some containers refuse them: then a thread
 * watches.  Where descriptors have run out, that says so as well.
 */
apr_status_t posix_watch_open(port_process_t *process)
{
    int descriptor = pidfd_open(process->pid, 0);

    if (descriptor >= 0)
        return keep_pidfd(process, descriptor);
    return errno == ESRCH ? watch_nobody(process) : posix_thread_watch_open(process);
}

int posix_watch_number(pid_t pid)
{
    return pidfd_open(pid, 0);
}

static int has_thread(const port_process_t *process)
{
    return process->teller >= 0;
}

void posix_watch_abandon(const port_process_t *process)
{
    if (has_thread(process))
        posix_thread_watch_abandon(process);
}

/*
 * A tracer is told of the end first, and until it lets go there is nothing for the parent to reap: a
 * debugger, or a sanitizer that looks for leaks, is waited for.
 */
static int reap_pidfd(const port_process_t *process, siginfo_t *how)
{
    int result;

    memset(how, 0, sizeof *how);
    do
        result = waitid(P_PIDFD, (id_t)process->sentinel, how, WEXITED);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return errno;
    return how->si_pid != 0 ? 0 : ECHILD;
}

/* Linux 5.3 has pidfds, but waits for none of them: EINVAL. */
int posix_watch_reap(const port_process_t *process, siginfo_t *how)
{
    int error = has_thread(process) ? EINVAL : reap_pidfd(process, how);

    return error == EINVAL ? posix_thread_watch_reap(process, how) : error;
}

/*
 * EBADF: it is no pidfd, see watch_nobody().  A filter may refuse this call alone; the number is
 * the child's for as long as nobody has reaped it.
 */
int posix_watch_signal(const port_process_t *process, int number)
{
    if (has_thread(process))
        return posix_thread_watch_signal(process, number);
    if (pidfd_send_signal(process->sentinel, number, NULL, 0) == 0)
        return 0;
    if (errno == ENOSYS || errno == EPERM)
        return posix_thread_watch_signal(process, number);
    return errno == EBADF ? ESRCH : errno;
}
