/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Semaphores, plain and bounded: so many at a time, units that come back from the dead, signals,
 * and what is refused.
 */

#include "claims.h"
#include "queues.h"
#include "semaphore_object.h"
#include "sleepers.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <apr_time.h>

#include <string.h>

/* -- What the children do ------------------------------------------------------ */

/* Takes one of the tokens that lie in a queue, of which there are as many as units, and puts it back. */
static apr_status_t use(mproc_semaphore_t *semaphore, mproc_queue_t *tokens, int count)
{
    char token;
    size_t size;
    int i;

    for (i = 0; i < count; i++) {
        MPROC_TRY(mproc_semaphore_acquire(semaphore, PATIENCE));
        MPROC_TRY(mproc_queue_get_bytes(tokens, &token, 1, &size, PATIENCE));
        MPROC_TRY(mproc_queue_put_bytes(tokens, &token, 1, PATIENCE));
        MPROC_TRY(mproc_semaphore_release(semaphore));
    }
    return APR_SUCCESS;
}

static apr_status_t use_many(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    mproc_queue_t *tokens;
    int count;

    MPROC_TRY(MPROC_UNPACK(task, &semaphore, &tokens, &count));
    return use(semaphore, tokens, count);
}

/* Has units, says so, and lets one go for each word that it hears. */
static apr_status_t hold(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    mproc_connection_t *line;
    int i, count;

    MPROC_TRY(MPROC_UNPACK(task, &line, &semaphore, &count));
    for (i = 0; i < count; i++)
        MPROC_TRY(mproc_semaphore_acquire(semaphore, 0));
    MPROC_TRY(say(line, "holds"));
    while (strcmp(hear(line, mproc_task_mem(task)), "release") == 0) {
        apr_status_t rv = mproc_semaphore_release(semaphore);
        MPROC_TRY(say(line, rv == APR_SUCCESS          ? "released"
                            : rv == MPROC_EOVERRELEASE ? "too often"
                                                       : "failed"));
    }
    return APR_SUCCESS;
}

static apr_status_t release_one(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;

    MPROC_TRY(MPROC_UNPACK(task, &semaphore));
    return mproc_semaphore_release(semaphore);
}

static apr_status_t acquire_and_close(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;

    MPROC_TRY(MPROC_UNPACK(task, &semaphore));
    MPROC_TRY(mproc_semaphore_acquire(semaphore, 0));
    return mproc_semaphore_close(semaphore);
}

/* Gives it to a child of its own. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    mproc_process_t *process;

    MPROC_TRY(MPROC_UNPACK(task, &semaphore));
    MPROC_TRY(mproc_process_start(&process, release_one, MPROC_PACK(semaphore), NULL,
                                  mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

static apr_status_t receive_and_release(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_semaphore_t *semaphore;
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &semaphore));
    return mproc_semaphore_release(semaphore);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(use_many),    MPROC_TARGET(hold),
    MPROC_TARGET(release_one), MPROC_TARGET(acquire_and_close),
    MPROC_TARGET(hand_on),     MPROC_TARGET(receive_and_release),
    MPROC_TARGETS_END,
};

/* -- Making and holding ------------------------------------------------------------ */

static mproc_semaphore_t *make_semaphore(unsigned value, apr_pool_t *mem)
{
    mproc_semaphore_t *semaphore;

    assert_success(mproc_semaphore_create(&semaphore, value, NULL, mem));
    return semaphore;
}

static mproc_semaphore_t *make_bounded(unsigned value, apr_pool_t *mem)
{
    mproc_semaphore_t *semaphore;

    assert_success(mproc_bounded_semaphore_create(&semaphore, value, NULL, mem));
    return semaphore;
}

static void assert_value(mproc_semaphore_t *semaphore, unsigned expected)
{
    unsigned value = 77;

    assert_success(mproc_semaphore_get_value(semaphore, &value));
    assert_int_equal(value, expected);
}

/* A child that has units. */
static void start_unit_holder(mproc_process_t **process, mproc_connection_t **line,
                              mproc_semaphore_t *semaphore, int count, apr_pool_t *mem)
{
    start_holder(process, line, hold, mproc__value_semaphore(semaphore), count, mem);
}

static void tell_to_release(mproc_connection_t *line, const char *expected, apr_pool_t *mem)
{
    assert_success(say(line, "release"));
    assert_string_equal(hear(line, mem), expected);
}

