/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A lock that is acquired and released, by one process alone, and by two at once, each on a CPU of its
 * own.  What it guards is one number, which must not miss a step.
 */

#include "bench.h"

#include <apr_proc_mutex.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of each run. */
#define RUN_NANOSECONDS 20e6
#define ROUNDS 31

#define PYTHON_COUNT 50000
#define PYTHON_ROUNDS 5

/* What both processes see. */
typedef struct shared_t {
    _Alignas(128) uint64_t number; /* guarded */
    _Alignas(128) sem_t semaphore;
    _Alignas(128) pthread_mutex_t plain;
    _Alignas(128) pthread_mutex_t robust;
    _Alignas(128) _Atomic int order; /* another: the next run may begin; < 0: there is none */
    int kind, count;                 /* of that run */
    _Alignas(128) _Atomic int done;  /* the order that the other process has carried out */
    _Atomic int has_failed;          /* there */
} shared_t;

typedef struct kind_t {
    const char *name;
    int (*acquire)(void *lock);
    int (*release)(void *lock);
    void *lock;
    apr_lockmech_e mechanism; /* of APR's */
} kind_t;

static apr_pool_t *mem;
static shared_t *shared;
static mproc_semaphore_t *units;

/* -- The locks ----------------------------------------------------------------------------- */

static int acquire_ours(void *lock)
{
    return mproc_lock_acquire(lock, MPROC_FOREVER) == APR_SUCCESS;
}

static int release_ours(void *lock)
{
    return mproc_lock_release(lock) == APR_SUCCESS;
}

static int acquire_units(void *semaphore)
{
    return mproc_semaphore_acquire(semaphore, MPROC_FOREVER) == APR_SUCCESS;
}

static int release_units(void *semaphore)
{
    return mproc_semaphore_release(semaphore) == APR_SUCCESS;
}

static int acquire_semaphore(void *lock)
{
    int rv;

    do
        rv = sem_wait(lock);
    while (rv != 0 && errno == EINTR);
    return rv == 0;
}

static int release_semaphore(void *lock)
{
    return sem_post(lock) == 0;
}

static int acquire_mutex(void *lock)
{
    return pthread_mutex_lock(lock) == 0;
}

static int release_mutex(void *lock)
{
    return pthread_mutex_unlock(lock) == 0;
}

static int acquire_apr(void *lock)
{
    return apr_proc_mutex_lock(lock) == APR_SUCCESS;
}

static int release_apr(void *lock)
{
    return apr_proc_mutex_unlock(lock) == APR_SUCCESS;
}

enum { OURS, SEMAPHORE, PLAIN, ROBUST, FIRST_OF_APR, KINDS = FIRST_OF_APR + 5 };

static kind_t kinds[KINDS] = {
    {"mproc", acquire_ours, release_ours, NULL, APR_LOCK_DEFAULT},
    {"sem_t", acquire_semaphore, release_semaphore, NULL, APR_LOCK_DEFAULT},
    {"pthread mutex", acquire_mutex, release_mutex, NULL, APR_LOCK_DEFAULT},
    {"robust pthread mutex", acquire_mutex, release_mutex, NULL, APR_LOCK_DEFAULT},
    {"apr, fcntl", acquire_apr, release_apr, NULL, APR_LOCK_FCNTL},
    {"apr, flock", acquire_apr, release_apr, NULL, APR_LOCK_FLOCK},
    {"apr, sysvsem", acquire_apr, release_apr, NULL, APR_LOCK_SYSVSEM},
    {"apr, posixsem", acquire_apr, release_apr, NULL, APR_LOCK_POSIXSEM},
    {"apr, pthread", acquire_apr, release_apr, NULL, APR_LOCK_PROC_PTHREAD},
};

static void make_mutex(pthread_mutex_t *mutex, int robustness)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, robustness);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

/* One that APR does not have here stays NULL. */
static void make_locks(void)
{
    mproc_lock_t *ours;
    int i;

    MPROC_CHECK(mproc_lock_create(&ours, NULL, mem));
    kinds[OURS].lock = ours;
    sem_init(&shared->semaphore, 1, 1);
    kinds[SEMAPHORE].lock = &shared->semaphore;
    make_mutex(&shared->plain, PTHREAD_MUTEX_STALLED);
    kinds[PLAIN].lock = &shared->plain;
    make_mutex(&shared->robust, PTHREAD_MUTEX_ROBUST);
    kinds[ROBUST].lock = &shared->robust;
    for (i = FIRST_OF_APR; i < KINDS; i++) {
        apr_proc_mutex_t *mutex;
        if (apr_proc_mutex_create(&mutex, NULL, kinds[i].mechanism, mem) == APR_SUCCESS)
            kinds[i].lock = mutex;
    }
    MPROC_CHECK(mproc_semaphore_create(&units, 1, NULL, mem));
}

/* -- Runs ---------------------------------------------------------------------------------------- */

