/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pool of many workers.
 */

#include "claims.h"
#include "system.h"
#include "toil.h"

enum { WORKERS = 200, ITEMS = 10000, CALLS = 1000 };

/* Many workers take a while to begin where a start does. */
#define LONG_PATIENCE (4 * PATIENCE)

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

static void two_hundred_workers_share_a_map_and_a_thousand_calls(void **state)
{
    mproc_pool_t *workers;

    allow_many_handles();
    assert_success(mproc_pool_create(&workers, WORKERS, NULL, *state));
    check_map(workers);
    check_calls(workers, *state);
    check_map(workers);
    assert_success(mproc_pool_close(workers));
    assert_success(mproc_pool_join(workers, LONG_PATIENCE));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(two_hundred_workers_share_a_map_and_a_thousand_calls),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
