/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How far a pool has come: what its progress function is told.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"

#include <string.h>

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

/* What was told is told on by a queue, as one thread writes and another reads. */
static void tell(const mproc_progress_t *progress, void *data)
{
    mproc_queue_put_bytes(data, progress, sizeof *progress, 0);
}

static mproc_queue_t *make_told(crew_t *crew, int processes, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_queue_t *told = make_queue(1 << 16, 0, mem);

    options.progress = tell;
    options.progress_data = told;
    make_crew(crew, processes, &options, mem);
    return told;
}

static mproc_progress_t next_told(mproc_queue_t *told)
{
    mproc_progress_t progress;
    size_t size;

    assert_success(mproc_queue_get_bytes(told, &progress, sizeof progress, &size, PATIENCE));
    assert_int_equal(size, sizeof progress);
    return progress;
}

/* What is told until all is done: never less than before, and no more than all; the last. */
static mproc_progress_t assert_grows(mproc_queue_t *told)
{
    mproc_progress_t last = {0, 0, 0}, now;

    do {
        now = next_told(told);
        assert_true(now.done >= last.done && now.total >= last.total);
        assert_true(now.done <= now.total && now.elapsed >= last.elapsed);
        last = now;
    } while (now.done < now.total);
    return last;
}

static void map_waiting(const crew_t *crew, size_t count, mproc_result_t **result, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    deed_t *deeds = apr_palloc(mem, count * sizeof *deeds);
    size_t i;

    options.chunksize = 1;
    for (i = 0; i < count; i++)
        deeds[i] = (deed_t){WAIT, (int)i};
    assert_success(mproc_pool_map_async(result, crew->workers, do_deed, deeds, sizeof *deeds,
                                        apr_palloc(mem, count * sizeof(int)), sizeof(int), count,
                                        &options, mem));
}

static void progress_ends_when_all_is_done(void **state)
{
    mproc_progress_t last;
    mproc_result_t *result;
    mproc_queue_t *told;
    crew_t crew;

    told = make_told(&crew, 2, *state);
    map_waiting(&crew, 10, &result, *state);
    open_gate(&crew, 10);
    last = assert_grows(told);
    assert_true(last.done == 10 && last.total == 10);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(told), 0);
}

static void progress_is_told_again_and_again_while_a_task_is_at_work(void **state)
{
    mproc_progress_t progress, before = {0, 0, 0};
    mproc_queue_t *told;
    crew_t crew;
    int i;

    told = make_told(&crew, 1, *state);
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    for (i = 0; i < 4; i++) {
        progress = next_told(told);
        assert_true(progress.done == 0 && progress.total == 1);
        assert_true(i == 0 || progress.elapsed >= before.elapsed + apr_time_from_msec(50));
        before = progress;
    }
    open_gate(&crew, 1);
    assert_int_equal(assert_grows(told).done, 1);
}

static void what_has_failed_is_done_too(void **state)
{
    mproc_queue_t *told;
    crew_t crew;

    told = make_told(&crew, 1, *state);
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    start_deed(crew.workers, FAIL, 1, NULL, *state);
    start_deed(crew.workers, EXIT_3, 1, NULL, *state);
    open_gate(&crew, 1);
    assert_int_equal(assert_grows(told).total, 3);
}

static void more_may_be_given_while_it_works(void **state)
{
    mproc_result_t *result;
    mproc_queue_t *told;
    crew_t crew;

    told = make_told(&crew, 1, *state);
    map_waiting(&crew, 3, &result, *state);
    await_news(&crew, "begun", 1);
    map_waiting(&crew, 4, &result, *state);
    open_gate(&crew, 7);
    assert_int_equal(assert_grows(told).total, 7);
}

static void the_count_begins_anew_when_there_was_nothing_to_do(void **state)
{
    mproc_result_t *result;
    mproc_queue_t *told;
    crew_t crew;
    int i;

    told = make_told(&crew, 1, *state);
    for (i = 1; i < 4; i++) {
        map_waiting(&crew, (size_t)i, &result, *state);
        open_gate(&crew, i);
        assert_int_equal(assert_grows(told).total, i);
    }
}

static void items_of_an_iterator_are_counted_as_they_are_read(void **state)
{
    static const int items[20] = {0};
    mproc_progress_t last;
    mproc_queue_t *told;
    mproc_imap_t *it;
    crew_t crew;
    int i, result;

    told = make_told(&crew, 1, *state);
    assert_success(mproc_pool_imap(&it, crew.workers, square, items, sizeof *items, sizeof result,
                                   20, NULL, *state));
    for (i = 0; i < 20; i++)
        assert_success(mproc_imap_next(it, NULL, &result, PATIENCE));
    last = assert_grows(told);
    assert_true(last.total >= 1 && last.total <= 20);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(progress_ends_when_all_is_done),
        claim_leaving_nothing(progress_is_told_again_and_again_while_a_task_is_at_work),
        claim_leaving_nothing(what_has_failed_is_done_too),
        claim_leaving_nothing(more_may_be_given_while_it_works),
        claim_leaving_nothing(the_count_begins_anew_when_there_was_nothing_to_do),
        claim_leaving_nothing(items_of_an_iterator_are_counted_as_they_are_read),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
