/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Callbacks of a pool: when they are called, with what, and what they may do.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"

#include <apr_strings.h>

#include <string.h>

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

/* What a callback has seen and done.  It says "called" by a queue when that is written. */
typedef struct seen_t seen_t;

struct seen_t {
    mproc_queue_t *called, *go_on;
    mproc_pool_t *workers;
    mproc_result_t *other; /* that it is to ask for, or cancel */
    apr_pool_t *mem;
    mproc_result_t *result;
    int times, is_ready, number, left;
    apr_status_t status, rv;
    char words[120];
    apr_status_t (*deed)(seen_t *seen);
};

/* A callback that has said its word still uses its queue: the pool's thread ends before that goes. */
static apr_status_t end_workers(void *workers)
{
    mproc_pool_terminate(workers);
    return APR_SUCCESS;
}

static void prepare(seen_t *seen, mproc_pool_t *workers, apr_pool_t *mem)
{
    memset(seen, 0, sizeof *seen);
    seen->called = make_queue(SMALL_RING, 0, mem);
    seen->go_on = make_queue(SMALL_RING, 0, mem);
    seen->workers = workers;
    seen->mem = mem;
    seen->rv = APR_EINIT;
    apr_pool_pre_cleanup_register(mem, workers, end_workers);
}

static void await_call(const seen_t *seen)
{
    assert_string_equal(get_word(seen->called, seen->mem), "called");
}

/* -- Callbacks ------------------------------------------------------------------------------ */

static void note(mproc_result_t *result, apr_status_t status, void *data)
{
    seen_t *seen = data;

    seen->times++;
    seen->result = result;
    seen->status = status;
    if (result != NULL) {
        seen->is_ready = mproc_result_ready(result);
        seen->rv = mproc_result_get(result, 0);
        apr_cpystrn(seen->words, mproc_result_error(result), sizeof seen->words);
        if (status == APR_SUCCESS && mproc_result_values(result, 0) != NULL)
            seen->rv = MPROC_UNPACK(result, &seen->number);
    }
    put_word(seen->called, "called");
}

/* Is at work until it is told to go on. */
static void stay(mproc_result_t *result, apr_status_t status, void *data)
{
    seen_t *seen = data;
    char word[8];
    size_t size;

    (void)result;
    (void)status;
    put_word(seen->called, "called");
    seen->rv = mproc_queue_get_bytes(seen->go_on, word, sizeof word, &size, PATIENCE);
}

static void give_more(mproc_result_t *result, apr_status_t status, void *data)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    seen_t *seen = data;
    mproc_result_t *next;

    note(result, status, data);
    options.callback = give_more;
    options.data = seen;
    if (seen->left-- > 0)
        seen->rv = mproc_pool_apply_async(&next, seen->workers, call_deed,
                                          MPROC_PACK((int)SQUARE, seen->left), &options, seen->mem);
}

static void cancel_both(mproc_result_t *result, apr_status_t status, void *data)
{
    seen_t *seen = data;

    (void)status;
    seen->status = mproc_result_cancel(result);
    seen->rv = mproc_result_cancel(seen->other);
    put_word(seen->called, "called");
}

/* Does what it was given to do. */
static void act(mproc_result_t *result, apr_status_t status, void *data)
{
    seen_t *seen = data;

    (void)result;
    (void)status;
    seen->rv = seen->deed(seen);
    put_word(seen->called, "called");
}

static apr_status_t get_other(seen_t *seen)
{
    return mproc_result_get(seen->other, MPROC_FOREVER);
}

static apr_status_t join(seen_t *seen)
{
    return mproc_pool_join(seen->workers, MPROC_FOREVER);
}

static apr_status_t apply_and_wait(seen_t *seen)
{
    return apply_deed(seen->workers, SQUARE, 2);
}

static apr_status_t map_and_wait(seen_t *seen)
{
    int item = 2, result;

    return mproc_pool_map(seen->workers, square, &item, sizeof item, &result, sizeof result, 1,
                          PATIENCE);
}

