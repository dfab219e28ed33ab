/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How processes are ended and held up: POSIX.
 */

#include "ends.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void end_this_process(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

int kill_process(apr_int64_t pid)
{
    return kill((pid_t)pid, SIGKILL) == 0;
}

/* Those of ours are reaped by who started them; of others the last state is told by proc(5), if at all. */
int has_gone(apr_int64_t pid)
{
    char path[40], state = 0;
    FILE *file;

    if (kill((pid_t)pid, 0) != 0)
        return 1;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    fclose(file);
    return state == 'Z' || state == 'X';
}

int stop_process(apr_int64_t pid)
{
    return kill((pid_t)pid, SIGSTOP) == 0;
}

int continue_process(apr_int64_t pid)
{
    return kill((pid_t)pid, SIGCONT) == 0;
}

/* sched_setaffinity(2) is Linux's alone; others take what they get. */
#ifdef CPU_SETSIZE
static cpu_set_t all;

int stay_on_one_cpu(void)
{
    cpu_set_t one;
    unsigned cpu = 0;

    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return 0;
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

void use_all_cpus(void)
{
    sched_setaffinity(0, sizeof all, &all);
}
#else
int stay_on_one_cpu(void)
{
    return 0;
}

void use_all_cpus(void)
{
}
#endif
