/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A channel is one end of a pair of connected Unix sockets, also where it goes
 * one way: a socket can carry descriptors, a pipe cannot.  Whether a call waits
 * is said in each call, never by O_NONBLOCK, which belongs to the open file and
 * so to every process that has a copy of it.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Systems without this flag have it as an option of the socket; see descriptors_portable.c. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* macOS refuses to move more than an int can count at a call (write(2) there: EINVAL). */
#define PIECE_SIZE ((size_t)1 << 30)

static size_t piece_size(size_t left)
{
    return left < PIECE_SIZE ? left : PIECE_SIZE;
}

static port_channel_t *make_channel(int descriptor, apr_pool_t *mem)
{
    port_channel_t *channel = apr_pcalloc(mem, sizeof *channel);

    channel->socket = descriptor;
    return channel;
}

/* Only when it must return before something happens does a call have to ask first. */
static int wait_flag(port_deadline_t deadline)
{
    return deadline == PORT_NEVER ? 0 : MSG_DONTWAIT;
}

static int would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

int posix_send_flags(port_deadline_t deadline)
{
    return wait_flag(deadline) | MSG_NOSIGNAL;
}

apr_status_t posix_await_room(const port_channel_t *channel, port_deadline_t deadline)
{
    if (would_block(errno))
        return posix_poll(channel->socket, POLLOUT, deadline);
    if (errno == ECONNRESET)
        return APR_FROM_OS_ERROR(EPIPE);
    return errno == EINTR ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);
}

/* Shutting one end for writing tells the other that nothing will come. */
static int limit_directions(const int pair[2], int directions)
{
    if (directions == PORT_READ)
        return shutdown(pair[0], SHUT_WR);
    if (directions == PORT_WRITE)
        return shutdown(pair[1], SHUT_WR);
    return 0;
}

apr_status_t port_channel_pair(port_channel_t **here, port_channel_t **there, int directions,
                               apr_pool_t *mem)
{
    int pair[2];
    apr_status_t rv = posix_socketpair(pair);

    if (rv != APR_SUCCESS)
        return rv;
    if (limit_directions(pair, directions) != 0) {
        rv = APR_FROM_OS_ERROR(errno);
        posix_close_pair(pair);
        return rv;
    }
    *here = make_channel(pair[0], mem);
    *there = make_channel(pair[1], mem);
    return APR_SUCCESS;
}

apr_status_t port_channel_adopt(port_channel_t **channel, port_handle_t handle, int directions,
                                apr_pool_t *mem)
{
    struct sockaddr address = {0};
    socklen_t address_size = sizeof address, type_size;
    int type = 0, descriptor = (int)handle;

    (void)directions; /* the socket knows */
    type_size = sizeof type;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || type != SOCK_STREAM)
        return APR_EBADF;
    if (getsockname(descriptor, &address, &address_size) != 0 || address.sa_family != AF_UNIX)
        return APR_EBADF;
    if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0)
        return APR_FROM_OS_ERROR(errno);
    *channel = make_channel(descriptor, mem);
    return APR_SUCCESS;
}

port_handle_t port_channel_handle(const port_channel_t *channel)
{
    return channel->socket;
}

apr_status_t port_channel_read(port_channel_t *channel, void *buffer, size_t size,
                               port_deadline_t deadline, size_t *received)
{
    for (;;) {
        ssize_t got = posix_receive(channel, buffer, piece_size(size), wait_flag(deadline));

        if (got > 0) {
            *received = (size_t)got;
            return APR_SUCCESS;
        }
        /* A Unix socket whose peer closed with unread bytes says so once all that came is read. */
        if (got == 0 || errno == ECONNRESET)
            return APR_EOF;
        if (would_block(errno)) {
            apr_status_t rv = posix_poll(channel->socket, POLLIN, deadline);
            if (rv != APR_SUCCESS)
                return rv;
        } else if (errno != EINTR) {
            return APR_FROM_OS_ERROR(errno);
        }
    }
}

apr_status_t port_channel_write(port_channel_t *channel, const void *data, size_t size,
                                port_deadline_t deadline, size_t *sent)
{
    const char *bytes = data;

    *sent = 0;
    while (*sent < size) {
        ssize_t put = send(channel->socket, bytes + *sent, piece_size(size - *sent),
                           posix_send_flags(deadline));
        apr_status_t rv;

        if (put >= 0) {
            *sent += (size_t)put;
            continue;
        }
        rv = posix_await_room(channel, deadline);
        if (rv != APR_SUCCESS)
            return rv;
    }
    return APR_SUCCESS;
}

void port_channel_close(port_channel_t *channel)
{
    port_channel_drop_handles(channel);
    close(channel->socket);
    channel->socket = -1;
}
