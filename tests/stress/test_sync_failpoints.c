/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed between any two stores that others see, while it uses a lock, a
 * semaphore, an event, a condition, a barrier or an rwlock: each scene is played again and again,
 * and its actor ends itself at one failpoint further.
 */

#include "failing.h"
#include "sync_stage.h"

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(sync_targets), MPROC_TARGETS_END};

/* Whether the actor was killed before it had done its part. */
static int play(const void *scene, const char *const *environment, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    sync_stage_t stage;

    options.environment = environment;
    set_sync_stage(&stage, scene, mem);
    start_sync_actor(&stage, &options);
    await_failed(stage.actor);
    (void)assert_sync_survived(&stage);
    return !atomic_load(&stage.part.notes->is_over);
}

static void play_all(const sync_scene_t *scene, apr_pool_t *mem)
{
    end_at_each_failpoint(play, scene, scene->name, 0, mem);
}

static void others_go_on_after_a_kill_at_any_failpoint(void **state)
{
    for_each_sync_scene(play_all, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(others_go_on_after_a_kill_at_any_failpoint),
    };
    apr_pool_t *mem;

    begin_acting = begin_failing;
    end_acting = end_failing;
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
