/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections: messages on a channel.
 *
 * A message is received in two steps, its header and its bytes, and either may
 * come in pieces.  What has come is kept in the connection, so that a deadline
 * loses nothing: the next call goes on where the last one stopped.
 */

#include "connection.h"

#include "buffer.h"
#include "deadline.h"
#include "frame.h"
#include "port.h"
#include "values.h"

#include <mproc/connection.h>
#include <mproc/status.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

/* Up to this size a message is sent in one piece with its header. */
#define ONE_PIECE 16384

/* Room is made for what has been announced at most this far ahead of what has arrived. */
#define ROOM_AHEAD ((size_t)1 << 20)

struct mproc_connection_t {
    apr_pool_t *mem;
    port_channel_t *channel; /* NULL when closed */
    int directions;          /* port_direction_t */
    atomic_flag is_sending;
    atomic_flag is_receiving;

    /* The receiver's. */
    unsigned char header[MPROC__FRAME_LONG];
    size_t header_size;       /* how much of it has come */
    size_t message_size;      /* valid when has_header */
    int has_header;
    mproc__buffer_t incoming; /* what has come of a message that no caller's buffer has */

    /* The sender's. */
    mproc__buffer_t outgoing;
    int is_torn;              /* a message was left unfinished: nothing can follow it */
};

/* -- Making and closing ------------------------------------------------------- */

static apr_status_t close_channel(void *data)
{
    mproc_connection_t *connection = data;

    if (connection->channel != NULL)
        port_channel_close(connection->channel);
    connection->channel = NULL;
    mproc__buffer_free(&connection->incoming);
    mproc__buffer_free(&connection->outgoing);
    return APR_SUCCESS;
}

static mproc_connection_t *make_connection(port_channel_t *channel, int directions, apr_pool_t *mem)
{
    mproc_connection_t *connection = apr_pcalloc(mem, sizeof *connection);

    connection->mem = mem;
    connection->channel = channel;
    connection->directions = directions;
    atomic_flag_clear(&connection->is_sending);
    atomic_flag_clear(&connection->is_receiving);
    apr_pool_cleanup_register(mem, connection, close_channel, apr_pool_cleanup_null);
    return connection;
}

static apr_status_t make_pair(mproc_connection_t **here, mproc_connection_t **there, int directions, apr_pool_t *mem)
{
    port_channel_t *one, *other;
    apr_status_t rv = port_channel_pair(&one, &other, directions, mem);

    if (rv != APR_SUCCESS) {
        char text[120];
        return mproc_error_set(rv, "cannot make a pipe: %s", mproc_strerror(rv, text, sizeof text));
    }
    *here = make_connection(one, directions, mem);
    *there = make_connection(other, directions == PORT_READ ? PORT_WRITE : directions, mem);
    return APR_SUCCESS;
}

apr_status_t mproc_pipe(mproc_connection_t **here, mproc_connection_t **there, mproc_duplex_t duplex, apr_pool_t *mem)
{
    apr_pool_t *both;
    apr_status_t rv;

    if (here == NULL || there == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "mproc_pipe needs two variables and memory; one is NULL");
    if (duplex != MPROC_DUPLEX && duplex != MPROC_ONE_WAY)
        return mproc_error_set(APR_EINVAL, "a pipe is MPROC_DUPLEX or MPROC_ONE_WAY, not %d", (int)duplex);
    /* A pool of its own, so that threads may make pipes in the same memory. */
    rv = apr_pool_create(&both, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "no memory for a pipe");
    rv = make_pair(here, there, duplex == MPROC_DUPLEX ? PORT_READ | PORT_WRITE : PORT_READ, both);
    if (rv != APR_SUCCESS)
        apr_pool_destroy(both);
    return rv;
}

/* -- Who may use it ----------------------------------------------------------- */

static apr_status_t check(const mproc_connection_t *connection, port_direction_t direction)
{
    if (connection == NULL)
        return mproc_error_set(APR_EINVAL, "the connection is NULL");
    if (connection->channel == NULL)
        return mproc_error_set(MPROC_ECLOSED, "the connection is closed");
    if ((connection->directions & (int)direction) == 0)
        return mproc_error_set(MPROC_EDIRECTION, "this end of the one-way pipe only %s",
                               direction == PORT_READ ? "sends" : "receives");
    return APR_SUCCESS;
}

