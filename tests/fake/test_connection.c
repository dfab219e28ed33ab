/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connections, when what they call fails.
 */

#include "walk.h"

#include <apr_general.h>

/* -- Pipes ------------------------------------------------------------------------ */

static apr_status_t make_pipe(scene_t *scene)
{
    return mproc_pipe((mproc_connection_t **)&scene->made[0],
                      (mproc_connection_t **)&scene->made[1], MPROC_DUPLEX, scene->mem);
}

static void check_pipe(scene_t *scene)
{
    char byte = 0;
    size_t size;

    assert_success(mproc_connection_send_bytes(scene->made[0], "x", 1, 0));
    assert_success(mproc_connection_recv_bytes(scene->made[1], &byte, 1, &size, 0));
    assert_int_equal(byte, 'x');
}

static void a_pipe_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing, .call = make_pipe, .check = check_pipe};

    (void)state;
    take_walk(&walk);
}

/* -- Sending ------------------------------------------------------------------------ */

static apr_status_t send_little(scene_t *scene)
{
    return mproc_connection_send(scene->here, MPROC_PACK("a little", 7), A_WHILE);
}

/* One message has come, and no part of another. */
static void check_little(scene_t *scene)
{
    mproc_values_t *values = mproc_values_create(scene->mem);
    const char *words;
    int number;

    assert_success(mproc_connection_recv(scene->there, values, 0));
    assert_success(MPROC_UNPACK(values, &words, &number));
    assert_string_equal(words, "a little");
    assert_int_equal(mproc_connection_poll(scene->there, 0), APR_TIMEUP);
}

static void values_are_sent_or_nothing_is(void **state)
{
    static const walk_t walk = {.set_up = set_up_pipe, .call = send_little, .check = check_little};

    (void)state;
    take_walk(&walk);
}

static apr_status_t send_much(scene_t *scene)
{
    return mproc_connection_send_bytes(scene->here, scene->much, MUCH, A_WHILE);
}

static void check_much(scene_t *scene)
{
    unsigned char got[MUCH];
    size_t size;

    assert_success(mproc_connection_recv_bytes(scene->there, got, MUCH, &size, 0));
    assert_int_equal(size, MUCH);
    assert_int_equal(mproc_connection_poll(scene->there, 0), APR_TIMEUP);
}

static void nothing_is_sent_after_a_message_that_failed_in_the_middle(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pipe, .call = send_much, .check = check_much, .afterwards = {MPROC_ETORN}};

    (void)state;
    take_walk(&walk);
}

static void set_up_pipe_and_queue(scene_t *scene)
{
    set_up_pipe(scene);
    set_up_queue(scene);
}

static apr_status_t send_queue(scene_t *scene)
{
    return mproc_connection_send(scene->here, MPROC_PACK("a queue", scene->queue), A_WHILE);
}

/* It is the same queue. */
static void check_passed(const scene_t *scene, mproc_values_t *values)
{
    const char *words;
    mproc_queue_t *queue;
    size_t size;
    char byte;

    assert_success(MPROC_UNPACK(values, &words, &queue));
    assert_success(mproc_queue_put_bytes(scene->queue, "x", 1, 0));
    assert_success(mproc_queue_get_bytes(queue, &byte, 1, &size, 0));
    assert_success(mproc_queue_close(queue));
}

static void check_queue_sent(scene_t *scene)
{
    mproc_values_t *values = mproc_values_create(scene->mem);

    assert_success(mproc_connection_recv(scene->there, values, 0));
    check_passed(scene, values);
    assert_int_equal(mproc_connection_poll(scene->there, 0), APR_TIMEUP);
}

/* Its handles go before the message, which may fail when they have gone. */
static void a_queue_is_sent_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_pipe_and_queue,
                                .call = send_queue,
                                .check = check_queue_sent,
                                .afterwards = {MPROC_ETORN}};

    (void)state;
    take_walk(&walk);
}

