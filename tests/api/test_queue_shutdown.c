/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shutting a queue down: what can still be got, and that everybody who waits is
 * woken; and what is known of messages that went with a process.
 */

#include "claims.h"
#include "queues.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define NWAITING 3

/* -- What the children do ------------------------------------------------------ */

/* Says "born", and what it gets, until there is no more. */
static apr_status_t get_and_say(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    do {
        word = get_word(queue, mproc_task_mem(task));
        MPROC_TRY(say(line, word));
    } while (word[0] != '(');
    return APR_SUCCESS;
}

/* Says "born", puts a word into a queue without room, and says what that gave. */
static apr_status_t put_and_say(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    return say(line, put_word(queue, "word") == MPROC_ESHUTDOWN ? "(shut down)" : "(failed)");
}

/* Gets as many as it is told, one by one or at once, says so, and does as it is told then. */
static apr_status_t get_and_stay(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_bytes_t messages[4];
    mproc_queue_t *queue;
    char buffer[100];
    size_t size;
    int count, at_once;
    const char *then;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line, &count, &at_once, &then));
    if (at_once)
        MPROC_TRY(mproc_queue_get_many(queue, buffer, sizeof buffer, messages, (size_t)count, &size,
                                       PATIENCE));
    for (; !at_once && count > 0; count--)
        MPROC_TRY(mproc_queue_get_bytes(queue, buffer, sizeof buffer, &size, PATIENCE));
    if (strcmp(then, "close") == 0)
        MPROC_TRY(mproc_queue_close(queue));
    MPROC_TRY(say(line, "got"));
    return strcmp(then, "end") == 0 ? APR_SUCCESS : answer_on(line);
}

