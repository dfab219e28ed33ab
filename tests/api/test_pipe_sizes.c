/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages of every size, and many of them, between two processes.
 */

#include "claims.h"
#include "raw.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* -- What the children do ------------------------------------------------------ */

/* Receive into a buffer that grows to the message. */
static apr_status_t receive_whole(mproc_connection_t *line, unsigned char **buffer, size_t *capacity, size_t *size)
{
    apr_status_t rv = mproc_connection_recv_bytes(line, *buffer, *capacity, size, MPROC_FOREVER);

    if (rv != MPROC_EMSGSIZE)
        return rv;
    free(*buffer);
    *buffer = malloc(*size);
    *capacity = *buffer != NULL ? *size : 0;
    return mproc_connection_recv_bytes(line, *buffer, *capacity, size, MPROC_FOREVER);
}

/* Sends every message back, until the other end is closed. */
static apr_status_t send_back_bytes(mproc_task_t *task)
{
    mproc_connection_t *line;
    unsigned char *buffer = NULL;
    size_t capacity = 0, size;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    do {
        rv = receive_whole(line, &buffer, &capacity, &size);
        if (rv == APR_SUCCESS)
            rv = mproc_connection_send_bytes(line, buffer, size, MPROC_FOREVER);
    } while (rv == APR_SUCCESS);
    free(buffer);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

/* The same with values: bytes, and their size as a number. */
static apr_status_t send_back_values(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    mproc_bytes_t bytes;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    while ((rv = mproc_connection_recv(line, values, MPROC_FOREVER)) == APR_SUCCESS) {
        MPROC_TRY(MPROC_UNPACK(values, &bytes));
        MPROC_TRY(mproc_connection_send(line, MPROC_PACK(bytes.size, MPROC_BYTES(bytes.data, bytes.size)),
                                        MPROC_FOREVER));
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

static size_t size_of_message(unsigned number)
{
    return number * 37 % 5000;
}

/* Sends numbered messages of many sizes, as fast as they go. */
static apr_status_t send_many(mproc_task_t *task)
{
    unsigned char bytes[sizeof(unsigned) + 5000];
    mproc_connection_t *line;
    unsigned count, number;

    MPROC_TRY(MPROC_UNPACK(task, &line, &count));
    for (number = 0; number < count; number++) {
        memcpy(bytes, &number, sizeof number);
        fill_pattern(bytes + sizeof number, size_of_message(number), number);
        MPROC_TRY(mproc_connection_send_bytes(line, bytes, sizeof number + size_of_message(number), MPROC_FOREVER));
    }
    return APR_SUCCESS;
}

/* Sends one message of a size, and ends. */
static apr_status_t send_one(mproc_task_t *task)
{
    mproc_connection_t *line;
    unsigned char *bytes;
    size_t size;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line, &size));
    bytes = malloc(size);
    if (bytes == NULL)
        return mproc_error_set(APR_ENOMEM, "no memory for the message");
    fill_pattern(bytes, size, 0);
    rv = mproc_connection_send_bytes(line, bytes, size, MPROC_FOREVER);
    free(bytes);
    return rv;
}

static const mproc_target_t targets[] = {MPROC_TARGET(send_back_bytes), MPROC_TARGET(send_back_values),
                                         MPROC_TARGET(send_many), MPROC_TARGET(send_one),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- There and back -------------------------------------------------------------------- */

/* Each buffer is exactly as large as its message, so that a sanitizer sees what goes beyond. */
static void bytes_go_there_and_back(mproc_connection_t *line, size_t size)
{
    unsigned char *sent = malloc(size + !size), *back = malloc(size + !size);
    size_t back_size = 4711;

    fill_pattern(sent, size, size);
    assert_success(mproc_connection_send_bytes(line, sent, size, MPROC_FOREVER));
    memset(back, 0xAA, size);
    assert_success(mproc_connection_recv_bytes(line, back, size, &back_size, MPROC_FOREVER));
    assert_int_equal(back_size, size);
    assert_int_equal(count_pattern(back, size, size), size);
    free(sent);
    free(back);
}

static void values_go_there_and_back(mproc_connection_t *line, mproc_values_t *values, size_t size)
{
    unsigned char *sent = malloc(size + !size);
    mproc_bytes_t back;
    size_t back_size;

    fill_pattern(sent, size, size);
    assert_success(mproc_connection_send(line, MPROC_PACK(MPROC_BYTES(sent, size)), MPROC_FOREVER));
    free(sent);
    assert_success(mproc_connection_recv(line, values, MPROC_FOREVER));
    assert_success(MPROC_UNPACK(values, &back_size, &back));
    assert_int_equal(back_size, size);
    assert_int_equal(back.size, size);
    assert_int_equal(count_pattern(back.data, size, size), size);
}

/* Around a header, a page, what is sent in one piece, and what a pipe holds. */
static const size_t sizes[] = {0,     1,     2,     63,    64,    65,     4091,   4092,   4093,   4095,  4096, 4097,
                               16383, 16384, 16385, 65535, 65536, 131067, 131072, 131073, 212992, 1 << 20, 12345677};

static void bytes_of_every_size_arrive_unchanged(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    size_t i;

    start_born(&process, &line, send_back_bytes, NULL, *state);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        bytes_go_there_and_back(line, sizes[i]);
    assert_success(mproc_connection_close(line));
    assert_ended(process, 0);
}

static void values_of_every_size_arrive_unchanged(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_process_t *process;
    mproc_connection_t *line;
    size_t i;

    start_born(&process, &line, send_back_values, NULL, *state);
    for (i = sizeof sizes / sizeof sizes[0]; i-- > 0;)
        values_go_there_and_back(line, values, sizes[i]);
    assert_success(mproc_connection_close(line));
    assert_ended(process, 0);
}

static void a_huge_message_arrives_unchanged(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, send_back_bytes, NULL, *state);
    bytes_go_there_and_back(line, 64 * MIB * (size_t)(test_scale() < 16 ? test_scale() : 16));
    assert_success(mproc_connection_close(line));
    assert_ended(process, 0);
}

/* -- Beyond what an int32 can count ------------------------------------------------------- */

#define GIB ((size_t)1 << 30)

static void one_message_of_a_child_arrives_unchanged(size_t size, apr_pool_t *mem)
{
    unsigned char *bytes = malloc(size);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    size_t arrived = 0;

    assert_non_null(bytes);
    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    assert_success(mproc_process_start(&process, send_one, MPROC_PACK(there, size), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_recv_bytes(here, bytes, size, &arrived, MPROC_FOREVER));
    assert_true(arrived == size);
    assert_true(count_pattern(bytes, size, 0) == size);
    assert_string_equal(hear(here, mem), "(end)");
    assert_ended(process, 0);
    free(bytes);
}

/* The last size with a short header, the first with a long one, and 3 GiB; at less than full scale, a fraction. */
static void messages_of_gibibytes_arrive_unchanged(void **state)
{
    size_t fraction = test_scale() < 20 ? 128 : 1;

    one_message_of_a_child_arrives_unchanged(2 * GIB / fraction - 1, *state);
    one_message_of_a_child_arrives_unchanged(2 * GIB / fraction, *state);
    one_message_of_a_child_arrives_unchanged(3 * GIB / fraction, *state);
}

/* The first bytes of it go, and with them the long header. */
static void a_size_beyond_the_short_header_is_sent_and_read(void **state)
{
    mproc_connection_t *here, *there;
    void *bytes = calloc(3, GIB);
    size_t size = 4711;

    assert_non_null(bytes);
    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_status(mproc_connection_send_bytes(there, bytes, 3 * GIB, A_MOMENT), MPROC_ETORN);
    free(bytes);
    assert_refused(mproc_connection_recv_bytes(here, NULL, 0, &size, PATIENCE), MPROC_EMSGSIZE, "3221225472 bytes");
    assert_true(size == 3 * GIB);
}

/* As Python reads it too. */
static void a_long_header_may_announce_a_small_size(void **state)
{
    static const unsigned char frame[] = {255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 5, 's', 'm', 'a', 'l', 'l'};
    mproc_connection_t *here, *there;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(write_raw(there, frame, sizeof frame, *state));
    assert_success(say(there, "next"));
    assert_string_equal(hear(here, *state), "small");
    assert_string_equal(hear(here, *state), "next");
}

/* -- Many ---------------------------------------------------------------------------------- */

static void many_messages_arrive_whole_and_in_order(void **state)
{
    unsigned char bytes[sizeof(unsigned) + 5000];
    unsigned count = 5000u * (unsigned)test_scale(), number, found;
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    size_t size;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(mproc_process_start(&process, send_many, MPROC_PACK(there, count), NULL, *state));
    assert_success(mproc_connection_close(there));
    for (number = 0; number < count; number++) {
        assert_success(mproc_connection_recv_bytes(here, bytes, sizeof bytes, &size, PATIENCE));
        memcpy(&found, bytes, sizeof found);
        assert_int_equal(found, number);
        assert_int_equal(size, sizeof number + size_of_message(number));
        assert_int_equal(count_pattern(bytes + sizeof number, size_of_message(number), number), size_of_message(number));
    }
    assert_string_equal(hear(here, *state), "(end)");
    assert_ended(process, 0);
}

static void what_was_sent_arrives_after_the_sender_has_ended(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    unsigned char bytes[sizeof(unsigned) + 5000];
    size_t size;
    int i;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(status_of(&process, send_many, MPROC_PACK(there, 12), NULL, *state));
    assert_success(mproc_connection_close(there));
    for (i = 0; i < 12; i++)
        assert_success(mproc_connection_recv_bytes(here, bytes, sizeof bytes, &size, PATIENCE));
    assert_string_equal(hear(here, *state), "(end)");
}

/* -- Too small a buffer -------------------------------------------------------------------------- */

static void too_small_a_buffer_leaves_the_message_and_tells_its_size(void **state)
{
    mproc_connection_t *here, *there;
    char buffer[11] = "unchanged.";
    size_t size = 4711;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(say(there, "0123456789"));
    assert_success(say(there, "next"));
    assert_refused(mproc_connection_recv_bytes(here, buffer, 9, &size, PATIENCE), MPROC_EMSGSIZE, "10 bytes");
    assert_int_equal(size, 10);
    assert_string_equal(buffer, "unchanged.");
    assert_status(mproc_connection_recv_bytes(here, NULL, 0, &size, 0), MPROC_EMSGSIZE);
    assert_success(mproc_connection_recv_bytes(here, buffer, 10, &size, PATIENCE));
    assert_string_equal(buffer, "0123456789");
    assert_string_equal(hear(here, *state), "next");
}

static void a_message_without_bytes_needs_no_buffer(void **state)
{
    mproc_connection_t *here, *there;
    size_t size = 4711;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(mproc_connection_send_bytes(there, NULL, 0, PATIENCE));
    assert_success(mproc_connection_recv_bytes(here, NULL, 0, &size, PATIENCE));
    assert_int_equal(size, 0);
}

/* -- Behind an offset ------------------------------------------------------------------------------ */

static void messages_are_put_one_behind_the_other(void **state)
{
    mproc_connection_t *here, *there;
    char buffer[] = "..........";
    size_t size = 4711;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(say(there, "one"));
    assert_success(say(there, "four"));
    assert_success(say(there, ""));
    assert_success(mproc_connection_recv_bytes_into(here, buffer, 10, 1, &size, PATIENCE));
    assert_int_equal(size, 3);
    assert_string_equal(buffer, ".one......");
    assert_success(mproc_connection_recv_bytes_into(here, buffer, 10, 6, &size, PATIENCE));
    assert_int_equal(size, 4);
    assert_string_equal(buffer, ".one..four");
    assert_success(mproc_connection_recv_bytes_into(here, buffer, 10, 10, &size, PATIENCE));
    assert_int_equal(size, 0);
    assert_string_equal(buffer, ".one..four");
}

static void what_does_not_fit_behind_the_offset_stays(void **state)
{
    mproc_connection_t *here, *there;
    char buffer[] = "unchanged.";
    size_t size = 4711;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(say(there, "12345"));
    assert_refused(mproc_connection_recv_bytes_into(here, buffer, 10, 6, &size, PATIENCE), MPROC_EMSGSIZE,
                   "5 bytes, and the buffer has room for 4");
    assert_int_equal(size, 5);
    assert_status(mproc_connection_recv_bytes_into(here, buffer, 10, 10, &size, 0), MPROC_EMSGSIZE);
    assert_status(mproc_connection_recv_bytes_into(here, NULL, 0, 0, &size, 0), MPROC_EMSGSIZE);
    assert_string_equal(buffer, "unchanged.");
    assert_success(mproc_connection_recv_bytes_into(here, buffer, 10, 5, &size, 0));
    assert_string_equal(buffer, "uncha12345");
}

static void an_offset_behind_the_buffer_is_refused(void **state)
{
    mproc_connection_t *here, *there;
    char buffer[10];
    size_t size = 4711;

    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_success(say(there, "word"));
    assert_refused(mproc_connection_recv_bytes_into(here, buffer, 10, 11, &size, 0), APR_EINVAL,
                   "offset 11 lies behind the buffer, which has 10 bytes");
    assert_status(mproc_connection_recv_bytes_into(here, buffer, 10, SIZE_MAX, &size, 0), APR_EINVAL);
    assert_refused(mproc_connection_recv_bytes_into(here, NULL, 10, 10, &size, 0), APR_EINVAL, "buffer is NULL");
    assert_status(mproc_connection_recv_bytes_into(here, buffer, 10, 0, NULL, 0), APR_EINVAL);
    assert_int_equal(size, 4711);
    assert_string_equal(hear(here, *state), "word");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(bytes_of_every_size_arrive_unchanged),
        claim_leaving_nothing(values_of_every_size_arrive_unchanged),
        claim_leaving_nothing(a_huge_message_arrives_unchanged),
        claim_leaving_nothing(messages_of_gibibytes_arrive_unchanged),
        claim_leaving_nothing(a_size_beyond_the_short_header_is_sent_and_read),
        claim_leaving_nothing(a_long_header_may_announce_a_small_size),
        claim_leaving_nothing(many_messages_arrive_whole_and_in_order),
        claim_leaving_nothing(what_was_sent_arrives_after_the_sender_has_ended),
        claim_leaving_nothing(too_small_a_buffer_leaves_the_message_and_tells_its_size),
        claim_leaving_nothing(a_message_without_bytes_needs_no_buffer),
        claim_leaving_nothing(messages_are_put_one_behind_the_other),
        claim_leaving_nothing(what_does_not_fit_behind_the_offset_stays),
        claim_leaving_nothing(an_offset_behind_the_buffer_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
