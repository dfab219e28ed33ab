/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process's life seen from outside: waiting for it, ending it, how it ended,
 * and what becomes of it when its parent ends.
 */

#include "spawned.h"

#include <string.h>

#define BOTH (PORT_READ | PORT_WRITE)

static void start(child_t *child, const char *const *words, apr_pool_t *mem)
{
    memset(child, 0, sizeof *child);
    child->words = words;
    assert_success(start_child(child, mem));
}

/* A child that has said that it runs. */
static void start_born(child_t *child, const char *command, apr_pool_t *mem)
{
    const char *const words[] = {command, NULL};

    start(child, words, mem);
    assert_string_equal(hear(child->control, mem), "born");
}

static void the_exit_code_is_reported(void **state)
{
    static const char *const codes[] = {"0", "1", "42", "255"};
    size_t i;

    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const char *const words[] = {EXIT, codes[i], NULL};
        child_t child;

        start(&child, words, *state);
        end_child(&child, PORT_EXITED, apr_atoi64(codes[i]));
    }
}

/* Windows' GetExitCodeProcess() says 259 of a process that runs, too; POSIX keeps 8 bits. */
static void the_code_259_is_not_taken_for_running(void **state)
{
    const char *const words[] = {EXIT, "259", NULL};
    child_t child;
    port_exit_t how;

    start(&child, words, *state);
    assert_success(port_process_wait(child.process, in_good_time()));
    port_process_reap(child.process, &how);
    assert_int_equal(how.ending, PORT_EXITED);
    assert_true(how.code == 259 || how.code == (259 & 0xFF));
    port_process_close(child.process);
    port_channel_close(child.control);
}

/* What Windows gives to a process that Ctrl-C ends; POSIX keeps 8 bits of it. */
static void the_code_of_an_interrupted_process_is_its_signal(void **state)
{
    const char *const words[] = {EXIT, "-1073741510", NULL}; /* 0xC000013A */
    child_t child;
    port_exit_t how;

    start(&child, words, *state);
    assert_success(port_process_wait(child.process, in_good_time()));
    port_process_reap(child.process, &how);
    assert_true((how.ending == PORT_SIGNALED && how.code == 2) ||
                (how.ending == PORT_EXITED && how.code == 0x3A));
    port_process_close(child.process);
    port_channel_close(child.control);
}

static void wait_times_out_while_the_child_runs(void **state)
{
    child_t child;

    start_born(&child, WAIT, *state);
    assert_int_equal(port_process_wait(child.process, PORT_NOW), APR_TIMEUP);
    assert_int_equal(port_process_wait(child.process, in_a_moment()), APR_TIMEUP);
    assert_success(port_process_stop(child.process, 9));
    end_child(&child, PORT_SIGNALED, 9);
}

static void wait_returns_at_once_when_the_child_has_ended(void **state)
{
    const char *const words[] = {EXIT, "0", NULL};
    child_t child;

    start(&child, words, *state);
    assert_success(port_process_wait(child.process, PORT_NEVER));
    assert_success(port_process_wait(child.process, PORT_NOW));
    end_child(&child, PORT_EXITED, 0);
}

typedef struct waiter_t {
    port_process_t *process;
    apr_status_t rv;
} waiter_t;

