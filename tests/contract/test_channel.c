/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Channels, with both ends in one process.
 */

#include "contract.h"

#include <apr_file_io.h>
#include <apr_portable.h>

#include <string.h>

#define BOTH (PORT_READ | PORT_WRITE)
#define LARGE ((size_t)5 << 20)
#define TO_THE_END SIZE_MAX

/* A thread that reads until the end, or until it has `limit` bytes, resting after each read. */
typedef struct reader_t {
    port_channel_t *channel;
    size_t limit;
    apr_interval_time_t rest;
    size_t total; /* that came */
    size_t right; /* of them */
    apr_status_t rv;
} reader_t;

static void read_all(reader_t *reader)
{
    unsigned char buffer[30011];
    size_t received;

    while (reader->total < reader->limit) {
        reader->rv =
            port_channel_read(reader->channel, buffer, sizeof buffer, in_good_time(), &received);
        if (reader->rv != APR_SUCCESS)
            break;
        reader->right += count_pattern(buffer, received, reader->total);
        reader->total += received;
        if (reader->rest > 0)
            apr_sleep(reader->rest);
    }
}

/* apr_thread_exit() leaves frames behind, and AddressSanitizer minds arrays in them. */
static void *APR_THREAD_FUNC run_reader(apr_thread_t *thread, void *data)
{
    read_all(data);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static apr_thread_t *start_reader(reader_t *reader, port_channel_t *channel, size_t limit,
                                  apr_interval_time_t rest, apr_pool_t *mem)
{
    apr_thread_t *thread;

    memset(reader, 0, sizeof *reader);
    reader->channel = channel;
    reader->limit = limit;
    reader->rest = rest;
    assert_success(apr_thread_create(&thread, NULL, run_reader, reader, mem));
    return thread;
}

static void join_reader(apr_thread_t *thread, const reader_t *reader, size_t expected)
{
    apr_status_t rv;

    assert_success(apr_thread_join(&rv, thread));
    assert_int_equal(reader->rv, reader->limit == TO_THE_END ? APR_EOF : APR_SUCCESS);
    assert_int_equal(reader->total, expected);
    assert_int_equal(reader->right, expected);
}

static unsigned char *make_pattern(size_t size, apr_pool_t *mem)
{
    unsigned char *bytes = apr_palloc(mem, size);

    fill_pattern(bytes, size, 0);
    return bytes;
}

static void send_word(port_channel_t *from, port_channel_t *to)
{
    char buffer[100];
    size_t moved;

    assert_success(port_channel_write(from, "word", 4, in_good_time(), &moved));
    assert_int_equal(moved, 4);
    assert_success(port_channel_read(to, buffer, sizeof buffer, in_good_time(), &moved));
    assert_int_equal(moved, 4);
    assert_memory_equal(buffer, "word", 4);
}

static void words_go_both_ways(void **state)
{
    port_channel_t *here, *there;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    send_word(here, there);
    send_word(there, here);
    port_channel_close(here);
    port_channel_close(there);
}

static void a_channel_that_reads_goes_here(void **state)
{
    port_channel_t *here, *there;

    assert_success(port_channel_pair(&here, &there, PORT_READ, *state));
    send_word(there, here);
    port_channel_close(here);
    port_channel_close(there);
}

static void a_channel_that_writes_goes_there(void **state)
{
    port_channel_t *here, *there;

    assert_success(port_channel_pair(&here, &there, PORT_WRITE, *state));
    send_word(here, there);
    port_channel_close(here);
    port_channel_close(there);
}

static void read_times_out_when_nothing_arrives(void **state)
{
    port_channel_t *here, *there;
    char byte = 'x';
    size_t received = 77;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_int_equal(port_channel_read(here, &byte, 1, PORT_NOW, &received), APR_TIMEUP);
    assert_int_equal(port_channel_read(here, &byte, 1, in_a_moment(), &received), APR_TIMEUP);
    assert_int_equal(received, 77);
    assert_int_equal(byte, 'x');
    port_channel_close(here);
    port_channel_close(there);
}

static void nothing_is_lost_by_a_time_out(void **state)
{
    port_channel_t *here, *there;
    char byte;
    size_t received;
    int i;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    for (i = 0; i < 100; i++) {
        assert_int_equal(port_channel_read(here, &byte, 1, PORT_NOW, &received), APR_TIMEUP);
        send_word(there, here);
    }
    port_channel_close(here);
    port_channel_close(there);
}

static void what_has_arrived_is_read_by_looking_once(void **state)
{
    port_channel_t *here, *there;
    char buffer[3];
    size_t moved;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_success(port_channel_write(there, "word", 4, PORT_NOW, &moved));
    assert_int_equal(moved, 4);
    assert_success(port_channel_read(here, buffer, sizeof buffer, PORT_NOW, &moved));
    assert_int_equal(moved, 3);
    assert_success(port_channel_read(here, buffer, sizeof buffer, PORT_NOW, &moved));
    assert_int_equal(moved, 1);
    assert_int_equal(buffer[0], 'd');
    port_channel_close(here);
    port_channel_close(there);
}

static void writing_nothing_sends_nothing(void **state)
{
    port_channel_t *here, *there;
    char byte;
    size_t moved = 77;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_success(port_channel_write(there, "", 0, in_good_time(), &moved));
    assert_int_equal(moved, 0);
    assert_int_equal(port_channel_read(here, &byte, 1, in_a_moment(), &moved), APR_TIMEUP);
    port_channel_close(here);
    port_channel_close(there);
}

static void what_was_written_before_a_close_is_read_before_the_end(void **state)
{
    port_channel_t *here, *there;
    unsigned char *sent = make_pattern(4096, *state), received[4096];
    size_t moved, total = 0;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_success(port_channel_write(there, sent, 4096, in_good_time(), &moved));
    port_channel_close(there);
    while (total < sizeof received) {
        assert_success(port_channel_read(here, received + total, sizeof received - total,
                                         in_good_time(), &moved));
        total += moved;
    }
    assert_memory_equal(received, sent, sizeof received);
    assert_int_equal(port_channel_read(here, received, 1, in_good_time(), &moved), APR_EOF);
    assert_int_equal(port_channel_read(here, received, 1, PORT_NOW, &moved), APR_EOF);
    port_channel_close(here);
}

static void a_close_ends_a_read_that_waits(void **state)
{
    port_channel_t *here, *there;
    reader_t reader;
    apr_thread_t *thread;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    thread = start_reader(&reader, here, TO_THE_END, 0, *state);
    apr_sleep(20000); /* so that it most often waits; the claim holds if it does not */
    port_channel_close(there);
    join_reader(thread, &reader, 0);
    port_channel_close(here);
}

static void write_fails_when_the_other_end_is_closed(void **state)
{
    port_channel_t *here, *there;
    size_t sent = 77;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    port_channel_close(there);
    assert_int_equal(port_channel_write(here, "word", 4, in_good_time(), &sent), APR_EPIPE);
    assert_int_equal(sent, 0);
    assert_int_equal(port_channel_write(here, "word", 4, PORT_NEVER, &sent), APR_EPIPE);
    port_channel_close(here);
}

static void a_message_of_four_kibibytes_needs_no_reader(void **state)
{
    static const int directions[] = {BOTH, PORT_WRITE};
    port_channel_t *here, *there;
    unsigned char *bytes = make_pattern(4096, *state);
    size_t sent, i;

    for (i = 0; i < 2; i++) {
        assert_success(port_channel_pair(&here, &there, directions[i], *state));
        assert_success(port_channel_write(here, bytes, 4096, PORT_NOW, &sent));
        assert_int_equal(sent, 4096);
        port_channel_close(here);
        port_channel_close(there);
    }
}

static void check_large_write(port_deadline_t deadline, apr_interval_time_t rest, apr_pool_t *mem)
{
    port_channel_t *here, *there;
    unsigned char *bytes = make_pattern(LARGE, mem);
    reader_t reader;
    apr_thread_t *thread;
    size_t sent;

    assert_success(port_channel_pair(&here, &there, PORT_WRITE, mem));
    thread = start_reader(&reader, there, TO_THE_END, rest, mem);
    assert_success(port_channel_write(here, bytes, LARGE, deadline, &sent));
    assert_int_equal(sent, LARGE);
    port_channel_close(here);
    join_reader(thread, &reader, LARGE);
    port_channel_close(there);
}

static void a_write_larger_than_the_buffer_waits_for_the_reader(void **state)
{
    check_large_write(PORT_NEVER, 0, *state);
    check_large_write(in_good_time(), 0, *state);
    check_large_write(PORT_NEVER, 1000, *state);
}

static void write_times_out_and_tells_that_some_went(void **state)
{
    port_channel_t *here, *there;
    unsigned char *bytes = make_pattern(LARGE, *state);
    reader_t reader;
    apr_thread_t *thread;
    apr_status_t rv;
    size_t sent = 0;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_int_equal(port_channel_write(here, bytes, LARGE, in_a_moment(), &sent), APR_TIMEUP);
    assert_in_range(sent, 1, LARGE - 1);
    port_channel_close(here);
    thread = start_reader(&reader, there, TO_THE_END, 0, *state);
    assert_success(apr_thread_join(&rv, thread));
    assert_in_range(reader.total, sent, LARGE - 1);
    assert_int_equal(reader.right, reader.total);
    port_channel_close(there);
}

static void fill(port_channel_t *channel, const void *bytes, size_t size)
{
    size_t sent;

    while (port_channel_write(channel, bytes, size, PORT_NOW, &sent) == APR_SUCCESS)
        assert_int_equal(sent, size);
}

static void write_times_out_and_tells_that_nothing_went(void **state)
{
    port_channel_t *here, *there;
    unsigned char *bytes = make_pattern(LARGE, *state);
    size_t sent;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    fill(here, bytes, 4096);
    fill(here, bytes, 1);
    assert_int_equal(port_channel_write(here, bytes, LARGE, in_a_moment(), &sent), APR_TIMEUP);
    assert_int_equal(sent, 0);
    port_channel_close(here);
    port_channel_close(there);
}

static void one_end_is_read_and_written_at_once(void **state)
{
    port_channel_t *here, *there;
    unsigned char *bytes = make_pattern(LARGE, *state);
    reader_t forth, back;
    apr_thread_t *reader_there, *reader_here;
    size_t sent;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    reader_here = start_reader(&back, here, 4096, 0, *state);
    reader_there = start_reader(&forth, there, LARGE, 0, *state);
    assert_success(port_channel_write(here, bytes, LARGE, in_good_time(), &sent));
    assert_success(port_channel_write(there, bytes, 4096, in_good_time(), &sent));
    join_reader(reader_here, &back, 4096);
    join_reader(reader_there, &forth, LARGE);
    port_channel_close(here);
    port_channel_close(there);
}

static void an_adopted_end_reads_and_writes(void **state)
{
    port_channel_t *here, *there, *adopted;
    apr_pool_t *mem = *state;

    assert_success(port_channel_pair(&here, &there, BOTH, mem));
    assert_success(port_channel_adopt(&adopted, port_channel_handle(there), BOTH, mem));
    assert_int_equal(port_channel_handle(adopted), port_channel_handle(there));
    send_word(here, adopted);
    send_word(adopted, here);
    port_channel_close(here);
    port_channel_close(adopted);
}

static void what_is_no_channel_is_not_adopted(void **state)
{
    port_channel_t *channel = NULL;
    const char *folder;
    char *name;
    apr_file_t *file;
    apr_os_file_t handle;
    apr_pool_t *mem = *state;

    assert_success(apr_temp_dir_get(&folder, mem));
    name = apr_pstrcat(mem, folder, "/mproc-XXXXXX", NULL);
    assert_success(apr_file_mktemp(&file, name, 0, mem));
    assert_success(apr_os_file_get(&handle, file));
    assert_int_equal(port_channel_adopt(&channel, (port_handle_t)handle, BOTH, mem), APR_EBADF);
    assert_int_equal(port_channel_adopt(&channel, PORT_NO_HANDLE, BOTH, mem), APR_EBADF);
    assert_int_equal(port_channel_adopt(&channel, -2, BOTH, mem), APR_EBADF);
    assert_null(channel);
    apr_file_close(file);
}

static void channels_leave_no_handles(void **state)
{
    port_channel_t *here, *there;
    int i, before = 0;

    for (i = 0; i < 101; i++) {
        if (i == 1)
            before = count_open_handles();
        assert_success(port_channel_pair(&here, &there, BOTH, *state));
        send_word(here, there);
        send_word(there, here);
        port_channel_close(here);
        port_channel_close(there);
    }
    assert_int_equal(count_open_handles(), before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(words_go_both_ways),
        claim(a_channel_that_reads_goes_here),
        claim(a_channel_that_writes_goes_there),
        claim(read_times_out_when_nothing_arrives),
        claim(nothing_is_lost_by_a_time_out),
        claim(what_has_arrived_is_read_by_looking_once),
        claim(writing_nothing_sends_nothing),
        claim(what_was_written_before_a_close_is_read_before_the_end),
        claim(a_close_ends_a_read_that_waits),
        claim(write_fails_when_the_other_end_is_closed),
        claim(a_message_of_four_kibibytes_needs_no_reader),
        claim(a_write_larger_than_the_buffer_waits_for_the_reader),
        claim(write_times_out_and_tells_that_some_went),
        claim(write_times_out_and_tells_that_nothing_went),
        claim(one_end_is_read_and_written_at_once),
        claim(an_adopted_end_reads_and_writes),
        claim(what_is_no_channel_is_not_adopted),
        claim(channels_leave_no_handles),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
