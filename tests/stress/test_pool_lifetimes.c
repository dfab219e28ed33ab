/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools that begin and end in the midst of work: two at once, many in a row, ended by several
 * threads, by the end of the program, or smaller than they were when their workers die.
 */

#include "claims.h"
#include "ends.h"
#include "queue.h"
#include "shared.h"
#include "system.h"
#include "threads.h"
#include "toil.h"

#include "pool/local.h"
#include "pool/pool.h"

#include <stdlib.h>

enum { CALLS = 200, TERMINATORS = 4, DEATHS = 10, MASTERS_WORKERS = 3 };

/* -- Targets ------------------------------------------------------------------------------- */

/* What a test and the workers of its pool say to each other. */
typedef struct board_t {
    _Atomic uint32_t begun, is_to_go_on;
    _Atomic apr_int64_t pids[MASTERS_WORKERS];
} board_t;

static board_t *board;

static apr_status_t find_board(mproc_task_t *task)
{
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    board = shared_memory(path, sizeof *board, mproc_task_mem(task));
    return board != NULL ? APR_SUCCESS : APR_EGENERAL;
}

/* Says that it has begun, and waits until it is told to go on. */
static apr_status_t hold_on(mproc_task_t *task)
{
    (void)task;
    atomic_fetch_add(&board->begun, 1);
    while (!atomic_load(&board->is_to_go_on))
        apr_sleep(1000);
    return APR_SUCCESS;
}

static apr_status_t do_nothing(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

/* Has a pool at work, writes down who its workers are, and ends by exit(). */
static apr_status_t exit_amid_work(mproc_task_t *task)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    apr_int64_t pids[MASTERS_WORKERS];
    mproc_result_t *result;
    mproc_pool_t *workers;
    const char *path;
    size_t count, i;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    MPROC_TRY(find_board(task));
    options.initializer = find_board;
    options.initargs = MPROC_PACK(path);
    MPROC_TRY(mproc_pool_create(&workers, MASTERS_WORKERS, &options, mproc_task_mem(task)));
    for (i = 0; i < CALLS; i++)
        MPROC_TRY(mproc_pool_apply_async(&result, workers, hold_on, MPROC_NO_ARGS, NULL,
                                         mproc_task_mem(task)));
    while (atomic_load(&board->begun) < MASTERS_WORKERS)
        apr_sleep(1000);
    MPROC_TRY(mproc_pool_pids(workers, pids, MASTERS_WORKERS, &count));
    for (i = 0; i < count && i < MASTERS_WORKERS; i++)
        atomic_store(&board->pids[i], pids[i]);
    exit(7);
}

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(toil_targets), MPROC_TARGET(find_board),
                                         MPROC_TARGET(hold_on),          MPROC_TARGET(do_nothing),
                                         MPROC_TARGET(exit_amid_work),   MPROC_TARGETS_END};

/* -- What tests share -------------------------------------------------------------------------- */

/* A pool whose workers know the board. */
static mproc_pool_t *make_holders(int count, mproc_pool_options_t *options, apr_pool_t *mem)
{
    mproc_pool_t *workers;
    const char *path;

    board = share_memory(&path, sizeof *board, mem);
    options->initializer = find_board;
    options->initargs = MPROC_PACK(path);
    assert_success(mproc_pool_create(&workers, count, options, mem));
    return workers;
}

static void call(mproc_result_t **results, size_t count, mproc_pool_t *workers,
                 mproc_target_fn *target, apr_pool_t *mem)
{
    size_t i;

    for (i = 0; i < count; i++)
        assert_success(
            mproc_pool_apply_async(&results[i], workers, target, MPROC_NO_ARGS, NULL, mem));
}

static void await_begun(uint32_t count)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;

    while (atomic_load(&board->begun) < count && apr_time_now() < deadline)
        apr_sleep(1000);
    assert_int_equal(atomic_load(&board->begun), count);
}

static size_t list_workers(mproc_pool_t *workers, apr_int64_t *pids, size_t max)
{
    size_t count;

    assert_success(mproc_pool_pids(workers, pids, max, &count));
    assert_true(count <= max);
    return count;
}