static int add(const kind_t *kind, int count)
{
    for (; count > 0; count--) {
        if (!kind->acquire(kind->lock))
            return 0;
        shared->number++;
        if (!kind->release(kind->lock))
            return 0;
    }
    return 1;
}

static double run_alone(int count, void *data)
{
    const kind_t *kind = data;
    double start = bench_clock(), end;

    shared->number = 0;
    if (!add(kind, count))
        return -1;
    end = bench_clock();
    return shared->number == (uint64_t)count ? end - start : -1;
}

/* The other process; forked, as APR's locks want it. */
static apr_status_t contend(mproc_task_t *task)
{
    mproc_lock_t *ours;
    int i, order = 0;

    MPROC_TRY(MPROC_UNPACK(task, &ours));
    kinds[OURS].lock = ours;
    for (i = FIRST_OF_APR; i < KINDS; i++)
        if (kinds[i].lock != NULL)
            MPROC_TRY(apr_proc_mutex_child_init((apr_proc_mutex_t **)&kinds[i].lock,
                                                apr_proc_mutex_lockfile(kinds[i].lock),
                                                mproc_task_mem(task)));
    for (;;) {
        while (atomic_load(&shared->order) == order)
            ;
        order = atomic_load(&shared->order);
        if (order < 0)
            return APR_SUCCESS;
        if (!add(&kinds[shared->kind], shared->count))
            atomic_store(&shared->has_failed, 1);
        atomic_store(&shared->done, order);
    }
}

/* A round of ours and theirs counts as two. */
static double run_contended(int count, void *data)
{
    const kind_t *kind = data;
    int order = atomic_load(&shared->order) + 1, has_failed;
    double start;

    shared->number = 0;
    shared->kind = (int)(kind - kinds);
    shared->count = (count + 1) / 2;
    start = bench_clock();
    atomic_store(&shared->order, order);
    has_failed = !add(kind, shared->count);
    while (atomic_load(&shared->done) != order)
        ;
    if (has_failed || atomic_load(&shared->has_failed) ||
        shared->number != 2 * (uint64_t)shared->count)
        return -1;
    return bench_clock() - start;
}

static double run_python(int count, void *data)
{
    char arguments[80];

    snprintf(arguments, sizeof arguments, "%s %d", (const char *)data, count);
    return bench_python_with("sync.py", arguments);
}

static const mproc_target_t targets[] = {MPROC_TARGET(contend), MPROC_TARGETS_END};

/* -- Cases ---------------------------------------------------------------------------------------- */

static void run_case(const char *name, bench_run_t *run, char *python)
{
    bench_group_t group = {.name = name,
                           .unit = "ns",
                           .unit_nanoseconds = 1,
                           .run_nanoseconds = RUN_NANOSECONDS,
                           .rounds = ROUNDS,
                           .ours = {.name = "mproc", .run = run, .data = &kinds[OURS]}};
    int i;

    for (i = OURS + 1; i < KINDS; i++)
        group.peers[group.npeers++] =
            (bench_side_t){.name = kinds[i].name,
                           .run = run,
                           .data = &kinds[i],
                           .missing = kinds[i].lock == NULL ? "this APR has none" : NULL};
    group.peers[group.npeers++] = (bench_side_t){.name = "Python Lock",
                                                 .run = run_python,
                                                 .data = python,
                                                 .count = PYTHON_COUNT,
                                                 .rounds = PYTHON_ROUNDS};
    bench_group(&group);
}

static void run_semaphores(void)
{
    static kind_t ours = {"mproc", acquire_units, release_units, NULL, APR_LOCK_DEFAULT};
    bench_group_t group = {
        .name = "semaphore, alone",
        .unit = "ns",
        .unit_nanoseconds = 1,
        .run_nanoseconds = RUN_NANOSECONDS,
        .rounds = ROUNDS,
        .ours = {.name = "mproc", .run = run_alone, .data = &ours},
        .peers = {{.name = "sem_t", .run = run_alone, .data = &kinds[SEMAPHORE]}},
        .npeers = 1};

    ours.lock = units;
    bench_group(&group);
}

static void pin(pid_t process, size_t cpu)
{
    cpu_set_t only;

    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(process, sizeof only, &only) != 0)
        perror("sched_setaffinity");
}

static void run_two(void)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    mproc_lock_t *ours = kinds[OURS].lock;

    options.start_method = MPROC_FORK;
    MPROC_CHECK(mproc_process_start(&process, contend, MPROC_PACK(ours), &options, mem));
    pin(0, 0);
    pin((pid_t)mproc_process_pid(process), 1);
    run_case("lock, two processes", run_contended, "two");
    atomic_store(&shared->order, -1);
    MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
}

int main(int argc, const char *const *argv)
{
    mproc_init(&mem, &argc, &argv, targets);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    make_locks();
    bench_begin("sync", argc > 1 ? argv[1] : "sync.json");
    run_case("lock, alone", run_alone, "alone");
    run_semaphores();
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        run_two();
    return bench_end();
}
