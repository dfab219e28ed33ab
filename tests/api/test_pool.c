/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools from their beginning to their end, and the number of their workers.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"
#include "run.h"
#include "system.h"
#include "threads.h"

#include <stdio.h>
#include <string.h>

static const char *own_path;

/* What came of starting a process and a pool, as words through the news. */
static apr_status_t start_others(mproc_task_t *task)
{
    mproc_process_t *process;
    mproc_pool_t *workers;
    int first = mproc_process_start(&process, tell_pid, MPROC_NO_ARGS, NULL, mproc_task_mem(task));
    int second = mproc_pool_create(&workers, 1, NULL, mproc_task_mem(task));

    return mproc_task_return(task, MPROC_PACK(first, second));
}

static const mproc_target_t targets[] = {MPROC_TARGET(start_others), MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_END};

/* -- Beginning ------------------------------------------------------------------- */

static void the_workers_run_when_a_pool_is_there(void **state)
{
    mproc_pool_t *workers = make_workers(3, NULL, *state);
    apr_int64_t pids[4] = {0, 0, 0, -1};
    size_t count = 0;

    assert_success(mproc_pool_pids(workers, pids, 4, &count));
    assert_int_equal(count, 3);
    assert_true(pids[0] > 0 && pids[1] > 0 && pids[2] > 0 && pids[3] == -1);
    assert_true(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2]);
    assert_true(pids[0] != own_pid() && pids[1] != own_pid() && pids[2] != own_pid());
}

static void zero_workers_are_one_for_each_cpu(void **state)
{
    mproc_pool_t *workers = make_workers(0, NULL, *state);

    assert_int_equal(count_workers(workers), mproc_cpu_count());
    assert_works(workers);
}

static void pids_are_cut_to_the_room_there_is_and_counted_all_the_same(void **state)
{
    mproc_pool_t *workers = make_workers(3, NULL, *state);
    apr_int64_t pids[2] = {-1, -1};
    size_t count = 0;

    assert_success(mproc_pool_pids(workers, pids, 1, &count));
    assert_int_equal(count, 3);
    assert_true(pids[0] > 0 && pids[1] == -1);
    assert_success(mproc_pool_pids(workers, NULL, 0, &count));
    assert_int_equal(count, 3);
}

static void a_task_runs_in_one_of_the_pids(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_values_t *values = mproc_values_create(*state);
    apr_int64_t listed, told;
    size_t count;

    assert_success(mproc_pool_pids(workers, &listed, 1, &count));
    assert_success(mproc_pool_apply(workers, tell_pid, MPROC_NO_ARGS, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &told));
    assert_true(told == listed);
}

static void workers_cannot_start_processes(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_values_t *values = mproc_values_create(*state);
    int first, second;

    assert_success(mproc_pool_apply(workers, start_others, MPROC_NO_ARGS, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &first, &second));
    assert_int_equal(first, MPROC_EDAEMON);
    assert_int_equal(second, MPROC_EDAEMON);
}

static void two_pools_work_side_by_side(void **state)
{
    mproc_pool_t *one = make_workers(1, NULL, *state), *other = make_workers(1, NULL, *state);

    assert_works(one);
    assert_works(other);
    assert_success(mproc_pool_terminate(one));
    assert_works(other);
}

/* -- Close and join -------------------------------------------------------------- */

static void what_was_given_is_done_after_close(void **state)
{
    mproc_result_t *results[20];
    crew_t crew;
    int i, number;

    make_crew(&crew, 2, NULL, *state);
    for (i = 0; i < 20; i++)
        results[i] = start_deed(crew.workers, i < 2 ? WAIT : SQUARE, i, NULL, *state);
    assert_success(mproc_pool_close(crew.workers));
    open_gate(&crew, 2);
    assert_joins(crew.workers);
    for (i = 0; i < 20; i++) {
        assert_success(mproc_result_get(results[i], 0));
        assert_success(MPROC_UNPACK(results[i], &number));
        assert_int_equal(number, i * i);
    }
}

