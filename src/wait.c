/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on many: each object is entered, so that nobody closes or reads it
 * meanwhile; then rounds of looking at what is known, asking the system, and
 * reading what it calls readable, until something is ready.
 */

#include "connection.h"
#include "deadline.h"
#include "process_object.h"

#include <mproc/wait.h>

#include <stdlib.h>

typedef struct waiting_t {
    mproc_waitable_t *what;
    size_t count;
    port_waitable_t *asked; /* one for each: what the system is asked of it */
} waiting_t;

/* -- Entering and leaving ------------------------------------------------------- */

static apr_status_t enter_connection(mproc_connection_t *connection, port_waitable_t *asked)
{
    MPROC_TRY(mproc__connection_enter(connection, PORT_READ));
    asked->channel = connection->channel;
    return APR_SUCCESS;
}

static apr_status_t enter_process(mproc_process_t *process, port_waitable_t *asked)
{
    MPROC_TRY(mproc__process_check(process));
    asked->process = mproc__process_enter(process);
    return APR_SUCCESS;
}

static apr_status_t enter(const mproc_waitable_t *what, port_waitable_t *asked)
{
    *asked = (port_waitable_t){NULL, NULL, NULL, 0};
    if (what->kind == MPROC_WAITABLE_CONNECTION)
        return enter_connection(what->object, asked);
    if (what->kind == MPROC_WAITABLE_PROCESS)
        return enter_process(what->object, asked);
    return mproc_error_set(APR_EINVAL, "it was not made by MPROC_WAITABLE");
}

static void leave(const mproc_waitable_t *what, const port_waitable_t *asked)
{
    if (what->kind == MPROC_WAITABLE_CONNECTION)
        mproc__connection_leave(what->object, PORT_READ);
    else if (asked->process != NULL)
        mproc__process_leave(what->object, asked->is_ready);
}

static void leave_first(const waiting_t *waiting, size_t count)
{
    while (count-- > 0)
        leave(&waiting->what[count], &waiting->asked[count]);
}

static apr_status_t enter_all(const waiting_t *waiting)
{
    size_t i;

    for (i = 0; i < waiting->count; i++) {
        apr_status_t rv = enter(&waiting->what[i], &waiting->asked[i]);

        if (rv != APR_SUCCESS) {
            leave_first(waiting, i);
            return mproc_error_set(rv, "what[%llu]: %s", (unsigned long long)i,
                                   mproc_error_message());
        }
    }
    return APR_SUCCESS;
}

/* -- Looking --------------------------------------------------------------------- */

/* Without asking the system: a process that has ended has no port to ask any more. */
static int is_known_ready(const mproc_waitable_t *what, const port_waitable_t *asked)
{
    return what->kind == MPROC_WAITABLE_CONNECTION ? mproc__connection_has_begun(what->object)
                                                   : asked->process == NULL;
}

/* What is readable need not be the whole header of a message; a failure is seen by receiving. */
static int is_really_ready(const mproc_waitable_t *what)
{
    return what->kind == MPROC_WAITABLE_PROCESS ||
           !APR_STATUS_IS_TIMEUP(mproc__connection_look(what->object));
}

static size_t mark_known(const waiting_t *waiting)
{
    size_t i, ready = 0;

    for (i = 0; i < waiting->count; i++) {
        waiting->asked[i].is_ready = is_known_ready(&waiting->what[i], &waiting->asked[i]);
        ready += waiting->asked[i].is_ready != 0;
    }
    return ready;
}

static size_t count_really_ready(const waiting_t *waiting)
{
    size_t i, ready = 0;

    for (i = 0; i < waiting->count; i++) {
        port_waitable_t *asked = &waiting->asked[i];
        asked->is_ready = asked->is_ready && is_really_ready(&waiting->what[i]);
        ready += asked->is_ready != 0;
    }
    return ready;
}

/* The last look is at the deadline: what was readable, and then was not ready, may be by then. */
static apr_status_t wait_until(const waiting_t *waiting, port_deadline_t deadline)
{
    char text[120];
    apr_status_t rv;

    do {
        size_t known = mark_known(waiting);

        rv = port_wait(waiting->asked, waiting->count, known > 0 ? PORT_NOW : deadline);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(rv))
            return mproc_error_set(rv, "cannot wait: %s", mproc_strerror(rv, text, sizeof text));
        if (count_really_ready(waiting) > 0)
            return APR_SUCCESS;
    } while (rv == APR_SUCCESS);
    return mproc_error_set(APR_TIMEUP, "nothing was ready in time");
}

static void tell(const waiting_t *waiting)
{
    size_t i;

    for (i = 0; i < waiting->count; i++)
        waiting->what[i].ready = waiting->asked[i].is_ready;
}

apr_status_t mproc_wait(mproc_waitable_t *what, size_t count, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    waiting_t waiting = {what, count, NULL};
    apr_status_t rv;

    if (what == NULL || count == 0)
        return mproc_error_set(APR_EINVAL, "there is nothing to wait on");
    waiting.asked = calloc(count, sizeof *waiting.asked);
    if (waiting.asked == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory to wait on %llu things",
                               (unsigned long long)count);
    rv = enter_all(&waiting);
    if (rv == APR_SUCCESS) {
        rv = wait_until(&waiting, deadline);
        if (rv == APR_SUCCESS || APR_STATUS_IS_TIMEUP(rv))
            tell(&waiting);
        leave_first(&waiting, count);
    }
    free(waiting.asked);
    return rv;
}