static apr_status_t enter(mproc_connection_t *connection, port_direction_t direction)
{
    atomic_flag *flag;

    MPROC_TRY(check(connection, direction));
    flag = direction == PORT_READ ? &connection->is_receiving : &connection->is_sending;
    if (atomic_flag_test_and_set_explicit(flag, memory_order_acquire))
        return mproc_error_set(MPROC_EINUSE, "another thread is %s on this connection",
                               direction == PORT_READ ? "receiving" : "sending");
    return APR_SUCCESS;
}

static void leave(mproc_connection_t *connection, port_direction_t direction)
{
    atomic_flag *flag = direction == PORT_READ ? &connection->is_receiving : &connection->is_sending;

    atomic_flag_clear_explicit(flag, memory_order_release);
}

apr_status_t mproc_connection_close(mproc_connection_t *connection)
{
    if (connection == NULL)
        return mproc_error_set(APR_EINVAL, "the connection is NULL");
    if (atomic_flag_test_and_set_explicit(&connection->is_receiving, memory_order_acquire))
        return mproc_error_set(MPROC_EINUSE, "another thread is receiving on this connection");
    if (atomic_flag_test_and_set_explicit(&connection->is_sending, memory_order_acquire)) {
        leave(connection, PORT_READ);
        return mproc_error_set(MPROC_EINUSE, "another thread is sending on this connection");
    }
    close_channel(connection);
    leave(connection, PORT_WRITE);
    leave(connection, PORT_READ);
    return APR_SUCCESS;
}

int mproc_connection_readable(const mproc_connection_t *connection)
{
    return connection != NULL && (connection->directions & PORT_READ) != 0;
}

int mproc_connection_writable(const mproc_connection_t *connection)
{
    return connection != NULL && (connection->directions & PORT_WRITE) != 0;
}

/* -- Sending ------------------------------------------------------------------ */

static apr_status_t send_failed(mproc_connection_t *connection, apr_status_t rv, int has_begun)
{
    char text[120];

    if (APR_STATUS_IS_EPIPE(rv))
        return mproc_error_set(rv, "the other end of the connection is closed");
    if (APR_STATUS_IS_TIMEUP(rv) && !has_begun)
        return mproc_error_set(rv, "there was no room in the pipe in time");
    connection->is_torn = connection->is_torn || has_begun;
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(MPROC_ETORN, "time ran out in the middle of a message; nothing can be sent after it");
    return mproc_error_set(rv, "cannot send: %s", mproc_strerror(rv, text, sizeof text));
}

/* The header and the bytes, in one piece where that is cheaper than a second system call. */
static apr_status_t send_pieces(mproc_connection_t *connection, const unsigned char *header, size_t header_size,
                                const void *data, size_t size, port_deadline_t deadline)
{
    size_t sent;
    apr_status_t rv = port_channel_write(connection->channel, header, header_size, deadline, &sent);

    if (rv != APR_SUCCESS)
        return send_failed(connection, rv, sent > 0);
    if (size == 0)
        return APR_SUCCESS;
    rv = port_channel_write(connection->channel, data, size, deadline, &sent);
    return rv == APR_SUCCESS ? rv : send_failed(connection, rv, 1);
}

static apr_status_t send_message(mproc_connection_t *connection, const void *data, size_t size,
                                 port_deadline_t deadline)
{
    unsigned char piece[MPROC__FRAME_LONG + ONE_PIECE];
    size_t header_size = mproc__frame_write(piece, size);

    if (connection->is_torn)
        return mproc_error_set(MPROC_ETORN, "an earlier message was cut off in the middle; nothing can follow it");
    if (size > ONE_PIECE)
        return send_pieces(connection, piece, header_size, data, size, deadline);
    if (size > 0)
        memcpy(piece + header_size, data, size);
    return send_pieces(connection, piece, header_size + size, NULL, 0, deadline);
}

