/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Passing descriptors: a Unix socket carries them beside its bytes (SCM_RIGHTS,
 * cmsg(3)).  The kernel keeps them while they are on their way, so that neither
 * side has to wait for the other, and there is nothing to note.
 *
 * They arrive with the first of the bytes that they were sent with, which may be
 * read long before anybody asks for them; and anybody may send some with whatever
 * bytes he likes.  So they wait in the channel, in order, until they are taken or
 * dropped.
 */

#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A reader that takes what was announced never has more than two messages' descriptors waiting. */
#define WAITING_MAX 1024

/* Most messages have fewer; what is that small is given and taken back by malloc() in no time. */
#define WAITING_FIRST 16

/* Stands for descriptors that had no room in this process. */
#define LOST (-1)

/* Called around what is closed while descriptors arrive. */
static struct {
    void (*before)(void), (*after)(void);
} at_closing;

/*
 * A forked child closes what waits here, so nothing moves its place: a ring.  It grows where no fork
 * comes in between: while descriptors arrive.
 */
struct posix_waiting_t {
    size_t first, end; /* since the beginning */
    size_t capacity;
    int is_overfull; /* one was closed that should be here: who asks gets no more */
    int descriptors[];
};

/* Room for as many descriptors as go at once, aligned for the header before them. */
typedef union control_t {
    struct cmsghdr header;
    char room[CMSG_SPACE(PORT_HANDLES_MAX * sizeof(int))];
} control_t;

size_t port_note_size(size_t count)
{
    (void)count;
    return 0;
}

/* -- Sending -------------------------------------------------------------------- */

static void attach(struct msghdr *message, control_t *control, const port_handle_t *handles,
                   size_t count)
{
    int descriptors[PORT_HANDLES_MAX] = {0};
    size_t i;

    for (i = 0; i < count; i++)
        descriptors[i] = (int)handles[i];
    memset(control, 0, sizeof *control);
    control->header.cmsg_level = SOL_SOCKET;
    control->header.cmsg_type = SCM_RIGHTS;
    control->header.cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(&control->header), descriptors, count * sizeof(int));
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
}

apr_status_t port_channel_send_handles(port_channel_t *channel, const void *bytes, size_t size,
                                       const port_handle_t *handles, size_t count,
                                       port_deadline_t deadline, size_t *sent)
{
    struct iovec piece = {(void *)(uintptr_t)bytes, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    control_t control;
    ssize_t put;
    apr_status_t rv;

    *sent = 0;
    attach(&message, &control, handles, count);
    while ((put = sendmsg(channel->socket, &message, posix_send_flags(deadline))) < 0) {
        rv = posix_await_room(channel, deadline);
        if (rv != APR_SUCCESS)
            return rv;
    }
    /* The descriptors have gone with the first byte. */
    rv = port_channel_write(channel, (const char *)bytes + put, size - (size_t)put, deadline, sent);
    *sent += (size_t)put;
    return rv;
}

/* The kernel keeps them. */
void port_channel_commit_handles(port_channel_t *channel)
{
    (void)channel;
}

/* -- Arriving ------------------------------------------------------------------- */

static int *place_of(struct posix_waiting_t *waiting, size_t index)
{
    return &waiting->descriptors[index % waiting->capacity];
}

static struct posix_waiting_t *make_room(size_t capacity)
{
    struct posix_waiting_t *made = malloc(sizeof *made + capacity * sizeof made->descriptors[0]);

    if (made != NULL)
        *made = (struct posix_waiting_t){.capacity = capacity};
    return made;
}

static void move_over(struct posix_waiting_t *to, struct posix_waiting_t *from)
{
    for (; from->first != from->end; from->first++, to->end++)
        *place_of(to, to->end) = *place_of(from, from->first);
    to->is_overfull = from->is_overfull;
    free(from);
}

/* The channel's, with room for so many more; or NULL. */
static struct posix_waiting_t *waiting_room(port_channel_t *channel, size_t more)
{
    struct posix_waiting_t *waiting = channel->waiting, *made;
    size_t needed = more, capacity = WAITING_FIRST;

    if (waiting != NULL)
        needed += waiting->end - waiting->first;
    if (waiting != NULL && needed <= waiting->capacity)
        return waiting;
    while (capacity < needed && capacity < WAITING_MAX)
        capacity *= 2;
    made = needed <= capacity ? make_room(capacity) : NULL;
    if (made == NULL)
        return NULL;
    channel->waiting = made;
    if (waiting != NULL)
        move_over(made, waiting);
    return made;
}

/* `descriptor` may be LOST. */
static void let_wait(port_channel_t *channel, int descriptor)
{
    struct posix_waiting_t *waiting = waiting_room(channel, 1);

    if (waiting != NULL) {
        *place_of(waiting, waiting->end) = descriptor;
        waiting->end++;
        return;
    }
    posix_close_if_open(descriptor);
    if (channel->waiting != NULL)
        channel->waiting->is_overfull = 1;
}

/* Once one of them is lost so are those behind it, as nobody could tell which ones are left. */
static int receive_rights(port_channel_t *channel, const struct cmsghdr *rights)
{
    const unsigned char *numbers = CMSG_DATA(rights);
    size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;
    int is_lost = 0;

    for (i = 0; i < count; i++) {
        int descriptor;

        memcpy(&descriptor, numbers + i * sizeof descriptor, sizeof descriptor);
        is_lost = is_lost || posix_above_stdio(&descriptor) != APR_SUCCESS;
        if (is_lost)
            close(descriptor);
        else
            let_wait(channel, descriptor);
    }
    return is_lost;
}

static void receive_all_rights(port_channel_t *channel, struct msghdr *message)
{
    int is_lost = (message->msg_flags & MSG_CTRUNC) != 0;
    struct cmsghdr *control;

    for (control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control))
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
            is_lost |= receive_rights(channel, control);
    if (is_lost)
        let_wait(channel, LOST);
}

