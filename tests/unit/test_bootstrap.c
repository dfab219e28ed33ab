/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start message and the report, as bytes and back.
 */

#include "unit.h"

#include "bootstrap.h"

/* A message of 4 KiB can be written without a reader: so says port_channel_pair(). */
#define FITS_A_CHANNEL 4096

static const mproc__start_t sample = {
    .token = "0123456789abcdef0123456789abcdef",
    .build_id = {"\x01\x02\x00\x04", 4},
    .fingerprint = UINT64_MAX,
    .target = 7,
    .target_name = "count_words",
    .name = "Process-1",
    .identity = "1:2",
    .parent_name = "MainProcess",
    .parent_pid = 4321,
    .is_daemon = 1,
    .ignores_interrupt = 0,
    .method = "spawn",
    .context = "",
};

/* The bytes of a start message with arguments; the caller frees them. */
static mproc__buffer_t encode_start(const mproc_pack_t *args)
{
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__handles_t handles = {{0}, 0};
    mproc__start_t start = sample;

    start.args = args;
    assert_success(mproc__start_encode(&message, &handles, &start));
    assert_int_equal(handles.count, 0);
    return message;
}

/* One with two objects in its arguments, whose handles the child knows as 5 and 6. */
static mproc__buffer_t encode_start_with_objects(void)
{
    static const port_handle_t numbers[] = {5, 6};
    stand_in_t one = {77, 1, "read ahead", 10}, other = {78, 2, "", 0};
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__handles_t handles = {{0}, 0};
    mproc__start_t start = sample;

    start.args = MPROC_PACK(as_object(&one), "between", MPROC_PACK(as_object(&other)));
    assert_success(mproc__start_encode(&message, &handles, &start));
    assert_int_equal(handles.count, 2);
    assert_true(handles.handles[0] == 77 && handles.handles[1] == 78);
    mproc__start_number(&message, numbers, 2);
    return message;
}

static mproc__buffer_t encode_report(mproc__outcome_t outcome, apr_status_t status,
                                     const char *words)
{
    mproc__buffer_t message = {NULL, 0, 0};
    mproc__report_t report = {outcome, status, words};

    assert_success(mproc__report_encode(&message, &report));
    return message;
}

/* -- The start message ----------------------------------------------------------------- */

static void a_start_message_arrives_whole(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42));
    mproc__start_t start;

    fill(values, message.bytes, message.size);
    assert_success(mproc__start_decode(&start, values));
    assert_string_equal(start.token, sample.token);
    assert_int_equal(start.build_id.size, 4);
    assert_memory_equal(start.build_id.data, sample.build_id.data, 4);
    assert_true(start.fingerprint == sample.fingerprint && start.target == sample.target);
    assert_string_equal(start.target_name, sample.target_name);
    assert_string_equal(start.name, sample.name);
    assert_string_equal(start.identity, sample.identity);
    assert_string_equal(start.parent_name, sample.parent_name);
    assert_true(start.parent_pid == sample.parent_pid);
    assert_int_equal(start.is_daemon, 1);
    assert_int_equal(start.ignores_interrupt, 0);
    assert_string_equal(start.method, sample.method);
    assert_string_equal(start.context, sample.context);
    mproc__buffer_free(&message);
}

static void arguments_arrive_with_the_start_message(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42));
    mproc__start_t start;
    const char *path;
    int number;

    fill(values, message.bytes, message.size);
    assert_success(mproc__start_decode(&start, values));
    assert_success(MPROC_UNPACK(start.arguments, &path, &number));
    assert_string_equal(path, "path");
    assert_int_equal(number, 42);
    mproc__buffer_free(&message);
}

static void no_arguments_arrive_as_none(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_NO_ARGS);
    mproc__start_t start;

    fill(values, message.bytes, message.size);
    assert_success(mproc__start_decode(&start, values));
    assert_int_equal(mproc_values_count(start.arguments), 0);
    mproc__buffer_free(&message);
}

/* What may be sent through a pipe may be given to a child. */
static void arguments_may_lie_as_deep_as_packs_may(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(make_deep_pack(MPROC_PACK_DEPTH_MAX, *state));
    mproc__start_t start;

    fill(values, message.bytes, message.size);
    assert_success(mproc__start_decode(&start, values));
    mproc__buffer_free(&message);
}

