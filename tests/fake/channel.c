/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A channel is two queues of bytes.
 */

#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* As much as one way of a channel holds; the contract asks for 4 KiB. */
#define CAPACITY ((size_t)64 * 1024)

/* As much as goes in one piece: each piece can be the one that fails. */
#define PIECE ((size_t)8 * 1024)

/* -- Ends ------------------------------------------------------------------------ */

static fake_end_t *make_end(int directions)
{
    fake_end_t *end = calloc(1, sizeof *end);

    assert_non_null(end);
    end->directions = directions;
    end->bytes = malloc(CAPACITY);
    assert_non_null(end->bytes);
    return end;
}

static int opposite(int directions)
{
    return (directions & PORT_READ ? PORT_WRITE : 0) | (directions & PORT_WRITE ? PORT_READ : 0);
}

void fake_ends_make(fake_end_t *ends[2], int directions)
{
    ends[0] = make_end(directions);
    ends[1] = make_end(opposite(directions));
    ends[0]->peer = ends[1];
    ends[1]->peer = ends[0];
}

size_t fake_end_put(const fake_end_t *end, const void *data, size_t size)
{
    fake_end_t *to = end->peer;
    size_t room = CAPACITY - to->size, put = size < room ? size : room;

    if (put > 0)
        memcpy(to->bytes + to->size, data, put);
    to->size += put;
    return put;
}

size_t fake_end_take(fake_end_t *end, void *buffer, size_t size)
{
    size_t taken = size < end->size ? size : end->size;

    if (taken > 0)
        memcpy(buffer, end->bytes, taken);
    end->size -= taken;
    memmove(end->bytes, end->bytes + taken, end->size);
    return taken;
}

/* -- Channels ---------------------------------------------------------------------- */

static fake_end_t *end_of(const port_channel_t *channel, port_direction_t direction)
{
    fake_end_t *end = fake_handle_end(channel->handle);

    assert_non_null(end); /* nothing that is closed is used */
    assert_true((end->directions & (int)direction) != 0);
    return end;
}

static port_channel_t *make_channel(port_handle_t handle, apr_pool_t *mem)
{
    port_channel_t *channel = apr_palloc(mem, sizeof *channel);

    channel->handle = handle;
    return channel;
}

apr_status_t port_channel_pair(port_channel_t **here, port_channel_t **there, int directions,
                               apr_pool_t *mem)
{
    fake_end_t *ends[2];

    MPROC_TRY(fake_call());
    fake_ends_make(ends, directions);
    *here = make_channel(fake_handle_open(ends[0], FAKE_THIS_PROCESS), mem);
    *there = make_channel(fake_handle_open(ends[1], FAKE_THIS_PROCESS), mem);
    return APR_SUCCESS;
}

apr_status_t port_channel_adopt(port_channel_t **channel, port_handle_t handle, int directions,
                                apr_pool_t *mem)
{
    (void)directions; /* the end knows */
    MPROC_TRY(fake_call());
    if (fake_handle_end(handle) == NULL)
        return APR_EBADF;
    *channel = make_channel(handle, mem);
    return APR_SUCCESS;
}

port_handle_t port_channel_handle(const port_channel_t *channel)
{
    return channel->handle;
}

apr_status_t port_channel_read(port_channel_t *channel, void *buffer, size_t size,
                               port_deadline_t deadline, size_t *received)
{
    fake_end_t *end = end_of(channel, PORT_READ);

    assert_true(size > 0);
    MPROC_TRY(fake_call());
    while (end->size == 0) {
        if (end->peer->handles == 0)
            return APR_EOF;
        MPROC_TRY(fake_let_time_pass(deadline));
    }
    *received = fake_end_take(end, buffer, size < PIECE ? size : PIECE);
    return APR_SUCCESS;
}

apr_status_t port_channel_write(port_channel_t *channel, const void *data, size_t size,
                                port_deadline_t deadline, size_t *sent)
{
    const fake_end_t *end = end_of(channel, PORT_WRITE);

    *sent = 0;
    while (*sent < size) {
        size_t left = size - *sent, put;

        MPROC_TRY(fake_call());
        if (end->peer->handles == 0)
            return APR_EPIPE;
        put = fake_end_put(end, (const char *)data + *sent, left < PIECE ? left : PIECE);
        if (put == 0)
            MPROC_TRY(fake_let_time_pass(deadline));
        *sent += put;
    }
    return APR_SUCCESS;
}

void port_channel_close(port_channel_t *channel)
{
    fake_handle_close(channel->handle);
    channel->handle = PORT_NO_HANDLE;
}
