/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_FRAME_H
#define MPROC_FRAME_H

/*
 * The header before each message on a connection, as CPython's
 * multiprocessing.connection writes it (Lib/multiprocessing/connection.py,
 * Connection._send_bytes): a big-endian int32 with the size, or -1 and the size
 * as a big-endian uint64.
 *
 * Before the header of a message whose values have objects goes what CPython never
 * sends, one or more handle frames: -2, how many handles come with it as a
 * big-endian uint32, and the port's note, of port_note_size() bytes.
 */

#include <apr_errno.h>

#include <stddef.h>

#define MPROC__FRAME_SHORT 4
#define MPROC__FRAME_LONG 12
#define MPROC__FRAME_HANDLES 8 /* and the note */

/* Write the header for `size` bytes, and return how long it is. */
size_t mproc__frame_write(unsigned char header[MPROC__FRAME_LONG], size_t size);

/* How long a header is whose first MPROC__FRAME_SHORT bytes are there. */
size_t mproc__frame_length(const unsigned char header[MPROC__FRAME_SHORT]);

/* Read a whole header: APR_SUCCESS, or MPROC_EPROTOCOL when no memory could hold the size. */
apr_status_t mproc__frame_read(size_t *size, const unsigned char header[MPROC__FRAME_LONG]);

/* Write a handle frame but for its note. */
void mproc__frame_write_handles(unsigned char header[MPROC__FRAME_HANDLES], size_t count);

/* All that comes before the bytes of a message. */
typedef struct mproc__heading_t {
    size_t length;       /* in bytes; until it is whole, how many must be there to know more */
    size_t handles_size; /* of these, the handle frames', */
    size_t nhandles;     /* which announce so many */
    int is_whole;        /* the message's own header is there too: */
    size_t message_size;
} mproc__heading_t;

/* No heading is longer. */
#define MPROC__HEADING_MAX 4096

/*
 * Read a heading of which `size` bytes are there: APR_SUCCESS, also when it is not whole, or
 * MPROC_EPROTOCOL and a message.
 */
apr_status_t mproc__heading_read(mproc__heading_t *heading, const unsigned char *bytes,
                                 size_t size);

/* The number of handles of the frame at `frame`, in a heading that was read. */
size_t mproc__frame_handles(const unsigned char frame[MPROC__FRAME_HANDLES]);

#endif
