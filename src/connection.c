/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections: messages on a channel.
 *
 * A read takes what has come, up to READ_AHEAD bytes: a small message is then
 * there whole after one system call, and the beginning of the next may be too.
 * What no caller has asked for yet stays in the connection, so that a deadline
 * loses nothing, and travels with it to another process.
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

/* Bytes that one read may take beyond what was asked for. */
#define READ_AHEAD 4096

/* Room is made for what has been announced at most this far ahead of what has arrived. */
#define ROOM_AHEAD ((size_t)1 << 20)

struct mproc_connection_t {
    port_channel_t *channel; /* NULL when closed */
    int directions;          /* port_direction_t */
    atomic_flag is_sending;
    atomic_flag is_receiving;

    /* The receiver's. */
    unsigned char
        ahead[READ_AHEAD]; /* bytes from ahead_start to ahead_end have come, and nobody has them */
    size_t ahead_start, ahead_end;
    int has_begun;       /* a message's header was taken; part of its bytes may be in `incoming` */
    size_t message_size; /* of that message */
    mproc__buffer_t incoming;

    /* The sender's. */
    mproc__buffer_t outgoing;
    int is_torn; /* a message was left unfinished: nothing can follow it */
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

    connection->channel = channel;
    connection->directions = directions;
    atomic_flag_clear(&connection->is_sending);
    atomic_flag_clear(&connection->is_receiving);
    apr_pool_cleanup_register(mem, connection, close_channel, apr_pool_cleanup_null);
    return connection;
}

static apr_status_t make_pair(mproc_connection_t **here, mproc_connection_t **there, int directions,
                              apr_pool_t *mem)
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

apr_status_t mproc_pipe(mproc_connection_t **here, mproc_connection_t **there,
                        mproc_duplex_t duplex, apr_pool_t *mem)
{
    apr_pool_t *both;
    apr_status_t rv;

    if (!mproc__object_kind_is_registered(MPROC_TYPE_CONNECTION))
        return mproc_error_set(MPROC_EBOOTSTRAP,
                               "mproc_init has not been called; it comes first of all in main");
    if (here == NULL || there == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL,
                               "mproc_pipe needs two variables and memory; one is NULL");
    if (duplex != MPROC_DUPLEX && duplex != MPROC_ONE_WAY)
        return mproc_error_set(APR_EINVAL, "a pipe is MPROC_DUPLEX or MPROC_ONE_WAY, not %d",
                               (int)duplex);
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
    atomic_flag *flag =
        direction == PORT_READ ? &connection->is_receiving : &connection->is_sending;

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
        return mproc_error_set(
            MPROC_ETORN, "time ran out in the middle of a message; nothing can be sent after it");
    return mproc_error_set(rv, "cannot send: %s", mproc_strerror(rv, text, sizeof text));
}

/* The header and the bytes, in one piece where that is cheaper than a second system call. */
static apr_status_t send_pieces(mproc_connection_t *connection, const unsigned char *header,
                                size_t header_size, const void *data, size_t size,
                                port_deadline_t deadline)
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
        return mproc_error_set(
            MPROC_ETORN, "an earlier message was cut off in the middle; nothing can follow it");
    if (size > ONE_PIECE)
        return send_pieces(connection, piece, header_size, data, size, deadline);
    if (size > 0)
        memcpy(piece + header_size, data, size);
    return send_pieces(connection, piece, header_size + size, NULL, 0, deadline);
}

