/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The options of a pool: initializers, how long workers live, and how long tasks may take.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"

#include <mproc/context.h>

#include <string.h>

/* -- Initializers ------------------------------------------------------------------------- */

static int number_of_this_worker;

static apr_status_t take_number(mproc_task_t *task)
{
    return MPROC_UNPACK(task, &number_of_this_worker);
}

static apr_status_t tell_number(mproc_task_t *task)
{
    return mproc_task_return(task, MPROC_PACK(number_of_this_worker));
}

static apr_status_t refuse(mproc_task_t *task)
{
    (void)task;
    return mproc_error_set(MPROC_ETORN, "there is no database");
}

/* Does what the gate says: "die", or anything else. */
static apr_status_t join_or_die(mproc_task_t *task)
{
    mproc_queue_t *news, *gate;
    deed_t deed = {GET_KILLED, 1};
    char word[8];
    size_t size;
    int result;

    MPROC_TRY(join_crew(task));
    MPROC_TRY(MPROC_UNPACK(task, &news, &gate));
    MPROC_TRY(mproc_queue_get_bytes(gate, word, sizeof word, &size, PATIENCE));
    return memcmp(word, "die", 3) == 0 ? do_deed(&deed, &result, task) : APR_SUCCESS;
}

static apr_status_t tell_method(mproc_task_t *task)
{
    return mproc_task_return(task, MPROC_PACK(mproc_task_start_method(task)));
}

static apr_status_t tell_whether_overdue(mproc_task_t *task)
{
    return mproc_task_return(task, MPROC_PACK(mproc_task_is_overdue(task)));
}

