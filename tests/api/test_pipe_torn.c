/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that come late, in parts, not at all, or from somebody who does not
 * keep to the protocol.
 */

#include "claims.h"
#include "raw.h"
#include "system.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* A header says how many bytes follow. */
static const unsigned char ten_bytes[] = {0, 0, 0, 10, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'};

/* -- What the children do ------------------------------------------------------ */

/* Writes some of ten_bytes below the connection, and dies. */
static apr_status_t die_in_a_message(mproc_task_t *task)
{
    mproc_connection_t *line;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &line, &size));
    MPROC_TRY(write_raw(line, ten_bytes, size, mproc_task_mem(task)));
    _Exit(0);
}

/* Says "born", and sends a message that nobody can hold. */
static apr_status_t send_without_end(mproc_task_t *task)
{
    mproc_connection_t *line;
    char *bytes = calloc(1, 16 * MIB);

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    return mproc_connection_send_bytes(line, bytes, 16 * MIB, MPROC_FOREVER);
}

static const mproc_target_t targets[] = {MPROC_TARGET(die_in_a_message), MPROC_TARGET(send_without_end),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

typedef struct ends_t {
    mproc_connection_t *here, *there;
} ends_t;

static ends_t make_pipe(apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, MPROC_DUPLEX, mem));
    return ends;
}

/* -- Receiving in time -------------------------------------------------------------- */

static void receive_times_out_when_nothing_comes(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    apr_time_t start = apr_time_now();
    char buffer[8];
    size_t size = 4711;

    assert_status(mproc_connection_recv(pipe.here, values, A_MOMENT), APR_TIMEUP);
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, A_MOMENT), APR_TIMEUP);
    assert_true(apr_time_now() - start >= 2 * (A_MOMENT - apr_time_from_msec(5)));
    assert_status(mproc_connection_recv(pipe.here, values, 0), APR_TIMEUP);
    assert_status(mproc_connection_recv(pipe.here, values, -1), APR_TIMEUP);
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, INT64_MIN), APR_TIMEUP);
    assert_int_equal(size, 4711);
}

/* Whatever the place of the cut: in the header, behind it, or in the bytes. */
static void a_message_that_comes_in_parts_is_completed_by_the_next_call(void **state)
{
    ends_t pipe = make_pipe(*state);
    char buffer[10];
    size_t cut, size = 4711;

    for (cut = 1; cut < sizeof ten_bytes; cut++) {
        assert_success(write_raw(pipe.there, ten_bytes, cut, *state));
        assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, 0), APR_TIMEUP);
        assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, 0), APR_TIMEUP);
        assert_success(write_raw(pipe.there, ten_bytes + cut, sizeof ten_bytes - cut, *state));
        memset(buffer, 'x', sizeof buffer);
        assert_success(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, PATIENCE));
        assert_int_equal(size, 10);
        assert_memory_equal(buffer, "0123456789", 10);
    }
}

/* Begun by one receiving call and ended by the other, with the first part larger than what is read ahead. */
static void a_large_message_in_parts_is_completed_by_either_call(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    static unsigned char frame[4 + 24 + 40000], bytes[24 + 40000];
    mproc_bytes_t received;
    size_t size;
    int round;

    /* A pack of one value, 40,000 bytes: see values.h. */
    memcpy(frame, (const unsigned char[]){0, 0, 0x9C, 0x50, 1, 0, 0, 0, 0, 0, 0, 0, MPROC_TYPE_BYTES, 0x40, 0x9C}, 15);
    fill_pattern(frame + 20, 40000, 0);
    for (round = 0; round < 2; round++) {
        assert_success(write_raw(pipe.there, frame, 20000, *state));
        if (round == 0)
            assert_status(mproc_connection_recv_bytes(pipe.here, bytes, sizeof bytes, &size, 0), APR_TIMEUP);
        else
            assert_status(mproc_connection_recv(pipe.here, values, 0), APR_TIMEUP);
        assert_success(write_raw(pipe.there, frame + 20000, 4 + 16 + 40000 - 20000, *state));
        if (round == 0) {
            assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
            assert_success(MPROC_UNPACK(values, &received));
            assert_int_equal(count_pattern(received.data, received.size, 0), 40000);
        } else {
            assert_success(mproc_connection_recv_bytes(pipe.here, bytes, sizeof bytes, &size, PATIENCE));
            assert_int_equal(size, 16 + 40000);
            assert_int_equal(count_pattern(bytes + 16, 40000, 0), 40000);
        }
    }
}

