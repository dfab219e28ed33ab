/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The death of workers: it costs what they were doing, and nothing else.
 */

#include "claims.h"
#include "nested.h"
#include "pools.h"
#include "queues.h"
#include "system.h"
#include "workers.h"

#include <mproc/context.h>

#include <string.h>

/* A parent with a pool whose worker holds a line, which is heard to end. */
static apr_status_t hold_line(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return say(line, "born");
}

static apr_status_t be_parent_of_a_pool(mproc_task_t *task)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;
    nesting_t nesting;

    MPROC_TRY(unpack_nesting(&nesting, task));
    options.initializer = hold_line;
    options.initargs = MPROC_PACK(nesting.line);
    MPROC_TRY(mproc_pool_create(&workers, 1, &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_close(nesting.line));
    MPROC_TRY(say(nesting.control, "ready"));
    return answer_on(nesting.control);
}

static const mproc_target_t targets[] = {MPROC_TARGET(hold_line), MPROC_TARGET(be_parent_of_a_pool),
                                         MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- How it may happen, and what is said of it ------------------------------------------------ */

static const way_t deaths[] = {GET_KILLED, ABORT, CRASH, EXIT_0, EXIT_3};

#define DEATHS (sizeof deaths / sizeof deaths[0])

static void a_call_whose_worker_dies_fails_however_it_dies(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    size_t i;

    for (i = 0; i < DEATHS; i++) {
        assert_refused(apply_deed(workers, deaths[i], 1), MPROC_EWORKERDIED,
                       "the worker was lost: ");
        assert_success(apply_deed(workers, SQUARE, 2));
    }
}

static void an_item_whose_worker_dies_fails_however_it_dies(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    size_t i;

    for (i = 0; i < DEATHS; i++) {
        deed_t deed = {(int)deaths[i], 1};
        int result = -1;

        assert_refused(mproc_pool_map(workers, do_deed, &deed, sizeof deed, &result, sizeof result,
                                      1, PATIENCE),
                       MPROC_EWORKERDIED, "the worker was lost: ");
        assert_int_equal(result, -1);
    }
    assert_works(workers);
}

/* Not every system tells with which code a forked process has left. */
static void the_words_say_how_the_worker_ended(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;

    options.start_method = MPROC_SPAWN;
    workers = make_workers(1, &options, *state);
    assert_refused(apply_deed(workers, GET_KILLED, 1), MPROC_EWORKERDIED, " 9");
    assert_refused(apply_deed(workers, EXIT_3, 1), MPROC_EWORKERDIED, "called exit(3)");
    assert_refused(apply_deed(workers, EXIT_0, 1), MPROC_EWORKERDIED, "called exit(0)");
}

static void the_result_has_the_words_too(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    mproc_result_t *result = start_deed(workers, EXIT_3, 1, NULL, *state);

    assert_success(mproc_result_wait(result, PATIENCE));
    assert_words(mproc_result_error(result), "called exit(");
    assert_status(mproc_result_item_status(result, 0), MPROC_EWORKERDIED);
}

/* -- What it costs ------------------------------------------------------------------------------ */

/* Deaths among squares: every 7th of them, each in its own way. */
static void make_deeds(deed_t *deeds, int count)
{
    int i;

    for (i = 0; i < count; i++)
        deeds[i] = (deed_t){i % 7 == 3 ? (int)deaths[(size_t)i / 7 % DEATHS] : SQUARE, i};
}

static void assert_costs_only_the_deadly(mproc_pool_t *workers, size_t chunksize, apr_pool_t *mem)
{
    enum { COUNT = 28 };
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_result_t *result;
    int results[COUNT], i;
    deed_t deeds[COUNT];

    make_deeds(deeds, COUNT);
    memset(results, 0xff, sizeof results);
    options.chunksize = chunksize;
    assert_success(mproc_pool_map_async(&result, workers, do_deed, deeds, sizeof *deeds, results,
                                        sizeof *results, COUNT, &options, mem));
    assert_status(mproc_result_get(result, PATIENCE), MPROC_EWORKERDIED);
    for (i = 0; i < COUNT; i++) {
        int is_deadly = deeds[i].way != SQUARE;

        assert_status(mproc_result_item_status(result, (size_t)i),
                      is_deadly ? MPROC_EWORKERDIED : APR_SUCCESS);
        assert_int_equal(results[i], is_deadly ? -1 : i * i);
    }
}

static void a_death_costs_one_item_of_a_map(void **state)
{
    static const size_t sizes[] = {0, 1, 5, 28};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_costs_only_the_deadly(workers, sizes[i], *state);
}

static void a_death_costs_one_item_of_arrays_in_place(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    deed_t *deeds;
    int *results, i;
    void *memory;

    assert_success(mproc_pool_alloc(&memory, workers, 14 * (sizeof *deeds + sizeof *results)));
    deeds = memory;
    results = (int *)(deeds + 14);
    make_deeds(deeds, 14);
    assert_status(mproc_pool_map(workers, do_deed, deeds, sizeof *deeds, results, sizeof *results,
                                 14, PATIENCE),
                  MPROC_EWORKERDIED);
    for (i = 0; i < 14; i++)
        assert_int_equal(results[i], deeds[i].way != SQUARE ? 0 : i * i);
}

static void a_death_costs_one_item_of_an_iterator(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {SQUARE, 1}, {GET_KILLED, 2}, {SQUARE, 3}};
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;
    int result, i;

    for (options.chunksize = 1; options.chunksize <= 4; options.chunksize++) {
        assert_success(mproc_pool_imap(&it, workers, do_deed, deeds, sizeof *deeds, sizeof result,
                                       4, &options, *state));
        for (i = 0; i < 4; i++) {
            result = -1;
            assert_status(mproc_imap_next(it, NULL, &result, PATIENCE),
                          i == 2 ? MPROC_EWORKERDIED : APR_SUCCESS);
            assert_int_equal(result, i == 2 ? -1 : i * i);
        }
        assert_status(mproc_imap_next(it, NULL, &result, PATIENCE), APR_EOF);
    }
}

