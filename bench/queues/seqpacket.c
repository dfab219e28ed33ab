/* SPDX-License-Identifier: Apache-2.0 */

/* A pair of sockets that keep messages apart; their buffers are the system's default. */

#include "queues.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The room that a socket has to send, of which each message takes some more than its bytes. */
static size_t room_to_send(void)
{
    int room = 0, any = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof room;

    if (any >= 0 && getsockopt(any, SOL_SOCKET, SO_SNDBUF, &room, &size) != 0)
        room = 0;
    close(any);
    return (size_t)room;
}

static const char *refuses(const queue_use_t *use)
{
    return use->message_size >= room_to_send() ? "the message is above a socket's send buffer"
                                               : NULL;
}

static void *create(const queue_use_t *use)
{
    int *ends = malloc(2 * sizeof *ends);

    (void)use;
    if (ends == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        free(ends);
        return NULL;
    }
    return ends;
}

static int put(void *queue, const void *message, size_t size)
{
    return send(((int *)queue)[0], message, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static int get(void *queue, void *buffer, size_t size)
{
    return recv(((int *)queue)[1], buffer, size, 0) == (ssize_t)size;
}

static void close_pair(void *queue)
{
    int *ends = queue;

    close(ends[0]);
    close(ends[1]);
    free(ends);
}

const queue_kind_t queue_seqpacket = {.name = "SEQPACKET",
                                      .refuses = refuses,
                                      .create = create,
                                      .put = put,
                                      .get = get,
                                      .close = close_pair};
