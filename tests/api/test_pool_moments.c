/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Callbacks, and the ends of results and workers, at awkward moments.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a result that takes a while to be copied. */
#define LARGE ((size_t)64 << 20)

/* Calls at once. */
#define CALLS 500
#define LARGE_CALLS 2000

/* An item: the byte to fill a result of LARGE bytes with. */
static apr_status_t fill_large(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    memset(result, *(const unsigned char *)item, LARGE);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(fill_large), MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_END};

/* What a callback has, and what came of it. */
typedef struct moment_t {
    mproc_pool_t *workers;
    mproc_queue_t *go_on, *called;
    mproc_result_t *other;
    const int *square;
    const mproc_pack_t *args;
    apr_pool_t *mem;
    apr_status_t rv;
    int square_then;
} moment_t;

static void prepare(moment_t *moment, mproc_pool_t *workers, apr_pool_t *mem)
{
    memset(moment, 0, sizeof *moment);
    moment->workers = workers;
    moment->go_on = make_queue(SMALL_RING, 0, mem);
    moment->called = make_queue(SMALL_RING, 0, mem);
    moment->args = mproc_pack(mem, (int)FAIL, 1);
    moment->mem = mem;
    moment->rv = APR_EINIT;
}

static mproc_async_options_t calling(mproc_callback_fn *callback, moment_t *moment)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;

    options.callback = callback;
    options.data = moment;
    return options;
}

/* -- Callbacks ---------------------------------------------------------------- */

static void stay(mproc_result_t *result, apr_status_t status, void *data)
{
    moment_t *moment = data;
    char word[8];
    size_t size;

    (void)result;
    (void)status;
    put_word(moment->called, "called");
    moment->rv = mproc_queue_get_bytes(moment->go_on, word, sizeof word, &size, PATIENCE);
}

static void get_other(mproc_result_t *result, apr_status_t status, void *data)
{
    moment_t *moment = data;

    (void)result;
    (void)status;
    moment->rv = mproc_result_get(moment->other, 0);
    moment->square_then = *moment->square;
    put_word(moment->called, "called");
}

/* The supervisor stays in a callback until both have been done, and so takes them in at once. */
static void a_callback_does_not_get_a_map_that_was_not_copied_yet(void **state)
{
    static const int items[] = {7};
    mproc_async_options_t options;
    moment_t first, second;
    mproc_result_t *result;
    int of_first, of_second = 0;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    prepare(&first, crew.workers, *state);
    prepare(&second, crew.workers, *state);
    options = calling(stay, &first);
    start_deed(crew.workers, SQUARE, 1, &options, *state);
    assert_string_equal(get_word(first.called, *state), "called");
    second.square = &of_second;
    options = calling(get_other, &second);
    assert_success(mproc_pool_map_async(&result, crew.workers, square, items, sizeof *items,
                                        &of_first, sizeof of_first, 1, &options, *state));
    assert_success(mproc_pool_map_async(&second.other, crew.workers, square, items, sizeof *items,
                                        &of_second, sizeof of_second, 1, NULL, *state));
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    await_news(&crew, "begun", 1); /* by the only worker, which has replied to the others */
    assert_success(put_word(first.go_on, "go"));
    assert_string_equal(get_word(second.called, *state), "called");
    assert_int_equal(second.rv, second.square_then == 49 ? APR_SUCCESS : MPROC_EINUSE);
    assert_success(mproc_result_get(second.other, PATIENCE));
    assert_int_equal(of_second, 49);
    open_gate(&crew, 1);
    assert_joins(crew.workers);
}

/* So many that workers begin some before the last was given. */
static apr_status_t starmap(moment_t *moment)
{
    const mproc_pack_t *args[CALLS];
    mproc_result_t *result;
    int i;

    for (i = 0; i < CALLS; i++)
        args[i] = moment->args;
    return mproc_pool_starmap(&result, moment->workers, call_deed, args, CALLS, PATIENCE,
                              moment->mem);
}

static void starmap_often(mproc_result_t *result, apr_status_t status, void *data)
{
    moment_t *moment = data;
    int i;

    (void)result;
    (void)status;
    moment->rv = MPROC_EINUSE;
    for (i = 0; i < 30 && moment->rv == MPROC_EINUSE; i++)
        moment->rv = starmap(moment);
    put_word(moment->called, "called");
}

static void what_a_callback_would_have_to_wait_for_is_not_begun(void **state)
{
    mproc_async_options_t options;
    moment_t moment;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    prepare(&moment, crew.workers, *state);
    options = calling(starmap_often, &moment);
    start_deed(crew.workers, SQUARE, 1, &options, *state);
    assert_string_equal(get_word(moment.called, *state), "called");
    assert_int_equal(moment.rv, MPROC_EINUSE);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

/* -- Copying ------------------------------------------------------------------ */

static void who_closes_a_result_while_it_is_copied_does_not_wait_for_its_callback(void **state)
{
    static const unsigned char item = 1;
    unsigned char *bytes = calloc(1, LARGE);
    volatile unsigned char *some = bytes;
    mproc_async_options_t options;
    mproc_result_t *result;
    moment_t moment;

    assert_non_null(bytes);
    prepare(&moment, make_workers(1, NULL, *state), *state);
    options = calling(stay, &moment);
    assert_success(mproc_pool_map_async(&result, moment.workers, fill_large, &item, 1, bytes,
                                        LARGE, 1, &options, *state));
    while (some[0] == 0 && some[LARGE / 2] == 0 && some[LARGE - 1] == 0)
        continue;
    mproc_result_close(result);
    assert_success(put_word(moment.go_on, "go"));
    assert_joins(moment.workers);
    assert_success(moment.rv);
    free(bytes);
}

/* -- Memory that comes and goes ------------------------------------------------- */

static void a_busy_worker_is_told_later_of_all_that_came_meanwhile(void **state)
{
    mproc_pool_t *workers;
    crew_t crew;
    void *memory;
    int i;

    make_crew(&crew, 1, NULL, *state);
    workers = crew.workers;
    start_deed(workers, WAIT, 1, NULL, *state);
    await_news(&crew, "begun", 1);
    for (i = 0; i < 2000; i++) {
        assert_success(mproc_pool_alloc(&memory, workers, 1));
        if (i % 20 != 0)
            assert_success(mproc_pool_free(workers, memory));
    }
    open_gate(&crew, 1);
    assert_works(workers);
    assert_joins(workers);
}

/* Each in memory of its own, as none has room for the next. */
static void many_large_calls_at_once_are_done(void **state)
{
    mproc_pool_t *workers = make_workers(4, NULL, *state);
    const char *bytes = apr_pcalloc(*state, 60000);
    mproc_result_t *results[LARGE_CALLS];
    int i;

    for (i = 0; i < LARGE_CALLS; i++) {
        assert_success(mproc_pool_apply_async(&results[i], workers, echo,
                                              MPROC_PACK(MPROC_BYTES(bytes, 50000 + (size_t)i)), NULL,
                                              *state));
        if (i >= 100)
            assert_success(mproc_result_get(results[i - 100], PATIENCE));
    }
    assert_joins(workers);
    assert_success(mproc_result_get(results[LARGE_CALLS - 1], 0));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_callback_does_not_get_a_map_that_was_not_copied_yet),
        claim_leaving_nothing(what_a_callback_would_have_to_wait_for_is_not_begun),
        claim_leaving_nothing(
            who_closes_a_result_while_it_is_copied_does_not_wait_for_its_callback),
        claim_leaving_nothing(a_busy_worker_is_told_later_of_all_that_came_meanwhile),
        claim_leaving_nothing(many_large_calls_at_once_are_done),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
