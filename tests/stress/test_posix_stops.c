/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that are stopped are not dead, and those that sleep cost nothing.
 */

#include "claims.h"
#include "ends.h"
#include "queue.h"
#include "storm.h"
#include "message.h"
#include "threads.h"
#include "workers.h"

#include <apr_time.h>

#include <time.h>

/* Of the storm at scale 1, and of sleeping. */
#define TIME apr_time_from_sec(3)
#define NIGHT apr_time_from_sec(2)

/* -- Targets -------------------------------------------------------------------------- */

/* Holds a side's lock, says so, and is stopped in between. */
static apr_status_t hold(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    mproc__lock_t *lock;
    char word[8];
    size_t size;
    int is_putting;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line, &is_putting));
    lock = is_putting ? &queue->view.ring->putting : &queue->view.ring->getting;
    if (!mproc__lock_try(lock, &queue->view.member))
        return APR_EGENERAL;
    MPROC_TRY(mproc_connection_send_bytes(line, "held", 4, PATIENCE));
    MPROC_TRY(mproc_connection_recv_bytes(line, word, sizeof word, &size, PATIENCE));
    if (atomic_load(&lock->owner) != queue->view.member.id)
        return APR_EGENERAL;
    is_putting ? mproc__ring_unlock_putting(&queue->view)
               : mproc__ring_unlock_getting(&queue->view);
    return APR_SUCCESS;
}

/* Waits for a message that does not come; says how much time of a CPU that took, in microseconds. */
static apr_status_t sleep_in_queue(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    clock_t begin;
    uint32_t name;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    begin = clock();
    rv = get_message(queue, &name, NIGHT);
    if (!APR_STATUS_IS_TIMEUP(rv))
        return APR_EGENERAL;
    return mproc_connection_send(
        line, MPROC_PACK((apr_int64_t)((clock() - begin) * 1000000 / CLOCKS_PER_SEC)), PATIENCE);
}

/* Has all that can be had of blocks but one granule, says so, and is stopped. */
static apr_status_t hold_blocks(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    void *block;
    char word[8];
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(mproc_queue_acquire(queue, &block, &size, PATIENCE));
    MPROC_TRY(mproc_queue_reserve(queue, 4096, &block, PATIENCE));
    MPROC_TRY(mproc_connection_send_bytes(line, "held", 4, PATIENCE));
    MPROC_TRY(mproc_connection_recv_bytes(line, word, sizeof word, &size, PATIENCE));
    return mproc_queue_cancel(queue, block);
}

enum { CAPACITY = 4096, IN_PIECES = 3 * CAPACITY };

static apr_status_t put_in_pieces(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    return put_message(queue, 2, IN_PIECES, PATIENCE);
}

static const mproc_target_t targets[] = {
    MPROC_TARGETS_OF(storm_targets), MPROC_TARGET(hold),          MPROC_TARGET(hold_blocks),
    MPROC_TARGET(sleep_in_queue),    MPROC_TARGET(put_in_pieces), MPROC_TARGETS_END};

/* -- Claims -------------------------------------------------------------------------------- */

static void assert_a_stopped_holder_lives(int is_putting, apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    mproc_queue_t *queue;
    char word[8];
    uint32_t name;
    size_t size;

    assert_success(mproc_queue_create(&queue, NULL, mem));
    assert_success(put_message(queue, 1, 100, 0));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(
        mproc_process_start(&process, hold, MPROC_PACK(queue, there, is_putting), NULL, mem));
    assert_success(mproc_connection_recv_bytes(here, word, sizeof word, &size, PATIENCE));
    assert_true(stop_process(mproc_process_pid(process)));
    assert_status(is_putting ? put_message(queue, 2, 100, apr_time_from_msec(300))
                             : get_message(queue, &name, apr_time_from_msec(300)),
                  APR_TIMEUP);
    assert_true(continue_process(mproc_process_pid(process)));
    assert_success(mproc_connection_send_bytes(here, "go", 2, PATIENCE));
    assert_success(put_message(queue, 3, 100, PATIENCE));
    assert_success(get_message(queue, &name, PATIENCE));
    assert_int_equal(name, 1);
    assert_success(get_message(queue, &name, PATIENCE));
    assert_int_equal(name, 3);
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_status(process));
}

static void a_stopped_putter_keeps_its_lock(void **state)
{
    assert_a_stopped_holder_lives(1, *state);
}

static void a_stopped_getter_keeps_its_lock(void **state)
{
    assert_a_stopped_holder_lives(0, *state);
}

