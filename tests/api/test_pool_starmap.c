/* SPDX-License-Identifier: Apache-2.0 */

/*
 * starmap: many calls with one result.
 */

#include "claims.h"
#include "pools.h"

#include <stdlib.h>

#define MANY 100

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

/* Packs for call_deed(), one for each way; the numbers are 0, 1, 2... */
static const mproc_pack_t **make_packs(const way_t *ways, size_t count, apr_pool_t *mem)
{
    const mproc_pack_t **packs = apr_palloc(mem, (count + 1) * sizeof *packs);
    size_t i;

    for (i = 0; i < count; i++)
        packs[i] = mproc_pack(mem, (int)(ways != NULL ? ways[i] : SQUARE), (int)i);
    return packs;
}

static void assert_square_at(mproc_result_t *result, size_t index)
{
    int number;

    assert_success(mproc_result_item_status(result, index));
    assert_success(MPROC_UNPACK(mproc_result_values(result, index), &number));
    assert_int_equal(number, (int)(index * index));
}

static void starmap_has_the_values_of_each_call(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_result_t *result;
    size_t i;

    assert_success(mproc_pool_starmap(&result, workers, call_deed, make_packs(NULL, MANY, *state),
                                      MANY, PATIENCE, *state));
    assert_true(mproc_result_ready(result) && mproc_result_successful(result));
    for (i = MANY; i-- > 0;)
        assert_square_at(result, i);
    assert_status(mproc_result_item_status(result, MANY), APR_EINVAL);
    assert_null(mproc_result_values(result, MANY));
}

static void starmap_tells_the_first_failure_in_order(void **state)
{
    static const way_t ways[] = {SQUARE, SQUARE, WAIT, FAIL, SQUARE, FAIL_SILENTLY};
    mproc_result_t *result;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    open_gate(&crew, 1);
    assert_refused(mproc_pool_starmap(&result, crew.workers, call_deed, make_packs(ways, 6, *state),
                                      6, PATIENCE, *state),
                   MPROC_ERANGE, "number 3 is not to be squared");
    assert_string_equal(mproc_result_error(result), "number 3 is not to be squared");
    assert_square_at(result, 0);
    assert_square_at(result, 2);
    assert_square_at(result, 4);
    assert_status(mproc_result_item_status(result, 3), MPROC_ERANGE);
    assert_status(mproc_result_item_status(result, 5), MPROC_ERANGE);
    assert_null(mproc_result_values(result, 3));
}

/* The second is done while the first waits. */
static void an_earlier_failure_that_comes_later_is_the_first(void **state)
{
    static const way_t ways[] = {GET_KILLED, FAIL};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_result_t *result;

    assert_refused(mproc_pool_starmap(&result, workers, call_deed, make_packs(ways, 2, *state), 2,
                                      PATIENCE, *state),
                   MPROC_EWORKERDIED, "the worker was lost");
    assert_status(mproc_result_item_status(result, 0), MPROC_EWORKERDIED);
    assert_status(mproc_result_item_status(result, 1), MPROC_ERANGE);
}

static void starmap_of_nothing_is_there_at_once(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result;

    assert_success(mproc_pool_starmap(&result, workers, call_deed, NULL, 0, PATIENCE, *state));
    assert_success(mproc_result_get(result, 0));
    assert_status(mproc_result_item_status(result, 0), APR_EINVAL);
}

static void starmap_that_times_out_leaves_the_result(void **state)
{
    static const way_t ways[] = {SQUARE, FALL_ASLEEP};
    mproc_result_t *result = NULL;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    assert_status(mproc_pool_starmap(&result, crew.workers, call_deed, make_packs(ways, 2, *state),
                                     2, A_MOMENT, *state),
                  APR_TIMEUP);
    assert_null(result);
    assert_success(apply_deed(crew.workers, SQUARE, 2));
    assert_joins(crew.workers);
}

static void starmap_async_does_not_wait(void **state)
{
    static const way_t ways[] = {WAIT, WAIT};
    mproc_result_t *result;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    assert_success(mproc_pool_starmap_async(&result, crew.workers, call_deed,
                                            make_packs(ways, 2, *state), 2, NULL, *state));
    assert_status(mproc_result_get(result, 0), APR_TIMEUP);
    assert_status(mproc_result_item_status(result, 0), MPROC_ERUNNING);
    open_gate(&crew, 2);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_square_at(result, 1);
}

static void more_calls_than_are_on_their_way_at_a_time_are_done(void **state)
{
    enum { COUNT = 2500 };
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_result_t *result;
    size_t i;

    assert_success(mproc_pool_starmap(&result, workers, call_deed, make_packs(NULL, COUNT, *state),
                                      COUNT, PATIENCE, *state));
    for (i = 0; i < COUNT; i++)
        assert_square_at(result, i);
}

static void starmaps_and_applies_may_be_at_work_at_once(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_result_t *results[3], *single;
    int i, number;

    for (i = 0; i < 3; i++)
        assert_success(mproc_pool_starmap_async(
            &results[i], workers, call_deed, make_packs(NULL, MANY, *state), MANY, NULL, *state));
    single = start_deed(workers, SQUARE, 9, NULL, *state);
    for (i = 0; i < 3; i++) {
        assert_success(mproc_result_get(results[i], PATIENCE));
        assert_square_at(results[i], MANY - 1);
    }
    assert_success(mproc_result_get(single, PATIENCE));
    assert_success(MPROC_UNPACK(single, &number));
    assert_int_equal(number, 81);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(starmap_has_the_values_of_each_call),
        claim_leaving_nothing(starmap_tells_the_first_failure_in_order),
        claim_leaving_nothing(an_earlier_failure_that_comes_later_is_the_first),
        claim_leaving_nothing(starmap_of_nothing_is_there_at_once),
        claim_leaving_nothing(starmap_that_times_out_leaves_the_result),
        claim_leaving_nothing(starmap_async_does_not_wait),
        claim_leaving_nothing(more_calls_than_are_on_their_way_at_a_time_are_done),
        claim_leaving_nothing(starmaps_and_applies_may_be_at_work_at_once),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
