/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packed values that are no integers, and what holds for all of them: counts,
 * types, copies, and variables that stay as they were.
 */

#include "unit.h"

#include <math.h>

/* -- Reals -------------------------------------------------------------------- */

static void doubles_arrive_bit_by_bit(void **state)
{
    static const double numbers[] = {0.0,    -0.0,     3.5,       1e308, -1e308,
                                     5e-324, INFINITY, -INFINITY, NAN};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double variable = 77;
        assert_success(MPROC_UNPACK(travel(MPROC_PACK(numbers[i]), *state), &variable));
        assert_memory_equal(&variable, &numbers[i], sizeof variable);
    }
}

static void floats_arrive_as_they_were(void **state)
{
    static const float numbers[] = {0.0f,     -0.0f,  0.1f,     3.4e38f,
                                    -3.4e38f, 1e-45f, INFINITY, -INFINITY};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        float variable = 77;
        assert_success(MPROC_UNPACK(travel(MPROC_PACK(numbers[i]), *state), &variable));
        assert_memory_equal(&variable, &numbers[i], sizeof variable);
    }
}

static void a_float_that_is_not_a_number_stays_so(void **state)
{
    float narrow = 0;
    double wide = 0;
    mproc_values_t *values = travel(MPROC_PACK((float)NAN, NAN), *state);

    assert_success(MPROC_UNPACK(values, &wide, &narrow));
    assert_true(wide != wide); /* isnan() of mingw-w64 converts with a warning */
    assert_true(narrow != narrow);
}

static void a_double_arrives_in_a_float_as_near_as_it_gets(void **state)
{
    float variable = 0;

    assert_success(MPROC_UNPACK(travel(MPROC_PACK(0.1), *state), &variable));
    assert_true(variable == 0.1f);
}

/* -- Strings and bytes ------------------------------------------------------------ */

static void strings_arrive_with_their_end(void **state)
{
    static const char *const strings[] = {"",
                                          "a",
                                          "seven..",
                                          "eight...",
                                          "nine.....",
                                          "Gr\xc3\xbc\xc3\x9f"
                                          "e \xf0\x9f\x90\xa7"};
    size_t i;

    for (i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        const char *variable = NULL;
        assert_success(MPROC_UNPACK(travel(MPROC_PACK(strings[i]), *state), &variable));
        assert_string_equal(variable, strings[i]);
    }
}

static void an_array_of_characters_arrives_as_a_string(void **state)
{
    char array[20] = "in an array", *pointer = array;
    const char *one, *two;

    assert_success(MPROC_UNPACK(travel(MPROC_PACK(array, pointer), *state), &one, &two));
    assert_string_equal(one, array);
    assert_string_equal(two, array);
}

static void check_refused_null(const mproc_pack_t *pack, const char *what)
{
    mproc__buffer_t buffer = {NULL, 0, 0};

    hush();
    assert_int_equal(mproc__pack_encode(&buffer, NULL, pack), APR_EINVAL);
    assert_said("value 2 is NULL");
    assert_said(what);
    assert_int_equal(buffer.size, 0);
    mproc__buffer_free(&buffer);
}

static void null_is_refused_with_words(void **state)
{
    (void)state;
    check_refused_null(MPROC_PACK(1, (const char *)NULL), "a string");
    check_refused_null(MPROC_PACK(1, (char *)NULL), "a string");
    check_refused_null(MPROC_PACK(1, MPROC_BYTES(NULL, 3)), "bytes");
    check_refused_null(MPROC_PACK(1, (mproc_connection_t *)NULL), "a connection");
}

