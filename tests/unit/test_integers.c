/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packed integers: every type at its limits, into every type.
 */

#include "unit.h"

#include <limits.h>

/* Any integer of C: a sign, and how far it is from 0. */
typedef struct number_t {
    int is_negative;
    apr_uint64_t magnitude;
} number_t;

static number_t of_signed(long long x)
{
    number_t number = {x < 0, x < 0 ? 0 - (apr_uint64_t)x : (apr_uint64_t)x};

    return number;
}

static number_t of_unsigned(unsigned long long x)
{
    number_t number = {0, x};

    return number;
}

/* Its low bytes as every type has them. */
static apr_uint64_t bits_of(number_t number)
{
    return number.is_negative ? 0 - number.magnitude : number.magnitude;
}

static int lies_within(number_t number, number_t least, number_t most)
{
    return number.is_negative ? number.magnitude <= least.magnitude
                              : number.magnitude <= most.magnitude;
}

/*
 * `values` holds `number` alone, which arrives in a variable of `type` just when that can hold
 * it.
 */
#define check_into(type, least, most, values, number)                                              \
    do {                                                                                           \
        type variable = 77;                                                                        \
        apr_status_t rv = MPROC_UNPACK((values), &variable);                                       \
        if (lies_within((number), (least), (most))) {                                              \
            assert_int_equal(rv, APR_SUCCESS);                                                     \
            assert_true((apr_uint64_t)variable == bits_of(number));                                \
        } else {                                                                                   \
            assert_int_equal(rv, MPROC_ERANGE);                                                    \
            assert_true(variable == 77);                                                           \
        }                                                                                          \
    } while (0)

static void check_signed(mproc_values_t *values, number_t number)
{
    check_into(signed char, of_signed(SCHAR_MIN), of_signed(SCHAR_MAX), values, number);
    check_into(short, of_signed(SHRT_MIN), of_signed(SHRT_MAX), values, number);
    check_into(int, of_signed(INT_MIN), of_signed(INT_MAX), values, number);
    check_into(long, of_signed(LONG_MIN), of_signed(LONG_MAX), values, number);
    check_into(long long, of_signed(LLONG_MIN), of_signed(LLONG_MAX), values, number);
    check_into(apr_int64_t, of_signed(INT64_MIN), of_signed(INT64_MAX), values, number);
}

static void check_unsigned(mproc_values_t *values, number_t number)
{
    check_into(unsigned char, of_unsigned(0), of_unsigned(UCHAR_MAX), values, number);
    check_into(unsigned short, of_unsigned(0), of_unsigned(USHRT_MAX), values, number);
    check_into(unsigned int, of_unsigned(0), of_unsigned(UINT_MAX), values, number);
    check_into(unsigned long, of_unsigned(0), of_unsigned(ULONG_MAX), values, number);
    check_into(unsigned long long, of_unsigned(0), of_unsigned(ULLONG_MAX), values, number);
    check_into(size_t, of_unsigned(0), of_unsigned(SIZE_MAX), values, number);
}

/* One whose sign is the compiler's choice. */
static void check_char(mproc_values_t *values, number_t number)
{
    check_into(char, of_signed(CHAR_MIN), of_signed(CHAR_MAX), values, number);
}

static void check_everywhere(const mproc_pack_t *pack, number_t number, apr_pool_t *mem)
{
    mproc_values_t *values = travel(pack, mem);

    check_signed(values, number);
    check_unsigned(values, number);
    check_char(values, number);
}

/* The limits of a type, what lies next to them, and what lies around 0. */
#define check_signed_source(type, least, most, mem)                                                \
    do {                                                                                           \
        const type numbers[] = {(least), (least) + 1, -1, 0, 1, (most)-1, (most)};                 \
        size_t i;                                                                                  \
        for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)                                   \
            check_everywhere(MPROC_PACK(numbers[i]), of_signed(numbers[i]), (mem));                \
    } while (0)

#define check_unsigned_source(type, most, mem)                                                     \
    do {                                                                                           \
        const type numbers[] = {0, 1, (most) / 2, (most) / 2 + 1, (most)-1, (most)};               \
        size_t i;                                                                                  \
        for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++)                                   \
            check_everywhere(MPROC_PACK(numbers[i]), of_unsigned(numbers[i]), (mem));              \
    } while (0)