static apr_status_t iterate(seen_t *seen)
{
    static const deed_t deed = {FALL_ASLEEP, 1};
    apr_status_t rv;
    mproc_imap_t *it;
    int number;

    MPROC_TRY(mproc_pool_imap(&it, seen->workers, do_deed, &deed, sizeof deed, sizeof number, 1,
                              NULL, seen->mem));
    rv = mproc_imap_next(it, NULL, &number, MPROC_FOREVER);
    mproc_imap_close(it);
    return rv;
}

static apr_status_t close_pool(seen_t *seen)
{
    return mproc_pool_close(seen->workers);
}

static apr_status_t terminate(seen_t *seen)
{
    return mproc_pool_terminate(seen->workers);
}

static apr_status_t resize(seen_t *seen)
{
    return mproc_pool_resize(seen->workers, 2);
}

/* A call of a deed with one callback for both cases. */
static mproc_result_t *call_back(mproc_pool_t *workers, way_t way, mproc_callback_fn *callback,
                                 seen_t *seen)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;

    options.callback = options.error_callback = callback;
    options.data = seen;
    return start_deed(workers, way, 5, &options, seen->mem);
}

/* What comes of a deed in a callback, of a call that went well. */
static apr_status_t see(seen_t *seen, apr_status_t (*deed)(seen_t *))
{
    seen->deed = deed;
    call_back(seen->workers, SQUARE, act, seen);
    await_call(seen);
    return seen->rv;
}

/* The same in a pool of its own. */
static apr_status_t see_alone(seen_t *seen, apr_status_t (*deed)(seen_t *), apr_pool_t *mem)
{
    prepare(seen, make_workers(1, NULL, mem), mem);
    return see(seen, deed);
}

/* -- When and with what --------------------------------------------------------------------------- */

static void a_callback_gets_the_result(void **state)
{
    mproc_result_t *result;
    seen_t seen;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    result = call_back(seen.workers, SQUARE, note, &seen);
    await_call(&seen);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_ptr_equal(seen.result, result);
    assert_success(seen.status);
    assert_success(seen.rv);
    assert_int_equal(seen.number, 25);
    assert_int_equal(seen.times, 1);
}

static void nobody_sees_the_result_before_the_callback_is_done(void **state)
{
    mproc_result_t *result;
    seen_t seen;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    result = call_back(seen.workers, SQUARE, stay, &seen);
    await_call(&seen);
    assert_false(mproc_result_ready(result));
    assert_status(mproc_result_get(result, A_MOMENT), APR_TIMEUP);
    assert_success(put_word(seen.go_on, "go"));
    assert_success(mproc_result_get(result, PATIENCE));
}

static void one_callback_is_for_success_and_one_for_failure(void **state)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    seen_t good, bad;

    prepare(&good, workers, *state);
    prepare(&bad, workers, *state);
    options.callback = note;
    options.data = &good;
    start_deed(workers, SQUARE, 1, &options, *state);
    start_deed(workers, FAIL, 2, &options, *state);
    options.callback = NULL;
    options.error_callback = note;
    options.data = &bad;
    start_deed(workers, SQUARE, 3, &options, *state);
    start_deed(workers, FAIL, 4, &options, *state);
    assert_joins(workers);
    assert_int_equal(good.times, 1);
    assert_success(good.status);
    assert_int_equal(bad.times, 1);
    assert_int_equal(bad.status, MPROC_ERANGE);
    assert_int_equal(bad.rv, MPROC_ERANGE);
    assert_string_equal(bad.words, "number 4 is not to be squared");
}

static void the_results_of_a_map_are_there_when_it_calls_back(void **state)
{
    static const int items[3] = {1, 2, 3};
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_result_t *result;
    int results[3];
    seen_t seen;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    options.callback = note;
    options.data = &seen;
    assert_success(mproc_pool_map_async(&result, seen.workers, square, items, sizeof *items,
                                        results, sizeof *results, 3, &options, *state));
    await_call(&seen);
    assert_true(results[0] == 1 && results[1] == 4 && results[2] == 9);
    assert_success(seen.status);
}

