/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues, when what they call fails.
 */

#include "sharing.h"
#include "walk.h"

#include "values.h"

#include <apr_general.h>

/* A size of which some fit. */
enum { SOME = 900 };

/* -- Making one -------------------------------------------------------------------------- */

static apr_status_t make_queue(scene_t *scene)
{
    return mproc_queue_create((mproc_queue_t **)&scene->made[0], NULL, scene->mem);
}

static void check_works(mproc_queue_t *queue)
{
    char byte = 0;
    size_t size;

    assert_success(mproc_queue_put_bytes(queue, "x", 1, 0));
    assert_success(mproc_queue_get_bytes(queue, &byte, 1, &size, 0));
    assert_int_equal(size, 1);
    assert_int_equal(byte, 'x');
}

static void check_made(scene_t *scene)
{
    check_works(scene->made[0]);
}

static void a_queue_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing, .call = make_queue, .check = check_made};

    (void)state;
    take_walk(&walk);
}

static apr_status_t make_queue_with_options(scene_t *scene)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.capacity = SMALL;
    options.maxsize = 1;
    options.max_message_size = 1;
    options.processes = 1;
    return mproc_queue_create((mproc_queue_t **)&scene->made[0], &options, scene->mem);
}

static void check_made_with_options(scene_t *scene)
{
    check_works(scene->made[0]);
    assert_int_equal(mproc_queue_put_bytes(scene->made[0], "xx", 2, 0), MPROC_ETOOLARGE);
    assert_success(mproc_queue_put_bytes(scene->made[0], "x", 1, 0));
    assert_int_equal(mproc_queue_put_bytes(scene->made[0], "x", 1, 0), APR_TIMEUP);
}

static void a_queue_with_options_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing,
                                .call = make_queue_with_options,
                                .check = check_made_with_options};

    (void)state;
    take_walk(&walk);
}

/* The system may say of a place that another process has it. */
static void a_place_that_is_busy_is_passed_over(void **state)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    scene_t scene = {.mem = mem};
    int n = 0;

    (void)state;
    do {
        fake_fail(++n, APR_EBUSY);
        make_queue(&scene);
        fake_relent();
        assert_non_null(fake_failed());
    } while (strcmp(fake_failed(), "port_life_begin") != 0);
    check_made(&scene);
    fake_fail(n, APR_EBUSY);
    assert_int_equal(make_queue_with_options(&scene), MPROC_ETOOMANY);
    fake_relent();
    assert_non_null(strstr(mproc_error_message(), "`processes`"));
}

/* -- Putting ------------------------------------------------------------------------------ */

static apr_status_t put_values(scene_t *scene)
{
    return mproc_queue_put(scene->queue, MPROC_PACK("a little", 7), A_WHILE);
}

/* One message is there, and no part of another. */
static void check_values_put(scene_t *scene)
{
    mproc_values_t *values = mproc_values_create(scene->mem);
    const char *words;
    int number;

    assert_success(mproc_queue_get(scene->queue, values, 0));
    assert_success(MPROC_UNPACK(values, &words, &number));
    assert_string_equal(words, "a little");
    assert_true(mproc_queue_empty(scene->queue));
}

static void values_are_put_or_nothing_is(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_queue, .call = put_values, .check = check_values_put};

    (void)state;
    take_walk(&walk);
}

static apr_status_t put_object(scene_t *scene)
{
    return mproc_queue_put(scene->queue, MPROC_PACK("a queue", scene->queue), A_WHILE);
}

static void check_empty(scene_t *scene)
{
    assert_true(mproc_queue_empty(scene->queue));
    check_works(scene->queue);
}

static void an_object_is_refused_whatever_fails(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue,
                                .call = put_object,
                                .expected = MPROC_ENOTSHAREABLE,
                                .check = check_empty};

    (void)state;
    take_walk(&walk);
}

static apr_status_t put_some(scene_t *scene)
{
    return mproc_queue_put_bytes(scene->queue, scene->much, SOME, 0);
}

