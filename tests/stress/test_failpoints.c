/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed between any two stores that others see: each scene is
 * played again and again, and its actor ends itself at one failpoint further.
 */

#include "failing.h"
#include "stage.h"

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(stage_targets), MPROC_TARGETS_END};

/* Whether the actor was killed before it had done its part. */
static int play(const void *scene, const char *const *environment, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    stage_t stage;

    options.environment = environment;
    set_stage(&stage, scene, mem);
    start_actor(&stage, &options);
    await_failed(stage.actor);
    (void)assert_survived(&stage);
    return !atomic_load(&stage.notes->is_over);
}

static void play_all(apr_pool_t *mem)
{
    size_t i;

    for (i = 0; i < nscenes; i++)
        if (is_to_be_played(&scenes[i]))
            end_at_each_failpoint(play, &scenes[i], scenes[i].name, scenes[i].is_joining, mem);
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

    begin_acting = begin_failing;
    end_acting = end_failing;
    begin_failing_at_birth();
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
