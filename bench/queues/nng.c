/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nng's push and pull over ipc.  Each putter has an address, and every getter dials
 * all of them; a putter deals its messages out to those who are connected.
 */

#include "queues.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/util/platform.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Milliseconds after which a getter asks whether there is anything left to come. */
#define IDLE 2

/* It takes no longer buffers. */
#define BUFFERED_MAX 8192

typedef struct sockets_t {
    queue_use_t use;
    long number; /* of this queue in the program, for its addresses */
    int is_putter;
    nng_socket socket;
    _Atomic int connected;
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

/* Not a file: an abstract address is the kernel's alone. */
static void write_address(const sockets_t *sockets, pid_t owner, int putter, char *address,
                          size_t size)
{
    snprintf(address, size, "abstract://mproc-bench-%ld-%ld-%d", (long)owner, sockets->number,
             putter);
}

static void count_connected(nng_pipe pipe, nng_pipe_ev event, void *data)
{
    (void)pipe;
    atomic_fetch_add(&((sockets_t *)data)->connected, event == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

static int buffered(const sockets_t *sockets)
{
    size_t messages = sockets->use.capacity / sockets->use.message_size;

    return messages < BUFFERED_MAX ? (int)messages : BUFFERED_MAX;
}

static void await_connected(sockets_t *sockets, int count)
{
    while (atomic_load(&sockets->connected) != count)
        nng_msleep(1);
}

static int open_putter(sockets_t *sockets, int number)
{
    char address[96];

    write_address(sockets, getppid(), number, address, sizeof address);
    if (nng_push0_open(&sockets->socket) != 0)
        return 0;
    nng_socket_set_int(sockets->socket, NNG_OPT_SENDBUF, buffered(sockets));
    nng_pipe_notify(sockets->socket, NNG_PIPE_EV_ADD_POST, count_connected, sockets);
    nng_pipe_notify(sockets->socket, NNG_PIPE_EV_REM_POST, count_connected, sockets);
    if (nng_listen(sockets->socket, address, NULL, 0) != 0)
        return 0;
    await_connected(sockets, sockets->use.getters);
    return 1;
}

/* The putter may not be there yet. */
static int open_getter(sockets_t *sockets)
{
    char address[96];
    int i;

    if (nng_pull0_open(&sockets->socket) != 0)
        return 0;
    nng_socket_set_int(sockets->socket, NNG_OPT_RECVBUF, buffered(sockets));
    nng_socket_set_ms(sockets->socket, NNG_OPT_RECVTIMEO, IDLE);
    nng_socket_set_ms(sockets->socket, NNG_OPT_RECONNMINT, 1);
    nng_socket_set_ms(sockets->socket, NNG_OPT_RECONNMAXT, 1);
    for (i = 0; i < sockets->use.putters; i++) {
        write_address(sockets, getppid(), i, address, sizeof address);
        if (nng_dial(sockets->socket, address, NULL, NNG_FLAG_NONBLOCK) != 0)
            return 0;
    }
    return 1;
}

static int open_sockets(void *queue, int is_putter, int number)
{
    sockets_t *sockets = queue;

    sockets->is_putter = is_putter;
    return is_putter ? open_putter(sockets, number) : open_getter(sockets);
}

static int put(void *queue, const void *message, size_t size)
{
    /* It takes the bytes as its own to change, and changes none. */
    return nng_send(((sockets_t *)queue)->socket, (void *)(uintptr_t)message, size, 0) == 0;
}

static int get(void *queue, void *buffer, size_t size)
{
    size_t got = size;
    int error = nng_recv(((sockets_t *)queue)->socket, buffer, &got, 0);

    if (error != 0)
        return error == NNG_ETIMEDOUT ? -1 : 0;
    return got == size;
}

/* What a putter has sent is lost when it closes before its getters do. */
static void leave(void *queue)
{
    sockets_t *sockets = queue;

    if (sockets->is_putter)
        await_connected(sockets, 0);
    nng_close(sockets->socket);
}

const queue_kind_t queue_nng = {.name = "nng ipc",
                                .create = create,
                                .open = open_sockets,
                                .put = put,
                                .get = get,
                                .leave = leave,
                                .close = free,
                                .is_dealt = 1};
