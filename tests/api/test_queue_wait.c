/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on queues, among connections and processes.
 */

#include "claims.h"
#include "queue.h"
#include "queues.h"
#include "sleepers.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define NWAITING 3

/* -- What the children do ------------------------------------------------------ */

/* Puts each word that it hears, until it hears "leave". */
static apr_status_t put_what_is_heard(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    for (;;) {
        word = hear(line, mproc_task_mem(task));
        if (strcmp(word, "leave") == 0)
            return APR_SUCCESS;
        MPROC_TRY(put_word(queue, word));
    }
}

static apr_status_t wait_for_queue(mproc_queue_t *queue)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue)};

    return mproc_wait(what, 1, PATIENCE);
}

/* Says "born", and "ready" when it is: it takes nothing. */
static apr_status_t wait_and_say(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(wait_for_queue(queue));
    return say(line, "ready");
}

/* Answers every message of one queue through another, and waits before each. */
static apr_status_t play(mproc_queue_t *from, mproc_queue_t *to, int rounds, int serves)
{
    char byte = 'x';
    size_t size;

    for (; rounds > 0; rounds--) {
        if (serves)
            MPROC_TRY(mproc_queue_put_bytes(to, &byte, 1, PATIENCE));
        MPROC_TRY(wait_for_queue(from));
        MPROC_TRY(mproc_queue_get_bytes(from, &byte, 1, &size, 0));
        if (!serves)
            MPROC_TRY(mproc_queue_put_bytes(to, &byte, 1, PATIENCE));
    }
    return APR_SUCCESS;
}

static apr_status_t return_balls(mproc_task_t *task)
{
    mproc_queue_t *from, *to;
    int rounds;

    MPROC_TRY(MPROC_UNPACK(task, &from, &to, &rounds));
    return play(from, to, rounds, 0);
}

static const mproc_target_t targets[] = {MPROC_TARGET(put_what_is_heard),
                                         MPROC_TARGET(wait_and_say), MPROC_TARGET(return_balls),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- What is ready ----------------------------------------------------------------------- */

static mproc_waitable_t waitable(mproc_queue_t *queue)
{
    mproc_waitable_t made = MPROC_WAITABLE(queue);

    return made;
}

static void start_with_queue(mproc_process_t **process, mproc_connection_t **line,
                             mproc_target_fn *target, mproc_queue_t *queue, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, target, MPROC_PACK(queue, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
}

static void a_queue_is_ready_while_there_is_a_message_in_it(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue)};
    int i;

    assert_status(mproc_wait(what, 1, 0), APR_TIMEUP);
    assert_int_equal(what[0].ready, 0);
    assert_success(put_word(queue, "one"));
    assert_success(put_word(queue, "two"));
    for (i = 0; i < 3; i++)
        assert_success(mproc_wait(what, 1, 0));
    assert_int_equal(what[0].ready, 1);
    assert_string_equal(look_for_word(queue, *state), "one");
    assert_success(mproc_wait(what, 1, PATIENCE));
    assert_string_equal(look_for_word(queue, *state), "two");
    assert_status(mproc_wait(what, 1, A_MOMENT), APR_TIMEUP);
    assert_int_equal(what[0].ready, 0);
}

static void what_was_given_up_is_not_waited_for(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue)};

    assert_status(put_pattern(queue, IN_PIECES, 0, 0), APR_TIMEUP);
    assert_status(mproc_wait(what, 1, 0), APR_TIMEUP);
}

static apr_status_t put_in_pieces(void *queue)
{
    return put_pattern(queue, IN_PIECES, 0, PATIENCE);
}

/* A get follows it to its end. */
static void a_message_that_has_begun_to_pass_in_pieces_makes_ready(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    work_t work;

    assert_success(start_thread(&work, put_in_pieces, queue, *state));
    assert_success(wait_for_queue(queue));
    assert_int_equal(count_messages(queue), 0);
    assert_success(get_pattern(queue, IN_PIECES, 0, 0));
    assert_success(end_thread(&work));
}

