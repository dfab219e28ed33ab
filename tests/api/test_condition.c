/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Conditions, among processes and threads.
 */

#include "claims.h"
#include "sleepers.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <stdatomic.h>

#define NWAITING 3

/* -- What the children do ------------------------------------------------------ */

/* Says "born", waits once, and says "woken". */
static apr_status_t wait_and_say(mproc_task_t *task)
{
    mproc_condition_t *condition;
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &condition, &line));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(mproc_condition_acquire(condition, MPROC_FOREVER));
    MPROC_TRY(mproc_condition_wait(condition, MPROC_FOREVER));
    MPROC_TRY(mproc_condition_release(condition));
    return say(line, "woken");
}

static apr_status_t hold(mproc_task_t *task, int notifies)
{
    mproc_condition_t *condition;
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &condition, &line));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(mproc_condition_acquire(condition, PATIENCE));
    if (notifies)
        MPROC_TRY(mproc_condition_notify_all(condition));
    MPROC_TRY(say(line, "held"));
    hear(line, mproc_task_mem(task));
    return mproc_condition_release(condition);
}

/* Says "born", and "held" when it holds the condition; releases it when it hears a word. */
static apr_status_t hold_only(mproc_task_t *task)
{
    return hold(task, 0);
}

/* The same, and it has notified when it says "held". */
static apr_status_t hold_and_notify(mproc_task_t *task)
{
    return hold(task, 1);
}

static int is_event_set(void *event)
{
    return mproc_event_is_set(event);
}

/* Waits for an event to be set, under the condition; and sets another. */
static apr_status_t take_turns(mproc_condition_t *condition, mproc_event_t *from, mproc_event_t *to,
                               int rounds)
{
    MPROC_TRY(mproc_condition_acquire(condition, PATIENCE));
    for (; rounds > 0; rounds--) {
        MPROC_TRY(mproc_condition_wait_for(condition, is_event_set, from, PATIENCE));
        MPROC_TRY(mproc_event_clear(from));
        MPROC_TRY(mproc_event_set(to));
        MPROC_TRY(mproc_condition_notify(condition, 1));
    }
    return mproc_condition_release(condition);
}

static apr_status_t play(mproc_task_t *task)
{
    mproc_condition_t *condition;
    mproc_event_t *from, *to;
    int rounds;

    MPROC_TRY(MPROC_UNPACK(task, &condition, &from, &to, &rounds));
    return take_turns(condition, from, to, rounds);
}

