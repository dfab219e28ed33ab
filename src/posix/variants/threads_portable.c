/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: there is no way to count threads.  One of which nothing is
 * known may keep a stream's lock while it waits for input, so that flushing all
 * streams is left to another thread, and waited for no longer than it can take.
 */

#include "internal.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define PATIENCE (1000000) /* microseconds */

int posix_count_threads(void)
{
    return 0;
}

static void *flush_and_tell(void *data)
{
    fflush(NULL);
    close((int)(intptr_t)data);
    return NULL;
}

void posix_flush_others(void)
{
    int pair[2];

    if (posix_pipe(pair) != APR_SUCCESS)
        return;
    if (posix_background(flush_and_tell, (void *)(intptr_t)pair[1]) == APR_SUCCESS)
        posix_poll(pair[0], POLLIN, port_clock() + PATIENCE);
}
