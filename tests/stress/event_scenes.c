/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenes with events.
 */

#include "sync_stage.h"

static int somebody_sleeps(part_t *part)
{
    return count_sleepers(part->event, IN_EVENT) > 0;
}

static int two_sleep(part_t *part)
{
    return count_sleepers(part->event, IN_EVENT) > 1;
}

static apr_status_t await_sleeper(part_t *part)
{
    return await(part, somebody_sleeps);
}

static apr_status_t await_two_sleepers(part_t *part)
{
    return await(part, two_sleep);
}

static apr_status_t set(part_t *part)
{
    atomic_store(&part->notes->begun, 1);
    MPROC_TRY(mproc_event_set(part->event));
    atomic_store(&part->notes->done, 1);
    return APR_SUCCESS;
}

static apr_status_t clear(part_t *part)
{
    atomic_store(&part->notes->begun, 2);
    MPROC_TRY(mproc_event_clear(part->event));
    atomic_store(&part->notes->done, 2);
    return APR_SUCCESS;
}

static apr_status_t set_and_clear(part_t *part)
{
    MPROC_TRY(set(part));
    return clear(part);
}

static apr_status_t wait_for_it(part_t *part)
{
    return mproc_event_wait(part->event, PATIENCE);
}

static apr_status_t wait_in_vain(part_t *part)
{
    return mproc_event_wait(part->event, A_NAP) == APR_TIMEUP ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t set_for_who_sleeps(part_t *part)
{
    MPROC_TRY(await_sleeper(part));
    return mproc_event_set(part->event);
}

/* Who slept when it was first set has seen that, however often it is cleared. */
static apr_status_t set_and_clear_often(part_t *part)
{
    int i;

    MPROC_TRY(await_sleeper(part));
    for (i = 0; i < 50 && !atomic_load(&part->is_killed); i++) {
        MPROC_TRY(mproc_event_set(part->event));
        MPROC_TRY(mproc_event_clear(part->event));
    }
    return APR_SUCCESS;
}

static apr_status_t close_it(part_t *part)
{
    return mproc_event_close(part->event);
}

/* Who slept when it was set goes on: the actor lived for long enough, or it is done for him. */
static void set_if_it_never_was(sync_stage_t *stage)
{
    part_t *part = &stage->part;

    if (atomic_load(&part->notes->done) == 0 && !mproc_event_is_set(part->event))
        assert_success(mproc_event_set(part->event));
}

/* -- What must be true ---------------------------------------------------------------------------- */

static void assert_goes_on(part_t *part)
{
    assert_success(mproc_event_set(part->event));
    assert_success(mproc_event_wait(part->event, 0));
    assert_success(mproc_event_clear(part->event));
    assert_status(mproc_event_wait(part->event, 0), APR_TIMEUP);
}

/* It is as what has returned has left it, or as what had begun would have. */
static void assert_is_old_or_new(part_t *part)
{
    uint32_t begun = atomic_load(&part->notes->begun), done = atomic_load(&part->notes->done);

    if (begun == done)
        assert_int_equal(mproc_event_is_set(part->event), begun == 1);
    assert_goes_on(part);
}

const sync_scene_t event_scenes[] = {
    {.name = "an event is set and cleared", .act = set_and_clear, .check = assert_is_old_or_new},
    {.name = "an event is set and cleared for sleepers",
     .set_out = await_two_sleepers,
     .act = set_and_clear,
     .peers = {wait_for_it, wait_for_it},
     .relieve = set_if_it_never_was,
     .check = assert_goes_on},
    {.name = "an event is waited for",
     .act = wait_for_it,
     .peers = {set_for_who_sleeps},
     .check = assert_goes_on},
    {.name = "an event is waited for that comes and goes",
     .act = wait_for_it,
     .peers = {set_and_clear_often},
     .check = assert_goes_on},
    {.name = "an event is waited for in vain", .act = wait_in_vain, .check = assert_goes_on},
    {.name = "an event is closed", .act = close_it, .check = assert_goes_on},
    {.name = NULL},
};
