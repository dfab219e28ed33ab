/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed at any instruction: each scene is played again and again,
 * and its actor killed after one instruction more.
 *
 * At scale 1 only some of the instructions get their turn, others each time; from
 * scale 20 on all do.
 */

#include "stage.h"
#include "stepping.h"

#include <apr_time.h>

#include <limits.h>

/* Kills in each scene at scale 1. */
#define KILLS 8
#define ALL_OF_THEM 20

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(stage_targets), MPROC_TARGETS_END};

static apr_interval_time_t longest;

/* How many instructions the actor did; more than `most` is none. */
static long play(const scene_t *scene, long most, apr_pool_t *mem)
{
    apr_interval_time_t time;
    stage_t stage;
    long steps;

    set_stage(&stage, scene, mem);
    start_actor(&stage, NULL);
    steps = step_and_kill(mproc_process_pid(stage.actor), most);
    assert_true(steps >= 0);
    time = assert_survived(&stage);
    longest = time > longest ? time : longest;
    return steps;
}

static long play_in_own_memory(const scene_t *scene, long most, apr_pool_t *mem)
{
    apr_pool_t *own;
    long steps;

    assert_success(apr_pool_create(&own, mem));
    steps = play(scene, most, own);
    apr_pool_destroy(own);
    return steps;
}

static void kill_everywhere(const scene_t *scene, apr_pool_t *mem)
{
    long all = play_in_own_memory(scene, LONG_MAX, mem);
    long stride = test_scale() >= ALL_OF_THEM ? 1 : all / (KILLS * test_scale()) + 1;
    long first = (long)(apr_time_now() % stride), kills = 0, at;

    longest = 0;
    print_message("  %-40s %6ld instructions, killed at %ld, and each %ld", scene->name, all, first,
                  stride);
    for (at = first; at < all; at += stride, kills++)
        play_in_own_memory(scene, at, mem);
    print_message(": %ld times; longest until it went on %ld us\n", kills, (long)longest);
}

static void play_all(apr_pool_t *mem)
{
    size_t i;

    for (i = 0; i < nscenes; i++)
        if (!scenes[i].is_joining && is_to_be_played(&scenes[i]))
            kill_everywhere(&scenes[i], mem);
}

static void what_was_put_survives_a_kill_at_any_instruction(void **state)
{
    stage_is_joinable = 0;
    play_all(*state);
}

static void tasks_are_known_after_a_kill_at_any_instruction(void **state)
{
    stage_is_joinable = 1;
    play_all(*state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(what_was_put_survives_a_kill_at_any_instruction),
        claim(tasks_are_known_after_a_kill_at_any_instruction),
    };
    apr_pool_t *mem;

    begin_acting = begin_steps;
    end_acting = end_of_steps;
    mproc_init(&mem, &argc, &argv, targets);
    assert_success(mproc_set_start_method(MPROC_FORK, 1));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
