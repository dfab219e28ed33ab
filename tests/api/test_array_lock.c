/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The lock that each shared array has, and goes where it goes.
 */

#include "claims.h"
#include "pools.h"
#include "workers.h"

#include <string.h>

#define TIMES 20000

/* In an initialized worker of a pool. */
static mproc_array_t *workers_total;

/* -- What the children do ------------------------------------------------------ */

/* Adds 1 in two steps, in between which another process would come if it could. */
static apr_status_t add_1(mproc_array_t *array)
{
    volatile long *number = mproc_array_data(array);
    long seen;

    MPROC_TRY(mproc_lock_acquire(mproc_array_lock(array), PATIENCE));
    seen = *number;
    *number = seen + 1;
    return mproc_lock_release(mproc_array_lock(array));
}

static apr_status_t add_many(mproc_task_t *task)
{
    mproc_array_t *array;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &array));
    for (i = 0; i < TIMES; i++)
        MPROC_TRY(add_1(array));
    return APR_SUCCESS;
}

static apr_status_t add_more(apr_status_t acquired, void *context)
{
    long *number = context;

    *number += 1;
    return acquired;
}

static apr_status_t add_by_calls(mproc_task_t *task)
{
    mproc_array_t *array;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &array));
    for (i = 0; i < TIMES; i++)
        MPROC_TRY(
            mproc_lock_call(mproc_array_lock(array), PATIENCE, add_more, mproc_array_data(array)));
    return APR_SUCCESS;
}

/* Holds the lock, with the first of two numbers changed, until it is killed or told to leave. */
static apr_status_t hold(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_array_t *array;

    MPROC_TRY(MPROC_UNPACK(task, &line, &array));
    MPROC_TRY(mproc_lock_acquire(mproc_array_lock(array), 0));
    ((long *)mproc_array_data(array))[0] = 1;
    MPROC_TRY(say(line, "holds"));
    MPROC_TRY(answer_on(line));
    ((long *)mproc_array_data(array))[1] = 1;
    return mproc_lock_release(mproc_array_lock(array));
}

/* Says how it got the lock. */
static apr_status_t await(mproc_task_t *task)
{
    mproc_array_t *array;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &array));
    rv = mproc_lock_acquire(mproc_array_lock(array), PATIENCE);
    if (rv == APR_SUCCESS || rv == MPROC_EOWNERDEAD)
        MPROC_TRY(mproc_lock_release(mproc_array_lock(array)));
    return rv;
}

static apr_status_t ask_for_the_lock(mproc_task_t *task)
{
    mproc_array_t *array;

    MPROC_TRY(MPROC_UNPACK(task, &array));
    return mproc_array_lock(array) == NULL
               ? mproc_error_set(MPROC_ETYPE, "%s", mproc_error_message())
               : APR_SUCCESS;
}

static apr_status_t keep_total(mproc_task_t *task)
{
    return MPROC_UNPACK(task, &workers_total);
}

static apr_status_t add_item(const void *item, void *result, mproc_task_t *task)
{
    (void)item;
    (void)result;
    (void)task;
    return add_1(workers_total);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(add_many), MPROC_TARGET(add_by_calls),       MPROC_TARGET(hold),
    MPROC_TARGET(await),    MPROC_TARGET(ask_for_the_lock),   MPROC_TARGET(keep_total),
    MPROC_TARGET(add_item), MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_OF(pool_targets),
    MPROC_TARGETS_END,
};

/* -- Guarding ---------------------------------------------------------------------------- */

static mproc_array_t *make_array(size_t count, apr_pool_t *mem)
{
    mproc_array_t *array;

    assert_success(mproc_array_create(&array, count, sizeof(long), mem));
    return array;
}

static long *numbers_of(mproc_array_t *array)
{
    return mproc_array_data(array);
}

static void assert_counts(mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_array_t *array = make_array(1, mem);
    mproc_process_t *processes[4];
    int i;

    for (i = 0; i < 4; i++)
        assert_success(mproc_process_start(&processes[i], target, MPROC_PACK(array), NULL, mem));
    for (i = 0; i < TIMES; i++)
        assert_success(add_1(array));
    for (i = 0; i < 4; i++)
        assert_ended(processes[i], 0);
    assert_int_equal(*numbers_of(array), 5 * TIMES);
}

