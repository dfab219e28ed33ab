/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BUFFER_H
#define MPROC_BUFFER_H

/*
 * Bytes that grow: for messages, which come in all sizes and often, so that
 * memory pools, which only grow, are not for them.
 */

#include <apr_errno.h>

#include <stddef.h>

typedef struct mproc__buffer_t {
    unsigned char *bytes; /* aligned as by malloc */
    size_t size;          /* used */
    size_t capacity;
} mproc__buffer_t;

/* Make room for `more` bytes after those that are used: APR_SUCCESS or APR_ENOMEM. */
apr_status_t mproc__buffer_reserve(mproc__buffer_t *buffer, size_t more);

/* Append bytes: APR_SUCCESS or APR_ENOMEM. */
apr_status_t mproc__buffer_append(mproc__buffer_t *buffer, const void *data, size_t size);

/* Append zeros up to a multiple of 8. */
apr_status_t mproc__buffer_pad(mproc__buffer_t *buffer);

void mproc__buffer_swap(mproc__buffer_t *one, mproc__buffer_t *other);

/* Free the room; the buffer can be used again. */
void mproc__buffer_free(mproc__buffer_t *buffer);

#endif
