/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: a fork server that is killed in each of its states: before it takes a line and after,
 * between its fork and what it notes and tells of it, and between a copy's end, telling of it and
 * reaping.  Its client, a process of its own, must not notice but by codes that are lost.
 */

#include "claims.h"
#include "ends.h"
#include "failing.h"
#include "servers_posix.h"
#include "shared.h"
#include "system.h"
#include "workers.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the environment of the first server of a client alone. */
#define NOTES "MPROC_TEST_NOTES"
#define HELD "MPROC_TEST_HELD"
#define POINT "MPROC_TEST_FAILPOINT"
#define UNBORN "MPROC_TEST_UNBORN"

/* So many failpoints has a birth, and an end. */
#define POINTS_OF_A_BIRTH 5
#define POINTS_OF_AN_END 3

/* What servers and clients tell the test. */
typedef struct notes_t {
    _Atomic long struck; /* the server that has come to its failpoint, or 0 */
    _Atomic long replaced, lost,
        told; /* children of another, and codes of those that it had made */
} notes_t;

/* -- The server --------------------------------------------------------------------- */

static notes_t *notes;

static void die_here(void)
{
    atomic_store(&notes->struck, (long)getpid());
    end_this_process();
}

static void stop_here(void)
{
    atomic_store(&notes->struck, (long)getpid());
    raise(SIGSTOP);
}

/* Who has a copy of this server's memory has the file open, too: so nobody is overlooked. */
static apr_status_t hold(const char *path)
{
    return open(path, O_WRONLY) >= 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);
}

static apr_status_t begin(void (*at)(void), mproc_task_t *task)
{
    if (getenv(NOTES) == NULL)
        return APR_SUCCESS;
    notes = shared_memory(getenv(NOTES), sizeof *notes, mproc_task_mem(task));
    if (notes == NULL)
        return APR_EGENERAL;
    MPROC_TRY(hold(getenv(HELD)));
    at_failpoint = at;
    begin_failing();
    return APR_SUCCESS;
}

static apr_status_t begin_to_fail(mproc_task_t *task)
{
    return begin(die_here, task);
}

static apr_status_t begin_to_stop(mproc_task_t *task)
{
    return begin(stop_here, task);
}

/* -- Children ---------------------------------------------------------------------- */

/* Says who made it; then numbers: those that are not 0 it returns as its status. */
static apr_status_t tell_and_return(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    int status = 0;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    while (status == 0) {
        MPROC_TRY(say_server(line));
        MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
        MPROC_TRY(MPROC_UNPACK(values, &status));
    }
    return status;
}

/* -- A client: what it finds is its status ---------------------------------------------- */

typedef struct child_t {
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_int64_t server; /* that has made it */
} child_t;

