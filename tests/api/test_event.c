/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events, among processes and threads.
 */

#include "claims.h"
#include "sleepers.h"
#include "threads.h"
#include "workers.h"

#define NWAITING 3

/* -- What the children do ------------------------------------------------------ */

/* Says "born", waits, and says "set". */
static apr_status_t wait_and_say(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_event_t *event;

    MPROC_TRY(MPROC_UNPACK(task, &event, &line));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(mproc_event_wait(event, MPROC_FOREVER));
    return say(line, "set");
}

/* Sets one for each time that the other is set. */
static apr_status_t play(mproc_event_t *from, mproc_event_t *to, int rounds)
{
    for (; rounds > 0; rounds--) {
        MPROC_TRY(mproc_event_wait(from, PATIENCE));
        MPROC_TRY(mproc_event_clear(from));
        MPROC_TRY(mproc_event_set(to));
    }
    return APR_SUCCESS;
}

static apr_status_t return_balls(mproc_task_t *task)
{
    mproc_event_t *from, *to;
    int rounds;

    MPROC_TRY(MPROC_UNPACK(task, &from, &to, &rounds));
    return play(from, to, rounds);
}

static const mproc_target_t targets[] = {MPROC_TARGET(wait_and_say), MPROC_TARGET(return_balls),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static mproc_event_t *make_event(apr_pool_t *mem)
{
    mproc_event_t *event;

    assert_success(mproc_event_create(&event, NULL, mem));
    return event;
}

static void start_waiting(mproc_process_t **process, mproc_connection_t **line,
                          mproc_event_t *event, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, wait_and_say, MPROC_PACK(event, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
}

/* -- Setting and clearing ---------------------------------------------------------------- */

static void an_event_is_set_until_it_is_cleared(void **state)
{
    mproc_event_t *event = make_event(*state);
    int i;

    assert_false(mproc_event_is_set(event));
    for (i = 0; i < 2; i++) {
        assert_success(mproc_event_set(event));
        assert_success(mproc_event_set(event));
        assert_true(mproc_event_is_set(event));
        assert_success(mproc_event_wait(event, 0));
        assert_success(mproc_event_wait(event, MPROC_FOREVER));
        assert_success(mproc_event_clear(event));
        assert_success(mproc_event_clear(event));
        assert_false(mproc_event_is_set(event));
        assert_status(mproc_event_wait(event, 0), APR_TIMEUP);
    }
}

static void a_wait_lasts_no_less_than_its_timeout(void **state)
{
    static const apr_interval_time_t timeouts[] = {1, 19000, 50000, 150000};
    mproc_event_t *event = make_event(*state);
    size_t i;

    for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        apr_time_t begin = apr_time_now();
        assert_refused(mproc_event_wait(event, timeouts[i]), APR_TIMEUP, "not set in time");
        assert_true(apr_time_now() - begin >= timeouts[i] - 1000);
    }
}

static void all_processes_that_wait_go_on(void **state)
{
    mproc_process_t *processes[NWAITING];
    mproc_connection_t *lines[NWAITING];
    mproc_event_t *event = make_event(*state);
    int i;

    for (i = 0; i < NWAITING; i++)
        start_waiting(&processes[i], &lines[i], event, *state);
    await_sleepers(event, IN_EVENT, NWAITING);
    assert_success(mproc_event_set(event));
    for (i = 0; i < NWAITING; i++) {
        assert_string_equal(hear(lines[i], *state), "set");
        assert_ended(processes[i], 0);
    }
}

static void who_waited_goes_on_though_it_is_cleared_at_once(void **state)
{
    mproc_process_t *processes[NWAITING];
    mproc_connection_t *lines[NWAITING];
    mproc_event_t *event = make_event(*state);
    int i;

    for (i = 0; i < NWAITING; i++)
        start_waiting(&processes[i], &lines[i], event, *state);
    await_sleepers(event, IN_EVENT, NWAITING);
    assert_success(mproc_event_set(event));
    assert_success(mproc_event_clear(event));
    for (i = 0; i < NWAITING; i++) {
        assert_string_equal(hear(lines[i], *state), "set");
        assert_ended(processes[i], 0);
    }
    assert_status(mproc_event_wait(event, 0), APR_TIMEUP);
}

static void setting_does_not_wait_for_a_waiter_that_was_killed(void **state)
{
    mproc_process_t *killed, *other;
    mproc_connection_t *line, *others_line;
    mproc_event_t *event = make_event(*state);

    start_waiting(&killed, &line, event, *state);
    start_waiting(&other, &others_line, event, *state);
    await_sleepers(event, IN_EVENT, 2);
    assert_success(mproc_process_kill(killed));
    assert_success(mproc_process_join(killed, PATIENCE));
    assert_success(mproc_event_set(event));
    assert_string_equal(hear(others_line, *state), "set");
    assert_ended(other, 0);
}

static apr_status_t wait_in_a_thread(void *event)
{
    return mproc_event_wait(event, PATIENCE);
}

static void start_and_kill_waiting(mproc_event_t *event, apr_pool_t *mem)
{
    mproc_connection_t *line;
    mproc_process_t *process;

    start_waiting(&process, &line, event, mem);
    await_sleepers(event, IN_EVENT, 1);
    assert_success(mproc_process_kill(process));
    assert_success(mproc_process_join(process, PATIENCE));
}

static void set_and_clear(mproc_event_t *event, int times)
{
    for (; times > 0; times--) {
        assert_success(mproc_event_set(event));
        assert_success(mproc_event_clear(event));
    }
}

/* Whether anybody died cannot be asked, as this may be a handler of a signal; but that nobody answers is seen. */
static void who_died_waiting_is_not_called_for_ever(void **state)
{
    mproc_event_t *event = make_event(*state);
    uint32_t calls;
    work_t work;

    start_and_kill_waiting(event, *state);
    set_and_clear(event, 100);
    calls = count_calls(event, IN_EVENT);
    set_and_clear(event, 100);
    assert_int_equal(count_calls(event, IN_EVENT), calls);
    assert_success(start_thread(&work, wait_in_a_thread, event, *state));
    await_sleepers(event, IN_EVENT, 1);
    assert_success(mproc_event_set(event));
    assert_true(count_calls(event, IN_EVENT) > calls);
    assert_success(end_thread(&work));
}

static void who_is_woken_for_nothing_looks_for_the_dead(void **state)
{
    mproc_event_t *event = make_event(*state);
    apr_time_t limit = apr_time_now() + PATIENCE;
    work_t work;

    start_and_kill_waiting(event, *state);
    assert_true(has_dead_sleepers(event, IN_EVENT));
    assert_success(start_thread(&work, wait_in_a_thread, event, *state));
    while (has_dead_sleepers(event, IN_EVENT)) {
        wake_for_nothing(event, IN_EVENT);
        assert_true(apr_time_now() < limit);
    }
    assert_success(mproc_event_set(event));
    assert_success(end_thread(&work));
}

static void all_threads_that_wait_go_on(void **state)
{
    mproc_event_t *event = make_event(*state);
    work_t work[NWAITING];
    int i;

    for (i = 0; i < NWAITING; i++)
        assert_success(start_thread(&work[i], wait_in_a_thread, event, *state));
    await_sleepers(event, IN_EVENT, NWAITING);
    assert_success(mproc_event_set(event));
    for (i = 0; i < NWAITING; i++)
        assert_success(end_thread(&work[i]));
}

/* -- Many, and often ---------------------------------------------------------------------- */

static void fifty_processes_wait_for_one_event(void **state)
{
    enum { MANY = 50 };
    mproc_process_t *processes[MANY];
    mproc_connection_t *lines[MANY];
    mproc_event_t *event = make_event(*state);
    int i;

    for (i = 0; i < MANY; i++)
        start_waiting(&processes[i], &lines[i], event, *state);
    await_sleepers(event, IN_EVENT, MANY);
    assert_success(mproc_event_set(event));
    for (i = 0; i < MANY; i++) {
        assert_string_equal(hear(lines[i], *state), "set");
        assert_ended(processes[i], 0);
    }
}

static void many_rounds_come_to_an_end(void **state)
{
    mproc_event_t *there = make_event(*state), *back = make_event(*state);
    mproc_process_t *process;
    int rounds = 3000;

    assert_success(
        mproc_process_start(&process, return_balls, MPROC_PACK(there, back, rounds), NULL, *state));
    assert_success(mproc_event_set(back));
    assert_success(play(back, there, rounds));
    assert_ended(process, 0);
}

/* How long the other one has taken to answer from its sleep. */
static apr_interval_time_t play_with_a_sleeper(mproc_event_t *there, mproc_event_t *back,
                                               int rounds)
{
    apr_interval_time_t taken = 0;

    for (; rounds > 0; rounds--) {
        apr_time_t begin;

        await_sleepers(there, IN_EVENT, 1);
        begin = apr_time_now();
        assert_success(mproc_event_set(there));
        assert_success(mproc_event_wait(back, PATIENCE));
        taken += apr_time_now() - begin;
        assert_success(mproc_event_clear(back));
    }
    return taken;
}

/* Who is not woken looks 20 ms later: each batch shows it.  A busy machine makes some batches slow. */
static void who_sleeps_is_woken(void **state)
{
    enum { BATCHES = 20, ROUNDS = 10 };
    mproc_event_t *there = make_event(*state), *back = make_event(*state);
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

/* -- What is refused ----------------------------------------------------------------------- */

static void bad_arguments_are_refused(void **state)
{
    mproc_event_options_t unset = {0, 1};
    mproc_event_t *event = NULL;

    assert_refused(mproc_event_create(NULL, NULL, *state), APR_EINVAL, "variable for the event");
    assert_refused(mproc_event_create(&event, &unset, *state), APR_EINVAL, "MPROC_EVENT_OPTIONS");
    assert_null(event);
}

static void an_event_for_which_a_thread_waits_is_not_closed(void **state)
{
    mproc_event_t *event = make_event(*state);
    work_t work;

    assert_success(start_thread(&work, wait_in_a_thread, event, *state));
    await_sleepers(event, IN_EVENT, 1);
    assert_refused(mproc_event_close(event), MPROC_EINUSE, "another thread waits for the event");
    assert_success(mproc_event_set(event));
    assert_success(end_thread(&work));
    assert_success(mproc_event_close(event));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(an_event_is_set_until_it_is_cleared),
        claim_leaving_nothing(a_wait_lasts_no_less_than_its_timeout),
        claim_leaving_nothing(all_processes_that_wait_go_on),
        claim_leaving_nothing(who_waited_goes_on_though_it_is_cleared_at_once),
        claim_leaving_nothing(setting_does_not_wait_for_a_waiter_that_was_killed),
        claim_leaving_nothing(who_died_waiting_is_not_called_for_ever),
        claim_leaving_nothing(who_is_woken_for_nothing_looks_for_the_dead),
        claim_leaving_nothing(all_threads_that_wait_go_on),
        claim(fifty_processes_wait_for_one_event),
        claim_leaving_nothing(many_rounds_come_to_an_end),
        claim_leaving_nothing(who_sleeps_is_woken),
        claim_leaving_nothing(bad_arguments_are_refused),
        claim_leaving_nothing(an_event_for_which_a_thread_waits_is_not_closed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
