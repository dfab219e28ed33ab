/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The operating system itself, for tests: POSIX.
 */

#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

int count_open_handles(void)
{
    int descriptor, count = 0;

    for (descriptor = 0; descriptor < 1024; descriptor++)
        count += fcntl(descriptor, F_GETFD) != -1;
    return count;
}

int has_unreaped_children(void)
{
    siginfo_t about;

    memset(&about, 0, sizeof about);
    return waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

int is_ready(mproc_sentinel_t sentinel, apr_interval_time_t timeout)
{
    struct pollfd waiting = {.fd = (int)sentinel, .events = POLLIN};

    return poll(&waiting, 1, (int)apr_time_as_msec(timeout)) == 1;
}

/* An instruction that does not exist: a sanitizer leaves its signal alone. */
void crash(void)
{
    __builtin_trap();
}

int enough_starts(void)
{
    return 500;
}
