/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fork server.  It takes lines from clients, copies itself for each, and tells at the other end
 * that there is a copy, and how it ended.  All else is between the copy and its client: the server
 * reads nothing that a client says, so that none can stop or confuse it.
 */

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

extern char **environ;

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

/* -- In the copy: what it is told -------------------------------------------------- */

/* What a copy has been asked to be. */
typedef struct told_t {
    posix_ask_t heading;
    const char *token, *folder;
    port_handle_t *handles;
} told_t;

/* So that how long it takes says nothing about how much of it was right. */
static int is_same_key(const unsigned char *one, const unsigned char *other)
{
    unsigned differences = 0;
    size_t i;

    for (i = 0; i < PORT_FORKSERVER_KEY_SIZE; i++)
        differences |= (unsigned)(one[i] ^ other[i]);
    return differences == 0;
}

/* The next of the strings, or NULL when there is none. */
static const char *next_text(const char **place, const char *end)
{
    const char *text = *place, *nul = memchr(text, '\0', (size_t)(end - text));

    if (nul == NULL)
        return NULL;
    *place = nul + 1;
    return text;
}

static size_t count_texts(const char *place, const char *end)
{
    size_t count = 0;

    while (next_text(&place, end) != NULL)
        count++;
    return count;
}

static void take_environment(const char *place, const char *end, apr_pool_t *mem)
{
    char **all = apr_palloc(mem, (count_texts(place, end) + 1) * sizeof *all), **next = all;
    const char *text;

    while ((text = next_text(&place, end)) != NULL)
        *next++ = (char *)(uintptr_t)text;
    *next = NULL;
    environ = all;
}

static int take_texts(told_t *told, const char *place, apr_pool_t *mem)
{
    const char *end = place + told->heading.size;

    told->token = next_text(&place, end);
    told->folder = told->token != NULL ? next_text(&place, end) : NULL;
    if (told->folder == NULL)
        return 0;
    take_environment(place, end, mem);
    return 1;
}

static int read_texts(told_t *told, port_channel_t *line, apr_pool_t *mem)
{
    uint64_t size = told->heading.size;
    char *texts = size < PTRDIFF_MAX / 2 ? apr_palloc(mem, (size_t)size) : NULL;

    return texts != NULL &&
           posix_read_exactly(line, texts, (size_t)size, PORT_NEVER) == APR_SUCCESS &&
           take_texts(told, texts, mem);
}

static void make_room_for_handles(told_t *told, size_t have, size_t more, apr_pool_t *mem)
{
    port_handle_t *handles = apr_palloc(mem, (have + more) * sizeof *handles);

    if (have > 0)
        memcpy(handles, told->handles, have * sizeof *handles);
    told->handles = handles;
}

/* As they come, the first with the heading: how many are announced need not be true. */
static int read_handles(told_t *told, port_channel_t *line, apr_pool_t *mem)
{
    size_t count = told->heading.ndescriptors, have = 0, part;
    char byte;

    for (; have < count; have += part) {
        part = count - have < PORT_HANDLES_MAX ? count - have : PORT_HANDLES_MAX;
        if (have > 0 && posix_read_exactly(line, &byte, 1, PORT_NEVER) != APR_SUCCESS)
            return 0;
        make_room_for_handles(told, have, part, mem);
        if (port_channel_take_handles(line, NULL, part, told->handles + have) != APR_SUCCESS)
            return 0;
    }
    return count > POSIX_ASK_HANDLES;
}

/* Into memory that the copy writes to anyway: each page that it does not share costs it time. */
static int read_ask(told_t *told, port_channel_t *line, const port_serving_t *serving)
{
    return posix_read_exactly(line, &told->heading, sizeof told->heading, PORT_NEVER) ==
               APR_SUCCESS &&
           is_same_key(told->heading.key, serving->key) &&
           read_texts(told, line, serving->copy_mem) && read_handles(told, line, serving->copy_mem);
}

/* -- In the copy: becoming it ------------------------------------------------------ */

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

static void hear_interrupt(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(SIGINT, &action, NULL);
}

static apr_status_t tie(const told_t *told, int line)
{
    if (!told->heading.is_detached)
        return posix_tie_to_parent(line);
    setsid();
    return APR_SUCCESS;
}

/* stdin the server has let go of, for all of them. */
static apr_status_t take_streams(const told_t *told)
{
    int out = (int)told->handles[POSIX_ASK_STDOUT], err = (int)told->handles[POSIX_ASK_STDERR];
    apr_status_t rv = APR_SUCCESS;

    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        rv = APR_FROM_OS_ERROR(errno);
    close(out);
    close(err);
    return rv;
}

/* The tie comes first, as one that hangs in what follows must end with its parent. */
static apr_status_t become_what_was_told(const told_t *told, int line,
                                         const port_serving_t *serving)
{
    apr_status_t tied = tie(told, line), rv;

    /* Without it exit() would do the server's business. */
    if (posix_leave_by(serving->leave) != APR_SUCCESS)
        _exit(127);
    rv = take_streams(told);
    if (rv == APR_SUCCESS && chdir(told->folder) != 0)
        rv = APR_FROM_OS_ERROR(errno);
    return tied != APR_SUCCESS ? tied : rv;
}

/* It has heard that there is a copy: else nobody would know of it if the server ended now. */
static void await_client(port_channel_t *line)
{
    char byte;

    if (posix_read_exactly(line, &byte, 1, PORT_NEVER) != APR_SUCCESS)
        _exit(127);
}

/* A client that stops talking has ended, or does not want it any more. */
static _Noreturn void be_copy(server_t *server, int descriptor)
{
    const port_serving_t *serving = server->serving;
    port_channel_t line = {.socket = descriptor};
    port_birth_t birth;
    told_t told;
    apr_status_t rv;

    let_go(server);
    hear_interrupt();
    if (!read_ask(&told, &line, serving))
        _exit(127);
    await_client(&line);
    port_channel_drop_handles(&line);
    rv = become_what_was_told(&told, descriptor, serving);
    birth.token = told.token;
    birth.control = told.handles[POSIX_ASK_HANDLES];
    birth.parent = posix_parent_process(descriptor, serving->copy_mem);
    serving->live(rv, &birth, told.handles + POSIX_ASK_HANDLES,
                  told.heading.ndescriptors - POSIX_ASK_HANDLES, serving->data);
    _exit(127);
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
        server->copies[server->ncopies++] = (copy_t){pid, line};
        tell_of_birth(pid, line);
    } else {
        refuse(line, error);
    }
    port_signals_release();
    hear_of_ends(NULL);
}

/* How a copy ended, or that somebody else has asked; the number is its own until then. */
static int has_ended(const copy_t *copy)
{
    siginfo_t how;
    int result;

    memset(&how, 0, sizeof how);
    do
        result = waitid(P_PID, (id_t)copy->pid, &how, WEXITED | WNOHANG);
    while (result != 0 && errno == EINTR);
    if (result == 0 && how.si_pid == 0)
        return 0;
    if (result == 0)
        say(copy->line, POSIX_ENDED, how.si_code, how.si_status);
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
    apr_status_t rv = port_channel_read(server->channel, &byte, 1, PORT_NOW, &received);

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