static void objects_arrive_with_the_handles_that_the_child_knows(void **state)
{
    mproc_values_t *values = mproc_values_create(*state), *inner;
    mproc__buffer_t message = encode_start_with_objects();
    mproc_connection_t *one, *other;
    const char *between;
    mproc__start_t start;

    fill(values, message.bytes, message.size);
    assert_success(mproc__start_decode(&start, values));
    assert_success(MPROC_UNPACK(start.arguments, &one, &between, &inner));
    assert_success(MPROC_UNPACK(inner, &other));
    assert_true(as_stand_in(one)->handle == 5 && as_stand_in(one)->detail == 1 &&
                as_stand_in(one)->size == 10);
    assert_memory_equal(as_stand_in(one)->data, "read ahead", 10);
    assert_true(as_stand_in(other)->handle == 6 && as_stand_in(other)->detail == 2 &&
                as_stand_in(other)->size == 0);
    mproc__buffer_free(&message);
}

static void the_beginning_tells_how_much_follows(void **state)
{
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42));
    size_t rest = 0;

    (void)state;
    assert_success(mproc__start_rest(&rest, message.bytes));
    assert_int_equal(rest, message.size - MPROC__START_HEADER);
    mproc__buffer_free(&message);
}

static apr_status_t decode_start(mproc_values_t *values, const unsigned char *bytes, size_t size)
{
    mproc__start_t start = {.target = 77};
    apr_status_t rv;

    hush();
    fill(values, bytes, size);
    rv = mproc__start_decode(&start, values);
    if (rv != APR_SUCCESS) {
        assert_true(start.target == 77 && start.name == NULL);
        assert_string_not_equal(mproc_error_message(), "");
    }
    return rv;
}

static void a_start_message_cut_anywhere_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42, MPROC_PACK(1)));
    size_t size;

    for (size = 0; size < message.size; size++)
        assert_int_equal(decode_start(values, message.bytes, size), MPROC_EPROTOCOL);
    assert_success(decode_start(values, message.bytes, message.size));
    mproc__buffer_free(&message);
}

static void a_start_message_with_objects_cut_anywhere_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start_with_objects();
    size_t size;

    for (size = 0; size < message.size; size++)
        assert_int_equal(decode_start(values, message.bytes, size), MPROC_EPROTOCOL);
    assert_success(decode_start(values, message.bytes, message.size));
    mproc__buffer_free(&message);
}

static void a_start_message_with_fewer_handles_than_objects_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start_with_objects();
    const size_t handles_size = 16;

    memmove(message.bytes + MPROC__START_HEADER, message.bytes + MPROC__START_HEADER + handles_size,
            message.size - MPROC__START_HEADER - handles_size);
    mproc__put_u64(message.bytes + 16, 0);
    assert_int_equal(decode_start(values, message.bytes, message.size - handles_size),
                     MPROC_EPROTOCOL);
    assert_said("an object that did not come with it");
    mproc__buffer_free(&message);
}

/* Cut, and with a header that fits what is left. */
static void a_start_message_cut_with_care_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42));
    size_t size;

    for (size = MPROC__START_HEADER; size < message.size; size++) {
        mproc__put_u64(message.bytes + 8, size - MPROC__START_HEADER);
        assert_int_equal(decode_start(values, message.bytes, size), MPROC_EPROTOCOL);
    }
    mproc__buffer_free(&message);
}

static void a_start_message_with_any_byte_changed_is_read_or_refused(void **state)
{
    static const unsigned char changes[] = {0x01, 0x04, 0x08, 0x7f, 0x80, 0xff};
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42));
    size_t place, i;

    for (place = 0; place < message.size; place++)
        for (i = 0; i < sizeof changes; i++) {
            message.bytes[place] ^= changes[i];
            decode_start(values, message.bytes, message.size);
            message.bytes[place] ^= changes[i];
        }
    mproc__buffer_free(&message);
}

static void more_than_a_start_message_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_PACK("path", 42));

    assert_success(mproc__buffer_append(&message, "8 bytes.", 8));
    assert_int_equal(decode_start(values, message.bytes, message.size), MPROC_EPROTOCOL);
    mproc__buffer_free(&message);
}

