/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: places that somebody else has, children that are stopped or whose
 * first thread has ended, and copies of this process.
 */

#include "living.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- Places ------------------------------------------------------------------------ */

static int is_busy(port_segment_t *segment, unsigned place)
{
    port_life_t life = 77;
    apr_status_t rv = port_life_begin(segment, place, &life);

    assert_true(rv == APR_SUCCESS || (APR_STATUS_IS_EBUSY(rv) && life == 77));
    if (rv == APR_SUCCESS)
        port_life_end(segment, place);
    return rv != APR_SUCCESS;
}

static void a_place_is_busy_while_who_has_it_lives(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    assert_true(is_busy(segment, 1));
    assert_false(is_busy(segment, 0));
    assert_false(is_busy(segment, 2));
    kill_child(&child);
    assert_false(is_busy(segment, 1));
    port_segment_close(segment);
}

static void a_place_is_free_when_it_was_given_up(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    tell(&child, "end", *state);
    assert_false(is_busy(segment, 1));
    let_leave(&child);
    port_segment_close(segment);
}

static void a_sign_that_was_lost_is_given_again(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    tell(&child, "lose", *state);
    assert_false(is_busy(segment, 1));
    tell(&child, "renew", *state);
    assert_true(is_busy(segment, 1));
    let_leave(&child);
    port_segment_close(segment);
}

/* A life of the same process, in a system that does not say when it was born, or does. */
static port_life_t born_at(port_life_t life, uint32_t born)
{
    return (life & ~(port_life_t)UINT32_MAX) | born;
}

/* Whether only a closing or its end can have been. */
static int has_let_go(port_segment_t *segment, unsigned place)
{
    return port_life_has_let_go(segment, place, born_at(life_at(segment, place), 0));
}

static void a_sign_that_is_not_given_is_let_go(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    assert_false(has_let_go(segment, 1));
    tell(&child, "lose", *state);
    assert_true(has_let_go(segment, 1));
    tell(&child, "renew", *state);
    assert_false(has_let_go(segment, 1));
    assert_success(port_process_stop(child.process, 9));
    assert_success(port_process_wait(child.process, in_good_time()));
    assert_true(has_let_go(segment, 1)); /* nobody has taken its code yet */
    end_child(&child, PORT_SIGNALED, 9);
    port_segment_close(segment);
}

/* Its time of birth tells more than the sign. */
static void who_is_known_by_his_birth_has_not_let_go(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    tell(&child, "lose", *state);
    assert_false(port_life_has_let_go(segment, 1, born_at(life_at(segment, 1), 1)));
    let_leave(&child);
    port_segment_close(segment);
}

/* A process does not see the sign that it gives. */
static void this_process_has_not_let_go(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_success(begin_life(segment, 0));
    assert_false(has_let_go(segment, 0));
    port_life_end(segment, 0);
    assert_false(has_let_go(segment, 0));
    port_segment_close(segment);
}

static void a_sign_cannot_be_given_again_where_another_gives_one(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    assert_true(APR_STATUS_IS_EBUSY(port_life_renew(segment, 1)));
    let_leave(&child);
    assert_success(port_life_renew(segment, 1));
    port_segment_close(segment);
}

/* -- Children in a strange state ----------------------------------------------------- */

static void wait_until_it_is_stopped(const child_t *child)
{
    siginfo_t about;
    id_t pid = (id_t)port_process_pid(child->process);

    while (waitid(P_PID, pid, &about, WSTOPPED | WNOWAIT) != 0)
        assert_int_equal(errno, EINTR);
}

static void a_child_that_is_stopped_is_alive(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    tell(&child, "lose", *state);
    assert_int_equal(kill((pid_t)port_process_pid(child.process), SIGSTOP), 0);
    wait_until_it_is_stopped(&child);
    assert_false(is_over(segment, 1));
    kill_child(&child);
    assert_true(is_over(segment, 1));
    port_segment_close(segment);
}

static pthread_t first_thread;

