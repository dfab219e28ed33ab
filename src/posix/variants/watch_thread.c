/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system, and Linux where a pidfd is refused: a thread waits for the
 * child without reaping it (waitid(2) with WNOWAIT), and closes a pipe that then
 * polls readable.  A status that somebody else has taken ends the wait as well.
 */

#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct watcher_t {
    pid_t child;
    int teller;
} watcher_t;

/* Who debugs his child is told of its stops, too, as long as it stands still (ptrace(2)). */
#define STOP_MSEC 10

static int wait_for_news(pid_t child, siginfo_t *how)
{
    int result;

    do
        result = waitid(P_PID, (id_t)child, how, WEXITED | WNOWAIT);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

static void *wait_for_child(void *data)
{
    watcher_t watcher = *(watcher_t *)data;
    siginfo_t how;

    free(data);
    while (wait_for_news(watcher.child, &how) && !posix_is_end(&how))
        poll(NULL, 0, STOP_MSEC);
    close(watcher.teller);
    return NULL;
}

apr_status_t posix_thread_watch_open(port_process_t *process)
{
    watcher_t *watcher = malloc(sizeof *watcher);
    int pair[2];
    apr_status_t rv;

    if (watcher == NULL)
        return APR_ENOMEM;
    rv = posix_pipe(pair);
    if (rv != APR_SUCCESS) {
        free(watcher);
        return rv;
    }
    *watcher = (watcher_t){process->pid, pair[1]};
    rv = posix_background(wait_for_child, watcher);
    if (rv != APR_SUCCESS) {
        posix_close_pair(pair);
        free(watcher);
        return rv;
    }
    process->sentinel = pair[0];
    process->teller = pair[1];
    return APR_SUCCESS;
}

/*
 * The copy would keep the pipe open when the thread, which is not here, has closed its end.  If
 * it has done so already, the number may be another file's: the ends of a pipe are one file.
 */
void posix_thread_watch_abandon(const port_process_t *process)
{
    struct stat sentinel, teller;

    if (process->teller >= 0 && fstat(process->sentinel, &sentinel) == 0 &&
        fstat(process->teller, &teller) == 0 && sentinel.st_dev == teller.st_dev &&
        sentinel.st_ino == teller.st_ino)
        close(process->teller);
}

int posix_thread_watch_reap(const port_process_t *process, siginfo_t *how)
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
int posix_thread_watch_signal(const port_process_t *process, int number)
{
    siginfo_t how;

    memset(&how, 0, sizeof how);
    if (waitid(P_PID, (id_t)process->pid, &how, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD ? ESRCH : errno;
    if (posix_is_end(&how))
        return ESRCH;
    return kill(process->pid, number) == 0 ? 0 : errno;
}
