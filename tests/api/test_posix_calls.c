/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux only: what makes no system call, shown by a kernel that kills whoever makes one.
 */

#include "claims.h"
#include "queues.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 1000

/* Of several pages. */
#define BLOCK ((size_t)20000)

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

typedef apr_status_t round_fn(void *objects);

/* Ends the process: with 0 if all rounds went well, and by a signal if one made a call. */
static apr_status_t repeat_without_calls(round_fn *round, void *objects)
{
    int i;

    if (!forbid_calls())
        return mproc_error_set(APR_EGENERAL, "calls cannot be forbidden");
    for (i = 0; i < ROUNDS; i++)
        if (round(objects) != APR_SUCCESS)
            _exit(1);
    _exit(0);
}

typedef struct locks_t {
    mproc_lock_t *plain, *recursive;
    mproc_array_t *array;
    mproc_semaphore_t *semaphore;
} locks_t;

static apr_status_t add_one(apr_status_t acquired, void *array)
{
    ++*(long *)mproc_array_data(array);
    return acquired;
}

static apr_status_t use_array(mproc_array_t *array)
{
    MPROC_TRY(mproc_lock_acquire(mproc_array_lock(array), MPROC_FOREVER));
    MPROC_TRY(mproc_lock_release(mproc_array_lock(array)));
    return mproc_lock_call(mproc_array_lock(array), PATIENCE, add_one, array);
}

static apr_status_t use_locks(void *objects)
{
    const locks_t *locks = objects;

    MPROC_TRY(mproc_lock_acquire(locks->plain, MPROC_FOREVER));
    MPROC_TRY(mproc_lock_release(locks->plain));
    MPROC_TRY(mproc_lock_call(locks->plain, MPROC_FOREVER, add_one, locks->array));
    MPROC_TRY(mproc_lock_acquire(locks->recursive, 0));
    MPROC_TRY(mproc_lock_acquire(locks->recursive, PATIENCE));
    MPROC_TRY(mproc_lock_release(locks->recursive));
    MPROC_TRY(mproc_lock_release(locks->recursive));
    MPROC_TRY(use_array(locks->array));
    MPROC_TRY(mproc_semaphore_acquire(locks->semaphore, PATIENCE));
    return mproc_semaphore_release(locks->semaphore);
}

static apr_status_t use_locks_without_calls(mproc_task_t *task)
{
    locks_t locks;

    MPROC_TRY(MPROC_UNPACK(task, &locks.plain, &locks.recursive, &locks.array, &locks.semaphore));
    return repeat_without_calls(use_locks, &locks);
}

typedef struct others_t {
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
} others_t;

/* Nobody else has them; the barrier is for one. */
static apr_status_t use_others(void *objects)
{
    const others_t *others = objects;

    MPROC_TRY(mproc_event_set(others->event));
    MPROC_TRY(mproc_event_wait(others->event, MPROC_FOREVER));
    MPROC_TRY(mproc_event_clear(others->event));
    MPROC_TRY(mproc_condition_acquire(others->condition, MPROC_FOREVER));
    MPROC_TRY(mproc_condition_notify(others->condition, 1));
    MPROC_TRY(mproc_condition_notify_all(others->condition));
    MPROC_TRY(mproc_condition_release(others->condition));
    MPROC_TRY(mproc_barrier_wait(others->barrier, NULL, MPROC_FOREVER));
    MPROC_TRY(mproc_rwlock_acquire_read(others->rwlock, MPROC_FOREVER));
    MPROC_TRY(mproc_rwlock_release(others->rwlock));
    MPROC_TRY(mproc_rwlock_acquire_write(others->rwlock, MPROC_FOREVER));
    return mproc_rwlock_release(others->rwlock);
}

static apr_status_t use_others_without_calls(mproc_task_t *task)
{
    others_t others;

    MPROC_TRY(
        MPROC_UNPACK(task, &others.event, &others.condition, &others.barrier, &others.rwlock));
    return repeat_without_calls(use_others, &others);
}

/* Nobody joins. */
static apr_status_t do_task(void *queue)
{
    size_t size;
    char byte;

    MPROC_TRY(mproc_queue_put_bytes(queue, "x", 1, 0));
    MPROC_TRY(mproc_queue_get_bytes(queue, &byte, 1, &size, 0));
    return mproc_queue_task_done(queue);
}

static apr_status_t do_tasks_without_calls(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    return repeat_without_calls(do_task, queue);
}

