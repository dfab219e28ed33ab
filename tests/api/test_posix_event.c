/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events and signals: an event is set in a handler, wherever the thread was interrupted.
 */

#include "claims.h"
#include "workers.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static mproc_event_t *event_of_handler;

static const mproc_target_t targets[] = {MPROC_TARGETS_END};

static void set_in_handler(int signal)
{
    (void)signal;
    (void)mproc_event_set(event_of_handler);
}

static void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    assert_int_equal(sigaction(signal, &action, NULL), 0);
}

/* The first signal comes after so long, and then one each such time; 0: no more. */
static void ring_each(suseconds_t microseconds)
{
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};

    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void a_handler_sets_the_event_that_its_thread_waits_for(void **state)
{
    int rounds;

    assert_success(mproc_event_create(&event_of_handler, NULL, *state));
    handle(SIGALRM, set_in_handler);
    ring_each(300);
    for (rounds = 1000 * test_scale(); rounds > 0; rounds--) {
        assert_success(mproc_event_wait(event_of_handler, PATIENCE));
        assert_success(mproc_event_clear(event_of_handler));
    }
    ring_each(0);
    handle(SIGALRM, SIG_DFL);
}

static void a_handler_may_interrupt_any_call_on_the_event(void **state)
{
    apr_time_t end = apr_time_now() + apr_time_from_msec(300) * test_scale();

    assert_success(mproc_event_create(&event_of_handler, NULL, *state));
    handle(SIGALRM, set_in_handler);
    ring_each(100);
    while (apr_time_now() < end) {
        assert_success(mproc_event_set(event_of_handler));
        assert_success(mproc_event_clear(event_of_handler));
        (void)mproc_event_is_set(event_of_handler);
        (void)mproc_event_wait(event_of_handler, 1);
    }
    ring_each(0);
    handle(SIGALRM, SIG_DFL);
    assert_success(mproc_event_set(event_of_handler));
    assert_success(mproc_event_wait(event_of_handler, 0));
}

static void setting_leaves_errno_as_it_was(void **state)
{
    assert_success(mproc_event_create(&event_of_handler, NULL, *state));
    errno = EXDEV;
    assert_success(mproc_event_set(event_of_handler));
    assert_int_equal(errno, EXDEV);
}

/* By fork(2): mproc knows of it all the same. */
static void a_process_that_the_program_has_forked_cannot_use_an_event(void **state)
{
    int status;
    pid_t pid;

    assert_success(mproc_event_create(&event_of_handler, NULL, *state));
    pid = fork();
    if (pid == 0)
        _exit(mproc_event_set(event_of_handler) == MPROC_EFOREIGN &&
                      mproc_event_wait(event_of_handler, 0) == MPROC_EFOREIGN &&
                      mproc_event_close(event_of_handler) == APR_SUCCESS
                  ? 0
                  : 1);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_false(mproc_event_is_set(event_of_handler));
    assert_success(mproc_event_set(event_of_handler));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_handler_sets_the_event_that_its_thread_waits_for),
        claim_leaving_nothing(a_handler_may_interrupt_any_call_on_the_event),
        claim_leaving_nothing(setting_leaves_errno_as_it_was),
        claim_leaving_nothing(a_process_that_the_program_has_forked_cannot_use_an_event),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
