/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fork server's client.  It sends one byte, and beside it one end of a line of its own, through
 * the socket that all clients share.  Whatever else is to be said goes along that line to the copy.
 * The server tells there that it has made one, and later how that ended.
 *
 * The line is the copy's lifeline as well.  The kernel takes what is said there for its end, also a
 * byte that has been read: it tells who waits after it has put the byte where it can be read.  So
 * nothing is said there any more when the copy's birth was heard of, but that it is given up; the word
 * to begin comes over the control channel.
 *
 * The copy's pidfd says that it has ended, also when the server is gone.  Where there are none,
 * the line does: it is closed when both are gone.
 */

#include "internal.h"
#include "spin.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A folder is opened to go there; without either it must be one to read. */
#if !defined O_PATH && defined O_SEARCH
#define O_PATH O_SEARCH
#elif !defined O_PATH
#define O_PATH O_RDONLY
#endif

extern char **environ;

/* All that a server has is closed at once when it ends. */
#define GONE_TIMEOUT apr_time_from_sec(1)

/* What asking holds until it is done; every descriptor that is not -1 is closed again. */
typedef struct asking_t {
    int line[2];     /* this process's end, the copy's end */
    int null_device; /* for what this process has closed */
    int folder;      /* where the copy is to be */
    char *message;   /* to the copy, and what goes with it */
    size_t size;
    port_handle_t *handles;
    size_t nhandles;
} asking_t;

const char *port_forkserver_refusal(void)
{
    return NULL;
}

apr_status_t port_process_lifeline(port_handle_t *copy, const port_process_t *server)
{
    int made = fcntl(server->lifeline, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);

    if (made < 0)
        return APR_FROM_OS_ERROR(errno);
    *copy = made;
    return APR_SUCCESS;
}

/* Its end of the channel is closed when a server ends. */
apr_status_t port_forkserver_await_service(const port_channel_t *server, port_deadline_t deadline)
{
    struct pollfd poller = {.fd = server->socket, .events = POLLIN};
    apr_status_t rv = posix_poll_all(&poller, 1, deadline);

    return rv == APR_SUCCESS && (poller.revents & POLLHUP) != 0 ? APR_EOF : rv;
}

/* -- Asking --------------------------------------------------------------------- */

static size_t texts_size(const char *const *texts)
{
    size_t size = 0;

    for (; *texts != NULL; texts++)
        size += strlen(*texts) + 1;
    return size;
}

static char *put_text(char *place, const char *text)
{
    size_t size = strlen(text) + 1;

    memcpy(place, text, size);
    return place + size;
}

/* The heading, and the strings behind it. */
static void make_message(asking_t *asking, const port_ask_t *ask, apr_pool_t *mem)
{
    const char *const *environment =
        ask->environment != NULL ? ask->environment : (const char *const *)environ;
    posix_ask_t heading = {.ndescriptors = (uint32_t)ask->nhandles + POSIX_ASK_HANDLES,
                           .is_detached = ask->is_detached != 0,
                           .group = getpgrp()};
    char *place;

    memcpy(heading.key, ask->key, sizeof heading.key);
    heading.size = strlen(ask->token) + 1 + texts_size(environment);
    asking->size = sizeof heading + (size_t)heading.size;
    asking->message = place = apr_palloc(mem, asking->size);
    memcpy(place, &heading, sizeof heading);
    place = put_text(place + sizeof heading, ask->token);
    for (; *environment != NULL; environment++)
        place = put_text(place, *environment);
}

static apr_status_t open_or_null(port_handle_t *handle, int descriptor, asking_t *asking)
{
    apr_status_t rv = APR_SUCCESS;

    if (fcntl(descriptor, F_GETFD) != -1) {
        *handle = descriptor;
        return APR_SUCCESS;
    }
    if (asking->null_device < 0)
        rv = posix_open_null_device(&asking->null_device);
    *handle = asking->null_device;
    return rv;
}

/*
 * Where this process is may have no name any more, or none that it may know; and it may be where it
 * could not go: proc(5) has that folder by the process, and not by its name.
 */
static apr_status_t open_folder(port_handle_t *handle, asking_t *asking, const char *folder)
{
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int error;

    asking->folder = open(folder != NULL ? folder : ".", flags);
    error = errno;
    if (asking->folder < 0 && error == EACCES && folder == NULL)
        asking->folder = open("/proc/self/cwd", flags);
    *handle = asking->folder;
    return asking->folder >= 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(error);
}

