/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections that are sent through connections, to processes that run already.
 */

#include "claims.h"
#include "workers.h"

#include <apr_strings.h>

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

static apr_status_t receive_connection(mproc_connection_t *from, mproc_connection_t **received,
                                       apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    MPROC_TRY(mproc_connection_recv(from, values, PATIENCE));
    return MPROC_UNPACK(values, received);
}

/* -- What the children do ------------------------------------------------------ */

/* Says "born", and answers on whatever connection comes through its own, one after the other. */
static apr_status_t answer_on_what_comes(mproc_task_t *task)
{
    mproc_connection_t *line, *received;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    while ((rv = receive_connection(line, &received, mproc_task_mem(task))) == APR_SUCCESS) {
        MPROC_TRY(say(received, "arrived"));
        MPROC_TRY(answer_on(received));
        MPROC_TRY(mproc_connection_close(received));
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

/* Says "born", hands on what comes through the first connection by the second, and answers. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_connection_t *line, *next, *received;

    MPROC_TRY(MPROC_UNPACK(task, &line, &next));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(receive_connection(line, &received, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_send(next, MPROC_PACK(received), PATIENCE));
    MPROC_TRY(mproc_connection_close(received));
    return answer_on(line);
}

/* Makes a pipe, sends one end through the connection, and answers on the other. */
static apr_status_t send_an_end(mproc_task_t *task)
{
    mproc_connection_t *line, *here, *there;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(there), PATIENCE));
    MPROC_TRY(mproc_connection_close(there));
    return answer_on(here);
}

/* Says "born" through the first, and waits there; what comes through the second it does not read. */
static apr_status_t ignore_what_comes(mproc_task_t *task)
{
    mproc_connection_t *line, *ignored;

    MPROC_TRY(MPROC_UNPACK(task, &line, &ignored));
    MPROC_TRY(say(line, "born"));
    return answer_on(line);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(answer_on_what_comes), MPROC_TARGET(hand_on), MPROC_TARGET(send_an_end),
    MPROC_TARGET(ignore_what_comes),    MPROC_TARGETS_END,
};

/* -- From process to process ---------------------------------------------------------- */

static void assert_talks(mproc_connection_t *here, mproc_connection_t *there, apr_pool_t *mem)
{
    assert_success(say(here, "forth"));
    assert_string_equal(hear(there, mem), "forth");
    assert_success(say(there, "back"));
    assert_string_equal(hear(here, mem), "back");
}

static void assert_answers(mproc_connection_t *line, apr_pool_t *mem)
{
    assert_string_equal(hear(line, mem), "arrived");
    assert_success(say(line, "is it you?"));
    assert_string_equal(hear(line, mem), "is it you?");
    assert_success(say(line, "leave"));
    assert_string_equal(hear(line, mem), "(end)");
}

static void send_and_close(mproc_connection_t *through, mproc_connection_t *end)
{
    assert_success(mproc_connection_send(through, MPROC_PACK(end), PATIENCE));
    assert_success(mproc_connection_close(end));
}

static void a_running_child_gets_connections_one_after_the_other(void **state)
{
    mproc_connection_t *line;
    mproc_process_t *process;
    int i;

    start_born(&process, &line, answer_on_what_comes, NULL, *state);
    for (i = 0; i < 3; i++) {
        ends_t pipe = make_pipe(*state);

        send_and_close(line, pipe.there);
        assert_answers(pipe.here, *state);
    }
    assert_success(mproc_connection_close(line));
    assert_ended(process, 0);
}

static void a_child_sends_one_to_its_parent(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_connection_t *received;
    mproc_process_t *process;

    assert_success(
        mproc_process_start(&process, send_an_end, MPROC_PACK(pipe.there), NULL, *state));
    assert_success(receive_connection(pipe.here, &received, *state));
    assert_success(say(received, "hello"));
    assert_string_equal(hear(received, *state), "hello");
    assert_success(say(received, "leave"));
    assert_ended(process, 0);
    assert_string_equal(hear(received, *state), "(end)");
}

static void a_child_hands_one_on_to_its_sibling(void **state)
{
    ends_t between = make_pipe(*state), first = make_pipe(*state), passed = make_pipe(*state);
    mproc_process_t *one, *other;

    assert_success(
        mproc_process_start(&one, hand_on, MPROC_PACK(first.there, between.here), NULL, *state));
    assert_success(
        mproc_process_start(&other, answer_on_what_comes, MPROC_PACK(between.there), NULL, *state));
    assert_success(mproc_connection_close(between.there));
    assert_string_equal(hear(first.here, *state), "born");
    assert_string_equal(hear(between.here, *state), "born");
    send_and_close(first.here, passed.there);
    assert_answers(passed.here, *state);
    assert_success(mproc_connection_close(between.here));
    assert_success(say(first.here, "leave"));
    assert_ended(one, 0);
    assert_ended(other, 0);
}