static void check_some_put(scene_t *scene)
{
    unsigned char got[SOME];
    size_t size;

    assert_success(mproc_queue_get_bytes(scene->queue, got, SOME, &size, 0));
    assert_int_equal(size, SOME);
    assert_true(mproc_queue_empty(scene->queue));
}

static void nothing_can_fail_where_bytes_have_room(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue, .call = put_some, .check = check_some_put};

    (void)state;
    take_short_walk(&walk);
}

static void set_up_full(scene_t *scene)
{
    set_up_queue(scene);
    while (put_some(scene) == APR_SUCCESS)
        continue;
    assert_success(mproc_queue_qsize(scene->queue, &scene->size));
    assert_int_equal(scene->size, SMALL / (SOME + 12));
}

static apr_status_t put_one_too_many(scene_t *scene)
{
    return mproc_queue_put_bytes(scene->queue, scene->much, SOME, A_WHILE);
}

static void check_still_full(scene_t *scene)
{
    size_t messages;

    assert_success(mproc_queue_qsize(scene->queue, &messages));
    assert_int_equal(messages, SMALL / (SOME + 12));
}

/* Who sleeps may be woken for no reason. */
static const char *const waking[] = {"port_park", NULL};

static void room_that_does_not_come_is_waited_for(void **state)
{
    static const walk_t walk = {.set_up = set_up_full,
                                .call = put_one_too_many,
                                .expected = APR_TIMEUP,
                                .check = check_still_full,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

static apr_status_t put_much(scene_t *scene)
{
    return mproc_queue_put_bytes(scene->queue, scene->much, MUCH, A_WHILE);
}

/* What had been put of it is passed over. */
static void check_taken_back(scene_t *scene)
{
    size_t messages, size;
    char byte;

    assert_success(mproc_queue_qsize(scene->queue, &messages));
    assert_int_equal(messages, 0);
    assert_int_equal(mproc_queue_get_bytes(scene->queue, &byte, 1, &size, 0), APR_TIMEUP);
    check_works(scene->queue);
}

static void a_message_in_pieces_that_nobody_gets_is_taken_back(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue,
                                .call = put_much,
                                .expected = APR_TIMEUP,
                                .check = check_taken_back,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

static size_t fill_messages(mproc_bytes_t messages[8], const scene_t *scene)
{
    size_t i;

    for (i = 0; i < 8; i++)
        messages[i] = (mproc_bytes_t){scene->much, SOME};
    return i;
}

/* Those for which there is room are put, whatever becomes of the others. */
static apr_status_t put_many(scene_t *scene)
{
    mproc_bytes_t messages[8];
    size_t count = fill_messages(messages, scene), put = 4711;
    apr_status_t rv = mproc_queue_put_many(scene->queue, messages, count, &put, A_WHILE);

    scene->number = (apr_int64_t)put;
    return rv;
}

static void set_up_for_many(scene_t *scene)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.capacity = (size_t)4 * SMALL;
    assert_success(mproc_queue_create(&scene->queue, &options, scene->mem));
}

static void check_many_put(scene_t *scene)
{
    size_t messages;

    assert_int_equal(scene->number, 8);
    assert_success(mproc_queue_qsize(scene->queue, &messages));
    assert_int_equal(messages, 8);
}

static void nothing_can_fail_where_many_have_room(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_for_many, .call = put_many, .check = check_many_put};

    (void)state;
    take_short_walk(&walk);
}

/* The first of them go in, and are got again, so that the same call can be made again. */
static apr_status_t put_too_many(scene_t *scene)
{
    mproc_bytes_t messages[8];
    size_t count = fill_messages(messages, scene), put = 4711, size;
    apr_status_t rv = mproc_queue_put_many(scene->queue, messages, count, &put, A_WHILE);

    assert_int_equal(put, SMALL / (SOME + 12));
    while (put-- > 0)
        assert_success(mproc_queue_get_bytes(scene->queue, scene->much, SOME, &size, 0));
    return rv;
}

static void of_too_many_the_first_are_put(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue,
                                .call = put_too_many,
                                .expected = APR_TIMEUP,
                                .check = check_empty,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

/* -- Getting ------------------------------------------------------------------------------ */

static void set_up_values(scene_t *scene)
{
    set_up_queue(scene);
    scene->values = mproc_values_create(scene->mem);
    assert_success(mproc_queue_put(scene->queue, MPROC_PACK("before"), 0));
    assert_success(mproc_queue_get(scene->queue, scene->values, 0));
    assert_success(put_values(scene));
}

static apr_status_t get_values(scene_t *scene)
{
    apr_status_t rv = mproc_queue_get(scene->queue, scene->values, A_WHILE);
    const char *words;

    if (rv != APR_SUCCESS) {
        fake_pause();
        assert_success(MPROC_UNPACK(scene->values, &words));
        assert_string_equal(words, "before");
        fake_resume();
    }
    return rv;
}

static void check_values_got(scene_t *scene)
{
    const char *words;
    int number;

    assert_success(MPROC_UNPACK(scene->values, &words, &number));
    assert_string_equal(words, "a little");
    assert_true(mproc_queue_empty(scene->queue));
    assert_success(put_values(scene));
}

static void values_are_got_by_the_next_call(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_values, .call = get_values, .check = check_values_got};

    (void)state;
    take_walk(&walk);
}

static void set_up_some(scene_t *scene)
{
    set_up_queue(scene);
    assert_success(put_some(scene));
}

static apr_status_t get_some(scene_t *scene)
{
    return mproc_queue_get_bytes(scene->queue, scene->much, MUCH, &scene->size, A_WHILE);
}

static void check_some_got(scene_t *scene)
{
    assert_int_equal(scene->size, SOME);
    assert_true(mproc_queue_empty(scene->queue));
}

static void nothing_can_fail_where_bytes_are(void **state)
{
    static const walk_t walk = {.set_up = set_up_some, .call = get_some, .check = check_some_got};

    (void)state;
    take_short_walk(&walk);
}

static void bytes_that_do_not_come_are_waited_for(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue,
                                .call = get_some,
                                .expected = APR_TIMEUP,
                                .check = check_empty,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

static apr_status_t get_into_too_little(scene_t *scene)
{
    size_t size = 0;
    apr_status_t rv = mproc_queue_get_bytes(scene->queue, scene->much, 1, &size, 0);

    assert_int_equal(size, SOME);
    return rv;
}

static void nothing_can_fail_where_a_message_is_too_large(void **state)
{
    static const walk_t walk = {.set_up = set_up_some,
                                .call = get_into_too_little,
                                .expected = MPROC_EMSGSIZE,
                                .check = check_some_put};

    (void)state;
    take_short_walk(&walk);
}

static apr_status_t get_many(scene_t *scene)
{
    mproc_bytes_t messages[8];

    return mproc_queue_get_many(scene->queue, scene->much, MUCH, messages, 8, &scene->size,
                                A_WHILE);
}

static void check_many_got(scene_t *scene)
{
    assert_int_equal(scene->size, SMALL / (SOME + 12));
    assert_true(mproc_queue_empty(scene->queue));
}

static void nothing_can_fail_where_many_are(void **state)
{
    static const walk_t walk = {.set_up = set_up_full, .call = get_many, .check = check_many_got};

    (void)state;
    take_short_walk(&walk);
}

static void many_that_do_not_come_are_waited_for(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue,
                                .call = get_many,
                                .expected = APR_TIMEUP,
                                .check = check_empty,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

/* -- Asking ------------------------------------------------------------------------------- */

static apr_status_t ask_all(scene_t *scene)
{
    apr_uint64_t put, got;
    size_t lost;

    assert_false(mproc_queue_empty(scene->queue));
    assert_false(mproc_queue_full(scene->queue));
    MPROC_TRY(mproc_queue_lost(scene->queue, NULL, 0, &lost));
    assert_int_equal(lost, 0);
    MPROC_TRY(mproc_queue_last(scene->queue, &put, &got));
    assert_int_equal(put, 1);
    assert_int_equal(got, 0);
    return mproc_queue_qsize(scene->queue, &scene->size);
}

static void check_asked(scene_t *scene)
{
    assert_int_equal(scene->size, 1);
}

static void nothing_can_fail_where_a_queue_is_asked(void **state)
{
    static const walk_t walk = {.set_up = set_up_some, .call = ask_all, .check = check_asked};

    (void)state;
    take_short_walk(&walk);
}

/* -- Its end ------------------------------------------------------------------------------ */

static apr_status_t drain(scene_t *scene)
{
    return mproc_queue_shutdown(scene->queue, MPROC_DRAIN);
}

static void check_shut_down(scene_t *scene)
{
    unsigned char byte;
    size_t size;

    assert_int_equal(mproc_queue_put_bytes(scene->queue, "x", 1, 0), MPROC_ESHUTDOWN);
    assert_int_equal(mproc_queue_get_bytes(scene->queue, &byte, 1, &size, 0), MPROC_ESHUTDOWN);
    assert_success(drain(scene));
}

static void check_drained(scene_t *scene)
{
    check_some_put(scene);
    check_shut_down(scene);
}

static void nothing_can_fail_where_a_queue_is_drained(void **state)
{
    static const walk_t walk = {.set_up = set_up_some, .call = drain, .check = check_drained};

    (void)state;
    take_short_walk(&walk);
}

static apr_status_t shut_down_at_once(scene_t *scene)
{
    return mproc_queue_shutdown(scene->queue, MPROC_AT_ONCE);
}

static void nothing_can_fail_where_a_queue_is_shut_down(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_some, .call = shut_down_at_once, .check = check_shut_down};

    (void)state;
    take_short_walk(&walk);
}

static apr_status_t close_queue(scene_t *scene)
{
    return mproc_queue_close(scene->queue);
}

static void check_closed(scene_t *scene)
{
    assert_int_equal(put_some(scene), MPROC_ECLOSED);
    assert_int_equal(fake_open().handles, 0);
    assert_success(close_queue(scene));
}

static void nothing_can_fail_where_a_queue_is_closed(void **state)
{
    static const walk_t walk = {.set_up = set_up_some, .call = close_queue, .check = check_closed};

    (void)state;
    take_short_walk(&walk);
}

/* -- Giving it to a child ------------------------------------------------------------------ */

static void set_up_queue_and_idle(scene_t *scene)
{
    set_up_queue(scene);
    fake_children_act(fake_is_idle, 0);
}

static apr_status_t start_with_queue(scene_t *scene, const char *method)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = method;
    return mproc_process_start((mproc_process_t **)&scene->made[0], work,
                               MPROC_PACK("a queue", scene->queue), &options, scene->mem);
}

static apr_status_t spawn_with_queue(scene_t *scene)
{
    return start_with_queue(scene, MPROC_SPAWN);
}

static apr_status_t fork_with_queue(scene_t *scene)
{
    return start_with_queue(scene, MPROC_FORK);
}

static void check_given(scene_t *scene)
{
    assert_int_equal(fake_last_child()->nhandles, 2);
    check_works(scene->queue);
}

static void a_queue_goes_to_the_child_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_queue_and_idle, .call = spawn_with_queue, .check = check_given};

    (void)state;
    take_walk(&walk);
}

