/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, plain and recursive: one thread of one process at a time, owners that die, and what is
 * refused.
 */

#include "claims.h"
#include "mutex.h"
#include "queues.h"
#include "sleepers.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <apr_time.h>

#include <string.h>

/* -- What the children do ------------------------------------------------------ */

/* Adds to the number that lies in a queue: it is there whenever nobody else is at it. */
static apr_status_t add(mproc_lock_t *lock, mproc_queue_t *queue, int count)
{
    int i, number;
    size_t size;

    for (i = 0; i < count; i++) {
        MPROC_TRY(mproc_lock_acquire(lock, PATIENCE));
        MPROC_TRY(mproc_queue_get_bytes(queue, &number, sizeof number, &size, PATIENCE));
        number++;
        MPROC_TRY(mproc_queue_put_bytes(queue, &number, sizeof number, PATIENCE));
        MPROC_TRY(mproc_lock_release(lock));
    }
    return APR_SUCCESS;
}

static apr_status_t add_many(mproc_task_t *task)
{
    mproc_queue_t *queue;
    mproc_lock_t *lock;
    int count;

    MPROC_TRY(MPROC_UNPACK(task, &lock, &queue, &count));
    return add(lock, queue, count);
}

/* Holds a lock as often as it is told, says so, and lets it go a time for each word that it hears. */
static apr_status_t hold(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_lock_t *lock;
    int i, depth;

    MPROC_TRY(MPROC_UNPACK(task, &line, &lock, &depth));
    for (i = 0; i < depth; i++)
        MPROC_TRY(mproc_lock_acquire(lock, 0));
    MPROC_TRY(say(line, "holds"));
    for (; depth > 0 && strcmp(hear(line, mproc_task_mem(task)), "release") == 0; depth--) {
        MPROC_TRY(mproc_lock_release(lock));
        MPROC_TRY(say(line, "released"));
    }
    return APR_SUCCESS;
}

/* Ends with it, in the normal way. */
static apr_status_t end_with_it(mproc_task_t *task)
{
    mproc_lock_t *lock;

    MPROC_TRY(MPROC_UNPACK(task, &lock));
    return mproc_lock_acquire(lock, 0);
}

static apr_status_t release_only(mproc_task_t *task)
{
    mproc_lock_t *lock;

    MPROC_TRY(MPROC_UNPACK(task, &lock));
    return mproc_lock_release(lock);
}

static apr_status_t acquire_and_release(mproc_task_t *task)
{
    mproc_lock_t *lock;

    MPROC_TRY(MPROC_UNPACK(task, &lock));
    MPROC_TRY(mproc_lock_acquire(lock, PATIENCE));
    return mproc_lock_release(lock);
}

/* Gives it to a child of its own. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_process_t *process;
    mproc_lock_t *lock;

    MPROC_TRY(MPROC_UNPACK(task, &lock));
    MPROC_TRY(
        mproc_process_start(&process, end_with_it, MPROC_PACK(lock), NULL, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* Is sent a recursive lock, and ends with it. */
static apr_status_t receive_and_acquire_twice(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    mproc_lock_t *lock;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &lock));
    MPROC_TRY(mproc_lock_acquire(lock, 0));
    return mproc_lock_acquire(lock, MPROC_FOREVER);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(add_many),
    MPROC_TARGET(hold),
    MPROC_TARGET(end_with_it),
    MPROC_TARGET(release_only),
    MPROC_TARGET(acquire_and_release),
    MPROC_TARGET(hand_on),
    MPROC_TARGET(receive_and_acquire_twice),
    MPROC_TARGETS_END,
};

/* -- Making and holding ------------------------------------------------------------ */

static mproc_lock_t *make_lock(apr_pool_t *mem)
{
    mproc_lock_t *lock;

    assert_success(mproc_lock_create(&lock, NULL, mem));
    return lock;
}

static mproc_lock_t *make_rlock(apr_pool_t *mem)
{
    mproc_lock_t *lock;

    assert_success(mproc_rlock_create(&lock, NULL, mem));
    return lock;
}

