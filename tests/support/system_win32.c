/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The operating system itself, for tests: Windows.
 */

#include "system.h"

#include <windows.h>

#include <psapi.h>

int count_open_handles(void)
{
    DWORD count = 0;

    GetProcessHandleCount(GetCurrentProcess(), &count);
    return (int)count;
}

/* As many as there is memory for. */
void allow_many_handles(void)
{
}

size_t resident_memory(void)
{
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};

    return K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)
               ? counters.WorkingSetSize
               : 0;
}

/* There are no zombies: what is left of a process is a handle, and those are counted. */
int has_unreaped_children(void)
{
    return 0;
}

int is_ready(mproc_sentinel_t sentinel, apr_interval_time_t timeout)
{
    return WaitForSingleObject((HANDLE)sentinel, (DWORD)apr_time_as_msec(timeout)) == WAIT_OBJECT_0;
}

void crash(void)
{
    RaiseException(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_NONCONTINUABLE, 0, NULL);
}

int enough_starts(void)
{
    return 50;
}
