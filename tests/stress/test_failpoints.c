/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed between any two stores that others see: each scene is
 * played again and again, and its actor ends itself at one failpoint further.
 */

#include "ends.h"
#include "failpoint.h"
#include "stage.h"
#include "system.h"

#include <apr_strings.h>

#include <stdlib.h>

/* In the environment of an actor: at which failpoint it ends, counted from 1 on. */
#define POINT "MPROC_TEST_FAILPOINT"

/* The same, counted from its birth on. */
#define POINT_FROM_BIRTH "MPROC_TEST_FAILPOINT_FROM_BIRTH"

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(stage_targets), MPROC_TARGETS_END};

/* Failpoints to go; 0: they do not count.  The actor alone has any, and one thread. */
static long left;

void mproc__failpoint(void)
{
    if (left > 0 && --left == 0)
        end_this_process();
}

static void count_from(const char *variable)
{
    const char *text = getenv(variable);

    left = text != NULL ? atol(text) : left;
}

static void begin_counting(void)
{
    count_from(POINT);
}

/* Also who comes to his end is killed there. */
static void end_there(void)
{
    end_this_process();
}

/* Whether the actor was killed before it had done its part. */
static int play(const scene_t *scene, long point, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    const char *environment[2] = {NULL, NULL};
    mproc_sentinel_t sentinel;
    stage_t stage;

    environment[0] =
        apr_psprintf(mem, "%s=%ld", scene->is_joining ? POINT_FROM_BIRTH : POINT, point);
    options.environment = environment;
    set_stage(&stage, scene, mem);
    start_actor(&stage, &options);
    assert_success(mproc_process_sentinel(stage.actor, &sentinel));
    assert_true(is_ready(sentinel, PATIENCE));
    (void)assert_survived(&stage);
    return !atomic_load(&stage.notes->is_over);
}

static void kill_at_each_failpoint(const scene_t *scene, apr_pool_t *mem)
{
    apr_pool_t *own;
    int was_killed;
    long point = 0;

    do {
        assert_success(apr_pool_create(&own, mem));
        was_killed = play(scene, ++point, own);
        apr_pool_destroy(own);
    } while (was_killed);
    print_message("  %-40s killed at %ld failpoints\n", scene->name, point - 1);
    assert_true(point > 1);
}

static void play_all(apr_pool_t *mem)
{
    size_t i;

    for (i = 0; i < nscenes; i++)
        if (is_to_be_played(&scenes[i]))
            kill_at_each_failpoint(&scenes[i], mem);
}

static void what_was_put_survives_a_kill_at_any_failpoint(void **state)
{
    stage_is_joinable = 0;
    play_all(*state);
}

static void tasks_are_known_after_a_kill_at_any_failpoint(void **state)
{
    stage_is_joinable = 1;
    play_all(*state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(what_was_put_survives_a_kill_at_any_failpoint),
        claim(tasks_are_known_after_a_kill_at_any_failpoint),
    };
    apr_pool_t *mem;

    begin_acting = begin_counting;
    end_acting = end_there;
    count_from(POINT_FROM_BIRTH);
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