static void a_queue_goes_to_the_copy_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_queue_and_idle, .call = fork_with_queue, .check = check_given};

    (void)state;
    take_walk(&walk);
}

/* -- Taking it over ------------------------------------------------------------------------ */

/* There is one place left for it. */
static void set_up_packed(scene_t *scene)
{
    set_up_queue(scene);
    scene->values = mproc_values_create(scene->mem);
}

/* What was not taken over is still the caller's. */
static apr_status_t take_over(scene_t *scene)
{
    mproc__handles_t handles = {{0}, 0};
    mproc_queue_t *taken;
    apr_status_t rv;

    fake_pause();
    scene->values->buffer.size = 0;
    assert_success(mproc__pack_encode(&scene->values->buffer, &handles, MPROC_PACK(scene->queue)));
    assert_int_equal(handles.count, 1);
    handles.handles[0] = fake_handle_copy(handles.handles[0]);
    fake_resume();
    rv = mproc__values_decode(scene->values, 0, handles.handles, handles.count);
    if (rv == APR_SUCCESS) {
        assert_success(MPROC_UNPACK(scene->values, &taken));
        scene->made[0] = taken;
    } else {
        assert_int_not_equal(handles.handles[0], PORT_NO_HANDLE);
        port_handle_close(handles.handles[0]);
    }
    return rv;
}

