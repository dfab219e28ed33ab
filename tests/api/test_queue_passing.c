/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues that are sent through connections, to processes that run already.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

/* -- What the children do ------------------------------------------------------ */

/* Gets queues until there are no more; puts a word into each. */
static apr_status_t put_into_all(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    mproc_queue_t *queue;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    while ((rv = mproc_connection_recv(line, values, PATIENCE)) == APR_SUCCESS) {
        MPROC_TRY(MPROC_UNPACK(values, &queue));
        MPROC_TRY(put_word(queue, "through a connection"));
        MPROC_TRY(mproc_queue_close(queue));
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

/* Makes a queue with a word in it, sends it, and ends when it is told to. */
static apr_status_t send_one(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_queue_create(&queue, NULL, mproc_task_mem(task)));
    MPROC_TRY(put_word(queue, "from a child"));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(queue), PATIENCE));
    return answer_on(line);
}

/* Receives something for the one behind it, and sends it on. */
static apr_status_t send_on(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *from, *to;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &from, &to));
    MPROC_TRY(mproc_connection_recv(from, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &queue));
    MPROC_TRY(mproc_connection_send(to, MPROC_PACK(queue), PATIENCE));
    return answer_on(from);
}

static const mproc_target_t targets[] = {MPROC_TARGET(put_into_all), MPROC_TARGET(send_one),
                                         MPROC_TARGET(send_on), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- The tests --------------------------------------------------------------------- */

typedef struct ends_t {
    mproc_connection_t *here, *there;
} ends_t;

static ends_t make_pipe(apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, MPROC_DUPLEX, mem));
    return ends;
}

static void a_running_child_uses_queues_that_it_is_sent(void **state)
{
    ends_t pipe = make_pipe(*state);
    mproc_process_t *process;
    int i;

    assert_success(
        mproc_process_start(&process, put_into_all, MPROC_PACK(pipe.there), NULL, *state));
    assert_success(mproc_connection_close(pipe.there));
    for (i = 0; i < 3; i++) {
        mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

        assert_success(mproc_connection_send(pipe.here, MPROC_PACK(queue), PATIENCE));
        assert_string_equal(get_word(queue, *state), "through a connection");
    }
    assert_success(mproc_connection_close(pipe.here));
    assert_ended(process, 0);
}

static void a_queue_outlives_the_child_that_has_sent_it(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    ends_t pipe = make_pipe(*state);
    mproc_process_t *process;
    mproc_queue_t *queue;

    assert_success(mproc_process_start(&process, send_one, MPROC_PACK(pipe.there), NULL, *state));
    assert_success(mproc_connection_recv(pipe.here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &queue));
    assert_success(say(pipe.here, "leave"));
    assert_ended(process, 0);
    assert_string_equal(look_for_word(queue, *state), "from a child");
    assert_success(put_word(queue, "later"));
    assert_string_equal(look_for_word(queue, *state), "later");
}

static void a_queue_is_sent_on_to_a_third_process(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    ends_t first = make_pipe(*state), second = make_pipe(*state);
    mproc_process_t *middle, *last;

    assert_success(
        mproc_process_start(&middle, send_on, MPROC_PACK(first.there, second.here), NULL, *state));
    assert_success(
        mproc_process_start(&last, put_into_all, MPROC_PACK(second.there), NULL, *state));
    assert_success(mproc_connection_send(first.here, MPROC_PACK(queue), PATIENCE));
    assert_string_equal(get_word(queue, *state), "through a connection");
    assert_success(say(first.here, "leave"));
    assert_ended(middle, 0);
    assert_success(mproc_connection_close(second.here));
    assert_success(mproc_connection_close(second.there));
    assert_ended(last, 0);
}

static void where_bytes_are_wanted_a_queue_is_let_go(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    ends_t pipe = make_pipe(*state);
    char bytes[64];
    size_t size;

    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(queue), PATIENCE));
    assert_success(mproc_connection_recv_bytes(pipe.there, bytes, sizeof bytes, &size, PATIENCE));
    assert_success(put_word(queue, "word"));
    assert_string_equal(look_for_word(queue, *state), "word");
}

static void a_queue_without_a_place_for_the_receiver_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_values_t *values = mproc_values_create(*state);
    ends_t pipe = make_pipe(*state);
    mproc_queue_t *queue;

    options.processes = 1;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(queue), PATIENCE));
    assert_refused(mproc_connection_recv(pipe.there, values, PATIENCE), MPROC_ETOOMANY,
                   "`processes`");
    assert_success(say(pipe.here, "next"));
    assert_string_equal(hear(pipe.there, *state), "next");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_running_child_uses_queues_that_it_is_sent),
        claim_leaving_nothing(a_queue_outlives_the_child_that_has_sent_it),
        claim_leaving_nothing(a_queue_is_sent_on_to_a_third_process),
        claim_leaving_nothing(where_bytes_are_wanted_a_queue_is_let_go),
        claim_leaving_nothing(a_queue_without_a_place_for_the_receiver_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
