/* SPDX-License-Identifier: Apache-2.0 */

/*
 * 64 bytes to a child and back.  The raw peer is a bare socketpair between this
 * process and a forked child, one send and one recv each way.  Where the kernel
 * puts the two processes decides more than anything they do, so both are pinned:
 * to one CPU, then to two.
 */

#include "bench.h"

#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 64

static apr_pool_t *mem;
static mproc_connection_t *ours;
static pid_t our_child, raw_child;
static int raw;

static apr_status_t echo(mproc_task_t *task)
{
    mproc_connection_t *connection;
    char bytes[SIZE];
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &connection));
    while (mproc_connection_recv_bytes(connection, bytes, sizeof bytes, &size, MPROC_FOREVER) ==
           APR_SUCCESS)
        MPROC_TRY(mproc_connection_send_bytes(connection, bytes, size, MPROC_FOREVER));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(echo), MPROC_TARGETS_END};

static double run_ours(int count, void *data)
{
    char bytes[SIZE] = {0};
    size_t size;
    double start = bench_clock();

    (void)data;
    for (; count > 0; count--) {
        if (mproc_connection_send_bytes(ours, bytes, sizeof bytes, MPROC_FOREVER) != APR_SUCCESS ||
            mproc_connection_recv_bytes(ours, bytes, sizeof bytes, &size, MPROC_FOREVER) !=
                APR_SUCCESS)
            return -1;
    }
    return bench_clock() - start;
}

static double run_raw(int count, void *data)
{
    char bytes[SIZE] = {0};
    double start = bench_clock();

    (void)data;
    for (; count > 0; count--) {
        if (send(raw, bytes, sizeof bytes, MSG_NOSIGNAL) != SIZE ||
            recv(raw, bytes, sizeof bytes, 0) != SIZE)
            return -1;
    }
    return bench_clock() - start;
}

static double run_python(int count, void *data)
{
    return bench_python("pipe.py", count, (long)*(size_t *)data);
}

static void start_ours(void)
{
    mproc_connection_t *there;
    mproc_process_t *process;

    MPROC_CHECK(mproc_pipe(&ours, &there, MPROC_DUPLEX, mem));
    MPROC_CHECK(mproc_process_start(&process, echo, MPROC_PACK(there), NULL, mem));
    MPROC_CHECK(mproc_connection_close(there));
    our_child = (pid_t)mproc_process_pid(process);
}

static void echo_raw(int end)
{
    char bytes[SIZE];

    while (recv(end, bytes, sizeof bytes, 0) == SIZE)
        if (send(end, bytes, sizeof bytes, MSG_NOSIGNAL) != SIZE)
            break;
    _exit(0);
}

static int start_raw(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return 0;
    raw_child = fork();
    if (raw_child == 0) {
        close(pair[0]);
        echo_raw(pair[1]);
    }
    close(pair[1]);
    raw = pair[0];
    return raw_child > 0;
}

static void pin(pid_t process, size_t cpu)
{
    cpu_set_t only;

    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(process, sizeof only, &only) != 0)
        perror("sched_setaffinity");
}

/* Parent on the first CPU, children on the first or the second. */
static void run_cases(const char *name, size_t child_cpu)
{
    bench_case_t one = {
        .name = name, .unit = "us", .unit_nanoseconds = 1e3, .ours = run_ours, .data = &child_cpu};
    bench_case_t python = one;

    pin(0, 0);
    pin(our_child, child_cpu);
    pin(raw_child, child_cpu);
    one.peer_name = "socketpair";
    one.peer = run_raw;
    one.count = 2000;
    one.rounds = 61;
    bench_case(&one);
    python.peer_name = "Python Pipe";
    python.peer = run_python;
    python.count = 2000;
    python.rounds = 9;
    bench_case(&python);
}

int main(int argc, const char *const *argv)
{
    mproc_init(&mem, &argc, &argv, targets);
    if (!start_raw())
        return 1;
    start_ours();
    bench_begin("pipe", argc > 1 ? argv[1] : "pipe.json");
    run_cases("64 B, one CPU", 0);
    if (mproc_cpu_count() > 1 || sysconf(_SC_NPROCESSORS_ONLN) > 1)
        run_cases("64 B, two CPUs", 1);
    mproc_connection_close(ours);
    return bench_end();
}
