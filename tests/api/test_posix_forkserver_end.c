/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The end of a fork server: its children go on and tell what they can, the next start makes another
 * one, and with the last of those who could use it it is gone.  And one that is stopped.
 */

#include "claims.h"
#include "nested.h"
#include "run.h"
#include "servers_posix.h"
#include "system.h"
#include "workers.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *own_path;

/* -- What the children do ------------------------------------------------------ */

static apr_status_t fail_when_told(mproc_task_t *task)
{
    MPROC_TRY(answer(task));
    return mproc_error_set(MPROC_ETORN, "as it was told");
}

static apr_status_t exit_when_told(mproc_task_t *task)
{
    MPROC_TRY(answer(task));
    exit(7);
}

static apr_status_t leave_by_exit(mproc_task_t *task)
{
    (void)task;
    exit(7);
}

static apr_status_t tell_and_leave(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return say_server(line);
}

static apr_status_t start_by_server(mproc_connection_t *line, mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;

    MPROC_TRY(mproc_process_start(&process, tell_and_leave, MPROC_PACK(line), &options,
                                  mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* A child of its own says who made that, whenever it is told anything. */
static apr_status_t start_when_told(mproc_task_t *task)
{
    mproc_connection_t *line;
    char word[16];
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    while (mproc_connection_recv_bytes(line, word, sizeof word, &size, PATIENCE) == APR_SUCCESS)
        MPROC_TRY(start_by_server(line, task));
    return APR_SUCCESS;
}

/* Starts one that computes, and kills the server. */
static apr_status_t keep_one_without_a_server(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *here, *there;
    apr_int64_t server;
    nesting_t nesting;

    MPROC_TRY(unpack_nesting(&nesting, task));
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mproc_task_mem(task)));
    MPROC_TRY(start_by_server(there, task));
    MPROC_TRY(mproc_connection_recv(here, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &server));
    MPROC_TRY(nest(&nesting, compute, &options, task));
    kill((pid_t)server, SIGKILL);
    return answer_on(nesting.control);
}

/* It leads a session: the server that its parent had is none of its. */
static apr_status_t outlive(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *here, *there;
    apr_int64_t server;

    MPROC_TRY(mproc_process_join(mproc_parent_process(), PATIENCE));
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mproc_task_mem(task)));
    MPROC_TRY(start_by_server(there, task));
    MPROC_TRY(mproc_connection_recv(here, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &server));
    printf("orphan, %s server\n", server == getppid() ? "same" : "another");
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(fail_when_told),
    MPROC_TARGET(exit_when_told),
    MPROC_TARGET(leave_by_exit),
    MPROC_TARGET(tell_and_leave),
    MPROC_TARGET(start_when_told),
    MPROC_TARGET(keep_one_without_a_server),
    MPROC_TARGET(outlive),
    MPROC_TARGETS_OF(server_targets),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Helpers -------------------------------------------------------------------- */

static void start_by_forkserver(mproc_process_t **process, mproc_connection_t **line,
                                mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);

    start_born(process, line, target, &options, mem);
}

/* The next start makes another, and lets go of the one that was killed. */
static void assert_is_replaced(pid_t server, apr_pool_t *mem)
{
    pid_t another = server_now(mem);

    assert_int_not_equal(another, server);
    assert_int_equal(server_now(mem), another);
}

static void assert_code_is_lost(mproc_process_t *process)
{
    apr_int64_t code = 4711;

    assert_success(mproc_process_join(process, PATIENCE));
    assert_refused(mproc_process_exitcode(process, &code), MPROC_ELOST, "the fork server");
    assert_int_equal(code, 4711);
}

/* -- One that was killed ------------------------------------------------------------ */

static void children_go_on_and_the_next_start_makes_another(void **state)
{
    mproc_sentinel_t sentinel;
    served_t served;

    start_served(&served, NULL, *state);
    assert_success(mproc_process_sentinel(served.process, &sentinel));
    kill_server(served.server);
    assert_answers(&served, *state);
    assert_false(is_ready(sentinel, A_MOMENT));
    assert_true(mproc_process_is_alive(served.process));
    assert_is_replaced(served.server, *state);
    assert_answers(&served, *state);
    assert_false(is_ready(sentinel, 0));
    assert_success(say(served.line, "leave"));
    assert_true(is_ready(sentinel, PATIENCE));
    assert_success(mproc_process_join(served.process, PATIENCE));
    assert_success(mproc_process_status(served.process));
}