static void maps_and_starmaps_of_nothing_call_back_too(void **state)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_result_t *result;
    seen_t seen;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    options.callback = note;
    options.data = &seen;
    assert_success(
        mproc_pool_map_async(&result, seen.workers, square, NULL, 4, NULL, 4, 0, &options, *state));
    await_call(&seen);
    assert_success(
        mproc_pool_starmap_async(&result, seen.workers, call_deed, NULL, 0, &options, *state));
    await_call(&seen);
    assert_joins(seen.workers);
    assert_int_equal(seen.times, 2);
}

static void what_is_terminated_calls_back(void **state)
{
    crew_t crew;
    seen_t seen;

    make_crew(&crew, 1, NULL, *state);
    prepare(&seen, crew.workers, *state);
    call_back(crew.workers, FALL_ASLEEP, note, &seen);
    await_news(&crew, "begun", 1);
    assert_success(mproc_pool_terminate(crew.workers));
    assert_int_equal(seen.times, 1);
    assert_int_equal(seen.status, MPROC_ETERMINATED);
}

static void a_callback_comes_before_cancel_returns(void **state)
{
    mproc_result_t *result;
    crew_t crew;
    seen_t seen;

    make_crew(&crew, 1, NULL, *state);
    prepare(&seen, crew.workers, *state);
    result = call_back(crew.workers, FALL_ASLEEP, note, &seen);
    await_news(&crew, "begun", 1);
    assert_success(mproc_result_cancel(result));
    assert_int_equal(seen.times, 1);
    assert_int_equal(seen.status, MPROC_ECANCELLED);
}

static void a_callback_gets_null_when_the_result_was_closed(void **state)
{
    crew_t crew;
    seen_t seen;

    make_crew(&crew, 1, NULL, *state);
    prepare(&seen, crew.workers, *state);
    mproc_result_close(call_back(crew.workers, WAIT, note, &seen));
    open_gate(&crew, 1);
    await_call(&seen);
    assert_joins(crew.workers);
    assert_true(seen.result == NULL && seen.status == APR_SUCCESS && seen.times == 1);
}

static void a_callback_gets_null_when_the_memory_of_the_result_has_gone(void **state)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    apr_pool_t *mem;
    crew_t crew;
    seen_t seen;

    make_crew(&crew, 1, NULL, *state);
    prepare(&seen, crew.workers, *state);
    assert_success(apr_pool_create(&mem, *state));
    options.callback = note;
    options.data = &seen;
    start_deed(crew.workers, WAIT, 1, &options, mem);
    apr_pool_destroy(mem);
    open_gate(&crew, 1);
    await_call(&seen);
    assert_joins(crew.workers); /* the callback uses memory that goes before the pool does */
    assert_true(seen.result == NULL && seen.status == APR_SUCCESS);
}

/* -- What they may do --------------------------------------------------------------------------------- */

static void a_callback_may_give_more_to_do(void **state)
{
    seen_t seen;
    int i;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    seen.left = 9;
    call_back(seen.workers, SQUARE, give_more, &seen);
    for (i = 0; i < 10; i++)
        await_call(&seen);
    assert_joins(seen.workers);
    assert_int_equal(seen.times, 10);
}

static void a_callback_cannot_wait_for_another_result(void **state)
{
    mproc_result_t *other;
    crew_t crew;
    seen_t seen;

    make_crew(&crew, 2, NULL, *state);
    prepare(&seen, crew.workers, *state);
    other = seen.other = start_deed(crew.workers, WAIT, 1, NULL, *state);
    assert_status(see(&seen, get_other), MPROC_EINUSE);
    open_gate(&crew, 1);
    assert_success(mproc_result_get(other, PATIENCE));
}