static void *APR_THREAD_FUNC wait_for_ever(apr_thread_t *thread, void *data)
{
    waiter_t *waiter = data;

    waiter->rv = port_process_wait(waiter->process, PORT_NEVER);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void a_waiting_thread_and_a_polling_thread_agree(void **state)
{
    child_t child;
    waiter_t waiters[3];
    apr_thread_t *threads[3];
    port_deadline_t limit = in_good_time();
    apr_status_t rv;
    int i;

    start_born(&child, WAIT, *state);
    for (i = 0; i < 3; i++) {
        waiters[i].process = child.process;
        waiters[i].rv = APR_EGENERAL;
        assert_success(apr_thread_create(&threads[i], NULL, wait_for_ever, &waiters[i], *state));
    }
    assert_int_equal(port_process_wait(child.process, PORT_NOW), APR_TIMEUP);
    assert_success(port_process_stop(child.process, 15));
    while (port_process_wait(child.process, PORT_NOW) != APR_SUCCESS)
        assert_true(port_clock() < limit);
    for (i = 0; i < 3; i++) {
        assert_success(apr_thread_join(&rv, threads[i]));
        assert_success(waiters[i].rv);
    }
    end_child(&child, PORT_SIGNALED, 15);
}

static void a_killed_child_reports_the_signal(void **state)
{
    child_t child;

    start_born(&child, COMPUTE, *state);
    assert_success(port_process_stop(child.process, 9));
    end_child(&child, PORT_SIGNALED, 9);
}

static void a_child_that_is_asked_to_end_reports_the_signal(void **state)
{
    child_t child;

    start_born(&child, COMPUTE, *state);
    assert_success(port_process_stop(child.process, 15));
    end_child(&child, PORT_SIGNALED, 15);
}

static void stopping_twice_is_no_error(void **state)
{
    child_t child;
    int i;

    start_born(&child, COMPUTE, *state);
    for (i = 0; i < 100; i++)
        assert_success(port_process_stop(child.process, 9));
    end_child(&child, PORT_SIGNALED, 9);
}

static void stopping_a_child_that_has_ended_changes_nothing(void **state)
{
    const char *const words[] = {EXIT, "7", NULL};
    child_t child;

    start(&child, words, *state);
    assert_success(port_process_wait(child.process, in_good_time()));
    assert_success(port_process_stop(child.process, 9));
    end_child(&child, PORT_EXITED, 7);
}

static void closing_a_child_that_runs_ends_it(void **state)
{
    child_t child;

    start_born(&child, COMPUTE, *state);
    port_process_close(child.process);
    assert_string_equal(hear(child.control, *state), "(end)");
    port_channel_close(child.control);
}

/* Start a child that starts one, which holds the other end of *line. */
static void start_nested(child_t *child, port_channel_t **line, const char *nest,
                         const char *command, apr_pool_t *mem)
{
    const char *const words[] = {nest, command, NULL};
    port_channel_t *there;

    memset(child, 0, sizeof *child);
    assert_success(port_channel_pair(line, &there, BOTH, mem));
    child->words = words;
    child->given = there;
    assert_success(start_child(child, mem));
    port_channel_close(there);
    assert_string_equal(hear(child->control, mem), "ready");
}

/* The end of the line comes when neither child nor grandchild is left. */
static void a_child_ends_with_its_parent(void **state)
{
    child_t child;
    port_channel_t *line;

    start_nested(&child, &line, NEST, COMPUTE, *state);
    assert_success(port_process_stop(child.process, 9));
    assert_string_equal(hear(line, *state), "(end)");
    end_child(&child, PORT_SIGNALED, 9);
    port_channel_close(line);
}

static void a_detached_child_stays_and_sees_its_parent_end(void **state)
{
    child_t child;
    port_channel_t *line;

    start_nested(&child, &line, NEST_DETACHED, OUTLIVE, *state);
    assert_success(port_process_stop(child.process, 9));
    end_child(&child, PORT_SIGNALED, 9);
    assert_string_equal(hear(line, *state), "orphan");
    say(line, "leave");
    assert_string_equal(hear(line, *state), "(end)");
    port_channel_close(line);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(the_exit_code_is_reported),
        claim(the_code_259_is_not_taken_for_running),
        claim(the_code_of_an_interrupted_process_is_its_signal),
        claim(wait_times_out_while_the_child_runs),
        claim(wait_returns_at_once_when_the_child_has_ended),
        claim(a_waiting_thread_and_a_polling_thread_agree),
        claim(a_killed_child_reports_the_signal),
        claim(a_child_that_is_asked_to_end_reports_the_signal),
        claim(stopping_twice_is_no_error),
        claim(stopping_a_child_that_has_ended_changes_nothing),
        claim(closing_a_child_that_runs_ends_it),
        claim(a_child_ends_with_its_parent),
        claim(a_detached_child_stays_and_sees_its_parent_end),
    };

    run_if_child(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
