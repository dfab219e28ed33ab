/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a fork server has too little of, and what its preload function has taken from it: it serves
 * on, and says what it cannot do.  Each test runs this program again.
 */

#include "claims.h"
#include "run.h"
#include "servers_posix.h"
#include "workers.h"

#include <apr_strings.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the server may have open, and how many children want to be there at once. */
#define DESCRIPTORS 40
#define CHILDREN 60

/* How many go at once that nobody takes, and the user whom they are to be counted for. */
#define ON_THEIR_WAY 32
#define NOBODY 65534

/* The first after stdin, stdout and stderr. */
#define FIRST_DESCRIPTOR 3

static const char *own_path;

/* -- Preload functions ---------------------------------------------------------------- */

static void have_no_room_any_more(void)
{
    struct rlimit none = {FIRST_DESCRIPTOR, FIRST_DESCRIPTOR};

    setrlimit(RLIMIT_NOFILE, &none);
}

/* After its first copy it can take no line, nor have a pidfd. */
static apr_status_t lose_all_room(mproc_task_t *task)
{
    (void)task;
    return pthread_atfork(NULL, have_no_room_any_more, NULL);
}

/* As one does that reads its signals from a descriptor. */
static apr_status_t block_ends(mproc_task_t *task)
{
    sigset_t child;

    (void)task;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return pthread_sigmask(SIG_BLOCK, &child, NULL);
}

/* Descriptors on their way that count as this user's until somebody takes them. */
static int send_some(int socket)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(ON_THEIR_WAY * sizeof(int))];
    } control = {{0}};
    struct iovec piece = {(char[]){""}, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int descriptors[ON_THEIR_WAY], i;

    for (i = 0; i < ON_THEIR_WAY; i++)
        descriptors[i] = socket;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof descriptors);
    memcpy(CMSG_DATA(&control.header), descriptors, sizeof descriptors);
    return sendmsg(socket, &message, MSG_DONTWAIT) == 1;
}

/* Nobody's user is refused more descriptors on their way than it may have open: ETOOMANYREFS. */
static apr_status_t have_too_many_on_their_way(mproc_task_t *task)
{
    struct rlimit small = {ON_THEIR_WAY, ON_THEIR_WAY};
    int pair[2], i;

    (void)task;
    if (geteuid() == 0 && setuid(NOBODY) != 0)
        return APR_EGENERAL;
    if (setrlimit(RLIMIT_NOFILE, &small) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return APR_EGENERAL;
    for (i = 0; i < 3 && send_some(pair[0]); i++)
        ;
    return APR_SUCCESS;
}

/* -- Children --------------------------------------------------------------------------- */

static apr_status_t find_ends_blocked(mproc_task_t *task)
{
    sigset_t blocked;

    (void)task;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, SIGCHLD) && !sigismember(&blocked, SIGTERM) ? APR_SUCCESS
                                                                             : MPROC_ETORN;
}