static void what_a_child_has_returned_is_known(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *line;
    mproc_process_t *process;

    start_by_forkserver(&process, &line, fail_when_told, *state);
    kill_server(server);
    assert_success(say(line, "leave"));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_refused(mproc_process_status(process), MPROC_ETORN, "as it was told");
    assert_code_is_lost(process);
    assert_is_replaced(server, *state);
}

static void the_code_of_exit_is_lost_and_the_words_say_why(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *line;
    mproc_process_t *process;

    start_by_forkserver(&process, &line, exit_when_told, *state);
    kill_server(server);
    assert_success(say(line, "leave"));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_status(mproc_process_status(process), MPROC_ELOST);
    if (EXIT_CODE_IS_KNOWN)
        assert_words(mproc_process_error(process), "the fork server");
    assert_code_is_lost(process);
    assert_is_replaced(server, *state);
}

static void a_child_can_be_killed_and_the_words_say_what_is_not_known(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *line;
    mproc_process_t *process;

    start_by_forkserver(&process, &line, compute, *state);
    kill_server(server);
    assert_success(mproc_process_kill(process));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_refused(mproc_process_status(process), MPROC_ELOST, "the fork server");
    assert_words(mproc_process_error(process), "without a word");
    assert_code_is_lost(process);
    assert_is_replaced(server, *state);
}

/*
 * Nobody has asked before it is killed.  It has told by the second start from then on: it looks at
 * its children before it takes another line.
 */
static void what_it_has_told_before_is_known(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    pid_t server = server_now(*state);
    mproc_sentinel_t sentinel;
    mproc_process_t *process;
    int i;

    assert_success(mproc_process_start(&process, leave_by_exit, MPROC_NO_ARGS, &options, *state));
    assert_success(mproc_process_sentinel(process, &sentinel));
    assert_true(is_ready(sentinel, PATIENCE));
    for (i = 0; i < 3; i++)
        assert_int_equal(server_now(*state), server);
    kill_server(server);
    assert_ended(process, EXIT_CODE_IS_KNOWN ? 7 : 1);
    assert_is_replaced(server, *state);
}

static void a_child_that_starts_others_makes_a_server_of_its_own(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    pid_t server = server_now(*state);
    mproc_connection_t *line;
    mproc_process_t *process;
    apr_int64_t found, again;

    start_by_forkserver(&process, &line, start_when_told, *state);
    kill_server(server);
    assert_success(say(line, "start"));
    assert_success(mproc_connection_recv(line, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &found));
    assert_success(say(line, "start"));
    assert_success(mproc_connection_recv(line, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &again));
    assert_int_not_equal(found, server);
    assert_int_equal(again, found);
    assert_success(mproc_connection_close(line));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_process_status(process));
    assert_is_replaced(server, *state);
}

static void its_children_end_with_their_parent_all_the_same(void **state)
{
    nested_t nested;

    assert_success(mproc_set_start_method(MPROC_SPAWN, 1));
    start_nested(&nested, keep_one_without_a_server, *state);
    assert_success(mproc_set_start_method(NULL, 1));
    assert_ends_with_its_parent(&nested, *state);
}

static void destroying_memory_ends_its_children_all_the_same(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *here, *there;
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, compute, MPROC_PACK(there), &options, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, *state), "born");
    kill_server(server);
    apr_pool_destroy(mem);
    assert_string_equal(hear(here, *state), "(end)");
    assert_is_replaced(server, *state);
}

static void servers_are_replaced_as_often_as_they_are_killed(void **state)
{
    int i;

    for (i = 0; i < 10 * test_scale(); i++) {
        pid_t server = server_now(*state);

        kill_server(server);
        assert_is_replaced(server, *state);
    }
}

/* -- One that is stopped --------------------------------------------------------------- */

/*
 * Where a pidfd tells that a child has ended, the server is waited for a while, and then its code
 * is lost; else the server's silence is all that there is.
 */
static void a_stopped_one_keeps_nobody_from_joining_for_ever(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *line;
    mproc_process_t *process;

    start_by_forkserver(&process, &line, answer, *state);
    stop_server(server);
    assert_success(say(line, "leave"));
    assert_string_equal(hear(line, *state), "(end)");
    if (has_pidfds())
        assert_code_is_lost(process);
    else
        assert_status(mproc_process_join(process, A_MOMENT), APR_TIMEUP);
    assert_int_equal(kill(server, SIGCONT), 0);
    if (!has_pidfds())
        assert_ended(process, 0);
    assert_success(mproc_process_status(process));
    assert_int_equal(server_now(*state), server);
}

