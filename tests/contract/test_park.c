/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parks, in which threads and processes sleep and are woken, and the bell for
 * those who wait on many things.
 */

#include "spawned.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#define SEVERAL 3
#define FAR_MORE_THAN_FIT 100000

/* What lies in the segment. */
typedef struct board_t {
    _Atomic uint32_t words[PORT_PARKS]; /* one for each park */
    _Atomic uint32_t asleep;            /* so many are about to sleep, or do */
    _Atomic uint32_t awake;             /* so many have seen their word change */
} board_t;

static board_t *board_of(const port_segment_t *segment)
{
    return port_segment_memory(segment);
}

static port_segment_t *make_segment(apr_pool_t *mem)
{
    port_segment_t *segment;

    assert_success(port_segment_create(&segment, sizeof(board_t), mem));
    return segment;
}

/* -- Sleepers -------------------------------------------------------------------- */

/* Sleep until the word of a park is not 0 any more: 0, or 1 when that does not come. */
static int sleep_in(port_segment_t *segment, unsigned park)
{
    board_t *board = board_of(segment);
    port_deadline_t deadline = in_good_time();

    atomic_fetch_add(&board->asleep, 1);
    while (atomic_load(&board->words[park]) == 0) {
        if (port_clock() >= deadline)
            return 1;
        port_park(segment, park, &board->words[park], 0, deadline);
    }
    atomic_fetch_add(&board->awake, 1);
    return 0;
}

static int run_sleeper(life_t *life)
{
    say(life->control, "born");
    return sleep_in(life->segment, (unsigned)apr_atoi64(life->words[1]));
}

static int ring(life_t *life)
{
    say(life->control, "born");
    if (strcmp(hear(life->control, life->mem), "ring") != 0)
        return 1;
    port_bell_ring(life->segment);
    return 0;
}

/* A thread that sleeps, for a pool that outlives it. */
typedef struct sleeper_t {
    port_segment_t *segment;
    unsigned park;
    int result;
    apr_thread_t *thread;
} sleeper_t;

