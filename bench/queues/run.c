/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs between processes.  They are copies of this one, so that peers' queues are in
 * them as they are; ours comes in the arguments, as it would in any program.  All
 * meet before the messages that count, after some that do not.
 */

#include "run.h"

#include "park.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORKERS_MAX 8
#define DEADLINE apr_time_from_sec(120)

/* Messages that do not count: as many as fill a ring twice, but not too many for the slow; or all blocks. */
#define WARM_MAX 20000
#define WARM_MIN (4 * QUEUE_BLOCKS)
#define WARM_ROUND_TRIPS 200

/* What a process tells; it alone writes here. */
typedef struct worker_t {
    _Alignas(RING_LINE) double start;
    double end;
    uint64_t sum;
    _Atomic uint64_t messages; /* got by it */
    int is_done;
} worker_t;

/* What the processes of a run share. */
typedef struct shared_t {
    _Alignas(RING_LINE) _Atomic int arrived;
    worker_t workers[WORKERS_MAX];
} shared_t;

/* The run that is going on; its copies know it from here. */
static struct {
    const run_t *what;
    int count, warm;
    int is_round_trip;
    int nworkers;
    void *queues[2]; /* there, and back */
    shared_t *shared;
} now;

apr_pool_t *run_mem;

void run_begin(apr_pool_t *mem)
{
    run_mem = mem;
    now.shared = queue_memory(sizeof *now.shared);
    if (now.shared == NULL) {
        perror("memory that processes share");
        exit(1);
    }
}

void *queue_memory(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* Where the system puts processes decides more than anything they do, and it decides anew each time. */
static void pin(int cpu, int number)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t only;

    CPU_ZERO(&only);
    CPU_SET((size_t)((cpu == EVERY_CPU ? number : cpu) % cpus), &only);
    if (sched_setaffinity(0, sizeof only, &only) != 0)
        perror("sched_setaffinity");
}

/* Wait until all processes of the run have come here for the `time`th time. */
static void meet(int time)
{
    atomic_fetch_add(&now.shared->arrived, 1);
    while (atomic_load(&now.shared->arrived) < time * now.nworkers)
        sched_yield();
}

/* How many of `count` are the share of one of `sharers`, numbered from 0. */
static int share(int count, int sharers, int number)
{
    return count / sharers + (number < count % sharers);
}

static int put_number(void *queue, unsigned char *message, uint64_t number)
{
    memcpy(message, &number, sizeof number);
    return now.what->kind->put(queue, message, now.what->use.message_size);
}

/* Put this putter's share of the numbers 1 to `count`. */
static int put_all(int putter, int count, unsigned char *message)
{
    const int putters = now.what->use.putters;
    int i, mine = share(count, putters, putter);

    for (i = 0; i < mine; i++)
        if (!put_number(now.queues[0], message,
                        (uint64_t)i * (unsigned)putters + (unsigned)putter + 1))
            return 0;
    return 1;
}

static int has_come(uint64_t count)
{
    uint64_t messages = 0;
    int i;

    for (i = 0; i < now.nworkers; i++)
        messages += atomic_load_explicit(&now.shared->workers[i].messages, memory_order_relaxed);
    return messages >= count;
}

/* Get this getter's share of `count` messages, or, where they are dealt, until `total` have come. */
static int get_all(worker_t *me, int getter, int count, uint64_t total, unsigned char *message)
{
    const queue_kind_t *kind = now.what->kind;
    uint64_t number, sum = 0, messages = atomic_load(&me->messages);
    uint64_t last = messages + (uint64_t)share(count, now.what->use.getters, getter);

    while (kind->is_dealt ? !has_come(total) : messages < last) {
        int got = kind->get(now.queues[0], message, now.what->use.message_size);
        if (got == 0)
            return 0;
        if (got < 0)
            continue;
        memcpy(&number, message, sizeof number);
        sum += number;
        messages++;
        if (kind->is_dealt) {
            atomic_store_explicit(&me->messages, messages, memory_order_relaxed);
            me->end = bench_clock(); /* the next get may be in vain */
        }
    }
    me->sum += sum;
    atomic_store(&me->messages, messages);
    if (!kind->is_dealt)
        me->end = bench_clock();
    return 1;
}

static int send_or_receive(worker_t *me, int number, unsigned char *message)
{
    const int putters = now.what->use.putters;
    uint64_t total = (uint64_t)now.warm + (uint64_t)now.count;

    if (number < putters ? !put_all(number, now.warm, message)
                         : !get_all(me, number - putters, now.warm, (uint64_t)now.warm, message))
        return 0;
    meet(1);
    me->start = bench_clock();
    if (number >= putters)
        return get_all(me, number - putters, now.count, total, message);
    if (!put_all(number, now.count, message))
        return 0;
    me->end = bench_clock();
    return 1;
}

/* A get that waits as long as it takes. */
static int get_number(void *queue, unsigned char *message, uint64_t number)
{
    uint64_t got_number;
    int got;

    do
        got = now.what->kind->get(queue, message, now.what->use.message_size);
    while (got < 0);
    memcpy(&got_number, message, sizeof got_number);
    return got && got_number == number;
}