static void close_again_changes_nothing(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_success(mproc_pool_close(workers));
    assert_success(mproc_pool_close(workers));
    assert_joins(workers);
    assert_success(mproc_pool_close(workers));
    assert_success(mproc_pool_terminate(workers));
    assert_success(mproc_pool_close(workers));
}

static void a_closed_pool_takes_nothing_more(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_success(mproc_pool_close(workers));
    assert_refused(apply_deed(workers, SQUARE, 1), MPROC_ECLOSED, "the pool was closed");
    assert_refused(mproc_pool_resize(workers, 2), MPROC_ECLOSED, "the pool was closed");
    assert_joins(workers);
    assert_refused(apply_deed(workers, SQUARE, 1), MPROC_ECLOSED, "the pool was closed");
}

static void join_closes(void **state)
{
    crew_t crew;
    mproc_result_t *result;

    make_crew(&crew, 1, NULL, *state);
    result = start_deed(crew.workers, WAIT, 1, NULL, *state);
    assert_status(mproc_pool_join(crew.workers, 0), APR_TIMEUP);
    assert_status(apply_deed(crew.workers, SQUARE, 1), MPROC_ECLOSED);
    open_gate(&crew, 1);
    assert_joins(crew.workers);
    assert_success(mproc_result_get(result, 0));
}

static void join_times_out_while_a_call_is_at_work(void **state)
{
    apr_time_t began;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    began = apr_time_now();
    assert_refused(mproc_pool_join(crew.workers, A_MOMENT), APR_TIMEUP, "still at work");
    assert_true(apr_time_now() - began >= A_MOMENT - 1000);
    assert_status(mproc_pool_join(crew.workers, -1), APR_TIMEUP);
    open_gate(&crew, 1);
    assert_joins(crew.workers);
}

static void join_again_returns_the_same_at_once(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);

    assert_joins(workers);
    assert_success(mproc_pool_join(workers, 0));
    assert_success(mproc_pool_join(workers, MPROC_FOREVER));
}

static void no_worker_is_left_after_join(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);

    assert_works(workers);
    assert_joins(workers);
    assert_int_equal(count_workers(workers), 0);
}

static apr_status_t join_it(void *workers)
{
    return mproc_pool_join(workers, PATIENCE);
}

static void several_threads_may_join_at_once(void **state)
{
    work_t threads[4];
    crew_t crew;
    int i;

    make_crew(&crew, 1, NULL, *state);
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    for (i = 0; i < 4; i++)
        assert_success(start_thread(&threads[i], join_it, crew.workers, *state));
    open_gate(&crew, 1);
    for (i = 0; i < 4; i++)
        assert_success(end_thread(&threads[i]));
}

/* -- Terminate ------------------------------------------------------------------- */

static void terminate_ends_what_is_at_work_and_what_waits(void **state)
{
    mproc_result_t *running, *waiting;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    running = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    waiting = start_deed(crew.workers, SQUARE, 1, NULL, *state);
    await_news(&crew, "begun", 1);
    assert_success(mproc_pool_terminate(crew.workers));
    assert_refused(mproc_result_get(running, 0), MPROC_ETERMINATED, "the pool was terminated");
    assert_refused(mproc_result_get(waiting, 0), MPROC_ETERMINATED, "the pool was terminated");
    assert_int_equal(count_workers(crew.workers), 0);
}

static void a_terminated_pool_takes_nothing_more(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_success(mproc_pool_terminate(workers));
    assert_success(mproc_pool_terminate(workers));
    assert_refused(apply_deed(workers, SQUARE, 1), MPROC_ECLOSED, "the pool was terminated");
    assert_refused(mproc_pool_resize(workers, 2), MPROC_ECLOSED, "the pool was terminated");
    assert_success(mproc_pool_join(workers, 0));
}

static apr_status_t wait_for_it(void *result)
{
    return mproc_result_get(result, PATIENCE);
}

