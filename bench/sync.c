/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, events and the like: by one process alone, and by two at once, each on a CPU of its own.
 * What is measured, and against what, is in bench/syncs.
 */

#include "syncs/syncs.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of each run. */
#define RUN_NANOSECONDS 20e6
#define ROUNDS 31

/* Python's steps take microseconds, and a round of it the start of a process or two. */
#define PYTHON_COUNT 50000
#define PYTHON_COUNT_TOGETHER 5000
#define PYTHON_ROUNDS 5

/* All that both processes see. */
#define MEMORY ((size_t)65536)

/* What the other process is to do. */
typedef struct orders_t {
    _Alignas(128) _Atomic int order; /* another: the next run may begin; < 0: there is none */
    const sync_side_t *side;         /* of that run; a fork finds it where it is here */
    int count;
    _Alignas(128) _Atomic int done; /* the order that the other process has carried out */
    _Atomic int has_failed;         /* there */
} orders_t;

/* One side of a case, as the benchmark's loop has it. */
typedef struct measured_t {
    const sync_case_t *what;
    const sync_side_t *side;
} measured_t;

sync_ours_t ours;
uint64_t *guarded;

static apr_pool_t *mem;
static orders_t *orders;

/* -- What both have ------------------------------------------------------------------------ */

void *sync_memory(size_t size)
{
    static unsigned char *memory;
    static size_t used;
    void *found;

    if (memory == NULL)
        memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || size > MEMORY - used)
        abort();
    found = memory + used;
    used += (size + 127) & ~(size_t)127;
    return found;
}

void sync_mutex_make(pthread_mutex_t *mutex, int type, int robustness)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robustness);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void make_ours(void)
{
    MPROC_CHECK(mproc_lock_create(&ours.lock, NULL, mem));
    MPROC_CHECK(mproc_rlock_create(&ours.rlock, NULL, mem));
    MPROC_CHECK(mproc_semaphore_create(&ours.semaphore, 1, NULL, mem));
    MPROC_CHECK(mproc_event_create(&ours.events[HERE], NULL, mem));
    MPROC_CHECK(mproc_event_create(&ours.events[THERE], NULL, mem));
    MPROC_CHECK(mproc_condition_create(&ours.condition, NULL, mem));
    MPROC_CHECK(mproc_barrier_create(&ours.alone, 1, NULL, mem));
    MPROC_CHECK(mproc_barrier_create(&ours.both, 2, NULL, mem));
    MPROC_CHECK(mproc_rwlock_create(&ours.rwlock, NULL, mem));
    MPROC_CHECK(mproc_array_create(&ours.value, 1, sizeof(uint64_t), mem));
}

/* -- The other process ------------------------------------------------------------------------ */

static void carry_out(void)
{
    if (!orders->side->run(orders->side->object, THERE, orders->count))
        atomic_store(&orders->has_failed, 1);
}

/* A fork, as APR's locks want it. */
static apr_status_t follow(mproc_task_t *task)
{
    int order = 0;

    MPROC_TRY(MPROC_UNPACK(task, &ours.lock, &ours.rlock, &ours.semaphore, &ours.events[HERE],
                           &ours.events[THERE], &ours.condition, &ours.alone, &ours.both,
                           &ours.rwlock, &ours.value));
    MPROC_TRY(adopt_locks(mproc_task_mem(task)));
    for (;;) {
        while (atomic_load(&orders->order) == order)
            ;
        order = atomic_load(&orders->order);
        if (order < 0)
            return APR_SUCCESS;
        carry_out();
        atomic_store(&orders->done, order);
    }
}

static const mproc_target_t targets[] = {MPROC_TARGET(follow), MPROC_TARGETS_END};

static void pin(pid_t process, size_t cpu)
{
    cpu_set_t only;

    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(process, sizeof only, &only) != 0)
        perror("sched_setaffinity");
}

static mproc_process_t *start_other(void)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.start_method = MPROC_FORK;
    MPROC_CHECK(mproc_process_start(
        &process, follow,
        MPROC_PACK(ours.lock, ours.rlock, ours.semaphore, ours.events[HERE], ours.events[THERE],
                   ours.condition, ours.alone, ours.both, ours.rwlock, ours.value),
        &options, mem));
    pin(0, 0);
    pin((pid_t)mproc_process_pid(process), 1);
    return process;
}

