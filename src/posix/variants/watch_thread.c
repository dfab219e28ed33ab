/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a thread waits for the child without reaping it
 * (waitid(2) with WNOWAIT), and writes into a pipe that then polls readable: its
 * mere end would not do, as a forked sibling may hold a copy.  A status that
 * somebody else has taken ends the wait as well.
 */

#include "internal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two own it, its thread and the process object; whoever is the last to go takes it away. */
struct watcher_t {
    pid_t child;
    int tells;
    atomic_int owners;
};

static void disown(struct watcher_t *watcher)
{
    if (atomic_fetch_sub(&watcher->owners, 1) > 1)
        return;
    close(watcher->tells);
    free(watcher);
}

static void *wait_for_child(void *data)
{
    struct watcher_t *watcher = data;
    siginfo_t how;

    while (waitid(P_PID, (id_t)watcher->child, &how, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    while (write(watcher->tells, "", 1) < 0 && errno == EINTR)
        ;
    disown(watcher);
    return NULL;
}

apr_status_t posix_watch_open(port_process_t *process)
{
    struct watcher_t *watcher = malloc(sizeof *watcher);
    int pair[2];
    apr_status_t rv;

    if (watcher == NULL)
        return APR_ENOMEM;
    rv = posix_pipe(pair);
    if (rv != APR_SUCCESS) {
        free(watcher);
        return rv;
    }
    *watcher = (struct watcher_t){process->pid, pair[1], 2};
    rv = posix_background(wait_for_child, watcher);
    if (rv != APR_SUCCESS) {
        posix_close_pair(pair);
        free(watcher);
        return rv;
    }
    process->sentinel = pair[0];
    process->watcher = watcher;
    return APR_SUCCESS;
}

void posix_watch_close(port_process_t *process)
{
    if (process->watcher != NULL)
        disown(process->watcher);
    process->watcher = NULL;
}

/* Its thread is not here. */
void posix_watch_abandon(port_process_t *process)
{
    if (process->watcher != NULL)
        close(process->watcher->tells);
    process->watcher = NULL;
}

int posix_watch_reap(const port_process_t *process, siginfo_t *how)
{
    int result;

    memset(how, 0, sizeof *how);
    do
        result = waitid(P_PID, (id_t)process->pid, how, WEXITED | WNOHANG);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        return errno;
    return how->si_pid != 0 ? 0 : ECHILD;
}

/*
 * While it is our unreaped child its number is its own; once it is not, the number may be
 * anybody's.
 */
int posix_watch_signal(const port_process_t *process, int number)
{
    siginfo_t how;

    memset(&how, 0, sizeof how);
    if (waitid(P_PID, (id_t)process->pid, &how, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD ? ESRCH : errno;
    if (how.si_pid != 0)
        return ESRCH;
    return kill(process->pid, number) == 0 ? 0 : errno;
}
