/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A getter that is held up at any failpoint of its get, as who is stopped or is given no CPU: what
 * others ask for meanwhile is right, and does no harm.
 */

#include "failing.h"
#include "claims.h"
#include "message.h"
#include "queue.h"
#include "workers.h"

#include <apr_time.h>

#include <string.h>

/* A message that lies in the ring as a whole, and one that passes in pieces and has room in it. */
enum { CAPACITY = 4096, WHOLE = 100, IN_PIECES = 1500 };

/* -- The getter ------------------------------------------------------------------------------ */

/* The getter's line, and memory. */
static mproc_connection_t *own_line;
static apr_pool_t *own_mem;

static void wait_for_a_word(void)
{
    if (say(own_line, "held up") == APR_SUCCESS)
        (void)hear(own_line, own_mem);
}

static void go_on(void)
{
}

/* Says "held up" where it is, and goes on when it hears anything; then "got". */
static apr_status_t get_one(mproc_task_t *task)
{
    mproc_queue_t *queue;
    apr_status_t rv;
    uint32_t name;

    own_mem = mproc_task_mem(task);
    MPROC_TRY(MPROC_UNPACK(task, &queue, &own_line));
    at_failpoint = wait_for_a_word;
    begin_failing();
    rv = get_message(queue, &name, PATIENCE);
    at_failpoint = go_on;
    return say(own_line, rv == APR_SUCCESS ? "got" : "failed");
}

static const mproc_target_t targets[] = {MPROC_TARGET(get_one), MPROC_TARGETS_END};

typedef struct getter_t {
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_pool_t *mem;
} getter_t;

static getter_t start_getter(mproc_queue_t *queue, const char *const *environment, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    getter_t getter = {NULL, NULL, mem};
    mproc_connection_t *there;

    options.environment = environment;
    assert_success(mproc_pipe(&getter.line, &there, MPROC_DUPLEX, mem));
    assert_success(
        mproc_process_start(&getter.process, get_one, MPROC_PACK(queue, there), &options, mem));
    assert_success(mproc_connection_close(there));
    return getter;
}

/* It has got one, if it is not held up before. */
static int is_held_up(const getter_t *getter)
{
    const char *word = hear(getter->line, getter->mem);

    assert_true(strcmp(word, "held up") == 0 || strcmp(word, "got") == 0);
    return word[0] == 'h';
}

static void let_go_on(const getter_t *getter)
{
    assert_success(say(getter->line, "go"));
    assert_string_equal(hear(getter->line, getter->mem), "got");
}

/* -- Claims ---------------------------------------------------------------------------------- */

static mproc_queue_t *make_joinable(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = CAPACITY;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

static void ask(mproc_queue_t *queue)
{
    size_t unfinished, lost;

    assert_success(mproc_queue_lost(queue, NULL, 0, &lost));
    assert_int_equal(lost, 0);
    assert_success(mproc_queue_tasks(queue, &unfinished, &lost));
    assert_int_equal(unfinished, 2);
    assert_int_equal(lost, 0);
}

static int play_asking(const void *size, const char *const *environment, apr_pool_t *mem)
{
    mproc_queue_t *queue = make_joinable(mem);
    apr_uint64_t number;
    getter_t getter;
    int was_held_up;
    uint32_t name;

    assert_success(put_message(queue, 1, *(const size_t *)size, 0));
    assert_success(put_message(queue, 2, WHOLE, 0));
    getter = start_getter(queue, environment, mem);
    was_held_up = is_held_up(&getter);
    if (was_held_up) {
        ask(queue);
        let_go_on(&getter);
    }
    assert_ended(getter.process, 0);
    assert_success(get_message(queue, &name, PATIENCE));
    assert_int_equal(name, 2);
    assert_success(mproc_queue_last(queue, NULL, &number));
    assert_int_equal(number, 2);
    return was_held_up;
}

static void who_asks_while_another_gets_does_not_change_what_is_counted(void **state)
{
    static const size_t whole = WHOLE, in_pieces = IN_PIECES;

    assert_true(meet_failpoints(play_asking, &whole, 1, 1, *state) > 0);
    assert_true(meet_failpoints(play_asking, &in_pieces, 1, 1, *state) > 0);
}

/* Who is held up before goes on; whether it was. */
static int await_asleep(const getter_t *getter, const mproc_queue_t *queue)
{
    apr_time_t limit = apr_time_now() + PATIENCE;
    int was_held_up = 0;

    while (!mproc__event_has_sleepers(&queue->view.member, MPROC__NOT_EMPTY)) {
        assert_true(apr_time_now() < limit);
        if (mproc_connection_poll(getter->line, apr_time_from_msec(1)) != APR_SUCCESS)
            continue;
        was_held_up = is_held_up(getter);
        assert_true(was_held_up);
        assert_success(say(getter->line, "go"));
    }
    return was_held_up;
}

/* One that got it has ended, and has not said that it is done. */
static void lose_a_task(mproc_queue_t *queue, apr_pool_t *mem)
{
    getter_t getter = start_getter(queue, NULL, mem);

    assert_success(put_message(queue, 1, WHOLE, 0));
    assert_false(is_held_up(&getter));
    assert_ended(getter.process, 0);
}

/* It has never got anything, and sleeps when there is something to get. */
static int play_joining(const void *unused, const char *const *environment, apr_pool_t *mem)
{
    mproc_queue_t *queue = make_joinable(mem);
    getter_t getter;
    int was_held_up;

    (void)unused;
    lose_a_task(queue, mem);
    getter = start_getter(queue, environment, mem);
    was_held_up = await_asleep(&getter, queue);
    assert_success(put_message(queue, 2, WHOLE, 0));
    if (was_held_up)
        assert_false(is_held_up(&getter));
    else if (is_held_up(&getter)) {
        was_held_up = 1;
        assert_status(mproc_queue_join(queue, A_MOMENT), APR_TIMEUP);
        let_go_on(&getter);
    }
    assert_ended(getter.process, 0);
    assert_refused(mproc_queue_join(queue, 0), MPROC_EWORKERDIED, "2 tasks were not done");
    return was_held_up;
}

static void who_joins_waits_for_one_who_was_woken_for_its_first_message(void **state)
{
    assert_true(meet_failpoints(play_joining, NULL, 1, 1, *state) > 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(who_asks_while_another_gets_does_not_change_what_is_counted),
        claim(who_joins_waits_for_one_who_was_woken_for_its_first_message),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
