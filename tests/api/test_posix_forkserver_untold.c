/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ends of children that the fork server does not tell, as it is dead or stopped: who waits for them
 * hears of them all the same, or waits no longer than he wanted to.
 */

#include "claims.h"
#include "servers_posix.h"
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
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_fork_of_a_child_does_not_hide_its_end),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