static void nothing_is_lost_that_many_add_under_the_lock(void **state)
{
    assert_counts(add_many, *state);
}

static void nothing_is_lost_that_is_added_by_calls_under_it(void **state)
{
    assert_counts(add_by_calls, *state);
}

static void the_workers_of_a_pool_have_it_too(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_array_t *array = make_array(1, *state);
    static const int items[10000];
    mproc_pool_t *workers;

    options.initializer = keep_total;
    options.initargs = mproc_pack(*state, array);
    workers = make_workers(4, &options, *state);
    assert_success(
        mproc_pool_map(workers, add_item, items, sizeof *items, NULL, 0, 10000, PATIENCE));
    assert_int_equal(*numbers_of(array), 10000);
    assert_joins(workers);
}

static void each_array_has_a_lock_of_its_own(void **state)
{
    mproc_array_t *one = make_array(2, *state), *other = make_array(2, *state);
    mproc_process_t *process;

    assert_success(mproc_lock_acquire(mproc_array_lock(one), 0));
    assert_success(status_of(&process, await, MPROC_PACK(other), NULL, *state));
    assert_true(mproc_lock_locked(mproc_array_lock(one)));
    assert_false(mproc_lock_locked(mproc_array_lock(other)));
    assert_success(mproc_lock_release(mproc_array_lock(one)));
}

static void its_owner_can_acquire_it_again(void **state)
{
    mproc_lock_t *lock = mproc_array_lock(make_array(1, *state));

    assert_success(mproc_lock_acquire(lock, MPROC_FOREVER));
    assert_success(mproc_lock_acquire(lock, MPROC_FOREVER));
    assert_success(mproc_lock_release(lock));
    assert_true(mproc_lock_locked(lock));
    assert_success(mproc_lock_release(lock));
    assert_false(mproc_lock_locked(lock));
    assert_refused(mproc_lock_release(lock), MPROC_ENOTOWNER, "does not hold the lock");
}

/* -- Owners that die --------------------------------------------------------------------- */

static void start_holding(mproc_process_t **process, mproc_connection_t **line,
                          mproc_array_t *array, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, hold, MPROC_PACK(there, array), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "holds");
}

static void a_lock_that_a_child_holds_is_not_free(void **state)
{
    mproc_array_t *array = make_array(2, *state);
    mproc_connection_t *line;
    mproc_process_t *holder;

    start_holding(&holder, &line, array, *state);
    assert_status(mproc_lock_acquire(mproc_array_lock(array), 0), APR_TIMEUP);
    assert_status(mproc_lock_acquire(mproc_array_lock(array), A_MOMENT), APR_TIMEUP);
    assert_success(say(line, "leave"));
    assert_success(mproc_lock_acquire(mproc_array_lock(array), PATIENCE));
    assert_int_equal(numbers_of(array)[1], 1);
    assert_success(mproc_lock_release(mproc_array_lock(array)));
    assert_ended(holder, 0);
}

static void who_follows_a_killed_owner_is_told_so(void **state)
{
    mproc_array_t *array = make_array(2, *state);
    mproc_connection_t *line;
    mproc_process_t *holder;

    start_holding(&holder, &line, array, *state);
    assert_success(mproc_process_kill(holder));
    assert_refused(mproc_lock_acquire(mproc_array_lock(array), PATIENCE), MPROC_EOWNERDEAD,
                   "its last owner died with it");
    assert_int_equal(numbers_of(array)[0], 1);
    assert_int_equal(numbers_of(array)[1], 0);
    assert_success(mproc_lock_release(mproc_array_lock(array)));
    assert_success(mproc_lock_acquire(mproc_array_lock(array), 0));
    assert_success(mproc_lock_release(mproc_array_lock(array)));
    assert_ended(holder, -9);
}

