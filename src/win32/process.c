/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process from outside.  Its handle keeps its number and its exit code from
 * being used again, so nothing here can reach another process by mistake.
 */

#include "internal.h"

#include <assert.h>
#include <signal.h>

/*
 * The exit code of a process that was stopped, but for the lowest byte, which is
 * the signal.  Bit 29 is for codes that are not Microsoft's ("GetLastError()");
 * 'MP' keeps it apart from other people's, as 0xE06D7363, a C++ exception.
 */
#define STOPPED_CODE 0xE04D5000u
#define STOPPED_MASK 0xFFFFFF00u

apr_int64_t port_process_pid(const port_process_t *process)
{
    return process->pid;
}

port_handle_t port_process_sentinel(const port_process_t *process)
{
    return (port_handle_t)process->process;
}

apr_status_t port_process_wait(port_process_t *process, port_deadline_t deadline)
{
    return win32_wait(process->process, deadline);
}

/*
 * Of a process that has ended, 259 (STILL_ACTIVE) is a code as any other.  Who does not handle
 * Ctrl-C is ended by it with a code of the system's ("SetConsoleCtrlHandler()").
 */
void port_process_reap(port_process_t *process, port_exit_t *how)
{
    DWORD code;

    if (!GetExitCodeProcess(process->process, &code)) {
        how->ending = PORT_LOST;
        how->code = 0;
    } else if (process->is_stopped && (code & STOPPED_MASK) == STOPPED_CODE) {
        how->ending = PORT_SIGNALED;
        how->code = code & ~STOPPED_MASK;
    } else if (code == STATUS_CONTROL_C_EXIT) {
        how->ending = PORT_SIGNALED;
        how->code = SIGINT;
    } else {
        how->ending = PORT_EXITED;
        how->code = code;
    }
}

/*
 * The handle of a child has all rights, so "access denied" only says that the
 * process is at its end already (TerminateProcess()), also while it cannot be
 * seen by a wait yet.
 */
apr_status_t port_process_stop(port_process_t *process, int signal)
{
    assert(signal > 0 && ((unsigned)signal & STOPPED_MASK) == 0);
    if (TerminateProcess(process->process, STOPPED_CODE | (unsigned)signal))
        process->is_stopped = 1;
    else if (GetLastError() != ERROR_ACCESS_DENIED)
        return win32_last_error();
    return APR_SUCCESS;
}

/* The job ends what is left in it when its last handle is closed. */
void port_process_close(port_process_t *process)
{
    if (process->job != NULL)
        CloseHandle(process->job);
    if (process->process != NULL)
        CloseHandle(process->process);
    process->job = process->process = NULL;
}

void port_process_abandon(port_process_t *process)
{
    (void)process;
}
