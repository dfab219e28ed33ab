/* SPDX-License-Identifier: Apache-2.0 */

/*
 * map: arrays in, arrays out, in the same order, whatever their sizes.
 */

#include "claims.h"
#include "pools.h"
#include "threads.h"

#include <stdlib.h>
#include <string.h>

/* A large item, and a larger result. */
typedef struct large_t {
    unsigned char bytes[3001];
} large_t;

typedef struct larger_t {
    unsigned char bytes[5003];
} larger_t;

static apr_status_t enlarge(const void *item, void *result, mproc_task_t *task)
{
    const large_t *from = item;
    larger_t *to = result;

    (void)task;
    if (count_pattern(from->bytes, sizeof from->bytes, from->bytes[0]) != sizeof from->bytes)
        return mproc_error_set(APR_EGENERAL, "the item has changed on its way");
    fill_pattern(to->bytes, sizeof to->bytes, (size_t)from->bytes[0] + 1);
    return APR_SUCCESS;
}

static apr_status_t double_byte(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(unsigned char *)result = (unsigned char)(2 * *(const unsigned char *)item);
    return APR_SUCCESS;
}

/* Needs no more alignment than malloc() gives. */
static apr_status_t see_alignment(const void *item, void *result, mproc_task_t *task)
{
    (void)item;
    (void)task;
    *(long double *)result = (long double)((uintptr_t)result % _Alignof(long double));
    return APR_SUCCESS;
}

/* Writes, and fails then. */
static apr_status_t spoil(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(int *)result = -1;
    return *(const int *)item % 2 ? MPROC_ETORN : APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(enlarge),          MPROC_TARGET(double_byte),
                                         MPROC_TARGET(see_alignment),    MPROC_TARGET(spoil),
                                         MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static int *make_numbers(size_t count, apr_pool_t *mem)
{
    int *numbers = apr_palloc(mem, (count + 1) * sizeof *numbers);
    size_t i;

    for (i = 0; i < count; i++)
        numbers[i] = (int)(i % 40000);
    return numbers;
}

static void assert_squares(const int *results, const int *items, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (results[i] != items[i] * items[i])
            fail_msg("result %u is %d", (unsigned)i, results[i]);
}

static apr_status_t map_squares(mproc_pool_t *workers, const int *items, int *results, size_t count)
{
    return mproc_pool_map(workers, square, items, sizeof *items, results, sizeof *results, count,
                          PATIENCE);
}

static mproc_result_t *start_map(mproc_pool_t *workers, const int *items, int *results,
                                 size_t count, size_t chunksize, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_result_t *result;

    options.chunksize = chunksize;
    assert_success(mproc_pool_map_async(&result, workers, square, items, sizeof *items, results,
                                        sizeof *results, count, &options, mem));
    return result;
}

/* -- Numbers and sizes --------------------------------------------------------------------- */

static void results_are_in_the_order_of_their_items(void **state)
{
    static const size_t counts[] = {1, 2, 3, 7, 8, 9, 1000, 100000};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t i;

    for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int *items = make_numbers(counts[i], *state), *results = make_numbers(counts[i], *state);

        results[counts[i]] = 4711;
        assert_success(map_squares(workers, items, results, counts[i]));
        assert_squares(results, items, counts[i]);
        assert_int_equal(results[counts[i]], 4711);
    }
}

static void no_items_are_done_at_once(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result;
    int untouched = 4711;

    assert_success(mproc_pool_map(workers, square, NULL, 4, &untouched, 4, 0, PATIENCE));
    result = start_map(workers, NULL, &untouched, 0, 0, *state);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_status(mproc_result_item_status(result, 0), APR_EINVAL);
    assert_int_equal(untouched, 4711);
}

static void chunks_of_every_size_give_the_same_results(void **state)
{
    enum { COUNT = 23 };
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int *items = make_numbers(COUNT, *state), results[COUNT];
    size_t size;

    for (size = 0; size <= COUNT; size++) {
        memset(results, 0, sizeof results);
        assert_success(
            mproc_result_get(start_map(workers, items, results, COUNT, size, *state), PATIENCE));
        assert_squares(results, items, COUNT);
    }
}

static void items_of_one_byte_are_items(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    unsigned char items[1000], results[1000];
    size_t i;

    fill_pattern(items, sizeof items, 0);
    assert_success(mproc_pool_map(workers, double_byte, items, 1, results, 1, 1000, PATIENCE));
    for (i = 0; i < sizeof items; i++)
        assert_int_equal(results[i], (unsigned char)(2 * items[i]));
}

