/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One end in several threads: one may send and one may receive.
 */

#include "claims.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define LARGE ((size_t)16 << 20)

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* Both tests of a kind need to know that the other thread has gone in; whoever finds the end in use comes again. */
static apr_status_t receive_one(void *data)
{
    char word[16];
    size_t size;
    apr_status_t rv;

    do
        rv = mproc_connection_recv_bytes(data, word, sizeof word, &size, PATIENCE);
    while (rv == MPROC_EINUSE);
    return rv;
}

static apr_status_t send_large(void *data)
{
    char *bytes = calloc(1, LARGE);
    apr_status_t rv;

    do
        rv = mproc_connection_send_bytes(data, bytes, LARGE, PATIENCE);
    while (rv == MPROC_EINUSE);
    free(bytes);
    return rv;
}

typedef struct ends_t {
    mproc_connection_t *here, *there;
    work_t *work;
} ends_t;

/* A pipe whose one end a thread is using. */
static ends_t used_pipe(work_fn *use, apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, MPROC_DUPLEX, mem));
    ends.work = apr_palloc(mem, sizeof *ends.work);
    assert_success(start_thread(ends.work, use, ends.here, mem));
    return ends;
}

static void a_second_receiver_is_refused(void **state)
{
    ends_t pipe = used_pipe(receive_one, *state);
    mproc_values_t *values = mproc_values_create(*state);
    apr_time_t limit = apr_time_now() + PATIENCE;
    char buffer[8];
    size_t size;

    while (mproc_connection_poll(pipe.here, 0) != MPROC_EINUSE)
        assert_true(apr_time_now() < limit);
    assert_status(mproc_connection_recv(pipe.here, values, 0), MPROC_EINUSE);
    assert_status(mproc_connection_recv_bytes(pipe.here, buffer, sizeof buffer, &size, PATIENCE), MPROC_EINUSE);
    assert_success(say(pipe.there, "leave"));
    assert_success(end_thread(pipe.work));
    assert_status(mproc_connection_poll(pipe.here, 0), APR_TIMEUP);
}

static void one_may_send_while_another_receives(void **state)
{
    ends_t pipe = used_pipe(receive_one, *state);
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (mproc_connection_poll(pipe.here, 0) != MPROC_EINUSE)
        assert_true(apr_time_now() < limit);
    assert_success(say(pipe.here, "meanwhile"));
    assert_string_equal(hear(pipe.there, *state), "meanwhile");
    assert_success(say(pipe.there, "leave"));
    assert_success(end_thread(pipe.work));
}

static void an_end_is_not_closed_while_another_thread_receives(void **state)
{
    ends_t pipe = used_pipe(receive_one, *state);
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (mproc_connection_poll(pipe.here, 0) != MPROC_EINUSE)
        assert_true(apr_time_now() < limit);
    assert_refused(mproc_connection_close(pipe.here), MPROC_EINUSE, "receiving");
    assert_success(say(pipe.there, "leave"));
    assert_success(end_thread(pipe.work));
    assert_success(mproc_connection_close(pipe.here));
}

/* The other end has seen the beginning of the message, and does not take the rest yet. */
static apr_status_t receive_until_closed(void *data)
{
    char word[16];
    size_t size;
    apr_status_t rv;

    do
        rv = mproc_connection_recv_bytes(data, word, sizeof word, &size, 0);
    while (rv == APR_TIMEUP || rv == MPROC_EINUSE);
    return rv;
}

static void an_end_may_be_closed_between_two_receives_of_another_thread(void **state)
{
    apr_pool_t *mem;
    ends_t ends;
    int i;

    for (i = 0; i < 200 * test_scale(); i++) {
        assert_success(apr_pool_create(&mem, *state));
        ends = used_pipe(receive_until_closed, mem);
        while (mproc_connection_close(ends.here) == MPROC_EINUSE)
            ;
        assert_int_equal(end_thread(ends.work), MPROC_ECLOSED);
        apr_pool_destroy(mem);
    }
}

static void a_second_sender_is_refused(void **state)
{
    ends_t pipe = used_pipe(send_large, *state);
    char *bytes = malloc(LARGE);
    size_t size;

    assert_success(mproc_connection_poll(pipe.there, PATIENCE));
    assert_refused(say(pipe.here, "no"), MPROC_EINUSE, "sending");
    assert_status(mproc_connection_send(pipe.here, MPROC_PACK(1), PATIENCE), MPROC_EINUSE);
    assert_refused(mproc_connection_close(pipe.here), MPROC_EINUSE, "sending");
    assert_success(mproc_connection_recv_bytes(pipe.there, bytes, LARGE, &size, PATIENCE));
    assert_success(end_thread(pipe.work));
    assert_success(say(pipe.here, "yes"));
    assert_string_equal(hear(pipe.there, *state), "yes");
    free(bytes);
}

static void one_may_receive_while_another_sends(void **state)
{
    ends_t pipe = used_pipe(send_large, *state);
    char *bytes = malloc(LARGE);
    size_t size;

    assert_success(mproc_connection_poll(pipe.there, PATIENCE));
    assert_success(say(pipe.there, "meanwhile"));
    assert_string_equal(hear(pipe.here, *state), "meanwhile");
    assert_success(mproc_connection_recv_bytes(pipe.there, bytes, LARGE, &size, PATIENCE));
    assert_success(end_thread(pipe.work));
    free(bytes);
}

/* Two children that send to each other at once need both directions at the same time. */
static void both_directions_carry_large_messages_at_once(void **state)
{
    ends_t pipe = used_pipe(send_large, *state);
    work_t other;
    char *bytes = malloc(LARGE);
    size_t size;

    assert_success(start_thread(&other, send_large, pipe.there, *state));
    assert_success(mproc_connection_recv_bytes(pipe.there, bytes, LARGE, &size, PATIENCE));
    assert_int_equal(size, LARGE);
    assert_success(mproc_connection_recv_bytes(pipe.here, bytes, LARGE, &size, PATIENCE));
    assert_int_equal(size, LARGE);
    assert_success(end_thread(pipe.work));
    assert_success(end_thread(&other));
    free(bytes);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_second_receiver_is_refused),
        claim(one_may_send_while_another_receives),
        claim(an_end_is_not_closed_while_another_thread_receives),
        claim(an_end_may_be_closed_between_two_receives_of_another_thread),
        claim(a_second_sender_is_refused),
        claim(one_may_receive_while_another_sends),
        claim(both_directions_carry_large_messages_at_once),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
