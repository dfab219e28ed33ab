/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What comes before the bytes of a message on a pipe.
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

/* Of `there` bytes: a heading that is not whole asks for more than are there. */
static apr_status_t read_heading(mproc__heading_t *heading, const unsigned char *bytes,
                                 size_t there)
{
    apr_status_t rv = mproc__heading_read(heading, bytes, there);

    if (rv != APR_SUCCESS) {
        assert_int_equal(rv, MPROC_EPROTOCOL);
        assert_refused(rv);
        return rv;
    }
    assert_true(heading->is_whole == (heading->length <= there));
    assert_true(heading->length <= MPROC__HEADING_MAX);
    assert_true(heading->nhandles <= MPROC__HANDLES_MAX);
    assert_true((heading->handles_size == 0) == (heading->nhandles == 0) || !heading->is_whole);
    return rv;
}

/* The frames that are in it, one behind the other, are those that were counted. */
static void walk(const mproc__heading_t *heading, const unsigned char *bytes)
{
    size_t place = 0, count = 0;

    while (place < heading->handles_size) {
        count += mproc__frame_handles(bytes + place);
        place += MPROC__FRAME_HANDLES + port_note_size(mproc__frame_handles(bytes + place));
    }
    assert_true(place == heading->handles_size && count == heading->nhandles);
    assert_true(heading->message_size <= PTRDIFF_MAX);
    send_again(heading->message_size);
}

/* Read as a connection does: what must be there to know more, and again. */
void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__heading_t heading = {.length = 0};

    do {
        size_t there = heading.length;

        fill(values, bytes, there);
        if (read_heading(&heading, values->buffer.bytes, there) != APR_SUCCESS)
            return;
        if (heading.is_whole)
            walk(&heading, values->buffer.bytes);
    } while (!heading.is_whole && heading.length <= size);
}
