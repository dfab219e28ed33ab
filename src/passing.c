/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handles that go with a message: frames of them before it, and what of them has
 * come and is not yet, or will never be, an object's.
 *
 * They are taken when the message begins to be received, not when its heading
 * is seen: until then an end can still be given to another process, with all that
 * it has read ahead.  Handles and the list of them change together under the lock of
 * belongings, so that a forked child closes those that it has, and no others.
 */

#include "connection.h"

#include <stdlib.h>
#include <string.h>

/* -- Sending -------------------------------------------------------------------- */

apr_status_t mproc__connection_send_handles(mproc_connection_t *connection,
                                            const mproc__handles_t *handles,
                                            port_deadline_t deadline, size_t *sent)
{
    size_t gone = 0, part;

    *sent = 0;
    for (; gone < handles->count; gone += part) {
        unsigned char header[MPROC__FRAME_HANDLES];
        size_t left = handles->count - gone, bytes;
        apr_status_t rv;

        part = left < PORT_HANDLES_MAX ? left : PORT_HANDLES_MAX;
        mproc__frame_write_handles(header, part);
        rv = port_channel_send_handles(connection->channel, header, sizeof header,
                                       handles->handles + gone, part, deadline, &bytes);
        *sent += bytes;
        MPROC_TRY(rv);
    }
    return APR_SUCCESS;
}

/* -- Receiving ------------------------------------------------------------------ */

static apr_status_t take_frame(mproc_connection_t *connection, const unsigned char *frame)
{
    mproc__handles_t *coming = connection->coming;
    size_t count = mproc__frame_handles(frame);

    MPROC_TRY(port_channel_take_handles(connection->channel, frame + MPROC__FRAME_HANDLES, count,
                                        coming->handles + coming->count));
    coming->count += count;
    return APR_SUCCESS;
}

/* Also behind one that fails, as theirs must not be taken for another message's. */
static apr_status_t take_frames(mproc_connection_t *connection, size_t size)
{
    const unsigned char *frame = connection->ahead + connection->ahead_start;
    const unsigned char *end = frame + size;
    apr_status_t first = APR_SUCCESS;

    while (frame < end) {
        apr_status_t rv = take_frame(connection, frame);

        first = first == APR_SUCCESS ? rv : first;
        frame += MPROC__FRAME_HANDLES + port_note_size(mproc__frame_handles(frame));
    }
    return first;
}

void mproc__connection_take_handles(mproc_connection_t *connection, const mproc__heading_t *heading)
{
    if (heading->nhandles == 0)
        return;
    mproc__belongings_lock();
    if (connection->coming == NULL)
        connection->coming = calloc(1, sizeof *connection->coming);
    mproc__belongings_begin_closing();
    connection->coming_rv =
        connection->coming == NULL ? APR_ENOMEM : take_frames(connection, heading->handles_size);
    mproc__belongings_end_closing();
    mproc__belongings_unlock();
}

apr_status_t mproc__connection_check_handles(const mproc_connection_t *connection)
{
    apr_status_t rv = connection->coming_rv;
    char text[120];

    if (rv == APR_SUCCESS)
        return rv;
    if (APR_STATUS_IS_EOF(rv))
        return mproc_error_set(MPROC_EDIED, "what came with the message could not be taken: the "
                                            "process that sent it has ended");
    if (rv == APR_EBADF)
        return mproc_error_set(MPROC_EPROTOCOL, "the message announces handles that did not come");
    if (rv == APR_EMFILE)
        return mproc_error_set(rv, "what came with the message could not be taken: this process "
                                   "has no room for it, as too much is open");
    return mproc_error_set(rv, "what came with the message could not be taken: %s",
                           mproc_strerror(rv, text, sizeof text));
}

static int has_handles(const mproc_connection_t *connection)
{
    return connection->coming_rv != APR_SUCCESS ||
           (connection->coming != NULL && connection->coming->count > 0) ||
           port_channel_waiting_handles(connection->channel, NULL, 0) > 0;
}

/*
 * What has waited since the last message came with its bytes, and was announced by none.  It may
 * have been a queue's that this process has, too.
 */
void mproc__connection_drop_handles(mproc_connection_t *connection)
{
    if (!has_handles(connection))
        return;
    connection->coming_rv = APR_SUCCESS;
    mproc__belongings_lock();
    mproc__belongings_begin_closing();
    if (mproc__connection_ahead(connection) == 0)
        port_channel_drop_handles(connection->channel);
    if (connection->coming != NULL)
        mproc__handles_close(connection->coming);
    mproc__belongings_end_closing();
    mproc__belongings_unlock();
}