static void bytes_arrive_aligned_whatever_stands_before_them(void **state)
{
    static const char data[] = {1, 0, 2, 0, 3};
    mproc_bytes_t one, two, three;
    const char *string;
    mproc_values_t *values =
        travel(MPROC_PACK(MPROC_BYTES(data, 5), "odd", MPROC_BYTES(data, 1), MPROC_BYTES(data, 3)),
               *state);

    assert_success(MPROC_UNPACK(values, &one, &string, &two, &three));
    assert_int_equal((uintptr_t)one.data % 8, 0);
    assert_int_equal((uintptr_t)two.data % 8, 0);
    assert_int_equal((uintptr_t)three.data % 8, 0);
    assert_int_equal(one.size, 5);
    assert_memory_equal(one.data, data, 5);
    assert_int_equal(two.size, 1);
    assert_int_equal(three.size, 3);
}

static void no_bytes_arrive_as_no_bytes(void **state)
{
    mproc_bytes_t from_null = {NULL, 7}, from_data = {NULL, 7};
    int after = 0;
    mproc_values_t *values =
        travel(MPROC_PACK(MPROC_BYTES(NULL, 0), MPROC_BYTES("x", 0), 5), *state);

    assert_success(MPROC_UNPACK(values, &from_null, &from_data, &after));
    assert_int_equal(from_null.size, 0);
    assert_int_equal(from_data.size, 0);
    assert_int_equal(after, 5);
}

/* -- Truth values and nothing ------------------------------------------------------ */

static void truth_is_what_c_calls_true(void **state)
{
    _Bool one, two, three, four;
    mproc_values_t *values = travel(
        MPROC_PACK(MPROC_BOOL(256), MPROC_BOOL(0.5), MPROC_BOOL("x"), MPROC_BOOL(0)), *state);

    assert_success(MPROC_UNPACK(values, &one, &two, &three, &four));
    assert_true(one && two && three && !four);
}

static void nothing_is_told_from_everything_else(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(MPROC_NONE, 0, "", MPROC_NONE), *state);

    assert_true(mproc_values_is_none(values, 0));
    assert_false(mproc_values_is_none(values, 1));
    assert_false(mproc_values_is_none(values, 2));
    assert_true(mproc_values_is_none(values, 3));
    assert_false(mproc_values_is_none(values, 4));
    assert_false(mproc_values_is_none(values, SIZE_MAX));
}

static void nothing_unpacks_into_nothing(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(MPROC_NONE), *state);
    const char *variable = "as it was";

    assert_int_equal(MPROC_UNPACK(values, &variable), MPROC_ETYPE);
    assert_said("value 1 is nothing");
    assert_string_equal(variable, "as it was");
}

static void types_can_be_asked_for(void **state)
{
    mproc_values_t *values =
        travel(MPROC_PACK(MPROC_BOOL(1), 1, 1.0, "1", MPROC_BYTES("1", 1), MPROC_PACK(1)), *state);

    assert_int_equal(mproc_values_count(values), 6);
    assert_int_equal(mproc_values_type(values, 0), MPROC_TYPE_BOOL);
    assert_int_equal(mproc_values_type(values, 1), MPROC_TYPE_INTEGER);
    assert_int_equal(mproc_values_type(values, 2), MPROC_TYPE_REAL);
    assert_int_equal(mproc_values_type(values, 3), MPROC_TYPE_STRING);
    assert_int_equal(mproc_values_type(values, 4), MPROC_TYPE_BYTES);
    assert_int_equal(mproc_values_type(values, 5), MPROC_TYPE_PACK);
    assert_int_equal(mproc_values_type(values, 6), 0);
}

/* -- Counts and types --------------------------------------------------------------- */

static void an_empty_pack_is_no_values(void **state)
{
    mproc_values_t *values = travel(MPROC_NO_ARGS, *state);
    int variable = 77;

    assert_int_equal(mproc_values_count(values), 0);
    assert_success(mproc_unpack(values, NULL, 0));
    assert_int_equal(MPROC_UNPACK(values, &variable), MPROC_ECOUNT);
    assert_int_equal(variable, 77);
}

