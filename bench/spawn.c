/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting and joining a child whose target does nothing, from a parent with
 * more and more memory.  The raw peers run this very executable, so that its
 * size and its libraries are the same, and return from main at once.
 */

#include "bench.h"

#include <apr_thread_proc.h>

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RAW_CHILD "--raw-child"

extern char **environ;

static apr_pool_t *mem;

static apr_status_t nothing(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(nothing), MPROC_TARGETS_END};

static double run_ours(int count, void *data)
{
    double start = bench_clock();
    int i;

    (void)data;
    for (i = 0; i < count; i++) {
        mproc_process_t *process;
        apr_pool_t *round;
        apr_pool_create(&round, mem);
        MPROC_CHECK(mproc_process_start(&process, nothing, MPROC_NO_ARGS, NULL, round));
        MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
        MPROC_CHECK(mproc_process_status(process));
        apr_pool_destroy(round);
    }
    return bench_clock() - start;
}

static double run_raw(int count, void *data)
{
    char program[] = "/proc/self/exe", mark[] = RAW_CHILD;
    char *arguments[] = {program, mark, NULL};
    double start = bench_clock();
    int i;

    (void)data;
    for (i = 0; i < count; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, program, NULL, NULL, arguments, environ) != 0)
            return -1;
        if (waitpid(child, &status, 0) != child || status != 0)
            return -1;
    }
    return bench_clock() - start;
}

static double run_apr(int count, void *data)
{
    const char *arguments[] = {"bench", RAW_CHILD, NULL};
    double start = bench_clock();
    int i;

    (void)data;
    for (i = 0; i < count; i++) {
        apr_pool_t *round;
        apr_procattr_t *attributes;
        apr_proc_t process;
        int code;
        apr_exit_why_e why;
        apr_pool_create(&round, mem);
        apr_procattr_create(&attributes, round);
        apr_procattr_cmdtype_set(attributes, APR_PROGRAM_ENV);
        if (apr_proc_create(&process, "/proc/self/exe", arguments, NULL, attributes, round) !=
            APR_SUCCESS)
            return -1;
        if (apr_proc_wait(&process, &code, &why, APR_WAIT) != APR_CHILD_DONE || code != 0)
            return -1;
        apr_pool_destroy(round);
    }
    return bench_clock() - start;
}

static double run_python(int count, void *data)
{
    return bench_python("spawn.py", count, *(long *)data);
}

/* Memory that is really there, as a program's data would be: written to, in pages of 4 KiB. */
static void *occupy(long mebibytes)
{
    size_t size = (size_t)mebibytes << 20;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        fprintf(stderr, "cannot occupy %ld MiB: %s\n", mebibytes, strerror(errno));
        exit(1);
    }
    madvise(memory, size, MADV_NOHUGEPAGE);
    memset(memory, 1, size);
    return memory;
}

static void run_cases(long mebibytes)
{
    char name[32];
    bench_case_t ours = {
        .name = name, .unit = "us", .unit_nanoseconds = 1e3, .ours = run_ours, .data = &mebibytes};
    void *memory = mebibytes > 0 ? occupy(mebibytes) : NULL;
    bench_case_t raw = ours, apr = ours, python = ours;

    snprintf(name, sizeof name, "%ld MiB", mebibytes);
    raw.peer_name = "posix_spawn + waitpid";
    raw.peer = run_raw;
    raw.count = 40;
    raw.rounds = 41;
    bench_case(&raw);
    apr.peer_name = "apr_proc_create";
    apr.peer = run_apr;
    apr.count = 50;
    apr.peer_count = mebibytes < 1024 ? 50 : 5;
    apr.rounds = 9;
    bench_case(&apr);
    python.peer_name = "Python spawn";
    python.peer = run_python;
    python.count = 50;
    python.peer_count = 10;
    python.rounds = 5;
    bench_case(&python);
    if (memory != NULL)
        munmap(memory, (size_t)mebibytes << 20);
}

int main(int argc, const char *const *argv)
{
    if (argc > 1 && strcmp(argv[1], RAW_CHILD) == 0)
        return 0;
    mproc_init(&mem, &argc, &argv, targets);
    bench_begin("spawn", argc > 1 ? argv[1] : "spawn.json");
    run_cases(0);
    run_cases(256);
    run_cases(2048);
    return bench_end();
}
