/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fork server.  It takes lines from clients, copies itself for each, and tells at the other end
 * that there is a copy, and how it ended.  All else is between the copy and its client: the server
 * reads nothing that a client says, so that none can stop or confuse it.
 */

#include "failpoint.h"
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A copy that has not ended, and the line to its client. */
typedef struct copy_t {
    pid_t pid;
    int line;
} copy_t;

typedef struct server_t {
    port_channel_t *channel;
    const port_serving_t *serving;
    copy_t *copies;
    size_t ncopies, capacity;
    int ended[2];           /* a pipe that the handler of SIGCHLD writes to */
    struct sigaction child; /* as it was */
    sigset_t mask;          /* the same */
} server_t;

/* -- Signals -------------------------------------------------------------------- */

static int ended_writer;

/* A full pipe says it as well. */
static void note_end(int signal)
{
    int error = errno;
    ssize_t put = write(ended_writer, "", 1);

    (void)signal;
    (void)put;
    errno = error;
}

/* A preload function may have blocked it, as those do that read signals from a descriptor. */
static void hear_of_ends(sigset_t *before)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_UNBLOCK, &child, before);
}

/* Ctrl-C is the clients' business; a copy decides anew. */
static void set_signals(server_t *server)
{
    struct sigaction action;

    ended_writer = server->ended[1];
    memset(&action, 0, sizeof action);
    action.sa_handler = note_end;
    action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, &server->child);
    action.sa_handler = SIG_IGN;
    sigaction(SIGINT, &action, NULL);
    hear_of_ends(&server->mask);
}

/* -- In the copy ------------------------------------------------------------------ */

/*
 * What the server has, but for memory: it stays as it is, since a page that is written to has to be
 * copied.  SIGINT was ignored from the server's start on.
 */
static void let_go(const server_t *server)
{
    size_t i;

    sigaction(SIGCHLD, &server->child, NULL);
    for (i = 0; i < server->ncopies; i++)
        close(server->copies[i].line);
    posix_close_pair(server->ended);
    close(server->channel->socket);
}

static _Noreturn void be_copy(const server_t *server, int line)
{
    let_go(server);
    posix_be_copy(line, server->serving);
}

/* -- In the server ----------------------------------------------------------------- */

/* A client that does not listen any more is not waited for. */
static void say(int line, posix_news_t news, int first, int second)
{
    port_channel_t channel = {.socket = line};
    posix_answer_t answer = {news, first, second};
    size_t sent;

    port_channel_write(&channel, &answer, sizeof answer, PORT_NOW, &sent);
}

/*
 * Nobody but this process can ask how the copy ended, so that its number is its own until then.  The
 * system may refuse to carry a pidfd, as where one user has too many descriptors on their way.
 */
static void tell_of_birth(pid_t pid, int line)
{
    port_channel_t channel = {.socket = line};
    port_handle_t pidfd = posix_watch_number(pid);
    posix_answer_t answer = {POSIX_BORN, (int32_t)pid, 1};
    apr_status_t rv = APR_ENOTIMPL;
    size_t sent;

    if (pidfd >= 0) {
        rv =
            port_channel_send_handles(&channel, &answer, sizeof answer, &pidfd, 1, PORT_NOW, &sent);
        close((int)pidfd);
    }
    if (rv != APR_SUCCESS)
        say(line, POSIX_BORN, (int)pid, 0);
}

static int make_room(server_t *server)
{
    size_t capacity = server->capacity > 0 ? 2 * server->capacity : 16;
    copy_t *copies;

    if (server->ncopies < server->capacity)
        return 1;
    copies = realloc(server->copies, capacity * sizeof *copies);
    if (copies == NULL)
        return 0;
    server->copies = copies;
    server->capacity = capacity;
    return 1;
}

/* Whether this process could open one more. */
static int has_descriptor_left(int line)
{
    int another = fcntl(line, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);

    posix_close_if_open(another);
    return another >= 0;
}

static void refuse(int line, int error)
{
    say(line, POSIX_FAILED, error, 0);
    close(line);
}

/*
 * The copy's signals are held until it is whole: a handler may call exit().  Then those are blocked
 * that the preload function has left so.
 */
