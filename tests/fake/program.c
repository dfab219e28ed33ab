/* SPDX-License-Identifier: Apache-2.0 */

/*
 * This process itself: what it is called, its threads, its signals, and its forks.
 */

#include "internal.h"

#include <string.h>

static int threads = 1;
static _Thread_local int holds; /* those of the library's thread go with it */
static apr_int64_t pid = 1;
static void (*at_fork[3])(void); /* before, in the parent, in the child */

void fake_surroundings_reset(void)
{
    threads = 1;
    holds = 0;
    pid = 1;
    memset(at_fork, 0, sizeof at_fork);
}

void fake_threads_set(int count)
{
    threads = count;
}

apr_status_t port_arguments(int *argc, const char *const **argv, apr_pool_t *mem)
{
    (void)argc;
    (void)argv;
    (void)mem;
    return fake_call();
}

apr_status_t port_executable(const char **path, const char *argv0, apr_pool_t *mem)
{
    (void)argv0;
    (void)mem;
    MPROC_TRY(fake_call());
    *path = "/fake/program";
    return APR_SUCCESS;
}

apr_status_t port_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable)
{
    (void)executable;
    MPROC_TRY(fake_call());
    memset(id, 'b', PORT_BUILD_ID_SIZE);
    return APR_SUCCESS;
}

apr_int64_t port_pid(void)
{
    return pid;
}

void fake_pid_set(apr_int64_t number)
{
    pid = number;
}

int port_cpu_count(void)
{
    return 4;
}

apr_status_t port_resident_size(size_t *bytes)
{
    MPROC_TRY(fake_call());
    *bytes = (size_t)16 << 20;
    return APR_SUCCESS;
}

int port_thread_count(void)
{
    return threads;
}

apr_status_t port_interrupt_ignore(void)
{
    return fake_call();
}

/* -- Signals ----------------------------------------------------------------------- */

int fake_signals_are_held(void)
{
    return holds;
}

void port_signals_hold(void)
{
    holds++;
}

void port_signals_release(void)
{
    assert_true(holds > 0);
    holds--;
}

void port_signals_release_all(void)
{
    assert_true(holds > 0);
    holds = 0;
}

/* -- Forks -------------------------------------------------------------------------- */

apr_status_t port_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    MPROC_TRY(fake_call());
    at_fork[0] = before;
    at_fork[1] = in_parent;
    at_fork[2] = in_child;
    return APR_SUCCESS;
}

void fake_at_fork_before(void)
{
    at_fork[0]();
}

void fake_at_fork_in_parent(void)
{
    at_fork[1]();
}

void fake_at_fork_in_child(void)
{
    at_fork[2]();
}
