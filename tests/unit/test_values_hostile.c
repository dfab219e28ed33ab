/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The reader of packed values against damage.  Each message lies in a block of
 * just its size: under AddressSanitizer, one byte too far ends the test.
 */

#include "unit.h"

static void encode(mproc__buffer_t *message)
{
    assert_success(mproc__pack_encode(
        message, NULL,
        MPROC_PACK(MPROC_NONE, MPROC_BOOL(1), -5, (apr_uint64_t)UINT64_MAX, 3.5, "string",
                   MPROC_BYTES("bytes", 5), MPROC_PACK("inner", MPROC_PACK(1, "deep")))));
}

static unsigned touch(const mproc_bytes_t *bytes)
{
    const unsigned char *data = bytes->data;
    unsigned sum = 0;
    size_t i;

    for (i = 0; i < bytes->size; i++)
        sum += data[i];
    return sum;
}

/* What was read can be touched from end to end; gives something that no compiler leaves out. */
static unsigned touch_all(const mproc_values_t *values)
{
    unsigned sum = 0;
    size_t i;

    for (i = 0; i < values->count; i++) {
        const mproc_value_t *value = &values->values[i];
        if (value->type == MPROC_TYPE_STRING)
            sum += (unsigned)strlen(value->as.string);
        else if (value->type == MPROC_TYPE_BYTES)
            sum += touch(&value->as.bytes);
        else if (value->type == MPROC_TYPE_PACK)
            sum += touch_all(values->inner[i]);
    }
    return sum;
}

/* Either all is well, or it is refused with words and there are no values. */
static apr_status_t read_damaged(mproc_values_t *values, const unsigned char *bytes, size_t size)
{
    apr_status_t rv;

    hush();
    fill(values, bytes, size);
    rv = mproc__values_decode(values, 0, NULL, 0);
    if (rv == APR_SUCCESS) {
        assert_true(touch_all(values) <= 255 * size);
        return rv;
    }
    assert_int_equal(rv, MPROC_EPROTOCOL);
    assert_said("the message is not packed values");
    assert_int_equal(mproc_values_count(values), 0);
    return rv;
}

/* A message of numbers, as the format counts them. */
static apr_status_t read_numbers(mproc_values_t *values, const apr_uint64_t *numbers, size_t count)
{
    unsigned char bytes[8 * 64];
    size_t i;

    assert_true(count <= 64);
    for (i = 0; i < count; i++)
        mproc__put_u64(bytes + 8 * i, numbers[i]);
    return read_damaged(values, bytes, 8 * count);
}

#define assert_refused(...)                                                                        \
    do {                                                                                           \
        static const apr_uint64_t numbers[] = {__VA_ARGS__};                                       \
        assert_int_equal(read_numbers(mproc_values_create(*state), numbers,                        \
                                      sizeof numbers / sizeof numbers[0]),                         \
                         MPROC_EPROTOCOL);                                                         \
    } while (0)

#define OF_SIZE(type, size) ((apr_uint64_t)(type) | (apr_uint64_t)(size) << 8)

static void a_message_cut_anywhere_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = {NULL, 0, 0};
    size_t size;

    encode(&message);
    for (size = 0; size < message.size; size++)
        assert_int_equal(read_damaged(values, message.bytes, size), MPROC_EPROTOCOL);
    assert_success(read_damaged(values, message.bytes, message.size));
    mproc__buffer_free(&message);
}

static void a_message_with_any_byte_changed_is_read_or_refused(void **state)
{
    static const unsigned char changes[] = {0x01, 0x02, 0x04, 0x07, 0x08,
                                            0x0f, 0x10, 0x7f, 0x80, 0xff};
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = {NULL, 0, 0};
    size_t place, i;

    encode(&message);
    for (place = 0; place < message.size; place++)
        for (i = 0; i < sizeof changes; i++) {
            message.bytes[place] ^= changes[i];
            read_damaged(values, message.bytes, message.size);
            message.bytes[place] ^= changes[i];
        }
    mproc__buffer_free(&message);
}

