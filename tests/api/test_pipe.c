/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pipes, as far as one process can see: directions, values, looking before
 * receiving, ends, and misuse.
 */

#include "claims.h"
#include "workers.h"

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

typedef struct ends_t {
    mproc_connection_t *here, *there;
} ends_t;

static ends_t make_pipe(mproc_duplex_t duplex, apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, duplex, mem));
    return ends;
}

/* -- Directions ------------------------------------------------------------------ */

static void a_duplex_pipe_goes_both_ways(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);

    assert_int_equal(mproc_connection_readable(pipe.here), 1);
    assert_int_equal(mproc_connection_writable(pipe.here), 1);
    assert_int_equal(mproc_connection_readable(pipe.there), 1);
    assert_int_equal(mproc_connection_writable(pipe.there), 1);
    assert_success(say(pipe.here, "to"));
    assert_success(say(pipe.there, "fro"));
    assert_string_equal(hear(pipe.there, *state), "to");
    assert_string_equal(hear(pipe.here, *state), "fro");
}

static void of_a_one_way_pipe_the_first_end_reads(void **state)
{
    ends_t pipe = make_pipe(MPROC_ONE_WAY, *state);

    assert_int_equal(mproc_connection_readable(pipe.here), 1);
    assert_int_equal(mproc_connection_writable(pipe.here), 0);
    assert_int_equal(mproc_connection_readable(pipe.there), 0);
    assert_int_equal(mproc_connection_writable(pipe.there), 1);
    assert_success(say(pipe.there, "onward"));
    assert_string_equal(hear(pipe.here, *state), "onward");
}

static void the_wrong_direction_is_refused(void **state)
{
    ends_t pipe = make_pipe(MPROC_ONE_WAY, *state);
    mproc_values_t *values = mproc_values_create(*state);
    char buffer[8];
    size_t size;

    assert_status(mproc_connection_send(pipe.here, MPROC_NO_ARGS, 0), MPROC_EDIRECTION);
    assert_status(mproc_connection_send_bytes(pipe.here, "x", 1, 0), MPROC_EDIRECTION);
    assert_status(mproc_connection_recv(pipe.there, values, 0), MPROC_EDIRECTION);
    assert_status(mproc_connection_recv_bytes(pipe.there, buffer, sizeof buffer, &size, 0), MPROC_EDIRECTION);
    assert_status(mproc_connection_poll(pipe.there, 0), MPROC_EDIRECTION);
}

/* -- Values -------------------------------------------------------------------------- */

static void values_of_all_types_arrive(void **state)
{
    ends_t pipe = make_pipe(MPROC_ONE_WAY, *state);
    mproc_values_t *values = mproc_values_create(*state), *inner;
    const char *string;
    mproc_bytes_t bytes;
    signed char small;
    unsigned long long large;
    float real;
    _Bool yes;

    assert_success(mproc_connection_send(pipe.there, MPROC_PACK("text", MPROC_BYTES("a\0b", 3), (signed char)-128, UINT64_MAX,
                                                                1.5f, MPROC_BOOL(1), MPROC_PACK(MPROC_NONE)), PATIENCE));
    assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &string, &bytes, &small, &large, &real, &yes, &inner));
    assert_string_equal(string, "text");
    assert_int_equal(bytes.size, 3);
    assert_memory_equal(bytes.data, "a\0b", 3);
    assert_true(small == -128 && large == UINT64_MAX && real == 1.5f && yes);
    assert_int_equal(mproc_values_count(inner), 1);
    assert_true(mproc_values_is_none(inner, 0));
}

static void an_empty_pack_is_a_message(void **state)
{
    ends_t pipe = make_pipe(MPROC_ONE_WAY, *state);
    mproc_values_t *values = mproc_values_create(*state);

    assert_success(mproc_connection_send(pipe.there, MPROC_PACK(1, 2), PATIENCE));
    assert_success(mproc_connection_send(pipe.there, MPROC_NO_ARGS, PATIENCE));
    assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
    assert_int_equal(mproc_values_count(values), 2);
    assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
    assert_int_equal(mproc_values_count(values), 0);
}

static void values_stay_as_they_were_when_nothing_is_received(void **state)
{
    ends_t pipe = make_pipe(MPROC_ONE_WAY, *state);
    mproc_values_t *values = mproc_values_create(*state);
    const char *word;

    assert_success(mproc_connection_send(pipe.there, MPROC_PACK("kept"), PATIENCE));
    assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &word));
    assert_status(mproc_connection_recv(pipe.here, values, 0), APR_TIMEUP);
    assert_success(mproc_connection_close(pipe.there));
    assert_status(mproc_connection_recv(pipe.here, values, PATIENCE), APR_EOF);
    assert_string_equal(word, "kept");
    assert_success(MPROC_UNPACK(values, &word));
}

