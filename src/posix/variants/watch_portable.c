/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: every child is watched by a thread.
 */

#include "internal.h"

apr_status_t posix_watch_open(port_process_t *process)
{
    return posix_thread_watch_open(process);
}

int posix_watch_number(pid_t pid)
{
    (void)pid;
    return -1;
}

void posix_watch_abandon(const port_process_t *process)
{
    posix_thread_watch_abandon(process);
}

int posix_watch_reap(const port_process_t *process, siginfo_t *how)
{
    return posix_thread_watch_reap(process, how);
}

int posix_watch_signal(const port_process_t *process, int number)
{
    return posix_thread_watch_signal(process, number);
}