/* -- Receiving ------------------------------------------------------------------------ */

static void set_up_little(scene_t *scene)
{
    set_up_pipe(scene);
    scene->values = mproc_values_create(scene->mem);
    assert_success(mproc_connection_send(scene->there, MPROC_PACK("before"), 0));
    assert_success(mproc_connection_recv(scene->here, scene->values, 0));
    assert_success(mproc_connection_send(scene->there, MPROC_PACK("a little", 7), 0));
}

/* Once more, so that the same call can be made again. */
static apr_status_t receive(scene_t *scene)
{
    return mproc_connection_recv(scene->here, scene->values, A_WHILE);
}

static void check_received(scene_t *scene)
{
    const char *words;
    int number;

    assert_success(MPROC_UNPACK(scene->values, &words, &number));
    assert_string_equal(words, "a little");
    assert_success(mproc_connection_send(scene->there, MPROC_PACK("a little", 7), 0));
}

static void values_are_received_by_the_next_call(void **state)
{
    static const walk_t walk = {.set_up = set_up_little, .call = receive, .check = check_received};

    (void)state;
    take_walk(&walk);
}

static void set_up_queue_sent(scene_t *scene)
{
    set_up_pipe_and_queue(scene);
    scene->values = mproc_values_create(scene->mem);
    assert_success(mproc_connection_send(scene->there, MPROC_PACK("a queue", scene->queue), 0));
}

static void check_queue_received(scene_t *scene)
{
    check_passed(scene, scene->values);
    assert_success(mproc_connection_send(scene->there, MPROC_PACK("a queue", scene->queue), 0));
}

/* A message whose queue cannot be had is gone, and its handles with it: at once, or when it is whole. */
static void a_queue_is_received_or_gone(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue_sent,
                                .call = receive,
                                .check = check_queue_received,
                                .afterwards = {APR_TIMEUP, APR_ENOMEM}};

    (void)state;
    take_walk(&walk);
}

static void fill(scene_t *scene)
{
    size_t i;

    for (i = 0; i < MUCH; i++)
        scene->much[i] = (unsigned char)(i % 251);
}

static void set_up_much(scene_t *scene)
{
    set_up_pipe(scene);
    fill(scene);
    assert_success(mproc_connection_send_bytes(scene->there, scene->much, MUCH, 0));
}

static apr_status_t receive_much(scene_t *scene)
{
    return mproc_connection_recv_bytes(scene->here, scene->much, MUCH, &scene->size, A_WHILE);
}

static void check_received_much(scene_t *scene)
{
    unsigned char got[MUCH];

    assert_int_equal(scene->size, MUCH);
    memcpy(got, scene->much, MUCH);
    fill(scene);
    assert_memory_equal(got, scene->much, MUCH);
    assert_success(mproc_connection_send_bytes(scene->there, scene->much, MUCH, 0));
}

/* The first half of it is kept, in memory that may not be there: then that is said from then on. */
static void bytes_are_received_by_the_next_call_or_never(void **state)
{
    static const walk_t walk = {.set_up = set_up_much,
                                .call = receive_much,
                                .check = check_received_much,
                                .afterwards = {MPROC_ETORN}};

    (void)state;
    take_walk(&walk);
}

/* What was there before stays. */
static apr_status_t receive_behind(scene_t *scene)
{
    static unsigned char buffer[8 + MUCH];
    apr_status_t rv;

    memcpy(buffer, "in front", 8);
    rv = mproc_connection_recv_bytes_into(scene->here, buffer, sizeof buffer, 8, &scene->size,
                                          A_WHILE);
    assert_memory_equal(buffer, "in front", 8);
    if (rv == APR_SUCCESS)
        memcpy(scene->much, buffer + 8, MUCH);
    return rv;
}

static void bytes_behind_others_are_received_by_the_next_call_or_never(void **state)
{
    static const walk_t walk = {.set_up = set_up_much,
                                .call = receive_behind,
                                .check = check_received_much,
                                .afterwards = {MPROC_ETORN}};

    (void)state;
    take_walk(&walk);
}