/* What has come so far is found; its size stays known while the buffer is too small. */
static void a_message_that_has_begun_can_be_received_by_poll_and_size(void **state)
{
    ends_t pipe = make_pipe(*state);
    char buffer[10];
    size_t size;

    assert_success(write_raw(pipe.there, ten_bytes, 9, *state));
    assert_success(mproc_connection_poll(pipe.here, PATIENCE));
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, 0), APR_TIMEUP);
    assert_success(mproc_connection_poll(pipe.here, 0));
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, 5, &size, 0), MPROC_EMSGSIZE);
    assert_int_equal(size, 10);
    assert_success(write_raw(pipe.there, ten_bytes + 9, 5, *state));
    assert_string_equal(hear(pipe.here, *state), "0123456789");
}

/* -- The other end goes away ------------------------------------------------------------ */

static const char *heard_from_one_who_dies_after(size_t size, apr_pool_t *mem)
{
    ends_t pipe = make_pipe(mem);
    mproc_process_t *process;
    const char *heard;

    assert_success(mproc_process_start(&process, die_in_a_message, MPROC_PACK(pipe.there, size), NULL, mem));
    assert_success(mproc_connection_close(pipe.there));
    heard = hear(pipe.here, mem);
    if (size == sizeof ten_bytes)
        assert_string_equal(hear(pipe.here, mem), "(end)");
    else
        assert_string_equal(hear(pipe.here, mem), heard); /* and not otherwise the second time */
    assert_ended(process, 0);
    return heard;
}

static void death_between_messages_is_the_end(void **state)
{
    assert_string_equal(heard_from_one_who_dies_after(0, *state), "(end)");
    assert_string_equal(heard_from_one_who_dies_after(sizeof ten_bytes, *state), "0123456789");
}

static void death_in_a_message_is_told_from_the_end(void **state)
{
    assert_string_equal(heard_from_one_who_dies_after(1, *state), "(torn)");
    assert_string_equal(heard_from_one_who_dies_after(4, *state), "(torn)");
    assert_string_equal(heard_from_one_who_dies_after(sizeof ten_bytes - 1, *state), "(torn)");
}

static void a_sender_that_is_killed_in_a_message_tears_it(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, send_without_end, NULL, *state);
    assert_success(mproc_connection_poll(line, PATIENCE));
    assert_success(mproc_process_kill(process));
    assert_status(mproc_connection_recv(line, values, PATIENCE), MPROC_ETORN);
    assert_status(mproc_connection_recv(line, values, PATIENCE), MPROC_ETORN);
    assert_success(mproc_connection_poll(line, 0));
    assert_ended(process, -9);
}

/* -- Sending in time ------------------------------------------------------------------------- */

/* A message of 64 bytes with its header fits an exact number of times into any pipe. */
static void send_into_a_full_pipe_times_out_and_sends_nothing(void **state)
{
    ends_t pipe = make_pipe(*state);
    char bytes[60];
    unsigned sent = 0, received;
    size_t size;

    memset(bytes, 0, sizeof bytes);
    for (;; sent++) {
        apr_status_t rv;

        memcpy(bytes, &sent, sizeof sent);
        rv = mproc_connection_send_bytes(pipe.there, bytes, sizeof bytes, sent % 2 ? 0 : A_MOMENT);
        if (rv != APR_SUCCESS) {
            assert_status(rv, APR_TIMEUP);
            break;
        }
    }
    assert_true(sent > 4096 / 64);
    for (received = 0; received < sent; received++) {
        assert_success(mproc_connection_recv_bytes(pipe.here, bytes, sizeof bytes, &size, PATIENCE));
        assert_memory_equal(bytes, &received, sizeof received);
    }
    assert_status(mproc_connection_poll(pipe.here, 0), APR_TIMEUP);
    assert_success(say(pipe.there, "room again"));
    assert_string_equal(hear(pipe.here, *state), "room again");
}

static void a_message_that_is_cut_off_by_time_tears_the_connection(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    char *bytes = calloc(1, 16 * MIB);

    assert_status(mproc_connection_send_bytes(pipe.there, bytes, 16 * MIB, A_MOMENT), MPROC_ETORN);
    free(bytes);
    assert_status(say(pipe.there, "next"), MPROC_ETORN);
    assert_status(mproc_connection_send(pipe.there, MPROC_NO_ARGS, 0), MPROC_ETORN);
    assert_success(say(pipe.here, "the other way"));
    assert_string_equal(hear(pipe.there, *state), "the other way");
    assert_success(mproc_connection_close(pipe.there));
    assert_status(mproc_connection_recv(pipe.here, values, PATIENCE), MPROC_ETORN);
}

/* -- Hostile peers ------------------------------------------------------------------------------ */