/* -- What arrives ---------------------------------------------------------------------- */

static void an_end_keeps_its_directions(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_connection_t *reads, *writes, *received;

    assert_success(mproc_pipe(&reads, &writes, MPROC_ONE_WAY, *state));
    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(writes), PATIENCE));
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_true(mproc_connection_writable(received) && !mproc_connection_readable(received));
    assert_success(say(received, "word"));
    assert_string_equal(hear(reads, *state), "word");
}

static void connections_in_packs_in_packs_arrive(void **state)
{
    ends_t pipe = make_pipe(*state), one = make_pipe(*state), two = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state), *inner, *innermost;
    mproc_connection_t *first, *second;
    const char *word;

    assert_success(mproc_connection_send(
        pipe.here, MPROC_PACK(one.there, MPROC_PACK("inner", MPROC_PACK(two.there))), PATIENCE));
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &first, &inner));
    assert_success(MPROC_UNPACK(inner, &word, &innermost));
    assert_success(MPROC_UNPACK(innermost, &second));
    assert_string_equal(word, "inner");
    assert_talks(one.here, first, *state);
    assert_talks(two.here, second, *state);
}

static const mproc_pack_t *pack_sixteen(mproc_connection_t *c, apr_pool_t *mem)
{
    return mproc_pack(mem, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c);
}

static void assert_sixteen(const mproc_values_t *values)
{
    size_t i;

    assert_int_equal(mproc_values_count(values), 16);
    for (i = 0; i < 16; i++)
        assert_int_equal(mproc_values_type(values, i), MPROC_TYPE_CONNECTION);
}

/* More than the system moves at once; and one more is refused before anything is sent. */
static void sixteen_times_sixteen_go_in_one_message_and_no_more(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    const mproc_pack_t *p = pack_sixteen(other.there, *state);
    mproc_values_t *values = mproc_values_create(*state), *v[16];
    int i;

    assert_refused(mproc_connection_send(pipe.here,
                                         MPROC_PACK(other.there, p, p, p, p, p, p, p, p, p, p, p, p,
                                                    p, p, MPROC_PACK(p, p)),
                                         PATIENCE),
                   APR_EINVAL, "handles");
    assert_success(mproc_connection_send(
        pipe.here, MPROC_PACK(p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p), PATIENCE));
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7],
                                &v[8], &v[9], &v[10], &v[11], &v[12], &v[13], &v[14], &v[15]));
    for (i = 0; i < 16; i++)
        assert_sixteen(v[i]);
}

#define MESSAGES 20

/* 320, of which nobody has received one when the last is sent. */
static void many_messages_with_connections_are_on_their_way_at_once(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    const mproc_pack_t *pack = pack_sixteen(other.there, *state);
    mproc_values_t *values = mproc_values_create(*state);
    int i;

    for (i = 0; i < MESSAGES; i++)
        assert_success(mproc_connection_send(pipe.here, pack, PATIENCE));
    assert_success(mproc_connection_close(pipe.here));
    assert_success(mproc_connection_close(other.there));
    assert_status(mproc_connection_poll(other.here, 0), APR_TIMEUP);
    for (i = 0; i < MESSAGES; i++) {
        assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
        assert_sixteen(values);
    }
    assert_string_equal(hear(pipe.there, *state), "(end)");
    assert_status(mproc_connection_poll(other.here, 0), APR_TIMEUP);
}

/* -- Whose it is ------------------------------------------------------------------------- */

static void the_sender_keeps_its_own(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_connection_t *received;

    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(other.there), PATIENCE));
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_success(mproc_connection_close(received));
    assert_talks(other.here, other.there, *state);
    assert_success(mproc_connection_close(other.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

static void what_arrived_is_closed_with_the_memory_of_its_values(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_connection_t *received;
    apr_pool_t *mem;

    assert_success(apr_pool_create(&mem, *state));
    send_and_close(pipe.here, other.there);
    assert_success(receive_connection(pipe.there, &received, mem));
    assert_talks(other.here, received, *state);
    apr_pool_destroy(mem);
    assert_string_equal(hear(other.here, *state), "(end)");
}

static void what_arrived_stays_when_its_values_are_refilled(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *received;

    send_and_close(pipe.here, other.there);
    assert_success(mproc_connection_send(pipe.here, MPROC_PACK("next"), PATIENCE));
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &received));
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_talks(other.here, received, *state);
}

