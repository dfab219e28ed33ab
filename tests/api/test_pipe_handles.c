/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages with handles that come in parts, are cut off, or are sent by somebody
 * who does not keep to the protocol.
 */

#include "claims.h"
#include "raw.h"
#include "workers.h"

#include "frame.h"
#include "values.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

typedef struct ends_t {
    mproc_connection_t *here, *there;
} ends_t;

static ends_t make_pipe(apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, MPROC_DUPLEX, mem));
    return ends;
}

static void assert_talks(mproc_connection_t *here, mproc_connection_t *there, apr_pool_t *mem)
{
    assert_success(say(here, "forth"));
    assert_string_equal(hear(there, mem), "forth");
    assert_success(say(there, "back"));
    assert_string_equal(hear(here, mem), "back");
}

/* Whatever came before it, the next message is whole. */
static void assert_next_is_fine(ends_t *pipe, apr_pool_t *mem)
{
    assert_success(say(pipe->here, "next"));
    assert_string_equal(hear(pipe->there, mem), "next");
}

/* -- Below the connection ----------------------------------------------------------- */

/* So many copies of one end, announced as `announced`; the message is for the caller to send. */
static void send_handles(mproc_connection_t *through, mproc_connection_t *end, size_t count,
                         size_t announced, apr_pool_t *mem)
{
    unsigned char header[MPROC__FRAME_HANDLES];
    port_channel_t *channel = raw_channel(through, mem);
    port_handle_t handles[PORT_HANDLES_MAX], handle = port_channel_handle(raw_channel(end, mem));
    size_t sent, i;

    for (i = 0; i < count; i++)
        handles[i] = handle;
    mproc__frame_write_handles(header, announced);
    assert_success(port_channel_send_handles(channel, header, sizeof header, handles, count,
                                             port_clock() + PATIENCE, &sent));
    port_channel_commit_handles(channel);
}

/* A pack as bytes, without its handles. */
static mproc__buffer_t bytes_of(const mproc_pack_t *pack)
{
    mproc__buffer_t bytes = {NULL, 0, 0};
    mproc__handles_t handles = {.count = 0};

    assert_success(mproc__pack_encode(&bytes, &handles, pack));
    return bytes;
}

static void send_bytes_of(mproc_connection_t *through, const mproc_pack_t *pack)
{
    mproc__buffer_t bytes = bytes_of(pack);

    assert_success(mproc_connection_send_bytes(through, bytes.bytes, bytes.size, PATIENCE));
    mproc__buffer_free(&bytes);
}

/* Sends an end through the line, but not the message that it is for, and dies. */
static apr_status_t die_before_the_message(mproc_task_t *task)
{
    mproc_connection_t *line, *end;

    MPROC_TRY(MPROC_UNPACK(task, &line, &end));
    send_handles(line, end, 1, 1, mproc_task_mem(task));
    _Exit(0);
}

static const mproc_target_t targets[] = {MPROC_TARGET(die_before_the_message), MPROC_TARGETS_END};

/* -- Who does not keep to the protocol ------------------------------------------------- */

static void a_number_of_handles_that_cannot_be_is_refused(void **state)
{
    static const size_t numbers[] = {0, PORT_HANDLES_MAX + 1, UINT32_MAX};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ends_t pipe = make_pipe(*state);
        mproc_waitable_t what[] = {MPROC_WAITABLE(pipe.there)};
        mproc_values_t *values = mproc_values_create(*state);
        unsigned char header[MPROC__FRAME_HANDLES];
        size_t size = 4711;

        mproc__frame_write_handles(header, numbers[i]);
        assert_success(write_raw(pipe.here, header, sizeof header, *state));
        assert_success(mproc_wait(what, 1, PATIENCE));
        assert_refused(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_EPROTOCOL,
                       "handles");
        assert_status(mproc_connection_recv_bytes(pipe.there, NULL, 0, &size, 0), MPROC_EPROTOCOL);
        assert_status(mproc_connection_poll(pipe.there, 0), MPROC_EPROTOCOL);
        assert_success(mproc_wait(what, 1, 0));
        assert_int_equal(size, 4711);
        assert_success(mproc_connection_close(pipe.there));
    }
}

/* They have begun to arrive, and are no message yet: looking and waiting go on, and do not spin. */
static void handles_without_a_message_are_no_message(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(pipe.there)};
    mproc_values_t *values = mproc_values_create(*state);

    send_handles(pipe.here, other.there, 1, 1, *state);
    assert_success(mproc_connection_close(other.there));
    assert_status(mproc_connection_poll(pipe.there, A_MOMENT), APR_TIMEUP);
    assert_status(mproc_wait(what, 1, A_MOMENT), APR_TIMEUP);
    assert_status(mproc_connection_recv(pipe.there, values, 0), APR_TIMEUP);
    assert_status(mproc_connection_poll(other.here, 0), APR_TIMEUP);
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

