/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux only: what makes no system call, shown by a kernel that kills whoever makes one.
 */

#include "claims.h"
#include "queues.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 1000

/* From now on this thread may end its process, and nothing else. */
static int forbid_calls(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* -- What the children do ------------------------------------------------------ */

static apr_status_t use(mproc_lock_t *plain, mproc_lock_t *recursive, mproc_semaphore_t *semaphore)
{
    MPROC_TRY(mproc_lock_acquire(plain, MPROC_FOREVER));
    MPROC_TRY(mproc_lock_release(plain));
    MPROC_TRY(mproc_lock_acquire(recursive, 0));
    MPROC_TRY(mproc_lock_acquire(recursive, PATIENCE));
    MPROC_TRY(mproc_lock_release(recursive));
    MPROC_TRY(mproc_lock_release(recursive));
    MPROC_TRY(mproc_semaphore_acquire(semaphore, PATIENCE));
    return mproc_semaphore_release(semaphore);
}

static apr_status_t use_without_calls(mproc_task_t *task)
{
    mproc_lock_t *plain, *recursive;
    mproc_semaphore_t *semaphore;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &plain, &recursive, &semaphore));
    if (!forbid_calls())
        return mproc_error_set(APR_EGENERAL, "calls cannot be forbidden");
    for (i = 0; i < ROUNDS; i++)
        if (use(plain, recursive, semaphore) != APR_SUCCESS)
            _exit(1);
    _exit(0);
}

/* Nobody else has them; the barrier is for one. */
static apr_status_t use_others(mproc_event_t *event, mproc_condition_t *condition,
                               mproc_barrier_t *barrier, mproc_rwlock_t *rwlock)
{
    MPROC_TRY(mproc_event_set(event));
    MPROC_TRY(mproc_event_wait(event, MPROC_FOREVER));
    MPROC_TRY(mproc_event_clear(event));
    MPROC_TRY(mproc_condition_acquire(condition, MPROC_FOREVER));
    MPROC_TRY(mproc_condition_notify(condition, 1));
    MPROC_TRY(mproc_condition_notify_all(condition));
    MPROC_TRY(mproc_condition_release(condition));
    MPROC_TRY(mproc_barrier_wait(barrier, NULL, MPROC_FOREVER));
    MPROC_TRY(mproc_rwlock_acquire_read(rwlock, MPROC_FOREVER));
    MPROC_TRY(mproc_rwlock_release(rwlock));
    MPROC_TRY(mproc_rwlock_acquire_write(rwlock, MPROC_FOREVER));
    return mproc_rwlock_release(rwlock);
}

static apr_status_t use_others_without_calls(mproc_task_t *task)
{
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    mproc_event_t *event;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &event, &condition, &barrier, &rwlock));
    if (!forbid_calls())
        return mproc_error_set(APR_EGENERAL, "calls cannot be forbidden");
    for (i = 0; i < ROUNDS; i++)
        if (use_others(event, condition, barrier, rwlock) != APR_SUCCESS)
            _exit(1);
    _exit(0);
}

/* Nobody joins. */
static apr_status_t do_tasks_without_calls(mproc_task_t *task)
{
    mproc_queue_t *queue;
    size_t size;
    char byte;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    if (!forbid_calls())
        return mproc_error_set(APR_EGENERAL, "calls cannot be forbidden");
    for (i = 0; i < ROUNDS; i++)
        if (mproc_queue_put_bytes(queue, "x", 1, 0) != APR_SUCCESS ||
            mproc_queue_get_bytes(queue, &byte, 1, &size, 0) != APR_SUCCESS ||
            mproc_queue_task_done(queue) != APR_SUCCESS)
            _exit(1);
    _exit(0);
}

/* The semaphore has one unit. */
static apr_status_t wait_without_calls(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;

    MPROC_TRY(MPROC_UNPACK(task, &semaphore));
    if (!forbid_calls())
        return mproc_error_set(APR_EGENERAL, "calls cannot be forbidden");
    (void)mproc_semaphore_acquire(semaphore, PATIENCE);
    (void)mproc_semaphore_acquire(semaphore, PATIENCE);
    _exit(0);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(use_without_calls), MPROC_TARGET(use_others_without_calls),
    MPROC_TARGET(do_tasks_without_calls), MPROC_TARGET(wait_without_calls), MPROC_TARGETS_END};

/* -- The tests --------------------------------------------------------------------- */

static void assert_ends(mproc_target_fn *target, const mproc_pack_t *args, apr_int64_t expected,
                        apr_pool_t *mem)
{
    mproc_process_t *process;
    apr_int64_t exitcode;

    assert_success(mproc_process_start(&process, target, args, NULL, mem));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_exitcode(process, &exitcode));
    assert_int_equal(exitcode, expected);
}

static void what_nobody_waits_for_is_acquired_and_released_without_a_call(void **state)
{
    mproc_lock_t *plain, *recursive;
    mproc_semaphore_t *semaphore;

    assert_success(mproc_lock_create(&plain, NULL, *state));
    assert_success(mproc_rlock_create(&recursive, NULL, *state));
    assert_success(mproc_bounded_semaphore_create(&semaphore, 1, NULL, *state));
    assert_ends(use_without_calls, MPROC_PACK(plain, recursive, semaphore), 0, *state);
}

static void events_and_the_like_make_no_call_where_nobody_waits(void **state)
{
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    mproc_event_t *event;

    assert_success(mproc_event_create(&event, NULL, *state));
    assert_success(mproc_condition_create(&condition, NULL, *state));
    assert_success(mproc_barrier_create(&barrier, 1, NULL, *state));
    assert_success(mproc_rwlock_create(&rwlock, NULL, *state));
    assert_ends(use_others_without_calls, MPROC_PACK(event, condition, barrier, rwlock), 0, *state);
}

static void a_task_is_done_without_a_call_where_nobody_joins(void **state)
{
    mproc_queue_t *queue = make_joinable(SMALL_RING, *state);

    assert_ends(do_tasks_without_calls, MPROC_PACK(queue), 0, *state);
}

/* It is the calls that are counted. */
static void who_must_wait_makes_a_call(void **state)
{
    mproc_semaphore_t *semaphore;

    assert_success(mproc_bounded_semaphore_create(&semaphore, 1, NULL, *state));
    assert_ends(wait_without_calls, MPROC_PACK(semaphore), -SIGSYS, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(what_nobody_waits_for_is_acquired_and_released_without_a_call),
        claim_leaving_nothing(events_and_the_like_make_no_call_where_nobody_waits),
        claim_leaving_nothing(a_task_is_done_without_a_call_where_nobody_joins),
        claim_leaving_nothing(who_must_wait_makes_a_call),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
