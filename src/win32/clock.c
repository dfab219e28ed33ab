/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Time: the performance counter, which neither goes back nor follows the wall
 * clock, and deadlines in the milliseconds of the waiting functions.
 */

#include "internal.h"

/* Whole seconds first: the counter times a million would overflow after some days. */
port_deadline_t port_clock(void)
{
    LARGE_INTEGER count, frequency;

    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    return count.QuadPart / frequency.QuadPart * 1000000 +
           count.QuadPart % frequency.QuadPart * 1000000 / frequency.QuadPart;
}

DWORD win32_milliseconds(port_deadline_t deadline)
{
    port_deadline_t now, remaining;

    if (deadline == PORT_NEVER)
        return INFINITE;
    now = port_clock();
    if (deadline <= now)
        return 0;
    remaining = (deadline - now - 1) / 1000 + 1;
    return remaining < (port_deadline_t)INFINITE ? (DWORD)remaining : INFINITE - 1;
}

/*
 * A wait may end early by the system's clock tick (WaitForSingleObject()), and
 * one wait is 49 days at most: only the clock decides that the deadline is past.
 */
apr_status_t win32_wait(HANDLE object, port_deadline_t deadline)
{
    return win32_wait_any(&object, 1, deadline);
}

/* WaitForMultipleObjects() refuses to wait on nothing. */
static DWORD wait_once(const HANDLE *objects, DWORD count, DWORD milliseconds)
{
    if (count == 1)
        return WaitForSingleObject(objects[0], milliseconds);
    if (count > 1)
        return WaitForMultipleObjects(count, objects, FALSE, milliseconds);
    Sleep(milliseconds);
    return WAIT_TIMEOUT;
}

apr_status_t win32_wait_any(const HANDLE *objects, DWORD count, port_deadline_t deadline)
{
    DWORD outcome, milliseconds;

    do {
        milliseconds = win32_milliseconds(deadline);
        outcome = wait_once(objects, count, milliseconds);
    } while (outcome == WAIT_TIMEOUT && milliseconds != 0);
    if (outcome < WAIT_OBJECT_0 + count)
        return APR_SUCCESS;
    return outcome == WAIT_TIMEOUT ? APR_TIMEUP : win32_last_error();
}
