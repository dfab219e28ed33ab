/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows.
 */

#include "look.h"

#include <io.h>
#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>

static PROCESS_MEMORY_COUNTERS_EX memory_counters(void)
{
    PROCESS_MEMORY_COUNTERS_EX counters = {0};

    counters.cb = sizeof counters;
    GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&counters,
                         sizeof counters);
    return counters;
}

size_t look_resident(void)
{
    return memory_counters().WorkingSetSize;
}

size_t look_private(void)
{
    return memory_counters().PrivateUsage;
}

int look_handles(void)
{
    DWORD count = 0;

    return GetProcessHandleCount(GetCurrentProcess(), &count) ? (int)count : 0;
}

int look_threads(void)
{
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    int count = 0, more;

    if (all == INVALID_HANDLE_VALUE)
        return 0;
    for (more = Thread32First(all, &entry); more; more = Thread32Next(all, &entry))
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(all);
    return count;
}

/* Asked, not tried: Wine's ReadProcessMemory() also reads what the process itself may not. */
int look_is_readable(const void *address)
{
    MEMORY_BASIC_INFORMATION about;

    return VirtualQuery(address, &about, sizeof about) != 0 && about.State == MEM_COMMIT &&
           (about.Protect & (PAGE_NOACCESS | PAGE_GUARD)) == 0;
}

/* Windows hands out large ones only to those who ask: VirtualAlloc, MEM_LARGE_PAGES. */
void look_refuse_huge_pages(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

intptr_t look_handle_of(FILE *file)
{
    return _get_osfhandle(_fileno(file));
}

int look_read(intptr_t handle, char *text, size_t size)
{
    OVERLAPPED from_the_beginning = {0};
    HANDLE file = (HANDLE)handle;
    DWORD got = 0;

    if (GetFileType(file) != FILE_TYPE_DISK)
        return -1;
    if (!ReadFile(file, text, (DWORD)size - 1, &got, &from_the_beginning) &&
        GetLastError() != ERROR_HANDLE_EOF)
        return -1;
    text[got] = '\0';
    return (int)got;
}

/* The one that was there then: Windows does not say whether it still is. */
long long look_parent(void)
{
    PROCESSENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    DWORD parent = 0;
    int more;

    if (all == INVALID_HANDLE_VALUE)
        return 0;
    for (more = Process32First(all, &entry); more; more = Process32Next(all, &entry))
        if (entry.th32ProcessID == GetCurrentProcessId())
            parent = entry.th32ParentProcessID;
    CloseHandle(all);
    return parent;
}

void look_kill(long long process)
{
    HANDLE handle = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)process);

    if (handle == NULL)
        return;
    TerminateProcess(handle, 9);
    CloseHandle(handle);
}

void look_die(void)
{
    TerminateProcess(GetCurrentProcess(), 9);
}