/* A child that holds a lock. */
static void start_lock_holder(mproc_process_t **process, mproc_connection_t **line,
                              mproc_lock_t *lock, int depth, apr_pool_t *mem)
{
    start_holder(process, line, hold, mproc__value_lock(lock), depth, mem);
}

static void let_go(mproc_connection_t *line, apr_pool_t *mem)
{
    assert_success(say(line, "release"));
    assert_string_equal(hear(line, mem), "released");
}

static void assert_free(mproc_lock_t *lock)
{
    assert_int_equal(mproc_lock_locked(lock), 0);
    assert_success(mproc_lock_acquire(lock, 0));
    assert_success(mproc_lock_release(lock));
}

/* What a thread does with a lock. */
typedef struct attempt_t {
    mproc_lock_t *lock;
    apr_interval_time_t timeout;
} attempt_t;

static apr_status_t acquire_in_a_thread(void *data)
{
    const attempt_t *attempt = data;

    return mproc_lock_acquire(attempt->lock, attempt->timeout);
}

static apr_status_t acquire_and_release_in_a_thread(void *data)
{
    const attempt_t *attempt = data;
    apr_status_t rv = mproc_lock_acquire(attempt->lock, attempt->timeout);

    if (rv == APR_SUCCESS || rv == MPROC_EOWNERDEAD)
        MPROC_TRY(mproc_lock_release(attempt->lock));
    return rv;
}

static apr_status_t release_in_a_thread(void *data)
{
    return mproc_lock_release(data);
}

static apr_status_t do_in_a_thread(work_fn *function, void *data, apr_pool_t *mem)
{
    work_t work;

    assert_success(start_thread(&work, function, data, mem));
    return end_thread(&work);
}

/* -- One at a time -------------------------------------------------------------------- */

static void assert_counted(int nprocesses, int count, apr_pool_t *mem)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, mem);
    mproc_lock_t *lock = make_lock(mem);
    mproc_process_t *processes[50];
    int i, number = 0;
    size_t size;

    assert_success(mproc_queue_put_bytes(queue, &number, sizeof number, 0));
    for (i = 0; i < nprocesses; i++)
        assert_success(mproc_process_start(&processes[i], add_many, MPROC_PACK(lock, queue, count),
                                           NULL, mem));
    assert_success(add(lock, queue, count));
    for (i = 0; i < nprocesses; i++) {
        assert_success(mproc_process_join(processes[i], PATIENCE));
        assert_success(mproc_process_status(processes[i]));
    }
    assert_success(mproc_queue_get_bytes(queue, &number, sizeof number, &size, 0));
    assert_int_equal(number, (nprocesses + 1) * count);
    assert_free(lock);
}

static void processes_that_count_under_a_lock_count_right(void **state)
{
    assert_counted(3, 1000 * test_scale(), *state);
}

static void so_do_many(void **state)
{
    assert_counted(enough_children() < 50 ? enough_children() : 50, 20, *state);
}

typedef struct counting_t {
    mproc_lock_t *lock;
    int number;
} counting_t;

static apr_status_t count_in_a_thread(void *data)
{
    counting_t *counting = data;
    int i;

    for (i = 0; i < 2000; i++) {
        MPROC_TRY(mproc_lock_acquire(counting->lock, PATIENCE));
        counting->number++;
        MPROC_TRY(mproc_lock_release(counting->lock));
    }
    return APR_SUCCESS;
}

static void threads_of_one_process_exclude_each_other(void **state)
{
    counting_t counting = {make_lock(*state), 0};
    work_t work[4];
    int i;

    for (i = 0; i < 4; i++)
        assert_success(start_thread(&work[i], count_in_a_thread, &counting, *state));
    for (i = 0; i < 4; i++)
        assert_success(end_thread(&work[i]));
    assert_int_equal(counting.number, 8000);
}

/* -- Waiting ----------------------------------------------------------------------------- */