/* The other end then has both: one process talks to itself through what it was sent. */
static void an_end_goes_through_itself_and_through_its_other_end(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_connection_t *received;

    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(pipe.here), PATIENCE));
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_talks(received, pipe.there, *state);
    assert_success(mproc_connection_send(received, MPROC_PACK(pipe.there), PATIENCE));
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_talks(pipe.here, received, *state);
}

/* -- Where something else is wanted --------------------------------------------------------- */

static void where_bytes_are_wanted_a_connection_is_closed(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    char bytes[64];
    size_t size = 0;

    send_and_close(pipe.here, other.there);
    assert_success(say(pipe.here, "next"));
    assert_status(mproc_connection_poll(other.here, A_MOMENT), APR_TIMEUP);
    assert_success(mproc_connection_recv_bytes(pipe.there, bytes, sizeof bytes, &size, PATIENCE));
    assert_true(size > 0);
    assert_string_equal(hear(other.here, *state), "(end)");
    assert_string_equal(hear(pipe.there, *state), "next");
}

static void a_buffer_that_is_too_small_takes_nothing_away(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_connection_t *received;
    char bytes[4];
    size_t size = 0;

    send_and_close(pipe.here, other.there);
    assert_status(mproc_connection_recv_bytes(pipe.there, bytes, sizeof bytes, &size, PATIENCE),
                  MPROC_EMSGSIZE);
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_talks(other.here, received, *state);
}

static void looking_takes_nothing_away(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_waitable_t what[] = {MPROC_WAITABLE(pipe.there)};
    mproc_connection_t *received;
    int i;

    assert_status(mproc_wait(what, 1, 0), APR_TIMEUP);
    send_and_close(pipe.here, other.there);
    for (i = 0; i < 2; i++) {
        assert_success(mproc_wait(what, 1, PATIENCE));
        assert_success(mproc_connection_poll(pipe.there, 0));
    }
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_talks(other.here, received, *state);
    assert_status(mproc_wait(what, 1, 0), APR_TIMEUP);
}

/* -- With an end that is given away -------------------------------------------------------- */

/* The first message brought the others with it into this process, and what came with them. */
static void what_came_and_was_not_received_goes_with_its_end(void **state)
{
    ends_t line = make_pipe(*state), one = make_pipe(*state), two = make_pipe(*state);
    mproc_process_t *process;

    assert_success(say(line.here, "first"));
    send_and_close(line.here, one.there);
    send_and_close(line.here, two.there);
    assert_string_equal(hear(line.there, *state), "first");
    assert_success(mproc_connection_poll(line.there, PATIENCE));
    assert_success(
        mproc_process_start(&process, answer_on_what_comes, MPROC_PACK(line.there), NULL, *state));
    assert_success(mproc_connection_close(line.there));
    assert_string_equal(hear(line.here, *state), "born");
    assert_answers(one.here, *state);
    assert_answers(two.here, *state);
    assert_success(mproc_connection_close(line.here));
    assert_ended(process, 0);
}

static void it_goes_with_an_end_that_is_sent_too(void **state)
{
    ends_t pipe = make_pipe(*state), line = make_pipe(*state), other = make_pipe(*state);
    mproc_connection_t *received, *innermost;

    assert_success(say(line.here, "first"));
    send_and_close(line.here, other.there);
    assert_string_equal(hear(line.there, *state), "first");
    assert_success(mproc_connection_poll(line.there, PATIENCE));
    send_and_close(pipe.here, line.there);
    assert_success(receive_connection(pipe.there, &received, *state));
    assert_success(receive_connection(received, &innermost, *state));
    assert_talks(other.here, innermost, *state);
}

static void with_too_much_of_it_an_end_must_be_read_first(void **state)
{
    ends_t pipe = make_pipe(*state), line = make_pipe(*state), other = make_pipe(*state);
    mproc_values_t *values = mproc_values_create(*state);
    apr_status_t rv;

    assert_success(say(line.here, "first"));
    assert_success(mproc_connection_send(line.here, pack_sixteen(other.there, *state), PATIENCE));
    assert_string_equal(hear(line.there, *state), "first");
    assert_success(mproc_connection_poll(line.there, PATIENCE));
    rv = mproc_connection_send(pipe.here, MPROC_PACK(line.there), PATIENCE);
    /* Where handles are not carried by the bytes, they do not come before they are taken. */
    if (rv != APR_SUCCESS)
        assert_refused(rv, MPROC_EINUSE, "receive them first");
    assert_success(mproc_connection_recv(line.there, values, PATIENCE));
    assert_sixteen(values);
    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(line.there), PATIENCE));
}

