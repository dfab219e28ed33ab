/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: the system keeps what is on its way, whatever becomes of the sender; and
 * a process may have no room for what arrives.
 */

#include "claims.h"
#include "raw.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct ends_t {
    mproc_connection_t *here, *there;
} ends_t;

static ends_t make_pipe(apr_pool_t *mem)
{
    ends_t ends;

    assert_success(mproc_pipe(&ends.here, &ends.there, MPROC_DUPLEX, mem));
    return ends;
}

static apr_status_t receive_connection(mproc_connection_t *from, mproc_connection_t **received,
                                       apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    MPROC_TRY(mproc_connection_recv(from, values, PATIENCE));
    return MPROC_UNPACK(values, received);
}

/* Sends an end with a word in it through its connection, and ends at once: by _exit(), if it is told to. */
static apr_status_t send_and_end(mproc_task_t *task)
{
    mproc_connection_t *line, *here, *there;
    int dies;

    MPROC_TRY(MPROC_UNPACK(task, &line, &dies));
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mproc_task_mem(task)));
    MPROC_TRY(say(here, "last words"));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(there), PATIENCE));
    if (dies)
        _exit(0);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(send_and_end),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static void what_was_sent_arrives_when_its_sender_has_ended(void **state)
{
    int dies;

    for (dies = 0; dies < 2; dies++) {
        ends_t pipe = make_pipe(*state);
        mproc_connection_t *received;
        mproc_process_t *process;

        assert_success(
            mproc_process_start(&process, send_and_end, MPROC_PACK(pipe.here, dies), NULL, *state));
        assert_ended(process, 0);
        assert_success(receive_connection(pipe.there, &received, *state));
        assert_string_equal(hear(received, *state), "last words");
        assert_string_equal(hear(received, *state), "(end)");
    }
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

static void check_no_room(int room, apr_pool_t *mem)
{
    ends_t pipe = make_pipe(mem), other = make_pipe(mem);
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *received;
    struct rlimit old;
    apr_status_t rv;

    assert_success(
        mproc_connection_send(pipe.here, MPROC_PACK(other.there, other.there), PATIENCE));
    leave_room_for(room, &old);
    rv = mproc_connection_recv(pipe.there, values, PATIENCE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_refused(rv, APR_EMFILE, "no room");
    assert_success(mproc_connection_send(pipe.here, MPROC_PACK(other.there), PATIENCE));
    assert_success(receive_connection(pipe.there, &received, mem));
    assert_success(mproc_connection_close(other.there));
    assert_success(say(received, "fine"));
    assert_string_equal(hear(other.here, mem), "fine");
    assert_success(mproc_connection_close(received));
    assert_string_equal(hear(other.here, mem), "(end)");
}

static void without_room_the_message_is_lost_and_the_next_is_fine(void **state)
{
    check_no_room(0, *state);
    check_no_room(1, *state);
}

/* A program that does not know what it reads gives what came with it to nobody. */
static void what_comes_with_other_bytes_is_closed(void **state)
{
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    static const unsigned char word[] = {0, 0, 0, 4, 'w', 'h', 'a', 't'};
    port_handle_t handle = port_channel_handle(raw_channel(other.there, *state));
    size_t sent;

    assert_success(port_channel_send_handles(raw_channel(pipe.here, *state), word, sizeof word,
                                             &handle, 1, port_clock() + PATIENCE, &sent));
    assert_success(mproc_connection_close(other.there));
    assert_string_equal(hear(pipe.there, *state), "what");
    assert_string_equal(hear(other.here, *state), "(end)");
}

/* -- Beside forks ------------------------------------------------------------------- */

#define ROUNDS 200

typedef struct postman_t {
    mproc_connection_t *from, *to, *other;
    apr_pool_t *mem;
} postman_t;

/* Receives an end, and closes it; again and again. */
static apr_status_t carry(void *data)
{
    postman_t *postman = data;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        mproc_connection_t *received;

        MPROC_TRY(mproc_connection_send(postman->from, MPROC_PACK(postman->other), PATIENCE));
        MPROC_TRY(receive_connection(postman->to, &received, postman->mem));
        MPROC_TRY(mproc_connection_close(received));
    }
    return APR_SUCCESS;
}

/* Children that are forked meanwhile live and end as ever, and give up what they were not given. */
static void connections_arrive_while_processes_are_forked(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    ends_t pipe = make_pipe(*state), other = make_pipe(*state);
    postman_t postman = {pipe.here, pipe.there, other.there, NULL};
    work_t work;
    int i;

    options.start_method = MPROC_FORK;
    assert_success(apr_pool_create(&postman.mem, *state));
    assert_success(start_thread(&work, carry, &postman, *state));
    for (i = 0; i < 20; i++) {
        mproc_process_t *process;

        assert_success(status_of(&process, succeed, MPROC_NO_ARGS, &options, *state));
        assert_success(mproc_process_close(process));
    }
    assert_success(end_thread(&work));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(what_was_sent_arrives_when_its_sender_has_ended),
        claim_leaving_nothing(without_room_the_message_is_lost_and_the_next_is_fine),
        claim_leaving_nothing(what_comes_with_other_bytes_is_closed),
        claim_leaving_nothing(connections_arrive_while_processes_are_forked),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
