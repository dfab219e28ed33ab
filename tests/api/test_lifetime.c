/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A child ends with its parent, however that ends, unless it is detached.  The
 * parents here are children of the test, and their children are what it looks at.
 */

#include "claims.h"
#include "nested.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

/* -- What the children do ------------------------------------------------------ */

static apr_status_t keep_one_that_computes(mproc_task_t *task)
{
    return nest_and_stay(task, compute, NULL);
}

static apr_status_t keep_one_that_waits(mproc_task_t *task)
{
    return nest_and_stay(task, answer, NULL);
}

static apr_status_t nest_in_a_thread(void *task)
{
    nesting_t nesting;

    MPROC_TRY(unpack_nesting(&nesting, task));
    return nest(&nesting, answer, NULL, task);
}

static apr_status_t keep_one_started_by_a_thread(mproc_task_t *task)
{
    nesting_t nesting;
    work_t thread;

    MPROC_TRY(unpack_nesting(&nesting, task));
    MPROC_TRY(start_thread(&thread, nest_in_a_thread, task, mproc_task_mem(task)));
    MPROC_TRY(end_thread(&thread));
    return answer_on(nesting.control);
}

/* Keeps a child that keeps a child. */
static apr_status_t keep_a_family(mproc_task_t *task)
{
    nesting_t nesting;
    mproc_process_t *process;

    MPROC_TRY(unpack_nesting(&nesting, task));
    MPROC_TRY(mproc_process_start(&process, keep_one_that_waits, MPROC_PACK(nesting.line, nesting.control), NULL,
                                  mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_close(nesting.line));
    MPROC_TRY(mproc_connection_close(nesting.control));
    return mproc_process_join(process, MPROC_FOREVER);
}

/* Says when its parent is gone, and stays. */
static apr_status_t watch_parent(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_t *parent = mproc_parent_process();

    MPROC_TRY(MPROC_UNPACK(task, &line));
    if (!mproc_process_is_alive(parent) || !APR_STATUS_IS_TIMEUP(mproc_process_join(parent, 0)))
        return mproc_error_set(APR_EGENERAL, "the parent seems gone from the beginning");
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(mproc_process_join(parent, MPROC_FOREVER));
    MPROC_TRY(say(line, mproc_process_is_alive(parent) ? "the parent is alive again" : "orphan"));
    return answer_on(line);
}

static apr_status_t keep_one_detached(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.detached = 1;
    return nest_and_stay(task, watch_parent, &options);
}

/* Starts a child, and returns when it is told to. */
static apr_status_t nest_and_return(mproc_task_t *task, int is_daemon, int is_detached)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    nesting_t nesting;

    options.daemon = is_daemon;
    options.detached = is_detached;
    MPROC_TRY(unpack_nesting(&nesting, task));
    MPROC_TRY(nest(&nesting, answer, &options, task));
    return answer_on(nesting.control);
}

static apr_status_t return_before_a_daemon(mproc_task_t *task)
{
    return nest_and_return(task, 1, 0);
}

static apr_status_t return_before_a_child(mproc_task_t *task)
{
    return nest_and_return(task, 0, 0);
}

static apr_status_t return_before_one_detached(mproc_task_t *task)
{
    return nest_and_return(task, 0, 1);
}

/* What a child may ask of its parent, and what not. */
static apr_status_t ask_the_parent(mproc_task_t *task)
{
    mproc_process_t *parent = mproc_parent_process();
    mproc_sentinel_t sentinel;
    apr_int64_t code;

    (void)task;
    MPROC_TRY(mproc_process_sentinel(parent, &sentinel));
    if (is_ready(sentinel, 0) || mproc_process_exitcode(parent, &code) != APR_EINVAL ||
        mproc_process_status(parent) != APR_EINVAL || mproc_process_terminate(parent) != APR_EINVAL ||
        mproc_process_kill(parent) != APR_EINVAL || mproc_process_close(parent) != APR_EINVAL)
        return mproc_error_set(APR_EGENERAL, "the parent is treated as a child");
    return mproc_process_is_alive(parent) ? APR_SUCCESS : APR_EGENERAL;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(keep_one_that_computes),
    MPROC_TARGET(keep_one_that_waits),
    MPROC_TARGET(keep_one_started_by_a_thread),
    MPROC_TARGET(keep_a_family),
    MPROC_TARGET(watch_parent),
    MPROC_TARGET(keep_one_detached),
    MPROC_TARGET(return_before_a_daemon),
    MPROC_TARGET(return_before_a_child),
    MPROC_TARGET(return_before_one_detached),
    MPROC_TARGET(ask_the_parent),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- The parent is killed ------------------------------------------------------------ */

static void one_that_computes_ends_with_its_parent(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_that_computes, *state);
    assert_ends_with_its_parent(&nested, *state);
}

static void one_that_waits_ends_with_its_parent(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_that_waits, *state);
    assert_ends_with_its_parent(&nested, *state);
}

/* The thread's own end does nothing to the child. */
static void one_started_by_a_thread_ends_with_the_process(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_started_by_a_thread, *state);
    assert_success(say(nested.control, "the thread has ended"));
    assert_string_equal(hear(nested.control, *state), "the thread has ended");
    assert_success(say(nested.line, "still there?"));
    assert_string_equal(hear(nested.line, *state), "still there?");
    assert_ends_with_its_parent(&nested, *state);
}