/* The first of its items takes too long, and the others see whether they do. */
static apr_status_t be_late_first(const void *item, void *result, mproc_task_t *task)
{
    deed_t deed = {SPIN, 0};
    int ignored;

    if (*(const int *)item == 0)
        MPROC_TRY(do_deed(&deed, &ignored, task));
    *(int *)result = mproc_task_is_overdue(task);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(take_number),   MPROC_TARGET(tell_number),      MPROC_TARGET(refuse),
    MPROC_TARGET(join_or_die),   MPROC_TARGET(tell_method),      MPROC_TARGET(tell_whether_overdue),
    MPROC_TARGET(be_late_first), MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

/* A pool whose initializer and its arguments are these. */
static mproc_pool_t *make_initialized(int processes, mproc_target_fn *initializer,
                                      const mproc_pack_t *initargs, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.initializer = initializer;
    options.initargs = initargs;
    return make_workers(processes, &options, mem);
}

static int call_for_number(mproc_pool_t *workers, mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    int number = -1;

    assert_success(mproc_pool_apply(workers, target, MPROC_NO_ARGS, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &number));
    return number;
}

static apr_int64_t call_for_pid(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    apr_int64_t pid = -1;

    assert_success(mproc_pool_apply(workers, tell_pid, MPROC_NO_ARGS, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &pid));
    return pid;
}

static void the_initializer_comes_before_all_tasks(void **state)
{
    mproc_pool_t *workers = make_initialized(2, take_number, MPROC_PACK(42), *state);
    int i;

    for (i = 0; i < 10; i++)
        assert_int_equal(call_for_number(workers, tell_number, *state), 42);
}

static void the_initializer_runs_in_later_workers_too(void **state)
{
    mproc_pool_t *workers;
    apr_pool_t *mem;
    int i;

    assert_success(apr_pool_create(&mem, *state));
    workers = make_initialized(1, take_number, mproc_pack(mem, 7), *state);
    apr_pool_destroy(mem); /* the arguments were copied */
    for (i = 0; i < 3; i++) {
        assert_status(apply_deed(workers, EXIT_3, 1), MPROC_EWORKERDIED);
        assert_int_equal(call_for_number(workers, tell_number, *state), 7);
    }
}

static void the_initializer_takes_objects(void **state)
{
    crew_t crew;

    make_crew(&crew, 1, NULL, *state);
    open_gate(&crew, 1);
    assert_success(apply_deed(crew.workers, WAIT, 1));
    await_news(&crew, "begun", 1);
}

static void an_initializer_that_refuses_breaks_the_pool(void **state)
{
    mproc_pool_t *workers = make_initialized(2, refuse, MPROC_NO_ARGS, *state);
    apr_status_t rv = apply_deed(workers, SQUARE, 1);
    int item = 1, result;
    void *memory;

    assert_status(rv, MPROC_ETORN);
    assert_words(mproc_error_message(), "there is no database");
    assert_refused(mproc_pool_join(workers, PATIENCE), MPROC_ETORN, "there is no database");
    assert_refused(mproc_pool_join(workers, PATIENCE), MPROC_ETORN, "there is no database");
    assert_refused(apply_deed(workers, SQUARE, 1), MPROC_ETORN, "there is no database");
    assert_status(mproc_pool_map(workers, square, &item, 4, &result, 4, 1, PATIENCE), MPROC_ETORN);
    assert_status(mproc_pool_resize(workers, 2), MPROC_ETORN);
    assert_status(mproc_pool_alloc(&memory, workers, 10), MPROC_ETORN);
    assert_success(mproc_pool_close(workers));
    assert_success(mproc_pool_terminate(workers));
}

static void what_waits_for_an_initializer_that_refuses_fails_with_it(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_result_t *result;
    crew_t crew;

    options.initializer = join_or_die;
    make_crew(&crew, 1, &options, *state);
    result = start_deed(crew.workers, SQUARE, 1, NULL, *state);
    assert_success(mproc_queue_shutdown(crew.gate, MPROC_DRAIN));
    assert_status(mproc_result_get(result, PATIENCE), MPROC_ESHUTDOWN);
    assert_words(mproc_result_error(result), "the initializer failed");
    assert_status(mproc_pool_join(crew.workers, PATIENCE), MPROC_ESHUTDOWN);
}

static void make_mortal_crew(crew_t *crew, const char *const *words, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.initializer = join_or_die;
    make_crew(crew, 1, &options, mem);
    for (; *words != NULL; words++)
        assert_success(put_word(crew->gate, *words));
}

static void an_initializer_that_is_killed_once_is_tried_again(void **state)
{
    static const char *const words[] = {"die", "live", NULL};
    crew_t crew;

    make_mortal_crew(&crew, words, *state);
    assert_success(apply_deed(crew.workers, SQUARE, 1));
    assert_joins(crew.workers);
}

static void an_initializer_that_is_killed_three_times_breaks_the_pool(void **state)
{
    static const char *const words[] = {"die", "die", "die", "live", NULL};
    crew_t crew;

    make_mortal_crew(&crew, words, *state);
    assert_refused(apply_deed(crew.workers, SQUARE, 1), MPROC_EWORKERDIED, " 9");
    assert_refused(mproc_pool_join(crew.workers, PATIENCE), MPROC_EWORKERDIED, "the pool broke");
    assert_int_equal(count_messages(crew.gate), 1);
}

static void initializers_that_are_killed_now_and_then_are_no_trouble(void **state)
{
    static const char *const words[] = {"die", "die", "live", "die", "die", "live", NULL};
    crew_t crew;

    make_mortal_crew(&crew, words, *state);
    assert_success(apply_deed(crew.workers, SQUARE, 1));
    assert_status(apply_deed(crew.workers, EXIT_3, 1), MPROC_EWORKERDIED);
    assert_success(apply_deed(crew.workers, SQUARE, 1));
}

/* -- How long workers live ------------------------------------------------------------------- */

static void a_worker_ends_after_so_many_calls(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;
    apr_int64_t pids[6];
    int i;

    options.maxtasksperchild = 2;
    workers = make_workers(1, &options, *state);
    for (i = 0; i < 6; i++)
        pids[i] = call_for_pid(workers, *state);
    assert_true(pids[0] == pids[1] && pids[2] == pids[3] && pids[4] == pids[5]);
    assert_true(pids[0] != pids[2] && pids[2] != pids[4]);
    assert_joins(workers);
}

static void a_worker_ends_after_so_many_chunks(void **state)
{
    mproc_async_options_t chunks = MPROC_ASYNC_OPTIONS;
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    apr_int64_t pids[12];
    mproc_result_t *result;
    mproc_pool_t *workers;
    int items[12] = {0}, i;

    options.maxtasksperchild = 2;
    chunks.chunksize = 2;
    workers = make_workers(1, &options, *state);
    assert_success(mproc_pool_map_async(&result, workers, name_worker, items, sizeof *items, pids,
                                        sizeof *pids, 12, &chunks, *state));
    assert_success(mproc_result_get(result, PATIENCE));
    for (i = 1; i < 12; i++)
        assert_int_equal(pids[i] != pids[i - 1], i % 4 == 0);
    assert_joins(workers);
}

static void a_worker_that_is_too_large_ends_after_a_task(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *small, *large;
    apr_int64_t first;

    options.max_rss = 1;
    small = make_workers(1, &options, *state);
    first = call_for_pid(small, *state);
    assert_true(call_for_pid(small, *state) != first);
    assert_joins(small);
    options.max_rss = SIZE_MAX;
    large = make_workers(1, &options, *state);
    first = call_for_pid(large, *state);
    assert_true(call_for_pid(large, *state) == first);
}

static void idle_workers_end_and_come_back(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    crew_t crew;
    int i;

    options.idle_timeout = A_MOMENT;
    options.min_workers = 1;
    make_crew(&crew, 3, &options, *state);
    await_workers(crew.workers, 1);
    for (i = 0; i < 3; i++)
        start_deed(crew.workers, WAIT, i, NULL, *state);
    await_news(&crew, "begun", 3);
    await_workers(crew.workers, 3);
    open_gate(&crew, 3);
    await_workers(crew.workers, 1);
    assert_works(crew.workers);
}

static void a_pool_may_have_no_worker_while_it_is_idle(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;

    options.idle_timeout = A_MOMENT;
    workers = make_workers(2, &options, *state);
    await_workers(workers, 0);
    assert_works(workers);
    await_workers(workers, 0);
    assert_joins(workers);
}

static void workers_are_started_by_the_method_of_the_options(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    const char *const *methods = mproc_get_all_start_methods();
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    const char *method;

    for (; *methods != NULL; methods++) {
        options.start_method = *methods;
        assert_success(mproc_pool_apply(make_workers(1, &options, *state), tell_method,
                                        MPROC_NO_ARGS, values, PATIENCE));
        assert_success(MPROC_UNPACK(values, &method));
        assert_string_equal(method, *methods);
    }
}

/* -- How long tasks may take ------------------------------------------------------------------- */

/* More than any that is quick takes on a busy machine. */
#define AMPLE apr_time_from_sec(2)

static void a_task_learns_that_it_is_overdue(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    apr_time_t began;
    crew_t crew;

    options.soft_timeout = AMPLE;
    make_crew(&crew, 1, &options, *state);
    began = apr_time_now();
    assert_success(apply_deed(crew.workers, SPIN, 1));
    assert_true(apr_time_now() - began >= AMPLE - 1000);
    assert_int_equal(call_for_number(crew.workers, tell_whether_overdue, *state), 0);
}

static void each_item_has_its_own_time(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_async_options_t one_chunk = MPROC_ASYNC_OPTIONS;
    int items[3] = {0, 1, 2}, results[3] = {-1, -1, -1};
    mproc_result_t *result;

    options.soft_timeout = AMPLE;
    one_chunk.chunksize = 3;
    assert_success(mproc_pool_map_async(&result, make_workers(1, &options, *state), be_late_first,
                                        items, sizeof *items, results, sizeof *results, 3,
                                        &one_chunk, *state));
    assert_success(mproc_result_get(result, PATIENCE));
    assert_true(results[0] == 1 && results[1] == 0 && results[2] == 0);
}

static void without_a_soft_timeout_nobody_is_overdue(void **state)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    assert_int_equal(
        call_for_number(make_workers(1, &options, *state), tell_whether_overdue, *state), 0);
    options.timeout = PATIENCE;
    assert_int_equal(
        call_for_number(make_workers(1, &options, *state), tell_whether_overdue, *state), 0);
}