static void acquire_times_out_while_another_process_holds_it(void **state)
{
    mproc_lock_t *lock = make_lock(*state);
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_time_t begin;

    start_lock_holder(&process, &line, lock, 1, *state);
    assert_int_equal(mproc_lock_locked(lock), 1);
    assert_refused(mproc_lock_acquire(lock, 0), APR_TIMEUP, "not free in time");
    begin = apr_time_now();
    assert_status(mproc_lock_acquire(lock, A_MOMENT), APR_TIMEUP);
    assert_true(apr_time_now() - begin >= A_MOMENT - apr_time_from_msec(1));
    let_go(line, *state);
    assert_free(lock);
    assert_ended(process, 0);
}

static void who_waits_has_it_when_it_is_released(void **state)
{
    attempt_t attempt = {make_lock(*state), PATIENCE};
    mproc_process_t *process;
    mproc_connection_t *line;
    work_t work;

    start_lock_holder(&process, &line, attempt.lock, 1, *state);
    assert_success(start_thread(&work, acquire_and_release_in_a_thread, &attempt, *state));
    await_waiters(attempt.lock, 1);
    let_go(line, *state);
    assert_success(end_thread(&work));
    assert_free(attempt.lock);
    assert_ended(process, 0);
}

/* -- Owners that die ------------------------------------------------------------------------ */

static void assert_held_of_the_dead(mproc_lock_t *lock)
{
    assert_int_equal(mproc_lock_locked(lock), 1);
    assert_refused(mproc_lock_acquire(lock, 0), MPROC_EOWNERDEAD, "last owner died with it");
    assert_int_equal(mproc_lock_locked(lock), 1);
    assert_success(mproc_lock_release(lock));
    assert_free(lock);
}

