/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Many processes and threads at one queue, and many messages: each arrives once,
 * those of one putter in their order, and nothing grows.
 */

#include "claims.h"
#include "queues.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

/* Of putters, and of getters. */
#define MOST 100

/* The resident memory may change by this much, and not by what passes. */
#define SOME_MEMORY ((size_t)2 << 20)

typedef struct message_t {
    int who, number;
} message_t;

/* What a getter has seen of each putter. */
typedef struct tally_t {
    apr_int64_t sums[MOST], counts[MOST];
} tally_t;

/* -- Putting and getting -------------------------------------------------------- */

static apr_status_t put_numbers(mproc_queue_t *queue, int who, int count)
{
    message_t message = {who, 1};

    for (; message.number <= count; message.number++)
        MPROC_TRY(mproc_queue_put_bytes(queue, &message, sizeof message, PATIENCE));
    return APR_SUCCESS;
}

/* Until the queue is shut down. */
static apr_status_t get_numbers(mproc_queue_t *queue, tally_t *tally)
{
    int last[MOST] = {0};
    message_t message;
    size_t size;
    apr_status_t rv;

    for (;;) {
        rv = mproc_queue_get_bytes(queue, &message, sizeof message, &size, 4 * PATIENCE);
        if (rv == MPROC_ESHUTDOWN)
            return APR_SUCCESS;
        MPROC_TRY(rv);
        if (size != sizeof message || message.number <= last[message.who])
            return mproc_error_set(APR_EGENERAL, "%d of %d came after %d", message.number,
                                   message.who, last[message.who]);
        last[message.who] = message.number;
        tally->sums[message.who] += message.number;
        tally->counts[message.who]++;
    }
}

static void add(tally_t *tally, const tally_t *other)
{
    int i;

    for (i = 0; i < MOST; i++) {
        tally->sums[i] += other->sums[i];
        tally->counts[i] += other->counts[i];
    }
}

static void assert_complete(const tally_t *tally, int nputters, int count)
{
    int i;

    for (i = 0; i < nputters; i++) {
        assert_int_equal(tally->counts[i], count);
        assert_int_equal(tally->sums[i], (apr_int64_t)count * (count + 1) / 2);
    }
}

/* -- What the children do ------------------------------------------------------ */

static apr_status_t put_in_a_child(mproc_task_t *task)
{
    mproc_queue_t *queue;
    int who, count;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &who, &count));
    return put_numbers(queue, who, count);
}

static apr_status_t get_in_a_child(mproc_task_t *task)
{
    mproc_queue_t *queue, *tallies;
    tally_t tally = {{0}, {0}};

    MPROC_TRY(MPROC_UNPACK(task, &queue, &tallies));
    MPROC_TRY(get_numbers(queue, &tally));
    return mproc_queue_put_bytes(tallies, &tally, sizeof tally, PATIENCE);
}

/* Gets for as long as there is something, with the same memory when it has begun and at the end. */
static apr_status_t get_endlessly(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    size_t before = 0, after;
    mproc_queue_t *queue;
    int warm, number;
    const char *text;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &warm));
    for (number = 0; number != -1;) {
        MPROC_TRY(mproc_queue_get(queue, values, PATIENCE));
        MPROC_TRY(MPROC_UNPACK(values, &number, &text));
        if (number == warm)
            before = resident_memory();
    }
    after = resident_memory();
    if (before == 0 || after > before + SOME_MEMORY)
        return mproc_error_set(APR_EGENERAL, "%d KiB have become %d", (int)(before >> 10),
                               (int)(after >> 10));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(put_in_a_child), MPROC_TARGET(get_in_a_child),
                                         MPROC_TARGET(get_endlessly),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Processes ---------------------------------------------------------------------------- */

static void assert_all_ended(mproc_process_t **processes, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        assert_success(mproc_process_join(processes[i], 4 * PATIENCE));
        assert_ended(processes[i], 0);
    }
}

static void assert_processes_pass(mproc_queue_t *queue, int nputters, int ngetters, int count,
                                  apr_pool_t *mem)
{
    mproc_queue_t *tallies = make_queue((size_t)1 << 20, 0, mem);
    mproc_process_t *putters[MOST], *getters[MOST];
    tally_t all = {{0}, {0}}, tally;
    size_t size;
    int i;

    for (i = 0; i < ngetters; i++)
        assert_success(mproc_process_start(&getters[i], get_in_a_child, MPROC_PACK(queue, tallies),
                                           NULL, mem));
    for (i = 0; i < nputters; i++)
        assert_success(mproc_process_start(&putters[i], put_in_a_child, MPROC_PACK(queue, i, count),
                                           NULL, mem));
    assert_all_ended(putters, nputters);
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    for (i = 0; i < ngetters; i++) {
        assert_success(mproc_queue_get_bytes(tallies, &tally, sizeof tally, &size, 4 * PATIENCE));
        add(&all, &tally);
    }
    assert_all_ended(getters, ngetters);
    assert_complete(&all, nputters, count);
}

