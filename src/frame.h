/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_FRAME_H
#define MPROC_FRAME_H

/*
 * The header before each message on a connection, as CPython's
 * multiprocessing.connection writes it (Lib/multiprocessing/connection.py,
 * Connection._send_bytes): a big-endian int32 with the size, or -1 and the size
 * as a big-endian uint64.
 */

#include <apr_errno.h>

#include <stddef.h>

#define MPROC__FRAME_SHORT 4
#define MPROC__FRAME_LONG 12

/* Write the header for `size` bytes, and return how long it is. */
size_t mproc__frame_write(unsigned char header[MPROC__FRAME_LONG], size_t size);

/* How long a header is whose first MPROC__FRAME_SHORT bytes are there. */
size_t mproc__frame_length(const unsigned char header[MPROC__FRAME_SHORT]);

/* Read a whole header: APR_SUCCESS, or MPROC_EPROTOCOL when no memory could hold the size. */
apr_status_t mproc__frame_read(size_t *size, const unsigned char header[MPROC__FRAME_LONG]);

#endif
