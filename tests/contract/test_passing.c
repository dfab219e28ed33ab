/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handles that go through a channel, to this process itself and from another one.
 */

#include "spawned.h"

#include <mproc/status.h>

#include <string.h>

#define BOTH (PORT_READ | PORT_WRITE)
#define MAX PORT_HANDLES_MAX

/* A channel to pass handles through, and one whose ends are passed. */
typedef struct channels_t {
    port_channel_t *from, *to;
    port_channel_t *here, *there;
} channels_t;

static channels_t make_channels(apr_pool_t *mem)
{
    channels_t made;

    assert_success(port_channel_pair(&made.from, &made.to, BOTH, mem));
    assert_success(port_channel_pair(&made.here, &made.there, BOTH, mem));
    return made;
}

static void close_end(port_channel_t **end)
{
    if (*end != NULL)
        port_channel_close(*end);
    *end = NULL;
}

/* Those that the test has not closed itself. */
static void close_channels(channels_t *channels)
{
    close_end(&channels->from);
    close_end(&channels->to);
    close_end(&channels->here);
    close_end(&channels->there);
}

static port_channel_t *take_channel(port_channel_t *from, apr_pool_t *mem)
{
    port_channel_t *taken;
    port_handle_t handle = PORT_NO_HANDLE;

    assert_success(take_handle(from, &handle));
    assert_success(port_channel_adopt(&taken, handle, BOTH, mem));
    return taken;
}

/* All of them are the same handle. */
static apr_status_t pass_many(channels_t *channels, port_deadline_t deadline, size_t *sent)
{
    port_handle_t handles[MAX];
    size_t i;

    for (i = 0; i < MAX; i++)
        handles[i] = port_channel_handle(channels->there);
    MPROC_TRY(port_channel_send_handles(channels->from, "many", 4, handles, MAX, deadline, sent));
    port_channel_commit_handles(channels->from);
    return APR_SUCCESS;
}

static void take_many(channels_t *channels, port_handle_t handles[MAX])
{
    unsigned char bytes[4096];

    assert_success(read_bytes(channels->to, bytes, 4 + port_note_size(MAX)));
    assert_memory_equal(bytes, "many", 4);
    assert_success(port_channel_take_handles(channels->to, bytes + 4, MAX, handles));
}

static void close_many(const port_handle_t handles[MAX])
{
    size_t i;

    for (i = 0; i < MAX; i++)
        port_handle_close(handles[i]);
}

/* -- Going and arriving ------------------------------------------------------------- */

