/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker that is stopped is not dead: it delays what it has, and others go on; a timeout ends it.
 * And workers that have nothing to do cost next to nothing.
 */

#include "claims.h"
#include "ends.h"
#include "port.h"
#include "shared.h"
#include "system.h"
#include "toil.h"

#include <apr_time.h>

#include <time.h>
#include <unistd.h>

enum { WORKERS = 3, CALLS = 100, STOPS = 20, MANY = 200 };

/* How long a pool is watched that has nothing to do, and how much of that it may take of a CPU. */
#define NIGHT apr_time_from_sec(3)
#if defined __SANITIZE_THREAD__ /* it has a thread of its own in each, which wakes up */
#define SHARE_MAX 0.1
#elif defined __SANITIZE_ADDRESS__
#define SHARE_MAX 0.03
#else
#define SHARE_MAX 0.01
#endif

/* -- Targets -------------------------------------------------------------------------------- */

/* Who is holding on. */
typedef struct board_t {
    _Atomic apr_int64_t holder;
    _Atomic int is_to_go_on;
} board_t;

static board_t *board;

/* Says who it is, and waits until it is told to go on. */
static apr_status_t hold_on(mproc_task_t *task)
{
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    board = shared_memory(path, sizeof *board, mproc_task_mem(task));
    if (board == NULL)
        return APR_EGENERAL;
    atomic_store(&board->holder, port_pid());
    while (!atomic_load(&board->is_to_go_on))
        apr_sleep(1000);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(toil_targets), MPROC_TARGET(hold_on),
                                         MPROC_TARGETS_END};

/* -- What tests share -------------------------------------------------------------------------- */

/* A worker that is stopped in the middle of a call, and the call's result. */
static apr_int64_t stop_a_holder(mproc_result_t **result, mproc_pool_t *workers, apr_pool_t *mem)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    const char *path;

    board = share_memory(&path, sizeof *board, mem);
    assert_success(mproc_pool_apply_async(result, workers, hold_on, MPROC_PACK(path), NULL, mem));
    while (atomic_load(&board->holder) == 0 && apr_time_now() < deadline)
        apr_sleep(1000);
    assert_true(stop_process(atomic_load(&board->holder)));
    return atomic_load(&board->holder);
}

static void check_calls(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_result_t *results[CALLS];
    apr_uint64_t value;
    uint32_t i;

    for (i = 0; i < CALLS; i++)
        assert_success(mproc_pool_apply_async(&results[i], workers, toil_once,
                                              MPROC_PACK((apr_uint64_t)i), NULL, mem));
    for (i = 0; i < CALLS; i++) {
        assert_success(mproc_result_get(results[i], PATIENCE));
        assert_success(MPROC_UNPACK(results[i], &value));
        assert_true(value == toil_of(i));
    }
}

/* -- Claims -------------------------------------------------------------------------------------- */

static void a_stopped_worker_delays_what_it_has_and_no_more(void **state)
{
    mproc_result_t *result;
    mproc_pool_t *workers;
    apr_int64_t pid;

    assert_success(mproc_pool_create(&workers, WORKERS, NULL, *state));
    pid = stop_a_holder(&result, workers, *state);
    atomic_store(&board->is_to_go_on, 1);
    check_calls(workers, *state);
    assert_status(mproc_result_get(result, A_MOMENT), APR_TIMEUP);
    assert_true(continue_process(pid));
    assert_success(mproc_result_get(result, PATIENCE));
    assert_leaves_nobody(workers);
}

static void the_timeout_ends_a_stopped_worker(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_result_t *result;
    mproc_pool_t *workers;
    apr_int64_t pid;

    options.timeout = apr_time_from_sec(2);
    assert_success(mproc_pool_create(&workers, 1, &options, *state));
    pid = stop_a_holder(&result, workers, *state);
    assert_status(mproc_result_get(result, PATIENCE), MPROC_EOVERTIME);
    assert_gone(pid);
    check_calls(workers, *state);
    assert_leaves_nobody(workers);
}