static void a_header_changed_to_any_type_is_read_or_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = {NULL, 0, 0};
    size_t place;
    unsigned type;

    encode(&message);
    for (place = 8; place < message.size; place += 8) {
        unsigned char kept = message.bytes[place];
        for (type = 0; type <= 255; type++) {
            message.bytes[place] = (unsigned char)type;
            read_damaged(values, message.bytes, message.size);
        }
        message.bytes[place] = kept;
    }
    mproc__buffer_free(&message);
}

static void values_are_empty_after_a_refused_message(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1, 2, 3), *state);

    assert_int_equal(read_damaged(values, (const unsigned char *)"not this", 8), MPROC_EPROTOCOL);
    assert_int_equal(mproc_values_count(values), 0);
    assert_int_equal(mproc_values_type(values, 0), 0);
}

static void values_are_good_again_after_a_refused_message(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    int variable = 0;

    assert_int_equal(read_damaged(values, (const unsigned char *)"not this", 8), MPROC_EPROTOCOL);
    assert_success(refill(values, MPROC_PACK(5)));
    assert_success(MPROC_UNPACK(values, &variable));
    assert_int_equal(variable, 5);
}

static void nothing_at_all_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);

    assert_int_equal(mproc__values_decode(values, 0, NULL, 0), MPROC_EPROTOCOL);
    assert_int_equal(read_damaged(values, NULL, 0), MPROC_EPROTOCOL);
}

static void absurd_counts_are_refused(void **state)
{
    assert_refused(1);
    assert_refused(17);
    assert_refused(UINT64_MAX);
    assert_refused((apr_uint64_t)1 << 63);
    assert_refused((apr_uint64_t)1 << 32 | 1, MPROC_TYPE_NONE);
    assert_refused(17, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
}

static void more_than_its_values_is_refused(void **state)
{
    assert_refused(0, 0);
    assert_refused(1, MPROC_TYPE_NONE, MPROC_TYPE_NONE);
    assert_refused(1, OF_SIZE(MPROC_TYPE_PACK, 16), 0, 0);
}

static void absurd_sizes_are_refused(void **state)
{
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 8), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 9), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 0));
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 0xffffffffffffff), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_BYTES, 9), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_BYTES, 0xffffffffffffff), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_BYTES, 0xfffffffffffff8), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_PACK, 7), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_PACK, 16), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_PACK, 0), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_PACK, 0xfffffffffffff8), 0);
}

static void a_size_that_the_type_has_not_is_refused(void **state)
{
    assert_refused(1, OF_SIZE(MPROC_TYPE_NONE, 1));
    assert_refused(1, OF_SIZE(MPROC_TYPE_BOOL, 2));
    assert_refused(1, OF_SIZE(MPROC_TYPE_INTEGER, 8), 5);
    assert_refused(1, OF_SIZE(MPROC_TYPE_UNSIGNED, 1), 5);
    assert_refused(1, OF_SIZE(MPROC_TYPE_REAL, 8), 5);
}

static void unknown_types_are_refused(void **state)
{
    assert_refused(1, 0);
    assert_refused(1, 0, 0);
    assert_refused(1, 10, 0);
    assert_refused(1, 255, 0);
    assert_refused(2, MPROC_TYPE_NONE, 200);
}

static void a_string_that_ends_early_or_late_is_refused(void **state)
{
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 3), 0x61626364);
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 4), 0x61006364);
    assert_refused(1, OF_SIZE(MPROC_TYPE_STRING, 7), UINT64_MAX);
}

static void an_object_that_did_not_come_is_refused(void **state)
{
    assert_refused(1, OF_SIZE(MPROC_TYPE_CONNECTION, 0), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_CONNECTION, 0), 0xffffffff);
    assert_refused(1, OF_SIZE(MPROC_TYPE_CONNECTION, 8), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_CONNECTION, 0xffffffffffffff), 0);
    assert_refused(1, OF_SIZE(MPROC_TYPE_CONNECTION, 0));
}