static const mproc_target_t targets[] = {MPROC_TARGET(get_and_say), MPROC_TARGET(put_and_say),
                                         MPROC_TARGET(get_and_stay),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- What is left -------------------------------------------------------------------- */

static void a_drained_queue_gives_what_is_in_it_and_takes_nothing(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_success(put_word(queue, "one"));
    assert_success(put_word(queue, "two"));
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_refused(put_word(queue, "three"), MPROC_ESHUTDOWN, "was shut down");
    assert_refused(mproc_queue_put(queue, MPROC_PACK(1), MPROC_FOREVER), MPROC_ESHUTDOWN,
                   "was shut down");
    assert_int_equal(count_messages(queue), 2);
    assert_string_equal(get_word(queue, *state), "one");
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_string_equal(get_word(queue, *state), "two");
    assert_string_equal(get_word(queue, *state), "(shut down)");
    assert_string_equal(get_word(queue, *state), "(shut down)");
}

static void what_is_shut_down_at_once_is_empty(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_success(put_word(queue, "one"));
    assert_success(put_word(queue, "two"));
    assert_success(mproc_queue_shutdown(queue, MPROC_AT_ONCE));
    assert_int_equal(count_messages(queue), 0);
    assert_string_equal(get_word(queue, *state), "(shut down)");
    assert_status(put_word(queue, "three"), MPROC_ESHUTDOWN);
}

static void draining_can_be_cut_short_and_not_taken_up_again(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_success(put_word(queue, "one"));
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_success(mproc_queue_shutdown(queue, MPROC_AT_ONCE));
    assert_string_equal(get_word(queue, *state), "(shut down)");
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_int_equal(count_messages(queue), 0);
}

/* -- Who waits ------------------------------------------------------------------------- */

static apr_status_t get_for_ever(void *queue)
{
    char word[8];
    size_t size;

    return mproc_queue_get_bytes(queue, word, sizeof word, &size, MPROC_FOREVER);
}

static apr_status_t put_for_ever(void *queue)
{
    return mproc_queue_put_bytes(queue, "word", 4, MPROC_FOREVER);
}

/* Without a getter it cannot be put whole. */
static apr_status_t put_in_pieces_for_ever(void *queue)
{
    return put_pattern(queue, IN_PIECES, 0, MPROC_FOREVER);
}

static void assert_threads_are_woken(mproc_queue_t *queue, work_fn *function, mproc_shutdown_t how,
                                     apr_pool_t *mem)
{
    work_t work[NWAITING];
    int i;

    for (i = 0; i < NWAITING; i++)
        assert_success(start_thread(&work[i], function, queue, mem));
    apr_sleep(A_MOMENT); /* so that most often all wait; the claim holds if they do not */
    assert_success(mproc_queue_shutdown(queue, how));
    for (i = 0; i < NWAITING; i++)
        assert_status(end_thread(&work[i]), MPROC_ESHUTDOWN);
}

static void threads_that_wait_are_woken(void **state)
{
    int how;

    for (how = MPROC_DRAIN; how <= MPROC_AT_ONCE; how++) {
        mproc_queue_t *empty = make_queue(SMALL_RING, 0, *state),
                      *full = make_queue(SMALL_RING, 1, *state);
        assert_threads_are_woken(empty, get_for_ever, (mproc_shutdown_t)how, *state);
        assert_success(put_word(full, "word"));
        assert_threads_are_woken(full, put_for_ever, (mproc_shutdown_t)how, *state);
        assert_int_equal(count_messages(full), how == MPROC_DRAIN);
    }
}

/* What had been put of it is taken back: nothing of it is ever got. */
static void a_message_in_pieces_is_given_up(void **state)
{
    int how;

    for (how = MPROC_DRAIN; how <= MPROC_AT_ONCE; how++) {
        mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
        assert_success(put_word(queue, "word"));
        assert_threads_are_woken(queue, put_in_pieces_for_ever, (mproc_shutdown_t)how, *state);
        assert_int_equal(count_messages(queue), how == MPROC_DRAIN);
        if (how == MPROC_DRAIN)
            assert_string_equal(get_word(queue, *state), "word");
        assert_string_equal(get_word(queue, *state), "(shut down)");
    }
}

static void assert_children_are_woken(mproc_queue_t *queue, mproc_target_fn *target,
                                      apr_pool_t *mem)
{
    mproc_process_t *processes[NWAITING];
    mproc_connection_t *lines[NWAITING], *there;
    int i;

    for (i = 0; i < NWAITING; i++) {
        assert_success(mproc_pipe(&lines[i], &there, MPROC_DUPLEX, mem));
        assert_success(
            mproc_process_start(&processes[i], target, MPROC_PACK(queue, there), NULL, mem));
        assert_success(mproc_connection_close(there));
        assert_string_equal(hear(lines[i], mem), "born");
    }
    apr_sleep(A_MOMENT); /* as above */
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    for (i = 0; i < NWAITING; i++) {
        assert_string_equal(hear(lines[i], mem), "(shut down)");
        assert_ended(processes[i], 0);
    }
}

static void processes_that_wait_are_woken(void **state)
{
    mproc_queue_t *empty = make_queue(SMALL_RING, 0, *state),
                  *full = make_queue(SMALL_RING, 1, *state);

    assert_children_are_woken(empty, get_and_say, *state);
    assert_success(put_word(full, "word"));
    assert_children_are_woken(full, put_and_say, *state);
    assert_string_equal(get_word(full, *state), "word");
    assert_string_equal(get_word(full, *state), "(shut down)");
}

/* -- Numbers ------------------------------------------------------------------------------ */

static void assert_last(mproc_queue_t *queue, apr_uint64_t put, apr_uint64_t got)
{
    apr_uint64_t last_put = 77, last_got = 77;

    assert_success(mproc_queue_last(queue, &last_put, &last_got));
    assert_int_equal(last_put, put);
    assert_int_equal(last_got, got);
}

static void messages_have_numbers_from_1_on(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 3, *state);
    mproc_bytes_t messages[3] = {{"a", 1}, {"b", 1}, {"c", 1}};
    char buffer[64];
    size_t count;

    assert_last(queue, 0, 0);
    assert_success(put_word(queue, "one"));
    assert_last(queue, 1, 0);
    assert_string_equal(get_word(queue, *state), "one");
    assert_last(queue, 1, 1);
    assert_success(mproc_queue_put_many(queue, messages, 3, &count, 0));
    assert_last(queue, 4, 1);
    assert_status(try_to_put(queue, "more"), APR_TIMEUP);
    assert_last(queue, 4, 1);
    assert_success(mproc_queue_get_many(queue, buffer, sizeof buffer, messages, 3, &count, 0));
    assert_last(queue, 4, 4);
}