static void make_hasty_crew(crew_t *crew, int processes, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.timeout = AMPLE;
    options.retries = 2; /* which are for deaths */
    make_crew(crew, processes, &options, mem);
}

static void a_call_that_takes_too_long_is_over_time(void **state)
{
    mproc_result_t *late, *behind;
    crew_t crew;

    make_hasty_crew(&crew, 1, *state);
    late = start_deed(crew.workers, FALL_ASLEEP, 1, NULL, *state);
    behind = start_deed(crew.workers, SQUARE, 2, NULL, *state);
    assert_refused(mproc_result_get(late, PATIENCE), MPROC_EOVERTIME, "timeout of 2.000 s");
    assert_success(mproc_result_get(behind, PATIENCE));
    await_news(&crew, "begun", 1);
    assert_joins(crew.workers);
    assert_int_equal(count_messages(crew.news), 0);
}

/* It is asleep after a moment; if it is not, it has the less to do. */
static void a_pool_that_had_nothing_to_do_keeps_time_too(void **state)
{
    crew_t crew;
    int i;

    make_hasty_crew(&crew, 1, *state);
    for (i = 0; i < 2; i++) {
        assert_works(crew.workers);
        apr_sleep(A_MOMENT);
        assert_status(apply_deed(crew.workers, FALL_ASLEEP, 1), MPROC_EOVERTIME);
    }
}