/* Its blocks stay its own, and go on being so when it goes on. */
static void a_stopped_holder_of_blocks_stops_nobody(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    mproc_queue_t *queue;
    char word[8];
    uint32_t name, i;
    size_t size;
    void *block;

    options.blocks = 3 * 4096;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(put_message_in_place(queue, 1, 100, 0));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(
        mproc_process_start(&process, hold_blocks, MPROC_PACK(queue, there), NULL, *state));
    assert_success(mproc_connection_recv_bytes(here, word, sizeof word, &size, PATIENCE));
    assert_true(stop_process(mproc_process_pid(process)));
    for (i = 2; i < 1000; i++) {
        assert_success(put_message_in_place(queue, i, 100, PATIENCE));
        assert_success(get_message_in_place(queue, &name, 0));
        assert_int_equal(name, i);
    }
    assert_status(mproc_queue_reserve(queue, 4097, &block, A_MOMENT), APR_TIMEUP);
    assert_true(continue_process(mproc_process_pid(process)));
    assert_success(mproc_connection_send_bytes(here, "go", 2, PATIENCE));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_status(process));
    assert_success(mproc_queue_reserve(queue, options.blocks, &block, PATIENCE));
    assert_success(mproc_queue_cancel(queue, block));
}

static apr_status_t get_the_second(void *queue)
{
    uint32_t name;

    MPROC_TRY(get_message(queue, &name, PATIENCE));
    return name == 2 ? APR_SUCCESS : APR_EGENERAL;
}

/* Whose putter is stopped when all that there is room for is put. */
static void start_getting_in_pieces(work_t *work, mproc_process_t **putter, mproc_queue_t *queue,
                                    apr_pool_t *mem)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    assert_success(mproc_process_start(putter, put_in_pieces, MPROC_PACK(queue), NULL, mem));
    while (!mproc__event_has_sleepers(&queue->view.member, MPROC__NOT_FULL))
        assert_true(apr_time_now() < limit);
    assert_true(stop_process(mproc_process_pid(*putter)));
    assert_success(start_thread(work, get_the_second, queue, mem));
    while (atomic_load(&queue->view.ring->getting.owner) == 0)
        assert_true(apr_time_now() < limit);
}

static void who_asks_for_tasks_does_not_wait_for_a_message_in_pieces(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    size_t unfinished, lost;
    mproc_process_t *putter;
    mproc_queue_t *queue;
    uint32_t name;
    work_t work;

    options.capacity = CAPACITY;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(put_message(queue, 1, 100, 0));
    assert_success(get_message(queue, &name, 0));
    start_getting_in_pieces(&work, &putter, queue, *state);
    assert_success(mproc_queue_tasks(queue, &unfinished, &lost));
    assert_int_equal(unfinished, 1);
    assert_int_equal(lost, 0);
    assert_success(mproc_queue_lost(queue, NULL, 0, &lost));
    assert_int_equal(lost, 0);
    assert_true(continue_process(mproc_process_pid(putter)));
    assert_success(end_thread(&work));
    assert_ended(putter, 0);
    assert_success(mproc_queue_tasks(queue, &unfinished, &lost));
    assert_int_equal(unfinished, 2);
}

static void some_are_stopped_and_some_are_killed(void **state)
{
    static const storm_t storm = {.name = "3P3C, stops",
                                  .putters = 3,
                                  .getters = 3,
                                  .capacity = 4096,
                                  .size_max = 16384,
                                  .stops = 1};

    play_storm(&storm, TIME * test_scale(), *state);
}

static void some_with_blocks_are_stopped_and_some_are_killed(void **state)
{
    static const storm_t storm = {.name = "3P3C, blocks, stops",
                                  .putters = 3,
                                  .getters = 3,
                                  .capacity = 4096,
                                  .size_max = 16384,
                                  .stops = 1,
                                  .blocks = 131072};

    play_storm(&storm, TIME * test_scale(), *state);
}

/* A few slices each; half a second for all is very much. */
static void getters_that_wait_cost_nothing(void **state)
{
    int count = test_scale() >= 10 ? 200 : 20, i;
    mproc_process_t **processes = apr_palloc(*state, (size_t)count * sizeof(mproc_process_t *));
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *here, *there;
    apr_int64_t one, all = 0;
    mproc_queue_t *queue;

    assert_success(mproc_queue_create(&queue, NULL, *state));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    for (i = 0; i < count; i++)
        assert_success(mproc_process_start(&processes[i], sleep_in_queue, MPROC_PACK(queue, there),
                                           NULL, *state));
    for (i = 0; i < count; i++) {
        assert_success(mproc_connection_recv(here, values, PATIENCE));
        assert_success(MPROC_UNPACK(values, &one));
        all += one;
    }
    for (i = 0; i < count; i++)
        assert_success(mproc_process_join(processes[i], PATIENCE));
    print_message("  %d getters that waited for 2 s took %ld us of CPU time\n", count, (long)all);
    assert_true(all < count * 25000);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_stopped_putter_keeps_its_lock),
        claim(a_stopped_getter_keeps_its_lock),
        claim(a_stopped_holder_of_blocks_stops_nobody),
        claim(who_asks_for_tasks_does_not_wait_for_a_message_in_pieces),
        claim(some_are_stopped_and_some_are_killed),
        claim(some_with_blocks_are_stopped_and_some_are_killed),
        claim(getters_that_wait_cost_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
