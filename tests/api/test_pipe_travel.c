/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections that are given to children: which end arrives, with what, how
 * many, and when an end is closed everywhere.
 */

#include "claims.h"
#include "raw.h"
#include "workers.h"

#include <string.h>

/* -- What the children do ------------------------------------------------------ */

/* Says whether each end that it got reads and writes, through the last one. */
static apr_status_t tell_directions(mproc_task_t *task)
{
    mproc_connection_t *one, *two, *line;

    MPROC_TRY(MPROC_UNPACK(task, &one, &two, &line));
    return mproc_connection_send(line, MPROC_PACK(mproc_connection_readable(one), mproc_connection_writable(one),
                                                  mproc_connection_readable(two), mproc_connection_writable(two)),
                                 PATIENCE);
}

/* Sends its number through each of sixteen connections. */
static apr_status_t number_sixteen(mproc_task_t *task)
{
    mproc_connection_t *c[16];
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7], &c[8], &c[9], &c[10], &c[11],
                           &c[12], &c[13], &c[14], &c[15]));
    for (i = 0; i < 16; i++)
        MPROC_TRY(mproc_connection_send(c[i], MPROC_PACK(i), PATIENCE));
    return APR_SUCCESS;
}

static apr_status_t number_nested(mproc_task_t *task)
{
    mproc_values_t *inner, *innermost;
    mproc_connection_t *one, *two, *three;
    const char *word;
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &one, &inner));
    MPROC_TRY(MPROC_UNPACK(inner, &word, &two, &innermost));
    MPROC_TRY(MPROC_UNPACK(innermost, &three, &number));
    MPROC_TRY(say(one, "one"));
    MPROC_TRY(say(two, word));
    return mproc_connection_send(three, MPROC_PACK(number), PATIENCE);
}

/* Gives what it got to a child of its own. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_t *process;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_process_start(&process, answer, MPROC_PACK(line), NULL, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_close(line));
    MPROC_TRY(mproc_process_join(process, MPROC_FOREVER));
    return mproc_process_status(process);
}

static apr_status_t unpack_twice(mproc_task_t *task)
{
    mproc_connection_t *line, *again;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(MPROC_UNPACK(task, &again));
    return line == again ? APR_SUCCESS : APR_EGENERAL;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(tell_directions), MPROC_TARGET(number_sixteen), MPROC_TARGET(number_nested),         MPROC_TARGET(hand_on),
    MPROC_TARGET(unpack_twice),    MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END,
};

/* -- The tests --------------------------------------------------------------------- */

static void an_end_keeps_its_directions(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *reads, *writes, *here, *there;
    mproc_process_t *process;
    int found[4];

    assert_success(mproc_pipe(&reads, &writes, MPROC_ONE_WAY, *state));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(status_of(&process, tell_directions, MPROC_PACK(reads, writes, there), NULL, *state));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &found[0], &found[1], &found[2], &found[3]));
    assert_memory_equal(found, ((int[]){1, 0, 0, 1}), sizeof found);
}

static void sixteen_connections_arrive_each_at_its_place(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *h[16], *t[16];
    mproc_process_t *process;
    int i, number;

    for (i = 0; i < 16; i++)
        assert_success(mproc_pipe(&h[i], &t[i], i % 2 ? MPROC_DUPLEX : MPROC_ONE_WAY, *state));
    assert_success(status_of(&process, number_sixteen,
                             MPROC_PACK(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13],
                                        t[14], t[15]),
                             NULL, *state));
    for (i = 0; i < 16; i++) {
        assert_success(mproc_connection_recv(h[i], values, 0));
        assert_success(MPROC_UNPACK(values, &number));
        assert_int_equal(number, i);
        assert_success(mproc_connection_close(t[i]));
        assert_string_equal(hear(h[i], *state), "(end)");
    }
}

static void connections_in_packs_in_packs_arrive(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *h[3], *t[3];
    mproc_process_t *process;
    int i, number;

    for (i = 0; i < 3; i++)
        assert_success(mproc_pipe(&h[i], &t[i], MPROC_DUPLEX, *state));
    assert_success(status_of(&process, number_nested,
                             MPROC_PACK(t[0], MPROC_PACK("two", t[1], MPROC_PACK(t[2], 42))), NULL, *state));
    assert_string_equal(hear(h[0], *state), "one");
    assert_string_equal(hear(h[1], *state), "two");
    assert_success(mproc_connection_recv(h[2], values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &number));
    assert_int_equal(number, 42);
}

