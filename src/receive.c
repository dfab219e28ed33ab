/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Receiving on a connection.  Whatever has come is kept: the next call goes on
 * where the last one stopped.
 */

#include "connection.h"
#include "deadline.h"

#include <assert.h>
#include <string.h>

/*
 * The first room for a message, if it announces as much; it doubles when it is full.  So whatever
 * size is announced, nobody gets more memory than this, or twice what has arrived.
 */
#define ROOM_AHEAD ((size_t)1 << 20)

static apr_status_t receive_failed(const mproc_connection_t *connection, apr_status_t rv)
{
    char text[120];

    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "no message has arrived in time");
    if (APR_STATUS_IS_EOF(rv) && (connection->has_begun || mproc__connection_ahead(connection) > 0))
        return mproc_error_set(MPROC_ETORN, "the other end was closed in the middle of a message");
    if (APR_STATUS_IS_EOF(rv))
        return mproc_error_set(rv, "the other end of the connection is closed");
    return mproc_error_set(rv, "cannot receive: %s", mproc_strerror(rv, text, sizeof text));
}

/* Read ahead until at least `size` bytes are there, which is never more than a header. */
static apr_status_t read_ahead(mproc_connection_t *connection, size_t size,
                               port_deadline_t deadline)
{
    while (mproc__connection_ahead(connection) < size) {
        unsigned char *ahead = connection->ahead;
        size_t received;
        apr_status_t rv;

        memmove(ahead, ahead + connection->ahead_start, mproc__connection_ahead(connection));
        connection->ahead_end = mproc__connection_ahead(connection);
        connection->ahead_start = 0;
        rv = port_channel_read(connection->channel, ahead + connection->ahead_end,
                               MPROC__READ_AHEAD - connection->ahead_end, deadline, &received);
        if (rv != APR_SUCCESS)
            return receive_failed(connection, rv);
        connection->ahead_end += received;
    }
    return APR_SUCCESS;
}

static size_t take_ahead(mproc_connection_t *connection, void *buffer, size_t size)
{
    size_t taken =
        mproc__connection_ahead(connection) < size ? mproc__connection_ahead(connection) : size;

    if (taken > 0)
        memcpy(buffer, connection->ahead + connection->ahead_start, taken);
    connection->ahead_start += taken;
    return taken;
}

/* What of the next heading is there. */
static apr_status_t read_heading(const mproc_connection_t *connection, mproc__heading_t *heading)
{
    return mproc__heading_read(heading, connection->ahead + connection->ahead_start,
                               mproc__connection_ahead(connection));
}

/* The size of the next message, or of the one that has begun; its heading stays where it is. */
static apr_status_t next_size(mproc_connection_t *connection, size_t *size,
                              port_deadline_t deadline)
{
    mproc__heading_t heading;

    if (connection->is_lost)
        return mproc_error_set(
            MPROC_ETORN,
            "the first half of a message was lost, as there was no memory; nothing can follow it");
    *size = connection->message_size;
    if (connection->has_begun)
        return APR_SUCCESS;
    MPROC_TRY(read_heading(connection, &heading));
    while (!heading.is_whole) {
        MPROC_TRY(read_ahead(connection, heading.length, deadline));
        MPROC_TRY(read_heading(connection, &heading));
    }
    *size = heading.message_size;
    return APR_SUCCESS;
}

/* The heading is whole, as next_size() has returned. */
static void begin_message(mproc_connection_t *connection, size_t size)
{
    mproc__heading_t heading;

    if (connection->has_begun)
        return;
    read_heading(connection, &heading);
    mproc__connection_take_handles(connection, &heading);
    connection->ahead_start += heading.length;
    connection->message_size = size;
    connection->has_begun = 1;
}

static void end_message(mproc_connection_t *connection)
{
    connection->has_begun = 0;
    connection->incoming.size = 0;
    mproc__connection_drop_handles(connection);
}

static apr_status_t read_some(mproc_connection_t *connection, void *buffer, size_t size,
                              port_deadline_t deadline, size_t *received)
{
    *received = take_ahead(connection, buffer, size);
    if (*received > 0)
        return APR_SUCCESS;
    return port_channel_read(connection->channel, buffer, size, deadline, received);
}

