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

static int is_standard(HANDLE handle)
{
    return handle == GetStdHandle(STD_INPUT_HANDLE) || handle == GetStdHandle(STD_OUTPUT_HANDLE) ||
           handle == GetStdHandle(STD_ERROR_HANDLE);
}

/* Handles are multiples of four, and small ones are used first. */
int count_open_channels(void)
{
    int count = 0;
    uintptr_t number;

    for (number = 4; number < 0x10000; number += 4)
        if (!is_standard((HANDLE)number))
            count += GetFileType((HANDLE)number) == FILE_TYPE_PIPE;
    return count;
}

/* What counts is what a program has committed to: VirtualQuery(). */
size_t count_taken_memory(void)
{
    MEMORY_BASIC_INFORMATION region;
    const char *place = NULL;
    size_t size = 0;

    for (; VirtualQuery(place, &region, sizeof region) != 0; place += region.RegionSize)
        if (region.State == MEM_COMMIT && region.Type == MEM_PRIVATE)
            size += region.RegionSize;
    return size;
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

size_t machine_memory(void)
{
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};

    return GlobalMemoryStatusEx(&memory) ? (size_t)memory.ullTotalPageFile : 0;
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

apr_int64_t own_pid(void)
{
    return GetCurrentProcessId();
}

/* With the number of SIGKILL, so that words about it have the same number everywhere. */
void kill_pid(apr_int64_t pid)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)pid);

    if (process == NULL)
        return;
    TerminateProcess(process, 9);
    CloseHandle(process);
}

int enough_starts(void)
{
    return 50;
}

int enough_children(void)
{
    return 20;
}

/* There is no limit that could be met before memory is. */
int allow_handles(void)
{
    return 1 << 20;
}
