/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fork server's copy, which has let go of what is the server's: it reads what its client asks for, and
 * becomes that.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a file cannot be looked at without its name, nothing is known of it. */
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0
#endif

extern char **environ;

/* -- What it is told -------------------------------------------------- */

/* What a copy has been asked to be. */
typedef struct told_t {
    posix_ask_t heading;
    const char *token;
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
    if (told->token == NULL)
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

/* -- Becoming it ------------------------------------------------------ */

static void hear_interrupt(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(SIGINT, &action, NULL);
}

/*
 * Its client's: whom a terminal's Ctrl-C reaches, and what is signalled together.  Into another session
 * there is no way, and then that client's terminal is not the server's: it is on its own.
 */
static void join_group(pid_t group)
{
    if (setpgid(0, group) != 0)
        setpgid(0, 0);
}

static apr_status_t tie(const told_t *told, int line)
{
    if (told->heading.is_detached) {
        setsid();
        return APR_SUCCESS;
    }
    join_group((pid_t)told->heading.group);
    return posix_tie_to_parent(line);
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

/* As the server has been, also where neither may go. */
static int is_there_already(int folder)
{
    struct stat there, here;

    return fstat(folder, &there) == 0 && fstatat(AT_FDCWD, "", &here, AT_EMPTY_PATH) == 0 &&
           there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static apr_status_t go_to_folder(const told_t *told)
{
    int folder = (int)told->handles[POSIX_ASK_FOLDER];
    apr_status_t rv = fchdir(folder) == 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);

    if (rv != APR_SUCCESS && is_there_already(folder))
        rv = APR_SUCCESS;
    close(folder);
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
    if (rv == APR_SUCCESS)
        rv = go_to_folder(told);
    return tied != APR_SUCCESS ? tied : rv;
}

/* Its client does not want it, or has ended; one that is detached may begin all the same then. */
static int is_given_up(int line, int is_detached)
{
    char byte;
    ssize_t got = recv(line, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    int has_ended = got == 0 || (got < 0 && errno == ECONNRESET);

    return got > 0 || (has_ended && !is_detached);
}

/*
 * Until its client has heard of it, and says the first word over the control channel: else nobody would
 * know of it if the server ended now.  One that was given up is told so, as the end of its line alone
 * says nothing to one that is detached.
 */
static void await_word(const told_t *told, int line)
{
    int control = (int)told->handles[POSIX_ASK_HANDLES];
    struct pollfd pollers[2] = {{.fd = line, .events = POLLIN}, {.fd = control, .events = POLLIN}};

    if (posix_poll_all(pollers, 2, PORT_NEVER) != APR_SUCCESS ||
        is_given_up(line, told->heading.is_detached != 0))
        _exit(127);
}

/* A client that stops talking has ended, or does not want it any more. */
_Noreturn void posix_be_copy(int descriptor, const port_serving_t *serving)
{
    port_channel_t line = {.socket = descriptor};
    port_birth_t birth = {0};
    told_t told;
    apr_status_t rv;

    hear_interrupt();
    if (!read_ask(&told, &line, serving))
        _exit(127);
    await_word(&told, descriptor);
    port_channel_drop_handles(&line);
    rv = become_what_was_told(&told, descriptor, serving);
    birth.token = told.token;
    birth.is_detached = told.heading.is_detached != 0;
    birth.control = told.handles[POSIX_ASK_HANDLES];
    birth.parent = posix_parent_process(descriptor, serving->copy_mem);
    serving->live(rv, &birth, told.handles + POSIX_ASK_HANDLES,
                  told.heading.ndescriptors - POSIX_ASK_HANDLES, serving->data);
    _exit(127);
}
