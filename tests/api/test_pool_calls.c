/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls by a pool: what goes into them, what comes out, and where it lives.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"

#include <stdlib.h>

/* -- What calls return -------------------------------------------------------------- */

static apr_status_t return_nothing(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static apr_status_t return_none(mproc_task_t *task)
{
    return mproc_task_return(task, MPROC_PACK(MPROC_NONE));
}

static apr_status_t return_twice(mproc_task_t *task)
{
    MPROC_TRY(mproc_task_return(task, MPROC_PACK("first", 1, 2)));
    return mproc_task_return(task, MPROC_PACK("last"));
}

static apr_status_t return_and_fail(mproc_task_t *task)
{
    MPROC_TRY(mproc_task_return(task, MPROC_PACK("dropped")));
    return mproc_error_set(MPROC_ETORN, "failed behind its return");
}

static apr_status_t return_a_queue(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(mproc_queue_create(&queue, NULL, mproc_task_mem(task)));
    return mproc_task_return(task, MPROC_PACK(queue));
}

/* (word, (number, (real)), bytes), and the same in another order. */
static apr_status_t turn_around(mproc_task_t *task)
{
    mproc_values_t *pair, *inner;
    mproc_bytes_t bytes;
    const char *word;
    double real;
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &word, &pair, &bytes));
    MPROC_TRY(MPROC_UNPACK(pair, &number, &inner));
    MPROC_TRY(MPROC_UNPACK(inner, &real));
    return mproc_task_return(task, MPROC_PACK(MPROC_BYTES(bytes.data, bytes.size),
                                              MPROC_PACK(MPROC_PACK(real), number), word));
}

static apr_status_t tell_name_and_method(mproc_task_t *task)
{
    return mproc_task_return(task,
                             MPROC_PACK(mproc_task_target(task), mproc_task_start_method(task)));
}

static apr_status_t take_two_numbers(mproc_task_t *task)
{
    int one, other;

    return MPROC_UNPACK(task, &one, &other);
}

/* Is told by its memory's end that its memory does not last longer than the call. */
static apr_status_t count_ends(void *data)
{
    ++*(int *)data;
    return APR_SUCCESS;
}

static apr_status_t use_memory(mproc_task_t *task)
{
    static int ends;

    apr_pool_cleanup_register(mproc_task_mem(task), &ends, count_ends, apr_pool_cleanup_null);
    return mproc_task_return(task, MPROC_PACK(ends));
}