/* -- What goes with a process ---------------------------------------------------------------- */

typedef struct getter_t {
    mproc_process_t *process;
    mproc_connection_t *line;
} getter_t;

static getter_t start_getter(mproc_queue_t *queue, int count, int at_once, const char *then,
                             apr_pool_t *mem)
{
    mproc_connection_t *there;
    getter_t getter;

    assert_success(mproc_pipe(&getter.line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&getter.process, get_and_stay,
                                       MPROC_PACK(queue, there, count, at_once, then), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(getter.line, mem), "got");
    return getter;
}

static void put_numbered(mproc_queue_t *queue, int count)
{
    for (; count > 0; count--)
        assert_success(put_word(queue, "word"));
}

static size_t count_lost(mproc_queue_t *queue)
{
    size_t count = 77;

    assert_success(mproc_queue_lost(queue, NULL, 0, &count));
    return count;
}

static void what_a_killed_process_had_got_last_is_named(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_lost_t lost[2];
    getter_t getter;
    size_t count;

    put_numbered(queue, 3);
    getter = start_getter(queue, 2, 0, "stay", *state);
    assert_int_equal(count_lost(queue), 0);
    assert_success(mproc_process_kill(getter.process));
    assert_ended(getter.process, -9);
    assert_success(mproc_queue_lost(queue, lost, 2, &count));
    assert_int_equal(count, 1);
    assert_int_equal(lost[0].number, 2);
    assert_int_equal(lost[0].pid, mproc_process_pid(getter.process));
    assert_int_equal(count_messages(queue), 1);
}

static void all_of_a_batch_are_named_as_far_as_there_is_room(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_lost_t lost[3] = {{0, 0}, {0, 0}, {77, 77}};
    getter_t getter;
    size_t count;

    put_numbered(queue, 4);
    assert_string_equal(get_word(queue, *state), "word");
    getter = start_getter(queue, 3, 1, "stay", *state);
    assert_success(mproc_process_kill(getter.process));
    assert_ended(getter.process, -9);
    assert_success(mproc_queue_lost(queue, lost, 2, &count));
    assert_int_equal(count, 3);
    assert_true(lost[0].number == 2 && lost[1].number == 3 && lost[2].number == 77);
}

static void who_ends_or_closes_the_queue_has_lost_nothing(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    getter_t ends, closes;

    put_numbered(queue, 2);
    ends = start_getter(queue, 1, 0, "end", *state);
    assert_ended(ends.process, 0);
    closes = start_getter(queue, 1, 0, "close", *state);
    assert_success(mproc_process_kill(closes.process));
    assert_ended(closes.process, -9);
    assert_int_equal(count_lost(queue), 0);
}

/* A queue for two: the next child has the dead one's place. */
static void it_is_forgotten_when_the_place_is_taken(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;
    getter_t getter;

    options.processes = 2;
    assert_success(mproc_queue_create(&queue, &options, *state));
    put_numbered(queue, 1);
    getter = start_getter(queue, 1, 0, "stay", *state);
    assert_success(mproc_process_kill(getter.process));
    assert_ended(getter.process, -9);
    assert_int_equal(count_lost(queue), 1);
    getter = start_getter(queue, 0, 0, "stay", *state);
    assert_int_equal(count_lost(queue), 0);
    assert_success(say(getter.line, "leave"));
    assert_ended(getter.process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_drained_queue_gives_what_is_in_it_and_takes_nothing),
        claim_leaving_nothing(what_is_shut_down_at_once_is_empty),
        claim_leaving_nothing(draining_can_be_cut_short_and_not_taken_up_again),
        claim_leaving_nothing(threads_that_wait_are_woken),
        claim_leaving_nothing(a_message_in_pieces_is_given_up),
        claim_leaving_nothing(processes_that_wait_are_woken),
        claim_leaving_nothing(messages_have_numbers_from_1_on),
        claim_leaving_nothing(what_a_killed_process_had_got_last_is_named),
        claim_leaving_nothing(all_of_a_batch_are_named_as_far_as_there_is_room),
        claim_leaving_nothing(who_ends_or_closes_the_queue_has_lost_nothing),
        claim_leaving_nothing(it_is_forgotten_when_the_place_is_taken),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