static apr_status_t collect_handles(asking_t *asking, const port_ask_t *ask, apr_pool_t *mem)
{
    size_t count = ask->nhandles + POSIX_ASK_HANDLES;
    port_handle_t *all = apr_palloc(mem, count * sizeof *all);
    apr_status_t rv = open_or_null(&all[POSIX_ASK_STDOUT], STDOUT_FILENO, asking);

    if (rv == APR_SUCCESS)
        rv = open_or_null(&all[POSIX_ASK_STDERR], STDERR_FILENO, asking);
    if (rv == APR_SUCCESS)
        rv = open_folder(&all[POSIX_ASK_FOLDER], asking, ask->folder);
    memcpy(all + POSIX_ASK_HANDLES, ask->handles, ask->nhandles * sizeof *all);
    asking->handles = all;
    asking->nhandles = count;
    return rv;
}

static apr_status_t prepare(asking_t *asking, const port_ask_t *ask, apr_pool_t *mem)
{
    apr_status_t rv = posix_socketpair(asking->line);

    if (rv != APR_SUCCESS)
        return rv;
    make_message(asking, ask, mem);
    return collect_handles(asking, ask, mem);
}

/* A byte with its descriptor goes whole, whoever else sends one at the same time. */
static apr_status_t connect_line(port_channel_t *server, asking_t *asking, port_deadline_t deadline)
{
    port_handle_t theirs = asking->line[1];
    size_t sent;
    apr_status_t rv = port_channel_send_handles(server, "", 1, &theirs, 1, deadline, &sent);

    close(asking->line[1]);
    asking->line[1] = -1;
    return rv;
}

/*
 * As many handles as go at once beside the message, and the rest beside a byte each time.  A copy that
 * does not listen has ended, which is heard of as its end.
 */
static apr_status_t tell_copy(port_channel_t *line, const asking_t *asking,
                              port_deadline_t deadline)
{
    const port_handle_t *handles = asking->handles;
    const char *message = asking->message;
    size_t size = asking->size, left = asking->nhandles, part, sent;
    apr_status_t rv = APR_SUCCESS;

    for (; rv == APR_SUCCESS && left > 0; left -= part, handles += part) {
        part = left < PORT_HANDLES_MAX ? left : PORT_HANDLES_MAX;
        rv = port_channel_send_handles(line, message, size, handles, part, deadline, &sent);
        message = "";
        size = 1;
    }
    return APR_STATUS_IS_EPIPE(rv) ? APR_SUCCESS : rv;
}

/* -- The answer ----------------------------------------------------------------- */

apr_status_t posix_read_exactly(port_channel_t *channel, void *bytes, size_t size,
                                port_deadline_t deadline)
{
    size_t have = 0, received;

    while (have < size) {
        apr_status_t rv =
            port_channel_read(channel, (char *)bytes + have, size - have, deadline, &received);
        if (rv != APR_SUCCESS)
            return rv;
        have += received;
    }
    return APR_SUCCESS;
}

static apr_status_t take_sentinel(port_process_t *process, port_channel_t *line, int has_pidfd)
{
    port_handle_t pidfd = process->told;
    apr_status_t rv = has_pidfd ? port_channel_take_handles(line, NULL, 1, &pidfd) : APR_SUCCESS;

    if (rv == APR_SUCCESS)
        process->sentinel = (int)pidfd;
    return rv;
}

/* Its end of the channel is closed when a server ends, whoever has the other end of the line. */
static apr_status_t await_answer(const port_channel_t *server, int line, port_deadline_t deadline)
{
    struct pollfd pollers[2] = {{.fd = line, .events = POLLIN}, {.fd = server->socket}};
    apr_status_t rv = posix_poll_all(pollers, 2, deadline);

    return rv == APR_SUCCESS && pollers[0].revents == 0 ? APR_EOF : rv;
}

/*
 * Its line was closed before there was an answer: the server is gone, or it had no room for the line,
 * which the system closes then.
 */
static apr_status_t find_out_why(const port_channel_t *server)
{
    struct pollfd poller = {.fd = server->socket};
    apr_status_t rv = posix_poll_all(&poller, 1, port_clock() + GONE_TIMEOUT);

    return APR_STATUS_IS_TIMEUP(rv) ? APR_EMFILE : APR_EOF;
}

