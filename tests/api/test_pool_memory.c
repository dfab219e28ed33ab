/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that a pool and its workers share: arrays of map are used where they lie.
 */

#include "claims.h"
#include "pools.h"

#include <string.h>

/* Shows whether the item and the result are the array's own: leaves a trace and fails. */
static apr_status_t leave_a_trace(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(int *)result = *(const int *)item + 1;
    return MPROC_ETORN;
}

static const mproc_target_t targets[] = {MPROC_TARGET(leave_a_trace),
                                         MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static void *allocate(mproc_pool_t *workers, size_t size)
{
    void *memory;

    assert_success(mproc_pool_alloc(&memory, workers, size));
    return memory;
}

static void fill(int *numbers, int count)
{
    int i;

    for (i = 0; i < count; i++)
        numbers[i] = i;
}

static void assert_squares(const int *results, int count)
{
    int i;

    for (i = 0; i < count; i++)
        assert_int_equal(results[i], i * i);
}

static apr_status_t map(mproc_pool_t *workers, const int *items, int *results, size_t count)
{
    return mproc_pool_map(workers, square, items, sizeof *items, results, sizeof *results, count,
                          PATIENCE);
}

static void memory_is_0_and_begins_with_a_page(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    static const size_t sizes[] = {1, 4096, 4097, 1000000};
    size_t i, place;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *memory = allocate(workers, sizes[i]);

        assert_int_equal((uintptr_t)memory % 4096, 0);
        for (place = 0; place < sizes[i]; place++)
            assert_int_equal(memory[place], 0);
        memset(memory, 7, sizes[i]);
    }
}

static void both_arrays_may_lie_in_it(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int *items = allocate(workers, 1000 * sizeof *items);
    int *results = allocate(workers, 1000 * sizeof *results);

    fill(items, 1000);
    assert_success(map(workers, items, results, 1000));
    assert_squares(results, 1000);
}

static void one_of_the_arrays_may_lie_in_it(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int *shared = allocate(workers, 1000 * sizeof *shared), *own = apr_palloc(*state, 4000);

    fill(shared, 1000);
    assert_success(map(workers, shared, own, 1000));
    assert_squares(own, 1000);
    fill(own, 1000);
    assert_success(map(workers, own, shared, 1000));
    assert_squares(shared, 1000);
}

static void the_results_may_take_the_place_of_their_items(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int *numbers = allocate(workers, 1000 * sizeof *numbers);

    fill(numbers, 1000);
    assert_success(map(workers, numbers, numbers, 1000));
    assert_squares(numbers, 1000);
}

static void arrays_may_lie_anywhere_in_it(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int *memory = allocate(workers, 3000 * sizeof *memory), i;

    fill(memory + 17, 1000);
    assert_success(map(workers, memory + 17, memory + 1500, 1000));
    assert_squares(memory + 1500, 1000);
    assert_int_equal(memory[1499], 0);
    assert_int_equal(memory[2500], 0);
    for (i = 0; i < 1000; i++)
        assert_int_equal(memory[17 + i], i);
}

static void results_that_fail_in_place_are_filled_in_part(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int *numbers = allocate(workers, 10 * sizeof *numbers), own[10] = {0};

    fill(numbers, 10);
    assert_status(mproc_pool_map(workers, leave_a_trace, numbers, sizeof *numbers, own, sizeof *own,
                                 10, PATIENCE),
                  MPROC_ETORN);
    assert_int_equal(own[3], 0);
    assert_status(mproc_pool_map(workers, leave_a_trace, numbers, sizeof *numbers, numbers,
                                 sizeof *numbers, 10, PATIENCE),
                  MPROC_ETORN);
    assert_int_equal(numbers[3], 4);
}

static void workers_that_start_later_have_it_too(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int *numbers = allocate(workers, 1000 * sizeof *numbers);

    assert_status(apply_deed(workers, GET_KILLED, 1), MPROC_EWORKERDIED);
    fill(numbers, 1000);
    assert_success(map(workers, numbers, numbers, 1000));
    assert_squares(numbers, 1000);
}

static void memory_can_be_given_back(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int i;

    for (i = 0; i < 30; i++) {
        int *numbers = allocate(workers, 1000000);

        fill(numbers, 1000);
        assert_success(map(workers, numbers, numbers, 1000));
        assert_squares(numbers, 1000);
        assert_success(mproc_pool_free(workers, numbers));
    }
}