static int play(int number, int count, unsigned char *message)
{
    int i;

    for (i = 1; i <= count; i++) {
        if (number == 0 && !put_number(now.queues[0], message, (uint64_t)i))
            return 0;
        if (!get_number(now.queues[number == 0], message, (uint64_t)i))
            return 0;
        if (number == 1 && !put_number(now.queues[1], message, (uint64_t)i))
            return 0;
    }
    return 1;
}

static int go_round(worker_t *me, int number, unsigned char *message)
{
    if (!play(number, now.warm, message))
        return 0;
    meet(1);
    me->start = bench_clock();
    if (!play(number, now.count, message))
        return 0;
    me->end = bench_clock();
    return 1;
}

static int open_queues(int is_putter, int of_its_side)
{
    const queue_kind_t *kind = now.what->kind;

    if (kind->open == NULL)
        return 1;
    return kind->open(now.queues[0], is_putter, of_its_side) &&
           (!now.is_round_trip || kind->open(now.queues[1], !is_putter, 0));
}

static apr_status_t take_part(int number)
{
    worker_t *me = &now.shared->workers[number];
    unsigned char *message = calloc(1, now.what->use.message_size);
    int is_putter = number < now.what->use.putters;
    int of_its_side = is_putter ? number : number - now.what->use.putters;

    pin(is_putter ? now.what->first_cpu : now.what->second_cpu, of_its_side);
    if (message == NULL || !open_queues(is_putter, of_its_side))
        return APR_EGENERAL;
    if (!(now.is_round_trip ? go_round : send_or_receive)(me, number, message))
        return APR_EGENERAL;
    me->is_done = 1;
    if (now.what->kind->leave != NULL) {
        now.what->kind->leave(now.queues[0]);
        if (now.is_round_trip)
            now.what->kind->leave(now.queues[1]);
    }
    return APR_SUCCESS;
}

static apr_status_t work(mproc_task_t *task)
{
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &number));
    return take_part(number);
}

static apr_status_t work_with_ours(mproc_task_t *task)
{
    mproc_queue_t *there, *back;
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &number, &there, &back));
    now.queues[0] = there;
    now.queues[1] = back;
    return take_part(number);
}

const mproc_target_t run_targets[] = {MPROC_TARGET(work), MPROC_TARGET(work_with_ours),
                                      MPROC_TARGETS_END};

static apr_status_t start(mproc_process_t **process, int number, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_FORK;
    if (!now.what->kind->is_ours)
        return mproc_process_start(process, work, MPROC_PACK(number), &options, mem);
    return mproc_process_start(
        process, work_with_ours,
        MPROC_PACK(number, (mproc_queue_t *)now.queues[0], (mproc_queue_t *)now.queues[1]),
        &options, mem);
}

/* Start the processes and wait for them; who is left when one has failed ends with `mem`. */
static int start_and_join(apr_pool_t *mem)
{
    mproc_process_t *processes[WORKERS_MAX];
    int i;

    for (i = 0; i < now.nworkers; i++)
        if (start(&processes[i], i, mem) != APR_SUCCESS)
            return 0;
    for (i = 0; i < now.nworkers; i++)
        if (mproc_process_join(processes[i], DEADLINE) != APR_SUCCESS ||
            mproc_process_status(processes[i]) != APR_SUCCESS)
            return 0;
    return 1;
}

/* From the first that began to the last that was done; < 0: what came is not what was put. */
static double result(void)
{
    uint64_t sum = 0, warm = (uint64_t)now.warm, count = (uint64_t)now.count;
    double first = 0, last = 0;
    int i;

    for (i = 0; i < now.nworkers; i++) {
        const worker_t *worker = &now.shared->workers[i];
        if (!worker->is_done)
            return -1;
        sum += worker->sum;
        first = first == 0 || worker->start < first ? worker->start : first;
        last = worker->end > last ? worker->end : last;
    }
    if (!now.is_round_trip && sum != warm * (warm + 1) / 2 + count * (count + 1) / 2)
        return -1;
    return last - first;
}

static double run(int count, const run_t *what, int is_round_trip, int warm)
{
    apr_pool_t *mem;
    double nanoseconds = -1;

    now.what = what;
    now.count = count;
    now.warm = warm;
    now.is_round_trip = is_round_trip;
    now.nworkers = what->use.putters + what->use.getters;
    memset(now.shared, 0, sizeof *now.shared);
    now.queues[0] = what->kind->create(&what->use);
    now.queues[1] = now.queues[0] == NULL ? NULL : what->kind->create(&what->use);
    apr_pool_create(&mem, run_mem);
    if (now.queues[1] != NULL && start_and_join(mem))
        nanoseconds = result();
    apr_pool_destroy(mem);
    if (now.queues[1] != NULL)
        what->kind->close(now.queues[1]);
    if (now.queues[0] != NULL)
        what->kind->close(now.queues[0]);
    return nanoseconds;
}

double run_stream(int count, void *data)
{
    const run_t *what = data;
    size_t twice = 2 * what->use.capacity / what->use.message_size;

    if (twice < WARM_MIN)
        twice = WARM_MIN;
    return run(count, what, 0, twice < WARM_MAX ? (int)twice : WARM_MAX);
}

double run_round_trip(int count, void *data)
{
    return run(count, data, 1, WARM_ROUND_TRIPS);
}