apr_status_t mproc_connection_send_bytes(mproc_connection_t *connection, const void *data,
                                         size_t size, apr_interval_time_t timeout)
{
    apr_status_t rv;

    if (data == NULL && size > 0)
        return mproc_error_set(APR_EINVAL, "no data was given, but a size");
    if (size > PTRDIFF_MAX)
        return mproc_error_set(APR_EINVAL,
                               "a size of %llu bytes is beyond memory; a negative number?",
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
        rv = send_message(connection, connection->outgoing.bytes, connection->outgoing.size,
                          deadline);
    leave(connection, PORT_WRITE);
    return rv;
}

/* -- Receiving ---------------------------------------------------------------- */

static size_t ahead_size(const mproc_connection_t *connection)
{
    return connection->ahead_end - connection->ahead_start;
}

static apr_status_t receive_failed(const mproc_connection_t *connection, apr_status_t rv)
{
    char text[120];

    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "no message has arrived in time");
    if (APR_STATUS_IS_EOF(rv) && (connection->has_begun || ahead_size(connection) > 0))
        return mproc_error_set(MPROC_ETORN, "the other end was closed in the middle of a message");
    if (APR_STATUS_IS_EOF(rv))
        return mproc_error_set(rv, "the other end of the connection is closed");
    return mproc_error_set(rv, "cannot receive: %s", mproc_strerror(rv, text, sizeof text));
}

/* Read ahead until at least `size` bytes are there, which is never more than a header. */
static apr_status_t read_ahead(mproc_connection_t *connection, size_t size,
                               port_deadline_t deadline)
{
    while (ahead_size(connection) < size) {
        unsigned char *ahead = connection->ahead;
        size_t received;
        apr_status_t rv;

        memmove(ahead, ahead + connection->ahead_start, ahead_size(connection));
        connection->ahead_end = ahead_size(connection);
        connection->ahead_start = 0;
        rv = port_channel_read(connection->channel, ahead + connection->ahead_end,
                               READ_AHEAD - connection->ahead_end, deadline, &received);
        if (rv != APR_SUCCESS)
            return receive_failed(connection, rv);
        connection->ahead_end += received;
    }
    return APR_SUCCESS;
}

static size_t take_ahead(mproc_connection_t *connection, void *buffer, size_t size)
{
    size_t taken = ahead_size(connection) < size ? ahead_size(connection) : size;

    if (taken > 0)
        memcpy(buffer, connection->ahead + connection->ahead_start, taken);
    connection->ahead_start += taken;
    return taken;
}

/* The size of the next message, or of the one that has begun; its header stays where it is. */
static apr_status_t next_size(mproc_connection_t *connection, size_t *size,
                              port_deadline_t deadline)
{
    *size = connection->message_size;
    if (connection->has_begun)
        return APR_SUCCESS;
    MPROC_TRY(read_ahead(connection, MPROC__FRAME_SHORT, deadline));
    MPROC_TRY(read_ahead(
        connection, mproc__frame_length(connection->ahead + connection->ahead_start), deadline));
    return mproc__frame_read(size, connection->ahead + connection->ahead_start);
}

static void begin_message(mproc_connection_t *connection, size_t size)
{
    if (connection->has_begun)
        return;
    connection->ahead_start += mproc__frame_length(connection->ahead + connection->ahead_start);
    connection->message_size = size;
    connection->has_begun = 1;
}

static void end_message(mproc_connection_t *connection)
{
    connection->has_begun = 0;
    connection->incoming.size = 0;
}

static apr_status_t read_some(mproc_connection_t *connection, void *buffer, size_t size,
                              port_deadline_t deadline, size_t *received)
{
    *received = take_ahead(connection, buffer, size);
    if (*received > 0)
        return APR_SUCCESS;
    return port_channel_read(connection->channel, buffer, size, deadline, received);
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
        rv = read_some(connection, incoming->bytes + incoming->size, piece, deadline, &received);
        if (rv != APR_SUCCESS)
            return receive_failed(connection, rv);
        incoming->size += received;
    }
    return APR_SUCCESS;
}

/* What had come when time ran out moves from the caller's buffer into the connection's. */
static apr_status_t keep_part(mproc_connection_t *connection, const void *part, size_t size,
                              apr_status_t why)
{
    apr_status_t rv = mproc__buffer_append(&connection->incoming, part, size);

    return rv == APR_SUCCESS ? why
                             : mproc_error_set(rv, "no memory to keep the first half of a message");
}