static void another_magic_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_NO_ARGS);
    size_t place, rest = 77;

    for (place = 0; place < 8; place++) {
        message.bytes[place] ^= 1;
        assert_int_equal(mproc__start_rest(&rest, message.bytes), MPROC_EPROTOCOL);
        assert_said("not mproc's, or another version's");
        assert_int_equal(decode_start(values, message.bytes, message.size), MPROC_EPROTOCOL);
        message.bytes[place] ^= 1;
    }
    assert_int_equal(rest, 77);
    mproc__buffer_free(&message);
}

static void check_absurd(apr_uint64_t size, apr_uint64_t nhandles)
{
    mproc__buffer_t message = encode_start(MPROC_NO_ARGS);
    size_t rest = 77;

    mproc__put_u64(message.bytes + 8, size);
    mproc__put_u64(message.bytes + 16, nhandles);
    assert_int_equal(mproc__start_rest(&rest, message.bytes), MPROC_EPROTOCOL);
    assert_said("absurd size");
    assert_int_equal(rest, 77);
    mproc__buffer_free(&message);
}

static void absurd_sizes_in_the_beginning_are_refused(void **state)
{
    (void)state;
    check_absurd(UINT64_MAX, 0);
    check_absurd((apr_uint64_t)INT64_MAX, 0);
    check_absurd((apr_uint64_t)1 << 63, 0);
    check_absurd(8, UINT64_MAX);
    check_absurd(8, MPROC_PACK_MAX * MPROC_PACK_MAX + 1);
    check_absurd(8, (apr_uint64_t)1 << 61); /* times 8 it is 0 */
}

static void a_start_message_with_too_few_values_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_start(MPROC_NO_ARGS);

    message.size = MPROC__START_HEADER;
    assert_success(mproc__pack_encode(&message, NULL, MPROC_PACK("token", 1)));
    mproc__put_u64(message.bytes + 8, message.size - MPROC__START_HEADER);
    assert_int_not_equal(decode_start(values, message.bytes, message.size), APR_SUCCESS);
    mproc__buffer_free(&message);
}

static void handles_are_numbered_in_their_places(void **state)
{
    static const port_handle_t numbers[] = {5, 0x7fffffff};
    unsigned char bytes[MPROC__START_HEADER + 16];
    mproc__buffer_t message = {bytes, sizeof bytes, sizeof bytes};

    (void)state;
    memset(bytes, 0xee, sizeof bytes);
    mproc__start_number(&message, numbers, 2);
    assert_int_equal(bytes[MPROC__START_HEADER - 1], 0xee);
    assert_true(mproc__get_u64(bytes + MPROC__START_HEADER) == 5);
    assert_true(mproc__get_u64(bytes + MPROC__START_HEADER + 8) == 0x7fffffff);
}

/* -- The report -------------------------------------------------------------------------- */

static apr_status_t decode_report(mproc_values_t *values, const unsigned char *bytes, size_t size,
                                  mproc__report_t *report)
{
    apr_status_t rv;

    hush();
    memset(report, 0, sizeof *report);
    fill(values, bytes, size);
    rv = mproc__report_decode(report, values);
    if (rv != APR_SUCCESS) {
        assert_null(report->words);
        assert_string_not_equal(mproc_error_message(), "");
    }
    return rv;
}

static void check_report(mproc__outcome_t outcome, apr_status_t status, const char *words,
                         apr_pool_t *mem)
{
    mproc__buffer_t message = encode_report(outcome, status, words);
    mproc__report_t report;

    assert_success(decode_report(mproc_values_create(mem), message.bytes, message.size, &report));
    assert_int_equal(report.outcome, outcome);
    assert_int_equal(report.status, status);
    assert_string_equal(report.words, words);
    mproc__buffer_free(&message);
}

static void reports_arrive_whole(void **state)
{
    check_report(MPROC__RETURNED, APR_SUCCESS, "", *state);
    check_report(MPROC__RETURNED, MPROC_ETYPE, "value 1 is a string", *state);
    check_report(MPROC__EXITED, 0x7fffffff, "exit(3)", *state);
    check_report(MPROC__REFUSED, -1,
                 "Gr\xc3\xbc\xc3\x9f"
                 "e",
                 *state);
}

