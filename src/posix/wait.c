/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on many: poll(2), which knows no limit but that of descriptors.
 */

#include "internal.h"

#include <poll.h>
#include <stdlib.h>

static void ask(struct pollfd *poller, const port_waitable_t *what)
{
    poller->fd = -1; /* poll() leaves it out */
    poller->events = POLLIN;
    poller->revents = 0;
    if (what->channel != NULL)
        poller->fd = what->channel->socket;
    else if (what->process != NULL)
        poller->fd = what->has_ended ? what->process->told : what->process->sentinel;
    else if (what->bell != NULL)
        poller->fd = posix_bell(what->bell);
}

apr_status_t port_wait(port_waitable_t *what, size_t count, port_deadline_t deadline)
{
    struct pollfd *pollers = malloc(count * sizeof *pollers);
    apr_status_t rv;
    size_t i;

    if (pollers == NULL)
        return APR_ENOMEM;
    for (i = 0; i < count; i++)
        ask(&pollers[i], &what[i]);
    rv = posix_poll_all(pollers, count, deadline);
    for (i = 0; rv == APR_SUCCESS && i < count; i++)
        if (pollers[i].revents != 0)
            what[i].is_ready = 1;
    free(pollers);
    return rv;
}