/* -- Runs ---------------------------------------------------------------------------------------- */

static int is_nothing_missed(uint64_t steps)
{
    return *guarded == 0 || *guarded == steps;
}

static double run_alone(int count, void *data)
{
    const measured_t *measured = data;
    double start, end;

    *guarded = 0;
    start = bench_clock();
    if (!measured->side->run(measured->side->object, HERE, count))
        return -1;
    end = bench_clock();
    return is_nothing_missed((uint64_t)count) ? end - start : -1;
}

static double run_two(int count, void *data)
{
    const measured_t *measured = data;
    int order = atomic_load(&orders->order) + 1, has_failed;
    int each = measured->what->are_shared ? (count + 1) / 2 : count;
    double start, end;

    *guarded = 0;
    orders->side = measured->side;
    orders->count = each;
    start = bench_clock();
    atomic_store(&orders->order, order);
    has_failed = !measured->side->run(measured->side->object, HERE, each);
    while (atomic_load(&orders->done) != order)
        ;
    end = bench_clock();
    if (has_failed || atomic_load(&orders->has_failed) || !is_nothing_missed(2 * (uint64_t)each))
        return -1;
    return end - start;
}

static double run_python(int count, void *data)
{
    const measured_t *measured = data;
    char arguments[80];

    snprintf(arguments, sizeof arguments, "%s %s %d", measured->what->python,
             measured->what->for_two ? "two" : "alone", count);
    return bench_python_with("sync.py", arguments);
}

/* -- Cases ---------------------------------------------------------------------------------------- */

static bench_side_t side_of(measured_t *measured, const sync_case_t *what, const sync_side_t *side)
{
    measured->what = what;
    measured->side = side;
    return (bench_side_t){.name = side->name,
                          .run = what->for_two ? run_two : run_alone,
                          .data = measured,
                          .missing = side->missing};
}

static void run_case(const sync_case_t *what)
{
    static measured_t measured[BENCH_PEERS_MAX + 1];
    bench_group_t group = {.name = what->name,
                           .unit = "ns",
                           .unit_nanoseconds = 1,
                           .run_nanoseconds = RUN_NANOSECONDS,
                           .rounds = ROUNDS,
                           .ours = side_of(&measured[0], what, &what->sides[0])};
    size_t i;

    for (i = 1; what->sides[i].name != NULL; i++)
        group.peers[group.npeers++] = side_of(&measured[i], what, &what->sides[i]);
    measured[i].what = what;
    if (what->python != NULL)
        group.peers[group.npeers++] =
            (bench_side_t){.name = what->python_name,
                           .run = run_python,
                           .data = &measured[i],
                           .count = what->are_shared ? PYTHON_COUNT : PYTHON_COUNT_TOGETHER,
                           .rounds = PYTHON_ROUNDS};
    bench_group(&group);
}

/* Those whose names have this part. */
static void run_cases(int for_two, const char *part)
{
    static const sync_case_t *const families[] = {lock_cases, value_cases, event_cases,
                                                  rwlock_cases};
    const sync_case_t *what;
    size_t i;

    for (i = 0; i < sizeof families / sizeof families[0]; i++)
        for (what = families[i]; what->name != NULL; what++)
            if (what->for_two == for_two && strstr(what->name, part) != NULL)
                run_case(what);
}

static void run_cases_for_two(const char *part)
{
    mproc_process_t *other = start_other();

    run_cases(1, part);
    atomic_store(&orders->order, -1);
    MPROC_CHECK(mproc_process_join(other, MPROC_FOREVER));
}

int main(int argc, const char *const *argv)
{
    const char *part = "";

    mproc_init(&mem, &argc, &argv, targets);
    if (argc > 2)
        part = argv[2];
    orders = sync_memory(sizeof *orders);
    guarded = sync_memory(sizeof *guarded);
    make_ours();
    make_locks(mem);
    make_values();
    make_events();
    make_rwlocks();
    bench_begin("sync", argc > 1 ? argv[1] : "sync.json");
    run_cases(0, part);
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        run_cases_for_two(part);
    return bench_end();
}
