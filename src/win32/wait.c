/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on many.  A pipe cannot be waited on, but a read of no bytes can: it is
 * over when there is something to read (ReadFile()).  WaitForMultipleObjects()
 * takes 64 handles at most; for more, the system's threads wait, 63 each, and set
 * one event (RegisterWaitForSingleObject()).
 */

#include "internal.h"

#include <stdlib.h>

/* What is done for one waitable, until it is undone. */
typedef struct waiter_t {
    HANDLE handle; /* to wait on, or NULL; borrowed */
    OVERLAPPED reading;
    int is_reading;
    HANDLE registration;
} waiter_t;

/* -- Each one ------------------------------------------------------------------- */

/* A pipe whose other end is closed is ready too, as is one that fails: the next read tells. */
static void begin_read(waiter_t *waiter, port_waitable_t *what)
{
    apr_status_t rv = win32_begin_read(what->channel, &waiter->reading);
    static char nothing;

    if (rv == APR_SUCCESS && !ReadFile(what->channel->pipe, &nothing, 0, NULL, &waiter->reading) &&
        GetLastError() == ERROR_IO_PENDING) {
        waiter->is_reading = 1;
        waiter->handle = waiter->reading.hEvent;
    } else {
        what->is_ready = 1;
    }
}

static void begin_wait(waiter_t *waiter, port_waitable_t *what)
{
    if (what->is_ready)
        return;
    if (what->channel != NULL)
        begin_read(waiter, what);
    else if (what->process != NULL)
        waiter->handle = what->process->process;
    else if (what->bell != NULL)
        waiter->handle = win32_bell(what->bell);
}

/* A read that cannot be cancelled any more has ended: GetOverlappedResult() returns either way. */
static void end_wait(waiter_t *waiter, port_waitable_t *what)
{
    DWORD bytes;

    if (waiter->handle != NULL && WaitForSingleObject(waiter->handle, 0) == WAIT_OBJECT_0)
        what->is_ready = 1;
    if (!waiter->is_reading)
        return;
    CancelIoEx(what->channel->pipe, &waiter->reading);
    if (GetOverlappedResult(what->channel->pipe, &waiter->reading, &bytes, TRUE) ||
        GetLastError() != ERROR_OPERATION_ABORTED)
        what->is_ready = 1;
}

/* -- All of them ------------------------------------------------------------------ */

static size_t collect(HANDLE *handles, const waiter_t *waiters, size_t count)
{
    size_t i, collected = 0;

    for (i = 0; i < count && collected <= MAXIMUM_WAIT_OBJECTS; i++)
        if (waiters[i].handle != NULL && collected++ < MAXIMUM_WAIT_OBJECTS)
            handles[collected - 1] = waiters[i].handle;
    return collected;
}

static VOID CALLBACK set_event(PVOID event, BOOLEAN has_timed_out)
{
    (void)has_timed_out;
    SetEvent(event);
}

static apr_status_t register_all(waiter_t *waiters, size_t count, HANDLE event)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (waiters[i].handle != NULL &&
            !RegisterWaitForSingleObject(&waiters[i].registration, waiters[i].handle, set_event,
                                         event, INFINITE, WT_EXECUTEONLYONCE))
            return win32_last_error();
    return APR_SUCCESS;
}

/* INVALID_HANDLE_VALUE: return when no callback runs any more (UnregisterWaitEx()). */
static void unregister_all(waiter_t *waiters, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (waiters[i].registration != NULL)
            UnregisterWaitEx(waiters[i].registration, INVALID_HANDLE_VALUE);
}

static apr_status_t wait_for_many(waiter_t *waiters, size_t count, port_deadline_t deadline)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    apr_status_t rv;

    if (event == NULL)
        return win32_last_error();
    rv = register_all(waiters, count, event);
    if (rv == APR_SUCCESS)
        rv = win32_wait(event, deadline);
    unregister_all(waiters, count);
    CloseHandle(event);
    return rv;
}

static apr_status_t wait_for_any(waiter_t *waiters, size_t count, port_deadline_t deadline)
{
    HANDLE handles[MAXIMUM_WAIT_OBJECTS];
    size_t collected = collect(handles, waiters, count);

    if (collected > MAXIMUM_WAIT_OBJECTS)
        return wait_for_many(waiters, count, deadline);
    return win32_wait_any(handles, (DWORD)collected, deadline);
}

static int is_any_ready(const port_waitable_t *what, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (what[i].is_ready)
            return 1;
    return 0;
}

apr_status_t port_wait(port_waitable_t *what, size_t count, port_deadline_t deadline)
{
    waiter_t *waiters = calloc(count, sizeof *waiters);
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    if (waiters == NULL)
        return APR_ENOMEM;
    for (i = 0; i < count; i++)
        begin_wait(&waiters[i], &what[i]);
    if (!is_any_ready(what, count))
        rv = wait_for_any(waiters, count, deadline);
    for (i = 0; i < count; i++)
        end_wait(&waiters[i], &what[i]);
    free(waiters);
    return rv == APR_TIMEUP && is_any_ready(what, count) ? APR_SUCCESS : rv;
}
