/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes that grow.
 */

#include "unit.h"

static void bytes_are_appended_in_order(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};
    size_t i;

    (void)state;
    for (i = 0; i < 5000; i++) {
        unsigned char byte = (unsigned char)(i % 251);
        assert_success(mproc__buffer_append(&buffer, &byte, 1));
    }
    assert_int_equal(buffer.size, 5000);
    for (i = 0; i < 5000; i++)
        assert_int_equal(buffer.bytes[i], i % 251);
    mproc__buffer_free(&buffer);
}

static void room_doubles(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};
    size_t capacity = 0, grown = 0, i;

    (void)state;
    for (i = 0; i < 100000; i++) {
        assert_success(mproc__buffer_append(&buffer, "x", 1));
        grown += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    assert_true(grown <= 12);
    mproc__buffer_free(&buffer);
}

static void reserved_room_is_not_used_room(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};
    const unsigned char *place;

    (void)state;
    assert_success(mproc__buffer_reserve(&buffer, 3000));
    assert_int_equal(buffer.size, 0);
    assert_true(buffer.capacity >= 3000);
    place = buffer.bytes;
    memset(buffer.bytes, 'x', 3000);
    buffer.size = 3000;
    assert_success(mproc__buffer_reserve(&buffer, buffer.capacity - 3000));
    assert_ptr_equal(buffer.bytes, place);
    mproc__buffer_free(&buffer);
}

static void appending_nothing_changes_nothing(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};

    (void)state;
    assert_success(mproc__buffer_append(&buffer, NULL, 0));
    assert_int_equal(buffer.size, 0);
    assert_success(mproc__buffer_append(&buffer, "x", 1));
    assert_success(mproc__buffer_append(&buffer, NULL, 0));
    assert_int_equal(buffer.size, 1);
    mproc__buffer_free(&buffer);
}

static void a_size_beyond_memory_leaves_the_buffer(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};

    (void)state;
    assert_success(mproc__buffer_append(&buffer, "x", 1));
    assert_int_equal(mproc__buffer_reserve(&buffer, SIZE_MAX), APR_ENOMEM);
    assert_int_equal(mproc__buffer_append(&buffer, "y", SIZE_MAX), APR_ENOMEM);
    assert_int_equal(buffer.size, 1);
    assert_int_equal(buffer.bytes[0], 'x');
    mproc__buffer_free(&buffer);
}

static void padding_brings_zeros_up_to_eight(void **state)
{
    static const unsigned char padded[8] = {'a', 'b', 'c', 0, 0, 0, 0, 0};
    mproc__buffer_t buffer = {NULL, 0, 0};

    (void)state;
    assert_success(mproc__buffer_pad(&buffer));
    assert_int_equal(buffer.size, 0);
    assert_success(mproc__buffer_append(&buffer, "abc", 3));
    assert_success(mproc__buffer_pad(&buffer));
    assert_int_equal(buffer.size, 8);
    assert_memory_equal(buffer.bytes, padded, 8);
    assert_success(mproc__buffer_pad(&buffer));
    assert_int_equal(buffer.size, 8);
    mproc__buffer_free(&buffer);
}

static void swapping_exchanges_all(void **state)
{
    mproc__buffer_t one = {NULL, 0, 0}, other = {NULL, 0, 0};

    (void)state;
    assert_success(mproc__buffer_append(&one, "one", 3));
    mproc__buffer_swap(&one, &other);
    assert_null(one.bytes);
    assert_int_equal(one.size + one.capacity, 0);
    assert_int_equal(other.size, 3);
    assert_memory_equal(other.bytes, "one", 3);
    mproc__buffer_free(&other);
}

static void a_freed_buffer_can_be_used_again(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};

    (void)state;
    assert_success(mproc__buffer_append(&buffer, "x", 1));
    mproc__buffer_free(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.size + buffer.capacity, 0);
    mproc__buffer_free(&buffer);
    assert_success(mproc__buffer_append(&buffer, "y", 1));
    assert_int_equal(buffer.bytes[0], 'y');
    mproc__buffer_free(&buffer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(bytes_are_appended_in_order),
        claim(room_doubles),
        claim(reserved_room_is_not_used_room),
        claim(appending_nothing_changes_nothing),
        claim(a_size_beyond_memory_leaves_the_buffer),
        claim(padding_brings_zeros_up_to_eight),
        claim(swapping_exchanges_all),
        claim(a_freed_buffer_can_be_used_again),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