static void check_taken_over(scene_t *scene)
{
    unsigned char byte;
    size_t size;

    assert_success(mproc_queue_put_bytes(scene->queue, "x", 1, 0));
    assert_success(mproc_queue_get_bytes(scene->made[0], &byte, 1, &size, 0));
    assert_true(mproc_queue_empty(scene->queue));
}

static void a_queue_is_taken_over_or_its_handles_are_left(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_packed, .call = take_over, .check = check_taken_over};

    (void)state;
    take_walk(&walk);
}

/* -- Waiting on it ------------------------------------------------------------------------- */

static apr_status_t wait_for_queue(scene_t *scene)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(scene->queue)};
    apr_status_t rv;

    what[0].ready = 7;
    rv = mproc_wait(what, 1, A_WHILE);
    assert_int_equal(what[0].ready, rv == APR_SUCCESS ? 1 : APR_STATUS_IS_TIMEUP(rv) ? 0 : 7);
    return rv;
}

/* None whom the queue's other members would wake, and none for whom it could not be closed. */
static void check_nobody_waits(const scene_t *scene)
{
    assert_false(mproc__members_sleep(&scene->queue->view.member));
    assert_int_equal(atomic_load(&scene->queue->view.sleepers), 0);
}

/* What was waited for is still there. */
static void check_waited(scene_t *scene)
{
    check_some_put(scene);
    check_nobody_waits(scene);
    assert_success(put_some(scene));
}