static void a_pool_with_a_stopped_worker_can_be_terminated(void **state)
{
    mproc_result_t *result;
    mproc_pool_t *workers;
    apr_int64_t pid;

    assert_success(mproc_pool_create(&workers, WORKERS, NULL, *state));
    pid = stop_a_holder(&result, workers, *state);
    assert_success(mproc_pool_terminate(workers));
    assert_status(mproc_result_get(result, 0), MPROC_ETERMINATED);
    assert_gone(pid);
}

/* Who puts a reply is stopped while it has the putters' lock: nobody can wake the supervisor by it. */
static void a_pool_whose_workers_stop_anywhere_can_be_terminated(void **state)
{
    mproc_result_t *result;
    mproc_pool_t *workers;
    apr_int64_t pids[WORKERS];
    apr_pool_t *mem;
    size_t count, i;
    int round;

    for (round = 0; round < STOPS * test_scale(); round++) {
        assert_success(apr_pool_create(&mem, *state));
        assert_success(mproc_pool_create(&workers, WORKERS, NULL, mem));
        for (i = 0; i < CALLS; i++)
            assert_success(mproc_pool_apply_async(&result, workers, toil_once,
                                                  MPROC_PACK((apr_uint64_t)i), NULL, mem));
        assert_success(mproc_pool_pids(workers, pids, WORKERS, &count));
        for (i = 0; i < count && i < WORKERS; i++)
            assert_true(stop_process(pids[i]));
        assert_success(mproc_pool_terminate(workers));
        apr_pool_destroy(mem);
    }
}

/* -- Workers that have nothing to do ------------------------------------------------------------- */

/* An option of POSIX (clock_getcpuclockid(3)); else 0. */
#if defined _POSIX_CPUTIME && _POSIX_CPUTIME >= 0
static apr_interval_time_t cpu_time_of(apr_int64_t pid)
{
    struct timespec time;
    clockid_t clock;

    if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return apr_time_from_sec(time.tv_sec) + time.tv_nsec / 1000;
}
#else
static apr_interval_time_t cpu_time_of(apr_int64_t pid)
{
    (void)pid;
    return 0;
}
#endif

/* Of all workers, and of the supervisor, which is in this process. */
static apr_interval_time_t cpu_time(mproc_pool_t *workers)
{
    apr_interval_time_t time = cpu_time_of(port_pid());
    apr_int64_t pids[MANY];
    size_t count, i;

    assert_success(mproc_pool_pids(workers, pids, MANY, &count));
    assert_int_equal(count, MANY);
    for (i = 0; i < MANY; i++)
        time += cpu_time_of(pids[i]);
    return time;
}

/* A worker that has just begun, or been at work, may still be settling down: the best night counts. */
static double share_while_idle(mproc_pool_t *workers)
{
    double best = 1;
    int nights;

    for (nights = 0; nights < 5 && best > SHARE_MAX; nights++) {
        apr_interval_time_t before = cpu_time(workers);
        double share;

        apr_sleep(NIGHT);
        share = (double)(cpu_time(workers) - before) / (double)NIGHT;
        best = share < best ? share : best;
    }
    return best;
}

static void two_hundred_idle_workers_cost_nothing(void **state)
{
    mproc_pool_t *workers;
    double share;

    allow_many_handles();
    assert_success(mproc_pool_create(&workers, MANY, NULL, *state));
    check_calls(workers, *state);
    share = share_while_idle(workers);
    print_message("  %d idle workers take %.2f %% of a CPU\n", MANY, 100 * share);
    assert_true(share <= SHARE_MAX);
    check_calls(workers, *state);
    assert_leaves_nobody(workers);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_stopped_worker_delays_what_it_has_and_no_more),
        claim_leaving_nothing(the_timeout_ends_a_stopped_worker),
        claim_leaving_nothing(a_pool_with_a_stopped_worker_can_be_terminated),
        claim_leaving_nothing(a_pool_whose_workers_stop_anywhere_can_be_terminated),
        claim_leaving_nothing(two_hundred_idle_workers_cost_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
