/* SPDX-License-Identifier: Apache-2.0 */

/*
 * imap: results one after the other, while a bounded number of items is read ahead.
 */

#include "claims.h"
#include "pools.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of an item, and of its result. */
#define LARGE ((size_t)50000)

static apr_status_t invert(const void *item, void *result, mproc_task_t *task)
{
    size_t i;

    (void)task;
    for (i = 0; i < LARGE; i++)
        ((char *)result)[i] = (char)(10 - ((const char *)item)[i]);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(invert), MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_END};

/* A source of 0, 1, 2... */
typedef struct source_t {
    int next, count; /* negative: without end */
    int calls;
    apr_status_t rv; /* in the end */
} source_t;

static apr_status_t next_number(void *item, void *data)
{
    source_t *source = data;

    source->calls++;
    if (source->next == source->count)
        return source->rv == APR_EOF ? APR_EOF : mproc_error_set(source->rv, "the source is dry");
    *(int *)item = source->next++;
    return APR_SUCCESS;
}

static mproc_imap_t *read_source(mproc_pool_t *workers, source_t *source, size_t chunksize,
                                 size_t buffersize, apr_pool_t *mem)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;

    options.source = next_number;
    options.source_data = source;
    options.chunksize = chunksize;
    options.buffersize = buffersize;
    assert_success(
        mproc_pool_imap(&it, workers, square, NULL, sizeof(int), sizeof(int), 0, &options, mem));
    return it;
}

/* The next results, of items from `first` on, in this order. */
static void assert_next(mproc_imap_t *it, int first, int count)
{
    int i, result;
    size_t index;

    for (i = first; i < first + count; i++) {
        index = 4711;
        result = -1;
        assert_success(mproc_imap_next(it, &index, &result, PATIENCE));
        assert_int_equal(index, i);
        assert_int_equal(result, i * i);
    }
}

static void assert_no_more(mproc_imap_t *it)
{
    size_t index = 4711;
    int result = -1;

    assert_refused(mproc_imap_next(it, &index, &result, PATIENCE), APR_EOF, "no more");
    assert_status(mproc_imap_next(it, &index, &result, 0), APR_EOF);
    assert_true(index == 4711 && result == -1);
}

static const int *count_up(int count, apr_pool_t *mem)
{
    int *items = apr_palloc(mem, ((size_t)count + 1) * sizeof *items), i;

    for (i = 0; i < count; i++)
        items[i] = i;
    return items;
}

static mproc_imap_t *read_array(mproc_pool_t *workers, size_t count, size_t chunksize,
                                apr_pool_t *mem)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;

    options.chunksize = chunksize;
    assert_success(mproc_pool_imap(&it, workers, square, count_up((int)count, mem), sizeof(int),
                                   sizeof(int), count, &options, mem));
    return it;
}

/* -- In order --------------------------------------------------------------------------- */

static void results_come_in_the_order_of_their_items(void **state)
{
    static const int counts[] = {0, 1, 2, 5, 1000};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t i;

    for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        mproc_imap_t *it = read_array(workers, (size_t)counts[i], 0, *state);

        assert_next(it, 0, counts[i]);
        assert_no_more(it);
    }
    assert_joins(workers);
}

static void chunks_of_every_size_give_the_same_results(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t size;

    for (size = 1; size <= 11; size++) {
        mproc_imap_t *it = read_array(workers, 11, size, *state);

        assert_next(it, 0, 11);
        assert_no_more(it);
    }
}

static mproc_imap_t *read_deeds(mproc_pool_t *workers, const deed_t *deeds, size_t count,
                                size_t chunksize, int is_ordered, apr_pool_t *mem)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;

    options.chunksize = chunksize;
    if (is_ordered)
        assert_success(mproc_pool_imap(&it, workers, do_deed, deeds, sizeof *deeds, sizeof(int),
                                       count, &options, mem));
    else
        assert_success(mproc_pool_imap_unordered(&it, workers, do_deed, deeds, sizeof *deeds,
                                                 sizeof(int), count, &options, mem));
    return it;
}