/* When there is no room left for a message of which `left` bytes are missing. */
static apr_status_t make_room(mproc_connection_t *connection, size_t left)
{
    mproc__buffer_t *incoming = &connection->incoming;
    apr_status_t rv = APR_SUCCESS;

    if (incoming->size == incoming->capacity)
        rv = mproc__buffer_reserve(incoming, left < ROOM_AHEAD ? left : ROOM_AHEAD);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "a message of %llu bytes is larger than the memory there is",
                               (unsigned long long)connection->message_size);
    return APR_SUCCESS;
}

/* Read the rest of a message into the connection's own buffer, which grows as the bytes come. */
static apr_status_t receive_into_incoming(mproc_connection_t *connection, port_deadline_t deadline)
{
    mproc__buffer_t *incoming = &connection->incoming;

    while (incoming->size < connection->message_size) {
        size_t left = connection->message_size - incoming->size, room, received;
        apr_status_t rv;

        MPROC_TRY(make_room(connection, left));
        room = incoming->capacity - incoming->size;
        rv = read_some(connection, incoming->bytes + incoming->size, left < room ? left : room,
                       deadline, &received);
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

    if (rv == APR_SUCCESS)
        return why;
    connection->is_lost = 1;
    return mproc_error_set(rv, "no memory to keep the first half of a message");
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
    assert(buffer != NULL); /* of what has a part already, the size is not 0 */
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
                               "the message has %llu bytes, and the buffer has room for %llu",
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
    MPROC_TRY(mproc__connection_enter(connection, PORT_READ));
    rv = receive_bytes(connection, buffer, capacity, size, deadline);
    mproc__connection_leave(connection, PORT_READ);
    return rv;
}

apr_status_t mproc_connection_recv_bytes_into(mproc_connection_t *connection, void *buffer,
                                              size_t capacity, size_t offset, size_t *size,
                                              apr_interval_time_t timeout)
{
    if (offset > capacity)
        return mproc_error_set(APR_EINVAL,
                               "the offset %llu lies behind the buffer, which has %llu bytes",
                               (unsigned long long)offset, (unsigned long long)capacity);
    if (buffer == NULL && capacity > 0)
        return mproc_error_set(APR_EINVAL, "the buffer is NULL");
    return mproc_connection_recv_bytes(connection,
                                       buffer == NULL ? NULL : (unsigned char *)buffer + offset,
                                       capacity - offset, size, timeout);
}

/* The whole message changes hands with its buffer: it is not copied, and its room is used again. */
static apr_status_t hand_over(mproc_connection_t *connection, mproc_values_t *values)
{
    mproc__handles_t *coming = connection->coming;

    MPROC_TRY(mproc__connection_check_handles(connection));
    mproc__buffer_swap(&values->buffer, &connection->incoming);
    return mproc__values_decode(values, 0, coming != NULL ? coming->handles : NULL,
                                coming != NULL ? coming->count : 0);
}

static apr_status_t receive_values(mproc_connection_t *connection, mproc_values_t *values,
                                   port_deadline_t deadline)
{
    size_t size;
    apr_status_t rv;

    MPROC_TRY(next_size(connection, &size, deadline));
    begin_message(connection, size);
    MPROC_TRY(receive_into_incoming(connection, deadline));
    rv = hand_over(connection, values);
    end_message(connection);
    return rv;
}

apr_status_t mproc_connection_recv(mproc_connection_t *connection, mproc_values_t *values,
                                   apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    if (values == NULL)
        return mproc_error_set(APR_EINVAL, "the values are NULL; mproc_values_create makes some");
    MPROC_TRY(mproc__connection_enter(connection, PORT_READ));
    rv = receive_values(connection, values, deadline);
    mproc__connection_leave(connection, PORT_READ);
    return rv;
}

int mproc__connection_has_begun(const mproc_connection_t *connection)
{
    mproc__heading_t heading;

    return connection->has_begun || read_heading(connection, &heading) != APR_SUCCESS ||
           heading.is_whole;
}

apr_status_t mproc__connection_look(mproc_connection_t *connection)
{
    size_t size;

    return next_size(connection, &size, PORT_NOW);
}

apr_status_t mproc_connection_poll(mproc_connection_t *connection, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    size_t size;
    apr_status_t rv;

    MPROC_TRY(mproc__connection_enter(connection, PORT_READ));
    rv = next_size(connection, &size, deadline);
    mproc__connection_leave(connection, PORT_READ);
    return APR_STATUS_IS_EOF(rv) || rv == MPROC_ETORN ? APR_SUCCESS : rv;
}