static void a_report_cut_anywhere_is_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_report(MPROC__RETURNED, 5, "words");
    mproc__report_t report;
    size_t size;

    for (size = 0; size < message.size; size++)
        assert_int_equal(decode_report(values, message.bytes, size, &report), MPROC_EPROTOCOL);
    mproc__buffer_free(&message);
}

static void a_report_with_any_byte_changed_is_read_or_refused(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t message = encode_report(MPROC__RETURNED, 5, "words");
    mproc__report_t report;
    size_t place;
    unsigned change;

    for (place = 0; place < message.size; place++)
        for (change = 1; change < 256; change++) {
            message.bytes[place] ^= (unsigned char)change;
            decode_report(values, message.bytes, message.size, &report);
            message.bytes[place] ^= (unsigned char)change;
        }
    mproc__buffer_free(&message);
}

static void more_than_a_report_is_refused(void **state)
{
    mproc__buffer_t message = encode_report(MPROC__RETURNED, 5, "words");
    mproc__report_t report;

    assert_success(mproc__buffer_append(&message, "8 bytes.", 8));
    assert_int_equal(
        decode_report(mproc_values_create(*state), message.bytes, message.size, &report),
        MPROC_EPROTOCOL);
    mproc__buffer_free(&message);
}

static void check_outcome(int outcome, apr_status_t expected, apr_pool_t *mem)
{
    mproc__buffer_t message = encode_report((mproc__outcome_t)outcome, 0, "");
    mproc__report_t report;

    assert_int_equal(decode_report(mproc_values_create(mem), message.bytes, message.size, &report),
                     expected);
    mproc__buffer_free(&message);
}

static void unknown_outcomes_are_refused(void **state)
{
    check_outcome(MPROC__RETURNED, APR_SUCCESS, *state);
    check_outcome(MPROC__REFUSED, APR_SUCCESS, *state);
    check_outcome(0, MPROC_EPROTOCOL, *state);
    check_outcome(4, MPROC_EPROTOCOL, *state);
    check_outcome(INT32_MAX, MPROC_EPROTOCOL, *state);
}

static void long_words_are_cut_and_fit_a_channel(void **state)
{
    char words[3 * MPROC__REPORT_MAX];
    mproc__buffer_t message;
    mproc__report_t report;

    memset(words, 'w', sizeof words);
    words[sizeof words - 1] = '\0';
    message = encode_report(MPROC__RETURNED, 5, words);
    assert_true(message.size <= FITS_A_CHANNEL);
    assert_success(
        decode_report(mproc_values_create(*state), message.bytes, message.size, &report));
    assert_int_equal(strlen(report.words), MPROC__REPORT_MAX - 1);
    assert_memory_equal(report.words, words, MPROC__REPORT_MAX - 1);
    mproc__buffer_free(&message);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_start_message_arrives_whole),
        claim(arguments_arrive_with_the_start_message),
        claim(no_arguments_arrive_as_none),
        claim(arguments_may_lie_as_deep_as_packs_may),
        claim(objects_arrive_with_the_handles_that_the_child_knows),
        claim(the_beginning_tells_how_much_follows),
        claim(a_start_message_cut_anywhere_is_refused),
        claim(a_start_message_with_objects_cut_anywhere_is_refused),
        claim(a_start_message_with_fewer_handles_than_objects_is_refused),
        claim(a_start_message_cut_with_care_is_refused),
        claim(a_start_message_with_any_byte_changed_is_read_or_refused),
        claim(more_than_a_start_message_is_refused),
        claim(another_magic_is_refused),
        claim(absurd_sizes_in_the_beginning_are_refused),
        claim(a_start_message_with_too_few_values_is_refused),
        claim(handles_are_numbered_in_their_places),
        claim(reports_arrive_whole),
        claim(a_report_cut_anywhere_is_refused),
        claim(a_report_with_any_byte_changed_is_read_or_refused),
        claim(more_than_a_report_is_refused),
        claim(unknown_outcomes_are_refused),
        claim(long_words_are_cut_and_fit_a_channel),
    };

    apr_initialize();
    register_stand_ins();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
