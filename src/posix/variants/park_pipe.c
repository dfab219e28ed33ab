/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a park is a pipe, and who sleeps in it polls for a byte, and
 * takes it.  One byte may wake all of them, but no more than one for sure: who comes
 * too late finds none, and sleeps on.  A byte that nobody took wakes the next one
 * who comes, for no reason.
 */

#include "internal.h"

#include <poll.h>
#include <unistd.h>

const size_t posix_park_descriptors = 2 * PORT_PARKS;

apr_status_t posix_parks_open(int *descriptors)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < PORT_PARKS; i++)
        rv = posix_open_ready_pipe(descriptors + 2 * i);
    return rv;
}

void posix_park(const int *descriptors, unsigned park, _Atomic uint32_t *word, uint32_t seen,
                port_deadline_t deadline)
{
    char byte;

    if (atomic_load(word) != seen)
        return;
    if (posix_poll(descriptors[2 * park], POLLIN, deadline) == APR_SUCCESS &&
        read(descriptors[2 * park], &byte, 1) < 0)
        return; /* another was faster */
}

/* What is written at once, at most: so much of it is written whole, or not at all (pipe(7)). */
#define WAKES_MAX 512

/* A full pipe has woken everybody already. */
unsigned posix_unpark(const int *descriptors, unsigned park, _Atomic uint32_t *word, unsigned count)
{
    static const char wakes[WAKES_MAX];
    ssize_t written =
        write(descriptors[2 * park + 1], wakes, count < WAKES_MAX ? count : WAKES_MAX);

    (void)word;
    return written > 0 ? (unsigned)written : 0;
}