static apr_status_t hear_of_birth(port_process_t *process, const port_channel_t *server,
                                  port_channel_t *line, port_deadline_t deadline)
{
    posix_answer_t answer;
    apr_status_t rv = await_answer(server, line->socket, deadline);

    if (rv == APR_SUCCESS)
        rv = posix_read_exactly(line, &answer, sizeof answer, deadline);
    if (APR_STATUS_IS_EOF(rv))
        rv = find_out_why(server);
    if (rv == APR_SUCCESS && answer.news != POSIX_BORN)
        rv = APR_FROM_OS_ERROR(answer.first);
    if (rv != APR_SUCCESS)
        return rv;
    process->pid = answer.first;
    process->told = line->socket;
    return take_sentinel(process, line, answer.second);
}

/* The copy, if there is one, is told that nobody wants it. */
static void give_up(const asking_t *asking, port_process_t *started)
{
    port_channel_t line = {.socket = asking->line[0]};
    size_t sent;

    if (started->sentinel != asking->line[0])
        posix_close_if_open(started->sentinel);
    if (asking->line[0] >= 0)
        port_channel_write(&line, "", 1, PORT_NOW, &sent);
    posix_close_if_open(asking->line[0]);
}

static void end_asking(const asking_t *asking)
{
    posix_close_if_open(asking->line[1]);
    posix_close_if_open(asking->null_device);
    posix_close_if_open(asking->folder);
}

static apr_status_t get_copy(port_process_t *process, port_channel_t *server, asking_t *asking,
                             port_stage_t *stage, port_deadline_t deadline)
{
    port_channel_t line = {.socket = asking->line[0]};
    apr_status_t rv = connect_line(server, asking, deadline);

    if (APR_STATUS_IS_EPIPE(rv))
        return APR_EOF;
    if (rv == APR_SUCCESS)
        rv = tell_copy(&line, asking, deadline);
    if (rv != APR_SUCCESS)
        return rv;
    *stage = PORT_STAGE_FORK;
    rv = hear_of_birth(process, server, &line, deadline);
    port_channel_drop_handles(&line);
    return rv;
}

apr_status_t port_forkserver_ask(port_process_t **process, port_channel_t *server,
                                 const port_ask_t *ask, port_stage_t *stage,
                                 port_deadline_t deadline, apr_pool_t *mem)
{
    asking_t asking = {.line = {-1, -1}, .null_device = -1, .folder = -1};
    port_process_t started = {.sentinel = -1, .lifeline = -1, .teller = -1, .told = -1};
    apr_status_t rv;

    *stage = PORT_STAGE_FOLDER;
    rv = posix_check_folder(ask->folder);
    if (rv != APR_SUCCESS)
        return rv;
    *stage = PORT_STAGE_HANDLES;
    rv = prepare(&asking, ask, mem);
    if (rv == APR_SUCCESS)
        rv = get_copy(&started, server, &asking, stage, deadline);
    end_asking(&asking);
    if (rv != APR_SUCCESS) {
        give_up(&asking, &started);
        return rv;
    }
    *process = apr_pmemdup(mem, &started, sizeof started);
    return APR_SUCCESS;
}

/* -- Afterwards ------------------------------------------------------------------ */

/*
 * The server hears of an end when this process does, and says so in less time than it takes to go to
 * sleep and be woken, if it has a CPU: it may wait for this one's.
 */
apr_status_t port_forkserver_await_end(const port_process_t *copy, port_deadline_t deadline)
{
    int round;

    for (round = 0; deadline != PORT_NOW && round < MPROC__SPINS; round++) {
        if (posix_poll(copy->told, POLLIN, PORT_NOW) == APR_SUCCESS)
            return APR_SUCCESS;
        port_yield();
    }
    return posix_poll(copy->told, POLLIN, deadline);
}

/* The answer stays there: the line is what others wait on, too, and is to stay ready. */
int posix_told_reap(const port_process_t *process, siginfo_t *how)
{
    posix_answer_t answer;

    if (recv(process->told, &answer, sizeof answer, MSG_PEEK | MSG_DONTWAIT) != sizeof answer ||
        answer.news != POSIX_ENDED)
        return ECHILD;
    memset(how, 0, sizeof *how);
    how->si_code = answer.first;
    how->si_status = answer.second;
    return 0;
}

/*
 * Without a pidfd, or where a filter refuses to signal by it, there is only the number, which is the
 * copy's until the server has told of its end; by then it may be gone for a moment already.
 */
int posix_told_signal(const port_process_t *process, int number)
{
    int error = process->sentinel != process->told ? posix_watch_signal(process, number) : ESRCH;

    if (error != ESRCH || posix_poll(process->sentinel, POLLIN, PORT_NOW) != APR_TIMEUP)
        return error;
    return kill(process->pid, number) == 0 ? 0 : errno;
}
