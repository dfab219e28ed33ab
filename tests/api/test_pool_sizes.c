/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Values of every size in calls by a pool: small ones travel in a message, and large ones in memory
 * of their own.
 */

#include "claims.h"
#include "pools.h"

#include <stdlib.h>
#include <string.h>

#define LARGE ((size_t)10 << 20)

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static mproc_result_t *start(mproc_pool_t *workers, const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_result_t *result;

    assert_success(mproc_pool_apply_async(&result, workers, echo, args, NULL, mem));
    return result;
}

static void assert_echoes(mproc_pool_t *workers, size_t size, apr_pool_t *mem)
{
    unsigned char *sent = malloc(size + 1);
    mproc_result_t *result;
    mproc_bytes_t bytes;

    fill_pattern(sent, size, size);
    result = start(workers, MPROC_PACK(MPROC_BYTES(sent, size)), mem);
    memset(sent, 0, size); /* they were copied */
    assert_success(mproc_result_get(result, PATIENCE));
    assert_success(MPROC_UNPACK(result, &bytes));
    assert_int_equal(bytes.size, size);
    assert_int_equal(count_pattern(bytes.data, size, size), size);
    mproc_result_close(result);
    free(sent);
}

static void values_of_every_size_travel_both_ways(void **state)
{
    static const size_t sizes[] = {0,     1,     8,     1000,  16300, 16370,  16383,  16384,
                                   16385, 16400, 20000, 65536, 65537, 100000, 1000000};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_echoes(workers, sizes[i], *state);
}

static void every_size_around_the_limit_of_a_message_travels(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t size;

    for (size = 16384 - 64; size <= 16384 + 8; size++)
        assert_echoes(workers, size, *state);
}

static void large_values_travel_again_and_again(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int i;

    for (i = 0; i < 3; i++)
        assert_echoes(workers, LARGE, *state);
}

static void many_large_values_may_be_under_way(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t size = 300000, i;
    unsigned char *sent = malloc(size + 40);
    mproc_result_t *results[40];
    mproc_bytes_t bytes;

    fill_pattern(sent, size + 40, 0);
    for (i = 0; i < 40; i++)
        results[i] = start(workers, MPROC_PACK(MPROC_BYTES(sent + i, size)), *state);
    for (i = 0; i < 40; i++) {
        assert_success(mproc_result_get(results[i], PATIENCE));
        assert_success(MPROC_UNPACK(results[i], &bytes));
        assert_int_equal(bytes.size, size);
        assert_int_equal(count_pattern(bytes.data, size, i), size);
    }
    free(sent);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(values_of_every_size_travel_both_ways),
        claim_leaving_nothing(every_size_around_the_limit_of_a_message_travels),
        claim_leaving_nothing(large_values_travel_again_and_again),
        claim_leaving_nothing(many_large_values_may_be_under_way),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
