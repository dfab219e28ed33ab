/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Item functions that write more than their result has room for: that is their failure, and the
 * results of the others stay right.
 */

#include "claims.h"
#include "pools.h"

#include <string.h>

#define COUNT 100

/* Every seventh item is thought to have two results. */
static int is_wrong(int number)
{
    return number % 7 == 3;
}

static apr_status_t square_twice(const void *item, void *result, mproc_task_t *task)
{
    int number = *(const int *)item, results[2];

    (void)task;
    results[0] = number * number;
    results[1] = -1;
    memcpy(result, results, is_wrong(number) ? sizeof results : sizeof results[0]);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(square_twice), MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_END};

static void make_numbers(int numbers[COUNT])
{
    int i;

    for (i = 0; i < COUNT; i++)
        numbers[i] = i;
}

static void assert_accounted(int number, apr_status_t status, int result)
{
    assert_int_equal(status, is_wrong(number) ? MPROC_ETOOLARGE : APR_SUCCESS);
    if (!is_wrong(number))
        assert_int_equal(result, number * number);
}

static void map_in_chunks(mproc_pool_t *workers, size_t chunksize, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    int numbers[COUNT], results[COUNT], i;
    mproc_result_t *result;

    make_numbers(numbers);
    options.chunksize = chunksize;
    assert_success(mproc_pool_map_async(&result, workers, square_twice, numbers, sizeof *numbers,
                                        results, sizeof *results, COUNT, &options, mem));
    assert_refused(mproc_result_get(result, PATIENCE), MPROC_ETOOLARGE,
                   "square_twice wrote more than its result of 4 bytes");
    for (i = 0; i < COUNT; i++)
        assert_accounted(i, mproc_result_item_status(result, (size_t)i), results[i]);
}

static void a_result_that_is_too_large_is_its_items_failure(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t chunksize;

    for (chunksize = 0; chunksize <= 8; chunksize++)
        map_in_chunks(workers, chunksize, *state);
    map_in_chunks(workers, COUNT, *state);
    assert_joins(workers);
}

static void so_it_is_of_an_iterator(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    int numbers[COUNT], result = -1, i;
    mproc_imap_t *it;
    size_t index;

    make_numbers(numbers);
    options.chunksize = 5;
    assert_success(mproc_pool_imap(&it, workers, square_twice, numbers, sizeof *numbers,
                                   sizeof result, COUNT, &options, *state));
    for (i = 0; i < COUNT; i++) {
        apr_status_t rv = mproc_imap_next(it, &index, &result, PATIENCE);

        assert_int_equal(index, i);
        assert_accounted(i, rv, result);
    }
    assert_joins(workers);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_result_that_is_too_large_is_its_items_failure),
        claim_leaving_nothing(so_it_is_of_an_iterator),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
