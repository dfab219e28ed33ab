/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Fork servers, for tests: POSIX.
 */

#include "servers_posix.h"

#include "claims.h"
#include "workers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

mproc_process_options_t by(const char *method)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = method;
    return options;
}

int has_pidfds(void)
{
    return WATCHES_BY_PIDFD && getenv("MPROC_TEST_WITHOUT_PIDFDS") == NULL;
}

apr_status_t say_server(mproc_connection_t *line)
{
    return mproc_connection_send(line, MPROC_PACK((apr_int64_t)getppid()), PATIENCE);
}

static apr_status_t tell_server(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say_server(line));
    return answer_on(line);
}

const mproc_target_t server_targets[] = {MPROC_TARGET(tell_server), MPROC_TARGETS_END};

void start_served(served_t *served, const mproc_process_options_t *options, apr_pool_t *mem)
{
    mproc_process_options_t by_default = by(MPROC_FORKSERVER);
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *there;
    apr_int64_t server;

    assert_success(mproc_pipe(&served->line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&served->process, tell_server, MPROC_PACK(there),
                                       options != NULL ? options : &by_default, mem));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_recv(served->line, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &server));
    served->server = (pid_t)server;
}

void assert_answers(const served_t *served, apr_pool_t *mem)
{
    assert_success(say(served->line, "still there?"));
    assert_string_equal(hear(served->line, mem), "still there?");
}

void let_leave(const served_t *served)
{
    assert_success(say(served->line, "leave"));
    assert_ended(served->process, 0);
    assert_success(mproc_process_status(served->process));
    assert_success(mproc_process_close(served->process));
    assert_success(mproc_connection_close(served->line));
}

pid_t server_now(apr_pool_t *mem)
{
    served_t served;

    start_served(&served, NULL, mem);
    let_leave(&served);
    return served.server;
}

/* Its code stays where it is. */
static void await_change(pid_t server, int change)
{
    siginfo_t how;

    while (waitid(P_PID, (id_t)server, &how, change | WNOWAIT) != 0)
        assert_int_equal(errno, EINTR);
}

void kill_server(pid_t server)
{
    assert_int_equal(kill(server, SIGKILL), 0);
    await_change(server, WEXITED);
}

void stop_server(pid_t server)
{
    assert_int_equal(kill(server, SIGSTOP), 0);
    await_change(server, WSTOPPED);
}