static void signed_types_arrive_in_every_type_that_holds_them(void **state)
{
    check_signed_source(signed char, SCHAR_MIN, SCHAR_MAX, *state);
    check_signed_source(short, SHRT_MIN, SHRT_MAX, *state);
    check_signed_source(int, INT_MIN, INT_MAX, *state);
    check_signed_source(long, LONG_MIN, LONG_MAX, *state);
    check_signed_source(long long, LLONG_MIN, LLONG_MAX, *state);
}

static void unsigned_types_arrive_in_every_type_that_holds_them(void **state)
{
    check_unsigned_source(unsigned char, UCHAR_MAX, *state);
    check_unsigned_source(unsigned short, USHRT_MAX, *state);
    check_unsigned_source(unsigned int, UINT_MAX, *state);
    check_unsigned_source(unsigned long, ULONG_MAX, *state);
    check_unsigned_source(unsigned long long, ULLONG_MAX, *state);
}

static void plain_characters_arrive_in_every_type_that_holds_them(void **state)
{
    char least = CHAR_MIN, most = CHAR_MAX;

    check_everywhere(MPROC_PACK(least), of_signed(CHAR_MIN), *state);
    check_everywhere(MPROC_PACK(most), of_signed(CHAR_MAX), *state);
    check_everywhere(MPROC_PACK('x'), of_signed('x'), *state);
}

static void truth_values_arrive_in_every_integer_type(void **state)
{
    _Bool yes = 1, no = 0;

    check_everywhere(MPROC_PACK(yes), of_signed(1), *state);
    check_everywhere(MPROC_PACK(no), of_signed(0), *state);
    check_everywhere(MPROC_PACK(MPROC_BOOL(1)), of_signed(1), *state);
    check_everywhere(MPROC_PACK(MPROC_BOOL(0)), of_signed(0), *state);
}

static void range_errors_name_the_position_and_the_number(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK("first", 2, 300), *state);
    const char *first;
    signed char second, third;

    assert_int_equal(MPROC_UNPACK(values, &first, &second, &third), MPROC_ERANGE);
    assert_said("value 3 is 300");
    assert_said("8 signed bits");
}

static void a_negative_number_does_not_fit_an_unsigned_variable(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(-1), *state);
    unsigned long long variable = 5;

    assert_int_equal(MPROC_UNPACK(values, &variable), MPROC_ERANGE);
    assert_true(variable == 5);
    assert_said("value 1 is -1");
    assert_said("64 unsigned bits");
}

static void the_largest_unsigned_number_does_not_fit_a_signed_variable(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(0, (apr_uint64_t)UINT64_MAX), *state);
    apr_int64_t zero, variable = 5;

    assert_int_equal(MPROC_UNPACK(values, &zero, &variable), MPROC_ERANGE);
    assert_true(variable == 5);
    assert_said("value 2 is 18446744073709551615");
}

static void the_smallest_number_is_written_out_whole(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK((apr_int64_t)INT64_MIN), *state);
    int variable;

    assert_int_equal(MPROC_UNPACK(values, &variable), MPROC_ERANGE);
    assert_said("value 1 is -9223372036854775808");
}

static void an_integer_is_no_truth_value(void **state)
{
    mproc_values_t *values = travel(MPROC_PACK(1), *state);
    _Bool variable = 0;

    assert_int_equal(MPROC_UNPACK(values, &variable), MPROC_ETYPE);
    assert_false(variable);
}

static void only_what_no_signed_type_holds_travels_as_unsigned(void **state)
{
    mproc_values_t *values =
        travel(MPROC_PACK((apr_uint64_t)INT64_MAX, (apr_uint64_t)INT64_MAX + 1), *state);

    assert_int_equal(mproc_values_type(values, 0), MPROC_TYPE_INTEGER);
    assert_int_equal(mproc_values_type(values, 1), MPROC_TYPE_UNSIGNED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(signed_types_arrive_in_every_type_that_holds_them),
        claim(unsigned_types_arrive_in_every_type_that_holds_them),
        claim(plain_characters_arrive_in_every_type_that_holds_them),
        claim(truth_values_arrive_in_every_integer_type),
        claim(range_errors_name_the_position_and_the_number),
        claim(a_negative_number_does_not_fit_an_unsigned_variable),
        claim(the_largest_unsigned_number_does_not_fit_a_signed_variable),
        claim(the_smallest_number_is_written_out_whole),
        claim(an_integer_is_no_truth_value),
        claim(only_what_no_signed_type_holds_travels_as_unsigned),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