static void who_follows_a_killed_owner_holds_the_lock_and_is_told_so(void **state)
{
    mproc_lock_t *lock = make_lock(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_lock_holder(&process, &line, lock, 1, *state);
    kill_child(process);
    assert_held_of_the_dead(lock);
}

static void so_is_who_sleeps_for_it(void **state)
{
    attempt_t attempt = {make_lock(*state), PATIENCE};
    mproc_process_t *process;
    mproc_connection_t *line;
    work_t work;

    start_lock_holder(&process, &line, attempt.lock, 1, *state);
    assert_success(start_thread(&work, acquire_and_release_in_a_thread, &attempt, *state));
    await_waiters(attempt.lock, 1);
    assert_success(mproc_process_kill(process));
    assert_status(end_thread(&work), MPROC_EOWNERDEAD);
    assert_free(attempt.lock);
    assert_ended(process, -9);
}

static void so_is_who_follows_one_that_ended_with_it(void **state)
{
    mproc_lock_t *lock = make_lock(*state);
    mproc_process_t *process;

    assert_success(status_of(&process, end_with_it, MPROC_PACK(lock), NULL, *state));
    assert_held_of_the_dead(lock);
}

static void a_recursive_lock_of_a_killed_owner_is_held_once(void **state)
{
    mproc_lock_t *lock = make_rlock(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_lock_holder(&process, &line, lock, 3, *state);
    kill_child(process);
    assert_held_of_the_dead(lock);
}

/* -- Recursion ---------------------------------------------------------------------------------- */

static void a_plain_lock_is_not_acquired_again(void **state)
{
    mproc_lock_t *lock = make_lock(*state);

    assert_success(mproc_lock_acquire(lock, MPROC_FOREVER));
    assert_status(mproc_lock_acquire(lock, 0), APR_TIMEUP);
    assert_status(mproc_lock_acquire(lock, A_MOMENT), APR_TIMEUP);
    assert_refused(mproc_lock_acquire(lock, MPROC_FOREVER), MPROC_EDEADLOCK, "wait for itself");
    assert_success(mproc_lock_release(lock));
    assert_free(lock);
}

static void a_recursive_lock_is_free_when_it_was_released_as_often(void **state)
{
    mproc_lock_t *lock = make_rlock(*state);
    attempt_t attempt = {lock, 0};
    mproc_process_t *process;
    mproc_connection_t *line;

    assert_success(mproc_lock_acquire(lock, 0));
    assert_success(mproc_lock_acquire(lock, MPROC_FOREVER));
    assert_success(mproc_lock_release(lock));
    assert_status(do_in_a_thread(acquire_in_a_thread, &attempt, *state), APR_TIMEUP);
    assert_success(mproc_lock_release(lock));
    assert_free(lock);

    start_lock_holder(&process, &line, lock, 2, *state);
    let_go(line, *state);
    assert_status(mproc_lock_acquire(lock, 0), APR_TIMEUP);
    let_go(line, *state);
    assert_free(lock);
    assert_ended(process, 0);
}

/* -- Who may release it --------------------------------------------------------------------------- */

static void assert_only_the_owner_releases(mproc_lock_t *lock, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_refused(mproc_lock_release(lock), MPROC_ENOTOWNER, "does not hold");
    assert_success(mproc_lock_acquire(lock, 0));
    assert_status(do_in_a_thread(release_in_a_thread, lock, mem), MPROC_ENOTOWNER);
    assert_status(status_of(&process, release_only, MPROC_PACK(lock), NULL, mem), MPROC_ENOTOWNER);
    assert_int_equal(mproc_lock_locked(lock), 1);
    assert_success(mproc_lock_release(lock));
    assert_status(mproc_lock_release(lock), MPROC_ENOTOWNER);
    assert_free(lock);
}

static void only_its_owner_releases_a_lock(void **state)
{
    assert_only_the_owner_releases(make_lock(*state), *state);
    assert_only_the_owner_releases(make_rlock(*state), *state);
}

/* Its number is not given to another, so that nobody releases what he has not acquired. */
static void a_thread_that_has_ended_still_holds_it(void **state)
{
    attempt_t attempt = {make_lock(*state), 0};

    assert_success(do_in_a_thread(acquire_in_a_thread, &attempt, *state));
    assert_status(do_in_a_thread(release_in_a_thread, attempt.lock, *state), MPROC_ENOTOWNER);
    assert_status(mproc_lock_acquire(attempt.lock, 0), APR_TIMEUP);
}

static void an_owner_that_was_overwritten_is_noticed(void **state)
{
    mproc_lock_t *lock = make_lock(*state);

    assert_success(mproc_lock_acquire(lock, 0));
    atomic_store(&((mproc__mutex_state_t *)lock->shared.state)->lock.owner, UINT64_MAX);
    assert_refused(mproc_lock_release(lock), MPROC_ECORRUPT, "damaged the lock");
    assert_status(mproc_lock_acquire(lock, 0), MPROC_EOWNERDEAD);
    assert_success(mproc_lock_release(lock));
    assert_free(lock);
}

/* -- Calling a function under it ---------------------------------------------------------------------- */

typedef struct called_t {
    mproc_lock_t *lock;
    int calls;
    apr_status_t acquired, returns;
    int releases;
} called_t;

static apr_status_t note_call(apr_status_t acquired, void *context)
{
    called_t *called = context;

    called->calls++;
    called->acquired = acquired;
    if (called->releases)
        MPROC_TRY(mproc_lock_release(called->lock));
    else if (!mproc_lock_locked(called->lock))
        return mproc_error_set(APR_EGENERAL, "it is not held");
    return called->returns == APR_SUCCESS ? APR_SUCCESS
                                          : mproc_error_set(called->returns, "it failed");
}

static void a_function_is_called_under_the_lock(void **state)
{
    called_t called = {make_lock(*state), 0, APR_EINIT, APR_SUCCESS, 0};

    assert_success(mproc_lock_call(called.lock, 0, note_call, &called));
    assert_int_equal(called.calls, 1);
    assert_int_equal(called.acquired, APR_SUCCESS);
    assert_free(called.lock);
}

static void the_lock_of_a_function_that_fails_is_released(void **state)
{
    called_t called = {make_lock(*state), 0, APR_EINIT, APR_ENOENT, 0};

    assert_refused(mproc_lock_call(called.lock, 0, note_call, &called), APR_ENOENT, "it failed");
    assert_free(called.lock);
    called.releases = 1;
    assert_refused(mproc_lock_call(called.lock, 0, note_call, &called), APR_ENOENT, "it failed");
    assert_free(called.lock);
    called.returns = APR_SUCCESS;
    assert_status(mproc_lock_call(called.lock, 0, note_call, &called), MPROC_ENOTOWNER);
    assert_int_equal(called.calls, 3);
}

/* It alone is told: the lock is free when it has failed, and nobody knows why. */
static void a_function_that_fails_after_a_death_leaves_the_lock_free(void **state)
{
    called_t called = {make_lock(*state), 0, APR_EINIT, APR_ENOENT, 0};
    mproc_process_t *process;

    assert_success(status_of(&process, end_with_it, MPROC_PACK(called.lock), NULL, *state));
    assert_refused(mproc_lock_call(called.lock, 0, note_call, &called), APR_ENOENT, "it failed");
    assert_int_equal(called.acquired, MPROC_EOWNERDEAD);
    assert_free(called.lock);
}

static void a_function_is_told_that_the_owner_died_and_not_called_in_vain(void **state)
{
    called_t called = {make_lock(*state), 0, APR_EINIT, APR_SUCCESS, 0};
    mproc_process_t *process;
    mproc_connection_t *line;

    start_lock_holder(&process, &line, called.lock, 1, *state);
    assert_status(mproc_lock_call(called.lock, 0, note_call, &called), APR_TIMEUP);
    assert_int_equal(called.calls, 0);
    kill_child(process);
    assert_success(mproc_lock_call(called.lock, 0, note_call, &called));
    assert_int_equal(called.acquired, MPROC_EOWNERDEAD);
    assert_refused(mproc_lock_call(called.lock, 0, NULL, NULL), APR_EINVAL, "no function");
    assert_free(called.lock);
}

/* -- Travelling ---------------------------------------------------------------------------------------- */

static void a_lock_goes_on_to_grandchildren(void **state)
{
    mproc_lock_t *lock = make_lock(*state);
    mproc_process_t *process;

    assert_success(status_of(&process, hand_on, MPROC_PACK(lock), NULL, *state));
    assert_held_of_the_dead(lock);
}

static void a_recursive_lock_that_is_sent_is_recursive(void **state)
{
    mproc_connection_t *here, *there;
    mproc_lock_t *lock = make_rlock(*state);
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(
        mproc_process_start(&process, receive_and_acquire_twice, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_send(here, MPROC_PACK(lock), PATIENCE));
    assert_ended(process, 0);
    assert_held_of_the_dead(lock);
}

static void a_queue_refuses_locks(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_refused(mproc_queue_put(queue, MPROC_PACK(make_lock(*state)), 0), MPROC_ENOTSHAREABLE,
                   "a lock cannot");
    assert_true(mproc_queue_empty(queue));
}

/* A child has its own handle of it, and holds nothing that its parent holds. */
static void a_child_holds_nothing_of_its_parents(void **state)
{
    mproc_lock_t *lock = make_rlock(*state);
    mproc_process_t *process;

    assert_success(mproc_lock_acquire(lock, 0));
    assert_status(status_of(&process, end_with_it, MPROC_PACK(lock), NULL, *state), APR_TIMEUP);
    assert_success(mproc_lock_release(lock));
    assert_free(lock);
}

/* -- Closing, and what is refused ------------------------------------------------------------------------- */

static void a_lock_that_is_held_or_waited_for_is_not_closed(void **state)
{
    attempt_t attempt = {make_lock(*state), PATIENCE};
    mproc_process_t *process;
    mproc_connection_t *line;
    work_t work;

    start_lock_holder(&process, &line, attempt.lock, 1, *state);
    assert_success(start_thread(&work, acquire_in_a_thread, &attempt, *state));
    await_waiters(attempt.lock, 1);
    assert_refused(mproc_lock_close(attempt.lock), MPROC_EINUSE, "another thread waits");
    let_go(line, *state);
    assert_success(end_thread(&work));
    assert_refused(mproc_lock_close(attempt.lock), MPROC_EINUSE, "holds the lock");
    assert_ended(process, 0);
}

static void others_go_on_with_a_lock_that_was_closed(void **state)
{
    mproc_lock_t *lock = make_lock(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_lock_holder(&process, &line, lock, 1, *state);
    assert_success(mproc_lock_close(lock));
    assert_int_equal(mproc_lock_locked(lock), 0);
    let_go(line, *state);
    assert_ended(process, 0);
}

static void memory_that_is_destroyed_leaves_no_living_owner(void **state)
{
    mproc_lock_t *lock = make_lock(*state), *received;
    mproc_values_t *values;
    mproc_connection_t *here, *there;
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    values = mproc_values_create(mem);
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_connection_send(here, MPROC_PACK(lock), PATIENCE));
    assert_success(mproc_connection_recv(there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &received));
    assert_success(mproc_lock_acquire(received, 0));
    assert_status(mproc_lock_acquire(lock, 0), APR_TIMEUP);
    apr_pool_destroy(mem);
    assert_held_of_the_dead(lock);
}

static void what_is_no_lock_is_refused(void **state)
{
    mproc_lock_options_t options = MPROC_LOCK_OPTIONS;
    mproc_lock_t *lock = NULL;

    assert_refused(mproc_lock_create(NULL, NULL, *state), APR_EINVAL, "is NULL");
    assert_refused(mproc_rlock_create(NULL, NULL, *state), APR_EINVAL, "is NULL");
    options.size = 0;
    assert_refused(mproc_lock_create(&lock, &options, *state), APR_EINVAL, "MPROC_LOCK_OPTIONS");
    assert_null(lock);
}

static void a_lock_for_4096_processes_works(void **state)
{
    mproc_lock_options_t options = MPROC_LOCK_OPTIONS;
    mproc_process_t *process;
    mproc_lock_t *lock;

    options.processes = 4096;
    assert_success(mproc_lock_create(&lock, &options, *state));
    assert_success(status_of(&process, acquire_and_release, MPROC_PACK(lock), NULL, *state));
    assert_free(lock);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(processes_that_count_under_a_lock_count_right),
        claim_leaving_nothing(so_do_many),
        claim_leaving_nothing(threads_of_one_process_exclude_each_other),
        claim_leaving_nothing(acquire_times_out_while_another_process_holds_it),
        claim_leaving_nothing(who_waits_has_it_when_it_is_released),
        claim_leaving_nothing(who_follows_a_killed_owner_holds_the_lock_and_is_told_so),
        claim_leaving_nothing(so_is_who_sleeps_for_it),
        claim_leaving_nothing(so_is_who_follows_one_that_ended_with_it),
        claim_leaving_nothing(a_recursive_lock_of_a_killed_owner_is_held_once),
        claim_leaving_nothing(a_plain_lock_is_not_acquired_again),
        claim_leaving_nothing(a_recursive_lock_is_free_when_it_was_released_as_often),
        claim_leaving_nothing(only_its_owner_releases_a_lock),
        claim_leaving_nothing(a_thread_that_has_ended_still_holds_it),
        claim_leaving_nothing(an_owner_that_was_overwritten_is_noticed),
        claim_leaving_nothing(a_function_is_called_under_the_lock),
        claim_leaving_nothing(the_lock_of_a_function_that_fails_is_released),
        claim_leaving_nothing(a_function_that_fails_after_a_death_leaves_the_lock_free),
        claim_leaving_nothing(a_function_is_told_that_the_owner_died_and_not_called_in_vain),
        claim_leaving_nothing(a_lock_goes_on_to_grandchildren),
        claim_leaving_nothing(a_recursive_lock_that_is_sent_is_recursive),
        claim_leaving_nothing(a_queue_refuses_locks),
        claim_leaving_nothing(a_child_holds_nothing_of_its_parents),
        claim_leaving_nothing(a_lock_that_is_held_or_waited_for_is_not_closed),
        claim_leaving_nothing(others_go_on_with_a_lock_that_was_closed),
        claim_leaving_nothing(memory_that_is_destroyed_leaves_no_living_owner),
        claim_leaving_nothing(what_is_no_lock_is_refused),
        claim_leaving_nothing(a_lock_for_4096_processes_works),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