/* Those that are lost are closed, and so are numbers that mean stdin, stdout and stderr. */
static void let_arrive(port_channel_t *channel, struct msghdr *message)
{
    if (at_closing.before != NULL)
        at_closing.before();
    receive_all_rights(channel, message);
    if (at_closing.after != NULL)
        at_closing.after();
}

ssize_t posix_receive(port_channel_t *channel, void *buffer, size_t size, int flags)
{
    struct iovec piece = {buffer, size};
    control_t control;
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = posix_recvmsg(channel->socket, &message, flags);

    if (got >= 0 && (message.msg_controllen > 0 || (message.msg_flags & MSG_CTRUNC) != 0))
        let_arrive(channel, &message);
    return got;
}

void port_at_closing(void (*before)(void), void (*after)(void))
{
    at_closing.before = before;
    at_closing.after = after;
}

/* -- Taking --------------------------------------------------------------------- */

static void close_all(const port_handle_t *handles, size_t count)
{
    while (count-- > 0)
        port_handle_close(handles[count]);
}

static apr_status_t take_next(struct posix_waiting_t *waiting, port_handle_t *handle)
{
    int descriptor;

    if (waiting == NULL || waiting->first == waiting->end)
        return APR_EBADF;
    descriptor = *place_of(waiting, waiting->first);
    waiting->first++;
    if (descriptor == LOST)
        return APR_EMFILE;
    *handle = descriptor;
    return APR_SUCCESS;
}

apr_status_t port_channel_take_handles(port_channel_t *channel, const void *note, size_t count,
                                       port_handle_t *handles)
{
    apr_status_t rv = APR_SUCCESS;
    size_t taken;

    (void)note;
    if (channel->waiting != NULL && channel->waiting->is_overfull)
        return APR_EMFILE;
    for (taken = 0; taken < count; taken++) {
        rv = take_next(channel->waiting, &handles[taken]);
        if (rv != APR_SUCCESS)
            break;
    }
    if (rv != APR_SUCCESS)
        close_all(handles, taken);
    return rv;
}

size_t port_channel_waiting_handles(const port_channel_t *channel, port_handle_t *handles,
                                    size_t max)
{
    const struct posix_waiting_t *waiting = channel->waiting;
    size_t count = waiting != NULL ? waiting->end - waiting->first : 0, i;

    if (count > max || (waiting != NULL && waiting->is_overfull))
        return max + 1;
    for (i = 0; i < count; i++) {
        handles[i] = waiting->descriptors[(waiting->first + i) % waiting->capacity];
        if (handles[i] == LOST)
            return max + 1;
    }
    return count;
}

apr_status_t port_channel_await_handles(port_channel_t *channel, const port_handle_t *handles,
                                        size_t count)
{
    size_t i;

    if (count > 0 && waiting_room(channel, count) == NULL)
        return APR_ENOMEM;
    for (i = 0; i < count; i++)
        let_wait(channel, (int)handles[i]);
    return APR_SUCCESS;
}

void port_channel_drop_handles(port_channel_t *channel)
{
    struct posix_waiting_t *waiting = channel->waiting;

    if (waiting == NULL)
        return;
    /* Off the list first: a child that is forked in between must not close what has the number then. */
    while (waiting->first != waiting->end)
        posix_close_if_open(*place_of(waiting, waiting->first++));
    channel->waiting = NULL;
    free(waiting);
}

void port_handle_close(port_handle_t handle)
{
    close((int)handle);
}
