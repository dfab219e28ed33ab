/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: futex(2).  The word itself is the place to sleep, so that a park needs
 * no descriptor; it is not FUTEX_PRIVATE_FLAG's, as other processes wake us.
 */

#include "internal.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What SYS_futex takes; a timespec may have more bits than that on a system of 32. */
typedef struct kernel_time_t {
    long seconds;
    long nanoseconds;
} kernel_time_t;

/* A day, in microseconds, which fits; the caller looks again. */
#define LONGEST_SLEEP ((apr_int64_t)24 * 60 * 60 * 1000000)

const size_t posix_park_descriptors = 0;

apr_status_t posix_parks_open(int *descriptors)
{
    (void)descriptors;
    return APR_SUCCESS;
}

int posix_are_parks(const int *descriptors)
{
    (void)descriptors;
    return 1;
}

/* Interrupted, woken, or late: the caller looks again. */
void posix_park(const int *descriptors, unsigned park, _Atomic uint32_t *word, uint32_t seen,
                port_deadline_t deadline)
{
    kernel_time_t left, *timeout = NULL;

    (void)descriptors;
    (void)park;
    if (deadline != PORT_NEVER) {
        apr_int64_t microseconds = deadline == PORT_NOW ? 0 : deadline - port_clock();
        if (microseconds <= 0)
            return;
        if (microseconds > LONGEST_SLEEP)
            microseconds = LONGEST_SLEEP;
        left.seconds = (long)(microseconds / 1000000);
        left.nanoseconds = (long)(microseconds % 1000000 * 1000);
        timeout = &left;
    }
    syscall(SYS_futex, word, FUTEX_WAIT, seen, timeout, NULL, 0);
}

unsigned posix_unpark(const int *descriptors, unsigned park, _Atomic uint32_t *word, unsigned count)
{
    long woken = syscall(SYS_futex, word, FUTEX_WAKE, (int)count, NULL, NULL, 0);

    (void)descriptors;
    (void)park;
    return woken > 0 ? (unsigned)woken : 0;
}