/* The pack of a moment ago names the connections, and does not own them. */
static void a_pack_with_a_connection_can_be_kept_and_used_again(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *one, *two;
    const mproc_pack_t *args;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    args = mproc_pack(*state, there);
    assert_success(status_of(&one, unpack_twice, args, NULL, *state));
    assert_success(mproc_process_start(&two, answer, args, NULL, *state));
    assert_string_equal(hear(here, *state), "born");
    assert_success(say(here, "leave"));
    assert_ended(two, 0);
}

static void unpacking_twice_gives_the_same_connection(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(status_of(&process, unpack_twice, MPROC_PACK(there), NULL, *state));
}

static void a_child_can_hand_a_connection_on(void **state)
{
    mproc_connection_t *line;
    mproc_process_t *process;

    start_born(&process, &line, hand_on, NULL, *state);
    assert_success(say(line, "to the grandchild"));
    assert_string_equal(hear(line, *state), "to the grandchild");
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
    assert_string_equal(hear(line, *state), "(end)");
}

static void an_end_is_closed_when_the_last_copy_is(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, *state));
    assert_string_equal(hear(here, *state), "born");
    assert_success(say(here, "leave"));
    assert_ended(process, 0);
    assert_status(mproc_connection_poll(here, 0), APR_TIMEUP); /* the copy in this process is open */
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, *state), "(end)");
}

/* The first message brought the others with it into this process. */
static void what_has_arrived_and_was_not_received_goes_with_it(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(say(here, "one"));
    assert_success(say(here, "two"));
    assert_success(say(here, "three"));
    assert_string_equal(hear(there, *state), "one");
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(here, *state), "born");
    assert_string_equal(hear(here, *state), "two");
    assert_string_equal(hear(here, *state), "three");
    assert_success(say(here, "leave"));
    assert_ended(process, 0);
}

static void half_a_header_goes_with_it_too(void **state)
{
    static const unsigned char word[] = {0, 0, 0, 4, 'w', 'h', 'a', 't'};
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(write_raw(here, word, 2, *state));
    assert_status(mproc_connection_poll(there, 0), APR_TIMEUP);
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(write_raw(here, word + 2, sizeof word - 2, *state));
    assert_string_equal(hear(here, *state), "born");
    assert_string_equal(hear(here, *state), "what");
    assert_success(say(here, "leave"));
    assert_ended(process, 0);
}

static void in_the_middle_of_a_message_it_cannot_be_given(void **state)
{
    static const unsigned char word[] = {0, 0, 0, 4, 'w', 'h', 'a', 't'};
    mproc_connection_t *here, *there;
    mproc_process_t *process = NULL;
    char buffer[8];
    size_t size;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(write_raw(here, word, 6, *state));
    assert_status(mproc_connection_recv_bytes(there, buffer, sizeof buffer, &size, 0), APR_TIMEUP);
    assert_refused(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, *state), MPROC_EINUSE, "middle");
    assert_null(process);
    assert_success(write_raw(here, word + 6, 2, *state));
    assert_string_equal(hear(there, *state), "what");
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, *state));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(an_end_keeps_its_directions),
        claim_leaving_nothing(sixteen_connections_arrive_each_at_its_place),
        claim_leaving_nothing(connections_in_packs_in_packs_arrive),
        claim_leaving_nothing(a_pack_with_a_connection_can_be_kept_and_used_again),
        claim_leaving_nothing(unpacking_twice_gives_the_same_connection),
        claim_leaving_nothing(a_child_can_hand_a_connection_on),
        claim_leaving_nothing(an_end_is_closed_when_the_last_copy_is),
        claim_leaving_nothing(what_has_arrived_and_was_not_received_goes_with_it),
        claim_leaving_nothing(half_a_header_goes_with_it_too),
        claim_leaving_nothing(in_the_middle_of_a_message_it_cannot_be_given),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