static void only_the_item_that_takes_too_long_is_over_time(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {SQUARE, 1}, {FALL_ASLEEP, 2}, {SQUARE, 3}};
    int results[4] = {-1, -1, -1, -1}, i;
    mproc_result_t *result;
    crew_t crew;

    make_hasty_crew(&crew, 1, *state);
    assert_success(mproc_pool_map_async(&result, crew.workers, do_deed, deeds, sizeof *deeds,
                                        results, sizeof *results, 4, NULL, *state));
    assert_status(mproc_result_get(result, PATIENCE), MPROC_EOVERTIME);
    for (i = 0; i < 4; i++)
        assert_status(mproc_result_item_status(result, (size_t)i), i == 2 ? MPROC_EOVERTIME : 0);
    assert_true(results[0] == 0 && results[1] == 1 && results[2] == -1 && results[3] == 9);
    assert_works(crew.workers);
}

static void only_the_item_of_imap_that_takes_too_long_is_over_time(void **state)
{
    static const deed_t deeds[] = {{SQUARE, 0}, {FALL_ASLEEP, 1}, {SQUARE, 2}};
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;
    size_t index;
    int result;
    crew_t crew;

    options.chunksize = 3;
    make_hasty_crew(&crew, 1, *state);
    assert_success(mproc_pool_imap(&it, crew.workers, do_deed, deeds, sizeof *deeds, sizeof result,
                                   3, &options, *state));
    assert_success(mproc_imap_next(it, &index, &result, PATIENCE));
    assert_status(mproc_imap_next(it, &index, &result, PATIENCE), MPROC_EOVERTIME);
    assert_int_equal(index, 1);
    assert_success(mproc_imap_next(it, &index, &result, PATIENCE));
    assert_int_equal(result, 4);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(the_initializer_comes_before_all_tasks),
        claim_leaving_nothing(the_initializer_runs_in_later_workers_too),
        claim_leaving_nothing(the_initializer_takes_objects),
        claim_leaving_nothing(an_initializer_that_refuses_breaks_the_pool),
        claim_leaving_nothing(what_waits_for_an_initializer_that_refuses_fails_with_it),
        claim_leaving_nothing(an_initializer_that_is_killed_once_is_tried_again),
        claim_leaving_nothing(an_initializer_that_is_killed_three_times_breaks_the_pool),
        claim_leaving_nothing(initializers_that_are_killed_now_and_then_are_no_trouble),
        claim_leaving_nothing(a_worker_ends_after_so_many_calls),
        claim_leaving_nothing(a_worker_ends_after_so_many_chunks),
        claim_leaving_nothing(a_worker_that_is_too_large_ends_after_a_task),
        claim_leaving_nothing(idle_workers_end_and_come_back),
        claim_leaving_nothing(a_pool_may_have_no_worker_while_it_is_idle),
        claim_leaving_nothing(workers_are_started_by_the_method_of_the_options),
        claim_leaving_nothing(a_task_learns_that_it_is_overdue),
        claim_leaving_nothing(each_item_has_its_own_time),
        claim_leaving_nothing(without_a_soft_timeout_nobody_is_overdue),
        claim_leaving_nothing(a_call_that_takes_too_long_is_over_time),
        claim_leaving_nothing(a_pool_that_had_nothing_to_do_keeps_time_too),
        claim_leaving_nothing(only_the_item_that_takes_too_long_is_over_time),
        claim_leaving_nothing(only_the_item_of_imap_that_takes_too_long_is_over_time),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    use_all_start_methods();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