static void grandchildren_end_with_their_parents(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_a_family, *state);
    assert_ends_with_its_parent(&nested, *state);
}

static void one_that_is_terminated_takes_its_children_with_it(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_that_computes, *state);
    assert_success(mproc_process_terminate(nested.parent));
    assert_string_equal(hear(nested.line, *state), "(end)");
    assert_ended(nested.parent, -15);
}

static void one_that_is_detached_stays_and_sees_its_parent_end(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_detached, *state);
    assert_success(mproc_process_kill(nested.parent));
    assert_ended(nested.parent, -9);
    assert_string_equal(hear(nested.line, *state), "orphan");
    assert_success(say(nested.line, "still there?"));
    assert_string_equal(hear(nested.line, *state), "still there?");
    assert_success(say(nested.line, "leave"));
    assert_string_equal(hear(nested.line, *state), "(end)");
}

/* -- The parent ends normally -------------------------------------------------------------- */

static void a_daemonic_child_is_terminated_at_a_normal_end(void **state)
{
    nested_t nested;

    start_nested(&nested, return_before_a_daemon, *state);
    assert_success(say(nested.control, "leave"));
    assert_ended(nested.parent, 0);
    assert_success(mproc_process_status(nested.parent));
    assert_string_equal(hear(nested.line, *state), "(end)");
}

static void another_child_is_joined_at_a_normal_end(void **state)
{
    nested_t nested;

    start_nested(&nested, return_before_a_child, *state);
    assert_success(say(nested.control, "leave"));
    assert_status(mproc_process_join(nested.parent, A_MOMENT), APR_TIMEUP);
    assert_success(say(nested.line, "still there?"));
    assert_string_equal(hear(nested.line, *state), "still there?");
    assert_success(say(nested.line, "leave"));
    assert_ended(nested.parent, 0);
}

static void a_detached_child_is_left_alone_at_a_normal_end(void **state)
{
    nested_t nested;

    start_nested(&nested, return_before_one_detached, *state);
    assert_success(say(nested.control, "leave"));
    assert_ended(nested.parent, 0);
    assert_success(say(nested.line, "still there?"));
    assert_string_equal(hear(nested.line, *state), "still there?");
    assert_success(say(nested.line, "leave"));
    assert_string_equal(hear(nested.line, *state), "(end)");
}

static void the_parent_can_be_waited_for_and_not_ended(void **state)
{
    mproc_process_t *process;

    assert_success(status_of(&process, ask_the_parent, MPROC_NO_ARGS, NULL, *state));
}

/* -- The object of a detached child --------------------------------------------------------------- */

static void start_detached(mproc_process_t **process, mproc_connection_t **line, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.detached = 1;
    start_born(process, line, answer, &options, mem);
}

static void destroying_its_object_lets_a_detached_child_go(void **state)
{
    mproc_process_t *process, **children;
    mproc_connection_t *line, *there;
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_time_t limit = apr_time_now() + PATIENCE;
    int handles = count_open_handles();
    apr_pool_t *mem;
    size_t count;

    options.detached = 1;
    assert_success(apr_pool_create(&mem, *state));
    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(there), &options, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(line, *state), "born");
    apr_pool_destroy(mem);
    assert_success(say(line, "still there?"));
    assert_string_equal(hear(line, *state), "still there?");
    assert_success(say(line, "leave"));
    assert_string_equal(hear(line, *state), "(end)");
    assert_success(mproc_connection_close(line));
    do { /* it is reaped at some later call, once it has ended */
        assert_true(apr_time_now() < limit);
        assert_success(mproc_active_children(&children, &count, *state));
        assert_int_equal(count, 0);
    } while (has_unreaped_children() || count_open_handles() != handles);
}

static void a_detached_child_can_be_joined_and_closed(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_detached(&process, &line, *state);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
    assert_success(mproc_process_close(process));
}

static void a_detached_child_can_be_killed(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_detached(&process, &line, *state);
    assert_success(mproc_process_kill(process));
    assert_ended(process, -9);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(one_that_computes_ends_with_its_parent),
        claim_leaving_nothing(one_that_waits_ends_with_its_parent),
        claim_leaving_nothing(one_started_by_a_thread_ends_with_the_process),
        claim_leaving_nothing(grandchildren_end_with_their_parents),
        claim_leaving_nothing(one_that_is_terminated_takes_its_children_with_it),
        claim_leaving_nothing(one_that_is_detached_stays_and_sees_its_parent_end),
        claim_leaving_nothing(a_daemonic_child_is_terminated_at_a_normal_end),
        claim_leaving_nothing(another_child_is_joined_at_a_normal_end),
        claim_leaving_nothing(a_detached_child_is_left_alone_at_a_normal_end),
        claim_leaving_nothing(the_parent_can_be_waited_for_and_not_ended),
        claim_leaving_nothing(destroying_its_object_lets_a_detached_child_go),
        claim_leaving_nothing(a_detached_child_can_be_joined_and_closed),
        claim_leaving_nothing(a_detached_child_can_be_killed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