/* -- What never arrives ----------------------------------------------------------------------- */

static void what_is_not_received_is_closed_with_the_receivers_end(void **state)
{
    ends_t pipe = make_pipe(*state), one = make_pipe(*state), two = make_pipe(*state);

    send_and_close(pipe.here, one.there);
    send_and_close(pipe.here, two.there);
    assert_success(mproc_connection_poll(pipe.there, PATIENCE));
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(one.here, *state), "(end)");
    assert_string_equal(hear(two.here, *state), "(end)");
}

static void check_end_of_a_receiver(int is_killed, apr_pool_t *mem)
{
    ends_t line = make_pipe(mem), pipe = make_pipe(mem), other = make_pipe(mem);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, ignore_what_comes,
                                       MPROC_PACK(line.there, pipe.there), NULL, mem));
    assert_success(mproc_connection_close(pipe.there));
    assert_string_equal(hear(line.here, mem), "born");
    send_and_close(pipe.here, other.there);
    assert_status(mproc_connection_poll(other.here, A_MOMENT), APR_TIMEUP);
    if (is_killed)
        assert_success(mproc_process_kill(process));
    else
        assert_success(say(line.here, "leave"));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_string_equal(hear(other.here, mem), "(end)");
}

static void what_is_not_received_is_closed_when_the_receiver_ends(void **state)
{
    check_end_of_a_receiver(0, *state);
}

static void what_is_not_received_is_closed_when_the_receiver_is_killed(void **state)
{
    check_end_of_a_receiver(1, *state);
}

static void to_an_end_that_is_closed_nothing_is_sent(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);

    assert_success(mproc_connection_close(pipe.there));
    assert_status(mproc_connection_send(pipe.here, MPROC_PACK(other.there), PATIENCE), APR_EPIPE);
    assert_talks(other.here, other.there, *state);
    assert_success(mproc_connection_close(other.there));
    assert_string_equal(hear(other.here, *state), "(end)");
}

static void an_end_that_is_closed_is_not_sent(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);

    assert_success(mproc_connection_close(other.there));
    assert_refused(mproc_connection_send(pipe.here, MPROC_PACK(other.there), PATIENCE),
                   MPROC_ECLOSED, "closed");
    assert_success(say(pipe.here, "next"));
    assert_string_equal(hear(pipe.there, *state), "next");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_running_child_gets_connections_one_after_the_other),
        claim_leaving_nothing(a_child_sends_one_to_its_parent),
        claim_leaving_nothing(a_child_hands_one_on_to_its_sibling),
        claim_leaving_nothing(an_end_keeps_its_directions),
        claim_leaving_nothing(connections_in_packs_in_packs_arrive),
        claim_leaving_nothing(sixteen_times_sixteen_go_in_one_message_and_no_more),
        claim_leaving_nothing(many_messages_with_connections_are_on_their_way_at_once),
        claim_leaving_nothing(the_sender_keeps_its_own),
        claim_leaving_nothing(what_arrived_is_closed_with_the_memory_of_its_values),
        claim_leaving_nothing(what_arrived_stays_when_its_values_are_refilled),
        claim_leaving_nothing(an_end_goes_through_itself_and_through_its_other_end),
        claim_leaving_nothing(where_bytes_are_wanted_a_connection_is_closed),
        claim_leaving_nothing(a_buffer_that_is_too_small_takes_nothing_away),
        claim_leaving_nothing(looking_takes_nothing_away),
        claim_leaving_nothing(what_came_and_was_not_received_goes_with_its_end),
        claim_leaving_nothing(it_goes_with_an_end_that_is_sent_too),
        claim_leaving_nothing(with_too_much_of_it_an_end_must_be_read_first),
        claim_leaving_nothing(what_is_not_received_is_closed_with_the_receivers_end),
        claim_leaving_nothing(what_is_not_received_is_closed_when_the_receiver_ends),
        claim_leaving_nothing(what_is_not_received_is_closed_when_the_receiver_is_killed),
        claim_leaving_nothing(to_an_end_that_is_closed_nothing_is_sent),
        claim_leaving_nothing(an_end_that_is_closed_is_not_sent),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