static void a_handle_goes_through_a_channel(void **state)
{
    channels_t channels = make_channels(*state);
    port_channel_t *taken;

    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    close_end(&channels.there);
    taken = take_channel(channels.to, *state);
    say(channels.here, "forth");
    assert_string_equal(hear(taken, *state), "forth");
    say(taken, "back");
    assert_string_equal(hear(channels.here, *state), "back");
    port_channel_close(taken);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

static void the_sender_keeps_its_own(void **state)
{
    channels_t channels = make_channels(*state);
    port_channel_t *taken;

    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    taken = take_channel(channels.to, *state);
    port_channel_close(taken);
    say(channels.there, "still here");
    assert_string_equal(hear(channels.here, *state), "still here");
    close_end(&channels.there);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

/* Each with bytes between them, and with nothing read before all are sent. */
static void handles_arrive_in_order_among_other_bytes(void **state)
{
    channels_t channels = make_channels(*state);
    port_channel_t *one, *other;

    assert_success(pass_handle(channels.from, port_channel_handle(channels.here), PORT_NEVER));
    say(channels.from, "between");
    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    say(channels.from, "behind");
    one = take_channel(channels.to, *state);
    assert_string_equal(hear(channels.to, *state), "between");
    other = take_channel(channels.to, *state);
    assert_string_equal(hear(channels.to, *state), "behind");
    say(one, "from here");
    assert_string_equal(hear(channels.there, *state), "from here");
    say(other, "from there");
    assert_string_equal(hear(channels.here, *state), "from there");
    port_channel_close(one);
    port_channel_close(other);
    close_channels(&channels);
}

static void as_many_as_there_may_be_go_at_once(void **state)
{
    channels_t channels = make_channels(*state);
    port_channel_t *last;
    port_handle_t handles[MAX];
    size_t sent = 0;

    assert_success(pass_many(&channels, in_good_time(), &sent));
    assert_int_equal(sent, 4 + port_note_size(MAX));
    close_end(&channels.there);
    take_many(&channels, handles);
    assert_success(port_channel_adopt(&last, handles[MAX - 1], BOTH, *state));
    say(channels.here, "to the last");
    assert_string_equal(hear(last, *state), "to the last");
    close_many(handles);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

static void more_may_be_on_their_way_at_once(void **state)
{
    channels_t channels = make_channels(*state);
    port_handle_t handles[MAX];
    size_t sent, i;

    for (i = 0; i < 3; i++)
        assert_success(pass_many(&channels, in_good_time(), &sent));
    close_end(&channels.there);
    for (i = 0; i < 3; i++) {
        take_many(&channels, handles);
        close_many(handles);
    }
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

static void they_arrive_when_the_sender_has_closed_its_end(void **state)
{
    channels_t channels = make_channels(*state);
    port_channel_t *taken;

    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    close_end(&channels.from);
    close_end(&channels.there);
    taken = take_channel(channels.to, *state);
    assert_string_equal(hear(channels.to, *state), "(end)");
    say(taken, "word");
    assert_string_equal(hear(channels.here, *state), "word");
    port_channel_close(taken);
    close_channels(&channels);
}

static void what_is_taken_is_not_inherited(void **state)
{
    channels_t channels = make_channels(*state);
    port_handle_t handle = PORT_NO_HANDLE;

    make_inheritable(port_channel_handle(channels.there));
    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    assert_success(take_handle(channels.to, &handle));
    assert_false(is_inheritable(handle));
    assert_true(handle != port_channel_handle(channels.there));
    port_handle_close(handle);
    close_channels(&channels);
}

static void they_come_from_another_process(void **state)
{
    static const char *const words[] = {PASS, NULL};
    child_t child = {.words = words};
    port_channel_t *here, *taken;

    assert_success(port_channel_pair(&here, &child.given, BOTH, *state));
    assert_success(start_child(&child, *state));
    port_channel_close(child.given);
    taken = take_channel(here, *state);
    assert_string_equal(hear(child.control, *state), "sent");
    assert_string_equal(hear(taken, *state), "through");
    port_process_stop(child.process, 9);
    assert_string_equal(hear(taken, *state), "(end)");
    end_child(&child, PORT_SIGNALED, 9);
    port_channel_close(taken);
    port_channel_close(here);
}

/* -- Not arriving ------------------------------------------------------------------- */

static void what_is_not_read_ends_with_the_channel(void **state)
{
    channels_t channels = make_channels(*state);
    char byte;
    size_t received;

    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    close_end(&channels.there);
    assert_int_equal(port_channel_read(channels.here, &byte, 1, in_a_moment(), &received),
                     APR_TIMEUP);
    close_end(&channels.to);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

static void what_is_read_and_not_taken_ends_with_the_channel(void **state)
{
    channels_t channels = make_channels(*state);
    char bytes[64];

    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    close_end(&channels.there);
    assert_success(read_bytes(channels.to, bytes, 1 + port_note_size(1)));
    close_end(&channels.to);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

/* Its sender has closed in the middle of something: the reader must see that, and no handle stays. */
static void what_is_not_committed_does_not_keep_an_end_open(void **state)
{
    channels_t channels = make_channels(*state);
    port_handle_t handle = port_channel_handle(channels.there);
    char bytes[64];
    size_t sent;

    assert_success(
        port_channel_send_handles(channels.from, "h", 1, &handle, 1, in_good_time(), &sent));
    close_end(&channels.there);
    close_end(&channels.from);
    assert_success(read_bytes(channels.to, bytes, 1 + port_note_size(1)));
    assert_string_equal(hear(channels.to, *state), "(end)");
    close_end(&channels.to);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

static void nothing_goes_to_an_end_that_is_closed(void **state)
{
    channels_t channels = make_channels(*state);
    size_t sent = 77;

    close_end(&channels.to);
    assert_int_equal(pass_many(&channels, in_good_time(), &sent), APR_EPIPE);
    assert_int_equal(sent, 0);
    assert_int_equal(pass_many(&channels, PORT_NEVER, &sent), APR_EPIPE);
    close_end(&channels.there);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

/* A piece is the smaller the fuller it is, so that not one byte more finds room. */
static void fill(port_channel_t *channel)
{
    static const char nothing[4096];
    size_t size, sent;

    for (size = sizeof nothing; size > 0; size /= 64)
        while (port_channel_write(channel, nothing, size, PORT_NOW, &sent) == APR_SUCCESS)
            continue;
}

static void nothing_goes_when_there_is_no_room_in_time(void **state)
{
    channels_t channels = make_channels(*state);
    size_t sent = 77;

    fill(channels.from);
    assert_int_equal(pass_many(&channels, PORT_NOW, &sent), APR_TIMEUP);
    assert_int_equal(pass_many(&channels, in_a_moment(), &sent), APR_TIMEUP);
    assert_int_equal(sent, 0);
    close_end(&channels.there);
    assert_string_equal(hear(channels.here, *state), "(end)");
    close_channels(&channels);
}

static void handles_that_came_and_went_leave_none(void **state)
{
    int i, before = 0;

    for (i = 0; i < 21; i++) {
        channels_t channels;
        port_handle_t handle = PORT_NO_HANDLE;

        if (i == 1)
            before = count_open_handles();
        channels = make_channels(*state);
        assert_success(
            pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
        assert_success(
            pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
        assert_success(take_handle(channels.to, &handle));
        port_handle_close(handle);
        close_end(&channels.there);
        close_end(&channels.to);
        assert_string_equal(hear(channels.here, *state), "(end)");
        close_channels(&channels);
    }
    assert_int_equal(count_open_handles(), before);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_handle_goes_through_a_channel),
        claim(the_sender_keeps_its_own),
        claim(handles_arrive_in_order_among_other_bytes),
        claim(as_many_as_there_may_be_go_at_once),
        claim(more_may_be_on_their_way_at_once),
        claim(they_arrive_when_the_sender_has_closed_its_end),
        claim(what_is_taken_is_not_inherited),
        claim(they_come_from_another_process),
        claim(what_is_not_read_ends_with_the_channel),
        claim(what_is_read_and_not_taken_ends_with_the_channel),
        claim(what_is_not_committed_does_not_keep_an_end_open),
        claim(nothing_goes_to_an_end_that_is_closed),
        claim(nothing_goes_when_there_is_no_room_in_time),
        claim(handles_that_came_and_went_leave_none),
    };

    run_if_child(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