static void death_between_handles_and_their_message_tears_it(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(pipe.there)};
    mproc_values_t *values = mproc_values_create(*state);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, die_before_the_message,
                                       MPROC_PACK(pipe.here, other.there), NULL, *state));
    assert_success(mproc_connection_close(pipe.here));
    assert_success(mproc_connection_close(other.there));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_wait(what, 1, PATIENCE));
    assert_status(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_ETORN);
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

static void handles_that_no_value_names_are_closed(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);

    send_handles(pipe.here, other.there, 5, 5, *state);
    assert_success(mproc_connection_close(other.there));
    assert_success(mproc_connection_send(pipe.here, MPROC_PACK("none"), PATIENCE));
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_int_equal(mproc_values_count(values), 1);
    assert_string_equal(hear(other.here, *state), "(end)");
    assert_next_is_fine(&pipe, *state);
}

static void a_value_whose_handle_is_not_announced_is_refused(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);

    send_bytes_of(pipe.here, MPROC_PACK(other.there));
    assert_refused(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_EPROTOCOL,
                   "did not come");
    assert_int_equal(mproc_values_count(values), 0);
    assert_next_is_fine(&pipe, *state);
}

/* A note of zeros, where there is one, names no process that runs. */
static void handles_that_are_announced_and_do_not_come_are_a_status(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    unsigned char frame[64] = {0};
    apr_status_t rv;

    mproc__frame_write_handles(frame, 1);
    assert_success(write_raw(pipe.here, frame, MPROC__FRAME_HANDLES + port_note_size(1), *state));
    send_bytes_of(pipe.here, MPROC_PACK(other.there));
    rv = mproc_connection_recv(pipe.there, values, PATIENCE);
    assert_status(rv, port_note_size(1) == 0 ? MPROC_EPROTOCOL : MPROC_EDIED);
    assert_next_is_fine(&pipe, *state);
}

/* One that goes in directions that there are not. */
static void what_is_no_connection_is_refused_and_closed(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t bytes = bytes_of(MPROC_PACK(other.there));

    /* Behind the pack's count and the value's header: 32 bits of handles, 32 of directions. */
    memset(bytes.bytes + 20, 0xff, 4);
    send_handles(pipe.here, other.there, 1, 1, *state);
    assert_success(mproc_connection_close(other.there));
    assert_success(mproc_connection_send_bytes(pipe.here, bytes.bytes, bytes.size, PATIENCE));
    mproc__buffer_free(&bytes);
    assert_refused(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_EPROTOCOL,
                   "cannot be one");
    assert_string_equal(hear(other.here, *state), "(end)");
    assert_next_is_fine(&pipe, *state);
}

/* It is not left open in the memory of the values, which may live long. */
static void a_message_that_is_refused_half_way_leaves_no_connection(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    mproc__buffer_t bytes = bytes_of(MPROC_PACK(other.there, 42));

    bytes.bytes[bytes.size - 16] = 0xee; /* the type of the last value */
    send_handles(pipe.here, other.there, 1, 1, *state);
    assert_success(mproc_connection_close(other.there));
    assert_success(mproc_connection_send_bytes(pipe.here, bytes.bytes, bytes.size, PATIENCE));
    mproc__buffer_free(&bytes);
    assert_refused(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_EPROTOCOL, "type");
    assert_string_equal(hear(other.here, *state), "(end)");
    assert_next_is_fine(&pipe, *state);
}

/* -- In parts -------------------------------------------------------------------------- */

/* What a message is on the wire; where the bytes do not carry its handle, that was taken. */
typedef struct wire_t {
    unsigned char bytes[512];
    size_t size;
    port_handle_t handle;
} wire_t;

/* As the connection on the other side would read it. */
static void record(wire_t *wire, const mproc_pack_t *pack, apr_pool_t *mem)
{
    ends_t pipe = make_pipe(mem);
    port_channel_t *channel = raw_channel(pipe.there, mem);
    size_t received;

    assert_success(mproc_connection_send(pipe.here, pack, PATIENCE));
    wire->size = 0;
    wire->handle = PORT_NO_HANDLE;
    while (port_channel_read(channel, wire->bytes + wire->size, sizeof wire->bytes - wire->size,
                             PORT_NOW, &received) == APR_SUCCESS)
        wire->size += received;
    if (port_note_size(1) == 0)
        assert_success(port_channel_take_handles(channel, NULL, 1, &wire->handle));
    port_channel_drop_handles(channel);
}

/* The bytes from one place to another; the handle goes with the first of all. */
static void play(const wire_t *wire, size_t from, size_t to, mproc_connection_t *through,
                 apr_pool_t *mem)
{
    size_t sent;

    if (from == 0 && wire->handle != PORT_NO_HANDLE) {
        assert_success(port_channel_send_handles(raw_channel(through, mem), wire->bytes, 1,
                                                 &wire->handle, 1, port_clock() + PATIENCE, &sent));
        port_handle_close(wire->handle);
        from = 1;
    }
    assert_success(write_raw(through, wire->bytes + from, to - from, mem));
}