static void each_message_goes_to_one_of_many_processes(void **state)
{
    int count = 5000 * test_scale();

    assert_processes_pass(make_queue((size_t)1 << 20, 0, *state), 1, 1, 4 * count, *state);
    assert_processes_pass(make_queue(SMALL_RING, 0, *state), 1, 4, count, *state);
    assert_processes_pass(make_queue(SMALL_RING, 0, *state), 4, 1, count, *state);
    assert_processes_pass(make_queue(SMALL_RING, 0, *state), 4, 4, count, *state);
    assert_processes_pass(make_queue(SMALL_RING, 3, *state), 3, 3, count / 5, *state);
}

/* Two hundred at scale 20; the queue has room for so many in its sets of sleepers' later words, too. */
static void a_crowd_of_processes_uses_one_queue(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    int half = test_scale() >= 20 ? MOST : 35;
    mproc_queue_t *queue;

    allow_many_handles();
    options.capacity = 16 * SMALL_RING;
    options.processes = 4096;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_processes_pass(queue, half, half, 200, *state);
}

/* -- Threads ---------------------------------------------------------------------------------- */

typedef struct worker_t {
    mproc_queue_t *queue;
    int who, count;
    tally_t tally;
    work_t work;
} worker_t;

static apr_status_t put_in_a_thread(void *data)
{
    worker_t *worker = data;

    return put_numbers(worker->queue, worker->who, worker->count);
}

static apr_status_t get_in_a_thread(void *data)
{
    worker_t *worker = data;

    return get_numbers(worker->queue, &worker->tally);
}

static void each_message_goes_to_one_of_many_threads(void **state)
{
    enum { EACH = 4 };
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    worker_t *putters = calloc(EACH, sizeof *putters), *getters = calloc(EACH, sizeof *getters);
    tally_t all = {{0}, {0}};
    int count = 5000 * test_scale(), i;

    for (i = 0; i < EACH; i++) {
        putters[i].queue = getters[i].queue = queue;
        putters[i].who = i;
        putters[i].count = count;
        assert_success(start_thread(&getters[i].work, get_in_a_thread, &getters[i], *state));
        assert_success(start_thread(&putters[i].work, put_in_a_thread, &putters[i], *state));
    }
    for (i = 0; i < EACH; i++)
        assert_success(end_thread(&putters[i].work));
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    for (i = 0; i < EACH; i++) {
        assert_success(end_thread(&getters[i].work));
        add(&all, &getters[i].tally);
    }
    assert_complete(&all, EACH, count);
    free(putters);
    free(getters);
}

/* Packing needs room, which one thread finds in the queue and the others have of their own. */
static apr_status_t put_values_in_a_thread(void *data)
{
    worker_t *worker = data;
    int i;

    for (i = 0; i < worker->count; i++)
        MPROC_TRY(mproc_queue_put(worker->queue, MPROC_PACK(worker->who, "a text"), PATIENCE));
    return APR_SUCCESS;
}

static void threads_put_values_at_the_same_time(void **state)
{
    enum { EACH = 4 };
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_values_t *values = mproc_values_create(*state);
    int count = 1000 * test_scale(), counts[EACH] = {0}, i, who;
    worker_t *putters = calloc(EACH, sizeof *putters);
    const char *text;

    for (i = 0; i < EACH; i++) {
        putters[i].queue = queue;
        putters[i].who = i;
        putters[i].count = count;
        assert_success(start_thread(&putters[i].work, put_values_in_a_thread, &putters[i], *state));
    }
    for (i = 0; i < EACH * count; i++) {
        assert_success(mproc_queue_get(queue, values, PATIENCE));
        assert_success(MPROC_UNPACK(values, &who, &text));
        assert_string_equal(text, "a text");
        counts[who]++;
    }
    for (i = 0; i < EACH; i++) {
        assert_success(end_thread(&putters[i].work));
        assert_int_equal(counts[i], count);
    }
    free(putters);
}

/* -- Memory -------------------------------------------------------------------------------------- */

static void who_gets_for_ever_does_not_grow(void **state)
{
    mproc_queue_t *queue = make_queue((size_t)1 << 20, 0, *state);
    int warm = 50000, count = 500000 * test_scale(), i;
    size_t before = 0;
    mproc_process_t *process;

    assert_success(
        mproc_process_start(&process, get_endlessly, MPROC_PACK(queue, warm), NULL, *state));
    for (i = 1; i <= count; i++) {
        assert_success(mproc_queue_put(queue, MPROC_PACK(i, "some text"), PATIENCE));
        if (i == warm)
            before = resident_memory();
    }
    assert_true(before > 0 && resident_memory() <= before + SOME_MEMORY);
    assert_success(mproc_queue_put(queue, MPROC_PACK(-1, "the end"), PATIENCE));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_status(process));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(each_message_goes_to_one_of_many_processes),
        claim(a_crowd_of_processes_uses_one_queue),
        claim_leaving_nothing(each_message_goes_to_one_of_many_threads),
        claim_leaving_nothing(threads_put_values_at_the_same_time),
        claim_leaving_nothing(who_gets_for_ever_does_not_grow),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
