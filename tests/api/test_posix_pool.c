/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools and fork(): a forked child has its parent's pools in its memory, and may not use them.
 */

#include "claims.h"
#include "pools.h"

#include <mproc/context.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the parent, for the copies. */
static mproc_pool_t *workers;
static mproc_result_t *result;
static mproc_imap_t *it;
static void *memory;

#define EXPECT_FOREIGN(call)                                                                       \
    do {                                                                                           \
        if ((call) != MPROC_EFOREIGN)                                                              \
            return mproc_error_set(APR_EGENERAL, "not foreign: %s", #call);                        \
    } while (0)

static apr_status_t touch_all(apr_pool_t *mem)
{
    int item = 1, square_of_it;
    mproc_result_t *mine;
    mproc_imap_t *my_own;
    size_t count;
    void *more;

    EXPECT_FOREIGN(mproc_pool_close(workers));
    EXPECT_FOREIGN(mproc_pool_terminate(workers));
    EXPECT_FOREIGN(mproc_pool_join(workers, MPROC_FOREVER));
    EXPECT_FOREIGN(mproc_pool_resize(workers, 1));
    EXPECT_FOREIGN(mproc_pool_pids(workers, NULL, 0, &count));
    EXPECT_FOREIGN(mproc_pool_alloc(&more, workers, 1));
    EXPECT_FOREIGN(mproc_pool_free(workers, memory));
    EXPECT_FOREIGN(apply_deed(workers, SQUARE, 1));
    EXPECT_FOREIGN(mproc_pool_apply_async(&mine, workers, tell_pid, MPROC_NO_ARGS, NULL, mem));
    EXPECT_FOREIGN(mproc_pool_starmap(&mine, workers, tell_pid, NULL, 0, MPROC_FOREVER, mem));
    EXPECT_FOREIGN(mproc_pool_map(workers, square, &item, 4, &square_of_it, 4, 1, MPROC_FOREVER));
    EXPECT_FOREIGN(mproc_pool_imap(&my_own, workers, square, &item, 4, 4, 1, NULL, mem));
    EXPECT_FOREIGN(mproc_result_get(result, MPROC_FOREVER));
    EXPECT_FOREIGN(mproc_result_wait(result, MPROC_FOREVER));
    EXPECT_FOREIGN(mproc_result_cancel(result));
    EXPECT_FOREIGN(mproc_result_item_status(result, 0));
    EXPECT_FOREIGN(mproc_imap_next(it, NULL, &item, MPROC_FOREVER));
    if (mproc_result_ready(result) || mproc_result_values(result, 0) != NULL)
        return mproc_error_set(APR_EGENERAL, "the result of a parent was there");
    mproc_result_close(result);
    mproc_imap_close(it);
    return APR_SUCCESS;
}

static apr_status_t touch(mproc_task_t *task)
{
    return touch_all(mproc_task_mem(task));
}

static apr_status_t return_blocked_signals(mproc_task_t *task)
{
    sigset_t blocked;
    int number, count = 0;

    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (number = 1; number < NSIG; number++)
        count += sigismember(&blocked, number) == 1;
    return mproc_task_return(task, MPROC_PACK(count));
}

static const mproc_target_t targets[] = {MPROC_TARGET(touch), MPROC_TARGET(return_blocked_signals),
                                         MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static void make_all(apr_pool_t *mem)
{
    static const int items[3] = {1, 2, 3};

    workers = make_workers(1, NULL, mem);
    result = start_deed(workers, SQUARE, 3, NULL, mem);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_success(
        mproc_pool_imap(&it, workers, square, items, sizeof *items, sizeof(int), 3, NULL, mem));
    assert_success(mproc_pool_alloc(&memory, workers, 100));
}

static void assert_unharmed(void)
{
    int number;

    assert_success(MPROC_UNPACK(result, &number));
    assert_int_equal(number, 9);
    assert_success(mproc_imap_next(it, NULL, &number, PATIENCE));
    assert_int_equal(number, 1);
    mproc_imap_close(it);
    assert_works(workers);
    assert_joins(workers);
}

static void a_child_by_fork_cannot_use_its_parents_pool(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.start_method = MPROC_FORK;
    make_all(*state);
    assert_success(mproc_process_start(&process, touch, MPROC_NO_ARGS, &options, *state));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_status(process));
    assert_unharmed();
}

static void assert_hears_signals(mproc_values_t *values)
{
    int blocked;

    assert_success(
        mproc_pool_apply(workers, return_blocked_signals, MPROC_NO_ARGS, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &blocked));
    assert_int_equal(blocked, 0);
}

/* It is started by the thread that looks after the pool, which takes no signals itself. */
static void a_worker_that_takes_anothers_place_hears_signals_too(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);

    workers = make_workers(1, NULL, *state);
    assert_hears_signals(values);
    assert_status(apply_deed(workers, EXIT_3, 1), MPROC_EWORKERDIED);
    assert_hears_signals(values);
    assert_joins(workers);
}

/* By fork(2): mproc knows of it all the same. */
static void a_process_that_the_program_has_forked_cannot_use_its_pool(void **state)
{
    int status;
    pid_t pid;

    make_all(*state);
    pid = fork();
    if (pid == 0)
        _exit(touch_all(*state) == APR_SUCCESS ? 0 : 1);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_unharmed();
}

static void a_copy_may_destroy_the_memory_of_a_pool(void **state)
{
    int status;
    pid_t pid;

    make_all(*state);
    pid = fork();
    if (pid == 0) {
        apr_pool_destroy(*state);
        _exit(0);
    }
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_unharmed();
}

static void a_copy_that_exits_leaves_the_pool_alone(void **state)
{
    int status;
    pid_t pid;

    make_all(*state);
    pid = fork();
    if (pid == 0)
        exit(0);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_unharmed();
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_child_by_fork_cannot_use_its_parents_pool),
        claim_leaving_nothing(a_worker_that_takes_anothers_place_hears_signals_too),
        claim_leaving_nothing(a_process_that_the_program_has_forked_cannot_use_its_pool),
        claim_leaving_nothing(a_copy_may_destroy_the_memory_of_a_pool),
        claim_leaving_nothing(a_copy_that_exits_leaves_the_pool_alone),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