static void terminate_wakes_who_waits(void **state)
{
    crew_t crew;
    work_t waiter, joiner;

    make_crew(&crew, 1, NULL, *state);
    assert_success(start_thread(&waiter, wait_for_it,
                                start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state), *state));
    assert_success(start_thread(&joiner, join_it, crew.workers, *state));
    await_news(&crew, "begun", 1);
    assert_success(mproc_pool_terminate(crew.workers));
    assert_status(end_thread(&waiter), MPROC_ETERMINATED);
    assert_success(end_thread(&joiner));
}

/* -- Resize ---------------------------------------------------------------------- */

static void resize_starts_more_workers(void **state)
{
    crew_t crew;
    int i;

    make_crew(&crew, 1, NULL, *state);
    assert_success(mproc_pool_resize(crew.workers, 3));
    for (i = 0; i < 3; i++)
        start_deed(crew.workers, WAIT, i, NULL, *state);
    await_news(&crew, "begun", 3);
    await_workers(crew.workers, 3);
    open_gate(&crew, 3);
    assert_joins(crew.workers);
}

static void resize_ends_workers_that_have_nothing_to_do(void **state)
{
    mproc_pool_t *workers = make_workers(3, NULL, *state);

    assert_success(mproc_pool_resize(workers, 1));
    await_workers(workers, 1);
    assert_works(workers);
    assert_joins(workers);
}

static void resize_ends_nobody_who_is_at_work(void **state)
{
    mproc_result_t *results[2];
    crew_t crew;
    int i;

    make_crew(&crew, 2, NULL, *state);
    for (i = 0; i < 2; i++)
        results[i] = start_deed(crew.workers, WAIT, i, NULL, *state);
    await_news(&crew, "begun", 2);
    assert_success(mproc_pool_resize(crew.workers, 1));
    open_gate(&crew, 2);
    for (i = 0; i < 2; i++)
        assert_success(mproc_result_get(results[i], PATIENCE));
    await_workers(crew.workers, 1);
}

/* By then one is told to leave, and whoever comes next hears that; if it is not, nothing is. */
static void a_pool_that_was_made_smaller_outlives_its_workers(void **state)
{
    apr_int64_t pids[2];
    size_t count;
    crew_t crew;
    int i;

    make_crew(&crew, 2, NULL, *state);
    for (i = 0; i < 2; i++)
        start_deed(crew.workers, FALL_ASLEEP, i, NULL, *state);
    await_news(&crew, "begun", 2);
    assert_success(mproc_pool_pids(crew.workers, pids, 2, &count));
    assert_success(mproc_pool_resize(crew.workers, 1));
    apr_sleep(A_MOMENT);
    for (i = 0; i < 2; i++)
        kill_pid(pids[i]);
    assert_works(crew.workers);
    await_workers(crew.workers, 1);
}

static void resize_to_0_is_one_for_each_cpu(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_success(mproc_pool_resize(workers, 0));
    await_workers(workers, (size_t)mproc_cpu_count());
}

/* -- The end of its memory, and of the program ------------------------------------ */

static void a_pool_whose_memory_goes_is_terminated(void **state)
{
    apr_pool_t *mem;
    crew_t crew;
    int i;

    for (i = 0; i < 3; i++) {
        assert_success(apr_pool_create(&mem, *state));
        make_crew(&crew, 2, NULL, mem);
        start_deed(crew.workers, FALL_ASLEEP, 1, NULL, mem);
        if (i == 0)
            await_news(&crew, "begun", 1);
        apr_pool_destroy(mem);
    }
}

static void a_result_may_live_longer_than_its_pool(void **state)
{
    mproc_result_t *done, *lost;
    apr_pool_t *mem;
    crew_t crew;

    assert_success(apr_pool_create(&mem, *state));
    make_crew(&crew, 1, NULL, mem);
    done = start_deed(crew.workers, SQUARE, 1, NULL, *state);
    assert_success(mproc_result_get(done, PATIENCE));
    lost = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    apr_pool_destroy(mem);
    assert_refused(mproc_result_get(done, 0), MPROC_ECLOSED, "memory of its pool is gone");
    assert_refused(mproc_result_get(lost, PATIENCE), MPROC_ECLOSED, "memory of its pool is gone");
    mproc_result_close(lost);
}

