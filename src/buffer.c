/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A growing buffer: the room doubles, so that appending is cheap in the end.
 */

#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 256

static size_t grown_capacity(size_t capacity, size_t needed)
{
    if (capacity < SMALLEST)
        capacity = SMALLEST;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    return capacity;
}

apr_status_t mproc__buffer_reserve(mproc__buffer_t *buffer, size_t more)
{
    size_t capacity;
    unsigned char *bytes;

    if (more <= buffer->capacity - buffer->size)
        return APR_SUCCESS;
    if (more > SIZE_MAX - buffer->size)
        return APR_ENOMEM;
    capacity = grown_capacity(buffer->capacity, buffer->size + more);
    bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL)
        return APR_ENOMEM;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return APR_SUCCESS;
}

apr_status_t mproc__buffer_append(mproc__buffer_t *buffer, const void *data, size_t size)
{
    apr_status_t rv = mproc__buffer_reserve(buffer, size);

    if (rv != APR_SUCCESS)
        return rv;
    if (size > 0)
        memcpy(buffer->bytes + buffer->size, data, size);
    buffer->size += size;
    return APR_SUCCESS;
}

apr_status_t mproc__buffer_pad(mproc__buffer_t *buffer)
{
    static const unsigned char zeros[8] = {0};

    return mproc__buffer_append(buffer, zeros, (8 - buffer->size % 8) % 8);
}

void mproc__buffer_swap(mproc__buffer_t *one, mproc__buffer_t *other)
{
    mproc__buffer_t kept = *one;

    *one = *other;
    *other = kept;
}

void mproc__buffer_free(mproc__buffer_t *buffer)
{
    free(buffer->bytes);
    buffer->bytes = NULL;
    buffer->size = buffer->capacity = 0;
}