/* As all servers here are: whoever else is a child's parent has taken it in when its server died. */
static int is_server(pid_t pid)
{
    siginfo_t how;

    return waitid(P_PID, (id_t)pid, &how, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* It says so when it is asked, too: the first time counts. */
static apr_status_t hear_server(child_t *child, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    apr_int64_t found;
    long struck;

    MPROC_TRY(mproc_connection_recv(child->line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &found));
    if (child->server != 0)
        return APR_SUCCESS;
    struck = atomic_load(&notes->struck);
    child->server = is_server((pid_t)found) ? found : struck;
    atomic_fetch_add(&notes->replaced, struck != 0 && child->server != struck);
    return APR_SUCCESS;
}

static apr_status_t start(child_t *child, apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_connection_t *there;

    options.daemon = 1;
    child->server = 0;
    MPROC_TRY(mproc_pipe(&child->line, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(
        mproc_process_start(&child->process, tell_and_return, MPROC_PACK(there), &options, mem));
    MPROC_TRY(mproc_connection_close(there));
    return hear_server(child, mem);
}

/* It answers still, whatever has befallen its server. */
static apr_status_t see_it_alive(child_t *child, apr_pool_t *mem)
{
    if (!mproc_process_is_alive(child->process))
        return mproc_error_set(APR_EGENERAL, "a child has ended that was not told to");
    MPROC_TRY(mproc_connection_send(child->line, MPROC_PACK(0), PATIENCE));
    return hear_server(child, mem);
}

/* The servers that have made those whose code was told. */
static apr_int64_t tellers[8];
static size_t ntellers;

/* It may be killed only after the code has been read. */
static void count_told(void)
{
    while (ntellers > 0)
        atomic_fetch_add(&notes->told, tellers[--ntellers] == atomic_load(&notes->struck));
}

/* As it was, or lost with the server. */
static apr_status_t check_code(const child_t *child, apr_int64_t right)
{
    int is_struck = child->server == atomic_load(&notes->struck);
    apr_int64_t code;
    apr_status_t rv = mproc_process_exitcode(child->process, &code);

    if (rv == MPROC_ELOST && is_struck) {
        atomic_fetch_add(&notes->lost, 1);
        return APR_SUCCESS;
    }
    MPROC_TRY(rv);
    tellers[ntellers++] = child->server;
    return code == right ? APR_SUCCESS
                         : mproc_error_set(APR_EGENERAL, "a code is %ld, and was to be %ld",
                                           (long)code, (long)right);
}

static apr_status_t let_return(const child_t *child)
{
    MPROC_TRY(mproc_connection_send(child->line, MPROC_PACK(MPROC_ETORN), PATIENCE));
    MPROC_TRY(mproc_process_join(child->process, PATIENCE));
    if (mproc_process_status(child->process) != MPROC_ETORN)
        return mproc_error_set(APR_EGENERAL, "what a child has returned is not known: %s",
                               mproc_process_error(child->process));
    return check_code(child, 1);
}

static apr_status_t kill_it(const child_t *child)
{
    MPROC_TRY(mproc_process_kill(child->process));
    MPROC_TRY(mproc_process_join(child->process, PATIENCE));
    return check_code(child, -SIGKILL);
}

/* Births and ends, one of them by force, and some beside others. */
static apr_status_t start_and_end_some(apr_pool_t *mem)
{
    child_t one, two, three;

    MPROC_TRY(start(&one, mem));
    MPROC_TRY(start(&two, mem));
    MPROC_TRY(let_return(&one));
    MPROC_TRY(see_it_alive(&two, mem));
    MPROC_TRY(start(&three, mem));
    MPROC_TRY(kill_it(&two));
    MPROC_TRY(see_it_alive(&three, mem));
    return let_return(&three);
}

/* The client is told where the notes are, and what its server holds. */
static apr_status_t start_failing_server(int *held, mproc_target_fn *preload, mproc_task_t *task)
{
    const char *of_notes, *of_held;

    MPROC_TRY(MPROC_UNPACK(task, &of_notes, &of_held));
    notes = shared_memory(of_notes, sizeof *notes, mproc_task_mem(task));
    *held = open(of_held, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (notes == NULL || *held < 0)
        return APR_EGENERAL;
    setenv(NOTES, of_notes, 1);
    setenv(HELD, of_held, 1);
    MPROC_TRY(mproc_set_forkserver_preload(preload));
    MPROC_TRY(mproc_forkserver_ensure_running());
    unsetenv(NOTES);
    unsetenv(HELD);
    unsetenv(POINT);
    unsetenv(UNBORN);
    return APR_SUCCESS;
}

/* The server is dead, and so are its children: nobody runs of whom nobody knows. */
static apr_status_t see_nobody_left(int held)
{
    struct pollfd poller = {held, POLLIN, 0};

    return poll(&poller, 1, (int)(PATIENCE / 1000)) == 1
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "somebody runs of whom nobody knows");
}

static apr_status_t see_it_replaced(apr_pool_t *mem)
{
    child_t another;

    MPROC_TRY(start(&another, mem));
    if (another.server == atomic_load(&notes->struck))
        return mproc_error_set(APR_EGENERAL, "a dead server has made a child");
    return let_return(&another);
}

static apr_status_t go_on_without(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    int held;

    MPROC_TRY(start_failing_server(&held, begin_to_fail, task));
    MPROC_TRY(start_and_end_some(mem));
    count_told();
    if (atomic_load(&notes->struck) == 0)
        return APR_SUCCESS;
    MPROC_TRY(see_nobody_left(held));
    return see_it_replaced(mem);
}

/* Its first server dies before it is one. */
static apr_status_t replace_unborn(mproc_task_t *task)
{
    int held;

    MPROC_TRY(start_failing_server(&held, begin_to_fail, task));
    return start_and_end_some(mproc_task_mem(task));
}

/* -- A client of one that stops at the end of its first child ------------------------------- */

/* By the number that would be signalled if there is no pidfd. */
static apr_status_t check_number(const child_t *child)
{
    mproc_sentinel_t sentinel;
    int is_there = kill((pid_t)mproc_process_pid(child->process), 0) == 0;

    MPROC_TRY(mproc_process_sentinel(child->process, &sentinel));
    return is_there || is_ready(sentinel, 0)
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL,
                                 "the number of a child is free, and nobody was told");
}

static apr_status_t watch_an_end(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    apr_status_t rv;
    siginfo_t how;
    child_t child;
    int held;

    MPROC_TRY(start_failing_server(&held, begin_to_stop, task));
    MPROC_TRY(start(&child, mem));
    MPROC_TRY(mproc_connection_send(child.line, MPROC_PACK(MPROC_ETORN), PATIENCE));
    while (waitid(P_PID, (id_t)child.server, &how, WSTOPPED | WNOWAIT) != 0)
        if (errno != EINTR)
            return APR_FROM_OS_ERROR(errno);
    rv = check_number(&child);
    kill((pid_t)child.server, SIGCONT);
    MPROC_TRY(rv);
    MPROC_TRY(mproc_process_join(child.process, PATIENCE));
    return check_code(&child, 1);
}

static const mproc_target_t targets[] = {MPROC_TARGET(begin_to_fail),
                                         MPROC_TARGET(begin_to_stop),
                                         MPROC_TARGET(tell_and_return),
                                         MPROC_TARGET(go_on_without),
                                         MPROC_TARGET(replace_unborn),
                                         MPROC_TARGET(watch_an_end),
                                         MPROC_TARGETS_OF(server_targets),
                                         MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- The tests -------------------------------------------------------------------- */

typedef struct scene_t {
    mproc_target_fn *client;
    long replaced, lost, told; /* of all times that it was played */
} scene_t;

/* Whether the server was struck. */
static int play(const void *data, const char *const *environment, apr_pool_t *mem)
{
    scene_t *scene = (scene_t *)(uintptr_t)data;
    mproc_process_options_t options = by(MPROC_SPAWN);
    const char *of_notes, *of_held;
    mproc_process_t *client;
    notes_t *seen = share_memory(&of_notes, sizeof *seen, mem);

    of_held = apr_pstrcat(mem, of_notes, ".held", NULL);
    assert_int_equal(mkfifo(of_held, 0600), 0);
    options.environment = environment;
    assert_success(status_of(&client, scene->client, MPROC_PACK(of_notes, of_held), &options, mem));
    unlink(of_held);
    scene->replaced += atomic_load(&seen->replaced);
    scene->lost += atomic_load(&seen->lost);
    scene->told += atomic_load(&seen->told);
    return atomic_load(&seen->struck) != 0;
}

/* There are three births and three ends in it. */
static void a_client_goes_on_whatever_its_server_was_doing_when_it_was_killed(void **state)
{
    scene_t scene = {.client = go_on_without};
    long met = meet_failpoints(play, &scene, 1, 1, *state);

    print_message(
        "    killed at %ld failpoints; %ld children of another; %ld codes lost, %ld told\n", met,
        scene.replaced, scene.lost, scene.told);
    assert_true(met >= 3 * (POINTS_OF_A_BIRTH + POINTS_OF_AN_END) - POINTS_OF_AN_END);
    assert_true(scene.replaced > met);
    assert_true(scene.lost > 0);
    assert_true(scene.told > 0);
}

static void a_server_may_be_killed_before_its_guard(void **state)
{
    const char *const environment[] = {UNBORN "=1", NULL};
    scene_t scene = {.client = replace_unborn};

    assert_true(play(&scene, environment, *state));
    assert_true(scene.replaced >= 3);
}

static void a_childs_number_is_its_own_until_its_end_was_told(void **state)
{
    scene_t scene = {.client = watch_an_end};
    int i;

    for (i = 1; i <= POINTS_OF_AN_END; i++) {
        const char *const environment[] = {apr_psprintf(*state, POINT "=%d", POINTS_OF_A_BIRTH + i),
                                           NULL};

        assert_true(play(&scene, environment, *state));
    }
}

/* This program as a server that is not to be born: its client has no notes in its environment. */
static void fail_if_unborn(void)
{
    apr_pool_t *mem;

    if (getenv(UNBORN) == NULL || getenv(NOTES) == NULL)
        return;
    apr_initialize();
    apr_pool_create(&mem, NULL);
    notes = shared_memory(getenv(NOTES), sizeof *notes, mem);
    die_here();
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_client_goes_on_whatever_its_server_was_doing_when_it_was_killed),
        claim_leaving_nothing(a_server_may_be_killed_before_its_guard),
        claim_leaving_nothing(a_childs_number_is_its_own_until_its_end_was_told),
    };
    apr_pool_t *mem;

    fail_if_unborn();
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
