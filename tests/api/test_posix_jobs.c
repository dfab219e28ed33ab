/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Job control: the session and the group of a child, and a child that is stopped
 * and goes on.
 */

#include "claims.h"
#include "workers.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- What the children do ------------------------------------------------------ */

static apr_status_t tell_session_and_group(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return mproc_connection_send(line, MPROC_PACK((int)getsid(0), (int)getpgrp(), (int)getpid()), PATIENCE);
}

static const mproc_target_t targets[] = {MPROC_TARGET(tell_session_and_group), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- Sessions and groups ---------------------------------------------------------- */

typedef struct told_t {
    int session, group, pid;
} told_t;

static told_t told_by_a_child(const mproc_process_options_t *options, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    told_t told;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    assert_success(status_of(&process, tell_session_and_group, MPROC_PACK(there), options, mem));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &told.session, &told.group, &told.pid));
    return told;
}

/* So that a terminal's Ctrl-C reaches it, and it may read from the terminal when the parent may. */
static void a_child_is_in_its_parents_session_and_group(void **state)
{
    told_t told = told_by_a_child(NULL, *state);

    assert_int_equal(told.session, getsid(0));
    assert_int_equal(told.group, getpgrp());
}

static void a_detached_child_leads_a_session_of_its_own(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    told_t told;

    options.detached = 1;
    told = told_by_a_child(&options, *state);
    assert_int_equal(told.session, told.pid);
    assert_int_equal(told.group, told.pid);
}

/* -- A child that is stopped ------------------------------------------------------- */

/* The system tells a parent that asks; nothing is taken from mproc by that. */
static void await_stop(const mproc_process_t *process)
{
    siginfo_t about;

    if (is_by_forkserver())
        return; /* its parent is the server */
    assert_int_equal(waitid(P_PID, (id_t)mproc_process_pid(process), &about, WSTOPPED | WNOWAIT), 0);
    assert_int_equal(about.si_code, CLD_STOPPED);
}

static void one_that_is_stopped_has_not_ended(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, answer, NULL, *state);
    kill((pid_t)mproc_process_pid(process), SIGSTOP);
    await_stop(process);
    assert_success(say(line, "still there?"));
    assert_int_equal(mproc_process_is_alive(process), 1);
    assert_status(mproc_process_join(process, A_MOMENT), APR_TIMEUP);
    assert_status(mproc_connection_poll(line, 0), APR_TIMEUP);
    kill((pid_t)mproc_process_pid(process), SIGCONT);
    assert_string_equal(hear(line, *state), "still there?");
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

static void one_that_is_stopped_can_be_killed(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, answer, NULL, *state);
    kill((pid_t)mproc_process_pid(process), SIGSTOP);
    await_stop(process);
    assert_success(mproc_process_kill(process));
    assert_ended(process, -9);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_child_is_in_its_parents_session_and_group),
        claim_leaving_nothing(a_detached_child_leads_a_session_of_its_own),
        claim_leaving_nothing(one_that_is_stopped_has_not_ended),
        claim_leaving_nothing(one_that_is_stopped_can_be_killed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