static void queues_connections_and_processes_are_waited_on_together(void **state)
{
    mproc_queue_t *fed = make_queue(SMALL_RING, 0, *state),
                  *idle = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_with_queue(&process, &line, put_what_is_heard, fed, *state);
    {
        mproc_waitable_t what[] = {MPROC_WAITABLE(idle), MPROC_WAITABLE(line), MPROC_WAITABLE(fed),
                                   MPROC_WAITABLE(process)};

        assert_status(mproc_wait(what, 4, A_MOMENT), APR_TIMEUP);
        assert_success(say(line, "word"));
        assert_success(mproc_wait(what, 4, PATIENCE));
        assert_true(!what[0].ready && !what[1].ready && what[2].ready && !what[3].ready);
        assert_string_equal(look_for_word(fed, *state), "word");
        assert_success(put_word(idle, "word"));
        assert_success(mproc_wait(what, 4, PATIENCE));
        assert_true(what[0].ready && !what[1].ready && !what[2].ready && !what[3].ready);
        assert_success(say(line, "leave"));
        assert_success(mproc_wait(what + 3, 1, PATIENCE));
        assert_success(mproc_wait(what, 4, 0));
        assert_true(what[0].ready && what[1].ready && !what[2].ready && what[3].ready);
    }
    assert_ended(process, 0);
}

static void a_queue_that_was_shut_down_is_ready(void **state)
{
    mproc_queue_t *drained = make_queue(SMALL_RING, 0, *state),
                  *shut = make_queue(SMALL_RING, 0, *state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(drained), MPROC_WAITABLE(shut)};

    assert_success(mproc_queue_shutdown(drained, MPROC_DRAIN));
    assert_success(put_word(shut, "word"));
    assert_success(mproc_queue_shutdown(shut, MPROC_AT_ONCE));
    assert_success(mproc_wait(what, 2, 0));
    assert_true(what[0].ready && what[1].ready);
}

/* -- Who waits --------------------------------------------------------------------------- */

static void assert_all_return(mproc_queue_t *queue, apr_status_t (*end)(mproc_queue_t *queue),
                              apr_pool_t *mem)
{
    mproc_process_t *processes[NWAITING];
    mproc_connection_t *lines[NWAITING];
    int i;

    for (i = 0; i < NWAITING; i++)
        start_with_queue(&processes[i], &lines[i], wait_and_say, queue, mem);
    apr_sleep(A_MOMENT); /* so that most often all wait; the claim holds if they do not */
    assert_success(end(queue));
    for (i = 0; i < NWAITING; i++) {
        assert_string_equal(hear(lines[i], mem), "ready");
        assert_ended(processes[i], 0);
    }
}

static apr_status_t put_one(mproc_queue_t *queue)
{
    return put_word(queue, "word");
}

static apr_status_t shut_down(mproc_queue_t *queue)
{
    return mproc_queue_shutdown(queue, MPROC_DRAIN);
}

static void all_who_wait_on_one_queue_return(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_all_return(queue, put_one, *state);
    assert_string_equal(look_for_word(queue, *state), "word");
    assert_all_return(queue, shut_down, *state);
}

static apr_status_t wait_in_a_thread(void *queue)
{
    return wait_for_queue(queue);
}

static void all_threads_that_wait_on_one_queue_return(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    work_t work[NWAITING];
    int i;

    for (i = 0; i < NWAITING; i++)
        assert_success(start_thread(&work[i], wait_in_a_thread, queue, *state));
    apr_sleep(A_MOMENT); /* so that most often all wait; the claim holds if they do not */
    assert_success(put_word(queue, "word"));
    for (i = 0; i < NWAITING; i++)
        assert_success(end_thread(&work[i]));
}

static void a_queue_in_which_a_thread_waits_is_not_closed(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    apr_time_t limit = apr_time_now() + PATIENCE;
    work_t work;

    assert_success(start_thread(&work, wait_in_a_thread, queue, *state));
    while (atomic_load(&queue->view.sleepers) == 0)
        assert_true(apr_time_now() < limit);
    assert_refused(mproc_queue_close(queue), MPROC_EINUSE, "another thread waits");
    assert_success(put_word(queue, "word"));
    assert_success(end_thread(&work));
    assert_success(mproc_queue_close(queue));
}

/* -- Many, and often ---------------------------------------------------------------------- */

static void one_of_three_hundred_queues_is_found(void **state)
{
    enum { MANY = 300 };
    static const size_t places[] = {0, 62, 63, 64, 65, 128, MANY - 1};
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_waitable_t what[MANY];
    size_t i;

    allow_many_handles();
    options.capacity = SMALL_RING;
    options.processes = 4;
    for (i = 0; i < MANY; i++) {
        mproc_queue_t *queue;

        assert_success(mproc_queue_create(&queue, &options, *state));
        what[i] = waitable(queue);
    }
    assert_status(mproc_wait(what, MANY, A_MOMENT), APR_TIMEUP);
    for (i = 0; i < sizeof places / sizeof places[0]; i++) {
        mproc_queue_t *queue = what[places[i]].object;

        assert_success(put_word(queue, "word"));
        assert_success(mproc_wait(what, MANY, PATIENCE));
        assert_int_equal(what[places[i]].ready, 1);
        assert_string_equal(look_for_word(queue, *state), "word");
    }
    assert_status(mproc_wait(what, MANY, 0), APR_TIMEUP);
}