static void sixteen_values_travel(void **state)
{
    int v[16] = {0}, i;
    mproc_values_t *values =
        travel(MPROC_PACK(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), *state);

    assert_success(MPROC_UNPACK(values, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7],
                                &v[8], &v[9], &v[10], &v[11], &v[12], &v[13], &v[14], &v[15]));
    for (i = 0; i < 16; i++)
        assert_int_equal(v[i], i + 1);
}

static void seventeen_values_are_refused(void **state)
{
    mproc_value_t values[17];
    mproc_pack_t pack = {17, values};
    mproc__buffer_t buffer = {NULL, 0, 0};
    size_t i;

    (void)state;
    for (i = 0; i < 17; i++)
        values[i] = mproc__value_signed(1);
    assert_int_equal(mproc__pack_encode(&buffer, NULL, &pack), MPROC_ECOUNT);
    assert_said("17 values");
    mproc__buffer_free(&buffer);
}

static void too_many_and_too_few_variables_are_counted(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1, 2), *state);
    int one = 77, two = 77, three = 77;

    assert_int_equal(MPROC_UNPACK(values, &one), MPROC_ECOUNT);
    assert_said("2 values arrived for 1 variables");
    assert_int_equal(MPROC_UNPACK(values, &one, &two, &three), MPROC_ECOUNT);
    assert_said("2 values arrived for 3 variables");
    assert_true(one == 77 && two == 77 && three == 77);
}

static void type_errors_name_the_position_and_both_types(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1, "two", 3.0), *state);
    int one;
    double two, three;
    const char *word, *other;
    mproc_bytes_t bytes;
    mproc_values_t *inner;

    assert_int_equal(MPROC_UNPACK(values, &one, &two, &three), MPROC_ETYPE);
    assert_said("value 2 is a string, and its variable is for a floating-point number");
    assert_int_equal(MPROC_UNPACK(values, &word, &other, &three), MPROC_ETYPE);
    assert_said("value 1 is an integer, and its variable is for a string");
    assert_int_equal(MPROC_UNPACK(values, &one, &word, &one), MPROC_ETYPE);
    assert_said("value 3 is a floating-point number, and its variable is for an integer");
    assert_int_equal(MPROC_UNPACK(values, &one, &bytes, &three), MPROC_ETYPE);
    assert_said("is for bytes");
    assert_int_equal(MPROC_UNPACK(values, &one, &inner, &three), MPROC_ETYPE);
    assert_said("is for a pack");
}

static void no_variable_is_written_when_the_last_one_mismatches(void **state)
{
    mproc_values_t *values =
        travel(MPROC_PACK(1, "two", 3.0, MPROC_BYTES("4", 1), MPROC_PACK(5), "six"), *state);
    int one = 77, six = 77;
    const char *two = "as it was";
    double three = 77;
    mproc_bytes_t four = {NULL, 77};
    mproc_values_t *five = NULL;

    assert_int_equal(MPROC_UNPACK(values, &one, &two, &three, &four, &five, &six), MPROC_ETYPE);
    assert_true(one == 77 && three == 77 && four.size == 77 && five == NULL && six == 77);
    assert_string_equal(two, "as it was");
}

static void no_variable_is_written_when_the_last_one_is_too_narrow(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1, 256), *state);
    int one = 77;
    unsigned char two = 77;

    assert_int_equal(MPROC_UNPACK(values, &one, &two), MPROC_ERANGE);
    assert_true(one == 77 && two == 77);
}

static void a_null_variable_is_refused(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1, 2), *state);
    int one = 77;

    assert_int_equal(MPROC_UNPACK(values, &one, (int *)NULL), APR_EINVAL);
    assert_said("the variable for value 2 is NULL");
    assert_int_equal(one, 77);
}

static void null_values_are_refused(void **state)
{
    int one = 77;

    (void)state;
    assert_int_equal(MPROC_UNPACK((mproc_values_t *)NULL, &one), APR_EINVAL);
    assert_int_equal(one, 77);
}