/* -- Several pools --------------------------------------------------------------------------------- */

static void check_map(mproc_pool_t *workers)
{
    uint32_t items[100];
    uint64_t results[100];
    uint32_t i;

    for (i = 0; i < 100; i++)
        items[i] = i;
    assert_success(mproc_pool_map(workers, toil, items, sizeof items[0], results, sizeof results[0],
                                  100, PATIENCE));
    for (i = 0; i < 100; i++)
        assert_true(results[i] == toil_of(i));
}

static void two_pools_do_not_disturb_each_other(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *quiet;
    crew_t crew;
    killer_t killer;
    int i;

    options.retries = MPROC_RETRY_FOREVER;
    make_crew(&crew, 3, &options, *state);
    assert_success(mproc_pool_create(&quiet, 2, NULL, *state));
    start_killer(&killer, &crew, *state);
    for (i = 0; i < 20 * test_scale() || atomic_load(&killer.kills) < DEATHS; i++) {
        check_map(crew.workers);
        check_map(quiet);
    }
    assert_true(end_killer(&killer) > 0);
    assert_leaves_nobody(quiet);
    check_map(crew.workers);
    assert_leaves_nobody(crew.workers);
}

static int number_of_pools(void)
{
    return enough_starts() * test_scale() / 10;
}

static void assert_terminated(mproc_result_t *const *results, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        apr_status_t rv = mproc_result_get(results[i], 0);

        if (rv != APR_SUCCESS)
            assert_status(rv, MPROC_ETERMINATED);
    }
}

/* Some calls have come back by then, some are under way, and most wait. */
static void pools_that_are_terminated_amid_calls_leave_nothing(void **state)
{
    mproc_result_t *results[CALLS];
    apr_int64_t pids[2];
    mproc_pool_t *workers;
    apr_pool_t *mem;
    size_t count, i;
    int round;

    for (round = 0; round < number_of_pools(); round++) {
        assert_success(apr_pool_create(&mem, *state));
        assert_success(mproc_pool_create(&workers, 2, NULL, mem));
        call(results, CALLS, workers, do_nothing, mem);
        count = list_workers(workers, pids, 2);
        if (round % 2 == 0)
            assert_success(mproc_result_get(results[round % CALLS], PATIENCE));
        assert_success(mproc_pool_terminate(workers));
        assert_terminated(results, CALLS);
        apr_pool_destroy(mem);
        for (i = 0; i < count; i++)
            assert_gone(pids[i]);
    }
}

static apr_status_t terminate(void *data)
{
    return mproc_pool_terminate(data);
}

static void several_threads_may_terminate_a_pool_at_once(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers = make_holders(2, &options, *state);
    work_t terminators[TERMINATORS];
    mproc_result_t *results[CALLS];
    int i;

    call(results, CALLS, workers, hold_on, *state);
    await_begun(2);
    for (i = 0; i < TERMINATORS; i++)
        assert_success(start_thread(&terminators[i], terminate, workers, *state));
    for (i = 0; i < TERMINATORS; i++)
        assert_success(end_thread(&terminators[i]));
    for (i = 0; i < CALLS; i++)
        assert_status(mproc_result_get(results[i], 0), MPROC_ETERMINATED);
    assert_success(mproc_pool_join(workers, PATIENCE));
}

static void a_program_that_exits_amid_work_leaves_no_worker(void **state)
{
    mproc_process_t *master;
    apr_int64_t code;
    const char *path;
    int i;

    board = share_memory(&path, sizeof *board, *state);
    assert_success(mproc_process_start(&master, exit_amid_work, MPROC_PACK(path), NULL, *state));
    assert_success(mproc_process_join(master, PATIENCE));
    assert_success(mproc_process_exitcode(master, &code));
    assert_int_equal(code, code_of_exit(7));
    for (i = 0; i < MASTERS_WORKERS; i++) {
        assert_true(atomic_load(&board->pids[i]) != 0);
        assert_gone(atomic_load(&board->pids[i]));
    }
}

