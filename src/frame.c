/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Headers of messages.
 */

#include "frame.h"

#include <mproc/status.h>

#include <stdint.h>

static void put_big_endian(unsigned char *bytes, int length, apr_uint64_t number)
{
    for (; length > 0; number >>= 8)
        bytes[--length] = (unsigned char)number;
}

static apr_uint64_t get_big_endian(const unsigned char *bytes, int length)
{
    apr_uint64_t number = 0;
    int i;

    for (i = 0; i < length; i++)
        number = number << 8 | bytes[i];
    return number;
}

static int is_long(const unsigned char *header)
{
    return get_big_endian(header, MPROC__FRAME_SHORT) == UINT32_MAX;
}

size_t mproc__frame_write(unsigned char header[MPROC__FRAME_LONG], size_t size)
{
    if (size <= INT32_MAX) {
        put_big_endian(header, MPROC__FRAME_SHORT, size);
        return MPROC__FRAME_SHORT;
    }
    put_big_endian(header, MPROC__FRAME_SHORT, UINT32_MAX);
    put_big_endian(header + MPROC__FRAME_SHORT, 8, size);
    return MPROC__FRAME_LONG;
}

size_t mproc__frame_length(const unsigned char header[MPROC__FRAME_SHORT])
{
    return is_long(header) ? MPROC__FRAME_LONG : MPROC__FRAME_SHORT;
}

apr_status_t mproc__frame_read(size_t *size, const unsigned char header[MPROC__FRAME_LONG])
{
    apr_uint64_t number = is_long(header) ? get_big_endian(header + MPROC__FRAME_SHORT, 8)
                                          : get_big_endian(header, MPROC__FRAME_SHORT);

    /* A negative int32 other than -1 means nothing; nor does what no array can hold. */
    if ((!is_long(header) && number > INT32_MAX) || number > PTRDIFF_MAX)
        return mproc_error_set(MPROC_EPROTOCOL, "a message announces an absurd size: %llu bytes",
                               (unsigned long long)number);
    *size = (size_t)number;
    return APR_SUCCESS;
}
