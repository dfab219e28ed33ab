/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handles, for tests that count them and for tests that mishandle them.
 */

#include "contract.h"

#include <windows.h>

int count_open_handles(void)
{
    DWORD count = 0;

    GetProcessHandleCount(GetCurrentProcess(), &count);
    return (int)count;
}

void make_inheritable(port_handle_t handle)
{
    SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
}

int is_inheritable(port_handle_t handle)
{
    DWORD flags = 0;

    GetHandleInformation((HANDLE)handle, &flags);
    return (flags & HANDLE_FLAG_INHERIT) != 0;
}

void close_copy(port_handle_t handle)
{
    HANDLE self = GetCurrentProcess(), copy;

    if (DuplicateHandle(self, (HANDLE)handle, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
        CloseHandle(copy);
}

int is_mapped(void *page)
{
    MEMORY_BASIC_INFORMATION about;

    return VirtualQuery(page, &about, sizeof about) != 0 && about.State != MEM_FREE;
}
