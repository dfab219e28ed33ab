/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The header of a message on a pipe.
 */

#include "fuzz.h"

#include "frame.h"

static void send_again(size_t size)
{
    unsigned char header[MPROC__FRAME_LONG];
    size_t length = mproc__frame_write(header, size), other = 77;

    assert_int_equal(mproc__frame_length(header), length);
    assert_success(mproc__frame_read(&other, header));
    assert_true(other == size);
}

static void read_header(const unsigned char *header)
{
    size_t size = 77;
    apr_status_t rv = mproc__frame_read(&size, header);

    if (rv == APR_SUCCESS) {
        assert_true(size <= PTRDIFF_MAX);
        send_again(size);
        return;
    }
    assert_int_equal(rv, MPROC_EPROTOCOL);
    assert_refused(rv);
    assert_int_equal(size, 77);
}

/* Read as a connection does: the short part, which tells whether there is more. */
void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    size_t length;

    if (size < MPROC__FRAME_SHORT)
        return;
    fill(values, bytes, MPROC__FRAME_SHORT);
    length = mproc__frame_length(values->buffer.bytes);
    assert_true(length == MPROC__FRAME_SHORT || length == MPROC__FRAME_LONG);
    if (size < length)
        return;
    fill(values, bytes, length);
    read_header(values->buffer.bytes);
}
