/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A child has the descriptors that it was given, and no others, whatever other
 * threads of its parent do meanwhile.
 */

#include "claims.h"
#include "raw.h"
#include "threads.h"
#include "workers.h"

#include <apr_atomic.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NTHREADS 16
#define ROUNDS 8

/* Above it nobody here has any. */
#define HIGHEST 2048

/* -- What the children do ------------------------------------------------------ */

static int is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) != -1;
}

/*
 * A copy of the fork server has the way to it, too, which is its channel and what keeps it alive; and
 * each where the server had room for it.
 */
static apr_status_t check_copys_handles(int expected)
{
    int count = 0, descriptor;

    for (descriptor = 0; descriptor < HIGHEST; descriptor++)
        count += is_open(descriptor);
    return count == expected + 2 ? APR_SUCCESS
                                 : mproc_error_set(APR_EGENERAL, "%d descriptors are open", count);
}

/* With three standard ones come the control channel, the connections, and the lifeline. */
static apr_status_t check_handles(size_t nconnections)
{
    int count = 3 + 1 + (int)nconnections + 1, descriptor;

    if (is_by_forkserver())
        return check_copys_handles(count);
    for (descriptor = 0; descriptor < HIGHEST; descriptor++)
        if (is_open(descriptor) != (descriptor < count))
            return mproc_error_set(APR_EGENERAL, "descriptor %d is %s", descriptor,
                                   descriptor < count ? "closed" : "open");
    return APR_SUCCESS;
}

static apr_status_t have_one(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(check_handles(1));
    MPROC_TRY(MPROC_UNPACK(task, &line));
    return answer(task);
}

static apr_status_t have_four(mproc_task_t *task)
{
    mproc_connection_t *connections[4];
    int i;

    MPROC_TRY(check_handles(4));
    MPROC_TRY(MPROC_UNPACK(task, &connections[0], &connections[1], &connections[2], &connections[3]));
    for (i = 0; i < 4; i++)
        MPROC_TRY(mproc_connection_send(connections[i], MPROC_PACK(i), PATIENCE));
    return APR_SUCCESS;
}

/* How many any program would get that this process starts by fork and exec, but for 0, 1 and 2. */
static int count_handles_for_any_program(void)
{
    int count = 0, descriptor;

    for (descriptor = 3; descriptor < HIGHEST; descriptor++) {
        int flags = fcntl(descriptor, F_GETFD);
        count += flags != -1 && (flags & FD_CLOEXEC) == 0;
    }
    return count;
}

static apr_status_t have_private_ones(mproc_task_t *task)
{
    int count = count_handles_for_any_program();

    (void)task;
    return count == 0 ? APR_SUCCESS
                      : mproc_error_set(APR_EGENERAL, "%d descriptors would be inherited", count);
}

