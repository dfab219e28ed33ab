/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cancelling: what waits, what is at work, and what is there already.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"
#include "threads.h"

#include <stdlib.h>

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static void what_waits_is_cancelled_without_being_begun(void **state)
{
    mproc_result_t *first, *second, *third;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    first = start_deed(crew.workers, WAIT, 1, NULL, *state);
    await_news(&crew, "begun", 1);
    second = start_deed(crew.workers, WAIT, 2, NULL, *state);
    third = start_deed(crew.workers, SQUARE, 3, NULL, *state);
    assert_success(mproc_result_cancel(second));
    assert_true(mproc_result_ready(second));
    assert_refused(mproc_result_get(second, 0), MPROC_ECANCELLED, "cancelled");
    assert_status(mproc_result_item_status(second, 0), MPROC_ECANCELLED);
    open_gate(&crew, 1);
    assert_success(mproc_result_get(first, PATIENCE));
    assert_success(mproc_result_get(third, PATIENCE));
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void what_is_at_work_is_ended_and_its_worker_replaced(void **state)
{
    apr_int64_t before, after;
    mproc_result_t *result;
    size_t count;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    assert_success(mproc_pool_pids(crew.workers, &before, 1, &count));
    result = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    await_news(&crew, "begun", 1);
    assert_success(mproc_result_cancel(result));
    assert_status(mproc_result_get(result, 0), MPROC_ECANCELLED);
    assert_success(apply_deed(crew.workers, SQUARE, 1));
    assert_success(mproc_pool_pids(crew.workers, &after, 1, &count));
    assert_true(count == 1 && after != before);
}

/* Its process may be at work before the pool knows that it was started. */
static void what_a_new_worker_is_at_is_ended_too(void **state)
{
    mproc_result_t *result;
    crew_t crew;
    int i;

    make_crew(&crew, 1, NULL, *state);
    for (i = 0; i < 30 * test_scale(); i++) {
        result = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
        await_news(&crew, "begun", 1);
        assert_success(mproc_result_cancel(result));
    }
    assert_joins(crew.workers);
}

static void what_is_cancelled_is_not_tried_again(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_result_t *result;
    crew_t crew;

    options.retries = MPROC_RETRY_FOREVER;
    make_crew(&crew, 1, &options, *state);
    result = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    await_news(&crew, "begun", 1);
    assert_success(mproc_result_cancel(result));
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void what_is_there_stays_as_it_is(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *good = start_deed(workers, SQUARE, 4, NULL, *state);
    mproc_result_t *bad = start_deed(workers, FAIL, 4, NULL, *state);
    int number;

    assert_success(mproc_result_get(good, PATIENCE));
    assert_success(mproc_result_wait(bad, PATIENCE));
    assert_refused(mproc_result_cancel(good), MPROC_EENDED, "was there already");
    assert_status(mproc_result_cancel(bad), MPROC_EENDED);
    assert_success(MPROC_UNPACK(good, &number));
    assert_int_equal(number, 16);
    assert_status(mproc_result_get(bad, 0), MPROC_ERANGE);
}

static void what_was_cancelled_cannot_be_cancelled_again(void **state)
{
    mproc_result_t *result;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    result = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    assert_success(mproc_result_cancel(result));
    assert_status(mproc_result_cancel(result), MPROC_EENDED);
    assert_status(mproc_result_get(result, 0), MPROC_ECANCELLED);
}

static void others_go_on(void **state)
{
    mproc_result_t *result, *other;
    int number;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    other = start_deed(crew.workers, WAIT, 6, NULL, *state);
    result = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    await_news(&crew, "begun", 2);
    assert_success(mproc_result_cancel(result));
    open_gate(&crew, 1);
    assert_success(mproc_result_get(other, PATIENCE));
    assert_success(MPROC_UNPACK(other, &number));
    assert_int_equal(number, 36);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void a_map_is_cancelled_half_way(void **state)
{
    enum { COUNT = 50 };
    deed_t deeds[COUNT];
    int results[COUNT], i;
    mproc_result_t *result;
    crew_t crew;

    for (i = 0; i < COUNT; i++)
        deeds[i] = (deed_t){i % 10 == 5 ? FALL_ASLEEP : SQUARE, i};
    make_crew(&crew, 2, NULL, *state);
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds,
                                        results, sizeof *results, COUNT, NULL, *state));
    await_news(&crew, "begun", 2);
    assert_success(mproc_result_cancel(result));
    assert_refused(mproc_result_get(result, 0), MPROC_ECANCELLED, "cancelled");
    assert_status(mproc_result_item_status(result, COUNT - 1), MPROC_ECANCELLED);
    assert_works(crew.workers);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void a_map_in_place_is_cancelled_and_its_memory_free(void **state)
{
    mproc_result_t *result;
    deed_t *deeds;
    void *memory;
    crew_t crew;
    int results[2];

    make_crew(&crew, 2, NULL, *state);
    assert_success(mproc_pool_alloc(&memory, crew.workers, 2 * sizeof *deeds));
    deeds = memory;
    deeds[0] = deeds[1] = (deed_t){FALL_ASLEEP, 1};
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds,
                                        results, sizeof *results, 2, NULL, *state));
    await_news(&crew, "begun", 2);
    assert_success(mproc_result_cancel(result));
    assert_works(crew.workers);
    assert_joins(crew.workers);
    assert_success(mproc_pool_free(crew.workers, memory));
}