static apr_status_t receive_none(scene_t *scene)
{
    return mproc_connection_recv_bytes(scene->here, scene->much, MUCH, &scene->size, A_WHILE);
}

static void a_failure_while_waiting_is_no_timeout(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pipe, .call = receive_none, .expected = APR_TIMEUP};

    (void)state;
    take_walk(&walk);
}

/* -- Values to receive into --------------------------------------------------------------- */

/* They lie in the caller's memory if there is none of their own. */
static apr_status_t make_values(scene_t *scene)
{
    scene->values = mproc_values_create(scene->mem);
    return APR_SUCCESS;
}

static void check_values(scene_t *scene)
{
    const char *words;
    int number;

    assert_success(send_little(scene));
    assert_success(mproc_connection_recv(scene->there, scene->values, 0));
    assert_success(MPROC_UNPACK(scene->values, &words, &number));
    assert_string_equal(words, "a little");
}

static void values_are_made_in_any_case(void **state)
{
    static const char *const harmless[] = {"fake_pool_create", NULL};
    static const walk_t walk = {
        .set_up = set_up_pipe, .call = make_values, .check = check_values, .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

/* -- Closing --------------------------------------------------------------------------------- */

static apr_status_t close_it(scene_t *scene)
{
    return mproc_connection_close(scene->here);
}

static void check_closed(scene_t *scene)
{
    assert_int_equal(mproc_connection_send_bytes(scene->here, "x", 1, 0), MPROC_ECLOSED);
    assert_int_equal(mproc_connection_send_bytes(scene->there, "x", 1, 0), APR_EPIPE);
    assert_success(close_it(scene));
}

static void nothing_can_fail_where_a_connection_is_closed(void **state)
{
    static const walk_t walk = {.set_up = set_up_pipe, .call = close_it, .check = check_closed};

    (void)state;
    take_short_walk(&walk);
}

/* -- Looking --------------------------------------------------------------------------- */

static apr_status_t look(scene_t *scene)
{
    return mproc_connection_poll(scene->here, A_WHILE);
}

static void a_message_is_seen_by_the_next_look(void **state)
{
    static const walk_t walk = {.set_up = set_up_much, .call = look};

    (void)state;
    take_walk(&walk);
}

static apr_status_t wait_for_message(scene_t *scene)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(scene->here)};
    apr_status_t rv;

    what[0].ready = 7;
    rv = mproc_wait(what, 1, A_WHILE);
    if (rv == APR_SUCCESS)
        assert_int_equal(what[0].ready, 1);
    else
        assert_int_equal(what[0].ready, 7);
    return rv;
}

static void check_waited(scene_t *scene)
{
    assert_success(mproc_connection_poll(scene->here, 0));
}

/* A connection on which reading fails is ready: receiving says what is the matter. */
static void a_message_is_waited_for(void **state)
{
    static const char *const harmless[] = {"port_channel_read", NULL};
    static const walk_t walk = {.set_up = set_up_much,
                                .call = wait_for_message,
                                .check = check_waited,
                                .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_pipe_is_made_whole_or_not_at_all),
        claim(values_are_sent_or_nothing_is),
        claim(nothing_is_sent_after_a_message_that_failed_in_the_middle),
        claim(a_queue_is_sent_whole_or_not_at_all),
        claim(values_are_received_by_the_next_call),
        claim(a_queue_is_received_or_gone),
        claim(bytes_are_received_by_the_next_call_or_never),
        claim(bytes_behind_others_are_received_by_the_next_call_or_never),
        claim(a_failure_while_waiting_is_no_timeout),
        claim(values_are_made_in_any_case),
        claim(nothing_can_fail_where_a_connection_is_closed),
        claim(a_message_is_seen_by_the_next_look),
        claim(a_message_is_waited_for),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