static void a_slow_item_is_waited_for(void **state)
{
    static const deed_t deeds[] = {{WAIT, 0}, {SQUARE, 1}, {SQUARE, 2}};
    mproc_imap_t *it;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    it = read_deeds(crew.workers, deeds, 3, 1, 1, *state);
    assert_refused(mproc_imap_next(it, NULL, &(int){0}, 0), APR_TIMEUP, "no result was there");
    assert_status(mproc_imap_next(it, NULL, &(int){0}, A_MOMENT), APR_TIMEUP);
    open_gate(&crew, 1);
    assert_next(it, 0, 3);
    assert_no_more(it);
}

static void unordered_results_come_when_they_are_there(void **state)
{
    static const deed_t deeds[] = {{WAIT, 7}, {SQUARE, 1}, {SQUARE, 2}};
    int result, seen = 0, i;
    mproc_imap_t *it;
    size_t index;
    crew_t crew;

    make_crew(&crew, 2, NULL, *state);
    it = read_deeds(crew.workers, deeds, 3, 1, 0, *state);
    for (i = 0; i < 2; i++) {
        assert_success(mproc_imap_next(it, &index, &result, PATIENCE));
        assert_true(index == 1 || index == 2);
        assert_int_equal(result, index * index);
        seen += (int)index;
    }
    assert_int_equal(seen, 3);
    assert_status(mproc_imap_next(it, &index, &result, 0), APR_TIMEUP);
    open_gate(&crew, 1);
    assert_success(mproc_imap_next(it, &index, &result, PATIENCE));
    assert_true(index == 0 && result == 49);
    assert_no_more(it);
}

static void every_unordered_result_comes_once(void **state)
{
    enum { COUNT = 1000 };
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    unsigned char seen[COUNT] = {0};
    mproc_imap_t *it;
    size_t index, i;
    int result;

    assert_success(mproc_pool_imap_unordered(&it, workers, square, count_up(COUNT, *state), 4, 4,
                                             COUNT, NULL, *state));
    for (i = 0; i < COUNT; i++) {
        assert_success(mproc_imap_next(it, &index, &result, PATIENCE));
        assert_true(index < COUNT && !seen[index]++);
        assert_int_equal(result, index * index);
    }
    assert_no_more(it);
}

static void results_may_have_no_size(void **state)
{
    static const deed_t deeds[] = {{FAIL, 0}, {FAIL_SILENTLY, 1}};
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_imap_t *it;

    assert_success(
        mproc_pool_imap(&it, workers, do_deed, deeds, sizeof *deeds, 0, 2, NULL, *state));
    assert_status(mproc_imap_next(it, NULL, NULL, PATIENCE), MPROC_ERANGE);
    assert_status(mproc_imap_next(it, NULL, NULL, PATIENCE), MPROC_ERANGE);
    assert_status(mproc_imap_next(it, NULL, NULL, PATIENCE), APR_EOF);
}

static apr_status_t fill_large(void *item, void *data)
{
    int *count = data;

    memset(item, 7, LARGE);
    return (*count)-- > 0 ? APR_SUCCESS : APR_EOF;
}

static void large_items_and_results_travel(void **state)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    char *expected = malloc(LARGE), *result = malloc(LARGE);
    int count = 30, i;
    mproc_imap_t *it;

    memset(expected, 3, LARGE);
    options.source = fill_large;
    options.source_data = &count;
    options.chunksize = 3;
    assert_success(mproc_pool_imap(&it, workers, invert, NULL, LARGE, LARGE, 0, &options, *state));
    for (i = 0; i < 30; i++) {
        assert_success(mproc_imap_next(it, NULL, result, PATIENCE));
        assert_memory_equal(result, expected, LARGE);
    }
    assert_status(mproc_imap_next(it, NULL, result, PATIENCE), APR_EOF);
    free(expected);
    free(result);
}

/* -- Failures ------------------------------------------------------------------------------ */