/* Only this one is left when it says "born", and nothing but /proc could say that it lives. */
static void *live_on(void *data)
{
    life_t *life = data;

    pthread_join(first_thread, NULL);
    lose_life(life->segment);
    say(life->control, "born");
    hear(life->control, life->mem);
    _exit(0);
}

/* What the other thread needs is not on the stack of this one, which ends. */
static int live_headless(life_t *life)
{
    life_t *kept = apr_pmemdup(life->mem, life, sizeof *life);
    pthread_t thread;

    first_thread = pthread_self();
    if (begin_life(life->segment, 1) != APR_SUCCESS ||
        pthread_create(&thread, NULL, live_on, kept) != 0)
        return 1;
    pthread_exit(NULL);
}

static void a_child_whose_first_thread_has_ended_is_alive(void **state)
{
    static const char *const words[] = {"headless", NULL};
    port_segment_t *segment = make_places(*state);
    child_t child = {.words = words, .segment = segment};
    port_deadline_t deadline;

    assert_success(start_child(&child, *state));
    assert_string_equal(hear(child.control, *state), "born");
    for (deadline = in_a_moment(); port_clock() < deadline;)
        assert_false(is_over(segment, 1));
    let_leave(&child);
    assert_true(is_over(segment, 1));
    port_segment_close(segment);
}

/* -- Copies --------------------------------------------------------------------------- */

/* The answer of a copy of this process. */
static int ask_copy(int (*question)(port_segment_t *segment), port_segment_t *segment)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(question(segment));
    assert_true(pid > 0);
    while (waitpid(pid, &status, 0) != pid)
        assert_int_equal(errno, EINTR);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int cannot_live(port_segment_t *segment)
{
    return APR_STATUS_IS_EBUSY(begin_life(segment, 0));
}

static int sees_it_dead(port_segment_t *segment)
{
    return is_over(segment, 0);
}

static int close_everything(port_segment_t *segment)
{
    port_segment_close(segment);
    return 0;
}

static void a_copy_does_not_have_the_sign_of_who_was_copied(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_success(begin_life(segment, 0));
    assert_int_equal(ask_copy(cannot_live, segment), 1);
    assert_int_equal(ask_copy(sees_it_dead, segment), 0);
    port_life_end(segment, 0);
    assert_int_equal(ask_copy(cannot_live, segment), 0);
    port_segment_close(segment);
}

static void a_copy_that_closes_all_takes_no_sign_away(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_success(begin_life(segment, 0));
    assert_int_equal(ask_copy(close_everything, segment), 0);
    assert_int_equal(ask_copy(cannot_live, segment), 1);
    port_segment_close(segment);
}

/* What a damaged segment may have instead of a life. */
static void what_is_no_process_does_not_live(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_true(port_life_is_over(segment, 2, 0));
    assert_true(port_life_is_over(segment, 2, UINT64_MAX));
    assert_true(port_life_is_over(segment, 2, (uint64_t)INT32_MAX << 32));
    port_segment_close(segment);
}

int main(int argc, char **argv)
{
    static const command_t commands[] = {{LIVE, live}, {"headless", live_headless}, {NULL, NULL}};
    static const struct CMUnitTest tests[] = {
        claim(a_place_is_busy_while_who_has_it_lives),
        claim(a_place_is_free_when_it_was_given_up),
        claim(a_sign_that_was_lost_is_given_again),
        claim(a_sign_that_is_not_given_is_let_go),
        claim(who_is_known_by_his_birth_has_not_let_go),
        claim(this_process_has_not_let_go),
        claim(a_sign_cannot_be_given_again_where_another_gives_one),
        claim(a_child_that_is_stopped_is_alive),
        claim(a_child_whose_first_thread_has_ended_is_alive),
        claim(a_copy_does_not_have_the_sign_of_who_was_copied),
        claim(a_copy_that_closes_all_takes_no_sign_away),
        claim(what_is_no_process_does_not_live),
    };

    run_if_child_of(commands, argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
