/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Monotonic time, and waiting on one descriptor until a moment of it.
 */

#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

/* poll() counts in an int of milliseconds; a day at a time is far below its end. */
#define LONGEST_POLL (24 * 60 * 60 * 1000)

/* Rounded up, so that a wait never ends before its deadline. */
static int poll_milliseconds(port_deadline_t deadline)
{
    apr_int64_t left;

    if (deadline == PORT_NOW)
        return 0;
    if (deadline == PORT_NEVER)
        return -1;
    left = deadline - port_clock();
    if (left <= 0)
        return 0;
    left = (left + 999) / 1000;
    return left < LONGEST_POLL ? (int)left : LONGEST_POLL;
}

port_deadline_t port_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

apr_status_t posix_poll(int descriptor, short events, port_deadline_t deadline)
{
    struct pollfd poller = {.fd = descriptor, .events = events};
    apr_status_t rv = posix_poll_all(&poller, 1, deadline);

    return rv == APR_SUCCESS && (poller.revents & POLLNVAL) != 0 ? APR_EBADF : rv;
}

apr_status_t posix_poll_all(struct pollfd *pollers, size_t count, port_deadline_t deadline)
{
    for (;;) {
        int milliseconds = poll_milliseconds(deadline);
        int ready = poll(pollers, (nfds_t)count, milliseconds);

        if (ready > 0)
            return APR_SUCCESS;
        if (ready < 0 && errno != EINTR)
            return APR_FROM_OS_ERROR(errno);
        if (ready == 0 && milliseconds >= 0 && milliseconds < LONGEST_POLL)
            return APR_TIMEUP;
    }
}