static void a_callback_may_get_what_is_there(void **state)
{
    seen_t seen;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    seen.other = start_deed(seen.workers, FAIL, 1, NULL, *state);
    assert_status(mproc_result_get(seen.other, PATIENCE), MPROC_ERANGE);
    assert_status(see(&seen, get_other), MPROC_ERANGE);
}

static void a_callback_may_wait_for_another_pool(void **state)
{
    seen_t seen;

    prepare(&seen, make_workers(1, NULL, *state), *state);
    seen.other = start_deed(make_workers(1, NULL, *state), SQUARE, 1, NULL, *state);
    assert_success(see(&seen, get_other));
}

static void a_callback_cannot_join_its_pool(void **state)
{
    seen_t seen;

    assert_status(see_alone(&seen, join, *state), MPROC_EINUSE);
    assert_works(seen.workers);
}

static void a_callback_cannot_call_its_pool_and_wait(void **state)
{
    seen_t seen;

    assert_status(see_alone(&seen, apply_and_wait, *state), MPROC_EINUSE);
    assert_status(see_alone(&seen, map_and_wait, *state), MPROC_EINUSE);
    assert_works(seen.workers);
}

static void a_callback_cannot_wait_for_an_iterator(void **state)
{
    seen_t seen;

    assert_status(see_alone(&seen, iterate, *state), MPROC_EINUSE);
    assert_works(seen.workers);
}

static void a_callback_may_cancel(void **state)
{
    crew_t crew;
    seen_t seen;

    make_crew(&crew, 2, NULL, *state);
    prepare(&seen, crew.workers, *state);
    seen.other = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    call_back(crew.workers, SQUARE, cancel_both, &seen);
    await_call(&seen);
    assert_int_equal(seen.status, MPROC_EENDED);
    assert_success(seen.rv);
    assert_status(mproc_result_get(seen.other, PATIENCE), MPROC_ECANCELLED);
    assert_works(crew.workers);
}

static void a_callback_may_close_its_pool(void **state)
{
    seen_t seen;

    assert_success(see_alone(&seen, close_pool, *state));
    assert_status(apply_deed(seen.workers, SQUARE, 1), MPROC_ECLOSED);
    assert_joins(seen.workers);
}

static void a_callback_may_terminate_its_pool(void **state)
{
    seen_t seen;

    assert_success(see_alone(&seen, terminate, *state));
    assert_joins(seen.workers);
}

static void a_callback_may_resize_its_pool(void **state)
{
    seen_t seen;

    assert_success(see_alone(&seen, resize, *state));
    await_workers(seen.workers, 2);
    assert_joins(seen.workers);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_callback_gets_the_result),
        claim_leaving_nothing(nobody_sees_the_result_before_the_callback_is_done),
        claim_leaving_nothing(one_callback_is_for_success_and_one_for_failure),
        claim_leaving_nothing(the_results_of_a_map_are_there_when_it_calls_back),
        claim_leaving_nothing(maps_and_starmaps_of_nothing_call_back_too),
        claim_leaving_nothing(what_is_terminated_calls_back),
        claim_leaving_nothing(a_callback_comes_before_cancel_returns),
        claim_leaving_nothing(a_callback_gets_null_when_the_result_was_closed),
        claim_leaving_nothing(a_callback_gets_null_when_the_memory_of_the_result_has_gone),
        claim_leaving_nothing(a_callback_may_give_more_to_do),
        claim_leaving_nothing(a_callback_cannot_wait_for_another_result),
        claim_leaving_nothing(a_callback_may_get_what_is_there),
        claim_leaving_nothing(a_callback_may_wait_for_another_pool),
        claim_leaving_nothing(a_callback_cannot_join_its_pool),
        claim_leaving_nothing(a_callback_cannot_call_its_pool_and_wait),
        claim_leaving_nothing(a_callback_cannot_wait_for_an_iterator),
        claim_leaving_nothing(a_callback_may_cancel),
        claim_leaving_nothing(a_callback_may_close_its_pool),
        claim_leaving_nothing(a_callback_may_terminate_its_pool),
        claim_leaving_nothing(a_callback_may_resize_its_pool),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
