/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows only: notes whose sender has ended, or lies.
 */

#include "spawned.h"

#include <string.h>
#include <windows.h>

#define BOTH (PORT_READ | PORT_WRITE)

/* A note for one handle, as passing.c writes it. */
typedef struct note_t {
    uint64_t pid, creation, taken, number;
} note_t;

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

static void close_channels(const channels_t *channels)
{
    port_channel_close(channels->from);
    port_channel_close(channels->to);
    port_channel_close(channels->here);
    port_channel_close(channels->there);
}

static note_t read_note(port_channel_t *channel)
{
    char bytes[1 + sizeof(note_t)];
    note_t note;

    assert_int_equal(port_note_size(1), sizeof note);
    assert_success(read_bytes(channel, bytes, sizeof bytes));
    memcpy(&note, bytes + 1, sizeof note);
    return note;
}

static note_t pass_and_read(const channels_t *channels)
{
    assert_success(
        pass_handle(channels->from, port_channel_handle(channels->there), in_good_time()));
    return read_note(channels->to);
}

static void after_their_sender_was_killed_nothing_can_be_taken(void **state)
{
    static const char *const words[] = {PASS, NULL};
    child_t child = {.words = words};
    port_channel_t *here;
    port_handle_t handle = PORT_NO_HANDLE;

    assert_success(port_channel_pair(&here, &child.given, BOTH, *state));
    assert_success(start_child(&child, *state));
    port_channel_close(child.given);
    assert_string_equal(hear(child.control, *state), "sent");
    port_process_stop(child.process, 9);
    assert_success(port_process_wait(child.process, in_good_time()));
    assert_int_equal(take_handle(here, &handle), APR_EOF);
    assert_int_equal(handle, PORT_NO_HANDLE);
    assert_string_equal(hear(here, *state), "(end)");
    end_child(&child, PORT_SIGNALED, 9);
    port_channel_close(here);
}

static void another_process_with_the_same_number_is_not_the_sender(void **state)
{
    channels_t channels = make_channels(*state);
    note_t note = pass_and_read(&channels);
    port_handle_t handle = PORT_NO_HANDLE;

    note.creation ^= 1;
    assert_int_equal(port_channel_take_handles(channels.to, &note, 1, &handle), APR_EOF);
    note.creation ^= 1;
    note.pid = 2;
    assert_int_equal(port_channel_take_handles(channels.to, &note, 1, &handle), APR_EOF);
    note.pid = UINT64_MAX;
    assert_int_equal(port_channel_take_handles(channels.to, &note, 1, &handle), APR_EBADF);
    assert_int_equal(handle, PORT_NO_HANDLE);
    close_channels(&channels);
}

/* The small negative ones would stand for the sender itself. */
static void numbers_that_are_no_handles_are_refused(void **state)
{
    static const uint64_t numbers[] = {0, (uint64_t)-1, (uint64_t)-2, 3, 0x00fffffcu};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        channels_t channels = make_channels(*state);
        note_t note = pass_and_read(&channels);
        port_handle_t handle = PORT_NO_HANDLE;

        note.number = numbers[i];
        assert_int_equal(port_channel_take_handles(channels.to, &note, 1, &handle), APR_EBADF);
        close_channels(&channels);
    }
}

/* All or none, and the sender is told all the same. */
static void after_a_failure_the_sender_keeps_nothing(void **state)
{
    channels_t channels = make_channels(*state);
    note_t note = pass_and_read(&channels);
    port_handle_t handle = PORT_NO_HANDLE;

    port_channel_close(channels.there);
    note.number = 0;
    assert_int_equal(port_channel_take_handles(channels.to, &note, 1, &handle), APR_EBADF);
    assert_string_equal(hear(channels.here, *state), "(end)");
    port_channel_close(channels.from);
    port_channel_close(channels.to);
    port_channel_close(channels.here);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(after_their_sender_was_killed_nothing_can_be_taken),
        claim(another_process_with_the_same_number_is_not_the_sender),
        claim(numbers_that_are_no_handles_are_refused),
        claim(after_a_failure_the_sender_keeps_nothing),
    };

    run_if_child(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
