/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a pool refuses, and what it says then.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"

#include <mproc/context.h>

#include <string.h>

static apr_status_t not_in_the_table(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static apr_status_t no_item_in_the_table(const void *item, void *result, mproc_task_t *task)
{
    (void)item;
    (void)result;
    (void)task;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

/* Stands for a pool, a result or an iterator that a refused call must not touch. */
static int something;

#define UNTOUCHED ((void *)&something)

/* -- Making a pool ------------------------------------------------------------------------- */

static void assert_not_made(int processes, const mproc_pool_options_t *options,
                            apr_status_t expected, const char *words, apr_pool_t *mem)
{
    mproc_pool_t *workers = UNTOUCHED;

    assert_refused(mproc_pool_create(&workers, processes, options, mem), expected, words);
    assert_ptr_equal(workers, UNTOUCHED);
}

static void a_pool_needs_a_variable_and_memory(void **state)
{
    mproc_pool_t *workers = UNTOUCHED;

    assert_refused(mproc_pool_create(NULL, 1, NULL, *state), APR_EINVAL, "NULL");
    assert_refused(mproc_pool_create(&workers, 1, NULL, NULL), APR_EINVAL, "NULL");
    assert_ptr_equal(workers, UNTOUCHED);
}

static void a_pool_has_1_to_1024_workers(void **state)
{
    assert_not_made(-1, NULL, APR_EINVAL, "a pool of -1 workers; it has 1 to 1024", *state);
    assert_not_made(MPROC_WORKERS_MAX + 1, NULL, APR_EINVAL, "a pool of 1025 workers", *state);
    assert_not_made(INT32_MAX, NULL, APR_EINVAL, "workers", *state);
    assert_not_made(INT32_MIN, NULL, APR_EINVAL, "workers", *state);
}

static void options_have_their_size(void **state)
{
    mproc_pool_options_t options = {0};

    assert_not_made(1, &options, APR_EINVAL, "MPROC_POOL_OPTIONS", *state);
}

static void options_that_make_no_sense_are_named(void **state)
{
    const mproc_pool_options_t sensible = MPROC_POOL_OPTIONS;
    mproc_pool_options_t options = sensible;

    options.initargs = MPROC_PACK(1);
    assert_not_made(1, &options, APR_EINVAL, "initargs, but no initializer", *state);
    options = sensible;
    options.min_workers = MPROC_WORKERS_MAX + 1;
    assert_not_made(1, &options, APR_EINVAL, "min_workers", *state);
    options = sensible;
    options.soft_timeout = -1;
    assert_not_made(1, &options, APR_EINVAL, "soft_timeout", *state);
    options = sensible;
    options.timeout = -1;
    assert_not_made(1, &options, APR_EINVAL, "timeout", *state);
    options = sensible;
    options.idle_timeout = -1;
    assert_not_made(1, &options, APR_EINVAL, "idle_timeout", *state);
    options = sensible;
    options.soft_timeout = 2;
    options.timeout = 1;
    assert_not_made(1, &options, APR_EINVAL, "soft_timeout is longer than timeout", *state);
    options = sensible;
    options.engine = (mproc_engine_t)1;
    assert_not_made(1, &options, APR_EINVAL, "engine", *state);
}

static void an_initializer_is_in_the_table(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.initializer = not_in_the_table;
    assert_not_made(2, &options, MPROC_ETARGET, "the initializer is not in the table", *state);
}

static void a_start_method_is_one_that_there_is(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.start_method = "teleport";
    assert_not_made(2, &options, APR_EINVAL, "teleport", *state);
    options.start_method = "";
    assert_not_made(2, &options, APR_EINVAL, "", *state);
    if (mproc_get_all_start_methods()[1] == NULL) {
        options.start_method = MPROC_FORK;
        assert_not_made(2, &options, APR_ENOTIMPL, "fork", *state);
    }
}

/* -- The pool -------------------------------------------------------------------------------- */

static void calls_without_a_pool_are_refused(void **state)
{
    mproc_result_t *result = UNTOUCHED;
    mproc_imap_t *it = UNTOUCHED;
    void *memory = UNTOUCHED;
    int item = 1, square_of_it;
    size_t count = 4711;

    assert_refused(mproc_pool_close(NULL), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_terminate(NULL), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_join(NULL, 0), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_resize(NULL, 1), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_pids(NULL, NULL, 0, &count), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_alloc(&memory, NULL, 1), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_free(NULL, &item), APR_EINVAL, "the pool is NULL");
    assert_refused(apply_deed(NULL, SQUARE, 1), APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_apply_async(&result, NULL, call_deed, MPROC_NO_ARGS, NULL, *state),
                   APR_EINVAL, "the pool is NULL");
    assert_refused(mproc_pool_starmap(&result, NULL, call_deed, NULL, 0, 0, *state), APR_EINVAL,
                   "the pool is NULL");
    assert_refused(mproc_pool_map(NULL, square, &item, 4, &square_of_it, 4, 1, 0), APR_EINVAL,
                   "the pool is NULL");
    assert_refused(mproc_pool_imap(&it, NULL, square, &item, 4, 4, 1, NULL, *state), APR_EINVAL,
                   "the pool is NULL");
    assert_true(result == UNTOUCHED && it == UNTOUCHED && memory == UNTOUCHED && count == 4711);
}

static void resize_keeps_to_the_same_numbers(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);

    assert_refused(mproc_pool_resize(workers, -1), APR_EINVAL, "a pool of -1 workers");
    assert_refused(mproc_pool_resize(workers, MPROC_WORKERS_MAX + 1), APR_EINVAL, "1025");
    assert_int_equal(count_workers(workers), 1);
}

static void pids_need_room_and_a_variable(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    apr_int64_t pid = 4711;
    size_t count = 4711;

    assert_refused(mproc_pool_pids(workers, &pid, 1, NULL), APR_EINVAL, "NULL");
    assert_refused(mproc_pool_pids(workers, NULL, 1, &count), APR_EINVAL, "NULL");
    assert_true(pid == 4711 && count == 4711);
}

/* -- Results ------------------------------------------------------------------------------------ */

static void no_result_is_refused_or_nothing(void **state)
{
    (void)state;
    assert_refused(mproc_result_get(NULL, 0), APR_EINVAL, "the result is NULL");
    assert_refused(mproc_result_wait(NULL, 0), APR_EINVAL, "the result is NULL");
    assert_refused(mproc_result_cancel(NULL), APR_EINVAL, "the result is NULL");
    assert_refused(mproc_result_item_status(NULL, 0), APR_EINVAL, "the result is NULL");
    assert_int_equal(mproc_result_ready(NULL), 0);
    assert_int_equal(mproc_result_successful(NULL), 0);
    assert_string_equal(mproc_result_error(NULL), "");
    assert_null(mproc_result_values(NULL, 0));
}

/* -- Calls ---------------------------------------------------------------------------------------- */

static void a_call_needs_a_target_in_the_table(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = UNTOUCHED;

    assert_refused(mproc_pool_apply(workers, NULL, MPROC_NO_ARGS, NULL, 0), APR_EINVAL,
                   "the target is NULL");
    assert_refused(mproc_pool_apply(workers, not_in_the_table, MPROC_NO_ARGS, NULL, 0),
                   MPROC_ETARGET, "add MPROC_TARGET(your_function)");
    assert_refused(
        mproc_pool_apply_async(&result, workers, not_in_the_table, MPROC_NO_ARGS, NULL, *state),
        MPROC_ETARGET, "not in the table");
    assert_ptr_equal(result, UNTOUCHED);
}

static void a_call_needs_a_variable_and_memory(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = UNTOUCHED;
    const mproc_pack_t *const args[] = {MPROC_NO_ARGS};

    assert_refused(mproc_pool_apply_async(NULL, workers, call_deed, args[0], NULL, *state),
                   APR_EINVAL, "NULL");
    assert_refused(mproc_pool_apply_async(&result, workers, call_deed, args[0], NULL, NULL),
                   APR_EINVAL, "NULL");
    assert_refused(mproc_pool_starmap(NULL, workers, call_deed, args, 1, 0, *state), APR_EINVAL,
                   "NULL");
    assert_refused(mproc_pool_starmap_async(&result, workers, call_deed, args, 1, NULL, NULL),
                   APR_EINVAL, "NULL");
    assert_refused(mproc_pool_starmap(&result, workers, call_deed, NULL, 1, 0, *state), APR_EINVAL,
                   "no arguments, but a number of them");
    assert_ptr_equal(result, UNTOUCHED);
}

static void options_of_a_call_have_their_size(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    const mproc_async_options_t options = {0};
    mproc_result_t *result = UNTOUCHED;
    int item = 1, square_of_it;

    assert_refused(
        mproc_pool_apply_async(&result, workers, call_deed, MPROC_NO_ARGS, &options, *state),
        APR_EINVAL, "MPROC_ASYNC_OPTIONS");
    assert_refused(mproc_pool_map_async(&result, workers, square, &item, 4, &square_of_it, 4, 1,
                                        &options, *state),
                   APR_EINVAL, "MPROC_ASYNC_OPTIONS");
    assert_ptr_equal(result, UNTOUCHED);
}

static void objects_do_not_travel_in_arguments(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    const mproc_pack_t *args[2];
    mproc_result_t *result = UNTOUCHED;

    args[0] = mproc_pack(*state, (int)SQUARE, 1);
    args[1] = mproc_pack(*state, queue);
    assert_status(mproc_pool_apply(workers, call_deed, MPROC_PACK(queue), NULL, PATIENCE),
                  MPROC_ENOTSHAREABLE);
    assert_status(
        mproc_pool_apply(workers, call_deed, MPROC_PACK(1, MPROC_PACK(queue)), NULL, PATIENCE),
        MPROC_ENOTSHAREABLE);
    assert_status(mproc_pool_starmap(&result, workers, call_deed, args, 2, PATIENCE, *state),
                  MPROC_ENOTSHAREABLE);
    assert_ptr_equal(result, UNTOUCHED);
    assert_works(workers);
}

/* -- Maps and iterators ----------------------------------------------------------------------------- */

static apr_status_t map(mproc_pool_t *workers, mproc_item_fn *target, const void *items,
                        size_t item_size, void *results, size_t result_size, size_t count)
{
    return mproc_pool_map(workers, target, items, item_size, results, result_size, count, PATIENCE);
}

static void a_map_says_what_is_wrong(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int item = 1, result = 4711;

    assert_refused(map(workers, NULL, &item, 4, &result, 4, 1), APR_EINVAL, "the target is NULL");
    assert_refused(map(workers, no_item_in_the_table, &item, 4, &result, 4, 1), MPROC_ETARGET,
                   "not in the table");
    assert_refused(map(workers, square, NULL, 4, &result, 4, 1), APR_EINVAL, "no items");
    assert_refused(map(workers, square, &item, 0, &result, 4, 1), APR_EINVAL, "a size of 0");
    assert_refused(map(workers, square, &item, 4, NULL, 4, 1), APR_EINVAL, "no room for results");
    assert_int_equal(result, 4711);
}

static void sizes_beyond_memory_are_refused(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it = UNTOUCHED;
    int item = 1, result;

    assert_refused(map(workers, square, &item, SIZE_MAX, &result, 4, 1), APR_EINVAL, "memory");
    assert_refused(map(workers, square, &item, 4, &result, 4, SIZE_MAX / 2), APR_EINVAL, "memory");
    assert_refused(map(workers, square, &item, SIZE_MAX / 2 + 1, &result, 4, 2), APR_EINVAL,
                   "memory");
    assert_refused(map(workers, square, &item, 1, &result, SIZE_MAX / 2, 3), APR_EINVAL, "memory");
    assert_refused(mproc_pool_imap(&it, workers, square, &item, SIZE_MAX / 2, 4, 3, NULL, *state),
                   APR_EINVAL, "memory");
    options.chunksize = 4;
    assert_refused(
        mproc_pool_imap(&it, workers, square, &item, 1, SIZE_MAX / 3, 9, &options, *state),
        APR_EINVAL, "memory");
    assert_ptr_equal(it, UNTOUCHED);
}

static void a_chunk_has_no_more_items_than_there_are(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_imap_options_t of_imap = MPROC_IMAP_OPTIONS;
    int items[2] = {1, 2}, results[2];
    mproc_result_t *result = UNTOUCHED;
    mproc_imap_t *it = UNTOUCHED;

    options.chunksize = of_imap.chunksize = 3;
    assert_refused(
        mproc_pool_map_async(&result, workers, square, items, 4, results, 4, 2, &options, *state),
        APR_EINVAL, "chunks of 3 items, and there are 2");
    assert_refused(mproc_pool_imap(&it, workers, square, items, 4, 4, 2, &of_imap, *state),
                   APR_EINVAL, "chunks of 3 items, and there are 2");
    assert_true(result == UNTOUCHED && it == UNTOUCHED);
}

static apr_status_t never_asked(void *item, void *data)
{
    (void)item;
    ++*(int *)data;
    return APR_EOF;
}

static void an_iterator_says_what_is_wrong(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS, unset = {0};
    mproc_imap_t *it = UNTOUCHED;
    int item = 1, asked = 0;

    assert_refused(mproc_pool_imap(NULL, workers, square, &item, 4, 4, 1, NULL, *state), APR_EINVAL,
                   "NULL");
    assert_refused(mproc_pool_imap(&it, workers, square, &item, 4, 4, 1, NULL, NULL), APR_EINVAL,
                   "NULL");
    assert_refused(mproc_pool_imap(&it, workers, square, &item, 4, 4, 1, &unset, *state),
                   APR_EINVAL, "MPROC_IMAP_OPTIONS");
    assert_refused(mproc_pool_imap(&it, workers, NULL, &item, 4, 4, 1, NULL, *state), APR_EINVAL,
                   "the target is NULL");
    assert_refused(
        mproc_pool_imap_unordered(&it, workers, no_item_in_the_table, &item, 4, 4, 1, NULL, *state),
        MPROC_ETARGET, "not in the table");
    assert_refused(mproc_pool_imap(&it, workers, square, NULL, 4, 4, 1, NULL, *state), APR_EINVAL,
                   "no items");
    assert_refused(mproc_pool_imap(&it, workers, square, &item, 0, 4, 1, NULL, *state), APR_EINVAL,
                   "a size of 0");
    options.source = never_asked;
    options.source_data = &asked;
    assert_refused(mproc_pool_imap(&it, workers, square, &item, 4, 4, 0, &options, *state),
                   APR_EINVAL, "not both");
    assert_refused(mproc_pool_imap(&it, workers, square, NULL, 4, 4, 1, &options, *state),
                   APR_EINVAL, "not both");
    assert_ptr_equal(it, UNTOUCHED);
    assert_int_equal(asked, 0);
    assert_joins(workers);
}

static void next_needs_an_iterator_and_room(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    int item = 3, result = 4711;
    mproc_imap_t *it;

    assert_refused(mproc_imap_next(NULL, NULL, &result, 0), APR_EINVAL, "the iterator is NULL");
    assert_success(mproc_pool_imap(&it, workers, square, &item, 4, 4, 1, NULL, *state));
    assert_refused(mproc_imap_next(it, NULL, NULL, PATIENCE), APR_EINVAL, "no room");
    assert_int_equal(result, 4711);
    assert_success(mproc_imap_next(it, NULL, &result, PATIENCE));
    assert_int_equal(result, 9);
}

/* -- After the end ------------------------------------------------------------------------------------ */

static void every_call_says_that_the_pool_was_closed(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = UNTOUCHED;
    mproc_imap_t *it = UNTOUCHED;
    int item = 1, square_of_it;

    assert_success(mproc_pool_close(workers));
    assert_refused(map(workers, square, &item, 4, &square_of_it, 4, 1), MPROC_ECLOSED, "closed");
    assert_refused(map(workers, square, &item, 4, &square_of_it, 4, 0), MPROC_ECLOSED, "closed");
    assert_refused(mproc_pool_starmap(&result, workers, call_deed, NULL, 0, 0, *state),
                   MPROC_ECLOSED, "closed");
    assert_refused(mproc_pool_imap(&it, workers, square, &item, 4, 4, 1, NULL, *state),
                   MPROC_ECLOSED, "closed");
    assert_true(result == UNTOUCHED && it == UNTOUCHED);
}

static void every_call_says_that_the_pool_was_terminated(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = UNTOUCHED;
    mproc_imap_t *it = UNTOUCHED;
    int item = 1, square_of_it;
    void *memory = UNTOUCHED;

    assert_success(mproc_pool_terminate(workers));
    assert_refused(map(workers, square, &item, 4, &square_of_it, 4, 1), MPROC_ECLOSED,
                   "terminated");
    assert_refused(mproc_pool_apply_async(&result, workers, call_deed, MPROC_NO_ARGS, NULL, *state),
                   MPROC_ECLOSED, "terminated");
    assert_refused(mproc_pool_imap(&it, workers, square, &item, 4, 4, 1, NULL, *state),
                   MPROC_ECLOSED, "terminated");
    assert_refused(mproc_pool_alloc(&memory, workers, 1), MPROC_ECLOSED, "terminated");
    assert_true(result == UNTOUCHED && it == UNTOUCHED && memory == UNTOUCHED);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_pool_needs_a_variable_and_memory),
        claim_leaving_nothing(a_pool_has_1_to_1024_workers),
        claim_leaving_nothing(options_have_their_size),
        claim_leaving_nothing(options_that_make_no_sense_are_named),
        claim_leaving_nothing(an_initializer_is_in_the_table),
        claim_leaving_nothing(a_start_method_is_one_that_there_is),
        claim_leaving_nothing(calls_without_a_pool_are_refused),
        claim_leaving_nothing(resize_keeps_to_the_same_numbers),
        claim_leaving_nothing(pids_need_room_and_a_variable),
        claim_leaving_nothing(no_result_is_refused_or_nothing),
        claim_leaving_nothing(a_call_needs_a_target_in_the_table),
        claim_leaving_nothing(a_call_needs_a_variable_and_memory),
        claim_leaving_nothing(options_of_a_call_have_their_size),
        claim_leaving_nothing(objects_do_not_travel_in_arguments),
        claim_leaving_nothing(a_map_says_what_is_wrong),
        claim_leaving_nothing(sizes_beyond_memory_are_refused),
        claim_leaving_nothing(a_chunk_has_no_more_items_than_there_are),
        claim_leaving_nothing(an_iterator_says_what_is_wrong),
        claim_leaving_nothing(next_needs_an_iterator_and_room),
        claim_leaving_nothing(every_call_says_that_the_pool_was_closed),
        claim_leaving_nothing(every_call_says_that_the_pool_was_terminated),
    };
    mproc_pool_t *workers = UNTOUCHED;
    apr_pool_t *mem;
    apr_status_t before;

    before = mproc_pool_create(&workers, 1, NULL, NULL);
    mproc_init(&mem, &argc, &argv, targets);
    if (before != MPROC_EBOOTSTRAP || workers != UNTOUCHED) {
        print_error("a pool was not refused before mproc_init()\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