static void what_is_not_packed_values_is_refused_and_the_next_message_comes(void **state)
{
    static const char *const junk[] = {"", "odd", "12345678", "\xff\xff\xff\xff\xff\xff\xff\xff 1234567"};
    ends_t pipe = make_pipe(MPROC_ONE_WAY, *state);
    mproc_values_t *values = mproc_values_create(*state);
    size_t i;

    for (i = 0; i < sizeof junk / sizeof junk[0]; i++) {
        assert_success(say(pipe.there, junk[i]));
        assert_success(mproc_connection_send(pipe.there, MPROC_PACK(7), PATIENCE));
        assert_status(mproc_connection_recv(pipe.here, values, PATIENCE), MPROC_EPROTOCOL);
        assert_int_equal(mproc_values_count(values), 0);
        assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
        assert_int_equal(mproc_values_count(values), 1);
    }
}

/* -- Looking ----------------------------------------------------------------------------- */

static void poll_finds_nothing_in_an_empty_pipe(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);
    apr_time_t start = apr_time_now();

    assert_status(mproc_connection_poll(pipe.here, 0), APR_TIMEUP);
    assert_status(mproc_connection_poll(pipe.here, -1), APR_TIMEUP);
    assert_status(mproc_connection_poll(pipe.here, A_MOMENT), APR_TIMEUP);
    assert_true(apr_time_now() - start >= A_MOMENT - apr_time_from_msec(5));
}

static void poll_takes_nothing_away(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);
    int i;

    assert_success(say(pipe.there, "one"));
    for (i = 0; i < 3; i++)
        assert_success(mproc_connection_poll(pipe.here, PATIENCE));
    assert_string_equal(hear(pipe.here, *state), "one");
    assert_status(mproc_connection_poll(pipe.here, 0), APR_TIMEUP);
}

static void poll_sees_a_message_that_another_receive_read_ahead(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);

    assert_success(say(pipe.there, "one"));
    assert_success(say(pipe.there, "two"));
    assert_string_equal(hear(pipe.here, *state), "one");
    assert_success(mproc_connection_poll(pipe.here, 0));
    assert_string_equal(hear(pipe.here, *state), "two");
}

static void poll_sees_a_message_without_bytes(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);

    assert_success(mproc_connection_send_bytes(pipe.there, NULL, 0, PATIENCE));
    assert_success(mproc_connection_poll(pipe.here, PATIENCE));
    assert_string_equal(hear(pipe.here, *state), "");
    assert_status(mproc_connection_poll(pipe.here, 0), APR_TIMEUP);
}

static void poll_sees_the_end_again_and_again(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);

    assert_success(mproc_connection_close(pipe.there));
    assert_success(mproc_connection_poll(pipe.here, PATIENCE));
    assert_success(mproc_connection_poll(pipe.here, 0));
    assert_string_equal(hear(pipe.here, *state), "(end)");
    assert_success(mproc_connection_poll(pipe.here, 0));
}

/* -- The end -------------------------------------------------------------------------------- */

static void all_messages_are_received_before_the_end(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);

    assert_success(say(pipe.there, "one"));
    assert_success(say(pipe.there, "two"));
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(pipe.here, *state), "one");
    assert_string_equal(hear(pipe.here, *state), "two");
    assert_string_equal(hear(pipe.here, *state), "(end)");
    assert_string_equal(hear(pipe.here, *state), "(end)");
}

/* A signal would have ended this program. */
static void sending_to_a_closed_end_is_a_status(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state), one_way = make_pipe(MPROC_ONE_WAY, *state);
    static const char large[65536];

    assert_success(mproc_connection_close(pipe.there));
    assert_refused(say(pipe.here, "anybody?"), APR_EPIPE, "closed");
    assert_status(mproc_connection_send(pipe.here, MPROC_PACK(1), MPROC_FOREVER), APR_EPIPE);
    assert_status(mproc_connection_send_bytes(pipe.here, large, sizeof large, MPROC_FOREVER), APR_EPIPE);
    assert_success(mproc_connection_close(one_way.here));
    assert_status(say(one_way.there, "anybody?"), APR_EPIPE);
}

/* Both ends live in the memory that mproc_pipe() got: a child holds one of them on. */
static void destroying_its_memory_closes_an_end(void **state)
{
    ends_t pipe;
    mproc_process_t *process;
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    pipe = make_pipe(MPROC_DUPLEX, mem);
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(pipe.there), NULL, *state));
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(pipe.here, mem), "born");
    apr_pool_destroy(mem);
    assert_ended(process, 0); /* it has seen the end */
}

/* -- Bad arguments ----------------------------------------------------------------------------- */

