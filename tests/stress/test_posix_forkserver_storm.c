/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: fork servers that are killed at any moment of their lives, under processes that start
 * children by them all the time.  No start fails but for three servers that were killed under it, and
 * every child is heard of.
 */

#include "claims.h"
#include "servers_posix.h"
#include "threads.h"
#include "workers.h"

#include <apr_time.h>

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the storm at scale 1, and how long a server lives in it at most. */
#define TIME apr_time_from_sec(4)
#define LIFE_MAX 20000

#define STARTERS 4
#define RELATIVES 4
#define CHILDREN_OF_A_CLIENT 200
#define STARTS_OF_A_RELATIVE 25
#define NTHREADS 16
#define ROUNDS 6

/* The server that has made a child last, unless it was struck; and how many of those there were. */
static _Atomic pid_t seen;
static _Atomic long is_over, starts, kills, refusals, servers;

/* -- What the children do ------------------------------------------------------------- */

/* Says who made it, and hears one word, which it returns as a status. */
static apr_status_t tell_and_return(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    int status;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say_server(line));
    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &status));
    return status;
}

/* -- A start and an end, in whatever process ------------------------------------------- */

static apr_status_t talk(mproc_connection_t *line, pid_t *server, int status, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    apr_int64_t found;

    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &found));
    *server = (pid_t)found;
    return mproc_connection_send(line, MPROC_PACK(status), PATIENCE);
}

static apr_status_t join_with(mproc_process_t *process, int status)
{
    apr_int64_t code;
    apr_status_t rv;

    MPROC_TRY(mproc_process_join(process, PATIENCE));
    if (mproc_process_status(process) != status)
        return mproc_error_set(APR_EGENERAL, "it was to return %d, and: %s", status,
                               mproc_process_error(process));
    rv = mproc_process_exitcode(process, &code);
    return rv == MPROC_ELOST || (rv == APR_SUCCESS && code == (status != 0))
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "the code of one that returned %d is wrong", status);
}

/* MPROC_EDIED when three servers were killed under the start; the server of the child. */
static apr_status_t start_and_end(const char *method, pid_t *server, int status, apr_pool_t *mem)
{
    mproc_process_options_t options = by(method);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    apr_status_t rv;

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    rv = mproc_process_start(&process, tell_and_return, MPROC_PACK(there), &options, mem);
    MPROC_TRY(mproc_connection_close(there));
    if (rv == APR_SUCCESS)
        rv = talk(here, server, status, mem);
    if (rv == APR_SUCCESS)
        rv = join_with(process, status);
    return rv;
}

/* In memory for the moment. */
static apr_status_t start_once(const char *method, pid_t *server, int status, apr_pool_t *mem)
{
    apr_pool_t *own;
    apr_status_t rv;

    MPROC_TRY(apr_pool_create(&own, mem));
    rv = start_and_end(method, server, status, own);
    apr_pool_destroy(own);
    return rv;
}

/* -- Relatives --------------------------------------------------------------------------- */

/* Starts some by the server that it shares with its siblings, from when it is told to. */
static apr_status_t start_some(mproc_task_t *task)
{
    mproc_connection_t *line;
    pid_t server;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    hear(line, mproc_task_mem(task));
    for (i = 0; i < STARTS_OF_A_RELATIVE; i++) {
        MPROC_TRY(start_once(MPROC_FORKSERVER, &server, i % 2 ? MPROC_ETORN : APR_SUCCESS,
                             mproc_task_mem(task)));
        MPROC_TRY(say(line, "one"));
    }
    return APR_SUCCESS;
}

/* -- Clients --------------------------------------------------------------------------------- */

/* Has what it was given until it is ended. */
static apr_status_t stay(mproc_task_t *task)
{
    (void)task;
    while (pause() != 0)
        ;
    return APR_SUCCESS;
}

/* Starts one after the other, each of which has the line, until it is killed. */
static apr_status_t start_many(mproc_task_t *task)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;
    mproc_connection_t *line;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    for (i = 0; i < CHILDREN_OF_A_CLIENT; i++)
        MPROC_TRY(
            mproc_process_start(&process, stay, MPROC_PACK(line), &options, mproc_task_mem(task)));
    return stay(task);
}