static void large_items_and_results_of_another_size_arrive_whole(void **state)
{
    enum { COUNT = 200 };
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    large_t *items = malloc(COUNT * sizeof *items);
    larger_t *results = malloc(COUNT * sizeof *results);
    size_t i;

    for (i = 0; i < COUNT; i++)
        fill_pattern(items[i].bytes, sizeof items[i].bytes, i);
    assert_success(mproc_pool_map(workers, enlarge, items, sizeof *items, results, sizeof *results,
                                  COUNT, PATIENCE));
    for (i = 0; i < COUNT; i++)
        assert_int_equal(count_pattern(results[i].bytes, sizeof results[i].bytes, i + 1),
                         sizeof results[i].bytes);
    free(items);
    free(results);
}

static void results_are_aligned_as_memory_of_malloc_is(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    long double results[33];
    char items[33] = {0};
    int i;

    assert_success(
        mproc_pool_map(workers, see_alignment, items, 1, results, sizeof *results, 33, PATIENCE));
    for (i = 0; i < 33; i++)
        assert_true(results[i] == 0);
}

static void results_may_have_no_size(void **state)
{
    static const deed_t deeds[4] = {{FAIL, 1}, {FAIL, 2}, {FAIL, 3}, {FAIL, 4}};
    mproc_result_t *result;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds, NULL,
                                        0, 4, NULL, *state));
    assert_status(mproc_result_get(result, PATIENCE), MPROC_ERANGE);
    await_news(&crew, "begun", 4);
}

static void a_pool_maps_again_and_again(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int *items = make_numbers(300, *state), *results = make_numbers(300, *state);
    size_t count;

    for (count = 1; count <= 300; count++) {
        memset(results, 0, 300 * sizeof *results);
        assert_success(map_squares(workers, items, results, count));
        assert_squares(results, items, count);
    }
}

/* -- Without waiting ------------------------------------------------------------------------- */

static void the_items_are_copied(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int *items = make_numbers(1000, *state), *results = make_numbers(1000, *state);
    mproc_result_t *result = start_map(workers, items, results, 1000, 0, *state);

    memset(items, 0, 1000 * sizeof *items);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_squares(results, make_numbers(1000, *state), 1000);
}

static void a_map_has_no_values(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int *items = make_numbers(3, *state), results[3];
    mproc_result_t *result = start_map(workers, items, results, 3, 0, *state);

    assert_success(mproc_result_get(result, PATIENCE));
    assert_null(mproc_result_values(result, 0));
    assert_success(mproc_result_item_status(result, 2));
    assert_status(mproc_result_item_status(result, 3), APR_EINVAL);
}

static mproc_result_t *start_waiting(const crew_t *crew, int *results, apr_pool_t *mem)
{
    static const deed_t deeds[2] = {{WAIT, 2}, {WAIT, 3}};
    mproc_result_t *result;

    results[0] = results[1] = -1;
    assert_success(mproc_pool_map_async(&result, crew->workers, do_deed, deeds, sizeof *deeds,
                                        results, sizeof *results, 2, NULL, mem));
    await_news(crew, "begun", 1);
    return result;
}

static void results_are_filled_when_the_result_is_there(void **state)
{
    mproc_result_t *result;
    int results[2];
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    result = start_waiting(&crew, results, *state);
    assert_status(mproc_result_item_status(result, 0), MPROC_ERUNNING);
    assert_true(results[0] == -1 && results[1] == -1);
    open_gate(&crew, 2);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_true(results[0] == 4 && results[1] == 9);
}

static void results_are_not_touched_when_the_result_was_closed(void **state)
{
    int results[2];
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    mproc_result_close(start_waiting(&crew, results, *state));
    open_gate(&crew, 2);
    assert_joins(crew.workers);
    assert_true(results[0] == -1 && results[1] == -1);
}

static void results_are_not_touched_when_the_memory_of_the_result_has_gone(void **state)
{
    apr_pool_t *mem;
    int results[2];
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    assert_success(apr_pool_create(&mem, *state));
    start_waiting(&crew, results, mem);
    apr_pool_destroy(mem);
    open_gate(&crew, 2);
    assert_joins(crew.workers);
    assert_true(results[0] == -1 && results[1] == -1);
}

typedef struct mapper_t {
    mproc_pool_t *workers;
    int items[500], results[500];
    work_t thread;
} mapper_t;

static apr_status_t map_often(void *data)
{
    mapper_t *mapper = data;
    int round, i;

    for (round = 0; round < 20; round++) {
        for (i = 0; i < 500; i++)
            mapper->items[i] = i + round;
        MPROC_TRY(map_squares(mapper->workers, mapper->items, mapper->results, 500));
        for (i = 0; i < 500; i++)
            if (mapper->results[i] != (i + round) * (i + round))
                return mproc_error_set(APR_EGENERAL, "a result of another map");
    }
    return APR_SUCCESS;
}