static void a_starmap_is_cancelled_as_far_as_it_is_not_done(void **state)
{
    const mproc_pack_t *packs[3];
    mproc_result_t *result;
    crew_t crew;
    int i;

    make_crew(&crew, 1, NULL, *state);
    for (i = 0; i < 3; i++)
        packs[i] = mproc_pack(*state, (int)FALL_ASLEEP, i);
    assert_success(
        mproc_pool_starmap_async(&result, crew.workers, call_deed, packs, 3, NULL, *state));
    await_news(&crew, "begun", 1);
    assert_success(mproc_result_cancel(result));
    assert_status(mproc_result_item_status(result, 0), MPROC_ECANCELLED);
    assert_status(mproc_result_item_status(result, 2), MPROC_ECANCELLED);
    assert_null(mproc_result_values(result, 0));
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void thousands_that_wait_are_cancelled(void **state)
{
    enum { MANY = 2500 };
    mproc_result_t **results = malloc(MANY * sizeof *results), *last;
    crew_t crew;
    int i;

    make_crew(&crew, 1, NULL, *state);
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    for (i = 0; i < MANY; i++)
        results[i] = start_deed(crew.workers, WAIT, i, NULL, *state);
    last = start_deed(crew.workers, SQUARE, 2, NULL, *state);
    await_news(&crew, "begun", 1);
    for (i = 0; i < MANY; i++)
        assert_success(mproc_result_cancel(results[i]));
    open_gate(&crew, 1);
    assert_success(mproc_result_get(last, PATIENCE));
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
    free(results);
}

static apr_status_t wait_for_it(void *result)
{
    return mproc_result_get(result, PATIENCE);
}

static void who_waits_is_woken(void **state)
{
    mproc_result_t *result;
    work_t waiter;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    result = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    assert_success(start_thread(&waiter, wait_for_it, result, *state));
    await_news(&crew, "begun", 1);
    assert_success(mproc_result_cancel(result));
    assert_status(end_thread(&waiter), MPROC_ECANCELLED);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(what_waits_is_cancelled_without_being_begun),
        claim_leaving_nothing(what_is_at_work_is_ended_and_its_worker_replaced),
        claim_leaving_nothing(what_a_new_worker_is_at_is_ended_too),
        claim_leaving_nothing(what_is_cancelled_is_not_tried_again),
        claim_leaving_nothing(what_is_there_stays_as_it_is),
        claim_leaving_nothing(what_was_cancelled_cannot_be_cancelled_again),
        claim_leaving_nothing(others_go_on),
        claim_leaving_nothing(a_map_is_cancelled_half_way),
        claim_leaving_nothing(a_map_in_place_is_cancelled_and_its_memory_free),
        claim_leaving_nothing(a_starmap_is_cancelled_as_far_as_it_is_not_done),
        claim_leaving_nothing(thousands_that_wait_are_cancelled),
        claim_leaving_nothing(who_waits_is_woken),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