static void a_child_that_waits_for_a_killed_owner_is_told_so(void **state)
{
    mproc_array_t *array = make_array(2, *state);
    mproc_process_t *holder, *waiter;
    mproc_connection_t *line;

    start_holding(&holder, &line, array, *state);
    assert_success(mproc_process_start(&waiter, await, MPROC_PACK(array), NULL, *state));
    assert_success(mproc_process_kill(holder));
    assert_success(mproc_process_join(waiter, PATIENCE));
    assert_status(mproc_process_status(waiter), MPROC_EOWNERDEAD);
    assert_success(mproc_lock_acquire(mproc_array_lock(array), PATIENCE));
    assert_success(mproc_lock_release(mproc_array_lock(array)));
}

/* -- What is refused ------------------------------------------------------------------------ */

static void a_raw_array_has_no_lock_here_nor_there(void **state)
{
    mproc_array_options_t options = MPROC_ARRAY_OPTIONS;
    mproc_process_t *process;
    mproc_array_t *array;

    options.raw = 1;
    assert_success(mproc_array_create_with(&array, 1, sizeof(long), &options, *state));
    assert_null(mproc_array_lock(array));
    assert_words(mproc_error_message(), "the array is raw, and has no lock");
    assert_refused(mproc_lock_acquire(mproc_array_lock(array), 0), APR_EINVAL, "the lock is NULL");
    assert_status(status_of(&process, ask_for_the_lock, MPROC_PACK(array), NULL, *state),
                  MPROC_ETYPE);
    assert_words(mproc_process_error(process), "the array is raw, and has no lock");
    assert_success(mproc_array_close(array));
}

static void an_array_whose_lock_is_held_here_is_not_closed(void **state)
{
    mproc_array_t *array = make_array(1, *state);

    assert_success(mproc_lock_acquire(mproc_array_lock(array), 0));
    assert_refused(mproc_array_close(array), MPROC_EINUSE, "holds the lock of the array");
    *numbers_of(array) = 1;
    assert_success(mproc_lock_release(mproc_array_lock(array)));
    assert_success(mproc_array_close(array));
}

static void a_lock_is_not_closed_without_its_array(void **state)
{
    mproc_array_t *array = make_array(1, *state);

    assert_refused(mproc_lock_close(mproc_array_lock(array)), APR_EINVAL,
                   "this lock is part of the array");
    *numbers_of(array) = 1;
    assert_success(mproc_lock_acquire(mproc_array_lock(array), 0));
    assert_success(mproc_lock_release(mproc_array_lock(array)));
}

static void a_lock_is_not_given_away_without_its_array(void **state)
{
    mproc_array_t *array = make_array(1, *state);
    mproc_process_t *process = NULL;

    assert_refused(
        mproc_process_start(&process, succeed, MPROC_PACK(mproc_array_lock(array)), NULL, *state),
        MPROC_ENOTSHAREABLE, "this lock is part of the array");
    assert_null(process);
}

static void the_lock_of_a_closed_array_is_closed(void **state)
{
    mproc_array_t *array = make_array(1, *state);
    mproc_lock_t *lock = mproc_array_lock(array);

    assert_success(mproc_array_close(array));
    assert_refused(mproc_lock_acquire(lock, 0), MPROC_ECLOSED, "the lock is closed");
    assert_null(mproc_array_lock(array));
    assert_words(mproc_error_message(), "the array is closed");
    assert_null(mproc_array_lock(NULL));
    assert_words(mproc_error_message(), "the array is NULL");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(nothing_is_lost_that_many_add_under_the_lock),
        claim_leaving_nothing(nothing_is_lost_that_is_added_by_calls_under_it),
        claim_leaving_nothing(the_workers_of_a_pool_have_it_too),
        claim_leaving_nothing(each_array_has_a_lock_of_its_own),
        claim_leaving_nothing(its_owner_can_acquire_it_again),
        claim_leaving_nothing(a_lock_that_a_child_holds_is_not_free),
        claim_leaving_nothing(who_follows_a_killed_owner_is_told_so),
        claim_leaving_nothing(a_child_that_waits_for_a_killed_owner_is_told_so),
        claim_leaving_nothing(a_raw_array_has_no_lock_here_nor_there),
        claim_leaving_nothing(an_array_whose_lock_is_held_here_is_not_closed),
        claim_leaving_nothing(a_lock_is_not_closed_without_its_array),
        claim_leaving_nothing(a_lock_is_not_given_away_without_its_array),
        claim_leaving_nothing(the_lock_of_a_closed_array_is_closed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
