/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sending on a connection.  A message that has begun must be finished: one that
 * a deadline cuts off leaves nothing that could follow it.
 */

#include "connection.h"
#include "deadline.h"

#include <string.h>

/* Up to this size a message is sent in one piece with its header. */
#define ONE_PIECE 16384

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
                                size_t header_size, const void *data, size_t size, int has_begun,
                                port_deadline_t deadline)
{
    size_t sent;
    apr_status_t rv = port_channel_write(connection->channel, header, header_size, deadline, &sent);

    if (rv != APR_SUCCESS)
        return send_failed(connection, rv, has_begun || sent > 0);
    if (size == 0)
        return APR_SUCCESS;
    rv = port_channel_write(connection->channel, data, size, deadline, &sent);
    return rv == APR_SUCCESS ? rv : send_failed(connection, rv, 1);
}

/* With handles before it the message has begun, and must follow. */
static apr_status_t send_after(mproc_connection_t *connection, const void *data, size_t size,
                               int has_begun, port_deadline_t deadline)
{
    unsigned char piece[MPROC__FRAME_LONG + ONE_PIECE];
    size_t header_size = mproc__frame_write(piece, size);

    if (size > ONE_PIECE)
        return send_pieces(connection, piece, header_size, data, size, has_begun, deadline);
    if (size > 0)
        memcpy(piece + header_size, data, size);
    return send_pieces(connection, piece, header_size + size, NULL, 0, has_begun, deadline);
}

static apr_status_t send_message(mproc_connection_t *connection, const mproc__handles_t *handles,
                                 const void *data, size_t size, port_deadline_t deadline)
{
    size_t sent;
    apr_status_t rv;

    if (connection->is_torn)
        return mproc_error_set(
            MPROC_ETORN, "an earlier message was cut off in the middle; nothing can follow it");
    if (handles == NULL || handles->count == 0)
        return send_after(connection, data, size, 0, deadline);
    rv = mproc__connection_send_handles(connection, handles, deadline, &sent);
    if (rv != APR_SUCCESS)
        return send_failed(connection, rv, sent > 0);
    MPROC_TRY(send_after(connection, data, size, 1, deadline));
    port_channel_commit_handles(connection->channel);
    return APR_SUCCESS;
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
    MPROC_TRY(mproc__connection_enter(connection, PORT_WRITE));
    rv = send_message(connection, NULL, data, size, mproc__deadline(timeout));
    mproc__connection_leave(connection, PORT_WRITE);
    return rv;
}

apr_status_t mproc_connection_send(mproc_connection_t *connection, const mproc_pack_t *pack,
                                   apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    mproc__handles_t handles;
    apr_status_t rv;

    MPROC_TRY(mproc__connection_enter(connection, PORT_WRITE));
    connection->outgoing.size = 0;
    handles.count = 0;
    rv = mproc__pack_encode(&connection->outgoing, &handles, pack);
    if (rv == APR_SUCCESS)
        rv = send_message(connection, &handles, connection->outgoing.bytes,
                          connection->outgoing.size, deadline);
    mproc__connection_leave(connection, PORT_WRITE);
    return rv;
}