/* Until it is ended. */
static apr_status_t stay(mproc_task_t *task)
{
    (void)task;
    while (pause() != 0)
        ;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(stay),
    MPROC_TARGET(lose_all_room),
    MPROC_TARGET(block_ends),
    MPROC_TARGET(find_ends_blocked),
    MPROC_TARGET(have_too_many_on_their_way),
    MPROC_TARGETS_OF(server_targets),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Programs --------------------------------------------------------------------------- */

static void start_server_with(rlim_t descriptors)
{
    struct rlimit before, small;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    small = before;
    small.rlim_cur = descriptors;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    assert_success(mproc_forkserver_ensure_running());
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Until one is refused: how many there are. */
static int start_until_refused(mproc_process_t **processes, mproc_connection_t **lines,
                               apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_connection_t *there;
    apr_status_t rv = APR_SUCCESS;
    int count = 0;

    options.daemon = 1;
    while (rv == APR_SUCCESS && count < CHILDREN) {
        assert_success(mproc_pipe(&lines[count], &there, MPROC_DUPLEX, mem));
        rv = mproc_process_start(&processes[count], answer, MPROC_PACK(there), &options, mem);
        assert_success(mproc_connection_close(there));
        count += rv == APR_SUCCESS;
    }
    if (count < CHILDREN)
        assert_refused(rv, EMFILE, "copying the fork server");
    return count;
}

/* Where there is no room for one more, there is when one has ended. */
static int be_one_with_many_children(apr_pool_t *mem)
{
    mproc_process_t *processes[CHILDREN];
    mproc_connection_t *lines[CHILDREN];
    pid_t server;
    int count, i;

    start_server_with(DESCRIPTORS);
    server = server_now(mem);
    count = start_until_refused(processes, lines, mem);
    assert_true(count > 0 && count < DESCRIPTORS);
    for (i = 0; i < count; i++) {
        assert_string_equal(hear(lines[i], mem), "born");
        assert_success(say(lines[i], "leave"));
        assert_ended(processes[i], 0);
        if (i < 3)
            assert_int_equal(server_now(mem), server);
    }
    printf("served by one server");
    return 0;
}

static int be_one_whose_server_takes_no_line(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *refused;
    served_t served;

    options.daemon = 1;
    assert_success(mproc_set_forkserver_preload(lose_all_room));
    start_served(&served, &options, mem);
    assert_refused(mproc_process_start(&refused, succeed, MPROC_NO_ARGS, &options, mem), EMFILE,
                   "copying the fork server");
    let_leave(&served);
    printf("its child has gone on");
    return 0;
}

static int be_one_whose_server_blocks_ends(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;

    assert_success(mproc_set_forkserver_preload(block_ends));
    assert_success(status_of(&process, find_ends_blocked, MPROC_NO_ARGS, &options, mem));
    assert_ended(process, 0);
    printf("they are told");
    return 0;
}

static int be_one_whose_server_cannot_send(apr_pool_t *mem)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process;

    assert_success(mproc_set_forkserver_preload(have_too_many_on_their_way));
    assert_success(status_of(&process, succeed, MPROC_NO_ARGS, &options, mem));
    assert_ended(process, 0);
    assert_success(mproc_process_start(&process, stay, MPROC_NO_ARGS, &options, mem));
    assert_success(mproc_process_kill(process));
    assert_ended(process, -SIGKILL);
    printf("born and ended");
    return 0;
}

static int be_some_program(const char *role, apr_pool_t *mem)
{
    int code;

    if (strcmp(role, "lines") == 0)
        code = be_one_whose_server_takes_no_line(mem);
    else if (strcmp(role, "ends") == 0)
        code = be_one_whose_server_blocks_ends(mem);
    else if (strcmp(role, "flight") == 0)
        code = be_one_whose_server_cannot_send(mem);
    else
        code = be_one_with_many_children(mem);
    apr_pool_destroy(mem);
    return code;
}

/* -- Running them -------------------------------------------------------------------------- */

static void assert_prints(const char *role, const char *text, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, role, NULL};
    ran_t ran;

    run_program(&ran, arguments, mem);
    assert_string_equal(ran.errors, "");
    assert_string_equal(ran.output, text);
    assert_int_equal(ran.exitcode, 0);
}

static void one_without_descriptors_refuses_a_start_and_its_children_go_on(void **state)
{
    assert_prints("descriptors", "served by one server", *state);
}

/* The system closes it: the server never knows. */
static void one_that_can_take_no_line_is_left_alone(void **state)
{
    assert_prints("lines", "its child has gone on", *state);
}

static void one_whose_preload_function_blocks_ends_tells_of_them(void **state)
{
    assert_prints("ends", "they are told", *state);
}

static void one_that_cannot_send_a_pidfd_tells_of_births_all_the_same(void **state)
{
    assert_prints("flight", "born and ended", *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(one_without_descriptors_refuses_a_start_and_its_children_go_on),
        claim(one_that_can_take_no_line_is_left_alone),
        claim(one_whose_preload_function_blocks_ends_tells_of_them),
        claim(one_that_cannot_send_a_pidfd_tells_of_births_all_the_same),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    if (argc > 1)
        return be_some_program(argv[1], mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