static apr_status_t return_from_an_item(const void *item, void *result, mproc_task_t *task)
{
    (void)item;
    *(int *)result = mproc_task_return(task, MPROC_PACK(1));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(return_nothing),       MPROC_TARGET(return_none),      MPROC_TARGET(return_twice),
    MPROC_TARGET(return_and_fail),      MPROC_TARGET(return_a_queue),   MPROC_TARGET(turn_around),
    MPROC_TARGET(tell_name_and_method), MPROC_TARGET(take_two_numbers), MPROC_TARGET(use_memory),
    MPROC_TARGET(return_from_an_item),  MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static mproc_result_t *start(mproc_pool_t *workers, mproc_target_fn *target,
                             const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_result_t *result;

    assert_success(mproc_pool_apply_async(&result, workers, target, args, NULL, mem));
    return result;
}

static mproc_result_t *done(mproc_pool_t *workers, mproc_target_fn *target,
                            const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_result_t *result = start(workers, target, args, mem);

    assert_success(mproc_result_wait(result, PATIENCE));
    return result;
}

/* -- apply ---------------------------------------------------------------------------- */

static void apply_returns_what_the_task_has_returned(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_values_t *values = mproc_values_create(*state);
    int number;

    assert_success(
        mproc_pool_apply(workers, call_deed, MPROC_PACK((int)SQUARE, 12), values, PATIENCE));
    assert_int_equal(mproc_values_count(values), 1);
    assert_success(MPROC_UNPACK(values, &number));
    assert_int_equal(number, 144);
}

static void values_are_refilled_by_the_next_call(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_values_t *values = mproc_values_create(*state);
    int i, number;

    for (i = 0; i < 5; i++) {
        assert_success(
            mproc_pool_apply(workers, call_deed, MPROC_PACK((int)SQUARE, i), values, PATIENCE));
        assert_success(MPROC_UNPACK(values, &number));
        assert_int_equal(number, i * i);
        assert_success(mproc_pool_apply(workers, return_nothing, MPROC_NO_ARGS, values, PATIENCE));
        assert_int_equal(mproc_values_count(values), 0);
    }
}

static void apply_may_drop_what_is_returned(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_success(mproc_pool_apply(workers, return_twice, MPROC_NO_ARGS, NULL, PATIENCE));
}

static void a_failed_apply_leaves_the_values_as_they_were(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_values_t *values = mproc_values_create(*state);
    const char *word;

    assert_success(mproc_pool_apply(workers, return_twice, MPROC_NO_ARGS, values, PATIENCE));
    assert_refused(mproc_pool_apply(workers, return_and_fail, MPROC_NO_ARGS, values, PATIENCE),
                   MPROC_ETORN, "failed behind its return");
    assert_success(MPROC_UNPACK(values, &word));
    assert_string_equal(word, "last");
}

static void apply_that_times_out_is_cancelled(void **state)
{
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    assert_status(
        mproc_pool_apply(crew.workers, call_deed, MPROC_PACK((int)FALL_ASLEEP, 1), NULL, A_MOMENT),
        APR_TIMEUP);
    assert_success(apply_deed(crew.workers, SQUARE, 2));
    assert_joins(crew.workers);
}

static void the_status_and_words_of_a_task_come_back(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_refused(apply_deed(workers, FAIL, 7), MPROC_ERANGE, "number 7 is not to be squared");
}

static void a_status_without_words_comes_with_its_own(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    char text[120];

    assert_status(apply_deed(workers, FAIL, 6), MPROC_ERANGE); /* whose words are not its own */
    assert_refused(apply_deed(workers, FAIL_SILENTLY, 7), MPROC_ERANGE,
                   mproc_strerror(MPROC_ERANGE, text, sizeof text));
}

static void arguments_of_another_shape_are_the_tasks_failure(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_status(mproc_pool_apply(workers, take_two_numbers, MPROC_PACK(1), NULL, PATIENCE),
                  MPROC_ECOUNT);
    assert_status(mproc_pool_apply(workers, take_two_numbers, MPROC_PACK(1, "two"), NULL, PATIENCE),
                  MPROC_ETYPE);
    assert_success(mproc_pool_apply(workers, take_two_numbers, MPROC_PACK(1, 2), NULL, PATIENCE));
}

static void a_task_knows_its_name_and_start_method(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = done(workers, tell_name_and_method, MPROC_NO_ARGS, *state);
    const char *name, *method;

    assert_success(MPROC_UNPACK(result, &name, &method));
    assert_string_equal(name, "tell_name_and_method");
    assert_string_equal(method, mproc_get_start_method(0));
}

static void the_memory_of_a_task_ends_with_it(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int ends, i;

    for (i = 0; i < 3; i++) {
        assert_success(MPROC_UNPACK(done(workers, use_memory, MPROC_NO_ARGS, *state), &ends));
        assert_int_equal(ends, i);
    }
}

/* -- apply_async ------------------------------------------------------------------------ */

static void a_result_is_not_there_before_it_is(void **state)
{
    mproc_result_t *result;
    crew_t crew;
    int number;

    make_crew(&crew, 1, NULL, *state);
    result = start_deed(crew.workers, WAIT, 3, NULL, *state);
    await_news(&crew, "begun", 1);
    assert_false(mproc_result_ready(result));
    assert_false(mproc_result_successful(result));
    assert_string_equal(mproc_result_error(result), "");
    assert_status(mproc_result_get(result, 0), APR_TIMEUP);
    assert_status(mproc_result_get(result, -1), APR_TIMEUP);
    assert_status(mproc_result_wait(result, A_MOMENT), APR_TIMEUP);
    assert_status(mproc_result_item_status(result, 0), MPROC_ERUNNING);
    assert_null(mproc_result_values(result, 0));
    open_gate(&crew, 1);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_true(mproc_result_ready(result) && mproc_result_successful(result));
    assert_string_equal(mproc_result_error(result), "");
    assert_success(mproc_result_item_status(result, 0));
    assert_success(MPROC_UNPACK(result, &number));
    assert_int_equal(number, 9);
}

static void a_failure_is_a_result_too(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = start_deed(workers, FAIL, 4, NULL, *state);

    assert_success(mproc_result_wait(result, PATIENCE));
    assert_true(mproc_result_ready(result));
    assert_false(mproc_result_successful(result));
    assert_refused(mproc_result_get(result, 0), MPROC_ERANGE, "number 4 is not to be squared");
    assert_string_equal(mproc_result_error(result), "number 4 is not to be squared");
    assert_status(mproc_result_item_status(result, 0), MPROC_ERANGE);
    assert_null(mproc_result_values(result, 0));
}

static void a_call_has_one_item(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = done(workers, return_nothing, MPROC_NO_ARGS, *state);

    assert_refused(mproc_result_item_status(result, 1), APR_EINVAL, "there is no item 1");
    assert_null(mproc_result_values(result, 1));
}

static void a_call_that_returns_nothing_has_empty_values(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = done(workers, return_nothing, MPROC_NO_ARGS, *state);

    assert_non_null(mproc_result_values(result, 0));
    assert_int_equal(mproc_values_count(mproc_result_values(result, 0)), 0);
}

static void none_can_be_returned(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = done(workers, return_none, MPROC_NO_ARGS, *state);

    assert_int_equal(mproc_values_count(mproc_result_values(result, 0)), 1);
    assert_true(mproc_values_is_none(mproc_result_values(result, 0), 0));
}

static void the_last_return_counts(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = done(workers, return_twice, MPROC_NO_ARGS, *state);
    const char *word;

    assert_success(MPROC_UNPACK(result, &word));
    assert_string_equal(word, "last");
}

static void an_object_cannot_be_returned(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_status(mproc_pool_apply(workers, return_a_queue, MPROC_NO_ARGS, NULL, PATIENCE),
                  MPROC_ENOTSHAREABLE);
    assert_works(workers);
}

static void an_item_function_cannot_return_values(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int item = 1, result = 0;

    assert_success(mproc_pool_map(workers, return_from_an_item, &item, sizeof item, &result,
                                  sizeof result, 1, PATIENCE));
    assert_int_equal(result, APR_EINVAL);
}

static void packs_in_packs_travel_both_ways(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result =
        done(workers, turn_around,
             MPROC_PACK("word", MPROC_PACK(7, MPROC_PACK(2.5)), MPROC_BYTES("a\0b", 3)), *state);
    mproc_values_t *pair, *inner;
    mproc_bytes_t bytes;
    const char *word;
    double real;
    int number;

    assert_success(MPROC_UNPACK(result, &bytes, &pair, &word));
    assert_success(MPROC_UNPACK(pair, &inner, &number));
    assert_success(MPROC_UNPACK(inner, &real));
    assert_string_equal(word, "word");
    assert_true(number == 7 && real == 2.5 && bytes.size == 3);
    assert_memory_equal(bytes.data, "a\0b", 3);
}

static void a_result_can_be_unpacked_again(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = done(workers, return_twice, MPROC_NO_ARGS, *state);
    const char *one, *other;

    assert_success(MPROC_UNPACK(result, &one));
    assert_success(MPROC_UNPACK(result, &other));
    assert_ptr_equal(one, other);
    assert_ptr_equal(mproc_result_values(result, 0), mproc_result_values(result, 0));
}

/* More than are on their way at a time. */
static void thousands_of_results_may_live_in_one_memory(void **state)
{
    enum { MANY = 3000 };
    mproc_result_t **results = malloc(MANY * sizeof *results);
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    int i, number;

    for (i = 0; i < MANY; i++)
        results[i] = start_deed(workers, SQUARE, i, NULL, *state);
    for (i = MANY - 1; i >= 0; i--) {
        assert_success(mproc_result_get(results[i], PATIENCE));
        assert_success(MPROC_UNPACK(results[i], &number));
        assert_int_equal(number, i * i);
    }
    for (i = 0; i < MANY; i += 2)
        mproc_result_close(results[i]);
    assert_success(MPROC_UNPACK(results[1], &number));
    assert_int_equal(number, 1);
    free(results);
}

/* -- The end of results -------------------------------------------------------------------- */

static void what_is_closed_early_is_done_all_the_same(void **state)
{
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    mproc_result_close(start_deed(crew.workers, WAIT, 1, NULL, *state));
    mproc_result_close(start_deed(crew.workers, WAIT, 2, NULL, *state));
    open_gate(&crew, 2);
    await_news(&crew, "begun", 2);
    assert_joins(crew.workers);
}

static void what_lost_its_memory_is_done_all_the_same(void **state)
{
    apr_pool_t *mem;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    assert_success(apr_pool_create(&mem, *state));
    start_deed(crew.workers, WAIT, 1, NULL, mem);
    start_deed(crew.workers, WAIT, 2, NULL, mem);
    apr_pool_destroy(mem);
    open_gate(&crew, 2);
    await_news(&crew, "begun", 2);
    assert_joins(crew.workers);
}

static void results_may_be_closed_when_the_pool_has_ended(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = start_deed(workers, SQUARE, 5, NULL, *state);
    int number;

    assert_joins(workers);
    assert_success(mproc_result_get(result, 0));
    assert_success(MPROC_UNPACK(result, &number));
    assert_int_equal(number, 25);
    mproc_result_close(result);
    mproc_result_close(NULL);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(apply_returns_what_the_task_has_returned),
        claim_leaving_nothing(values_are_refilled_by_the_next_call),
        claim_leaving_nothing(apply_may_drop_what_is_returned),
        claim_leaving_nothing(a_failed_apply_leaves_the_values_as_they_were),
        claim_leaving_nothing(apply_that_times_out_is_cancelled),
        claim_leaving_nothing(the_status_and_words_of_a_task_come_back),
        claim_leaving_nothing(a_status_without_words_comes_with_its_own),
        claim_leaving_nothing(arguments_of_another_shape_are_the_tasks_failure),
        claim_leaving_nothing(a_task_knows_its_name_and_start_method),
        claim_leaving_nothing(the_memory_of_a_task_ends_with_it),
        claim_leaving_nothing(a_result_is_not_there_before_it_is),
        claim_leaving_nothing(a_failure_is_a_result_too),
        claim_leaving_nothing(a_call_has_one_item),
        claim_leaving_nothing(a_call_that_returns_nothing_has_empty_values),
        claim_leaving_nothing(none_can_be_returned),
        claim_leaving_nothing(the_last_return_counts),
        claim_leaving_nothing(an_object_cannot_be_returned),
        claim_leaving_nothing(an_item_function_cannot_return_values),
        claim_leaving_nothing(packs_in_packs_travel_both_ways),
        claim_leaving_nothing(a_result_can_be_unpacked_again),
        claim_leaving_nothing(thousands_of_results_may_live_in_one_memory),
        claim_leaving_nothing(what_is_closed_early_is_done_all_the_same),
        claim_leaving_nothing(what_lost_its_memory_is_done_all_the_same),
        claim_leaving_nothing(results_may_be_closed_when_the_pool_has_ended),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
