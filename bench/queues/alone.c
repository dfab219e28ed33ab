/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs in this process alone, where nobody is in the way: what a put and a get cost
 * themselves, whatever is in the queue, and how many system calls they make.
 */

#include "run.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

static int put_next(alone_t *alone)
{
    uint64_t number = ++alone->put;

    memcpy(alone->message, &number, sizeof number);
    return alone->kind->put(alone->queue, alone->message, alone->use.message_size);
}

static int get_next(alone_t *alone)
{
    uint64_t number = 0;

    if (!alone->kind->get(alone->queue, alone->message, alone->use.message_size))
        return 0;
    memcpy(&number, alone->message, sizeof number);
    return number == ++alone->got;
}

double run_alone(int count, void *data)
{
    alone_t *alone = data;
    double start = bench_clock();

    for (; count > 0; count--)
        if (!put_next(alone) || !get_next(alone))
            return -1;
    return bench_clock() - start;
}

int alone_open(alone_t *alone)
{
    size_t messages = alone->use.capacity / alone->use.message_size;

    alone->put = alone->got = 0;
    alone->message = calloc(1, alone->use.message_size);
    alone->queue = alone->message == NULL ? NULL : alone->kind->create(&alone->use);
    if (alone->queue == NULL)
        return 0;
    while (alone->put < alone->depth)
        if (!put_next(alone))
            return 0;
    return run_alone((int)messages, alone) >= 0;
}

void alone_close(alone_t *alone)
{
    if (alone->queue != NULL)
        alone->kind->close(alone->queue);
    free(alone->message);
}

/* What this process and its tracer share. */
typedef struct trace_t {
    _Atomic int may_begin, is_traced;
    _Atomic long calls; /* < 0: the tracer failed */
} trace_t;

/* A call that nothing else makes here: the calls between two of them are those of the run. */
#define MARK SYS_getppid

/* Whether the tracee entered a system call, and which; else its stop has some other reason. */
static int has_entered(pid_t tracee, long *call)
{
    struct ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee, sizeof info, &info) <= 0)
        return 0;
    *call = (long)info.entry.nr;
    return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* The calls between the two marks; -1: the tracee was lost. */
static long count_calls(pid_t tracee)
{
    long calls = 0, call;
    int marks = 0, status;

    while (ptrace(PTRACE_SYSCALL, tracee, 0, 0) == 0 &&
           waitpid(tracee, &status, __WALL) == tracee) {
        if (!has_entered(tracee, &call))
            continue;
        if (call == MARK && ++marks == 2)
            return calls;
        calls += marks == 1 && call != MARK;
    }
    return -1;
}

static void trace_parent(trace_t *trace, pid_t tracee)
{
    int status;

    while (!atomic_load(&trace->may_begin))
        sched_yield();
    if (ptrace(PTRACE_SEIZE, tracee, 0, PTRACE_O_TRACESYSGOOD) != 0 ||
        ptrace(PTRACE_INTERRUPT, tracee, 0, 0) != 0 || waitpid(tracee, &status, __WALL) != tracee) {
        atomic_store(&trace->calls, -1);
        atomic_store(&trace->is_traced, 1);
        _exit(1);
    }
    atomic_store(&trace->is_traced, 1);
    atomic_store(&trace->calls, count_calls(tracee));
    ptrace(PTRACE_DETACH, tracee, 0, 0);
    _exit(0);
}

double run_system_calls(int count, void *data)
{
    const traced_t *what = data;
    trace_t *trace = queue_memory(sizeof *trace);
    pid_t here = getpid(), tracer = trace == NULL ? -1 : fork();
    double calls = -1;

    if (tracer == 0)
        trace_parent(trace, here);
    if (tracer > 0) {
        prctl(PR_SET_PTRACER, tracer, 0, 0, 0); /* fails where nobody asks for it */
        atomic_store(&trace->may_begin, 1);
        while (!atomic_load(&trace->is_traced))
            sched_yield();
        syscall(MARK);
        if (what->run(count, what->data) >= 0)
            calls = 0;
        syscall(MARK);
        waitpid(tracer, NULL, 0);
        calls = calls < 0 ? calls : (double)atomic_load(&trace->calls);
    }
    if (trace != NULL)
        munmap(trace, sizeof *trace);
    return calls;
}
