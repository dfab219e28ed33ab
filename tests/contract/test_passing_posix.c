/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: what the kernel keeps, what it drops, and what anybody may attach to
 * whatever bytes he likes.
 */

#include "spawned.h"

#include <sys/resource.h>
#include <unistd.h>

#define BOTH (PORT_READ | PORT_WRITE)

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

static void pass(const channels_t *channels, size_t count)
{
    port_handle_t handles[PORT_HANDLES_MAX];
    size_t i, sent;

    for (i = 0; i < count; i++)
        handles[i] = port_channel_handle(channels->there);
    assert_success(
        port_channel_send_handles(channels->from, "h", 1, handles, count, in_good_time(), &sent));
}

static apr_status_t take(const channels_t *channels, size_t count)
{
    port_handle_t handles[PORT_HANDLES_MAX];
    char byte;
    apr_status_t rv;

    assert_success(read_bytes(channels->to, &byte, 1));
    rv = port_channel_take_handles(channels->to, NULL, count, handles);
    while (rv == APR_SUCCESS && count > 0)
        port_handle_close(handles[--count]);
    return rv;
}

static void they_arrive_though_their_sender_was_killed(void **state)
{
    static const char *const words[] = {PASS, NULL};
    child_t child = {.words = words};
    port_channel_t *here, *taken;
    port_handle_t handle = PORT_NO_HANDLE;

    assert_success(port_channel_pair(&here, &child.given, BOTH, *state));
    assert_success(start_child(&child, *state));
    port_channel_close(child.given);
    assert_string_equal(hear(child.control, *state), "sent");
    port_process_stop(child.process, 9);
    end_child(&child, PORT_SIGNALED, 9);
    assert_success(take_handle(here, &handle));
    assert_success(port_channel_adopt(&taken, handle, BOTH, *state));
    assert_string_equal(hear(taken, *state), "through");
    assert_string_equal(hear(taken, *state), "(end)");
    port_channel_close(taken);
    port_channel_close(here);
}

static void what_did_not_come_cannot_be_taken(void **state)
{
    channels_t channels = make_channels(*state);
    int before = count_open_handles();
    size_t sent;

    assert_success(port_channel_write(channels.from, "h", 1, in_good_time(), &sent));
    assert_int_equal(take(&channels, 1), APR_EBADF);
    pass(&channels, 2);
    assert_int_equal(take(&channels, 3), APR_EBADF);
    assert_int_equal(count_open_handles(), before);
    close_channels(&channels);
}

static void what_nobody_asks_for_is_dropped(void **state)
{
    channels_t channels = make_channels(*state);
    int before = count_open_handles();
    char byte;

    pass(&channels, 3);
    assert_success(read_bytes(channels.to, &byte, 1));
    assert_int_equal(count_open_handles(), before + 3);
    port_channel_drop_handles(channels.to);
    assert_int_equal(count_open_handles(), before);
    pass(&channels, 1);
    assert_success(take(&channels, 1));
    close_channels(&channels);
}

/* One that sends handles without end gets what it announces no more, and takes nothing else away. */
static void only_so_many_wait(void **state)
{
    channels_t channels = make_channels(*state);
    int before = count_open_handles(), i;
    char byte;

    for (i = 0; i < 8; i++) {
        pass(&channels, PORT_HANDLES_MAX);
        assert_success(read_bytes(channels.to, &byte, 1));
    }
    assert_true(count_open_handles() <= before + 1024);
    pass(&channels, 1);
    assert_int_equal(take(&channels, 1), APR_EMFILE);
    port_channel_drop_handles(channels.to);
    assert_int_equal(count_open_handles(), before);
    pass(&channels, 1);
    assert_success(take(&channels, 1));
    close_channels(&channels);
}

/* The limit is for numbers: the lowest that is not open, and `room` more. */
static void leave_room_for(int room, struct rlimit *old)
{
    struct rlimit limit;
    int next = dup(0);

    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, old), 0);
    limit = *old;
    limit.rlim_cur = (rlim_t)(next + room);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void without_room_they_are_lost_and_the_next_arrive(void **state)
{
    channels_t channels = make_channels(*state);
    int before = count_open_handles(), room;
    struct rlimit old;

    for (room = 0; room < 3; room++) {
        pass(&channels, 3);
        leave_room_for(room, &old);
        assert_int_equal(take(&channels, 3), APR_EMFILE);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
        assert_int_equal(count_open_handles(), before);
        pass(&channels, 3);
        assert_success(take(&channels, 3));
    }
    close_channels(&channels);
}

/* A program may run without its standard streams; what comes must not become one of them. */
static void they_do_not_become_standard_streams(void **state)
{
    channels_t channels = make_channels(*state);
    port_handle_t handle = PORT_NO_HANDLE;
    int kept = dup(STDIN_FILENO);

    assert_success(pass_handle(channels.from, port_channel_handle(channels.there), in_good_time()));
    close(STDIN_FILENO);
    assert_success(take_handle(channels.to, &handle));
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    close(kept);
    assert_true(handle > STDERR_FILENO);
    assert_false(is_inheritable(handle));
    port_handle_close(handle);
    close_channels(&channels);
}

static void those_that_wait_are_listed_and_wait_elsewhere(void **state)
{
    channels_t channels = make_channels(*state);
    port_handle_t waiting[3], own[2], taken[2];
    char byte;

    pass(&channels, 2);
    assert_success(read_bytes(channels.to, &byte, 1));
    assert_int_equal(port_channel_waiting_handles(channels.to, waiting, 3), 2);
    assert_int_equal(port_channel_waiting_handles(channels.to, waiting, 1), 2);
    own[0] = dup((int)waiting[0]);
    own[1] = dup((int)waiting[1]);
    assert_success(port_channel_await_handles(channels.from, own, 2));
    assert_success(port_channel_take_handles(channels.from, NULL, 2, taken));
    assert_memory_equal(taken, own, sizeof own);
    port_handle_close(taken[0]);
    port_handle_close(taken[1]);
    close_channels(&channels);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(they_arrive_though_their_sender_was_killed),
        claim(what_did_not_come_cannot_be_taken),
        claim(what_nobody_asks_for_is_dropped),
        claim(only_so_many_wait),
        claim(without_room_they_are_lost_and_the_next_arrive),
        claim(they_do_not_become_standard_streams),
        claim(those_that_wait_are_listed_and_wait_elsewhere),
    };

    run_if_child(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
