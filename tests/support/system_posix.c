/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The operating system itself, for tests: POSIX.
 */

#include "system.h"

#include "claims.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int count_open_handles(void)
{
    int descriptor, count = 0;

    for (descriptor = 0; descriptor < 1024; descriptor++)
        count += fcntl(descriptor, F_GETFD) != -1;
    return count;
}

int count_open_channels(void)
{
    int descriptor, count = 0;

    for (descriptor = 3; descriptor < 1024; descriptor++) {
        struct stat about;

        count += fstat(descriptor, &about) == 0 && S_ISSOCK(about.st_mode);
    }
    return count;
}

/* Linux tells its pages; elsewhere only what was used at most, in units of the system's own. */
size_t count_taken_memory(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    struct rusage usage = {0};
    unsigned long pages = 0;

    if (file == NULL) {
        getrusage(RUSAGE_SELF, &usage);
        return (size_t)usage.ru_maxrss;
    }
    if (fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Up to the hard limit (getrlimit(2)). */
void allow_many_handles(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Elsewhere than on Linux, which has proc(5), the most that it ever was. */
size_t resident_memory(void)
{
    unsigned long size, pages = 0;
    struct rusage usage;
    FILE *file = fopen("/proc/self/statm", "r");
    int found = file != NULL ? fscanf(file, "%lu %lu", &size, &pages) : 0;

    if (file != NULL)
        fclose(file);
    if (found == 2)
        return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

size_t machine_memory(void)
{
    return (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

int has_unreaped_children(void)
{
    siginfo_t about;

    memset(&about, 0, sizeof about);
    if (waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno != ECHILD;
    return about.si_pid != 0 || !has_forkserver(); /* the server is a child that runs */
}

int is_ready(mproc_sentinel_t sentinel, apr_interval_time_t timeout)
{
    struct pollfd waiting = {.fd = (int)sentinel, .events = POLLIN};

    return poll(&waiting, 1, (int)apr_time_as_msec(timeout)) == 1;
}

/*
 * An instruction that does not exist: a sanitizer leaves its signal alone.  But a forked process has
 * the handlers of the test that forked it, and would go on with the tests.
 */
void crash(void)
{
    signal(SIGILL, SIG_DFL);
    signal(SIGTRAP, SIG_DFL); /* what some processors raise instead */
    __builtin_trap();
}

apr_int64_t own_pid(void)
{
    return getpid();
}

void kill_pid(apr_int64_t pid)
{
    kill((pid_t)pid, SIGKILL);
}

int enough_starts(void)
{
    return 500;
}

int enough_children(void)
{
    return 50;
}

int allow_handles(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur < 1 << 20 ? (int)limit.rlim_cur : 1 << 20;
}