static void values_can_be_unpacked_twice(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK("word", 5), *state);
    const char *one, *other;
    int number;
    size_t size;

    assert_success(MPROC_UNPACK(values, &one, &number));
    assert_success(MPROC_UNPACK(values, &other, &size));
    assert_ptr_equal(one, other);
    assert_int_equal(number, 5);
    assert_int_equal(size, 5);
}

/* -- Packs in packs ------------------------------------------------------------------ */

static void packs_travel_in_packs(void **state)
{
    mproc_values_t *values = travel(
        MPROC_PACK("outside", MPROC_PACK("inside", MPROC_PACK(7)), MPROC_PACK("beside")), *state);
    mproc_values_t *inside, *innermost, *beside;
    const char *word;
    int seven;

    assert_success(MPROC_UNPACK(values, &word, &inside, &beside));
    assert_string_equal(word, "outside");
    assert_success(MPROC_UNPACK(inside, &word, &innermost));
    assert_string_equal(word, "inside");
    assert_success(MPROC_UNPACK(innermost, &seven));
    assert_int_equal(seven, 7);
    assert_success(MPROC_UNPACK(beside, &word));
    assert_string_equal(word, "beside");
}

static void a_null_pack_in_a_pack_is_an_empty_one(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(MPROC_NO_ARGS), *state), *inside = NULL;

    assert_success(MPROC_UNPACK(values, &inside));
    assert_int_equal(mproc_values_count(inside), 0);
}

static void packs_travel_as_deep_as_they_may(void **state)
{
    mproc_values_t *values = travel(make_deep_pack(MPROC_PACK_DEPTH_MAX, *state), *state);
    int depth;

    for (depth = 1; depth < MPROC_PACK_DEPTH_MAX; depth++)
        assert_success(MPROC_UNPACK(values, &values));
    assert_int_equal(mproc_values_count(values), 0);
}

static void packs_that_lie_too_deep_are_refused(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};

    assert_int_equal(
        mproc__pack_encode(&buffer, NULL, make_deep_pack(MPROC_PACK_DEPTH_MAX + 2, *state)),
        APR_EINVAL);
    assert_said("8 deep");
    assert_int_equal(buffer.size, 0);
    mproc__buffer_free(&buffer);
}

/* -- Copies, objects, storage ------------------------------------------------------------ */

static void a_copied_pack_outlives_what_it_was_made_of(void **state)
{
    char string[] = "string", bytes[] = "bytes", inner[] = "inner";
    const mproc_pack_t *pack =
        mproc_pack(*state, string, MPROC_BYTES(bytes, 5), MPROC_PACK(inner, 7), 8);
    const char *word, *inner_word;
    mproc_bytes_t data;
    mproc_values_t *inside;
    int seven, eight;

    memset(string, 'x', 6);
    memset(bytes, 'x', 5);
    memset(inner, 'x', 5);
    assert_success(MPROC_UNPACK(travel(pack, *state), &word, &data, &inside, &eight));
    assert_success(MPROC_UNPACK(inside, &inner_word, &seven));
    assert_string_equal(word, "string");
    assert_memory_equal(data.data, "bytes", 5);
    assert_string_equal(inner_word, "inner");
    assert_true(seven == 7 && eight == 8);
}

static void a_copy_of_no_arguments_is_an_empty_pack(void **state)
{
    const mproc_pack_t *pack = mproc_pack_copy(*state, MPROC_NO_ARGS);

    assert_non_null(pack);
    assert_int_equal(pack->count, 0);
}

static void a_copy_keeps_what_is_refused_later(void **state)
{
    const mproc_pack_t *pack = mproc_pack(*state, 1, (const char *)NULL);

    check_refused_null(pack, "a string");
}

