/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting for a process, and letting go of it: join, is_alive, sentinel, close,
 * the list of children, and memory that is destroyed.
 */

#include "claims.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#define NTHREADS 16

/* -- What the children do ------------------------------------------------------ */

/* Starts a detached child that gets the connection, and ends. */
static apr_status_t leave_a_child_behind(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *line;
    mproc_process_t *process;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    options.detached = 1;
    return mproc_process_start(&process, answer, MPROC_PACK(line), &options, mproc_task_mem(task));
}

static const mproc_target_t targets[] = {MPROC_TARGET(leave_a_child_behind), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* A child that runs until it is told to leave, for most tests. */
typedef struct child_t {
    mproc_process_t *process;
    mproc_connection_t *line;
} child_t;

static child_t running(apr_pool_t *mem)
{
    child_t child;

    start_born(&child.process, &child.line, answer, NULL, mem);
    return child;
}

static void let_end(const child_t *child)
{
    assert_success(say(child->line, "leave"));
    assert_ended(child->process, 0);
}

/* -- join ------------------------------------------------------------------------ */

static void join_times_out_while_the_child_runs(void **state)
{
    child_t child = running(*state);

    assert_refused(mproc_process_join(child.process, A_MOMENT), APR_TIMEUP, mproc_process_name(child.process));
    let_end(&child);
}

static void join_waits_no_less_than_its_timeout(void **state)
{
    child_t child = running(*state);
    apr_time_t start = apr_time_now();

    assert_status(mproc_process_join(child.process, A_MOMENT), APR_TIMEUP);
    assert_true(apr_time_now() - start >= A_MOMENT - apr_time_from_msec(5));
    let_end(&child);
}

/* If it waited, nobody would ever tell the child to leave. */
static void join_with_0_and_with_less_looks_once(void **state)
{
    child_t child = running(*state);

    assert_status(mproc_process_join(child.process, 0), APR_TIMEUP);
    assert_status(mproc_process_join(child.process, -1), APR_TIMEUP);
    assert_status(mproc_process_join(child.process, INT64_MIN), APR_TIMEUP);
    let_end(&child);
}

static void join_can_wait_for_ever(void **state)
{
    child_t child = running(*state);

    assert_success(say(child.line, "leave"));
    assert_success(mproc_process_join(child.process, MPROC_FOREVER));
}

static void join_with_almost_for_ever_does_not_overflow(void **state)
{
    child_t child = running(*state);

    assert_success(say(child.line, "leave"));
    assert_success(mproc_process_join(child.process, MPROC_FOREVER - 1));
}

static void join_returns_the_same_again(void **state)
{
    child_t child = running(*state);

    let_end(&child);
    assert_success(mproc_process_join(child.process, MPROC_FOREVER));
    assert_success(mproc_process_join(child.process, 0));
    assert_ended(child.process, 0);
}

static apr_status_t join_in_a_thread(void *process)
{
    return mproc_process_join(process, PATIENCE);
}

static void many_threads_join_one_child(void **state)
{
    child_t child = running(*state);
    work_t joins[NTHREADS];
    int i;

    for (i = 0; i < NTHREADS; i++)
        assert_success(start_thread(&joins[i], join_in_a_thread, child.process, *state));
    assert_success(say(child.line, "leave"));
    for (i = 0; i < NTHREADS; i++)
        assert_success(end_thread(&joins[i]));
    assert_ended(child.process, 0);
}

/* The grandchild, with the connection and this program's stdout, is still there after the join. */
static void a_grandchild_that_holds_a_pipe_does_not_delay_join(void **state)
{
    child_t child;

    start_born(&child.process, &child.line, leave_a_child_behind, NULL, *state);
    assert_ended(child.process, 0);
    assert_success(say(child.line, "still there?"));
    assert_string_equal(hear(child.line, *state), "still there?");
    assert_success(say(child.line, "leave"));
    assert_string_equal(hear(child.line, *state), "(end)");
}

/* -- is_alive ---------------------------------------------------------------------- */

static void is_alive_tells_a_running_child_from_an_ended_one(void **state)
{
    child_t child = running(*state);

    assert_int_equal(mproc_process_is_alive(child.process), 1);
    let_end(&child);
    assert_int_equal(mproc_process_is_alive(child.process), 0);
}

static void is_alive_notices_the_end_without_a_join(void **state)
{
    child_t child = running(*state);
    apr_time_t limit = apr_time_now() + PATIENCE;

    assert_success(say(child.line, "leave"));
    while (mproc_process_is_alive(child.process))
        assert_true(apr_time_now() < limit);
    assert_success(mproc_process_status(child.process));
}

/* -- sentinel ------------------------------------------------------------------------ */

static void the_sentinel_is_ready_at_the_end(void **state)
{
    child_t child = running(*state);
    mproc_sentinel_t sentinel;

    assert_success(mproc_process_sentinel(child.process, &sentinel));
    assert_false(is_ready(sentinel, 0));
    assert_success(say(child.line, "leave"));
    assert_true(is_ready(sentinel, PATIENCE));
    assert_int_equal(mproc_process_is_alive(child.process), 0);
}

static void the_sentinel_stays_valid_until_close(void **state)
{
    child_t child = running(*state);
    mproc_sentinel_t sentinel, again;

    assert_success(mproc_process_sentinel(child.process, &sentinel));
    let_end(&child);
    assert_true(is_ready(sentinel, 0));
    assert_success(mproc_process_sentinel(child.process, &again));
    assert_true(again == sentinel);
    assert_success(mproc_process_close(child.process));
    assert_status(mproc_process_sentinel(child.process, &again), MPROC_ECLOSED);
}

/* -- close ------------------------------------------------------------------------------ */

static void close_is_refused_while_the_child_runs(void **state)
{
    child_t child = running(*state);

    assert_status(mproc_process_close(child.process), MPROC_ERUNNING);
    let_end(&child);
    assert_success(mproc_process_close(child.process));
}

static void a_closed_process_says_so_everywhere(void **state)
{
    child_t child = running(*state);
    mproc_sentinel_t sentinel = 4711;
    apr_int64_t code = 4711;

    let_end(&child);
    assert_success(mproc_process_close(child.process));
    assert_status(mproc_process_join(child.process, 0), MPROC_ECLOSED);
    assert_status(mproc_process_exitcode(child.process, &code), MPROC_ECLOSED);
    assert_status(mproc_process_status(child.process), MPROC_ECLOSED);
    assert_status(mproc_process_terminate(child.process), MPROC_ECLOSED);
    assert_status(mproc_process_kill(child.process), MPROC_ECLOSED);
    assert_status(mproc_process_sentinel(child.process, &sentinel), MPROC_ECLOSED);
    assert_true(code == 4711 && sentinel == 4711);
    assert_int_equal(mproc_process_is_alive(child.process), 0);
    assert_string_equal(mproc_process_error(child.process), "");
    assert_memory_equal(mproc_process_name(child.process), "Process-", 8);
}

static void close_may_be_called_again(void **state)
{
    child_t child = running(*state);

    let_end(&child);
    assert_success(mproc_process_close(child.process));
    assert_success(mproc_process_close(child.process));
}

static void close_needs_no_join_before(void **state)
{
    child_t child = running(*state);
    mproc_sentinel_t sentinel;

    assert_success(mproc_process_sentinel(child.process, &sentinel));
    assert_success(say(child.line, "leave"));
    assert_true(is_ready(sentinel, PATIENCE));
    assert_success(mproc_process_close(child.process));
}

/* -- No process, and this one ------------------------------------------------------------ */

static void assert_no_child(mproc_process_t *process)
{
    apr_int64_t code = 4711;

    assert_status(mproc_process_exitcode(process, &code), APR_EINVAL);
    assert_status(mproc_process_status(process), APR_EINVAL);
    assert_status(mproc_process_terminate(process), APR_EINVAL);
    assert_status(mproc_process_kill(process), APR_EINVAL);
    assert_status(mproc_process_close(process), APR_EINVAL);
    assert_string_equal(mproc_process_error(process), "");
    assert_int_equal(code, 4711);
}

static void null_is_no_process(void **state)
{
    mproc_sentinel_t sentinel;

    (void)state;
    assert_status(mproc_process_join(NULL, 0), APR_EINVAL);
    assert_status(mproc_process_sentinel(NULL, &sentinel), APR_EINVAL);
    assert_int_equal(mproc_process_is_alive(NULL), 0);
    assert_no_child(NULL);
}

static void this_process_itself_cannot_be_waited_for(void **state)
{
    mproc_process_t *self = mproc_current_process();
    mproc_sentinel_t sentinel;

    (void)state;
    assert_status(mproc_process_join(self, 0), APR_EINVAL);
    assert_status(mproc_process_sentinel(self, &sentinel), APR_EINVAL);
    assert_no_child(self);
}

static void a_null_variable_is_refused(void **state)
{
    child_t child = running(*state);

    assert_status(mproc_process_sentinel(child.process, NULL), APR_EINVAL);
    let_end(&child);
    assert_status(mproc_process_exitcode(child.process, NULL), APR_EINVAL);
}

/* -- The list of children ------------------------------------------------------------------ */

static int is_among(mproc_process_t *process, mproc_process_t *const *children, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (children[i] == process)
            return 1;
    return 0;
}

static void active_children_are_those_that_run(void **state)
{
    child_t one = running(*state), two = running(*state), three = running(*state);
    mproc_process_t **children;
    size_t count;

    assert_success(mproc_active_children(&children, &count, *state));
    assert_int_equal(count, 3);
    let_end(&two);
    assert_success(mproc_active_children(&children, &count, *state));
    assert_int_equal(count, 2);
    assert_true(is_among(one.process, children, count) && is_among(three.process, children, count));
    let_end(&one);
    let_end(&three);
    assert_success(mproc_active_children(&children, &count, *state));
    assert_int_equal(count, 0);
}

static void active_children_reaps_those_that_have_ended(void **state)
{
    child_t child = running(*state);
    mproc_process_t **children;
    mproc_sentinel_t sentinel;
    size_t count = 4711;

    assert_success(mproc_process_sentinel(child.process, &sentinel));
    assert_success(say(child.line, "leave"));
    assert_true(is_ready(sentinel, PATIENCE));
    assert_success(mproc_active_children(&children, &count, *state));
    assert_int_equal(count, 0);
    assert_false(has_unreaped_children());
    assert_ended(child.process, 0);
}

/* -- Memory ----------------------------------------------------------------------------------- */

static void destroying_its_memory_ends_a_running_process(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *here, *there;
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, compute, MPROC_PACK(there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, *state), "born");
    apr_pool_destroy(mem);
    assert_false(has_unreaped_children());
    assert_string_equal(hear(here, *state), "(end)");
}

