/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_CONNECTION_H
#define MPROC_SRC_CONNECTION_H

/*
 * The connection, and what its sending and its receiving half share.
 *
 * A read takes what has come, up to MPROC__READ_AHEAD bytes: a small message is then
 * there whole after one system call, and the beginning of the next may be too.
 * What no caller has asked for yet stays in the connection, so that a deadline
 * loses nothing, and travels with it to another process.
 */

#include "belongings.h"
#include "buffer.h"
#include "frame.h"
#include "port.h"
#include "values.h"

#include <mproc/connection.h>
#include <mproc/status.h>

#include <stdatomic.h>

/* Bytes that one read may take beyond what was asked for. */
#define MPROC__READ_AHEAD MPROC__HEADING_MAX

struct mproc_connection_t {
    port_channel_t *channel; /* NULL when closed */
    mproc__belonging_t belonging;
    int is_foreign; /* this is a copy, in a forked child that was not given the connection */
    int directions; /* port_direction_t */
    atomic_flag is_sending;
    atomic_flag is_receiving;

    /* The receiver's. */
    unsigned char ahead
        [MPROC__READ_AHEAD]; /* bytes from ahead_start to ahead_end have come, and nobody has them */
    size_t ahead_start, ahead_end;
    int has_begun;       /* a message's header was taken; part of its bytes may be in `incoming` */
    size_t message_size; /* of that message */
    mproc__buffer_t incoming;
    int is_lost; /* the first half of a message could not be kept: nothing can follow it */
    mproc__handles_t *coming; /* of that message; under the lock of belongings; NULL before any */
    apr_status_t coming_rv;   /* why they are not all there */

    /* The sender's. */
    mproc__buffer_t outgoing;
    int is_torn; /* a message was left unfinished: nothing can follow it */
};

/*
 * Begin to use one direction of an end: APR_SUCCESS, or a status and a message when it is
 * closed, goes the other way, or is in use.
 */
apr_status_t mproc__connection_enter(mproc_connection_t *connection, port_direction_t direction);

/* Be done with it. */
void mproc__connection_leave(mproc_connection_t *connection, port_direction_t direction);

/* Of an end that is entered for reading: whether a message has begun, as far as is known. */
int mproc__connection_has_begun(const mproc_connection_t *connection);

/*
 * The same, looking for more that has come: APR_SUCCESS, APR_TIMEUP when not, or what a receiving
 * call would return at once.
 */
apr_status_t mproc__connection_look(mproc_connection_t *connection);

/*
 * Send the handle frames of a message that follows: APR_SUCCESS, or what the port said; then
 * *sent is 0 only if nothing went.
 */
apr_status_t mproc__connection_send_handles(mproc_connection_t *connection,
                                            const mproc__handles_t *handles,
                                            port_deadline_t deadline, size_t *sent);

/* Take the handles that a heading announces, which is whole and read ahead; failing is for later. */
void mproc__connection_take_handles(mproc_connection_t *connection,
                                    const mproc__heading_t *heading);

/* Whether all have come that were announced: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__connection_check_handles(const mproc_connection_t *connection);

/* Close those. */
void mproc__connection_drop_handles(mproc_connection_t *connection);

/* Bytes that have come, and nobody has. */
static inline size_t mproc__connection_ahead(const mproc_connection_t *connection)
{
    return connection->ahead_end - connection->ahead_start;
}

/* Connections can be packed from now on.  Before there are threads. */
void mproc__connection_register(void);

#endif