static apr_status_t acquire_in_a_thread(void *semaphore)
{
    return mproc_semaphore_acquire(semaphore, PATIENCE);
}

/* -- So many at a time ------------------------------------------------------------------ */

static void assert_used(mproc_semaphore_t *semaphore, int units, int nprocesses, int count,
                        apr_pool_t *mem)
{
    mproc_queue_t *tokens = make_queue(SMALL_RING, 0, mem);
    mproc_process_t *processes[50];
    int i;

    for (i = 0; i < units; i++)
        assert_success(put_word(tokens, "t"));
    for (i = 0; i < nprocesses; i++)
        assert_success(mproc_process_start(&processes[i], use_many,
                                           MPROC_PACK(semaphore, tokens, count), NULL, mem));
    for (i = 0; i < nprocesses; i++) {
        assert_success(mproc_process_join(processes[i], PATIENCE));
        assert_success(mproc_process_status(processes[i]));
    }
    assert_int_equal(count_messages(tokens), units);
    assert_value(semaphore, (unsigned)units);
}

static void never_more_have_a_unit_than_there_are(void **state)
{
    assert_used(make_semaphore(1, *state), 1, 3, 500 * test_scale(), *state);
    assert_used(make_bounded(2, *state), 2, 4, 500 * test_scale(), *state);
}

static void many_processes_share_some_units(void **state)
{
    assert_used(make_bounded(3, *state), 3, enough_children() < 50 ? enough_children() : 50, 20,
                *state);
}

static void its_value_is_what_is_left(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(2, *state);

    assert_value(semaphore, 2);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
    assert_success(mproc_semaphore_acquire(semaphore, MPROC_FOREVER));
    assert_value(semaphore, 0);
    assert_refused(mproc_semaphore_acquire(semaphore, 0), APR_TIMEUP, "no unit left");
    assert_success(mproc_semaphore_release(semaphore));
    assert_value(semaphore, 1);
}

/* -- Waiting ------------------------------------------------------------------------------- */

static void acquire_times_out_while_there_is_no_unit(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(0, *state);
    apr_time_t begin = apr_time_now();

    assert_status(mproc_semaphore_acquire(semaphore, A_MOMENT), APR_TIMEUP);
    assert_true(apr_time_now() - begin >= A_MOMENT - apr_time_from_msec(1));
    assert_value(semaphore, 0);
}

static void each_release_lets_one_go_on_that_waits(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(0, *state);
    work_t work[4];
    int i;

    for (i = 0; i < 4; i++)
        assert_success(start_thread(&work[i], acquire_in_a_thread, semaphore, *state));
    await_waiters(semaphore, 4);
    for (i = 0; i < 4; i++)
        assert_success(mproc_semaphore_release(semaphore));
    for (i = 0; i < 4; i++)
        assert_success(end_thread(&work[i]));
    assert_value(semaphore, 0);
}

static void a_process_that_has_no_unit_signals_one_that_waits(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(0, *state);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, release_one, MPROC_PACK(semaphore), NULL, *state));
    assert_success(mproc_semaphore_acquire(semaphore, PATIENCE));
    assert_ended(process, 0);
    assert_value(semaphore, 0);
}

/* -- Owners that die -------------------------------------------------------------------------- */