static void check_cut(size_t cut, const wire_t *wire, ends_t *other, apr_pool_t *mem)
{
    ends_t pipe = make_pipe(mem);
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *received;
    int number;

    play(wire, 0, cut, pipe.here, mem);
    assert_status(mproc_connection_recv(pipe.there, values, 0), APR_TIMEUP);
    assert_status(mproc_connection_recv(pipe.there, values, 0), APR_TIMEUP);
    play(wire, cut, wire->size, pipe.here, mem);
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &number, &received));
    assert_int_equal(number, (int)cut);
    assert_talks(other->here, received, mem);
}

/* In the frame, in its note, behind it, in the header, or in the bytes. */
static void a_message_with_a_handle_may_be_cut_anywhere(void **state)
{
    size_t cut = 1, size;

    do {
        apr_pool_t *mem;
        ends_t other;
        wire_t wire;

        assert_success(apr_pool_create(&mem, *state));
        other = make_pipe(mem);
        record(&wire, MPROC_PACK((int)cut, other.there), mem);
        size = wire.size;
        assert_success(mproc_connection_close(other.there));
        check_cut(cut, &wire, &other, mem);
        apr_pool_destroy(mem);
    } while (++cut < size);
    assert_true(cut >= MPROC__FRAME_HANDLES + MPROC__FRAME_SHORT + 5 * 8);
}

/* An end in the middle of one is not given away, and closing it closes what has come. */
static void in_the_middle_of_a_message_handles_are_the_connections(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state), line = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    wire_t wire;

    record(&wire, MPROC_PACK(other.there), *state);
    assert_success(mproc_connection_close(other.there));
    play(&wire, 0, wire.size - 1, pipe.here, *state);
    assert_status(mproc_connection_recv(pipe.there, values, 0), APR_TIMEUP);
    assert_refused(mproc_connection_send(line.here, MPROC_PACK(pipe.there), PATIENCE), MPROC_EINUSE,
                   "middle");
    assert_status(mproc_connection_poll(other.here, A_MOMENT), APR_TIMEUP);
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

/* -- Out of time ------------------------------------------------------------------------- */

static void fill_pipe(mproc_connection_t *connection, apr_pool_t *mem)
{
    static const char nothing[4096];
    port_channel_t *channel = raw_channel(connection, mem);
    size_t size, sent;

    for (size = sizeof nothing; size > 0; size /= 64)
        while (port_channel_write(channel, nothing, size, PORT_NOW, &sent) == APR_SUCCESS)
            continue;
}

static void without_room_in_time_nothing_is_sent(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);

    fill_pipe(pipe.here, *state);
    assert_refused(mproc_connection_send(pipe.here, MPROC_PACK(other.there), A_MOMENT), APR_TIMEUP,
                   "no room");
    assert_refused(mproc_connection_send(pipe.here, MPROC_PACK(other.there), 0), APR_TIMEUP,
                   "no room");
    assert_success(mproc_connection_close(other.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

#define MUCH ((size_t)4 << 20)

static void a_message_that_is_cut_off_by_time_brings_nothing(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    void *bytes = apr_pcalloc(*state, MUCH);

    assert_status(mproc_connection_send(
                      pipe.here, MPROC_PACK(other.there, MPROC_BYTES(bytes, MUCH)), A_MOMENT),
                  MPROC_ETORN);
    assert_status(mproc_connection_send(pipe.here, MPROC_PACK(other.there), PATIENCE), MPROC_ETORN);
    assert_success(mproc_connection_close(pipe.here));
    assert_success(mproc_connection_close(other.there));
    assert_status(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_ETORN);
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_number_of_handles_that_cannot_be_is_refused),
        claim_leaving_nothing(handles_without_a_message_are_no_message),
        claim_leaving_nothing(death_between_handles_and_their_message_tears_it),
        claim_leaving_nothing(handles_that_no_value_names_are_closed),
        claim_leaving_nothing(a_value_whose_handle_is_not_announced_is_refused),
        claim_leaving_nothing(handles_that_are_announced_and_do_not_come_are_a_status),
        claim_leaving_nothing(what_is_no_connection_is_refused_and_closed),
        claim_leaving_nothing(a_message_that_is_refused_half_way_leaves_no_connection),
        claim_leaving_nothing(a_message_with_a_handle_may_be_cut_anywhere),
        claim_leaving_nothing(in_the_middle_of_a_message_handles_are_the_connections),
        claim_leaving_nothing(without_room_in_time_nothing_is_sent),
        claim_leaving_nothing(a_message_that_is_cut_off_by_time_brings_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