static void null_arguments_are_refused(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state), none = {NULL, NULL};
    char buffer[8];
    size_t size;

    assert_status(mproc_pipe(NULL, &none.there, MPROC_DUPLEX, *state), APR_EINVAL);
    assert_status(mproc_pipe(&none.here, NULL, MPROC_DUPLEX, *state), APR_EINVAL);
    assert_status(mproc_pipe(&none.here, &none.there, MPROC_DUPLEX, NULL), APR_EINVAL);
    assert_status(mproc_pipe(&none.here, &none.there, (mproc_duplex_t)7, *state), APR_EINVAL);
    assert_true(none.here == NULL && none.there == NULL);
    assert_status(mproc_connection_send_bytes(pipe.here, NULL, 1, 0), APR_EINVAL);
    assert_status(mproc_connection_recv(pipe.here, NULL, 0), APR_EINVAL);
    assert_status(mproc_connection_recv_bytes(pipe.here, NULL, 1, &size, 0), APR_EINVAL);
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, NULL, 0), APR_EINVAL);
    assert_status(mproc_connection_send(pipe.here, MPROC_PACK((const char *)NULL), 0), APR_EINVAL);
    assert_status(mproc_connection_send(pipe.here, MPROC_PACK((mproc_connection_t *)NULL), 0), APR_EINVAL);
}

static void null_is_no_connection(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    char buffer[8];
    size_t size;

    assert_status(mproc_connection_send(NULL, MPROC_NO_ARGS, 0), APR_EINVAL);
    assert_status(mproc_connection_send_bytes(NULL, "x", 1, 0), APR_EINVAL);
    assert_status(mproc_connection_recv(NULL, values, 0), APR_EINVAL);
    assert_status(mproc_connection_recv_bytes(NULL, buffer, sizeof buffer, &size, 0), APR_EINVAL);
    assert_status(mproc_connection_poll(NULL, 0), APR_EINVAL);
    assert_status(mproc_connection_close(NULL), APR_EINVAL);
    assert_int_equal(mproc_connection_readable(NULL) + mproc_connection_writable(NULL), 0);
}

static void a_closed_connection_says_so_everywhere(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);
    mproc_values_t *values = mproc_values_create(*state);
    char buffer[8];
    size_t size = 4711;

    assert_success(mproc_connection_close(pipe.here));
    assert_success(mproc_connection_close(pipe.here));
    assert_status(mproc_connection_send(pipe.here, MPROC_NO_ARGS, 0), MPROC_ECLOSED);
    assert_status(mproc_connection_send_bytes(pipe.here, "x", 1, 0), MPROC_ECLOSED);
    assert_status(mproc_connection_recv(pipe.here, values, 0), MPROC_ECLOSED);
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, 0), MPROC_ECLOSED);
    assert_status(mproc_connection_poll(pipe.here, 0), MPROC_ECLOSED);
    assert_int_equal(size, 4711);
}

/* A negative number, as an unsigned one. */
static void a_size_beyond_memory_is_refused(void **state)
{
    ends_t pipe = make_pipe(MPROC_DUPLEX, *state);

    assert_status(mproc_connection_send_bytes(pipe.here, "x", (size_t)-1, PATIENCE), APR_EINVAL);
    assert_status(mproc_connection_send_bytes(pipe.here, "x", (size_t)PTRDIFF_MAX + 1, PATIENCE), APR_EINVAL);
    assert_success(say(pipe.here, "next"));
    assert_string_equal(hear(pipe.there, *state), "next");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_duplex_pipe_goes_both_ways),
        claim_leaving_nothing(of_a_one_way_pipe_the_first_end_reads),
        claim_leaving_nothing(the_wrong_direction_is_refused),
        claim_leaving_nothing(values_of_all_types_arrive),
        claim_leaving_nothing(an_empty_pack_is_a_message),
        claim_leaving_nothing(values_stay_as_they_were_when_nothing_is_received),
        claim_leaving_nothing(what_is_not_packed_values_is_refused_and_the_next_message_comes),
        claim_leaving_nothing(poll_finds_nothing_in_an_empty_pipe),
        claim_leaving_nothing(poll_takes_nothing_away),
        claim_leaving_nothing(poll_sees_a_message_that_another_receive_read_ahead),
        claim_leaving_nothing(poll_sees_a_message_without_bytes),
        claim_leaving_nothing(poll_sees_the_end_again_and_again),
        claim_leaving_nothing(all_messages_are_received_before_the_end),
        claim_leaving_nothing(sending_to_a_closed_end_is_a_status),
        claim_leaving_nothing(destroying_its_memory_closes_an_end),
        claim_leaving_nothing(null_arguments_are_refused),
        claim_leaving_nothing(null_is_no_connection),
        claim_leaving_nothing(a_closed_connection_says_so_everywhere),
        claim_leaving_nothing(a_size_beyond_memory_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
