/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared arrays and pools: a map uses an array where it lies.
 */

#include "claims.h"
#include "pools.h"
#include "system.h"

#include <string.h>

/* Shows whether the result is the array's own: what fails in a copy does not come back. */
static apr_status_t leave_a_trace(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(int *)result = *(const int *)item + 1;
    return MPROC_ETORN;
}

/* Shows whether the item is the array's own: there it has a neighbour that is no item. */
static apr_status_t add_neighbour(const void *item, void *result, mproc_task_t *task)
{
    const int *numbers = item;

    (void)task;
    *(int *)result = numbers[0] + numbers[1];
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(leave_a_trace), MPROC_TARGET(add_neighbour),
                                         MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static int *make_numbers(mproc_array_t **array, int count, apr_pool_t *mem)
{
    int *numbers, i;

    assert_success(mproc_array_create(array, (size_t)count, sizeof *numbers, mem));
    numbers = mproc_array_data(*array);
    for (i = 0; i < count; i++)
        numbers[i] = i;
    return numbers;
}

static void assert_squares(const int *results, int count)
{
    int i;

    for (i = 0; i < count; i++)
        assert_int_equal(results[i], i * i);
}

static apr_status_t map(mproc_pool_t *workers, mproc_item_fn *target, const int *items,
                        int *results, size_t count)
{
    return mproc_pool_map(workers, target, items, sizeof *items, results, sizeof *results, count,
                          PATIENCE);
}

static apr_status_t map_squares(mproc_pool_t *workers, const int *items, int *results)
{
    return map(workers, square, items, results, 1000);
}

/* -- Where it lies ------------------------------------------------------------------------- */

static void results_are_written_where_they_lie(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_array_t *array;
    int *numbers = make_numbers(&array, 1000, *state), own[1000] = {0};

    assert_status(map(workers, leave_a_trace, numbers, own, 1000), MPROC_ETORN);
    assert_int_equal(own[0], 0);
    assert_status(map(workers, leave_a_trace, numbers, numbers, 1000), MPROC_ETORN);
    assert_int_equal(numbers[0], 1); /* the last of a chunk is made apart */
}

static void items_are_read_where_they_lie(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_array_t *array;
    int *numbers = make_numbers(&array, 1000, *state), sum = 0;

    assert_success(map(workers, add_neighbour, numbers + 700, &sum, 1));
    assert_int_equal(sum, 1401);
    numbers[701] = 0;
    assert_success(map(workers, add_neighbour, numbers + 700, &sum, 1));
    assert_int_equal(sum, 700);
}

static void one_or_both_may_lie_in_an_array(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_array_t *one, *other;
    int *items = make_numbers(&one, 1000, *state), *results = make_numbers(&other, 1000, *state);
    int own[1000];

    assert_success(map_squares(workers, items, own));
    assert_squares(own, 1000);
    assert_success(map_squares(workers, items, results));
    assert_squares(results, 1000);
    memcpy(own, items, sizeof own);
    assert_success(map_squares(workers, own, items));
    assert_squares(items, 1000);
}

static void an_array_and_memory_of_the_pool_go_together(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_array_t *array;
    int *items = make_numbers(&array, 1000, *state);
    void *results;

    assert_success(mproc_pool_alloc(&results, workers, 1000 * sizeof *items));
    assert_success(map_squares(workers, items, results));
    assert_squares(results, 1000);
}

static void two_pools_use_one_array(void **state)
{
    mproc_pool_t *one = make_workers(1, NULL, *state), *other = make_workers(1, NULL, *state);
    mproc_array_t *array;
    int *numbers = make_numbers(&array, 1000, *state);

    assert_status(map(one, leave_a_trace, numbers, numbers, 1000), MPROC_ETORN);
    assert_status(map(other, leave_a_trace, numbers, numbers, 1000), MPROC_ETORN);
    assert_int_equal(numbers[500], 502);
}

static void workers_that_start_later_use_it_too(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_array_t *array;
    int *numbers = make_numbers(&array, 1000, *state);

    assert_status(map(workers, leave_a_trace, numbers, numbers, 1000), MPROC_ETORN);
    assert_status(apply_deed(workers, GET_KILLED, 1), MPROC_EWORKERDIED);
    assert_status(map(workers, leave_a_trace, numbers, numbers, 1000), MPROC_ETORN);
    assert_int_equal(numbers[500], 502);
}

/* -- Ends ---------------------------------------------------------------------------------- */

/* The next one may lie where the last one did, and is another. */
static void an_array_takes_the_place_of_a_closed_one(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_array_t *array;
    int i;

    for (i = 0; i < 30; i++) {
        int *numbers = make_numbers(&array, 1000, *state);

        assert_success(map_squares(workers, numbers, numbers));
        assert_squares(numbers, 1000);
        assert_success(mproc_array_close(array));
    }
}

/* What is not its own memory any more is copied. */
static void what_lies_in_no_array_is_copied(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_array_t *array;
    int *numbers = make_numbers(&array, 1000, *state), own = 7;

    assert_status(map(workers, leave_a_trace, numbers, numbers, 1000), MPROC_ETORN);
    assert_success(mproc_array_close(array));
    assert_status(map(workers, leave_a_trace, &own, &own, 1), MPROC_ETORN);
    assert_int_equal(own, 7);
}

/* What the pool has of each is several handles; the last one's may still be there. */
static void the_pool_lets_closed_arrays_go(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int results[1000], before, i;
    mproc_array_t *array;

    before = count_open_handles();
    for (i = 0; i < 40; i++) {
        assert_success(map_squares(workers, make_numbers(&array, 1000, *state), results));
        assert_success(mproc_array_close(array));
    }
    assert_in_range(count_open_handles(), before, before + 39);
}

static void an_array_outlives_the_pool(void **state)
{
    mproc_pool_t *workers;
    mproc_array_t *array;
    int *numbers = make_numbers(&array, 1000, *state);
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    workers = make_workers(1, NULL, mem);
    assert_success(map_squares(workers, numbers, numbers));
    assert_joins(workers);
    apr_pool_destroy(mem);
    assert_squares(numbers, 1000);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(results_are_written_where_they_lie),
        claim_leaving_nothing(items_are_read_where_they_lie),
        claim_leaving_nothing(one_or_both_may_lie_in_an_array),
        claim_leaving_nothing(an_array_and_memory_of_the_pool_go_together),
        claim_leaving_nothing(two_pools_use_one_array),
        claim_leaving_nothing(workers_that_start_later_use_it_too),
        claim_leaving_nothing(an_array_takes_the_place_of_a_closed_one),
        claim_leaving_nothing(what_lies_in_no_array_is_copied),
        claim_leaving_nothing(the_pool_lets_closed_arrays_go),
        claim_leaving_nothing(an_array_outlives_the_pool),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