static const mproc_target_t targets[] = {MPROC_TARGET(have_one), MPROC_TARGET(have_four), MPROC_TARGET(have_private_ones),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Threads that do what they like with descriptors ---------------------------------- */

static apr_uint32_t is_over;

static apr_status_t open_and_close(void *data)
{
    int pair[2], file;

    (void)data;
    while (!apr_atomic_read32(&is_over)) {
        file = open("/dev/null", O_RDONLY);
        if (pipe(pair) == 0) {
            close(pair[0]);
            close(pair[1]);
        }
        close(file);
    }
    return APR_SUCCESS;
}

/* -- Threads that start children ------------------------------------------------------- */

/* One that talks to its child over a connection that only the two of them have. */
static apr_status_t start_and_talk(apr_pool_t *mem, int number)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    char word[24], heard[24];
    size_t size;

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_process_start(&process, have_one, MPROC_PACK(there), NULL, mem));
    MPROC_TRY(mproc_connection_close(there));
    snprintf(word, sizeof word, "child %d", number);
    if (mproc_connection_recv_bytes(here, heard, sizeof heard, &size, PATIENCE) == APR_SUCCESS) {
        MPROC_TRY(say(here, word));
        MPROC_TRY(mproc_connection_recv_bytes(here, heard, sizeof heard, &size, PATIENCE));
        if (size != strlen(word) || memcmp(heard, word, size) != 0)
            return mproc_error_set(APR_EGENERAL, "%s was heard by another", word);
        MPROC_TRY(say(here, "leave"));
    }
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* In the memory that all threads share. */
static apr_status_t start_some(void *mem)
{
    int i;

    for (i = 0; i < ROUNDS * test_scale(); i++) {
        apr_status_t rv = start_and_talk(mem, i);

        if (rv != APR_SUCCESS) {
            print_error("%s\n", mproc_error_message());
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* -- The tests ------------------------------------------------------------------------------ */

static void a_child_has_exactly_what_it_was_given(void **state)
{
    mproc_connection_t *here[4], *there[4];
    mproc_values_t *values = mproc_values_create(*state);
    mproc_process_t *process;
    int i, number, carelessly_open = open("/dev/null", O_RDONLY);

    for (i = 0; i < 4; i++)
        assert_success(mproc_pipe(&here[i], &there[i], MPROC_DUPLEX, *state));
    assert_success(status_of(&process, have_four, MPROC_PACK(there[3], there[1], there[0], there[2]), NULL, *state));
    close(carelessly_open);
    for (i = 0; i < 4; i++) {
        static const int expected[] = {2, 1, 3, 0};

        assert_success(mproc_connection_recv(here[i], values, PATIENCE));
        assert_success(MPROC_UNPACK(values, &number));
        assert_int_equal(number, expected[i]);
    }
}

static void what_a_child_was_given_goes_no_further(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(status_of(&process, have_private_ones, MPROC_PACK(there), NULL, *state));
}

static void what_the_parent_holds_is_for_no_other_program(void **state)
{
    int before = count_handles_for_any_program();
    mproc_connection_t *line, *here, *there;
    mproc_process_t *process;

    start_born(&process, &line, answer, NULL, *state);
    assert_success(mproc_pipe(&here, &there, MPROC_ONE_WAY, *state));
    assert_int_equal(count_handles_for_any_program(), before);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

static void careless_threads_give_a_child_nothing(void **state)
{
    work_t careless[4], starting;
    int i;

    apr_atomic_set32(&is_over, 0);
    for (i = 0; i < 4; i++)
        assert_success(start_thread(&careless[i], open_and_close, NULL, *state));
    assert_success(start_thread(&starting, start_some, *state, *state));
    assert_success(end_thread(&starting));
    apr_atomic_set32(&is_over, 1);
    for (i = 0; i < 4; i++)
        assert_success(end_thread(&careless[i]));
}

static void many_threads_start_children_that_do_not_get_each_others(void **state)
{
    work_t starting[NTHREADS];
    int i;

    for (i = 0; i < NTHREADS; i++)
        assert_success(start_thread(&starting[i], start_some, *state, *state));
    for (i = 0; i < NTHREADS; i++)
        assert_success(end_thread(&starting[i]));
}

/* That belongs to the open file, and so to every process that has it. */
static int waits(int descriptor)
{
    return (fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
}

static void neither_calls_nor_starts_change_how_an_open_file_waits(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    char word[8];
    size_t size;
    int descriptor;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, *state));
    assert_string_equal(hear(here, *state), "born");
    assert_status(mproc_connection_recv_bytes(here, word, sizeof word, &size, A_MOMENT), APR_TIMEUP);
    assert_true(waits((int)port_channel_handle(raw_channel(here, *state))));
    assert_true(waits((int)port_channel_handle(raw_channel(there, *state))));
    for (descriptor = 0; descriptor < 3; descriptor++)
        assert_true(waits(descriptor));
    assert_success(say(here, "leave"));
    assert_ended(process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_child_has_exactly_what_it_was_given),
        claim_leaving_nothing(what_a_child_was_given_goes_no_further),
        claim_leaving_nothing(neither_calls_nor_starts_change_how_an_open_file_waits),
        claim_leaving_nothing(what_the_parent_holds_is_for_no_other_program),
        claim_leaving_nothing(careless_threads_give_a_child_nothing),
        claim_leaving_nothing(many_threads_start_children_that_do_not_get_each_others),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