static void a_death_costs_one_call_of_many(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    mproc_result_t *results[28];
    deed_t deeds[28];
    int i, number;

    make_deeds(deeds, 28);
    for (i = 0; i < 28; i++)
        results[i] = start_deed(workers, (way_t)deeds[i].way, i, NULL, *state);
    for (i = 0; i < 28; i++) {
        if (deeds[i].way != SQUARE) {
            assert_status(mproc_result_get(results[i], PATIENCE), MPROC_EWORKERDIED);
            continue;
        }
        assert_success(mproc_result_get(results[i], PATIENCE));
        assert_success(MPROC_UNPACK(results[i], &number));
        assert_int_equal(number, i * i);
    }
}

static void a_worker_killed_from_without_costs_what_it_was_doing(void **state)
{
    mproc_result_t *running, *waiting;
    apr_int64_t pid;
    size_t count;
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    running = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    waiting = start_deed(crew.workers, SQUARE, 2, NULL, *state);
    await_news(&crew, "begun", 1);
    assert_success(mproc_pool_pids(crew.workers, &pid, 1, &count));
    kill_pid(pid);
    assert_refused(mproc_result_get(running, PATIENCE), MPROC_EWORKERDIED, " 9");
    assert_success(mproc_result_get(waiting, PATIENCE));
}

static void a_worker_that_dies_idle_costs_nothing(void **state)
{
    mproc_pool_t *workers = make_workers(1, NULL, *state);
    apr_int64_t pid;
    size_t count;
    int i;

    for (i = 0; i < 5; i++) {
        assert_works(workers);
        assert_success(mproc_pool_pids(workers, &pid, 1, &count));
        if (count == 1)
            kill_pid(pid);
    }
    assert_works(workers);
    assert_joins(workers);
}

static void a_new_worker_takes_the_place_of_a_dead_one(void **state)
{
    mproc_pool_t *workers = make_workers(2, NULL, *state);
    apr_int64_t before[2], after[2];
    size_t count;

    assert_success(mproc_pool_pids(workers, before, 2, &count));
    assert_status(apply_deed(workers, EXIT_3, 1), MPROC_EWORKERDIED);
    await_workers(workers, 2);
    assert_success(mproc_pool_pids(workers, after, 2, &count));
    assert_true(before[0] != after[0] || before[1] != after[1]);
    assert_true(before[0] == after[0] || before[1] == after[1] || before[0] == after[1] ||
                before[1] == after[0]);
}

/* -- Once more -------------------------------------------------------------------------------------- */

static void make_crew_that_retries(crew_t *crew, int processes, apr_uint32_t retries,
                                   apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.retries = retries;
    make_crew(crew, processes, &options, mem);
}

static void two_retries_are_three_attempts_at_a_call(void **state)
{
    crew_t crew;

    make_crew_that_retries(&crew, 1, 2, *state);
    assert_status(apply_deed(crew.workers, GET_KILLED, 1), MPROC_EWORKERDIED);
    await_news(&crew, "begun", 3);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void two_retries_are_three_attempts_at_an_item(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {SQUARE, 1}, {EXIT_3, 2}, {SQUARE, 3}};
    int results[4] = {-1, -1, -1, -1};
    crew_t crew;

    make_crew_that_retries(&crew, 1, 2, *state);
    assert_refused(mproc_pool_map(crew.workers, do_deed, deeds, sizeof *deeds, results,
                                  sizeof *results, 4, PATIENCE),
                   MPROC_EWORKERDIED, "called exit(");
    await_news(&crew, "begun", 3);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
    assert_true(results[0] == 0 && results[1] == 1 && results[2] == -1 && results[3] == 9);
}

