/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues: streams of messages between one, two and four putters and as many getters,
 * round trips, and a process that puts and gets alone.  Two rings without a lock are
 * the limits: one for a single putter and getter, and one for many.
 */

#include "bench.h"
#include "queues/queues.h"
#include "queues/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_NANOSECONDS 25e6
#define ROUNDS 21

/* Where processes take turns on the CPUs, a run lasts for several turns of each. */
#define MANY_NANOSECONDS 80e6
#define MANY_ROUNDS 13
#define PYTHON_ROUNDS 5

/* Peers of a case, and the data that their runs are given. */
typedef struct case_t {
    bench_group_t group;
    run_t runs[BENCH_PEERS_MAX + 1];
} case_t;

static const queue_kind_t *const stream_peers[] = {&queue_spsc,   &queue_vyukov,    &queue_boost,
                                                   &queue_pipe,   &queue_seqpacket, &queue_posix_mq,
                                                   &queue_zeromq, &queue_nng};

static const queue_kind_t *const round_trip_peers[] = {
    &queue_futex,     &queue_spsc,     &queue_vyukov, &queue_boost, &queue_pipe,
    &queue_seqpacket, &queue_posix_mq, &queue_zeromq, &queue_nng};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* What the names of the cases must have in them. */
static const char *wanted = "";

static int is_wanted(const char *name)
{
    return strstr(name, wanted) != NULL;
}

static void set_side(bench_side_t *side, run_t *run, const queue_kind_t *kind, bench_run_t *how)
{
    run->kind = kind;
    side->name = kind->name;
    side->run = how;
    side->data = run;
    side->missing = kind->refuses == NULL ? NULL : kind->refuses(&run->use);
}

static void add_peers(case_t *one, const queue_kind_t *const *kinds, size_t count, bench_run_t *how)
{
    size_t i;

    set_side(&one->group.ours, &one->runs[BENCH_PEERS_MAX], &queue_ours, how);
    for (i = 0; i < count; i++)
        set_side(&one->group.peers[one->group.npeers++], &one->runs[i], kinds[i], how);
}

static double run_python(int count, const run_t *what, const char *class, const char *mode)
{
    char arguments[128];

    snprintf(arguments, sizeof arguments, "%s %s %d %zu %d %d %d %d", class, mode, count,
             what->use.message_size, what->use.putters, what->use.getters, what->first_cpu,
             what->second_cpu);
    return bench_python_with("queues.py", arguments);
}

static double run_python_queue(int count, void *data)
{
    return run_python(count, data, "Queue", "stream");
}

static double run_python_simple_queue(int count, void *data)
{
    return run_python(count, data, "SimpleQueue", "stream");
}

static double run_python_queue_round(int count, void *data)
{
    return run_python(count, data, "Queue", "round");
}

static double run_python_simple_queue_round(int count, void *data)
{
    return run_python(count, data, "SimpleQueue", "round");
}

static void add_python(case_t *one, bench_run_t *queue, bench_run_t *simple_queue)
{
    bench_side_t *side = &one->group.peers[one->group.npeers];

    one->group.npeers += 2;
    side[0].name = "Python Queue";
    side[0].run = queue;
    side[1].name = "Python SimpleQueue";
    side[1].run = simple_queue;
    side[0].data = side[1].data = &one->runs[0];
    side[0].rounds = side[1].rounds = PYTHON_ROUNDS;
}

static void begin_case(case_t *one, const char *name, const run_t *run)
{
    size_t i;

    memset(one, 0, sizeof *one);
    one->group.name = name;
    one->group.unit = "ns";
    one->group.unit_nanoseconds = 1;
    one->group.run_nanoseconds = RUN_NANOSECONDS;
    one->group.rounds = ROUNDS;
    for (i = 0; i < COUNT_OF(one->runs); i++)
        one->runs[i] = *run;
}

/* There is room for some messages, also of the largest. */
static size_t capacity_for(size_t size)
{
    return size <= QUEUE_CAPACITY / 16 ? QUEUE_CAPACITY : 16 * size;
}

/* One to one on a CPU each; of many, each CPU has putters and getters. */
static void run_streams(const char *size_name, size_t size, int many)
{
    run_t run = {.use = {size, capacity_for(size), many, many},
                 .first_cpu = many == 1 ? 0 : EVERY_CPU,
                 .second_cpu = many == 1 ? 1 : EVERY_CPU};
    case_t one;
    char name[32];

    snprintf(name, sizeof name, "%s, %d to %d", size_name, many, many);
    if (!is_wanted(name))
        return;
    begin_case(&one, name, &run);
    add_peers(&one, stream_peers + (many > 1), COUNT_OF(stream_peers) - (many > 1), run_stream);
    add_python(&one, run_python_queue, run_python_simple_queue);
    if (many > 1) {
        one.group.run_nanoseconds = MANY_NANOSECONDS;
        one.group.rounds = MANY_ROUNDS;
    }
    bench_group(&one.group);
}

static void run_round_trips(const char *name, int second_cpu)
{
    run_t run = {.use = {64, QUEUE_CAPACITY, 1, 1}, .first_cpu = 0, .second_cpu = second_cpu};
    case_t one;

    if (!is_wanted(name))
        return;
    begin_case(&one, name, &run);
    add_peers(&one, round_trip_peers, COUNT_OF(round_trip_peers), run_round_trip);
    add_python(&one, run_python_queue_round, run_python_simple_queue_round);
    bench_group(&one.group);
}

