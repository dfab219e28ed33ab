/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed at any instruction of what it does with a lock, a semaphore, an event, a
 * condition, a barrier or an rwlock: each scene is played again and again, and its actor killed
 * after one instruction more.
 *
 * At scale 1 only some of the instructions get their turn, others each time; from
 * scale 20 on all do.
 */

#include "stepping.h"
#include "sync_stage.h"

#include <apr_time.h>

#include <limits.h>

/* Kills in each scene at scale 1. */
#define KILLS 10
#define ALL_OF_THEM 20

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(sync_targets), MPROC_TARGETS_END};

static apr_interval_time_t longest;

/* How many instructions the actor did; more than `most` is none. */
static long play(const sync_scene_t *scene, long most, apr_pool_t *mem)
{
    apr_interval_time_t time;
    sync_stage_t stage;
    apr_pool_t *own;
    long steps;

    assert_success(apr_pool_create(&own, mem));
    set_sync_stage(&stage, scene, own);
    start_sync_actor(&stage, NULL);
    steps = step_and_kill(mproc_process_pid(stage.actor), most);
    assert_true(steps >= 0);
    time = assert_sync_survived(&stage);
    longest = time > longest ? time : longest;
    apr_pool_destroy(own);
    return steps;
}

static void kill_everywhere(const sync_scene_t *scene, apr_pool_t *mem)
{
    long all = play(scene, LONG_MAX, mem);
    long stride = test_scale() >= ALL_OF_THEM ? 1 : all / (KILLS * test_scale()) + 1;
    long first = (long)(apr_time_now() % stride), kills = 0, at;

    longest = 0;
    print_message("  %-44s %6ld instructions, killed at %ld, and each %ld", scene->name, all, first,
                  stride);
    for (at = first; at < all; at += stride, kills++)
        play(scene, at, mem);
    print_message(": %ld times; longest until all went on %ld us\n", kills, (long)longest);
    assert_true(kills > 0);
}

static void others_go_on_after_a_kill_at_any_instruction(void **state)
{
    for_each_sync_scene(kill_everywhere, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(others_go_on_after_a_kill_at_any_instruction),
    };
    apr_pool_t *mem;

    begin_acting = begin_steps;
    end_acting = end_of_steps;
    mproc_init(&mem, &argc, &argv, targets);
    assert_success(mproc_set_start_method(MPROC_FORK, 1));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