apr_status_t mproc_connection_send_bytes(mproc_connection_t *connection, const void *data, size_t size,
                                         apr_interval_time_t timeout)
{
    apr_status_t rv;

    if (data == NULL && size > 0)
        return mproc_error_set(APR_EINVAL, "no data was given, but a size");
    if (size > PTRDIFF_MAX)
        return mproc_error_set(APR_EINVAL, "a size of %llu bytes is beyond memory; a negative number?",
                               (unsigned long long)size);
    MPROC_TRY(enter(connection, PORT_WRITE));
    rv = send_message(connection, data, size, mproc__deadline(timeout));
    leave(connection, PORT_WRITE);
    return rv;
}

apr_status_t mproc_connection_send(mproc_connection_t *connection, const mproc_pack_t *pack,
                                   apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    MPROC_TRY(enter(connection, PORT_WRITE));
    connection->outgoing.size = 0;
    rv = mproc__pack_encode(&connection->outgoing, NULL, pack);
    if (rv == APR_SUCCESS)
        rv = send_message(connection, connection->outgoing.bytes, connection->outgoing.size, deadline);
    leave(connection, PORT_WRITE);
    return rv;
}

/* -- Receiving ---------------------------------------------------------------- */

static apr_status_t receive_failed(mproc_connection_t *connection, apr_status_t rv)
{
    char text[120];

    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "no message has arrived in time");
    if (APR_STATUS_IS_EOF(rv) && connection->header_size > 0)
        return mproc_error_set(MPROC_ETORN, "the other end was closed in the middle of a message");
    if (APR_STATUS_IS_EOF(rv))
        return mproc_error_set(rv, "the other end of the connection is closed");
    return mproc_error_set(rv, "cannot receive: %s", mproc_strerror(rv, text, sizeof text));
}

static apr_status_t receive_header_part(mproc_connection_t *connection, size_t length, port_deadline_t deadline)
{
    while (connection->header_size < length) {
        size_t received;
        apr_status_t rv = port_channel_read(connection->channel, connection->header + connection->header_size,
                                            length - connection->header_size, deadline, &received);
        if (rv != APR_SUCCESS)
            return receive_failed(connection, rv);
        connection->header_size += received;
    }
    return APR_SUCCESS;
}

static apr_status_t receive_header(mproc_connection_t *connection, port_deadline_t deadline)
{
    if (connection->has_header)
        return APR_SUCCESS;
    MPROC_TRY(receive_header_part(connection, MPROC__FRAME_SHORT, deadline));
    MPROC_TRY(receive_header_part(connection, mproc__frame_length(connection->header), deadline));
    MPROC_TRY(mproc__frame_read(&connection->message_size, connection->header));
    connection->has_header = 1;
    return APR_SUCCESS;
}

static void end_message(mproc_connection_t *connection)
{
    connection->has_header = 0;
    connection->header_size = 0;
    connection->incoming.size = 0;
}

/* Read the rest of a message into the connection's own buffer, which grows as the bytes come. */
static apr_status_t receive_into_incoming(mproc_connection_t *connection, port_deadline_t deadline)
{
    mproc__buffer_t *incoming = &connection->incoming;

    while (incoming->size < connection->message_size) {
        size_t left = connection->message_size - incoming->size, received;
        size_t piece = left < ROOM_AHEAD ? left : ROOM_AHEAD;
        apr_status_t rv = mproc__buffer_reserve(incoming, piece);

        if (rv != APR_SUCCESS)
            return mproc_error_set(rv, "a message of %llu bytes is larger than the memory there is",
                                   (unsigned long long)connection->message_size);
        rv = port_channel_read(connection->channel, incoming->bytes + incoming->size, piece, deadline, &received);
        if (rv != APR_SUCCESS)
            return receive_failed(connection, rv);
        incoming->size += received;
    }
    return APR_SUCCESS;
}

/* What had come when time ran out moves from the caller's buffer into the connection's. */
static apr_status_t keep_part(mproc_connection_t *connection, const void *part, size_t size, apr_status_t why)
{
    apr_status_t rv = mproc__buffer_append(&connection->incoming, part, size);

    return rv == APR_SUCCESS ? why : mproc_error_set(rv, "no memory to keep the first half of a message");
}