/* One to one: a large message in place, against the same that is copied, and a small one. */
static void run_blocks(const char *name, size_t size)
{
    run_t run = {.use = {size, QUEUE_CAPACITY, 1, 1}, .first_cpu = 0, .second_cpu = 1};
    case_t one;

    if (!is_wanted(name))
        return;
    begin_case(&one, name, &run);
    set_side(&one.group.ours, &one.runs[BENCH_PEERS_MAX], &queue_blocks, run_stream);
    set_side(&one.group.peers[0], &one.runs[0], &queue_ours, run_stream);
    one.group.peers[0].name = "mproc, copied";
    one.runs[1].use.message_size = 64;
    set_side(&one.group.peers[1], &one.runs[1], &queue_ours, run_stream);
    one.group.peers[1].name = "mproc, 64 B";
    one.group.npeers = 2;
    bench_group(&one.group);
}

/* A queue in this process. */
static void set_alone(bench_side_t *side, alone_t *alone, const char *name)
{
    side->name = name;
    side->run = run_alone;
    side->data = alone;
    side->missing = alone->kind->refuses == NULL ? NULL : alone->kind->refuses(&alone->use);
    if (side->missing == NULL && !alone_open(alone)) {
        fprintf(stderr, "%s cannot be made with %zu bytes\n", name, alone->use.capacity);
        exit(1);
    }
}

static void run_uncontended(const char *name)
{
    static const queue_kind_t *const kinds[] = {&queue_semaphore, &queue_spsc, &queue_vyukov,
                                                &queue_boost, &queue_pipe};
    run_t run = {.use = {64, QUEUE_CAPACITY, 1, 1}};
    alone_t ours = {.kind = &queue_ours, .use = run.use}, alone[COUNT_OF(kinds)];
    case_t one;
    size_t i;

    if (!is_wanted(name))
        return;
    begin_case(&one, name, &run);
    set_alone(&one.group.ours, &ours, "mproc");
    for (i = 0; i < COUNT_OF(kinds); i++) {
        alone[i] = (alone_t){.kind = kinds[i], .use = run.use};
        set_alone(&one.group.peers[i], &alone[i], kinds[i]->name);
    }
    one.group.npeers = COUNT_OF(kinds);
    bench_group(&one.group);
    for (i = 0; i < COUNT_OF(kinds); i++)
        alone_close(&alone[i]);
    alone_close(&ours);
}

/* Of 100,000 messages put and got, to find even one call among them all. */
static void run_calls(const char *name)
{
    run_t run = {.use = {64, QUEUE_CAPACITY, 1, 1}};
    alone_t ours = {.kind = &queue_ours, .use = run.use}, pipe = ours;
    traced_t traced_ours = {run_alone, &ours}, traced_pipe = {run_alone, &pipe};
    case_t one;

    if (!is_wanted(name))
        return;
    pipe.kind = &queue_pipe;
    begin_case(&one, name, &run);
    set_alone(&one.group.ours, &ours, "mproc");
    one.group.ours.run = run_system_calls;
    one.group.ours.data = &traced_ours;
    one.group.ours.count = 100000;
    set_alone(&one.group.peers[0], &pipe, "pipe");
    one.group.peers[0].run = run_system_calls;
    one.group.peers[0].data = &traced_pipe;
    one.group.peers[0].count = 1000;
    one.group.npeers = 1;
    one.group.unit = "";
    one.group.rounds = 3;
    bench_group(&one.group);
    alone_close(&ours);
    alone_close(&pipe);
}

/* Ours with much in it, or much room, against ours as it is by default, and the bare ring likewise. */
static void run_flat(const char *name, const char *usual_name, const char *ring_name,
                     size_t capacity, size_t depth)
{
    run_t run = {.use = {64, QUEUE_CAPACITY, 1, 1}};
    alone_t ours = {.kind = &queue_ours, .use = {64, capacity, 1, 1}, .depth = depth};
    alone_t usual = {.kind = &queue_ours, .use = run.use}, ring = ours;
    case_t one;

    if (!is_wanted(name))
        return;
    ring.kind = &queue_spsc;
    begin_case(&one, name, &run);
    set_alone(&one.group.ours, &ours, "mproc");
    set_alone(&one.group.peers[0], &usual, usual_name);
    set_alone(&one.group.peers[1], &ring, ring_name);
    one.group.npeers = 2;
    bench_group(&one.group);
    alone_close(&ring);
    alone_close(&usual);
    alone_close(&ours);
}

static void run_parts(void)
{
    static const int many[] = {1, 2, 4};
    size_t i;

    run_uncontended("put + get, alone");
    run_calls("system calls a put + get");
    run_flat("full to the brim", "mproc, empty", "SPSC ring, full", QUEUE_CAPACITY, 14000);
    run_flat("1 GiB", "mproc, 1 MiB", "SPSC ring, 1 GiB", (size_t)1 << 30, 0);
    run_round_trips("round trip, one CPU", 0);
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
        run_round_trips("round trip, two CPUs", 1);
    run_streams("1 MiB", (size_t)1 << 20, 1);
    run_blocks("1 MiB block, 1 to 1", (size_t)1 << 20);
    for (i = 0; i < COUNT_OF(many); i++) {
        run_streams("64 B", 64, many[i]);
        run_streams("1 KiB", 1024, many[i]);
        run_streams("64 KiB", 65536, many[i]);
    }
}

/* bench_queue [ROWS.json [PART]]: the cases whose names have this part, or all. */
int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, run_targets);
    run_begin(mem);
    if (argc > 2)
        wanted = argv[2];
    bench_begin("queue", argc > 1 ? argv[1] : "queue.json");
    run_parts();
    return bench_end();
}
