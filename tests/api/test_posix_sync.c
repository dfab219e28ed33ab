/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: locks and semaphores, and forks, by mproc and by the program itself.
 */

#include "claims.h"
#include "workers.h"

#include <sys/wait.h>
#include <unistd.h>

/* What a fork has a copy of. */
static mproc_lock_t *copied_lock;
static mproc_semaphore_t *copied_semaphore;
static apr_pool_t *copied_mem;

/* -- What the children do ------------------------------------------------------ */

static apr_status_t assert_foreign(apr_status_t rv)
{
    return rv == MPROC_EFOREIGN ? APR_SUCCESS
                                : mproc_error_set(APR_EGENERAL, "the copy gave status %d", rv);
}

/* Each call on them, and closing, which is nothing. */
static apr_status_t touch(void)
{
    unsigned value;

    MPROC_TRY(assert_foreign(mproc_lock_acquire(copied_lock, 0)));
    MPROC_TRY(assert_foreign(mproc_lock_release(copied_lock)));
    MPROC_TRY(assert_foreign(mproc_semaphore_acquire(copied_semaphore, 0)));
    MPROC_TRY(assert_foreign(mproc_semaphore_release(copied_semaphore)));
    MPROC_TRY(assert_foreign(mproc_semaphore_get_value(copied_semaphore, &value)));
    if (mproc_lock_locked(copied_lock))
        return mproc_error_set(APR_EGENERAL, "the copy is locked");
    MPROC_TRY(mproc_lock_close(copied_lock));
    return mproc_semaphore_close(copied_semaphore);
}

static apr_status_t touch_what_was_not_given(mproc_task_t *task)
{
    (void)task;
    return touch();
}

/* What it was given is the same lock, and no copy. */
static apr_status_t use_what_was_given(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    mproc_lock_t *lock;

    MPROC_TRY(MPROC_UNPACK(task, &lock, &semaphore));
    MPROC_TRY(touch());
    if (mproc_lock_release(lock) != MPROC_ENOTOWNER)
        return mproc_error_set(APR_EGENERAL, "the child holds what its parent holds");
    if (!APR_STATUS_IS_TIMEUP(mproc_lock_acquire(lock, 0)))
        return mproc_error_set(APR_EGENERAL, "the lock is not the parent's");
    return mproc_semaphore_release(semaphore);
}

static apr_status_t destroy_parents_memory(mproc_task_t *task)
{
    (void)task;
    apr_pool_destroy(copied_mem);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(touch_what_was_not_given),
    MPROC_TARGET(use_what_was_given),
    MPROC_TARGET(destroy_parents_memory),
    MPROC_TARGETS_END,
};

/* -- The tests --------------------------------------------------------------------- */

/* The parent holds the lock, and the only unit. */
static const mproc_process_options_t *hold_and_fork(mproc_process_options_t *options,
                                                    apr_pool_t *mem)
{
    const mproc_process_options_t initial = MPROC_PROCESS_OPTIONS;

    assert_success(apr_pool_create(&copied_mem, mem));
    assert_success(mproc_rlock_create(&copied_lock, NULL, copied_mem));
    assert_success(mproc_semaphore_create(&copied_semaphore, 1, NULL, copied_mem));
    assert_success(mproc_lock_acquire(copied_lock, 0));
    assert_success(mproc_semaphore_acquire(copied_semaphore, 0));
    *options = initial;
    options->start_method = MPROC_FORK;
    return options;
}

static void assert_still_held(unsigned units)
{
    unsigned value;

    assert_int_equal(mproc_lock_locked(copied_lock), 1);
    assert_success(mproc_lock_acquire(copied_lock, 0));
    assert_success(mproc_lock_release(copied_lock));
    assert_success(mproc_lock_release(copied_lock));
    assert_success(mproc_semaphore_get_value(copied_semaphore, &value));
    assert_int_equal(value, units);
}

static void a_forked_child_cannot_use_what_it_was_not_given(void **state)
{
    mproc_process_options_t options;
    mproc_process_t *process;

    assert_success(status_of(&process, touch_what_was_not_given, MPROC_NO_ARGS,
                             hold_and_fork(&options, *state), *state));
    assert_still_held(0);
}

static void a_forked_child_uses_what_it_was_given_and_holds_none_of_it(void **state)
{
    mproc_process_options_t options;
    mproc_process_t *process;

    hold_and_fork(&options, *state);
    assert_success(status_of(&process, use_what_was_given,
                             MPROC_PACK(copied_lock, copied_semaphore), &options, *state));
    assert_still_held(1);
}

static void a_forked_child_may_destroy_its_parents_memory(void **state)
{
    mproc_process_options_t options;
    mproc_process_t *process;

    assert_success(status_of(&process, destroy_parents_memory, MPROC_NO_ARGS,
                             hold_and_fork(&options, *state), *state));
    assert_still_held(0);
}

/* By fork(2): mproc knows of it all the same. */
static void a_process_that_the_program_has_forked_cannot_use_them(void **state)
{
    mproc_process_options_t options;
    int status;
    pid_t pid;

    hold_and_fork(&options, *state);
    pid = fork();
    if (pid == 0)
        _exit(touch() == APR_SUCCESS ? 0 : 1);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_still_held(0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_forked_child_cannot_use_what_it_was_not_given),
        claim_leaving_nothing(a_forked_child_uses_what_it_was_given_and_holds_none_of_it),
        claim_leaving_nothing(a_forked_child_may_destroy_its_parents_memory),
        claim_leaving_nothing(a_process_that_the_program_has_forked_cannot_use_them),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