static const mproc_target_t targets[] = {MPROC_TARGET(tell_and_return),
                                         MPROC_TARGET(start_some),
                                         MPROC_TARGET(stay),
                                         MPROC_TARGET(start_many),
                                         MPROC_TARGETS_OF(server_targets),
                                         MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- Killing ----------------------------------------------------------------------------- */

/* Only a child of this process: its number is its own until it is reaped. */
static int kill_own_child(pid_t pid)
{
    siginfo_t how;

    return pid > 0 && waitid(P_PID, (id_t)pid, &how, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           kill(pid, SIGKILL) == 0;
}

static apr_status_t kill_servers(void *data)
{
    unsigned random = 4711;
    pid_t server, last = 0;

    (void)data;
    while (!atomic_load(&is_over)) {
        random = random * 1103515245 + 12345;
        apr_sleep((random >> 8) % LIFE_MAX);
        server = atomic_exchange(&seen, 0);
        if (!kill_own_child(server))
            continue;
        atomic_fetch_add(&kills, 1);
        atomic_fetch_add(&servers, server != last);
        last = server;
    }
    return APR_SUCCESS;
}

static apr_status_t start_until_it_is_over(void *data)
{
    pid_t server;
    int i;

    for (i = 0; !atomic_load(&is_over); i++) {
        apr_status_t rv =
            start_once(MPROC_FORKSERVER, &server, i % 3 ? APR_SUCCESS : MPROC_ETORN, data);

        if (rv == MPROC_EDIED) {
            atomic_fetch_add(&refusals, 1);
            continue;
        }
        if (rv != APR_SUCCESS)
            print_error("%s\n", mproc_error_message());
        MPROC_TRY(rv);
        atomic_store(&seen, server);
        atomic_fetch_add(&starts, 1);
    }
    return APR_SUCCESS;
}

/* -- The tests ------------------------------------------------------------------------------ */

static void start_in_own_memory(work_t *work, work_fn *function, apr_pool_t *mem)
{
    apr_pool_t *own;

    assert_success(apr_pool_create(&own, mem));
    assert_success(start_thread(work, function, own, own));
}

static void starts_go_on_while_servers_are_killed(void **state)
{
    work_t starters[STARTERS], killer;
    int i;

    atomic_store(&is_over, 0);
    for (i = 0; i < STARTERS; i++)
        start_in_own_memory(&starters[i], start_until_it_is_over, *state);
    start_in_own_memory(&killer, kill_servers, *state);
    apr_sleep(TIME * test_scale());
    atomic_store(&is_over, 1);
    for (i = 0; i < STARTERS; i++)
        assert_success(end_thread(&starters[i]));
    assert_success(end_thread(&killer));
    print_message("    %ld starts, %ld blows at %ld servers, %ld starts refused\n",
                  atomic_load(&starts), atomic_load(&kills), atomic_load(&servers),
                  atomic_load(&refusals));
    assert_true(atomic_load(&servers) > 1);
    assert_true(atomic_load(&starts) > atomic_load(&refusals));
    server_now(*state);
}

/* When the server is killed, from the beginning of a start. */
typedef struct blow_t {
    pid_t server;
    apr_time_t when;
} blow_t;

static apr_status_t strike(void *data)
{
    const blow_t *blow = data;

    while (apr_time_now() < blow->when)
        ;
    return kill_own_child(blow->server) ? APR_SUCCESS : APR_EGENERAL;
}

/* A start takes some hundreds of microseconds. */
static void a_server_may_be_killed_at_any_moment_of_a_start(void **state)
{
    int i, replaced = 0;

    for (i = 0; i < 200 * test_scale(); i++) {
        blow_t blow = {.server = server_now(*state)};
        apr_pool_t *mem;
        work_t work;
        pid_t server;

        assert_success(apr_pool_create(&mem, *state));
        blow.when = apr_time_now() + 100 + 8 * (i % 200);
        assert_success(start_thread(&work, strike, &blow, mem));
        while (apr_time_now() < blow.when - 8 * (i % 200))
            ;
        assert_success(start_once(MPROC_FORKSERVER, &server, MPROC_ETORN, mem));
        assert_success(end_thread(&work));
        replaced += server != blow.server;
        apr_pool_destroy(mem);
        assert_int_not_equal(server_now(*state), blow.server);
    }
    print_message("    %d of %d starts by another server\n", replaced, i);
    assert_true(replaced > 0);
}

static void hear_starts(mproc_connection_t *const *lines, int times, apr_pool_t *mem)
{
    int i, j;

    for (i = 0; i < times; i++)
        for (j = 0; j < RELATIVES; j++)
            assert_string_equal(hear(lines[j], mem), "one");
}

/* Each finds by itself that it is gone, and makes one of its own. */
static void relatives_go_on_when_the_server_that_they_share_is_killed(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    int round, i;

    for (round = 0; round < 5 * test_scale(); round++) {
        mproc_connection_t *lines[RELATIVES];
        mproc_process_t *relatives[RELATIVES];
        pid_t server = server_now(*state);
        apr_pool_t *mem;

        assert_success(apr_pool_create(&mem, *state));
        for (i = 0; i < RELATIVES; i++)
            start_born(&relatives[i], &lines[i], start_some, &options, mem);
        for (i = 0; i < RELATIVES; i++)
            assert_success(say(lines[i], "go"));
        hear_starts(lines, 1 + round % 5, mem);
        assert_true(kill_own_child(server));
        hear_starts(lines, STARTS_OF_A_RELATIVE - 1 - round % 5, mem);
        for (i = 0; i < RELATIVES; i++) {
            assert_success(mproc_process_join(relatives[i], PATIENCE));
            assert_success(mproc_process_status(relatives[i]));
        }
        apr_pool_destroy(mem);
        assert_int_not_equal(server_now(*state), server);
    }
}

/* Wherever it was in its asking: its children are gone, and those that were just being made. */
static void clients_may_be_killed_at_any_moment_and_leave_nobody(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    pid_t server = server_now(*state);
    unsigned random = 4711;
    int i;

    for (i = 0; i < 40 * test_scale(); i++) {
        mproc_process_t *client;
        mproc_connection_t *line;
        apr_pool_t *mem;

        assert_success(apr_pool_create(&mem, *state));
        start_born(&client, &line, start_many, &options, mem);
        random = random * 1103515245 + 12345;
        apr_sleep((random >> 8) % LIFE_MAX);
        assert_success(mproc_process_kill(client));
        assert_string_equal(hear(line, mem), "(end)");
        assert_ended(client, -SIGKILL);
        apr_pool_destroy(mem);
    }
    assert_int_equal(server_now(*state), server);
}

/* All methods in turn. */
static apr_status_t start_by_all(void *mem)
{
    const char *const *methods = mproc_get_all_start_methods();
    pid_t parent;
    int i, j;

    for (i = 0; i < ROUNDS * test_scale(); i++)
        for (j = 0; methods[j] != NULL; j++) {
            apr_status_t rv = start_once(methods[j], &parent, MPROC_ETORN, mem);

            if (rv == APR_SUCCESS &&
                (parent == getpid()) != (strcmp(methods[j], MPROC_FORKSERVER) != 0))
                rv = mproc_error_set(APR_EGENERAL, "one by %s is of another", methods[j]);
            if (rv != APR_SUCCESS)
                print_error("%s: %s\n", methods[j], mproc_error_message());
            MPROC_TRY(rv);
        }
    return APR_SUCCESS;
}

static void threads_start_by_all_methods_at_once(void **state)
{
    work_t work[NTHREADS];
    int i;

    for (i = 0; i < NTHREADS; i++)
        start_in_own_memory(&work[i], start_by_all, *state);
    for (i = 0; i < NTHREADS; i++)
        assert_success(end_thread(&work[i]));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_server_may_be_killed_at_any_moment_of_a_start),
        claim_leaving_nothing(relatives_go_on_when_the_server_that_they_share_is_killed),
        claim_leaving_nothing(starts_go_on_while_servers_are_killed),
        claim_leaving_nothing(clients_may_be_killed_at_any_moment_and_leave_nobody),
        claim_leaving_nothing(threads_start_by_all_methods_at_once),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