static void an_absurd_size_is_refused_and_takes_no_memory(void **state)
{
    static const unsigned char headers[][12] = {
        {0x80},                                                    /* the smallest number */
        {0xFF, 0xFF, 0xFF, 0xFE},                                  /* -2 */
        {0xFF, 0xFF, 0xFF, 0xFF, 0x80},                            /* 2^63 */
        {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
    };
    mproc_values_t *values = mproc_values_create(*state);
    char buffer[8];
    size_t i, size = 4711, memory;

    for (i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        ends_t pipe = make_pipe(*state);

        assert_success(write_raw(pipe.there, headers[i], sizeof headers[i], *state));
        assert_status(mproc_connection_poll(pipe.here, PATIENCE), MPROC_EPROTOCOL);
        memory = count_taken_memory();
        assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, PATIENCE), MPROC_EPROTOCOL);
        assert_status(mproc_connection_recv(pipe.here, values, PATIENCE), MPROC_EPROTOCOL);
        assert_int_equal(size, 4711);
        assert_int_equal(count_taken_memory(), memory);
    }
}

/* 4 EiB, which nobody has; 1 TiB, which a system might promise; and 3 GiB, which it would give. */
static const unsigned char announcements[][12 + 10] = {
    {255, 255, 255, 255, 0x40, 0, 0, 0, 0, 0, 0, 0, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'},
    {255, 255, 255, 255, 0, 0, 1, 0, 0, 0, 0, 0, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'},
    {255, 255, 255, 255, 0, 0, 0, 0, 0xC0, 0, 0, 0, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'},
};

/* The 1 MiB that the first room has at most, and what the system and its allocator add to that. */
static void what_is_only_announced_takes_no_memory(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    size_t i;

    for (i = 0; i < sizeof announcements / sizeof announcements[0]; i++) {
        ends_t pipe = make_pipe(*state);
        size_t memory = count_taken_memory();

        assert_success(write_raw(pipe.there, announcements[i], sizeof announcements[i], *state));
        assert_status(mproc_connection_recv(pipe.here, values, A_MOMENT), APR_TIMEUP);
        assert_true(count_taken_memory() <= memory + MIB + MIB / 2);
        assert_success(mproc_connection_close(pipe.there));
        assert_status(mproc_connection_recv(pipe.here, values, PATIENCE), MPROC_ETORN);
        assert_true(count_taken_memory() <= memory + MIB + MIB / 2);
    }
}

/* Twice what has come, and what an allocator holds back while a block moves, whatever is said of the rest. */
static void memory_is_taken_as_a_message_arrives(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    ends_t pipe = make_pipe(*state);
    size_t sent, memory = count_taken_memory();
    static const char piece[4096];

    assert_success(write_raw(pipe.there, announcements[1], 12, *state));
    for (sent = sizeof piece; sent <= 4 * MIB; sent += sizeof piece) {
        assert_success(write_raw(pipe.there, piece, sizeof piece, *state));
        assert_status(mproc_connection_recv(pipe.here, values, 0), APR_TIMEUP);
        assert_true(count_taken_memory() <= memory + 4 * sent + 2 * MIB);
    }
}

static void a_huge_size_is_told_to_one_with_too_small_a_buffer(void **state)
{
    static const unsigned char header[] = {0xFF, 0xFF, 0xFF, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'};
    ends_t pipe = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    char buffer[8];
    size_t size;

    assert_success(write_raw(pipe.there, header, sizeof header, *state));
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, PATIENCE), MPROC_EMSGSIZE);
    assert_true(size == (size_t)1 << 62);
    assert_status(mproc_connection_recv(pipe.here, values, A_MOMENT), APR_TIMEUP);
    assert_success(mproc_connection_close(pipe.there));
    assert_status(mproc_connection_recv(pipe.here, values, PATIENCE), MPROC_ETORN);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(receive_times_out_when_nothing_comes),
        claim_leaving_nothing(a_message_that_comes_in_parts_is_completed_by_the_next_call),
        claim_leaving_nothing(a_large_message_in_parts_is_completed_by_either_call),
        claim_leaving_nothing(a_message_that_has_begun_can_be_received_by_poll_and_size),
        claim_leaving_nothing(death_between_messages_is_the_end),
        claim_leaving_nothing(death_in_a_message_is_told_from_the_end),
        claim_leaving_nothing(a_sender_that_is_killed_in_a_message_tears_it),
        claim_leaving_nothing(send_into_a_full_pipe_times_out_and_sends_nothing),
        claim_leaving_nothing(a_message_that_is_cut_off_by_time_tears_the_connection),
        claim_leaving_nothing(an_absurd_size_is_refused_and_takes_no_memory),
        claim_leaving_nothing(what_is_only_announced_takes_no_memory),
        claim_leaving_nothing(memory_is_taken_as_a_message_arrives),
        claim_leaving_nothing(a_huge_size_is_told_to_one_with_too_small_a_buffer),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