static void two_retries_are_three_attempts_at_an_item_of_imap(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {EXIT_3, 1}};
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;
    int result;
    crew_t crew;

    options.chunksize = 2;
    make_crew_that_retries(&crew, 1, 2, *state);
    assert_success(mproc_pool_imap(&it, crew.workers, do_deed, deeds, sizeof *deeds, sizeof result,
                                   2, &options, *state));
    assert_success(mproc_imap_next(it, NULL, &result, PATIENCE));
    assert_status(mproc_imap_next(it, NULL, &result, PATIENCE), MPROC_EWORKERDIED);
    await_news(&crew, "begun", 3);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void without_retries_there_is_one_attempt(void **state)
{
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    assert_status(apply_deed(crew.workers, EXIT_0, 1), MPROC_EWORKERDIED);
    await_news(&crew, "begun", 1);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void a_failure_of_the_target_is_not_tried_again(void **state)
{
    crew_t crew;

    make_crew_that_retries(&crew, 1, 2, *state);
    assert_status(apply_deed(crew.workers, FAIL, 1), MPROC_ERANGE);
    await_news(&crew, "begun", 1);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

static void kill_the_worker(const crew_t *crew)
{
    apr_int64_t pid;
    size_t count;

    await_workers(crew->workers, 1); /* it may be at work before it is on the list */
    assert_success(mproc_pool_pids(crew->workers, &pid, 1, &count));
    assert_int_equal(count, 1);
    kill_pid(pid);
}

/* More often than anybody would count. */
static void what_is_retried_for_ever_succeeds_in_the_end(void **state)
{
    mproc_result_t *result;
    int i, number;
    crew_t crew;

    make_crew_that_retries(&crew, 1, MPROC_RETRY_FOREVER, *state);
    result = start_deed(crew.workers, WAIT, 5, NULL, *state);
    for (i = 0; i < 6; i++) {
        await_news(&crew, "begun", 1);
        kill_the_worker(&crew);
    }
    await_news(&crew, "begun", 1);
    open_gate(&crew, 1);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_success(MPROC_UNPACK(result, &number));
    assert_int_equal(number, 25);
}

static void a_retry_that_succeeds_leaves_no_trace(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 1}, {WAIT, 2}, {SQUARE, 3}};
    mproc_result_t *result;
    int results[3];
    crew_t crew;

    make_crew_that_retries(&crew, 1, 1, *state);
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds,
                                        results, sizeof *results, 3, NULL, *state));
    await_news(&crew, "begun", 1);
    kill_the_worker(&crew);
    await_news(&crew, "begun", 1);
    open_gate(&crew, 1);
    assert_success(mproc_result_get(result, PATIENCE));
    assert_success(mproc_result_item_status(result, 1));
    assert_string_equal(mproc_result_error(result), "");
    assert_true(results[0] == 1 && results[1] == 4 && results[2] == 9);
}

/* -- The death of the parent ---------------------------------------------------------------------------- */

static void workers_die_with_the_process_that_made_the_pool(void **state)
{
    nested_t nested;

    start_nested(&nested, be_parent_of_a_pool, *state);
    assert_ends_with_its_parent(&nested, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_call_whose_worker_dies_fails_however_it_dies),
        claim_leaving_nothing(an_item_whose_worker_dies_fails_however_it_dies),
        claim_leaving_nothing(the_words_say_how_the_worker_ended),
        claim_leaving_nothing(the_result_has_the_words_too),
        claim_leaving_nothing(a_death_costs_one_item_of_a_map),
        claim_leaving_nothing(a_death_costs_one_item_of_arrays_in_place),
        claim_leaving_nothing(a_death_costs_one_item_of_an_iterator),
        claim_leaving_nothing(a_death_costs_one_call_of_many),
        claim_leaving_nothing(a_worker_killed_from_without_costs_what_it_was_doing),
        claim_leaving_nothing(a_worker_that_dies_idle_costs_nothing),
        claim_leaving_nothing(a_new_worker_takes_the_place_of_a_dead_one),
        claim_leaving_nothing(two_retries_are_three_attempts_at_a_call),
        claim_leaving_nothing(two_retries_are_three_attempts_at_an_item),
        claim_leaving_nothing(two_retries_are_three_attempts_at_an_item_of_imap),
        claim_leaving_nothing(without_retries_there_is_one_attempt),
        claim_leaving_nothing(a_failure_of_the_target_is_not_tried_again),
        claim_leaving_nothing(what_is_retried_for_ever_succeeds_in_the_end),
        claim_leaving_nothing(a_retry_that_succeeds_leaves_no_trace),
        claim_leaving_nothing(workers_die_with_the_process_that_made_the_pool),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