static void ten_thousand_rounds_come_to_an_end(void **state)
{
    mproc_queue_t *there = make_queue(SMALL_RING, 0, *state),
                  *back = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *process;
    int rounds = 10000;

    assert_success(
        mproc_process_start(&process, return_balls, MPROC_PACK(there, back, rounds), NULL, *state));
    assert_success(play(back, there, rounds, 1));
    assert_ended(process, 0);
}

/* How long the other one has taken to answer from its sleep. */
static apr_interval_time_t play_with_a_sleeper(mproc_queue_t *there, mproc_queue_t *back,
                                               int rounds)
{
    apr_interval_time_t taken = 0;

    for (; rounds > 0; rounds--) {
        apr_time_t begin;

        await_polling(there, 1);
        begin = apr_time_now();
        assert_success(play(back, there, 1, 1));
        taken += apr_time_now() - begin;
    }
    return taken;
}

/* Who is not woken looks 20 ms later: each batch shows it.  A busy machine makes some batches slow. */
static void who_sleeps_is_woken(void **state)
{
    enum { BATCHES = 20, ROUNDS = 10 };
    mproc_queue_t *there = make_queue(SMALL_RING, 0, *state),
                  *back = make_queue(SMALL_RING, 0, *state);
    apr_interval_time_t quickest = PATIENCE;
    mproc_process_t *process;
    int i;

    assert_success(mproc_process_start(&process, return_balls,
                                       MPROC_PACK(there, back, BATCHES * ROUNDS), NULL, *state));
    for (i = 0; i < BATCHES; i++) {
        apr_interval_time_t taken = play_with_a_sleeper(there, back, ROUNDS);

        quickest = taken < quickest ? taken : quickest;
    }
    assert_ended(process, 0);
    assert_true(quickest < ROUNDS * apr_time_from_msec(10));
}

/* -- Time, and what is refused --------------------------------------------------------------- */

static void a_wait_lasts_no_less_than_its_timeout(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue)};
    apr_interval_time_t timeouts[] = {1, apr_time_from_msec(19), A_MOMENT, apr_time_from_msec(150)};
    size_t i;

    for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        apr_time_t begin = apr_time_now();
        assert_status(mproc_wait(what, 1, timeouts[i]), APR_TIMEUP);
        assert_true(apr_time_now() - begin >= timeouts[i] - 1000);
    }
}

static void a_bad_one_is_named_by_its_place(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state),
                  *closed = make_queue(SMALL_RING, 0, *state);
    mproc_queue_t *none = NULL;
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue), MPROC_WAITABLE(closed)};

    assert_success(mproc_queue_close(closed));
    what[0].ready = what[1].ready = 77;
    assert_refused(mproc_wait(what, 2, MPROC_FOREVER), MPROC_ECLOSED,
                   "what[1]: the queue is closed");
    what[1].object = none;
    assert_refused(mproc_wait(what, 2, MPROC_FOREVER), APR_EINVAL, "what[1]: the queue is NULL");
    assert_true(what[0].ready == 77 && what[1].ready == 77);
    assert_success(mproc_queue_close(queue)); /* it is left again */
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_queue_is_ready_while_there_is_a_message_in_it),
        claim_leaving_nothing(what_was_given_up_is_not_waited_for),
        claim_leaving_nothing(a_message_that_has_begun_to_pass_in_pieces_makes_ready),
        claim_leaving_nothing(queues_connections_and_processes_are_waited_on_together),
        claim_leaving_nothing(a_queue_that_was_shut_down_is_ready),
        claim_leaving_nothing(all_who_wait_on_one_queue_return),
        claim_leaving_nothing(all_threads_that_wait_on_one_queue_return),
        claim_leaving_nothing(a_queue_in_which_a_thread_waits_is_not_closed),
        claim(one_of_three_hundred_queues_is_found),
        claim_leaving_nothing(ten_thousand_rounds_come_to_an_end),
        claim_leaving_nothing(who_sleeps_is_woken),
        claim_leaving_nothing(a_wait_lasts_no_less_than_its_timeout),
        claim_leaving_nothing(a_bad_one_is_named_by_its_place),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
