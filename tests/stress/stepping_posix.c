/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Killing a child after any number of its instructions: Linux, by ptrace(2).
 */

#include "stepping.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

void begin_steps(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
        raise(SIGSTOP);
}

void end_of_steps(void)
{
    raise(SIGSTOP);
    _exit(1);
}

/* The signal that it has stopped for; -1 if it has ended. */
static int await_stop(pid_t child)
{
    int status;
    pid_t found;

    do
        found = waitpid(child, &status, WUNTRACED);
    while (found < 0 && errno == EINTR);
    return found == child && WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

long step_and_kill(apr_int64_t pid, long most)
{
    pid_t child = (pid_t)pid;
    int signal = await_stop(child);
    long steps = 0;

    if (signal != SIGSTOP)
        return -1;
    for (signal = SIGTRAP; steps < most && signal == SIGTRAP; steps++) {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
            return -1;
        signal = await_stop(child);
    }
    kill(child, SIGKILL);
    return signal == SIGTRAP || signal == SIGSTOP ? steps : -1;
}
