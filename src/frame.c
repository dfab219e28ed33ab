/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Headers of messages.
 */

#include "frame.h"

#include "values.h"

#include <mproc/status.h>

#include <stdint.h>

/* What stands for a size when the size does not follow at once: -1 and -2. */
#define LONG_SIZE UINT32_MAX
#define HANDLES (UINT32_MAX - 1)

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
    return get_big_endian(header, MPROC__FRAME_SHORT) == LONG_SIZE;
}

size_t mproc__frame_write(unsigned char header[MPROC__FRAME_LONG], size_t size)
{
    if (size <= INT32_MAX) {
        put_big_endian(header, MPROC__FRAME_SHORT, size);
        return MPROC__FRAME_SHORT;
    }
    put_big_endian(header, MPROC__FRAME_SHORT, LONG_SIZE);
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

/* -- Handles ------------------------------------------------------------------- */

void mproc__frame_write_handles(unsigned char header[MPROC__FRAME_HANDLES], size_t count)
{
    put_big_endian(header, MPROC__FRAME_SHORT, HANDLES);
    put_big_endian(header + MPROC__FRAME_SHORT, 4, count);
}

size_t mproc__frame_handles(const unsigned char frame[MPROC__FRAME_HANDLES])
{
    return (size_t)get_big_endian(frame + MPROC__FRAME_SHORT, 4);
}

static int has_handles(const unsigned char *header)
{
    return get_big_endian(header, MPROC__FRAME_SHORT) == HANDLES;
}

/* The whole of a handle frame is counted once its number is there; whoever sends many has a limit. */
static apr_status_t count_handles(mproc__heading_t *heading, const unsigned char *frame)
{
    size_t count = mproc__frame_handles(frame);

    if (count == 0 || count > PORT_HANDLES_MAX || count > MPROC__HANDLES_MAX - heading->nhandles)
        return mproc_error_set(MPROC_EPROTOCOL, "a message announces %llu handles",
                               (unsigned long long)heading->nhandles + count);
    heading->nhandles += count;
    heading->length += port_note_size(count);
    if (heading->length > MPROC__HEADING_MAX - MPROC__FRAME_LONG)
        return mproc_error_set(MPROC_EPROTOCOL, "a message announces its handles in tiny pieces");
    return APR_SUCCESS;
}

static apr_status_t read_message_header(mproc__heading_t *heading, const unsigned char *header,
                                        size_t size)
{
    heading->length = heading->handles_size + mproc__frame_length(header);
    heading->is_whole = size >= heading->length;
    return heading->is_whole ? mproc__frame_read(&heading->message_size, header) : APR_SUCCESS;
}

apr_status_t mproc__heading_read(mproc__heading_t *heading, const unsigned char *bytes, size_t size)
{
    *heading = (mproc__heading_t){.length = MPROC__FRAME_SHORT};
    while (size >= heading->length) {
        const unsigned char *next = bytes + heading->handles_size;

        if (!has_handles(next))
            return read_message_header(heading, next, size);
        heading->length = heading->handles_size + MPROC__FRAME_HANDLES;
        if (size < heading->length)
            break;
        MPROC_TRY(count_handles(heading, next));
        if (size < heading->length)
            break;
        heading->handles_size = heading->length;
        heading->length += MPROC__FRAME_SHORT;
    }
    return APR_SUCCESS;
}
