/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A child ends with its parent: what signals and fork() could do against that.
 */

#include "claims.h"
#include "nested.h"
#include "system.h"
#include "workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- What the children do ------------------------------------------------------ */

static apr_status_t compute_without_signals(mproc_task_t *task)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return compute(task);
}

static apr_status_t ignore_sigterm(mproc_task_t *task)
{
    signal(SIGTERM, SIG_IGN);
    return answer(task);
}

static apr_status_t keep_one_without_signals(mproc_task_t *task)
{
    return nest_and_stay(task, compute_without_signals, NULL);
}

/* Forks once its child runs: the fork has all that this process has, and answers on the control line. */
static apr_status_t keep_one_and_fork(mproc_task_t *task)
{
    nesting_t nesting;

    MPROC_TRY(unpack_nesting(&nesting, task));
    MPROC_TRY(nest(&nesting, compute, NULL, task));
    if (fork() == 0) {
        answer_on(nesting.control);
        _exit(0);
    }
    for (;;)
        pause();
}

/* What a fork of a process may do with mproc: nothing that starts or touches the parent's children. */
static apr_status_t be_forked(mproc_process_t *process, apr_pool_t *mem)
{
    mproc_process_t *another, **children;
    apr_int64_t code;
    size_t count;

    if (mproc_process_start(&another, succeed, MPROC_NO_ARGS, NULL, mem) != MPROC_EFOREIGN ||
        mproc_active_children(&children, &count, mem) != MPROC_EFOREIGN)
        return mproc_error_set(APR_EGENERAL, "a fork may have children");
    if (mproc_process_join(process, 0) != MPROC_EFOREIGN || mproc_process_exitcode(process, &code) != MPROC_EFOREIGN ||
        mproc_process_status(process) != MPROC_EFOREIGN || mproc_process_terminate(process) != MPROC_EFOREIGN ||
        mproc_process_kill(process) != MPROC_EFOREIGN || mproc_process_close(process) != MPROC_EFOREIGN ||
        mproc_process_is_alive(process))
        return mproc_error_set(APR_EGENERAL, "a fork may touch its parent's children");
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(compute_without_signals), MPROC_TARGET(ignore_sigterm),      MPROC_TARGET(keep_one_without_signals),
    MPROC_TARGET(keep_one_and_fork),       MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END,
};

/* -- The tests --------------------------------------------------------------------- */

static void one_that_has_blocked_every_signal_ends_with_its_parent(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_without_signals, *state);
    assert_ends_with_its_parent(&nested, *state);
}

/* The fork holds the parent's end of everything, and lives on. */
static void a_fork_of_the_parent_does_not_keep_its_children_alive(void **state)
{
    nested_t nested;

    start_nested(&nested, keep_one_and_fork, *state);
    assert_success(say(nested.control, "is there a fork?"));
    assert_string_equal(hear(nested.control, *state), "is there a fork?");
    assert_ends_with_its_parent(&nested, *state);
    assert_success(say(nested.control, "still there?"));
    assert_string_equal(hear(nested.control, *state), "still there?");
    assert_success(say(nested.control, "leave"));
    assert_string_equal(hear(nested.control, *state), "(end)");
}

static void a_process_that_ignores_sigterm_can_be_killed(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, ignore_sigterm, NULL, *state);
    assert_success(mproc_process_terminate(process));
    assert_success(say(line, "still there?"));
    assert_string_equal(hear(line, *state), "still there?");
    assert_success(mproc_process_kill(process));
    assert_ended(process, -9);
}

static void destroying_its_memory_ends_one_that_ignores_sigterm(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *here, *there;
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, ignore_sigterm, MPROC_PACK(there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, *state), "born");
    apr_pool_destroy(mem);
    assert_false(has_unreaped_children());
    assert_string_equal(hear(here, *state), "(end)");
}

/* A fork must not end its parent's children by its own end either, whichever way it goes. */
static void a_fork_of_the_program_has_no_part_in_its_children(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    pid_t forked;
    int how;

    start_born(&process, &line, answer, NULL, *state);
    forked = fork();
    if (forked == 0) {
        apr_status_t rv = be_forked(process, *state);

        if (rv != APR_SUCCESS)
            print_error("%s\n", mproc_error_message());
        apr_pool_destroy(*state);
        exit(rv == APR_SUCCESS ? 0 : 1);
    }
    assert_int_equal(waitpid(forked, &how, 0), forked);
    assert_int_equal(how, 0);
    assert_success(say(line, "still there?"));
    assert_string_equal(hear(line, *state), "still there?");
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(one_that_has_blocked_every_signal_ends_with_its_parent),
        claim_leaving_nothing(a_fork_of_the_parent_does_not_keep_its_children_alive),
        claim_leaving_nothing(a_process_that_ignores_sigterm_can_be_killed),
        claim_leaving_nothing(destroying_its_memory_ends_one_that_ignores_sigterm),
        claim_leaving_nothing(a_fork_of_the_program_has_no_part_in_its_children),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
