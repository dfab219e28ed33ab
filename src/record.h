/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_RECORD_H
#define MPROC_RECORD_H

/*
 * Records: how messages lie in the bytes of a ring.
 *
 *     header = size of the payload in bytes + kind * 2^32
 *
 * and the payload, padded to a multiple of 8.  Headers never lie across the end of the
 * bytes, payloads may.  What another process has written is checked before it is used.
 */

#include "index_pair.h"

#include <mproc/status.h>

#include <stddef.h>
#include <string.h>

/* The kinds of records. */
enum {
    MPROC__WHOLE = 1,
    MPROC__FIRST, /* of a message in pieces: its size, 8 bytes */
    MPROC__MIDDLE,
    MPROC__LAST,
    MPROC__ABORT, /* instead of the rest; no payload */
    MPROC__BLOCK  /* the number of the block that is the message, 8 bytes */
};

/* Where records lie. */
typedef struct mproc__bytes_t {
    unsigned char *data;
    size_t capacity; /* a power of two */
} mproc__bytes_t;

/* Bytes that a record with so large a payload takes. */
static inline apr_uint64_t mproc__record_size(apr_uint64_t payload)
{
    return 8 + ((payload + 7) & ~(apr_uint64_t)7);
}

static inline unsigned char *mproc__record_at(const mproc__bytes_t *bytes, apr_uint64_t position)
{
    return bytes->data + (position & (bytes->capacity - 1));
}

/* Bytes from a position to the end of the bytes, behind which payloads go on at their beginning. */
static inline size_t mproc__record_to_end(const mproc__bytes_t *bytes, apr_uint64_t position)
{
    return bytes->capacity - (size_t)(position & (bytes->capacity - 1));
}

/* Write a record at an index. */
static inline void mproc__record_write(const mproc__bytes_t *bytes, mproc__index_t at,
                                       apr_uint64_t kind, const void *payload, size_t size)
{
    apr_uint64_t position = mproc__index_position(at), header = kind << 32 | size;
    size_t to_end = mproc__record_to_end(bytes, position + 8);

    memcpy(mproc__record_at(bytes, position), &header, sizeof header);
    if (size <= to_end) {
        if (size > 0)
            memcpy(mproc__record_at(bytes, position + 8), payload, size);
        return;
    }
    memcpy(mproc__record_at(bytes, position + 8), payload, to_end);
    memcpy(bytes->data, (const unsigned char *)payload + to_end, size - to_end);
}

/* Copy the payload of a record at an index. */
static inline void mproc__record_copy(const mproc__bytes_t *bytes, mproc__index_t at, void *payload,
                                      size_t size)
{
    apr_uint64_t position = mproc__index_position(at);
    size_t to_end = mproc__record_to_end(bytes, position + 8);

    if (size <= to_end) {
        if (size > 0)
            memcpy(payload, mproc__record_at(bytes, position + 8), size);
        return;
    }
    memcpy(payload, mproc__record_at(bytes, position + 8), to_end);
    memcpy((unsigned char *)payload + to_end, bytes->data, size - to_end);
}

/*
 * The kind and size of the record at an index, with `left` bytes to the tail: APR_SUCCESS if it
 * can be one, or MPROC_ECORRUPT.
 */
static inline apr_status_t mproc__record_read(const mproc__bytes_t *bytes, mproc__index_t at,
                                              apr_uint64_t left, apr_uint64_t *kind, size_t *size)
{
    apr_uint64_t header;

    memcpy(&header, mproc__record_at(bytes, mproc__index_position(at)), sizeof header);
    *kind = header >> 32;
    *size = (size_t)(header & 0xffffffff);
    return mproc__record_size(*size) <= left ? APR_SUCCESS : MPROC_ECORRUPT;
}

#endif