static void a_failed_item_has_its_index_and_the_next_goes_on(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {FAIL, 1}, {SQUARE, 2}, {FAIL, 3}};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t index = 4711, chunksize;
    int result = -1;

    for (chunksize = 1; chunksize <= 4; chunksize++) {
        mproc_imap_t *it = read_deeds(workers, deeds, 4, chunksize, 1, *state);

        result = -1;
        assert_next(it, 0, 1);
        assert_refused(mproc_imap_next(it, &index, &result, PATIENCE), MPROC_ERANGE,
                       "number 1 is not to be squared");
        assert_true(index == 1 && result == -1);
        assert_next(it, 2, 1);
        assert_refused(mproc_imap_next(it, &index, &result, PATIENCE), MPROC_ERANGE, "number 3");
        assert_int_equal(index, 3);
        assert_no_more(it);
    }
}

/* -- Sources --------------------------------------------------------------------------------- */

static void items_come_from_a_source(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t chunksize;

    for (chunksize = 1; chunksize < 6; chunksize++) {
        source_t source = {0, 100, 0, APR_EOF};
        mproc_imap_t *it = read_source(workers, &source, chunksize, 0, *state);

        assert_next(it, 0, 100);
        assert_no_more(it);
        assert_int_equal(source.calls, 101);
    }
}

/* Four of them a worker would be 0, if nobody looked. */
static void chunks_beyond_memory_are_refused(void **state)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    source_t source = {0, 100, 0, APR_EOF};
    mproc_imap_t *it;

    options.chunksize = SIZE_MAX / 64 + 1;
    options.source = next_number;
    options.source_data = &source;
    assert_refused(mproc_pool_imap(&it, make_workers(16, NULL, *state), square, NULL, sizeof(int),
                                   sizeof(int), 0, &options, *state),
                   APR_ENOMEM, "no memory for a chunk");
}

static void an_empty_source_gives_no_results(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    source_t source = {0, 0, 0, APR_EOF};

    assert_no_more(read_source(workers, &source, 0, 0, *state));
    assert_int_equal(source.calls, 1);
}

static void a_failure_of_the_source_comes_at_its_place(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    source_t source = {0, 5, 0, MPROC_ETORN};
    mproc_imap_t *it = read_source(workers, &source, 2, 0, *state);
    int result;

    assert_next(it, 0, 5);
    assert_refused(mproc_imap_next(it, NULL, &result, PATIENCE), MPROC_ETORN, "the source is dry");
    assert_no_more(it);
    assert_int_equal(source.calls, 6);
    assert_joins(workers);
}

static void no_more_is_read_ahead_than_was_asked_for(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 7, 20};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t i;
    int taken;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        source_t source = {0, -1, 0, APR_EOF};
        mproc_imap_t *it = read_source(workers, &source, 1, sizes[i], *state);

        for (taken = 0; taken < 50; taken++) {
            assert_true(source.calls <= taken + (int)sizes[i]);
            assert_next(it, taken, 1);
        }
        mproc_imap_close(it);
    }
}

static void four_chunks_a_worker_are_read_ahead_by_default(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    source_t source = {0, -1, 0, APR_EOF};
    mproc_imap_t *it = read_source(workers, &source, 3, 0, *state);
    int taken;

    for (taken = 0; taken < 100; taken++) {
        assert_true(source.calls <= taken + 24);
        assert_next(it, taken, 1);
    }
    assert_true(source.calls > 24);
}

/* -- Their end ---------------------------------------------------------------------------------- */

static void closing_early_cancels_what_is_not_done(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {FALL_ASLEEP, 1}, {FALL_ASLEEP, 2}};
    mproc_imap_t *it;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    it = read_deeds(crew.workers, deeds, 3, 1, 1, *state);
    assert_next(it, 0, 1);
    await_news(&crew, "begun", 1);
    mproc_imap_close(it);
    assert_works(crew.workers);
    assert_joins(crew.workers);
}

static void the_end_of_its_memory_closes_an_iterator(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    source_t source = {0, -1, 0, APR_EOF};
    apr_pool_t *mem;
    int i;

    for (i = 0; i < 3; i++) {
        assert_success(apr_pool_create(&mem, *state));
        assert_next(read_source(workers, &source, 2, 5, mem), 0, i);
        apr_pool_destroy(mem);
        source.next = 0;
    }
    assert_joins(workers);
}