/* What it did not do meanwhile it does then. */
static void one_that_goes_on_tells_what_it_has_missed(void **state)
{
    pid_t server = server_now(*state);
    mproc_connection_t *line;
    mproc_process_t *process;

    start_by_forkserver(&process, &line, compute, *state);
    stop_server(server);
    assert_success(mproc_process_kill(process));
    assert_string_equal(hear(line, *state), "(end)");
    assert_int_equal(kill(server, SIGCONT), 0);
    assert_ended(process, -SIGKILL);
    assert_int_equal(server_now(*state), server);
}

/* -- Nobody needs it any more: this program is run again ----------------------------------- */

static int end_by_server(const char *role, apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    options.daemon = 1;
    MPROC_CHECK(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_CHECK(mproc_process_start(&process, compute, MPROC_PACK(there), &options, mem));
    MPROC_CHECK(mproc_connection_poll(here, PATIENCE));
    printf("ready\n");
    fflush(stdout);
    if (strcmp(role, "killed") == 0)
        raise(SIGKILL);
    return 0;
}

static int leave_one_behind(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;

    options.detached = 1;
    MPROC_CHECK(mproc_process_start(&process, outlive, MPROC_NO_ARGS, &options, mem));
    return 0;
}

/* A fork(2) of it stays when it ends, without its output; prints the number of that. */
static int leave_a_fork_behind(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    pid_t pid;

    MPROC_CHECK(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mem));
    MPROC_CHECK(mproc_process_join(process, PATIENCE));
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        while (pause() != 0)
            ;
    }
    printf("%d", (int)pid);
    return 0;
}

static int be_program(const char *role, apr_pool_t *mem)
{
    if (strcmp(role, "detached") == 0)
        return leave_one_behind(mem);
    return strcmp(role, "forked") == 0 ? leave_a_fork_behind(mem) : end_by_server(role, mem);
}

/* Its output comes to an end when the last one who has it, such as a server, is gone. */
static const char *output_of(const char *role, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, role, NULL};
    ran_t ran;

    run_program(&ran, arguments, mem);
    assert_string_equal(ran.errors, "");
    return ran.output;
}

static void it_is_gone_when_the_program_has_ended(void **state)
{
    assert_string_equal(output_of("ended", *state), "ready\n");
}

static void it_is_gone_when_the_program_was_killed(void **state)
{
    assert_string_equal(output_of("killed", *state), "ready\n");
}

static void a_child_that_outlives_the_program_makes_one_of_its_own(void **state)
{
    assert_string_equal(output_of("detached", *state), "orphan, another server\n");
}

/* That can start nothing by it. */
static void a_fork_of_the_program_does_not_keep_it(void **state)
{
    const char *output = output_of("forked", *state);
    pid_t pid = atoi(output);

    if (pid > 0)
        kill(pid, SIGKILL);
    assert_true(pid > 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(children_go_on_and_the_next_start_makes_another),
        claim_leaving_nothing(what_a_child_has_returned_is_known),
        claim_leaving_nothing(the_code_of_exit_is_lost_and_the_words_say_why),
        claim_leaving_nothing(a_child_can_be_killed_and_the_words_say_what_is_not_known),
        claim_leaving_nothing(what_it_has_told_before_is_known),
        claim_leaving_nothing(a_child_that_starts_others_makes_a_server_of_its_own),
        claim_leaving_nothing(its_children_end_with_their_parent_all_the_same),
        claim_leaving_nothing(destroying_memory_ends_its_children_all_the_same),
        claim_leaving_nothing(servers_are_replaced_as_often_as_they_are_killed),
        claim_leaving_nothing(a_stopped_one_keeps_nobody_from_joining_for_ever),
        claim_leaving_nothing(one_that_goes_on_tells_what_it_has_missed),
        claim(it_is_gone_when_the_program_has_ended),
        claim(it_is_gone_when_the_program_was_killed),
        claim(a_child_that_outlives_the_program_makes_one_of_its_own),
        claim(a_fork_of_the_program_does_not_keep_it),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    if (argc > 1)
        return be_program(argv[1], mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