/* -- Fewer workers -------------------------------------------------------------------------------------- */

static void await_quitting(mproc_pool_t *workers, unsigned count)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    unsigned quitting;

    do {
        mproc__pool_lock(workers);
        quitting = workers->quitting;
        mproc__pool_unlock(workers);
    } while (quitting < count && apr_time_now() < deadline);
    assert_int_equal(quitting, count);
}

/* Orders to end are in the queue when those who were to take them die. */
static void a_pool_made_smaller_goes_on_when_its_workers_die(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers = make_holders(4, &options, *state);
    mproc_result_t *results[4];
    apr_int64_t pids[4];
    size_t count, i;

    call(results, 4, workers, hold_on, *state);
    await_begun(4);
    assert_success(mproc_pool_resize(workers, 1));
    await_quitting(workers, 3);
    count = list_workers(workers, pids, 4);
    for (i = 0; i < count; i++)
        assert_true(kill_process(pids[i]));
    check_map(workers);
    assert_leaves_nobody(workers);
}

static void await_workers_listed(mproc_pool_t *workers, apr_int64_t *pids, size_t max, size_t count)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    size_t listed;

    do
        listed = list_workers(workers, pids, max);
    while (listed != count && apr_time_now() < deadline);
    assert_int_equal(listed, count);
}

/* No others are started for them.  All are at work when they are listed. */
static void idle_workers_end_and_stay_away(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_result_t *results[4];
    mproc_pool_t *workers;
    apr_int64_t first[4], last[4];
    size_t i, found = 0;

    options.idle_timeout = apr_time_from_msec(300);
    options.min_workers = 1;
    workers = make_holders(4, &options, *state);
    call(results, 4, workers, hold_on, *state);
    await_begun(4);
    await_workers_listed(workers, first, 4, 4);
    atomic_store(&board->is_to_go_on, 1);
    await_workers_listed(workers, last, 4, 1);
    for (i = 0; i < 4; i++)
        found += first[i] == last[0];
    assert_int_equal(found, 1);
    check_map(workers);
    assert_leaves_nobody(workers);
}

/* -- The dead -------------------------------------------------------------------------------------------- */

static unsigned count_places(const mproc_queue_t *queue)
{
    const mproc__member_t *member = &queue->view.member;
    unsigned place, count = 0;

    for (place = 0; place < member->nplaces; place++)
        count += atomic_load(&member->places[place].life) != 0;
    return count;
}

/* It may be at work before it is on the list. */
static apr_int64_t await_the_worker(mproc_pool_t *workers)
{
    apr_int64_t pid = 0;

    await_workers_listed(workers, &pid, 1, 1);
    return pid;
}

static void the_dead_keep_no_places_in_the_queues(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers = make_holders(1, &options, *state);
    mproc_result_t *result;
    uint32_t i;

    for (i = 0; i < DEATHS; i++) {
        call(&result, 1, workers, hold_on, *state);
        await_begun(i + 1);
        assert_true(kill_process(await_the_worker(workers)));
        assert_status(mproc_result_get(result, PATIENCE), MPROC_EWORKERDIED);
    }
    atomic_store(&board->is_to_go_on, 1);
    call(&result, 1, workers, hold_on, *state);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_int_equal(count_places(workers->engine->orders), 2);
    assert_int_equal(count_places(workers->engine->replies), 2);
    assert_leaves_nobody(workers);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(two_pools_do_not_disturb_each_other),
        claim_leaving_nothing(pools_that_are_terminated_amid_calls_leave_nothing),
        claim_leaving_nothing(several_threads_may_terminate_a_pool_at_once),
        claim_leaving_nothing(a_program_that_exits_amid_work_leaves_no_worker),
        claim_leaving_nothing(a_pool_made_smaller_goes_on_when_its_workers_die),
        claim_leaving_nothing(idle_workers_end_and_stay_away),
        claim_leaving_nothing(the_dead_keep_no_places_in_the_queues),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