static void an_object_is_refused_where_none_can_travel(void **state)
{
    static int object;
    mproc__buffer_t buffer = {NULL, 0, 0};
    mproc_connection_t *connection = (mproc_connection_t *)(void *)&object;

    (void)state;
    assert_int_equal(mproc__pack_encode(&buffer, NULL, MPROC_PACK(connection)),
                     MPROC_ENOTSHAREABLE);
    assert_said("a connection");
    assert_said("through a connection, or give it to a child");
    assert_int_equal(buffer.size, 0);
    mproc__buffer_free(&buffer);
}

static void a_failed_pack_leaves_what_stood_before_it(void **state)
{
    mproc__buffer_t buffer = {NULL, 0, 0};

    (void)state;
    assert_success(mproc__buffer_append(&buffer, "8 bytes.", 8));
    assert_int_equal(mproc__pack_encode(&buffer, NULL, MPROC_PACK("good", (const char *)NULL)),
                     APR_EINVAL);
    assert_int_equal(buffer.size, 8);
    assert_memory_equal(buffer.bytes, "8 bytes.", 8);
    mproc__buffer_free(&buffer);
}

static void refilling_values_does_not_grow_them(void **state)
{
    mproc_values_t *values = mproc_values_create(*state), *first, *inside;
    const char *word;
    size_t capacity;
    int i, number;

    assert_success(refill(values, MPROC_PACK("a string of some length", 1, MPROC_PACK(1))));
    assert_success(MPROC_UNPACK(values, &word, &number, &first));
    capacity = values->buffer.capacity;
    for (i = 0; i < 1000; i++) {
        assert_success(refill(values, MPROC_PACK("a string of some length", i, MPROC_PACK(i))));
        assert_success(MPROC_UNPACK(values, &word, &number, &inside));
        assert_int_equal(number, i);
        assert_ptr_equal(inside, first);
    }
    assert_int_equal(values->buffer.capacity, capacity);
}

static void refilled_values_have_nothing_of_before(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1, 2, 3, MPROC_PACK(4)), *state);

    assert_success(refill(values, MPROC_PACK("one")));
    assert_int_equal(mproc_values_count(values), 1);
    assert_int_equal(mproc_values_type(values, 3), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(doubles_arrive_bit_by_bit),
        claim(floats_arrive_as_they_were),
        claim(a_float_that_is_not_a_number_stays_so),
        claim(a_double_arrives_in_a_float_as_near_as_it_gets),
        claim(strings_arrive_with_their_end),
        claim(an_array_of_characters_arrives_as_a_string),
        claim(null_is_refused_with_words),
        claim(bytes_arrive_aligned_whatever_stands_before_them),
        claim(no_bytes_arrive_as_no_bytes),
        claim(truth_is_what_c_calls_true),
        claim(nothing_is_told_from_everything_else),
        claim(nothing_unpacks_into_nothing),
        claim(types_can_be_asked_for),
        claim(an_empty_pack_is_no_values),
        claim(sixteen_values_travel),
        claim(seventeen_values_are_refused),
        claim(too_many_and_too_few_variables_are_counted),
        claim(type_errors_name_the_position_and_both_types),
        claim(no_variable_is_written_when_the_last_one_mismatches),
        claim(no_variable_is_written_when_the_last_one_is_too_narrow),
        claim(a_null_variable_is_refused),
        claim(null_values_are_refused),
        claim(values_can_be_unpacked_twice),
        claim(packs_travel_in_packs),
        claim(a_null_pack_in_a_pack_is_an_empty_one),
        claim(packs_travel_as_deep_as_they_may),
        claim(packs_that_lie_too_deep_are_refused),
        claim(a_copied_pack_outlives_what_it_was_made_of),
        claim(a_copy_of_no_arguments_is_an_empty_pack),
        claim(a_copy_keeps_what_is_refused_later),
        claim(an_object_is_refused_where_none_can_travel),
        claim(a_failed_pack_leaves_what_stood_before_it),
        claim(refilling_values_does_not_grow_them),
        claim(refilled_values_have_nothing_of_before),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
