/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pool of many workers works, and costs next to nothing while it has nothing to do.
 */

#include "claims.h"
#include "ends.h"
#include "port.h"
#include "system.h"
#include "toil.h"

#include <apr_time.h>

enum { WORKERS = 200, ITEMS = 10000, CALLS = 1000 };

/* Many workers take a while to begin where a start does. */
#define LONG_PATIENCE (4 * PATIENCE)

/* How long the pool is watched that has nothing to do, and how much of that it may take of a CPU. */
#define NIGHT apr_time_from_sec(3)
#define SHARE_MAX 0.01

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(toil_targets), MPROC_TARGETS_END};

static void check_map(mproc_pool_t *workers)
{
    static uint32_t items[ITEMS];
    static uint64_t results[ITEMS];
    uint32_t i;

    for (i = 0; i < ITEMS; i++)
        items[i] = i;
    assert_success(mproc_pool_map(workers, toil, items, sizeof items[0], results, sizeof results[0],
                                  ITEMS, LONG_PATIENCE));
    for (i = 0; i < ITEMS; i++)
        assert_true(results[i] == toil_of(i));
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
        assert_success(mproc_result_get(results[i], LONG_PATIENCE));
        assert_success(MPROC_UNPACK(results[i], &value));
        assert_true(value == toil_of(i));
    }
}

/* Of all workers, and of the supervisor, which is in this process. */
static apr_interval_time_t cpu_time(mproc_pool_t *workers)
{
    apr_interval_time_t time = cpu_time_of(port_pid());
    apr_int64_t pids[WORKERS];
    size_t count, i;

    assert_success(mproc_pool_pids(workers, pids, WORKERS, &count));
    assert_int_equal(count, WORKERS);
    for (i = 0; i < WORKERS; i++)
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

static void two_hundred_workers_work_and_then_cost_nothing(void **state)
{
    mproc_pool_t *workers;
    double share;

    allow_many_handles();
    assert_success(mproc_pool_create(&workers, WORKERS, NULL, *state));
    check_map(workers);
    check_calls(workers, *state);
    share = share_while_idle(workers);
    print_message("  %d idle workers take %.2f %% of a CPU\n", WORKERS, 100 * share);
    assert_true(share <= SHARE_MAX);
    check_map(workers);
    assert_success(mproc_pool_close(workers));
    assert_success(mproc_pool_join(workers, LONG_PATIENCE));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(two_hundred_workers_work_and_then_cost_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
