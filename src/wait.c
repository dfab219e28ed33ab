/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on many: each object is entered, so that nobody closes or reads it
 * meanwhile; then rounds of looking at what is known, asking the system, and
 * reading what it calls readable, until something is ready.
 */

#include "connection.h"
#include "deadline.h"
#include "patience.h"
#include "process_object.h"
#include "queue.h"

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

/* From now on whoever puts something rings the bell. */
static apr_status_t enter_queue(mproc_queue_t *queue, port_waitable_t *asked)
{
    MPROC_TRY(mproc__queue_check(queue));
    atomic_fetch_add(&queue->view.sleepers, 1);
    mproc__event_prepare(&queue->view.member, MPROC__POLLED);
    asked->bell = queue->segment;
    return APR_SUCCESS;
}

/* Who leaves may have stilled the bell that was meant for others, too. */
static void leave_queue(mproc_queue_t *queue)
{
    mproc__ring_view_t *view = &queue->view;

    mproc__event_finish(&view->member, MPROC__POLLED);
    if (mproc__event_has_sleepers(&view->member, MPROC__POLLED) && mproc__ring_is_ready(view))
        mproc__event_ring(&view->member);
    atomic_fetch_sub(&view->sleepers, 1);
}

static apr_status_t enter(const mproc_waitable_t *what, port_waitable_t *asked)
{
    *asked = (port_waitable_t){.is_ready = 0};
    if (what->kind == MPROC_WAITABLE_CONNECTION)
        return enter_connection(what->object, asked);
    if (what->kind == MPROC_WAITABLE_PROCESS)
        return enter_process(what->object, asked);
    if (what->kind == MPROC_WAITABLE_QUEUE)
        return enter_queue(what->object, asked);
    return mproc_error_set(APR_EINVAL, "it was not made by MPROC_WAITABLE");
}

static void leave(const mproc_waitable_t *what, const port_waitable_t *asked)
{
    if (what->kind == MPROC_WAITABLE_CONNECTION)
        mproc__connection_leave(what->object, PORT_READ);
    else if (what->kind == MPROC_WAITABLE_QUEUE)
        leave_queue(what->object);
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

static int is_queue_ready(const mproc_queue_t *queue)
{
    return mproc__ring_is_ready(&queue->view);
}

/*
 * Without asking the system: a process that has ended has no port to ask any more.  The bell of a
 * queue is stilled before the look, so that what comes after the look is heard.
 */
static int is_known_ready(const mproc_waitable_t *what, const port_waitable_t *asked)
{
    if (what->kind == MPROC_WAITABLE_CONNECTION)
        return mproc__connection_has_begun(what->object);
    if (what->kind == MPROC_WAITABLE_PROCESS)
        return asked->process == NULL;
    port_bell_still(asked->bell);
    return is_queue_ready(what->object);
}

/* Then it is waited for until how it ended is known, or is lost. */
static int has_process_ended(mproc_process_t *process, port_waitable_t *asked)
{
    if (asked->process == NULL)
        return 1;
    asked->has_ended = asked->has_ended || asked->is_ready;
    return asked->has_ended &&
           mproc__process_hear_end(process, asked->process, PORT_NOW) == APR_SUCCESS;
}

/*
 * What is readable need not be the whole header of a message; a failure is seen by receiving.  A
 * bell is only a hint, and need not have rung.
 */
static int is_really_ready(const mproc_waitable_t *what, port_waitable_t *asked)
{
    if (what->kind == MPROC_WAITABLE_QUEUE)
        return is_queue_ready(what->object);
    if (what->kind == MPROC_WAITABLE_PROCESS)
        return has_process_ended(what->object, asked);
    return asked->is_ready && !APR_STATUS_IS_TIMEUP(mproc__connection_look(what->object));
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
        asked->is_ready = is_really_ready(&waiting->what[i], asked);
        ready += asked->is_ready != 0;
    }
    return ready;
}

static int has_queues(const waiting_t *waiting)
{
    size_t i;

    for (i = 0; i < waiting->count; i++)
        if (waiting->what[i].kind == MPROC_WAITABLE_QUEUE)
            return 1;
    return 0;
}

static port_deadline_t earlier(port_deadline_t one, port_deadline_t other)
{
    return one < other ? one : other;
}

/*
 * Who was to ring the bell of a queue may have been killed, and who was to tell how a process ended
 * may not: then only a look tells.
 */
static port_deadline_t next_look(const waiting_t *waiting, port_deadline_t deadline,
                                 mproc__patience_t *patience)
{
    port_deadline_t look = deadline;
    size_t i;

    if (has_queues(waiting))
        look = earlier(look, mproc__patience_slice(patience));
    for (i = 0; i < waiting->count; i++)
        if (waiting->asked[i].has_ended)
            look = earlier(look, mproc__process_overdue(waiting->what[i].object));
    return look;
}

/* The last look is at the deadline: what was readable, and then was not ready, may be by then. */
static apr_status_t wait_until(const waiting_t *waiting, port_deadline_t deadline)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    port_deadline_t look;
    char text[120];
    apr_status_t rv;

    do {
        size_t known = mark_known(waiting);

        look = known > 0 ? PORT_NOW : next_look(waiting, deadline, &patience);
        rv = port_wait(waiting->asked, waiting->count, look);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(rv))
            return mproc_error_set(rv, "cannot wait: %s", mproc_strerror(rv, text, sizeof text));
        if (count_really_ready(waiting) > 0)
            return APR_SUCCESS;
    } while (rv == APR_SUCCESS || look < deadline);
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
