/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Headers of messages: byte by byte what CPython's
 * multiprocessing.connection.Connection._send_bytes writes.
 */

#include "unit.h"

#include "frame.h"

typedef struct vector_t {
    apr_uint64_t size;
    size_t length;
    unsigned char header[MPROC__FRAME_LONG];
} vector_t;

/* struct.pack("!i", n), or struct.pack("!i", -1) + struct.pack("!Q", n) where n > 0x7fffffff */
static const vector_t vectors[] = {
    {0, 4, {0, 0, 0, 0}},
    {1, 4, {0, 0, 0, 1}},
    {31, 4, {0, 0, 0, 0x1f}},
    {59, 4, {0, 0, 0, 0x3b}},
    {256, 4, {0, 0, 1, 0}},
    {0x01020304, 4, {1, 2, 3, 4}},
    {0x7fffffff, 4, {0x7f, 0xff, 0xff, 0xff}},
    {0x80000000, 12, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0}},
    {0xffffffff, 12, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}},
    {0x0102030405060708, 12, {0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}},
};

#define COUNT (sizeof vectors / sizeof vectors[0])

/* A 32-bit program cannot name the largest of them. */
static int can_name(apr_uint64_t size)
{
    return size <= PTRDIFF_MAX;
}

static void headers_are_written_as_python_writes_them(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT; i++) {
        unsigned char header[MPROC__FRAME_LONG];
        if (!can_name(vectors[i].size))
            continue;
        memset(header, 0xee, sizeof header);
        assert_int_equal(mproc__frame_write(header, (size_t)vectors[i].size), vectors[i].length);
        assert_memory_equal(header, vectors[i].header, vectors[i].length);
    }
}

static void a_short_header_touches_four_bytes_only(void **state)
{
    unsigned char header[MPROC__FRAME_LONG];

    (void)state;
    memset(header, 0xee, sizeof header);
    mproc__frame_write(header, 5);
    assert_int_equal(header[4], 0xee);
    assert_int_equal(header[11], 0xee);
}

static void headers_are_read_as_python_writes_them(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT; i++) {
        size_t size = 77;
        if (!can_name(vectors[i].size))
            continue;
        assert_int_equal(mproc__frame_length(vectors[i].header), vectors[i].length);
        assert_success(mproc__frame_read(&size, vectors[i].header));
        assert_true(size == vectors[i].size);
    }
}

static void check_refused(unsigned char first, unsigned char last)
{
    unsigned char header[MPROC__FRAME_LONG] = {first, 0, 0, last};
    size_t size = 77;

    hush();
    assert_int_equal(mproc__frame_length(header), MPROC__FRAME_SHORT);
    assert_int_equal(mproc__frame_read(&size, header), MPROC_EPROTOCOL);
    assert_said("absurd size");
    assert_int_equal(size, 77);
}

static void negative_sizes_are_refused(void **state)
{
    static const unsigned char minus_two[MPROC__FRAME_LONG] = {0xff, 0xff, 0xff, 0xfe};
    size_t size = 77;

    (void)state;
    check_refused(0x80, 0x00);
    check_refused(0x80, 0x01);
    check_refused(0xff, 0xff);
    assert_int_equal(mproc__frame_read(&size, minus_two), MPROC_EPROTOCOL);
    assert_int_equal(size, 77);
}

static void sizes_that_no_array_has_are_refused(void **state)
{
    static const unsigned char headers[][MPROC__FRAME_LONG] = {
        {0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0},
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };
    size_t i, size = 77;

    (void)state;
    for (i = 0; i < 2; i++)
        assert_int_equal(mproc__frame_read(&size, headers[i]), MPROC_EPROTOCOL);
    assert_int_equal(size, 77);
}

static void the_largest_array_is_not_refused(void **state)
{
    unsigned char header[MPROC__FRAME_LONG];
    size_t size = 77;

    (void)state;
    mproc__frame_write(header, PTRDIFF_MAX);
    assert_success(mproc__frame_read(&size, header));
    assert_true(size == PTRDIFF_MAX);
}

/* Python reads it so, too. */
static void a_long_header_may_have_a_small_size(void **state)
{
    static const unsigned char header[MPROC__FRAME_LONG] = {0xff, 0xff, 0xff, 0xff, 0, 0,
                                                            0,    0,    0,    0,    0, 5};
    size_t size = 77;

    (void)state;
    assert_success(mproc__frame_read(&size, header));
    assert_int_equal(size, 5);
}

/* -- With handles -------------------------------------------------------------- */

/* A frame with a note of zeros; what it begins with is checked below. */
static void add_frame(mproc__buffer_t *heading, size_t count)
{
    static const unsigned char note[MPROC__HEADING_MAX];
    unsigned char header[MPROC__FRAME_HANDLES];

    mproc__frame_write_handles(header, count);
    assert_success(mproc__buffer_append(heading, header, sizeof header));
    assert_success(mproc__buffer_append(heading, note, port_note_size(count)));
}

static void add_header(mproc__buffer_t *heading, size_t size)
{
    unsigned char header[MPROC__FRAME_LONG];

    assert_success(mproc__buffer_append(heading, header, mproc__frame_write(header, size)));
}

