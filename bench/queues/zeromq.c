/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ZeroMQ's PUSH and PULL over ipc.  Each putter has an address, and every getter
 * connects to all of them; a putter deals its messages out to those who are connected.
 */

#include "queues.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

/* Milliseconds after which a getter asks whether there is anything left to come. */
#define IDLE 2

typedef struct sockets_t {
    queue_use_t use;
    long number; /* of this queue in the program, for its addresses */
    void *context;
    void *socket;
} sockets_t;

static void *create(const queue_use_t *use)
{
    static long created;
    sockets_t *sockets = calloc(1, sizeof *sockets);

    if (sockets != NULL) {
        sockets->use = *use;
        sockets->number = created++;
    }
    return sockets;
}

/* Not a file: an address with @ is the kernel's alone. */
static void write_address(const sockets_t *sockets, pid_t owner, int putter, char *address,
                          size_t size)
{
    snprintf(address, size, "ipc://@mproc-bench-%ld-%ld-%d", (long)owner, sockets->number, putter);
}

static int open_putter(sockets_t *sockets, int number)
{
    int messages = (int)(sockets->use.capacity / sockets->use.message_size), for_ever = -1;
    zmq_pollitem_t item = {.events = ZMQ_POLLOUT};
    char address[96];

    sockets->socket = zmq_socket(sockets->context, ZMQ_PUSH);
    zmq_setsockopt(sockets->socket, ZMQ_SNDHWM, &messages, sizeof messages);
    zmq_setsockopt(sockets->socket, ZMQ_LINGER, &for_ever, sizeof for_ever);
    write_address(sockets, getppid(), number, address, sizeof address);
    if (zmq_bind(sockets->socket, address) != 0)
        return 0;
    item.socket = sockets->socket;
    return zmq_poll(&item, 1, -1) == 1;
}

static int open_getter(sockets_t *sockets)
{
    int messages = (int)(sockets->use.capacity / sockets->use.message_size), idle = IDLE, i;
    char address[96];

    sockets->socket = zmq_socket(sockets->context, ZMQ_PULL);
    zmq_setsockopt(sockets->socket, ZMQ_RCVHWM, &messages, sizeof messages);
    zmq_setsockopt(sockets->socket, ZMQ_RCVTIMEO, &idle, sizeof idle);
    /* The putter may not be there yet. */
    zmq_setsockopt(sockets->socket, ZMQ_RECONNECT_IVL, &(int){1}, sizeof(int));
    for (i = 0; i < sockets->use.putters; i++) {
        write_address(sockets, getppid(), i, address, sizeof address);
        if (zmq_connect(sockets->socket, address) != 0)
            return 0;
    }
    return 1;
}

static int open_sockets(void *queue, int is_putter, int number)
{
    sockets_t *sockets = queue;

    sockets->context = zmq_ctx_new();
    return sockets->context != NULL &&
           (is_putter ? open_putter(sockets, number) : open_getter(sockets));
}

static int put(void *queue, const void *message, size_t size)
{
    return zmq_send(((sockets_t *)queue)->socket, message, size, 0) == (int)size;
}

static int get(void *queue, void *buffer, size_t size)
{
    int got = zmq_recv(((sockets_t *)queue)->socket, buffer, size, 0);

    if (got < 0)
        return errno == EAGAIN ? -1 : 0;
    return got == (int)size;
}

static void leave(void *queue)
{
    sockets_t *sockets = queue;

    zmq_close(sockets->socket);
    zmq_ctx_term(sockets->context);
}

const queue_kind_t queue_zeromq = {.name = "ZeroMQ ipc",
                                   .create = create,
                                   .open = open_sockets,
                                   .put = put,
                                   .get = get,
                                   .leave = leave,
                                   .close = free,
                                   .is_dealt = 1};