/* One message is put and got as a block, and one is given up. */
static apr_status_t use_blocks(void *queue)
{
    void *block;
    size_t size;

    MPROC_TRY(mproc_queue_reserve(queue, BLOCK, &block, MPROC_FOREVER));
    memset(block, 'x', BLOCK);
    MPROC_TRY(mproc_queue_commit(queue, block, MPROC_FOREVER));
    MPROC_TRY(mproc_queue_acquire(queue, &block, &size, MPROC_FOREVER));
    if (size != BLOCK || ((const char *)block)[BLOCK - 1] != 'x')
        return APR_EGENERAL;
    MPROC_TRY(mproc_queue_release(queue, block));
    MPROC_TRY(mproc_queue_reserve(queue, BLOCK, &block, 0));
    return mproc_queue_cancel(queue, block);
}

/* The first time takes the memory of a block, which is kept. */
static apr_status_t use_blocks_without_calls(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(use_blocks(queue));
    return repeat_without_calls(use_blocks, queue);
}

/* The semaphore has one unit. */
static apr_status_t acquire_two_units(void *semaphore)
{
    MPROC_TRY(mproc_semaphore_acquire(semaphore, PATIENCE));
    return mproc_semaphore_acquire(semaphore, PATIENCE);
}

static apr_status_t wait_without_calls(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;

    MPROC_TRY(MPROC_UNPACK(task, &semaphore));
    return repeat_without_calls(acquire_two_units, semaphore);
}

/* Nobody has taken its memory before. */
static apr_status_t reserve_without_calls(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    return repeat_without_calls(use_blocks, queue);
}

static const mproc_target_t targets[] = {MPROC_TARGET(use_locks_without_calls),
                                         MPROC_TARGET(use_others_without_calls),
                                         MPROC_TARGET(do_tasks_without_calls),
                                         MPROC_TARGET(use_blocks_without_calls),
                                         MPROC_TARGET(wait_without_calls),
                                         MPROC_TARGET(reserve_without_calls),
                                         MPROC_TARGETS_END};

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
    locks_t locks;

    assert_success(mproc_lock_create(&locks.plain, NULL, *state));
    assert_success(mproc_rlock_create(&locks.recursive, NULL, *state));
    assert_success(mproc_array_create(&locks.array, 1, sizeof(long), *state));
    assert_success(mproc_bounded_semaphore_create(&locks.semaphore, 1, NULL, *state));
    assert_ends(use_locks_without_calls,
                MPROC_PACK(locks.plain, locks.recursive, locks.array, locks.semaphore), 0, *state);
    assert_int_equal(*(long *)mproc_array_data(locks.array), 2 * ROUNDS);
}

static void events_and_the_like_make_no_call_where_nobody_waits(void **state)
{
    others_t others;

    assert_success(mproc_event_create(&others.event, NULL, *state));
    assert_success(mproc_condition_create(&others.condition, NULL, *state));
    assert_success(mproc_barrier_create(&others.barrier, 1, NULL, *state));
    assert_success(mproc_rwlock_create(&others.rwlock, NULL, *state));
    assert_ends(use_others_without_calls,
                MPROC_PACK(others.event, others.condition, others.barrier, others.rwlock), 0,
                *state);
}

static void a_task_is_done_without_a_call_where_nobody_joins(void **state)
{
    mproc_queue_t *queue = make_joinable(SMALL_RING, *state);

    assert_ends(do_tasks_without_calls, MPROC_PACK(queue), 0, *state);
}

static mproc_queue_t *make_queue_with_blocks(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.blocks = 4 * BLOCK;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

static void a_block_is_put_and_got_without_a_call_where_nobody_waits(void **state)
{
    assert_ends(use_blocks_without_calls, MPROC_PACK(make_queue_with_blocks(*state)), 0, *state);
}

/* It is the calls that are counted. */
static void who_must_wait_or_needs_memory_makes_a_call(void **state)
{
    mproc_semaphore_t *semaphore;

    assert_success(mproc_bounded_semaphore_create(&semaphore, 1, NULL, *state));
    assert_ends(wait_without_calls, MPROC_PACK(semaphore), -SIGSYS, *state);
    assert_ends(reserve_without_calls, MPROC_PACK(make_queue_with_blocks(*state)), -SIGSYS, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(what_nobody_waits_for_is_acquired_and_released_without_a_call),
        claim_leaving_nothing(events_and_the_like_make_no_call_where_nobody_waits),
        claim_leaving_nothing(a_task_is_done_without_a_call_where_nobody_joins),
        claim_leaving_nothing(a_block_is_put_and_got_without_a_call_where_nobody_waits),
        claim_leaving_nothing(who_must_wait_or_needs_memory_makes_a_call),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