/* With two handles beside it, the message names `count` ones from `index` on, in each object. */
static apr_status_t read_objects(size_t objects, apr_uint64_t index, apr_uint64_t count,
                                 apr_pool_t *mem)
{
    port_handle_t *handles = apr_palloc(mem, 2 * sizeof *handles);
    mproc_values_t *values = mproc_values_create(mem);
    unsigned char bytes[8 + 2 * 16];
    apr_status_t rv;
    size_t i;

    handles[0] = 5;
    handles[1] = 6;
    mproc__put_u64(bytes, objects);
    for (i = 0; i < objects; i++) {
        mproc__put_u64(bytes + 8 + 16 * i, MPROC_TYPE_CONNECTION);
        mproc__put_u64(bytes + 16 + 16 * i, index | count << 16);
    }
    fill(values, bytes, 8 + 16 * objects);
    rv = mproc__values_decode(values, 0, handles, 2);
    assert_int_equal(mproc_values_count(values), rv == APR_SUCCESS ? objects : 0);
    if (rv == APR_SUCCESS)
        assert_true(handles[index] == PORT_NO_HANDLE && handles[1 - index] == (index == 0 ? 6 : 5));
    return rv;
}

static apr_status_t read_object(apr_uint64_t index, apr_pool_t *mem)
{
    return read_objects(1, index, 1, mem);
}

static void an_object_beyond_those_that_came_is_refused(void **state)
{
    static const apr_uint64_t indexes[] = {2, 3, 255, 256, 0x7fffffff, 0xffffffff};
    size_t i;

    assert_success(read_object(0, *state));
    assert_success(read_object(1, *state));
    for (i = 0; i < sizeof indexes / sizeof indexes[0]; i++)
        assert_int_equal(read_object(indexes[i], *state), MPROC_EPROTOCOL);
}

static void an_object_with_more_handles_than_came_is_refused(void **state)
{
    static const apr_uint64_t counts[] = {3, MPROC__SHARED_HANDLES_MAX,
                                          MPROC__SHARED_HANDLES_MAX + 1, 0xffff};
    size_t i;

    for (i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_int_equal(read_objects(1, 0, counts[i], *state), MPROC_EPROTOCOL);
    assert_int_equal(read_objects(1, 1, 2, *state), MPROC_EPROTOCOL);
}

static void an_object_that_is_named_twice_is_refused(void **state)
{
    assert_int_equal(read_objects(2, 0, 1, *state), MPROC_EPROTOCOL);
    assert_int_equal(read_objects(2, 1, 1, *state), MPROC_EPROTOCOL);
}

/* `depth` packs, each in the one before it. */
static apr_status_t read_nested(apr_uint64_t depth, apr_pool_t *mem)
{
    apr_uint64_t numbers[64];
    size_t count = 0;

    while (--depth > 0) {
        numbers[count++] = 1;
        numbers[count++] = OF_SIZE(MPROC_TYPE_PACK, 8 + 16 * (depth - 1));
    }
    numbers[count++] = 0;
    return read_numbers(mproc_values_create(mem), numbers, count);
}

static void packs_that_lie_too_deep_are_refused(void **state)
{
    assert_success(read_nested(MPROC_PACK_DEPTH_MAX, *state));
    assert_int_equal(read_nested(MPROC_PACK_DEPTH_MAX + 2, *state), MPROC_EPROTOCOL);
    assert_int_equal(read_nested(30, *state), MPROC_EPROTOCOL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_message_cut_anywhere_is_refused),
        claim(a_message_with_any_byte_changed_is_read_or_refused),
        claim(a_header_changed_to_any_type_is_read_or_refused),
        claim(values_are_empty_after_a_refused_message),
        claim(values_are_good_again_after_a_refused_message),
        claim(nothing_at_all_is_refused),
        claim(absurd_counts_are_refused),
        claim(more_than_its_values_is_refused),
        claim(absurd_sizes_are_refused),
        claim(a_size_that_the_type_has_not_is_refused),
        claim(unknown_types_are_refused),
        claim(a_string_that_ends_early_or_late_is_refused),
        claim(an_object_that_did_not_come_is_refused),
        claim(an_object_beyond_those_that_came_is_refused),
        claim(an_object_with_more_handles_than_came_is_refused),
        claim(an_object_that_is_named_twice_is_refused),
        claim(packs_that_lie_too_deep_are_refused),
    };

    apr_initialize();
    register_stand_ins();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