static void the_units_of_a_killed_process_come_back(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(3, *state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_unit_holder(&process, &line, semaphore, 2, *state);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
    assert_status(mproc_semaphore_acquire(semaphore, 0), APR_TIMEUP);
    kill_child(process);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
    assert_value(semaphore, 1);
    assert_success(mproc_semaphore_release(semaphore));
    assert_success(mproc_semaphore_release(semaphore));
    assert_value(semaphore, 3);
}

static void all_of_them_come_to_those_who_sleep_for_them(void **state)
{
    mproc_semaphore_t *semaphore = make_bounded(2, *state);
    mproc_process_t *process;
    mproc_connection_t *line;
    work_t one, other;

    start_unit_holder(&process, &line, semaphore, 2, *state);
    assert_success(start_thread(&one, acquire_in_a_thread, semaphore, *state));
    assert_success(start_thread(&other, acquire_in_a_thread, semaphore, *state));
    await_waiters(semaphore, 2);
    kill_child(process);
    assert_success(end_thread(&one));
    assert_success(end_thread(&other));
    assert_value(semaphore, 0);
}

/* Who has the place of a dead process has nothing of it. */
static void who_follows_at_a_place_has_no_units(void **state)
{
    mproc_semaphore_options_t options = MPROC_SEMAPHORE_OPTIONS;
    mproc_semaphore_t *semaphore;
    mproc_process_t *process;
    mproc_connection_t *line;

    options.processes = 2;
    assert_success(mproc_bounded_semaphore_create(&semaphore, 2, &options, *state));
    start_unit_holder(&process, &line, semaphore, 2, *state);
    kill_child(process);
    start_unit_holder(&process, &line, semaphore, 1, *state);
    assert_value(semaphore, 1);
    tell_to_release(line, "released", *state);
    tell_to_release(line, "too often", *state);
    assert_value(semaphore, 2);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

static void a_unit_that_another_gave_back_does_not_come_twice(void **state)
{
    mproc_semaphore_t *semaphore = make_bounded(1, *state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_unit_holder(&process, &line, semaphore, 1, *state);
    assert_success(mproc_semaphore_release(semaphore));
    assert_value(semaphore, 1);
    kill_child(process);
    assert_value(semaphore, 1);
    assert_status(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
    assert_status(mproc_semaphore_acquire(semaphore, 0), APR_TIMEUP);
}

static void who_closes_it_gives_back_what_he_has(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(1, *state);
    mproc_process_t *process;

    assert_success(status_of(&process, acquire_and_close, MPROC_PACK(semaphore), NULL, *state));
    assert_success(mproc_semaphore_acquire(semaphore, 0));
}

/* -- Bounds ---------------------------------------------------------------------------------- */

static void a_bounded_semaphore_is_not_released_beyond_its_bound(void **state)
{
    mproc_semaphore_t *semaphore = make_bounded(1, *state);

    assert_refused(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE, "more often");
    assert_success(mproc_semaphore_acquire(semaphore, 0));
    assert_success(mproc_semaphore_release(semaphore));
    assert_status(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE);
    assert_value(semaphore, 1);
    assert_status(mproc_semaphore_release(make_bounded(0, *state)), MPROC_EOVERRELEASE);
}

/* As in Python, the second of two who give back the same unit is told. */
static void a_unit_given_back_by_another_is_its_owners_no_more(void **state)
{
    mproc_semaphore_t *semaphore = make_bounded(1, *state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_unit_holder(&process, &line, semaphore, 1, *state);
    assert_success(mproc_semaphore_release(semaphore));
    tell_to_release(line, "too often", *state);
    assert_value(semaphore, 1);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
    tell_to_release(line, "released", *state);
    assert_status(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

static void a_plain_semaphore_grows_by_what_is_released(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(0, *state);

    assert_success(mproc_semaphore_release(semaphore));
    assert_success(mproc_semaphore_release(semaphore));
    assert_value(semaphore, 2);
    assert_status(mproc_semaphore_release(make_semaphore(MPROC_SEMAPHORE_MAX, *state)),
                  MPROC_EOVERRELEASE);
}

/* -- Travelling --------------------------------------------------------------------------------- */

static void a_semaphore_goes_on_to_grandchildren(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(0, *state);
    mproc_process_t *process;

    assert_success(status_of(&process, hand_on, MPROC_PACK(semaphore), NULL, *state));
    assert_success(mproc_semaphore_acquire(semaphore, 0));
}

static void a_semaphore_that_is_sent_keeps_its_bound(void **state)
{
    mproc_semaphore_t *semaphore = make_bounded(1, *state);
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(
        mproc_process_start(&process, receive_and_release, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_send(here, MPROC_PACK(semaphore), PATIENCE));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_status(mproc_process_status(process), MPROC_EOVERRELEASE);
}

static void a_queue_refuses_semaphores(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_refused(mproc_queue_put(queue, MPROC_PACK(make_semaphore(1, *state)), 0),
                   MPROC_ENOTSHAREABLE, "a semaphore cannot");
    assert_true(mproc_queue_empty(queue));
}

/* -- Closing, and what is refused ------------------------------------------------------------------ */

static void a_semaphore_that_is_waited_for_is_not_closed(void **state)
{
    mproc_semaphore_t *semaphore = make_semaphore(0, *state);
    work_t work;

    assert_success(start_thread(&work, acquire_in_a_thread, semaphore, *state));
    await_waiters(semaphore, 1);
    assert_refused(mproc_semaphore_close(semaphore), MPROC_EINUSE, "another thread waits");
    assert_success(mproc_semaphore_release(semaphore));
    assert_success(end_thread(&work));
    assert_success(mproc_semaphore_close(semaphore));
}

static void what_is_damaged_is_noticed(void **state)
{
    mproc_semaphore_t *semaphore = make_bounded(1, *state);

    atomic_store(&semaphore->state->available, 5);
    assert_refused(mproc_semaphore_acquire(semaphore, 0), MPROC_ECORRUPT, "damaged the semaphore");
    assert_status(mproc_semaphore_release(semaphore), MPROC_ECORRUPT);
    assert_value(semaphore, 1);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
}

/* It can be closed, and nothing else. */
static void one_that_arrives_damaged_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_semaphore_t *semaphore = make_semaphore(1, *state), *received;
    mproc_connection_t *here, *there;
    unsigned value;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    semaphore->state->bound = UINT64_MAX;
    assert_success(mproc_connection_send(here, MPROC_PACK(semaphore), PATIENCE));
    assert_success(mproc_connection_recv(there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &received));
    assert_refused(mproc_semaphore_acquire(received, 0), MPROC_ECORRUPT, "damaged the semaphore");
    assert_status(mproc_semaphore_release(received), MPROC_ECORRUPT);
    assert_status(mproc_semaphore_get_value(received, &value), MPROC_ECORRUPT);
    assert_success(mproc_semaphore_close(received));
    assert_success(mproc_semaphore_acquire(semaphore, 0));
}

static void what_is_no_semaphore_is_refused(void **state)
{
    mproc_semaphore_options_t options = MPROC_SEMAPHORE_OPTIONS;
    mproc_semaphore_t *semaphore = NULL;

    assert_refused(mproc_semaphore_create(NULL, 1, NULL, *state), APR_EINVAL, "is NULL");
    assert_refused(
        mproc_bounded_semaphore_create(&semaphore, MPROC_SEMAPHORE_MAX + 1, NULL, *state),
        APR_EINVAL, "a semaphore of 2147483648 units; 2147483647 are the most");
    options.size = 0;
    assert_refused(mproc_semaphore_create(&semaphore, 1, &options, *state), APR_EINVAL,
                   "MPROC_SEMAPHORE_OPTIONS");
    assert_null(semaphore);
    assert_refused(mproc_semaphore_get_value(make_semaphore(1, *state), NULL), APR_EINVAL,
                   "the variable for the value is NULL");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(never_more_have_a_unit_than_there_are),
        claim_leaving_nothing(many_processes_share_some_units),
        claim_leaving_nothing(its_value_is_what_is_left),
        claim_leaving_nothing(acquire_times_out_while_there_is_no_unit),
        claim_leaving_nothing(each_release_lets_one_go_on_that_waits),
        claim_leaving_nothing(a_process_that_has_no_unit_signals_one_that_waits),
        claim_leaving_nothing(the_units_of_a_killed_process_come_back),
        claim_leaving_nothing(all_of_them_come_to_those_who_sleep_for_them),
        claim_leaving_nothing(who_follows_at_a_place_has_no_units),
        claim_leaving_nothing(a_unit_that_another_gave_back_does_not_come_twice),
        claim_leaving_nothing(who_closes_it_gives_back_what_he_has),
        claim_leaving_nothing(a_bounded_semaphore_is_not_released_beyond_its_bound),
        claim_leaving_nothing(a_unit_given_back_by_another_is_its_owners_no_more),
        claim_leaving_nothing(a_plain_semaphore_grows_by_what_is_released),
        claim_leaving_nothing(a_semaphore_goes_on_to_grandchildren),
        claim_leaving_nothing(a_semaphore_that_is_sent_keeps_its_bound),
        claim_leaving_nothing(a_queue_refuses_semaphores),
        claim_leaving_nothing(a_semaphore_that_is_waited_for_is_not_closed),
        claim_leaving_nothing(what_is_damaged_is_noticed),
        claim_leaving_nothing(one_that_arrives_damaged_is_refused),
        claim_leaving_nothing(what_is_no_semaphore_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
