/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a park is a pipe, and who sleeps in it polls for a byte.  A
 * byte wakes one for certain, who takes it: the others may find it gone before
 * poll(2) has returned to them, and sleep on.  A byte that nobody took wakes the
 * next one who comes, for no reason.
 */

#include "internal.h"

#include <poll.h>
#include <unistd.h>

/* As many wakes at once as anybody needs, and not so many that those left over are a nuisance. */
#define WAKES_MAX 4096

const size_t posix_park_descriptors = 2 * PORT_PARKS;

apr_status_t posix_parks_open(int *descriptors)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < PORT_PARKS; i++)
        rv = posix_open_ready_pipe(descriptors + 2 * i);
    return rv;
}

int posix_are_parks(const int *descriptors)
{
    int i, are_parks = 1;

    for (i = 0; i < PORT_PARKS; i++)
        are_parks = are_parks && posix_is_ready_pipe(descriptors + 2 * i);
    return are_parks;
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

/* Bytes that do not fit are not needed: as many as fit are there, and each wakes one. */
unsigned posix_unpark(const int *descriptors, unsigned park, _Atomic uint32_t *word, unsigned count)
{
    static const char wakes[WAKES_MAX];
    size_t left = count < WAKES_MAX ? count : WAKES_MAX;
    ssize_t written;

    (void)word;
    do
        written = write(descriptors[2 * park + 1], wakes, left);
    while (written < 0 && (left /= 2) > 0);
    return written > 0 ? (unsigned)written : 0;
}