/* When all has ended, as a leak checker looks. */
static void destroy(void *mem)
{
    apr_pool_destroy(mem);
}

/* The program says "end of main" with a worker that never ends by itself. */
static int end_with_a_pool(apr_pool_t *all)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_queue_t *news, *gate;
    mproc_pool_t *workers;
    mproc_result_t *result;
    apr_pool_t *mem;
    char word[32];
    size_t size;

    MPROC_CHECK(apr_pool_create(&mem, all));
    MPROC_CHECK(mproc_at_exit(destroy, mem, -1, all));
    MPROC_CHECK(mproc_queue_create(&news, NULL, mem));
    MPROC_CHECK(mproc_queue_create(&gate, NULL, mem));
    options.initializer = join_crew;
    options.initargs = MPROC_PACK(news, gate);
    MPROC_CHECK(mproc_pool_create(&workers, 2, &options, mem));
    MPROC_CHECK(mproc_pool_apply_async(&result, workers, call_deed, MPROC_PACK((int)FALL_ASLEEP, 1),
                                       NULL, mem));
    MPROC_CHECK(mproc_queue_get_bytes(news, word, sizeof word, &size, PATIENCE));
    printf("end of main\n");
    return 42;
}

/* Its workers hold its output: that ends when they have. */
static void a_program_may_end_with_a_pool_at_work(void **state)
{
    const char *const arguments[] = {own_path, "end_with_a_pool", NULL};
    ran_t ran;

    run_program(&ran, arguments, *state);
    assert_string_equal(ran.errors, "");
    assert_string_equal(ran.output, "end of main\n");
    assert_int_equal(ran.exitcode, 42);
}

static void pools_leave_nothing(void **state)
{
    apr_pool_t *mem;
    int i;

    for (i = 0; i < 4 * test_scale(); i++) {
        mproc_pool_t *workers;

        assert_success(apr_pool_create(&mem, *state));
        workers = make_workers(2, NULL, mem);
        if (i % 2)
            assert_works(workers);
        if (i % 4 > 1)
            assert_joins(workers);
        apr_pool_destroy(mem);
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(the_workers_run_when_a_pool_is_there),
        claim_leaving_nothing(zero_workers_are_one_for_each_cpu),
        claim_leaving_nothing(pids_are_cut_to_the_room_there_is_and_counted_all_the_same),
        claim_leaving_nothing(a_task_runs_in_one_of_the_pids),
        claim_leaving_nothing(workers_cannot_start_processes),
        claim_leaving_nothing(two_pools_work_side_by_side),
        claim_leaving_nothing(what_was_given_is_done_after_close),
        claim_leaving_nothing(close_again_changes_nothing),
        claim_leaving_nothing(a_closed_pool_takes_nothing_more),
        claim_leaving_nothing(join_closes),
        claim_leaving_nothing(join_times_out_while_a_call_is_at_work),
        claim_leaving_nothing(join_again_returns_the_same_at_once),
        claim_leaving_nothing(no_worker_is_left_after_join),
        claim_leaving_nothing(several_threads_may_join_at_once),
        claim_leaving_nothing(terminate_ends_what_is_at_work_and_what_waits),
        claim_leaving_nothing(a_terminated_pool_takes_nothing_more),
        claim_leaving_nothing(terminate_wakes_who_waits),
        claim_leaving_nothing(resize_starts_more_workers),
        claim_leaving_nothing(resize_ends_workers_that_have_nothing_to_do),
        claim_leaving_nothing(resize_ends_nobody_who_is_at_work),
        claim_leaving_nothing(a_pool_that_was_made_smaller_outlives_its_workers),
        claim_leaving_nothing(resize_to_0_is_one_for_each_cpu),
        claim_leaving_nothing(a_pool_whose_memory_goes_is_terminated),
        claim_leaving_nothing(a_result_may_live_longer_than_its_pool),
        claim(a_program_may_end_with_a_pool_at_work),
        claim_leaving_nothing(pools_leave_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    if (argc > 1)
        return end_with_a_pool(mem);
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