static void make_copy(server_t *server, int line)
{
    pid_t pid = -1;
    int error = ENOMEM;

    pthread_sigmask(SIG_SETMASK, &server->mask, NULL);
    port_signals_hold();
    if (make_room(server)) {
        pid = fork();
        error = errno;
    }
    if (pid == 0)
        be_copy(server, line);
    if (pid > 0) {
        mproc__failpoint();
        server->copies[server->ncopies++] = (copy_t){pid, line};
        mproc__failpoint();
        tell_of_birth(pid, line);
        mproc__failpoint();
    } else {
        refuse(line, error);
    }
    port_signals_release();
    hear_of_ends(NULL);
}

/* Whether there is an end to ask for, or somebody else has asked: 0, or -1 and errno. */
static int ask(pid_t pid, siginfo_t *how, int flags)
{
    int result;

    memset(how, 0, sizeof *how);
    do
        result = waitid(P_PID, (id_t)pid, how, WEXITED | WNOHANG | flags);
    while (result != 0 && errno == EINTR);
    return result;
}

/*
 * Its number is its own until it is reaped: whoever signals it by that must have heard of its end
 * before.
 */
static int has_ended(const copy_t *copy)
{
    siginfo_t how;

    if (ask(copy->pid, &how, WNOWAIT) == 0) {
        if (how.si_pid == 0)
            return 0;
        mproc__failpoint();
        say(copy->line, POSIX_ENDED, how.si_code, how.si_status);
        mproc__failpoint();
        ask(copy->pid, &how, 0);
        mproc__failpoint();
    }
    close(copy->line);
    return 1;
}

static void tell_of_ends(server_t *server)
{
    size_t i = 0;

    while (i < server->ncopies) {
        if (has_ended(&server->copies[i]))
            server->copies[i] = server->copies[--server->ncopies];
        else
            i++;
    }
}

/* What is left is seen at the next look. */
static void forget_notes(const server_t *server)
{
    char notes[64];
    ssize_t got = read(server->ended[0], notes, sizeof notes);

    (void)got;
}

/* Whatever a preload function has read from it is no copy's; nor is what it has not read. */
static apr_status_t forget_input(void)
{
    int null_device;
    apr_status_t rv = posix_open_null_device(&null_device);

    if (rv != APR_SUCCESS)
        return rv;
    if (dup2(null_device, STDIN_FILENO) < 0)
        rv = APR_FROM_OS_ERROR(errno);
    close(null_device);
    fflush(stdin);
    return rv;
}

/*
 * It goes with its copy.  The last descriptor is left for the next one, as a line that finds no room
 * is closed by the system before anybody could be refused; and for a copy's pidfd.
 */
static void use_line(server_t *server, int line)
{
    if (has_descriptor_left(line))
        make_copy(server, line);
    else
        refuse(line, errno);
}

/* APR_EOF when there is nobody left. */
static apr_status_t take_line(server_t *server)
{
    port_handle_t line;
    char byte;
    size_t received;
    apr_status_t rv;

    mproc__failpoint();
    rv = port_channel_read(server->channel, &byte, 1, PORT_NOW, &received);
    mproc__failpoint();
    if (rv == APR_SUCCESS &&
        port_channel_take_handles(server->channel, NULL, 1, &line) == APR_SUCCESS)
        use_line(server, (int)line);
    if (port_channel_waiting_handles(server->channel, NULL, 0) > 0)
        port_channel_drop_handles(server->channel);
    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : rv;
}

static apr_status_t serve(server_t *server)
{
    struct pollfd pollers[2] = {{server->channel->socket, POLLIN, 0},
                                {server->ended[0], POLLIN, 0}};
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        rv = posix_poll_all(pollers, 2, PORT_NEVER);
        if (rv == APR_SUCCESS && pollers[1].revents != 0) {
            forget_notes(server);
            tell_of_ends(server);
        }
        if (rv == APR_SUCCESS && pollers[0].revents != 0)
            rv = take_line(server);
    }
    return rv;
}

apr_status_t port_forkserver_serve(port_channel_t *channel, const port_serving_t *serving)
{
    server_t server = {.channel = channel, .serving = serving};
    apr_status_t rv = forget_input();

    if (rv == APR_SUCCESS)
        rv = posix_open_ready_pipe(server.ended);
    if (rv != APR_SUCCESS) {
        port_channel_close(channel);
        return rv;
    }
    set_signals(&server);
    rv = serve(&server);
    let_go(&server);
    pthread_sigmask(SIG_SETMASK, &server.mask, NULL);
    port_channel_drop_handles(channel);
    free(server.copies);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}
