/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows only: who sends a connection must live until it is received.
 */

#include "claims.h"
#include "workers.h"

typedef struct ends_t {
    mproc_connection_t *here, *there;
} ends_t;

static ends_t make_pipe(apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, MPROC_DUPLEX, mem));
    return ends;
}

/* Sends the second connection through the first, and ends. */
static apr_status_t send_and_end(mproc_task_t *task)
{
    mproc_connection_t *line, *end;

    MPROC_TRY(MPROC_UNPACK(task, &line, &end));
    return mproc_connection_send(line, MPROC_PACK(end), PATIENCE);
}

/* The same, but closes its own, and stays until it is told to leave. */
static apr_status_t send_and_stay(mproc_task_t *task)
{
    mproc_connection_t *line, *end;

    MPROC_TRY(MPROC_UNPACK(task, &line, &end));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(end), PATIENCE));
    MPROC_TRY(mproc_connection_close(end));
    return answer_on(line);
}

/*
 * Sends both ends of a pipe of its own.  Not what it was given: of that Wine's conhost, which a child
 * without a console starts before its main, has inherited copies (Windows' own inherits nothing).
 */
static apr_status_t send_own_and_stay(mproc_task_t *task)
{
    mproc_connection_t *line, *one, *other;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_pipe(&one, &other, MPROC_DUPLEX, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(one, other), PATIENCE));
    MPROC_TRY(mproc_connection_close(one));
    MPROC_TRY(mproc_connection_close(other));
    return answer_on(line);
}

static const mproc_target_t targets[] = {MPROC_TARGET(send_and_end), MPROC_TARGET(send_and_stay),
                                         MPROC_TARGET(send_own_and_stay), MPROC_TARGETS_END};

static void assert_sender_is_missed(mproc_connection_t *from, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    assert_refused(mproc_connection_recv(from, values, PATIENCE), MPROC_EDIED,
                   "the process that sent it has ended");
    assert_int_equal(mproc_values_count(values), 0);
}

/* The message is lost, and what another process has sent behind it is not. */
static void from_a_sender_that_has_ended_nothing_arrives_but_a_status(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, send_and_end, MPROC_PACK(pipe.here, other.there),
                                       NULL, *state));
    assert_ended(process, 0);
    assert_success(mproc_connection_close(other.there));
    assert_string_equal(hear(other.here, *state), "(end)");
    assert_success(say(pipe.here, "next"));
    assert_sender_is_missed(pipe.there, *state);
    assert_string_equal(hear(pipe.there, *state), "next");
}

static void where_bytes_are_wanted_its_end_does_not_matter(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_process_t *process;
    char bytes[64];
    size_t size = 0;

    assert_success(mproc_process_start(&process, send_and_end, MPROC_PACK(pipe.here, other.there),
                                       NULL, *state));
    assert_ended(process, 0);
    assert_success(mproc_connection_recv_bytes(pipe.there, bytes, sizeof bytes, &size, PATIENCE));
    assert_true(size > 0);
}

static void from_a_sender_that_is_killed_nothing_arrives_but_a_status(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, send_and_stay, MPROC_PACK(pipe.here, other.there),
                                       NULL, *state));
    assert_success(mproc_connection_close(other.there));
    assert_success(mproc_connection_close(pipe.here));
    assert_success(mproc_connection_poll(pipe.there, PATIENCE));
    assert_success(mproc_process_kill(process));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_string_equal(hear(other.here, *state), "(end)");
    assert_sender_is_missed(pipe.there, *state);
    assert_string_equal(hear(pipe.there, *state), "(end)");
}

/* It keeps the connection no longer than until it is received: then the receiver's is the last. */
static void a_sender_that_stays_keeps_nothing_that_was_received(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    ends_t pipe = make_pipe(*state);
    mproc_connection_t *one, *other;
    mproc_process_t *process;

    assert_success(
        mproc_process_start(&process, send_own_and_stay, MPROC_PACK(pipe.here), NULL, *state));
    assert_success(mproc_connection_recv(pipe.there, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &one, &other));
    assert_success(mproc_connection_close(other));
    assert_string_equal(hear(one, *state), "(end)");
    assert_success(say(pipe.there, "leave"));
    assert_ended(process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(from_a_sender_that_has_ended_nothing_arrives_but_a_status),
        claim_leaving_nothing(where_bytes_are_wanted_its_end_does_not_matter),
        claim_leaving_nothing(from_a_sender_that_is_killed_nothing_arrives_but_a_status),
        claim_leaving_nothing(a_sender_that_stays_keeps_nothing_that_was_received),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