static void a_queue_is_waited_for(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_some, .call = wait_for_queue, .check = check_waited};

    (void)state;
    take_walk(&walk);
}

static void check_waited_in_vain(scene_t *scene)
{
    check_empty(scene);
    check_nobody_waits(scene);
}

static void a_wait_on_a_queue_that_failed_has_not_timed_out(void **state)
{
    static const walk_t walk = {.set_up = set_up_queue,
                                .call = wait_for_queue,
                                .expected = APR_TIMEUP,
                                .check = check_waited_in_vain};

    (void)state;
    take_walk(&walk);
}

/* What a child does once it is at its target. */
static mproc_queue_t *childs;
static int has_put;

static int puts_and_goes_on(fake_child_t *child)
{
    if (fake_is_idle(child))
        return 1;
    if (!child->has_spoken || has_put)
        return 0;
    fake_act_as(child);
    assert_success(mproc_queue_put_bytes(childs, "x", 1, 0));
    fake_act_as(NULL);
    has_put = 1;
    return 1;
}

static void set_up_all_kinds(scene_t *scene, fake_act_fn *act)
{
    set_up_pipe(scene);
    set_up_queue(scene);
    has_put = 0;
    start(scene, act, NULL);
    childs = share_queue(fake_last_child(), scene->queue, scene->childs);
}

static void set_up_putting_child(scene_t *scene)
{
    set_up_all_kinds(scene, puts_and_goes_on);
}

/* What is ready, as bits in this order. */
enum { QUEUE = 1, CONNECTION = 2, PROCESS = 4 };