static const mproc_target_t targets[] = {MPROC_TARGET(wait_and_say),       MPROC_TARGET(hold_only),
                                         MPROC_TARGET(hold_and_notify),    MPROC_TARGET(play),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static mproc_condition_t *make_condition(apr_pool_t *mem)
{
    mproc_condition_t *condition;

    assert_success(mproc_condition_create(&condition, NULL, mem));
    return condition;
}

static void start(mproc_process_t **process, mproc_connection_t **line, mproc_target_fn *target,
                  mproc_condition_t *condition, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, target, MPROC_PACK(condition, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
}

static void kill_it(mproc_process_t *process)
{
    assert_success(mproc_process_kill(process));
    assert_success(mproc_process_join(process, PATIENCE));
}

static void notify_all(mproc_condition_t *condition)
{
    assert_success(mproc_condition_acquire(condition, PATIENCE));
    assert_success(mproc_condition_notify_all(condition));
    assert_success(mproc_condition_release(condition));
}

/* -- Its lock ------------------------------------------------------------------------------ */

static void one_process_holds_it_at_a_time(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start(&process, &line, hold_only, condition, *state);
    assert_string_equal(hear(line, *state), "held");
    assert_refused(mproc_condition_acquire(condition, 0), APR_TIMEUP, "not released in time");
    assert_status(mproc_condition_acquire(condition, A_MOMENT), APR_TIMEUP);
    assert_success(say(line, "release"));
    assert_success(mproc_condition_acquire(condition, PATIENCE));
    assert_success(mproc_condition_release(condition));
    assert_ended(process, 0);
}

static void a_thread_may_acquire_it_again(void **state)
{
    mproc_condition_t *condition = make_condition(*state);

    assert_success(mproc_condition_acquire(condition, 0));
    assert_success(mproc_condition_acquire(condition, 0));
    assert_status(mproc_condition_wait(condition, 1), APR_TIMEUP);
    assert_success(mproc_condition_release(condition));
    assert_success(mproc_condition_notify(condition, 1));
    assert_success(mproc_condition_release(condition));
    assert_status(mproc_condition_release(condition), MPROC_ENOTOWNER);
}

static void the_next_holder_learns_that_the_last_one_died(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start(&process, &line, hold_only, condition, *state);
    assert_string_equal(hear(line, *state), "held");
    kill_it(process);
    assert_refused(mproc_condition_acquire(condition, PATIENCE), MPROC_EOWNERDEAD, "has died");
    assert_success(mproc_condition_notify(condition, 1));
    assert_success(mproc_condition_release(condition));
    assert_success(mproc_condition_acquire(condition, 0));
    assert_success(mproc_condition_release(condition));
}

/* -- Waiting and notifying ------------------------------------------------------------------- */

static void a_wait_that_times_out_holds_it_again(void **state)
{
    static const apr_interval_time_t timeouts[] = {0, 1, 19000, 50000, 150000};
    mproc_condition_t *condition = make_condition(*state);
    size_t i;

    assert_success(mproc_condition_acquire(condition, 0));
    for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        apr_time_t begin = apr_time_now();
        assert_refused(mproc_condition_wait(condition, timeouts[i]), APR_TIMEUP,
                       "not notified in time");
        assert_true(apr_time_now() - begin >= timeouts[i] - 1000);
        assert_success(mproc_condition_notify(condition, 1)); /* nobody keeps it for later */
    }
    assert_success(mproc_condition_release(condition));
}

static void a_notify_wakes_one_who_waits(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start(&process, &line, wait_and_say, condition, *state);
    await_sleepers(condition, IN_CONDITION, 1);
    assert_success(mproc_condition_acquire(condition, PATIENCE));
    assert_success(mproc_condition_notify(condition, 1));
    assert_status(mproc_connection_poll(line, A_MOMENT), APR_TIMEUP); /* not before the release */
    assert_success(mproc_condition_release(condition));
    assert_string_equal(hear(line, *state), "woken");
    assert_ended(process, 0);
}

static void assert_all_are_woken(int processes, int kills, apr_pool_t *mem)
{
    enum { MOST = 50 };
    mproc_condition_t *condition = make_condition(mem);
    mproc_process_t *process[MOST];
    mproc_connection_t *line[MOST];
    int i;

    for (i = 0; i < processes; i++)
        start(&process[i], &line[i], wait_and_say, condition, mem);
    await_sleepers(condition, IN_CONDITION, (unsigned)processes);
    for (i = 0; i < kills; i++)
        kill_it(process[i]);
    notify_all(condition);
    for (i = kills; i < processes; i++) {
        assert_string_equal(hear(line[i], mem), "woken");
        assert_ended(process[i], 0);
    }
}

static void all_who_wait_are_woken(void **state)
{
    assert_all_are_woken(NWAITING, 0, *state);
}

static void fifty_processes_are_woken(void **state)
{
    assert_all_are_woken(50, 0, *state);
}

static void a_notify_does_not_wait_for_one_that_was_killed(void **state)
{
    assert_all_are_woken(NWAITING, 1, *state);
}

/* It may have had the wake already; the other one looks again. */
static void a_killed_waiter_keeps_no_wake(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_process_t *killed, *other;
    mproc_connection_t *line, *others_line;

    start(&killed, &line, wait_and_say, condition, *state);
    start(&other, &others_line, wait_and_say, condition, *state);
    await_sleepers(condition, IN_CONDITION, 2);
    assert_success(mproc_condition_acquire(condition, PATIENCE));
    assert_success(mproc_condition_notify(condition, 1));
    kill_it(killed);
    assert_success(mproc_condition_release(condition));
    assert_string_equal(hear(others_line, *state), "woken");
    assert_ended(other, 0);
}

/* Without a time after which it would look at the lock, and learn what it should have learned before. */
static apr_status_t wait_in_a_thread(void *condition)
{
    apr_status_t rv;

    MPROC_TRY(mproc_condition_acquire(condition, PATIENCE));
    rv = mproc_condition_wait(condition, MPROC_FOREVER);
    MPROC_TRY(mproc_condition_release(condition));
    return rv;
}

static void assert_waiter_learns_of_death(mproc_target_fn *holder, apr_pool_t *mem)
{
    mproc_condition_t *condition = make_condition(mem);
    mproc_process_t *process;
    mproc_connection_t *line;
    work_t work;

    assert_success(start_thread(&work, wait_in_a_thread, condition, mem));
    await_sleepers(condition, IN_CONDITION, 1);
    start(&process, &line, holder, condition, mem);
    assert_string_equal(hear(line, mem), "held");
    if (holder == hold_and_notify)
        await_sleepers(condition, IN_LOCK, 1);
    kill_it(process);
    assert_status(end_thread(&work), MPROC_EOWNERDEAD);
    assert_success(mproc_condition_acquire(condition, 0));
    assert_success(mproc_condition_release(condition));
}

/* Not every system says whether a wake has woken somebody. */
static void who_died_waiting_is_not_called_for_ever(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_process_t *process;
    mproc_connection_t *line;
    int i;

    start(&process, &line, wait_and_say, condition, *state);
    await_sleepers(condition, IN_CONDITION, 1);
    kill_it(process);
    assert_true(has_dead_sleepers(condition, IN_CONDITION));
    for (i = 0; i < 100; i++)
        notify_all(condition);
    assert_false(has_dead_sleepers(condition, IN_CONDITION));
}

static void who_was_notified_by_one_that_died_holds_what_he_held(void **state)
{
    assert_waiter_learns_of_death(hold_and_notify, *state);
}

static void who_waits_learns_that_a_holder_has_died_without_a_notify(void **state)
{
    assert_waiter_learns_of_death(hold_only, *state);
}

/*
 * Who takes over from a dead one does what that one may have died before: others who wait look, and do
 * not sleep on beside what he has left.  Where they look before, they are told themselves.
 */
static void all_who_wait_go_on_when_one_has_taken_over_from_the_dead(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_process_t *process;
    mproc_connection_t *line;
    mproc_sentinel_t end;
    apr_status_t rv;
    work_t work;

    assert_success(start_thread(&work, wait_in_a_thread, condition, *state));
    await_sleepers(condition, IN_CONDITION, 1);
    start(&process, &line, hold_only, condition, *state);
    assert_string_equal(hear(line, *state), "held");
    assert_success(mproc_process_sentinel(process, &end));
    assert_success(mproc_process_kill(process));
    assert_true(is_ready(end, PATIENCE)); /* a join would have all who wait look */
    rv = mproc_condition_acquire(condition, 0);
    if (rv == APR_SUCCESS || rv == MPROC_EOWNERDEAD)
        assert_success(mproc_condition_release(condition));
    rv = end_thread(&work);
    assert_true(rv == APR_SUCCESS || rv == MPROC_EOWNERDEAD);
    assert_success(mproc_process_join(process, PATIENCE));
}

static int never(void *calls)
{
    ++*(int *)calls;
    return 0;
}

static void what_is_waited_for_is_looked_at_first(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_event_t *event;
    int calls = 0;

    assert_success(mproc_event_create(&event, NULL, *state));
    assert_success(mproc_event_set(event));
    assert_success(mproc_condition_acquire(condition, 0));
    assert_success(mproc_condition_wait_for(condition, is_event_set, event, 0));
    assert_refused(mproc_condition_wait_for(condition, never, &calls, A_MOMENT), APR_TIMEUP,
                   "did not become true in time");
    assert_true(calls >= 2);
    assert_success(mproc_condition_release(condition));
}

/* Notifies for as long as it is set. */
typedef struct notifier_t {
    mproc_condition_t *condition;
    atomic_int goes_on;
} notifier_t;

static apr_status_t notify_all_the_time(void *data)
{
    notifier_t *notifier = data;

    while (atomic_load(&notifier->goes_on)) {
        apr_status_t rv = mproc_condition_acquire(notifier->condition, 0);
        if (APR_STATUS_IS_TIMEUP(rv))
            continue;
        MPROC_TRY(rv);
        MPROC_TRY(mproc_condition_notify_all(notifier->condition));
        MPROC_TRY(mproc_condition_release(notifier->condition));
    }
    return APR_SUCCESS;
}

/* It takes longer than the wait's timeout. */
static int never_for_a_while(void *calls)
{
    apr_time_t end = apr_time_now() + apr_time_from_msec(2);

    ++*(int *)calls;
    while (apr_time_now() < end)
        ;
    return 0;
}

/* It looks first of all, when time may begin, when it is up, and at last. */
static void a_wait_that_is_notified_all_the_time_keeps_to_its_timeout(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    notifier_t notifier = {condition, 1};
    int calls, most = 0, i;
    work_t work;

    assert_success(start_thread(&work, notify_all_the_time, &notifier, *state));
    assert_success(mproc_condition_acquire(condition, PATIENCE));
    for (i = 0; i < 20; i++) {
        calls = 0;
        assert_status(
            mproc_condition_wait_for(condition, never_for_a_while, &calls, apr_time_from_msec(1)),
            APR_TIMEUP);
        most = calls > most ? calls : most;
    }
    assert_success(mproc_condition_release(condition));
    atomic_store(&notifier.goes_on, 0);
    assert_success(end_thread(&work));
    assert_in_range(most, 2, 4);
}

/* Another process takes turns with this one. */
static mproc_process_t *start_play(mproc_condition_t *condition, mproc_event_t **there,
                                   mproc_event_t **back, int rounds, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_success(mproc_event_create(there, NULL, mem));
    assert_success(mproc_event_create(back, NULL, mem));
    assert_success(mproc_process_start(&process, play, MPROC_PACK(condition, *there, *back, rounds),
                                       NULL, mem));
    return process;
}

static void two_processes_take_turns(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    mproc_event_t *there, *back;
    mproc_process_t *process = start_play(condition, &there, &back, 1000, *state);

    assert_success(mproc_event_set(back));
    assert_success(take_turns(condition, back, there, 1000));
    assert_ended(process, 0);
}

/* How long the other one has taken to answer from its sleep. */
static apr_interval_time_t play_with_a_sleeper(mproc_condition_t *condition, mproc_event_t *there,
                                               mproc_event_t *back, int rounds)
{
    apr_interval_time_t taken = 0;

    for (; rounds > 0; rounds--) {
        apr_time_t begin;

        await_sleepers(condition, IN_CONDITION, 1);
        begin = apr_time_now();
        assert_success(mproc_condition_acquire(condition, PATIENCE));
        assert_success(mproc_event_set(there));
        assert_success(mproc_condition_notify(condition, 1));
        assert_success(mproc_condition_wait_for(condition, is_event_set, back, PATIENCE));
        taken += apr_time_now() - begin;
        assert_success(mproc_event_clear(back));
        assert_success(mproc_condition_release(condition));
    }
    return taken;
}

/* Who is not woken looks 20 ms later: each batch shows it.  A busy machine makes some batches slow. */
static void who_sleeps_is_woken(void **state)
{
    enum { BATCHES = 20, ROUNDS = 10 };
    mproc_condition_t *condition = make_condition(*state);
    apr_interval_time_t quickest = PATIENCE;
    mproc_event_t *there, *back;
    mproc_process_t *process = start_play(condition, &there, &back, BATCHES * ROUNDS, *state);
    int i;

    for (i = 0; i < BATCHES; i++) {
        apr_interval_time_t taken = play_with_a_sleeper(condition, there, back, ROUNDS);

        quickest = taken < quickest ? taken : quickest;
    }
    assert_ended(process, 0);
    assert_true(quickest < ROUNDS * apr_time_from_msec(10));
}

/* -- What is refused ----------------------------------------------------------------------- */

static apr_status_t use_without_holding(void *condition)
{
    if (mproc_condition_notify_all(condition) != MPROC_ENOTOWNER ||
        mproc_condition_release(condition) != MPROC_ENOTOWNER)
        return APR_EGENERAL;
    return mproc_condition_wait(condition, 0);
}

static void only_the_thread_that_holds_it_uses_it(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    work_t work;

    assert_refused(mproc_condition_notify(condition, 1), MPROC_ENOTOWNER, "has not acquired");
    assert_refused(mproc_condition_notify_all(condition), MPROC_ENOTOWNER, "has not acquired");
    assert_refused(mproc_condition_wait(condition, 0), MPROC_ENOTOWNER, "has not acquired");
    assert_refused(mproc_condition_wait_for(condition, is_event_set, NULL, 0), MPROC_ENOTOWNER,
                   "has not acquired");
    assert_refused(mproc_condition_release(condition), MPROC_ENOTOWNER, "has not acquired");
    assert_success(mproc_condition_acquire(condition, 0));
    assert_success(start_thread(&work, use_without_holding, condition, *state));
    assert_status(end_thread(&work), MPROC_ENOTOWNER);
    assert_refused(mproc_condition_notify(condition, 0), APR_EINVAL, "a notify of 0");
    assert_refused(mproc_condition_wait_for(condition, NULL, NULL, 0), APR_EINVAL,
                   "the predicate is NULL");
    assert_success(mproc_condition_release(condition));
}

static void one_that_is_held_or_waited_for_is_not_closed(void **state)
{
    mproc_condition_t *condition = make_condition(*state);
    work_t work;

    assert_success(mproc_condition_acquire(condition, 0));
    assert_refused(mproc_condition_close(condition), MPROC_EINUSE, "is held by a thread");
    assert_success(mproc_condition_release(condition));
    assert_success(start_thread(&work, wait_in_a_thread, condition, *state));
    await_sleepers(condition, IN_CONDITION, 1);
    assert_refused(mproc_condition_close(condition), MPROC_EINUSE, "another thread waits");
    notify_all(condition);
    assert_success(end_thread(&work));
    assert_success(mproc_condition_close(condition));
}

static void bad_arguments_are_refused(void **state)
{
    mproc_condition_options_t unset = {0, 1};
    mproc_condition_t *condition;

    assert_refused(mproc_condition_create(NULL, NULL, *state), APR_EINVAL, "variable");
    assert_refused(mproc_condition_create(&condition, &unset, *state), APR_EINVAL,
                   "MPROC_CONDITION_OPTIONS");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(one_process_holds_it_at_a_time),
        claim_leaving_nothing(a_thread_may_acquire_it_again),
        claim_leaving_nothing(the_next_holder_learns_that_the_last_one_died),
        claim_leaving_nothing(a_wait_that_times_out_holds_it_again),
        claim_leaving_nothing(a_notify_wakes_one_who_waits),
        claim_leaving_nothing(all_who_wait_are_woken),
        claim(fifty_processes_are_woken),
        claim_leaving_nothing(a_notify_does_not_wait_for_one_that_was_killed),
        claim_leaving_nothing(a_killed_waiter_keeps_no_wake),
        claim_leaving_nothing(who_died_waiting_is_not_called_for_ever),
        claim_leaving_nothing(who_was_notified_by_one_that_died_holds_what_he_held),
        claim_leaving_nothing(who_waits_learns_that_a_holder_has_died_without_a_notify),
        claim_leaving_nothing(all_who_wait_go_on_when_one_has_taken_over_from_the_dead),
        claim_leaving_nothing(what_is_waited_for_is_looked_at_first),
        claim_leaving_nothing(a_wait_that_is_notified_all_the_time_keeps_to_its_timeout),
        claim_leaving_nothing(two_processes_take_turns),
        claim_leaving_nothing(who_sleeps_is_woken),
        claim_leaving_nothing(only_the_thread_that_holds_it_uses_it),
        claim_leaving_nothing(one_that_is_held_or_waited_for_is_not_closed),
        claim_leaving_nothing(bad_arguments_are_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
