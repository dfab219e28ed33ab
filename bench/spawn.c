/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting and joining a child whose target does nothing, by each start method, from a parent with
 * more and more memory; and pools of many workers.  The raw peers run this very executable, so that
 * its size and its libraries are the same: one returns from main at once, and one, which
 * stays as small as a fork server is, forks.
 */

#include "bench.h"

#include <apr_thread_proc.h>

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RAW_CHILD "--raw-child"
#define RAW_FORKS "--raw-forks"
#define RAW_WORKERS "--raw-workers"
#define SMALL "--small"
#define PREPARED "--prepared"

/* A round of the pools, and what it is held to. */
#define WORKERS 100
#define FEW_WORKERS 20

/* What a program has to read, compute or open before it can work, in seconds of a CPU. */
#define PREPARATION 5e-3

#define DEADLINE apr_time_from_sec(120)

extern char **environ;

static apr_pool_t *mem;
static long mebibytes; /* resident in this process, beside what it needs itself */

static apr_status_t nothing(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static apr_status_t tell_it_is_there(mproc_task_t *task)
{
    mproc_queue_t *there;

    MPROC_TRY(MPROC_UNPACK(task, &there));
    return mproc_queue_put(there, MPROC_NO_ARGS, DEADLINE);
}

static double used_of_cpu(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static apr_status_t prepare(mproc_task_t *task)
{
    double end = used_of_cpu() + PREPARATION;

    (void)task;
    while (used_of_cpu() < end)
        ;
    return APR_SUCCESS;
}

static apr_status_t prepare_and_tell(mproc_task_t *task)
{
    MPROC_TRY(prepare(task));
    return tell_it_is_there(task);
}

static const mproc_target_t targets[] = {MPROC_TARGET(nothing), MPROC_TARGET(tell_it_is_there),
                                         MPROC_TARGET(prepare), MPROC_TARGET(prepare_and_tell),
                                         MPROC_TARGETS_END};

/* -- One child after the other ---------------------------------------------------- */

static double run_ours(int count, void *method)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    double start = bench_clock();
    int i;

    options.start_method = method;
    for (i = 0; i < count; i++) {
        mproc_process_t *process;
        apr_pool_t *round;
        apr_pool_create(&round, mem);
        MPROC_CHECK(mproc_process_start(&process, nothing, MPROC_NO_ARGS, &options, round));
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

static double run_forks(int count, void *data)
{
    double start = bench_clock();
    int i;

    (void)data;
    for (i = 0; i < count; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            return -1;
    }
    return bench_clock() - start;
}

/* Says that it is there, and stays until it is let go. */
static _Noreturn void be_raw_worker(const int there[2], const int stay[2])
{
    char byte = 0;
    int is_well;

    close(stay[1]);
    is_well = write(there[1], &byte, 1) == 1 && read(stay[0], &byte, 1) == 0;
    _exit(is_well ? 0 : 1);
}

static int start_raw_workers(const int there[2], const int stay[2])
{
    int i;

    for (i = 0; i < WORKERS; i++) {
        pid_t child = fork();
        if (child == 0)
            be_raw_worker(there, stay);
        if (child < 0)
            return 0;
    }
    return 1;
}

static int await_raw_workers(const int there[2])
{
    char bytes[WORKERS];
    int missing = WORKERS;

    while (missing > 0) {
        ssize_t got = read(there[0], bytes, sizeof bytes);
        if (got <= 0)
            return 0;
        missing -= (int)got;
    }
    return 1;
}

/* As many forks as a pool has workers, until each has said that it is there. */
static double run_raw_workers(int count, void *data)
{
    int there[2], stay[2], status, is_well;
    double start = bench_clock(), end;

    (void)count;
    (void)data;
    if (pipe(there) != 0 || pipe(stay) != 0)
        return -1;
    is_well = start_raw_workers(there, stay);
    close(there[1]);
    is_well = is_well && await_raw_workers(there);
    end = bench_clock();
    close(there[0]);
    close(stay[0]);
    close(stay[1]);
    while (wait(&status) > 0)
        is_well = is_well && status == 0;
    return is_well ? end - start : -1;
}

static double run_python(int count, void *method)
{
    char arguments[64];

    snprintf(arguments, sizeof arguments, "%d %ld %s", count, mebibytes, (const char *)method);
    return bench_python_with("spawn.py", arguments);
}

/* This program again, as a process that stays small: it prints nanoseconds, as a Python peer does. */
static double run_in_small_process(int count, void *mark)
{
    char command[64];
    double nanoseconds = -1;
    FILE *output;

    snprintf(command, sizeof command, "exec /proc/%ld/exe %s %d", (long)getpid(),
             (const char *)mark, count);
    output = popen(command, "r");
    if (output == NULL)
        return -1;
    if (fscanf(output, "%lf", &nanoseconds) != 1)
        nanoseconds = -1;
    return pclose(output) == 0 ? nanoseconds : -1;
}

/* -- Pools ------------------------------------------------------------------------- */

typedef struct workers_t {
    int count;
    const char *method;
    mproc_target_fn *initializer;
    int is_to_end; /* not 0: the time has the end of the pool in it */
} workers_t;

/* From before the pool is made until each of its workers has said that it is there. */
static double run_pool(int count, void *data)
{
    const workers_t *what = data;
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;
    mproc_queue_t *there;
    mproc_values_t *values;
    apr_pool_t *round;
    double start, ready, end;
    int i;

    (void)count;
    apr_pool_create(&round, mem);
    values = mproc_values_create(round);
    MPROC_CHECK(mproc_queue_create(&there, NULL, round));
    options.start_method = what->method;
    options.initializer = what->initializer;
    options.initargs = MPROC_PACK(there);
    start = bench_clock();
    MPROC_CHECK(mproc_pool_create(&workers, what->count, &options, round));
    for (i = 0; i < what->count; i++)
        MPROC_CHECK(mproc_queue_get(there, values, DEADLINE));
    ready = bench_clock();
    MPROC_CHECK(mproc_pool_join(workers, DEADLINE));
    end = bench_clock();
    apr_pool_destroy(round);
    return (what->is_to_end ? end : ready) - start;
}

static void run_pool_cases(int is_to_end)
{
    static char spawn[] = MPROC_SPAWN, fork_method[] = MPROC_FORK, forkserver[] = MPROC_FORKSERVER,
                raw[] = RAW_WORKERS;
    workers_t ours = {WORKERS, forkserver, tell_it_is_there, is_to_end},
              few = {FEW_WORKERS, spawn, tell_it_is_there, is_to_end},
              as_many = {WORKERS, spawn, tell_it_is_there, is_to_end},
              forks = {WORKERS, fork_method, tell_it_is_there, is_to_end};
    char name[48];
    bench_group_t group = {
        .name = name,
        .unit = "ms",
        .unit_nanoseconds = 1e6,
        .rounds = 9,
        .ours = {"mproc", run_pool, &ours, 1, 0, NULL},
        .peers = {{"mproc, 20 by spawn", run_pool, &few, 1, 0, NULL},
                  {"mproc, 100 by spawn", run_pool, &as_many, 1, 0, NULL},
                  {"mproc, 100 by fork", run_pool, &forks, 1, 3, NULL},
                  {"100 small forks", run_in_small_process, raw, 1, 0, NULL}},
        .npeers = is_to_end ? 3 : 4,
    };

    snprintf(name, sizeof name, "100 %s, %ld MiB", is_to_end ? "to their end" : "workers",
             mebibytes);
    bench_group(&group);
}

/*
 * The same where there is something to prepare: by the fork server once, by those spawned each time.
 * A preload function comes before the server, which ours starts within the time that is taken: it is a
 * process of its own, see main.
 */
static void run_prepared_pool_cases(void)
{
    static char spawn[] = MPROC_SPAWN, prepared[] = PREPARED;
    workers_t few = {FEW_WORKERS, spawn, prepare_and_tell, 0},
              as_many = {WORKERS, spawn, prepare_and_tell, 0};
    bench_group_t group = {
        .name = "100 workers, 5 ms to prepare",
        .unit = "ms",
        .unit_nanoseconds = 1e6,
        .rounds = 9,
        .ours = {"mproc", run_in_small_process, prepared, 1, 0, NULL},
        .peers = {{"mproc, 20 by spawn", run_pool, &few, 1, 0, NULL},
                  {"mproc, 100 by spawn", run_pool, &as_many, 1, 3, NULL}},
        .npeers = 2,
    };

    bench_group(&group);
}

/* -- Rows -------------------------------------------------------------------------- */

/* Memory that is really there, as a program's data would be: written to, in pages of 4 KiB. */
static void *occupy(void)
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

static void run_spawn_cases(void)
{
    static char method[] = MPROC_SPAWN;
    char name[32];
    bench_case_t ours = {
        .name = name, .unit = "us", .unit_nanoseconds = 1e3, .ours = run_ours, .data = method};
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
}

/* The small peers have a run each that does not count, in a process of their own: see main. */
static void run_forkserver_cases(void)
{
    static char method[] = MPROC_FORKSERVER, forks[] = RAW_FORKS, small[] = SMALL;
    char name[32];
    bench_group_t group = {
        .name = name,
        .unit = "us",
        .unit_nanoseconds = 1e3,
        .rounds = 41,
        .ours = {"mproc", run_ours, method, 100, 0, NULL},
        .peers = {{"small fork + waitpid", run_in_small_process, forks, 100, 0, NULL},
                  {"mproc, 0 MiB", run_in_small_process, small, 100, 0, NULL},
                  {"Python forkserver", run_python, method, 20, 5, NULL}},
        .npeers = 3,
    };

    snprintf(name, sizeof name, "forkserver, %ld MiB", mebibytes);
    bench_group(&group);
}

static void run_fork_cases(void)
{
    static char method[] = MPROC_FORK;
    char name[32];
    int count = mebibytes < 1024 ? 50 : 5;
    bench_group_t group = {
        .name = name,
        .unit = "us",
        .unit_nanoseconds = 1e3,
        .rounds = 21,
        .ours = {"mproc", run_ours, method, count, 0, NULL},
        .peers = {{"fork + waitpid", run_forks, NULL, count, 0, NULL},
                  {"Python fork", run_python, method, count, 5, NULL}},
        .npeers = 2,
    };

    snprintf(name, sizeof name, "fork, %ld MiB", mebibytes);
    bench_group(&group);
}

/* All of them, or those whose part of the suite is asked for. */
static void run_cases(long resident, const char *part)
{
    void *memory;

    mebibytes = resident;
    memory = mebibytes > 0 ? occupy() : NULL;
    if (part == NULL || strcmp(part, "spawn") == 0)
        run_spawn_cases();
    if (part == NULL || strcmp(part, "forkserver") == 0)
        run_forkserver_cases();
    if (part == NULL || strcmp(part, "fork") == 0)
        run_fork_cases();
    if (part == NULL || strcmp(part, "workers") == 0) {
        run_pool_cases(0);
        run_pool_cases(1);
        if (mebibytes == 0)
            run_prepared_pool_cases();
    }
    if (memory != NULL)
        munmap(memory, (size_t)mebibytes << 20);
}

/* What the small process does: a tenth to warm up, then all. */
static int print_time(bench_run_t *run, const char *count, void *data)
{
    double nanoseconds = -1;

    if (run(atoi(count) / 10 + 1, data) >= 0)
        nanoseconds = run(atoi(count), data);
    printf("%.0f\n", nanoseconds);
    return nanoseconds >= 0 ? 0 : 1;
}

int main(int argc, const char *const *argv)
{
    static char forkserver[] = MPROC_FORKSERVER;
    static workers_t prepared = {WORKERS, forkserver, tell_it_is_there, 0};

    if (argc > 1 && strcmp(argv[1], RAW_CHILD) == 0)
        return 0;
    if (argc > 2 && strcmp(argv[1], RAW_FORKS) == 0)
        return print_time(run_forks, argv[2], NULL);
    if (argc > 2 && strcmp(argv[1], RAW_WORKERS) == 0)
        return print_time(run_raw_workers, argv[2], NULL);
    mproc_init(&mem, &argc, &argv, targets);
    if (argc > 2 && strcmp(argv[1], SMALL) == 0)
        return print_time(run_ours, argv[2], forkserver);
    if (argc > 1 && strcmp(argv[1], PREPARED) == 0) {
        MPROC_CHECK(mproc_set_forkserver_preload(prepare));
        return printf("%.0f\n", run_pool(1, &prepared)) < 0;
    }
    bench_begin("spawn", argc > 1 ? argv[1] : "spawn.json");
    run_cases(0, argc > 2 ? argv[2] : NULL);
    run_cases(256, argc > 2 ? argv[2] : NULL);
    run_cases(2048, argc > 2 ? argv[2] : NULL);
    return bench_end();
}