static apr_status_t wait_for_all(scene_t *scene)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(scene->queue), MPROC_WAITABLE(scene->here),
                               MPROC_WAITABLE(scene->process)};
    apr_status_t rv = mproc_wait(what, 3, A_WHILE);

    if (rv == APR_SUCCESS)
        scene->number = what[0].ready | what[1].ready << 1 | what[2].ready << 2;
    return rv;
}

static void check_queue_is_ready(scene_t *scene)
{
    assert_int_equal(scene->number, QUEUE);
    assert_false(mproc_queue_empty(scene->queue));
    check_nobody_waits(scene);
}

static void a_queue_is_waited_for_beside_others(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_putting_child, .call = wait_for_all, .check = check_queue_is_ready};

    (void)state;
    take_walk(&walk);
}

static void set_up_sent(scene_t *scene)
{
    set_up_all_kinds(scene, fake_is_idle);
    assert_success(mproc_connection_send_bytes(scene->there, "x", 1, 0));
}

static void check_connection_is_ready(scene_t *scene)
{
    assert_int_equal(scene->number, CONNECTION);
    assert_success(mproc_connection_poll(scene->here, 0));
}

static void a_connection_is_waited_for_beside_a_queue(void **state)
{
    static const char *const harmless[] = {"port_channel_read", NULL};
    static const walk_t walk = {.set_up = set_up_sent,
                                .call = wait_for_all,
                                .check = check_connection_is_ready,
                                .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

static void set_up_obeying(scene_t *scene)
{
    set_up_all_kinds(scene, fake_obeys);
}

static void check_process_is_ready(scene_t *scene)
{
    assert_int_equal(scene->number, PROCESS);
    assert_int_equal(mproc_process_is_alive(scene->process), 0);
}

static void a_process_is_waited_for_beside_a_queue(void **state)
{
    static const char *const reading_of_last_words[] = {"fake_pool_create", "port_process_reap",
                                                        "port_channel_read", "fake_realloc", NULL};
    static const walk_t walk = {.set_up = set_up_obeying,
                                .call = wait_for_all,
                                .check = check_process_is_ready,
                                .harmless = reading_of_last_words};

    (void)state;
    take_walk(&walk);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_queue_is_made_whole_or_not_at_all),
        claim(a_queue_with_options_is_made_whole_or_not_at_all),
        claim(a_place_that_is_busy_is_passed_over),
        claim(values_are_put_or_nothing_is),
        claim(an_object_is_refused_whatever_fails),
        claim(nothing_can_fail_where_bytes_have_room),
        claim(room_that_does_not_come_is_waited_for),
        claim(a_message_in_pieces_that_nobody_gets_is_taken_back),
        claim(nothing_can_fail_where_many_have_room),
        claim(of_too_many_the_first_are_put),
        claim(values_are_got_by_the_next_call),
        claim(nothing_can_fail_where_bytes_are),
        claim(bytes_that_do_not_come_are_waited_for),
        claim(nothing_can_fail_where_a_message_is_too_large),
        claim(nothing_can_fail_where_many_are),
        claim(many_that_do_not_come_are_waited_for),
        claim(nothing_can_fail_where_a_queue_is_asked),
        claim(nothing_can_fail_where_a_queue_is_drained),
        claim(nothing_can_fail_where_a_queue_is_shut_down),
        claim(nothing_can_fail_where_a_queue_is_closed),
        claim(a_queue_goes_to_the_child_and_stays_here),
        claim(a_queue_goes_to_the_copy_and_stays_here),
        claim(a_queue_is_taken_over_or_its_handles_are_left),
        claim(a_queue_is_waited_for),
        claim(a_wait_on_a_queue_that_failed_has_not_timed_out),
        claim(a_queue_is_waited_for_beside_others),
        claim(a_connection_is_waited_for_beside_a_queue),
        claim(a_process_is_waited_for_beside_a_queue),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