static void *APR_THREAD_FUNC run_sleeping_thread(apr_thread_t *thread, void *data)
{
    sleeper_t *sleeper = data;

    sleeper->result = sleep_in(sleeper->segment, sleeper->park);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void start_thread(sleeper_t *sleeper, port_segment_t *segment, unsigned park,
                         apr_pool_t *mem)
{
    sleeper->segment = segment;
    sleeper->park = park;
    assert_success(apr_thread_create(&sleeper->thread, NULL, run_sleeping_thread, sleeper, mem));
}

static void end_thread(sleeper_t *sleeper)
{
    apr_status_t rv;

    assert_success(apr_thread_join(&rv, sleeper->thread));
    assert_int_equal(sleeper->result, 0);
}

static void start_process(child_t *child, port_segment_t *segment, const char *command,
                          const char *park, apr_pool_t *mem)
{
    const char *const words[] = {command, park, NULL};

    memset(child, 0, sizeof *child);
    child->words = words;
    child->segment = segment;
    assert_success(start_child(child, mem));
    assert_string_equal(hear(child->control, mem), "born");
}

/* All of them have come; that they most often sleep then, the claims do not need. */
static void wait_for_sleepers(port_segment_t *segment, uint32_t count)
{
    port_deadline_t deadline = in_good_time();

    while (atomic_load(&board_of(segment)->asleep) < count) {
        assert_true(port_clock() < deadline);
        port_yield();
    }
    apr_sleep(20000);
}

static void wait_for_awake(port_segment_t *segment, uint32_t count)
{
    port_deadline_t deadline = port_clock() + 10 * (port_deadline_t)1000000;

    while (atomic_load(&board_of(segment)->awake) < count) {
        assert_true(port_clock() < deadline);
        port_yield();
    }
}

static unsigned wake(port_segment_t *segment, unsigned park, unsigned count)
{
    _Atomic uint32_t *word = &board_of(segment)->words[park];

    atomic_store(word, 1);
    return port_unpark(segment, park, word, count);
}

/* -- Parks ------------------------------------------------------------------------ */

static void park_returns_at_its_deadline(void **state)
{
    port_segment_t *segment = make_segment(*state);
    _Atomic uint32_t *word = &board_of(segment)->words[0];
    port_deadline_t deadline = in_a_moment();
    int returns = 0;

    do {
        port_park(segment, 0, word, 0, deadline);
        returns++;
    } while (port_clock() < deadline);
    assert_true(returns < 20); /* it sleeps, and does not just look */
    assert_true(port_clock() < deadline + 10 * (port_deadline_t)1000000);
    port_segment_close(segment);
}

static void park_returns_at_once_when_its_deadline_is_past(void **state)
{
    port_segment_t *segment = make_segment(*state);
    _Atomic uint32_t *word = &board_of(segment)->words[0];
    port_deadline_t limit = in_good_time();

    port_park(segment, 0, word, 0, PORT_NOW);
    port_park(segment, 0, word, 0, 0);
    port_park(segment, 0, word, 0, port_clock() - 1);
    assert_true(port_clock() < limit);
    port_segment_close(segment);
}

static void park_returns_at_once_when_the_word_has_changed(void **state)
{
    port_segment_t *segment = make_segment(*state);
    _Atomic uint32_t *word = &board_of(segment)->words[1];
    port_deadline_t deadline = in_good_time();

    atomic_store(word, 1);
    port_park(segment, 1, word, 0, deadline);
    port_park(segment, 1, word, UINT32_MAX, PORT_NEVER);
    assert_true(port_clock() < deadline);
    port_segment_close(segment);
}

static void unpark_wakes_a_thread_in_each_park(void **state)
{
    port_segment_t *segment = make_segment(*state);
    sleeper_t sleepers[PORT_PARKS];
    unsigned park;

    for (park = 0; park < PORT_PARKS; park++)
        start_thread(&sleepers[park], segment, park, *state);
    wait_for_sleepers(segment, PORT_PARKS);
    for (park = 0; park < PORT_PARKS; park++) {
        wake(segment, park, 1);
        wait_for_awake(segment, park + 1);
    }
    for (park = 0; park < PORT_PARKS; park++)
        end_thread(&sleepers[park]);
    port_segment_close(segment);
}

static void unpark_wakes_a_process(void **state)
{
    port_segment_t *segment = make_segment(*state);
    child_t child;

    start_process(&child, segment, "sleep", "3", *state);
    wait_for_sleepers(segment, 1);
    wake(segment, 3, 1);
    wait_for_awake(segment, 1);
    end_child(&child, PORT_EXITED, 0);
    port_segment_close(segment);
}

/* Threads and processes, all in one park; `count` is what they are woken with. */
static void check_several(unsigned count, apr_pool_t *mem)
{
    port_segment_t *segment = make_segment(mem);
    sleeper_t sleepers[SEVERAL];
    child_t children[SEVERAL];
    int i;

    for (i = 0; i < SEVERAL; i++) {
        start_thread(&sleepers[i], segment, 2, mem);
        start_process(&children[i], segment, "sleep", "2", mem);
    }
    wait_for_sleepers(segment, 2 * SEVERAL);
    wake(segment, 2, count);
    wait_for_awake(segment, 2 * SEVERAL);
    for (i = 0; i < SEVERAL; i++) {
        end_thread(&sleepers[i]);
        end_child(&children[i], PORT_EXITED, 0);
    }
    port_segment_close(segment);
}

static void unpark_of_several_wakes_as_many(void **state)
{
    check_several(2 * SEVERAL, *state);
}

static void unpark_of_all_wakes_all(void **state)
{
    check_several(1000, *state);
    check_several(UINT_MAX, *state);
}

/* And one more for each: nobody is left. */
static void one_wake_wakes_at_least_one(void **state)
{
    port_segment_t *segment = make_segment(*state);
    sleeper_t sleepers[SEVERAL];
    uint32_t i;

    for (i = 0; i < SEVERAL; i++)
        start_thread(&sleepers[i], segment, 0, *state);
    wait_for_sleepers(segment, SEVERAL);
    for (i = 0; i < SEVERAL; i++) {
        wake(segment, 0, 1);
        wait_for_awake(segment, i + 1);
    }
    for (i = 0; i < SEVERAL; i++)
        end_thread(&sleepers[i]);
    port_segment_close(segment);
}

/* It sleeps on, as its word is 0; that somebody is there is what unpark says in the end. */
static void unpark_does_not_say_0_for_ever_while_somebody_sleeps(void **state)
{
    port_segment_t *segment = make_segment(*state);
    _Atomic uint32_t *word = &board_of(segment)->words[0];
    port_deadline_t deadline = in_good_time();
    sleeper_t sleeper;

    start_thread(&sleeper, segment, 0, *state);
    while (port_unpark(segment, 0, word, 1) == 0)
        assert_true(port_clock() < deadline);
    wake(segment, 0, 1);
    end_thread(&sleeper);
    port_segment_close(segment);
}

static void unpark_says_0_when_nobody_is_known_to_sleep(void **state)
{
    port_segment_t *segment = make_segment(*state);
    unsigned woken = wake(segment, 0, 3);

    assert_true(SLEEPERS_ARE_KNOWN ? woken == 0 : woken <= 3);
    port_segment_close(segment);
}

/* They cost the next sleeper some returns for no reason, no more. */
static void wakes_that_nobody_took_do_no_harm(void **state)
{
    port_segment_t *segment = make_segment(*state);
    _Atomic uint32_t *word = &board_of(segment)->words[0];
    sleeper_t sleeper;
    int i;

    for (i = 0; i < 20; i++)
        port_unpark(segment, 0, word, UINT_MAX);
    for (i = 0; i < 5000; i++)
        port_unpark(segment, 0, word, 1);
    start_thread(&sleeper, segment, 0, *state);
    wait_for_sleepers(segment, 1);
    assert_int_equal(atomic_load(&board_of(segment)->awake), 0);
    wake(segment, 0, 1);
    wait_for_awake(segment, 1);
    end_thread(&sleeper);
    port_segment_close(segment);
}

static void a_sleeper_that_was_killed_keeps_no_wake_from_others(void **state)
{
    port_segment_t *segment = make_segment(*state);
    sleeper_t sleeper;
    child_t child;

    start_process(&child, segment, "sleep", "0", *state);
    wait_for_sleepers(segment, 1);
    start_thread(&sleeper, segment, 0, *state);
    wait_for_sleepers(segment, 2);
    assert_success(port_process_stop(child.process, 9));
    end_child(&child, PORT_SIGNALED, 9);
    wake(segment, 0, 1);
    wait_for_awake(segment, 1);
    end_thread(&sleeper);
    port_segment_close(segment);
}

/* -- The bell ----------------------------------------------------------------------- */

static int rings(port_segment_t *segment, port_deadline_t deadline)
{
    port_waitable_t what = {.bell = segment};
    apr_status_t rv = port_wait(&what, 1, deadline);

    assert_true(rv == APR_SUCCESS || APR_STATUS_IS_TIMEUP(rv));
    assert_int_equal(what.is_ready, rv == APR_SUCCESS);
    return what.is_ready;
}

static void a_bell_rings_until_it_is_stilled(void **state)
{
    port_segment_t *segment = make_segment(*state);
    int i;

    assert_false(rings(segment, PORT_NOW));
    for (i = 0; i < 3; i++) {
        port_bell_still(segment);
        assert_false(rings(segment, in_a_moment()));
        port_bell_ring(segment);
        assert_true(rings(segment, in_good_time()));
        assert_true(rings(segment, PORT_NOW));
        port_bell_still(segment);
        assert_false(rings(segment, PORT_NOW));
    }
    port_segment_close(segment);
}

static void another_process_rings(void **state)
{
    port_segment_t *segment = make_segment(*state);
    child_t child;

    start_process(&child, segment, "ring", NULL, *state);
    assert_false(rings(segment, in_a_moment()));
    say(child.control, "ring");
    assert_true(rings(segment, in_good_time()));
    end_child(&child, PORT_EXITED, 0);
    port_bell_still(segment);
    assert_false(rings(segment, PORT_NOW));
    port_segment_close(segment);
}

static void many_rings_are_one(void **state)
{
    port_segment_t *segment = make_segment(*state);
    int i;

    for (i = 0; i < FAR_MORE_THAN_FIT; i++)
        port_bell_ring(segment);
    assert_true(rings(segment, PORT_NOW));
    port_bell_still(segment);
    assert_false(rings(segment, PORT_NOW));
    port_bell_ring(segment);
    assert_true(rings(segment, PORT_NOW));
    port_segment_close(segment);
}

static void the_bells_of_two_segments_are_two(void **state)
{
    port_segment_t *segments[2] = {make_segment(*state), make_segment(*state)};
    port_waitable_t what[2] = {{.bell = segments[0]}, {.bell = segments[1]}};

    port_bell_ring(segments[1]);
    assert_success(port_wait(what, 2, in_good_time()));
    assert_true(!what[0].is_ready && what[1].is_ready);
    port_segment_close(segments[0]);
    port_segment_close(segments[1]);
}

int main(int argc, char **argv)
{
    static const command_t commands[] = {{"sleep", run_sleeper}, {"ring", ring}, {NULL, NULL}};
    static const struct CMUnitTest tests[] = {
        claim(park_returns_at_its_deadline),
        claim(park_returns_at_once_when_its_deadline_is_past),
        claim(park_returns_at_once_when_the_word_has_changed),
        claim(unpark_wakes_a_thread_in_each_park),
        claim(unpark_wakes_a_process),
        claim(unpark_of_several_wakes_as_many),
        claim(unpark_of_all_wakes_all),
        claim(one_wake_wakes_at_least_one),
        claim(unpark_does_not_say_0_for_ever_while_somebody_sleeps),
        claim(unpark_says_0_when_nobody_is_known_to_sleep),
        claim(wakes_that_nobody_took_do_no_harm),
        claim(a_sleeper_that_was_killed_keeps_no_wake_from_others),
        claim(a_bell_rings_until_it_is_stilled),
        claim(another_process_rings),
        claim(many_rings_are_one),
        claim(the_bells_of_two_segments_are_two),
    };

    run_if_child_of(commands, argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
