/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signs of life: never over while the process lives, and over when it does not.
 */

#include "living.h"

static void this_process_lives(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_success(begin_life(segment, 0));
    assert_true(life_at(segment, 0) != 0);
    assert_int_equal(port_life_pid(life_at(segment, 0)), port_pid());
    assert_false(is_over(segment, 0));
    port_life_end(segment, 0);
    assert_false(is_over(segment, 0));
    port_segment_close(segment);
}

static void a_life_is_the_same_at_every_place(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_success(begin_life(segment, 0));
    assert_success(begin_life(segment, PLACES - 1));
    assert_true(life_at(segment, 0) == life_at(segment, PLACES - 1));
    port_segment_close(segment);
}

static void a_child_that_runs_is_alive(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    assert_int_equal(port_life_pid(life_at(segment, 1)), port_process_pid(child.process));
    assert_false(is_over(segment, 1));
    let_leave(&child);
    port_segment_close(segment);
}

static void a_child_that_has_left_is_not(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    let_leave(&child);
    assert_true(is_over(segment, 1));
    port_segment_close(segment);
}

static void a_child_that_was_killed_is_not(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    kill_child(&child);
    assert_true(is_over(segment, 1));
    port_segment_close(segment);
}

/* Nobody has asked for its exit code yet. */
static void a_child_is_dead_before_it_is_reaped(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    assert_success(port_process_stop(child.process, 9));
    assert_success(port_process_wait(child.process, in_good_time()));
    assert_true(is_over(segment, 1)); /* nobody has taken its code yet */
    end_child(&child, PORT_SIGNALED, 9);
    assert_true(is_over(segment, 1));
    port_segment_close(segment);
}

static void the_death_of_one_is_not_that_of_another(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t children[2];

    start_living(&children[0], segment, "0", *state);
    start_living(&children[1], segment, "1", *state);
    kill_child(&children[0]);
    assert_true(is_over(segment, 0));
    assert_false(is_over(segment, 1));
    let_leave(&children[1]);
    port_segment_close(segment);
}

static void a_sign_that_was_lost_is_not_a_death(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    tell(&child, "lose", *state);
    assert_false(is_over(segment, 1));
    tell(&child, "renew", *state);
    assert_false(is_over(segment, 1));
    tell(&child, "lose", *state);
    kill_child(&child);
    assert_true(is_over(segment, 1));
    port_segment_close(segment);
}

static void an_end_of_the_sign_is_not_one_of_the_process(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;

    start_living(&child, segment, "1", *state);
    tell(&child, "end", *state);
    assert_false(is_over(segment, 1));
    let_leave(&child);
    port_segment_close(segment);
}

/* This process's number, and a time of birth that is not its own. */
static void who_had_a_number_before_another_is_dead(void **state)
{
    port_segment_t *segment = make_places(*state);

    assert_success(begin_life(segment, 0));
    assert_int_equal(port_life_is_over(segment, 1, life_at(segment, 0) ^ 1), BIRTHS_ARE_KNOWN);
    assert_int_equal(port_life_is_over(segment, 0, life_at(segment, 0) ^ 1), BIRTHS_ARE_KNOWN);
    port_segment_close(segment);
}

static void looking_leaves_no_handles(void **state)
{
    port_segment_t *segment = make_places(*state);
    child_t child;
    int i, before;

    start_living(&child, segment, "1", *state);
    assert_false(is_over(segment, 1));
    before = count_open_handles();
    for (i = 0; i < 100; i++)
        assert_false(is_over(segment, 1));
    tell(&child, "lose", *state);
    for (i = 0; i < 100; i++)
        assert_false(is_over(segment, 1));
    assert_int_equal(count_open_handles(), before);
    let_leave(&child);
    port_segment_close(segment);
}

int main(int argc, char **argv)
{
    static const command_t commands[] = {{LIVE, live}, {NULL, NULL}};
    static const struct CMUnitTest tests[] = {
        claim(this_process_lives),
        claim(a_life_is_the_same_at_every_place),
        claim(a_child_that_runs_is_alive),
        claim(a_child_that_has_left_is_not),
        claim(a_child_that_was_killed_is_not),
        claim(a_child_is_dead_before_it_is_reaped),
        claim(the_death_of_one_is_not_that_of_another),
        claim(a_sign_that_was_lost_is_not_a_death),
        claim(an_end_of_the_sign_is_not_one_of_the_process),
        claim(who_had_a_number_before_another_is_dead),
        claim(looking_leaves_no_handles),
    };

    run_if_child_of(commands, argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