static void handles_are_announced_by_minus_two_and_their_number(void **state)
{
    static const unsigned char expected[] = {0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0xfd};
    unsigned char header[MPROC__FRAME_HANDLES];

    (void)state;
    mproc__frame_write_handles(header, PORT_HANDLES_MAX);
    assert_memory_equal(header, expected, sizeof header);
    assert_int_equal(mproc__frame_handles(header), PORT_HANDLES_MAX);
}

static void a_heading_without_handles_is_a_header(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT; i++) {
        mproc__heading_t heading;

        if (!can_name(vectors[i].size))
            continue;
        assert_success(mproc__heading_read(&heading, vectors[i].header, vectors[i].length));
        assert_true(heading.is_whole && heading.message_size == vectors[i].size);
        assert_int_equal(heading.length, vectors[i].length);
        assert_int_equal(heading.handles_size, 0);
        assert_int_equal(heading.nhandles, 0);
    }
}

static void a_heading_is_whole_when_all_of_it_is_there_and_not_before(void **state)
{
    mproc__buffer_t bytes = {NULL, 0, 0};
    mproc__heading_t heading;
    size_t there;

    (void)state;
    add_frame(&bytes, PORT_HANDLES_MAX);
    add_frame(&bytes, MPROC__HANDLES_MAX - PORT_HANDLES_MAX);
    add_header(&bytes, 77);
    for (there = 0; there < bytes.size; there++) {
        assert_success(mproc__heading_read(&heading, bytes.bytes, there));
        assert_false(heading.is_whole);
        assert_in_range(heading.length, there + 1, bytes.size);
    }
    assert_success(mproc__heading_read(&heading, bytes.bytes, bytes.size));
    assert_true(heading.is_whole);
    assert_int_equal(heading.length, bytes.size);
    assert_int_equal(heading.handles_size, bytes.size - MPROC__FRAME_SHORT);
    assert_int_equal(heading.nhandles, MPROC__HANDLES_MAX);
    assert_int_equal(heading.message_size, 77);
    mproc__buffer_free(&bytes);
}

static void refuse_heading(mproc__buffer_t *bytes)
{
    mproc__heading_t heading;

    hush();
    assert_int_equal(mproc__heading_read(&heading, bytes->bytes, bytes->size), MPROC_EPROTOCOL);
    assert_said("handles");
    assert_false(heading.is_whole);
    mproc__buffer_free(bytes);
}

/* As soon as the number is there: nothing is waited for that it announces. */
static void handles_that_cannot_come_at_once_are_refused(void **state)
{
    static const size_t counts[] = {0, PORT_HANDLES_MAX + 1, 0x7fffffff, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        unsigned char header[MPROC__FRAME_HANDLES];
        mproc__buffer_t bytes = {NULL, 0, 0};

        mproc__frame_write_handles(header, counts[i]);
        assert_success(mproc__buffer_append(&bytes, header, sizeof header));
        refuse_heading(&bytes);
    }
}

static void more_handles_than_a_pack_can_have_are_refused(void **state)
{
    mproc__buffer_t bytes = {NULL, 0, 0};

    (void)state;
    add_frame(&bytes, PORT_HANDLES_MAX);
    add_frame(&bytes, MPROC__HANDLES_MAX - PORT_HANDLES_MAX + 1);
    add_header(&bytes, 77);
    refuse_heading(&bytes);
}

/* Even so few, as all of a heading is read ahead. */
static void handles_one_by_one_are_refused(void **state)
{
    mproc__buffer_t bytes = {NULL, 0, 0};
    int i;

    (void)state;
    for (i = 0; i < MPROC__HANDLES_MAX + 1; i++)
        add_frame(&bytes, 1);
    refuse_heading(&bytes);
}

static void behind_handles_an_absurd_size_is_refused_too(void **state)
{
    mproc__buffer_t bytes = {NULL, 0, 0};
    mproc__heading_t heading;

    (void)state;
    add_frame(&bytes, 1);
    assert_success(mproc__buffer_append(&bytes, "\x80\0\0\0", 4));
    assert_int_equal(mproc__heading_read(&heading, bytes.bytes, bytes.size), MPROC_EPROTOCOL);
    assert_said("absurd size");
    mproc__buffer_free(&bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(headers_are_written_as_python_writes_them),
        claim(a_short_header_touches_four_bytes_only),
        claim(headers_are_read_as_python_writes_them),
        claim(negative_sizes_are_refused),
        claim(sizes_that_no_array_has_are_refused),
        claim(the_largest_array_is_not_refused),
        claim(a_long_header_may_have_a_small_size),
        claim(handles_are_announced_by_minus_two_and_their_number),
        claim(a_heading_without_handles_is_a_header),
        claim(a_heading_is_whole_when_all_of_it_is_there_and_not_before),
        claim(handles_that_cannot_come_at_once_are_refused),
        claim(more_handles_than_a_pack_can_have_are_refused),
        claim(handles_one_by_one_are_refused),
        claim(behind_handles_an_absurd_size_is_refused_too),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
