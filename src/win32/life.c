/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signs of life: the number of a process, and when it was created.  As long as
 * one of them is not this process's, it is another that has the number now.
 */

#include "internal.h"

/* Ticks of 0.8 milliseconds: two processes with one number differ in them. */
static uint32_t birth_time(HANDLE process)
{
    FILETIME created, ended, kernel, user;

    if (!GetProcessTimes(process, &created, &ended, &kernel, &user))
        return 0;
    return (uint32_t)(((uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime) >> 13);
}

apr_status_t port_life_begin(port_segment_t *segment, unsigned place, port_life_t *life)
{
    (void)segment;
    (void)place;
    *life = (port_life_t)GetCurrentProcessId() << 32 | birth_time(GetCurrentProcess());
    return APR_SUCCESS;
}

void port_life_end(port_segment_t *segment, unsigned place)
{
    (void)segment;
    (void)place;
}

apr_status_t port_life_renew(port_segment_t *segment, unsigned place)
{
    (void)segment;
    (void)place;
    return APR_SUCCESS;
}

/* A process that has ended is there as long as somebody has a handle of it. */
static int has_ended(HANDLE process, port_life_t life)
{
    uint32_t born = birth_time(process);

    if (born != 0 && (uint32_t)life != 0 && born != (uint32_t)life)
        return 1;
    return WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

/* Only ERROR_INVALID_PARAMETER says that there is no such process (OpenProcess()). */
int port_life_is_over(port_segment_t *segment, unsigned place, port_life_t life)
{
    HANDLE process =
        OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)(life >> 32));
    int is_over;

    (void)segment;
    (void)place;
    if (process == NULL)
        return GetLastError() == ERROR_INVALID_PARAMETER;
    is_over = has_ended(process, life);
    CloseHandle(process);
    return is_over;
}

/* Its handle says so at once. */
int port_life_has_let_go(port_segment_t *segment, unsigned place, port_life_t life)
{
    (void)segment;
    (void)place;
    (void)life;
    return 0;
}

apr_int64_t port_life_pid(port_life_t life)
{
    return (apr_int64_t)(life >> 32);
}