static apr_status_t receive_into(mproc_connection_t *connection, unsigned char *buffer,
                                 port_deadline_t deadline)
{
    size_t have = 0, received;

    assert(connection->incoming.size == 0);
    for (; have < connection->message_size; have += received) {
        apr_status_t rv = read_some(connection, buffer + have, connection->message_size - have,
                                    deadline, &received);
        if (rv != APR_SUCCESS)
            return keep_part(connection, buffer, have, receive_failed(connection, rv));
    }
    return APR_SUCCESS;
}

static apr_status_t receive_body(mproc_connection_t *connection, void *buffer,
                                 port_deadline_t deadline)
{
    if (connection->incoming.size == 0)
        return receive_into(connection, buffer, deadline);
    MPROC_TRY(receive_into_incoming(connection, deadline));
    memcpy(buffer, connection->incoming.bytes, connection->incoming.size);
    return APR_SUCCESS;
}

static apr_status_t receive_bytes(mproc_connection_t *connection, void *buffer, size_t capacity,
                                  size_t *size, port_deadline_t deadline)
{
    size_t next;

    MPROC_TRY(next_size(connection, &next, deadline));
    if (next > capacity) {
        *size = next;
        return mproc_error_set(MPROC_EMSGSIZE,
                               "the message has %llu bytes, and the buffer has %llu",
                               (unsigned long long)next, (unsigned long long)capacity);
    }
    begin_message(connection, next);
    MPROC_TRY(receive_body(connection, buffer, deadline));
    *size = next;
    end_message(connection);
    return APR_SUCCESS;
}

apr_status_t mproc_connection_recv_bytes(mproc_connection_t *connection, void *buffer,
                                         size_t capacity, size_t *size, apr_interval_time_t timeout)
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
static apr_status_t receive_values(mproc_connection_t *connection, mproc_values_t *values,
                                   port_deadline_t deadline)
{
    size_t size;

    MPROC_TRY(next_size(connection, &size, deadline));
    begin_message(connection, size);
    MPROC_TRY(receive_into_incoming(connection, deadline));
    mproc__buffer_swap(&values->buffer, &connection->incoming);
    end_message(connection);
    return mproc__values_decode(values, 0, NULL, 0);
}

apr_status_t mproc_connection_recv(mproc_connection_t *connection, mproc_values_t *values,
                                   apr_interval_time_t timeout)
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
    size_t size;
    apr_status_t rv;

    MPROC_TRY(enter(connection, PORT_READ));
    rv = next_size(connection, &size, deadline);
    leave(connection, PORT_READ);
    return APR_STATUS_IS_EOF(rv) || rv == MPROC_ETORN ? APR_SUCCESS : rv;
}

/* -- Travelling --------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    mproc_connection_t *connection = object;

    if (connection->channel == NULL)
        return mproc_error_set(MPROC_ECLOSED, "the connection to be passed on is closed");
    if (connection->has_begun || connection->is_torn)
        return mproc_error_set(MPROC_EINUSE,
                               "the connection to be passed on is in the middle of a message");
    shared->handle = port_channel_handle(connection->channel);
    shared->detail = (apr_uint32_t)connection->directions;
    shared->data.data = connection->ahead + connection->ahead_start;
    shared->data.size = ahead_size(connection);
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc_connection_t *connection;
    port_channel_t *channel;
    apr_status_t rv;

    if (shared->detail < PORT_READ || shared->detail > (PORT_READ | PORT_WRITE) ||
        shared->data.size > READ_AHEAD)
        return mproc_error_set(MPROC_EPROTOCOL, "a connection arrived that cannot be one");
    rv = port_channel_adopt(&channel, shared->handle, (int)shared->detail, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "a connection arrived that is none");
    connection = make_connection(channel, (int)shared->detail, mem);
    memcpy(connection->ahead, shared->data.data, shared->data.size);
    connection->ahead_end = shared->data.size;
    *object = connection;
    return APR_SUCCESS;
}

void mproc__connection_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_CONNECTION, &kind);
}