static void destroying_the_memory_of_an_ended_process_reaps_it(void **state)
{
    child_t child = running(*state);
    mproc_sentinel_t sentinel;

    assert_success(mproc_process_sentinel(child.process, &sentinel));
    assert_success(say(child.line, "leave"));
    assert_true(is_ready(sentinel, PATIENCE));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(join_times_out_while_the_child_runs),
        claim_leaving_nothing(join_waits_no_less_than_its_timeout),
        claim_leaving_nothing(join_with_0_and_with_less_looks_once),
        claim_leaving_nothing(join_can_wait_for_ever),
        claim_leaving_nothing(join_with_almost_for_ever_does_not_overflow),
        claim_leaving_nothing(join_returns_the_same_again),
        claim(many_threads_join_one_child), /* threads may keep handles of their own */
        claim_leaving_nothing(a_grandchild_that_holds_a_pipe_does_not_delay_join),
        claim_leaving_nothing(is_alive_tells_a_running_child_from_an_ended_one),
        claim_leaving_nothing(is_alive_notices_the_end_without_a_join),
        claim_leaving_nothing(the_sentinel_is_ready_at_the_end),
        claim_leaving_nothing(the_sentinel_stays_valid_until_close),
        claim_leaving_nothing(close_is_refused_while_the_child_runs),
        claim_leaving_nothing(a_closed_process_says_so_everywhere),
        claim_leaving_nothing(close_may_be_called_again),
        claim_leaving_nothing(close_needs_no_join_before),
        claim(null_is_no_process),
        claim(this_process_itself_cannot_be_waited_for),
        claim_leaving_nothing(a_null_variable_is_refused),
        claim_leaving_nothing(active_children_are_those_that_run),
        claim_leaving_nothing(active_children_reaps_those_that_have_ended),
        claim_leaving_nothing(destroying_its_memory_ends_a_running_process),
        claim_leaving_nothing(destroying_the_memory_of_an_ended_process_reaps_it),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
