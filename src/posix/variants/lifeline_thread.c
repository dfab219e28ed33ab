/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a thread waits for the line to close, and kills the process.
 */

#include "internal.h"

#include <poll.h>
#include <unistd.h>

static void *wait_for_end(void *data)
{
    int descriptor = (int)(intptr_t)data;

    if (posix_poll(descriptor, POLLIN, PORT_NEVER) == APR_SUCCESS)
        kill(getpid(), SIGKILL);
    return NULL;
}

apr_status_t posix_lifeline_arm(int descriptor)
{
    return posix_background(wait_for_end, (void *)(intptr_t)descriptor);
}