static apr_status_t receive_into(mproc_connection_t *connection, unsigned char *buffer, port_deadline_t deadline)
{
    size_t have = 0;

    assert(connection->incoming.size == 0);
    while (have < connection->message_size) {
        size_t received;
        apr_status_t rv = port_channel_read(connection->channel, buffer + have, connection->message_size - have,
                                            deadline, &received);
        if (rv != APR_SUCCESS)
            return keep_part(connection, buffer, have, receive_failed(connection, rv));
        have += received;
    }
    return APR_SUCCESS;
}

static apr_status_t receive_body(mproc_connection_t *connection, void *buffer, port_deadline_t deadline)
{
    if (connection->incoming.size == 0)
        return receive_into(connection, buffer, deadline);
    MPROC_TRY(receive_into_incoming(connection, deadline));
    memcpy(buffer, connection->incoming.bytes, connection->incoming.size);
    return APR_SUCCESS;
}

static apr_status_t receive_bytes(mproc_connection_t *connection, void *buffer, size_t capacity, size_t *size,
                                  port_deadline_t deadline)
{
    MPROC_TRY(receive_header(connection, deadline));
    if (connection->message_size > capacity) {
        *size = connection->message_size;
        return mproc_error_set(MPROC_EMSGSIZE, "the message has %llu bytes, and the buffer has %llu",
                               (unsigned long long)connection->message_size, (unsigned long long)capacity);
    }
    MPROC_TRY(receive_body(connection, buffer, deadline));
    *size = connection->message_size;
    end_message(connection);
    return APR_SUCCESS;
}

apr_status_t mproc_connection_recv_bytes(mproc_connection_t *connection, void *buffer, size_t capacity, size_t *size,
                                         apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    if (size == NULL || (buffer == NULL && capacity > 0))
        return mproc_error_set(APR_EINVAL, "the buffer or the variable for the size is NULL");
    MPROC_TRY(enter(connection, PORT_READ));
    rv = receive_bytes(connection, buffer, capacity, size, deadline);
    leave(connection, PORT_READ);
    return rv;
}

/* The whole message changes hands with its buffer: it is not copied, and its room is used again. */
static apr_status_t receive_values(mproc_connection_t *connection, mproc_values_t *values, port_deadline_t deadline)
{
    MPROC_TRY(receive_header(connection, deadline));
    MPROC_TRY(receive_into_incoming(connection, deadline));
    mproc__buffer_swap(&values->buffer, &connection->incoming);
    end_message(connection);
    return mproc__values_decode(values, 0, NULL, 0);
}

apr_status_t mproc_connection_recv(mproc_connection_t *connection, mproc_values_t *values, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    if (values == NULL)
        return mproc_error_set(APR_EINVAL, "the values are NULL; mproc_values_create makes some");
    MPROC_TRY(enter(connection, PORT_READ));
    rv = receive_values(connection, values, deadline);
    leave(connection, PORT_READ);
    return rv;
}

apr_status_t mproc_connection_poll(mproc_connection_t *connection, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    MPROC_TRY(enter(connection, PORT_READ));
    rv = receive_header(connection, deadline);
    leave(connection, PORT_READ);
    return APR_STATUS_IS_EOF(rv) || rv == MPROC_ETORN ? APR_SUCCESS : rv;
}

/* -- Travelling --------------------------------------------------------------- */

static apr_status_t share(void *object, port_handle_t *handle, apr_uint32_t *detail)
{
    mproc_connection_t *connection = object;

    if (connection->channel == NULL)
        return mproc_error_set(MPROC_ECLOSED, "the connection to be passed on is closed");
    if (connection->header_size > 0 || connection->is_torn)
        return mproc_error_set(MPROC_EINUSE, "the connection to be passed on is in the middle of a message");
    *handle = port_channel_handle(connection->channel);
    *detail = (apr_uint32_t)connection->directions;
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, port_handle_t handle, apr_uint32_t detail, apr_pool_t *mem)
{
    port_channel_t *channel;
    apr_status_t rv;

    if (detail < PORT_READ || detail > (PORT_READ | PORT_WRITE))
        return mproc_error_set(MPROC_EPROTOCOL, "a connection that goes no way");
    rv = port_channel_adopt(&channel, handle, (int)detail, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "a connection arrived that is none");
    *object = make_connection(channel, (int)detail, mem);
    return APR_SUCCESS;
}

void mproc__connection_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_CONNECTION, &kind);
}
