/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ends of children that the fork server does not tell, as it is dead or stopped: who waits for them
 * hears of them all the same, or waits no longer than he wanted to.
 */

#include "claims.h"
#include "servers_posix.h"
#include "system.h"
#include "workers.h"

#include <signal.h>
#include <unistd.h>

/* Less than a server is waited for until the code of a child is lost, by far. */
#define SOON apr_time_from_sec(3)

/* -- What the children do ------------------------------------------------------ */

/* Leaves a fork(2) of itself behind, and says its number. */
static apr_status_t leave_a_fork(mproc_task_t *task)
{
    mproc_connection_t *line;
    pid_t pid;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    pid = fork();
    while (pid == 0)
        pause();
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK((apr_int64_t)pid), PATIENCE));
    return answer_on(line);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(leave_a_fork),
    MPROC_TARGETS_OF(server_targets),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- One that was killed ------------------------------------------------------------ */

static pid_t start_with_fork(mproc_process_t **process, mproc_connection_t **line, apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *there;
    apr_int64_t pid;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, leave_a_fork, MPROC_PACK(there), &options, mem));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_recv(*line, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &pid));
    return (pid_t)pid;
}

/* Else it would count as the child itself, whose end nobody tells. */
static void a_fork_of_a_child_does_not_hide_its_end(void **state)
{
    pid_t server = server_now(*state), left;
    mproc_connection_t *line;
    mproc_process_t *process;
    apr_time_t begin;
    apr_status_t rv;

    left = start_with_fork(&process, &line, *state);
    kill_server(server);
    assert_success(say(line, "leave"));
    begin = apr_time_now();
    rv = mproc_process_join(process, SOON);
    kill(left, SIGKILL);
    assert_success(rv);
    assert_true(apr_time_now() - begin < SOON);
    assert_success(mproc_process_status(process));
    assert_int_not_equal(server_now(*state), server);
}

/* -- One that is stopped --------------------------------------------------------------- */

/* A child that has ended, and a server that does not say so; the end is seen where it can be. */
static void start_untold(mproc_process_t **process, pid_t server, apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_connection_t *line;

    start_born(process, &line, answer, &options, mem);
    stop_server(server);
    assert_success(say(line, "leave"));
    assert_string_equal(hear(line, mem), "(end)");
    assert_success(mproc_connection_close(line));
    assert_status(mproc_process_join(*process, A_MOMENT), APR_TIMEUP);
}

/* When it goes on it tells what it has missed, and is none the worse. */
static void assert_goes_on(pid_t server, mproc_process_t *process, apr_pool_t *mem)
{
    assert_int_equal(kill(server, SIGCONT), 0);
    assert_ended(process, 0);
    assert_success(mproc_process_status(process));
    assert_int_equal(server_now(mem), server);
}

static void looking_does_not_wait_for_it(void **state)
{
    mproc_process_options_t spawned = by(MPROC_SPAWN);
    pid_t server = server_now(*state);
    mproc_process_t *process, *another, **children;
    apr_time_t begin = apr_time_now();
    apr_int64_t code;
    size_t count;

    start_untold(&process, server, *state);
    assert_status(mproc_process_join(process, 0), APR_TIMEUP);
    assert_true(mproc_process_is_alive(process));
    assert_refused(mproc_process_exitcode(process, &code), MPROC_ERUNNING,
                   has_pidfds() ? "has not told yet how" : "still running");
    assert_success(mproc_active_children(&children, &count, *state));
    assert_int_equal(count, 1);
    assert_success(status_of(&another, succeed, MPROC_NO_ARGS, &spawned, *state));
    assert_true(apr_time_now() - begin < SOON);
    assert_goes_on(server, process, *state);
}

static void assert_only_the_other_is_ready(mproc_process_t *process, mproc_connection_t *other)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(process), MPROC_WAITABLE(other)};

    assert_success(mproc_wait(what, 2, PATIENCE));
    assert_false(what[0].ready);
    assert_true(what[1].ready);
}

/* What else is ready is seen at once meanwhile. */
static void waiting_on_many_does_not_wait_for_it(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *here, *there;
    mproc_waitable_t what[1];
    mproc_process_t *process;
    apr_time_t begin = apr_time_now();

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    start_untold(&process, server, *state);
    what[0] = (mproc_waitable_t)MPROC_WAITABLE(process);
    assert_status(mproc_wait(what, 1, A_MOMENT), APR_TIMEUP);
    assert_success(say(there, "ready"));
    assert_only_the_other_is_ready(process, here);
    assert_true(apr_time_now() - begin < SOON);
    assert_success(mproc_connection_close(here));
    assert_success(mproc_connection_close(there));
    assert_goes_on(server, process, *state);
}

/* -- One that works ------------------------------------------------------------------------ */

/* Whoever waits with calls of the system's own can ask for the code then, and does not wait for it. */
static void when_a_sentinel_is_ready_the_code_is_known(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    int i;

    for (i = 0; i < 100; i++) {
        mproc_process_t *process;
        mproc_sentinel_t sentinel;
        apr_int64_t code;

        assert_success(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, *state));
        if (mproc_process_sentinel(process, &sentinel) == APR_SUCCESS)
            assert_true(is_ready(sentinel, PATIENCE));
        assert_success(mproc_process_exitcode(process, &code));
        assert_int_equal(code, 0);
        assert_success(mproc_process_close(process));
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_fork_of_a_child_does_not_hide_its_end),
        claim_leaving_nothing(looking_does_not_wait_for_it),
        claim_leaving_nothing(waiting_on_many_does_not_wait_for_it),
        claim_leaving_nothing(when_a_sentinel_is_ready_the_code_is_known),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