static void join_refuses_to_wait_for_unread_input(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    source_t source = {0, -1, 0, APR_EOF};
    mproc_imap_t *it = read_source(workers, &source, 1, 2, *state);

    assert_refused(mproc_pool_join(workers, PATIENCE), MPROC_EINUSE, "mproc_imap_close() it");
    assert_next(it, 0, 5);
    mproc_imap_close(it);
    assert_joins(workers);
}

static void an_iterator_goes_on_when_the_pool_is_closed(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    source_t source = {0, 50, 0, APR_EOF};
    mproc_imap_t *it = read_source(workers, &source, 1, 2, *state);

    assert_success(mproc_pool_close(workers));
    assert_next(it, 0, 50);
    assert_no_more(it);
    assert_joins(workers);
}

static void results_that_are_there_stay_after_join(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_imap_t *it = read_array(workers, 3, 0, *state);

    assert_next(it, 0, 1);
    assert_joins(workers);
    assert_next(it, 1, 2);
    assert_no_more(it);
}

static void a_terminated_pool_ends_its_iterators(void **state)
{
    static const deed_t deeds[] = {{FALL_ASLEEP, 0}, {SQUARE, 1}};
    mproc_imap_t *it;
    crew_t crew;
    int result;

    make_crew(&crew, 1, NULL, *state);
    it = read_deeds(crew.workers, deeds, 2, 1, 1, *state);
    assert_success(mproc_pool_terminate(crew.workers));
    assert_refused(mproc_imap_next(it, NULL, &result, PATIENCE), MPROC_ETERMINATED,
                   "the pool was terminated");
}

static void an_iterator_may_live_longer_than_its_pool(void **state)
{
    apr_pool_t *mem;
    mproc_imap_t *it;
    int result;

    assert_success(apr_pool_create(&mem, *state));
    it = read_array(make_workers(1, NULL, mem), 3, 0, *state);
    apr_pool_destroy(mem);
    assert_refused(mproc_imap_next(it, NULL, &result, PATIENCE), MPROC_ECLOSED,
                   "the memory of its pool is gone");
    mproc_imap_close(it);
    mproc_imap_close(NULL);
}

static void two_iterators_may_be_read_in_turns(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    source_t sources[2] = {{0, 100, 0, APR_EOF}, {0, 100, 0, APR_EOF}};
    mproc_imap_t *one = read_source(workers, &sources[0], 1, 0, *state);
    mproc_imap_t *other = read_source(workers, &sources[1], 3, 0, *state);
    int i;

    for (i = 0; i < 100; i++) {
        assert_next(one, i, 1);
        assert_next(other, i, 1);
    }
    assert_no_more(one);
    assert_no_more(other);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(results_come_in_the_order_of_their_items),
        claim_leaving_nothing(chunks_of_every_size_give_the_same_results),
        claim_leaving_nothing(a_slow_item_is_waited_for),
        claim_leaving_nothing(unordered_results_come_when_they_are_there),
        claim_leaving_nothing(every_unordered_result_comes_once),
        claim_leaving_nothing(results_may_have_no_size),
        claim_leaving_nothing(large_items_and_results_travel),
        claim_leaving_nothing(a_failed_item_has_its_index_and_the_next_goes_on),
        claim_leaving_nothing(items_come_from_a_source),
        claim_leaving_nothing(chunks_beyond_memory_are_refused),
        claim_leaving_nothing(an_empty_source_gives_no_results),
        claim_leaving_nothing(a_failure_of_the_source_comes_at_its_place),
        claim_leaving_nothing(no_more_is_read_ahead_than_was_asked_for),
        claim_leaving_nothing(four_chunks_a_worker_are_read_ahead_by_default),
        claim_leaving_nothing(closing_early_cancels_what_is_not_done),
        claim_leaving_nothing(the_end_of_its_memory_closes_an_iterator),
        claim_leaving_nothing(join_refuses_to_wait_for_unread_input),
        claim_leaving_nothing(an_iterator_goes_on_when_the_pool_is_closed),
        claim_leaving_nothing(results_that_are_there_stay_after_join),
        claim_leaving_nothing(a_terminated_pool_ends_its_iterators),
        claim_leaving_nothing(an_iterator_may_live_longer_than_its_pool),
        claim_leaving_nothing(two_iterators_may_be_read_in_turns),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