static void what_was_given_back_is_not_memory_of_the_pool(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    char *memory = allocate(workers, 8192);
    int own;

    assert_refused(mproc_pool_free(workers, &own), APR_EINVAL, "not memory of mproc_pool_alloc");
    assert_refused(mproc_pool_free(workers, NULL), APR_EINVAL, "not memory of mproc_pool_alloc");
    assert_refused(mproc_pool_free(workers, memory + 4096), APR_EINVAL, "not memory");
    assert_success(mproc_pool_free(workers, memory));
    assert_refused(mproc_pool_free(workers, memory), APR_EINVAL, "not memory");
}

static void memory_that_a_map_works_on_is_not_given_back(void **state)
{
    mproc_result_t *result;
    deed_t *deeds;
    int square_of_5 = 0;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    deeds = allocate(crew.workers, sizeof *deeds);
    *deeds = (deed_t){WAIT, 5};
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds,
                                        &square_of_5, sizeof square_of_5, 1, NULL, *state));
    assert_refused(mproc_pool_free(crew.workers, deeds), MPROC_EINUSE, "a map is at work");
    open_gate(&crew, 1);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_int_equal(square_of_5, 25);
    assert_success(mproc_pool_free(crew.workers, deeds));
}

/* Its workers are dead: nobody has it any more. */
static void memory_of_a_map_that_was_terminated_is_given_back(void **state)
{
    mproc_result_t *result;
    deed_t *deeds;
    crew_t crew;
    int i;

    make_crew(&crew, 8, NULL, *state);
    deeds = allocate(crew.workers, 8 * sizeof *deeds);
    for (i = 0; i < 8; i++)
        deeds[i] = (deed_t){FALL_ASLEEP, i};
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds,
                                        deeds, sizeof(int), 8, NULL, *state));
    await_news(&crew, "begun", 8);
    assert_success(mproc_pool_terminate(crew.workers));
    assert_success(mproc_pool_free(crew.workers, deeds));
}

static void memory_outlives_the_work_of_the_pool(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int *numbers = allocate(workers, 4000);

    fill(numbers, 1000);
    assert_success(map(workers, numbers, numbers, 1000));
    assert_joins(workers);
    assert_squares(numbers, 1000);
    assert_success(mproc_pool_free(workers, numbers));
}

static void memory_that_cannot_be_had_is_refused(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    void *memory = &memory;

    assert_refused(mproc_pool_alloc(&memory, workers, 0), APR_EINVAL, "its size 0");
    assert_refused(mproc_pool_alloc(NULL, workers, 1), APR_EINVAL, "NULL");
    assert_status(mproc_pool_alloc(&memory, workers, SIZE_MAX / 2), APR_ENOMEM);
    assert_status(mproc_pool_alloc(&memory, workers, SIZE_MAX), APR_ENOMEM);
    assert_ptr_equal(memory, &memory);
    assert_success(mproc_pool_close(workers));
    assert_refused(mproc_pool_alloc(&memory, workers, 1), MPROC_ECLOSED, "was closed");
    assert_works(make_workers(1, NULL, *state));
}

static void items_larger_than_memory_are_refused(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int item = 3, result = -1;

    assert_status(mproc_pool_map(workers, square, &item, 4, &result, (size_t)1 << 60, 1, PATIENCE),
                  APR_ENOMEM);
    assert_works(workers);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(memory_is_0_and_begins_with_a_page),
        claim_leaving_nothing(both_arrays_may_lie_in_it),
        claim_leaving_nothing(one_of_the_arrays_may_lie_in_it),
        claim_leaving_nothing(the_results_may_take_the_place_of_their_items),
        claim_leaving_nothing(arrays_may_lie_anywhere_in_it),
        claim_leaving_nothing(results_that_fail_in_place_are_filled_in_part),
        claim_leaving_nothing(workers_that_start_later_have_it_too),
        claim_leaving_nothing(memory_can_be_given_back),
        claim_leaving_nothing(what_was_given_back_is_not_memory_of_the_pool),
        claim_leaving_nothing(memory_that_a_map_works_on_is_not_given_back),
        claim_leaving_nothing(memory_of_a_map_that_was_terminated_is_given_back),
        claim_leaving_nothing(memory_outlives_the_work_of_the_pool),
        claim_leaving_nothing(memory_that_cannot_be_had_is_refused),
        claim_leaving_nothing(items_larger_than_memory_are_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
