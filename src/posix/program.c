/* SPDX-License-Identifier: Apache-2.0 */

/*
 * This process itself: its number, its CPUs, its threads, its Ctrl-C, and its forks.
 */

#include "internal.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

apr_int64_t port_pid(void)
{
    return (apr_int64_t)getpid();
}

int port_cpu_count(void)
{
    int usable = posix_usable_cpus(), quota = posix_quota_cpus();

    return quota > 0 && quota < usable ? quota : usable;
}

apr_status_t port_resident_size(size_t *bytes)
{
    return posix_resident_size(bytes);
}

int port_thread_count(void)
{
    return posix_count_threads();
}

static _Thread_local sigset_t before_hold;
static _Thread_local int holds;

void port_signals_hold(void)
{
    sigset_t all;

    sigfillset(&all);
    if (holds++ == 0)
        pthread_sigmask(SIG_SETMASK, &all, &before_hold);
}

void port_signals_release(void)
{
    if (--holds == 0)
        pthread_sigmask(SIG_SETMASK, &before_hold, NULL);
}

void port_signals_release_all(void)
{
    holds = 1;
    port_signals_release();
}

apr_status_t port_interrupt_ignore(void)
{
    struct sigaction ignore;
    sigset_t interrupt;

    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (sigaction(SIGINT, &ignore, NULL) != 0)
        return APR_FROM_OS_ERROR(errno);
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    return APR_FROM_OS_ERROR(pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL));
}

apr_status_t port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    return APR_FROM_OS_ERROR(pthread_atfork(before, in_parent, in_child));
}