static void several_threads_may_map_at_once(void **state)
{
    static mapper_t mappers[4];
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int i;

    for (i = 0; i < 4; i++) {
        mappers[i].workers = workers;
        assert_success(start_thread(&mappers[i].thread, map_often, &mappers[i], *state));
    }
    for (i = 0; i < 4; i++)
        assert_success(end_thread(&mappers[i].thread));
}

/* -- Failures and time -------------------------------------------------------------------------- */

static void all_items_are_done_also_when_some_fail(void **state)
{
    deed_t deeds[40];
    int results[40], i;
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_result_t *result;

    for (i = 0; i < 40; i++) {
        deeds[i] = (deed_t){i == 17 || i == 30 ? FAIL : SQUARE, i};
        results[i] = -1;
    }
    assert_success(mproc_pool_map_async(&result, workers, do_deed, deeds, sizeof *deeds, results,
                                        sizeof *results, 40, NULL, *state));
    assert_refused(mproc_result_get(result, PATIENCE), MPROC_ERANGE,
                   "number 17 is not to be squared");
    assert_string_equal(mproc_result_error(result), "number 17 is not to be squared");
    for (i = 0; i < 40; i++) {
        int has_failed = deeds[i].way == FAIL;

        assert_status(mproc_result_item_status(result, (size_t)i), has_failed ? MPROC_ERANGE : 0);
        assert_int_equal(results[i], has_failed ? -1 : i * i);
    }
}

static void the_first_failure_in_order_is_told_whichever_comes_first(void **state)
{
    static const deed_t deeds[2] = {{GET_KILLED, 1}, {FAIL, 2}};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int i, results[2];

    for (i = 0; i < 3; i++)
        assert_refused(mproc_pool_map(workers, do_deed, deeds, sizeof *deeds, results,
                                      sizeof *results, 2, PATIENCE),
                       MPROC_EWORKERDIED, "the worker was lost");
}

static void a_failure_without_words_has_those_of_its_status(void **state)
{
    static const deed_t deeds[2] = {{SQUARE, 1}, {FAIL_SILENTLY, 2}};
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int results[2];
    char text[120];

    assert_refused(mproc_pool_map(workers, do_deed, deeds, sizeof *deeds, results, sizeof *results,
                                  2, PATIENCE),
                   MPROC_ERANGE, mproc_strerror(MPROC_ERANGE, text, sizeof text));
}

static void the_result_of_an_item_that_fails_is_as_it_was(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int *items = make_numbers(10, *state), results[10], i;

    memset(results, 7, sizeof results);
    assert_status(mproc_pool_map(workers, spoil, items, sizeof *items, results, sizeof *results, 10,
                                 PATIENCE),
                  MPROC_ETORN);
    for (i = 0; i < 10; i++)
        assert_int_equal(results[i], i % 2 ? 0x07070707 : -1);
}

static void a_map_that_times_out_is_cancelled(void **state)
{
    static const deed_t deeds[2] = {{FALL_ASLEEP, 1}, {FALL_ASLEEP, 2}};
    int results[2] = {-1, -1};
    apr_time_t began;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    began = apr_time_now();
    assert_status(mproc_pool_map(crew.workers, do_deed, deeds, sizeof *deeds, results,
                                 sizeof *results, 2, A_MOMENT),
                  APR_TIMEUP);
    assert_true(apr_time_now() - began >= A_MOMENT - 1000);
    assert_true(results[0] == -1 && results[1] == -1);
    assert_works(crew.workers);
    assert_joins(crew.workers);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(results_are_in_the_order_of_their_items),
        claim_leaving_nothing(no_items_are_done_at_once),
        claim_leaving_nothing(chunks_of_every_size_give_the_same_results),
        claim_leaving_nothing(items_of_one_byte_are_items),
        claim_leaving_nothing(large_items_and_results_of_another_size_arrive_whole),
        claim_leaving_nothing(results_are_aligned_as_memory_of_malloc_is),
        claim_leaving_nothing(results_may_have_no_size),
        claim_leaving_nothing(a_pool_maps_again_and_again),
        claim_leaving_nothing(the_items_are_copied),
        claim_leaving_nothing(a_map_has_no_values),
        claim_leaving_nothing(results_are_filled_when_the_result_is_there),
        claim_leaving_nothing(results_are_not_touched_when_the_result_was_closed),
        claim_leaving_nothing(results_are_not_touched_when_the_memory_of_the_result_has_gone),
        claim_leaving_nothing(several_threads_may_map_at_once),
        claim_leaving_nothing(all_items_are_done_also_when_some_fail),
        claim_leaving_nothing(the_first_failure_in_order_is_told_whichever_comes_first),
        claim_leaving_nothing(a_failure_without_words_has_those_of_its_status),
        claim_leaving_nothing(the_result_of_an_item_that_fails_is_as_it_was),
        claim_leaving_nothing(a_map_that_times_out_is_cancelled),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
