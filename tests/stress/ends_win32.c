/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How processes are ended and held up: Windows.
 */

#include "ends.h"

#include <windows.h>

void end_this_process(void)
{
    for (;;)
        TerminateProcess(GetCurrentProcess(), 9);
}

int kill_process(apr_int64_t pid)
{
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)pid);
    BOOL is_killed = process != NULL && TerminateProcess(process, 9);

    if (process != NULL)
        CloseHandle(process);
    return is_killed;
}

int has_gone(apr_int64_t pid)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
    int is_over = process == NULL || WaitForSingleObject(process, 0) == WAIT_OBJECT_0;

    if (process != NULL)
        CloseHandle(process);
    return is_over;
}

/* Windows has no such call for programs. */
int stop_process(apr_int64_t pid)
{
    (void)pid;
    return 0;
}

int continue_process(apr_int64_t pid)
{
    (void)pid;
    return 0;
}

/* Children inherit it (SetProcessAffinityMask()). */
static DWORD_PTR all, of_system;

int stay_on_one_cpu(void)
{
    return GetProcessAffinityMask(GetCurrentProcess(), &all, &of_system) &&
           SetProcessAffinityMask(GetCurrentProcess(), all & (~all + 1));
}

void use_all_cpus(void)
{
    SetProcessAffinityMask(GetCurrentProcess(), all);
}
