/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The sessions and process groups of a fork server's children: those of their parents, not the
 * server's, which may have been started in others.
 */

#include "claims.h"
#include "servers_posix.h"
#include "workers.h"

#include <unistd.h>

typedef struct told_t {
    int session, group, pid;
} told_t;

/* -- What the children do ------------------------------------------------------ */

static apr_status_t tell_session_and_group(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return mproc_connection_send(line, MPROC_PACK((int)getsid(0), (int)getpgrp(), (int)getpid()),
                                 PATIENCE);
}

/* What a child of the fork server tells of itself. */
static apr_status_t ask_child(told_t *told, const mproc_process_options_t *options, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    MPROC_TRY(
        mproc_process_start(&process, tell_session_and_group, MPROC_PACK(there), options, mem));
    MPROC_TRY(mproc_connection_recv(here, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &told->session, &told->group, &told->pid));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

static apr_status_t check(int is_right, const char *what)
{
    return is_right ? APR_SUCCESS : mproc_error_set(APR_EGENERAL, "%s", what);
}

/* Its server is in the group that it was in itself. */
static apr_status_t lead_a_group(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    apr_pool_t *mem = mproc_task_mem(task);
    told_t told;

    MPROC_TRY(ask_child(&told, &options, mem));
    MPROC_TRY(check(told.group == getpgrp(), "the group is another one"));
    MPROC_TRY(check(setpgid(0, 0) == 0, "there is no group"));
    MPROC_TRY(ask_child(&told, &options, mem));
    return check(told.group == getpid() && told.session == getsid(0), "the group has stayed");
}

/* Where the server is none can join it. */
static apr_status_t lead_a_session(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    apr_pool_t *mem = mproc_task_mem(task);
    told_t told;

    MPROC_TRY(ask_child(&told, &options, mem));
    MPROC_TRY(check(setsid() > 0, "there is no session"));
    MPROC_TRY(ask_child(&told, &options, mem));
    return check(told.group == told.pid, "it is in the server's group");
}

/* It leads a session, and so do none of its children. */
static apr_status_t start_in_own_session(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    told_t told;

    MPROC_TRY(check(getsid(0) == getpid(), "it leads no session"));
    MPROC_TRY(ask_child(&told, &options, mproc_task_mem(task)));
    return check(told.session == getpid() && told.group == getpid(), "its child is elsewhere");
}

static const mproc_target_t targets[] = {MPROC_TARGET(tell_session_and_group),
                                         MPROC_TARGET(lead_a_group),
                                         MPROC_TARGET(lead_a_session),
                                         MPROC_TARGET(start_in_own_session),
                                         MPROC_TARGETS_OF(server_targets),
                                         MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- The tests -------------------------------------------------------------------- */

static void a_child_is_in_its_parents_session_and_group(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    told_t told;

    assert_success(ask_child(&told, &options, *state));
    assert_int_equal(told.session, getsid(0));
    assert_int_equal(told.group, getpgrp());
}

static void a_child_is_in_the_group_that_its_parent_is_in_now(void **state)
{
    mproc_process_options_t options = by(MPROC_SPAWN);
    mproc_process_t *client;

    assert_success(status_of(&client, lead_a_group, MPROC_NO_ARGS, &options, *state));
}

static void a_child_of_one_that_has_left_the_session_is_in_a_group_of_its_own(void **state)
{
    mproc_process_options_t options = by(MPROC_SPAWN);
    mproc_process_t *client;

    assert_success(status_of(&client, lead_a_session, MPROC_NO_ARGS, &options, *state));
}

static void a_detached_child_leads_a_session_and_its_children_are_in_it(void **state)
{
    static const char *const methods[] = {MPROC_SPAWN, MPROC_FORK, MPROC_FORKSERVER};
    size_t i;

    server_now(*state);
    for (i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        mproc_process_options_t options = by(methods[i]);
        mproc_process_t *process;

        options.detached = 1;
        assert_success(status_of(&process, start_in_own_session, MPROC_NO_ARGS, &options, *state));
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_child_is_in_its_parents_session_and_group),
        claim_leaving_nothing(a_child_is_in_the_group_that_its_parent_is_in_now),
        claim_leaving_nothing(a_child_of_one_that_has_left_the_session_is_in_a_group_of_its_own),
        claim_leaving_nothing(a_detached_child_leads_a_session_and_its_children_are_in_it),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    /*
     * Who ends and leaves a child in another group of its session may leave that group without anybody
     * who could let it go on: a group with a stopped process in it is hung up then by the system.  That
     * is not to be the one of whoever runs this test, and others that stop processes, at the same time.
     */
    setsid();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
