/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenes with semaphores: bounded, and as signals.
 */

#include "sync_stage.h"

#include "semaphore_object.h"

enum { SIGNALS = 3 };

static int somebody_sleeps(part_t *part)
{
    return count_sleepers(part->semaphore, MPROC__UNITS) > 0;
}

static int has_units_in_use(part_t *part)
{
    return atomic_load(&part->semaphore->state->available) < UNITS;
}

static int has_all_units(part_t *part)
{
    return !has_units_in_use(part);
}

static apr_status_t acquire_all(part_t *part, apr_interval_time_t timeout)
{
    int i;

    for (i = 0; i < UNITS; i++)
        MPROC_TRY(mproc_semaphore_acquire(part->semaphore, timeout));
    return APR_SUCCESS;
}

static apr_status_t release_all(part_t *part)
{
    int i;

    for (i = 0; i < UNITS; i++)
        MPROC_TRY(mproc_semaphore_release(part->semaphore));
    return APR_SUCCESS;
}

static apr_status_t use_all(part_t *part)
{
    MPROC_TRY(acquire_all(part, PATIENCE));
    return release_all(part);
}

static apr_status_t take_all(part_t *part)
{
    return acquire_all(part, 0);
}

static apr_status_t use_one_often(part_t *part)
{
    int i;

    for (i = 0; i < 50 && !atomic_load(&part->is_killed); i++) {
        MPROC_TRY(mproc_semaphore_acquire(part->semaphore, PATIENCE));
        MPROC_TRY(mproc_semaphore_release(part->semaphore));
    }
    return APR_SUCCESS;
}

static apr_status_t acquire_one(part_t *part)
{
    return mproc_semaphore_acquire(part->semaphore, 0);
}

static apr_status_t acquire_and_close(part_t *part)
{
    MPROC_TRY(acquire_one(part));
    return mproc_semaphore_close(part->semaphore);
}

/* -- One has them while the other comes --------------------------------------------------------- */

static apr_status_t hold_for_who_sleeps(part_t *part)
{
    MPROC_TRY(take_all(part));
    MPROC_TRY(note_held(part));
    return await(part, somebody_sleeps);
}

static apr_status_t hold_and_release(part_t *part)
{
    MPROC_TRY(hold_for_who_sleeps(part));
    return release_all(part);
}

static apr_status_t sleep_for_a_unit(part_t *part)
{
    MPROC_TRY(await_held(part));
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, PATIENCE));
    return mproc_semaphore_release(part->semaphore);
}

static apr_status_t acquire_in_vain(part_t *part)
{
    apr_status_t rv = mproc_semaphore_acquire(part->semaphore, A_NAP);

    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t hold_on(part_t *part)
{
    MPROC_TRY(take_all(part));
    MPROC_TRY(note_held(part));
    while (!atomic_load(&part->is_killed))
        apr_sleep(100);
    return release_all(part);
}

/* A peer gives it back before. */
static apr_status_t let_it_be_given_back(part_t *part)
{
    MPROC_TRY(acquire_one(part));
    return await(part, has_all_units);
}

static apr_status_t give_back_what_the_actor_has(part_t *part)
{
    MPROC_TRY(await(part, has_units_in_use));
    return mproc_semaphore_release(part->semaphore);
}

static apr_status_t release_once_too_often(part_t *part)
{
    apr_status_t rv = mproc_semaphore_release(part->semaphore);

    return rv == MPROC_EOVERRELEASE ? APR_SUCCESS : APR_EGENERAL;
}

/* -- Signals -------------------------------------------------------------------------------------- */

static apr_status_t signal_often(part_t *part)
{
    int i;

    for (i = 0; i < SIGNALS; i++) {
        atomic_fetch_add(&part->notes->begun, 1);
        MPROC_TRY(mproc_semaphore_release(part->semaphore));
        atomic_fetch_add(&part->notes->done, 1);
    }
    return APR_SUCCESS;
}

static apr_status_t signal_who_sleeps(part_t *part)
{
    return await(part, somebody_sleeps);
}

static apr_status_t take_signal(part_t *part)
{
    return mproc_semaphore_acquire(part->semaphore, PATIENCE);
}

/* A signal whose release has not returned may have been sent or not. */
static void send_what_was_not_sent(sync_stage_t *stage)
{
    notes_t *notes = stage->part.notes;

    if (atomic_load(&notes->done) == 0)
        assert_success(mproc_semaphore_release(stage->part.semaphore));
}

/* -- What must be true ------------------------------------------------------------------------------ */

static unsigned value_of(part_t *part)
{
    unsigned value;

    assert_success(mproc_semaphore_get_value(part->semaphore, &value));
    return value;
}

static void assert_has_all(part_t *part)
{
    assert_int_equal(value_of(part), UNITS);
    assert_success(take_all(part));
    assert_status(acquire_one(part), APR_TIMEUP);
    assert_success(release_all(part));
    assert_status(mproc_semaphore_release(part->semaphore), MPROC_EOVERRELEASE);
    assert_int_equal(value_of(part), UNITS);
}

static void assert_has_signals(part_t *part)
{
    unsigned begun = atomic_load(&part->notes->begun), done = atomic_load(&part->notes->done);
    unsigned value = value_of(part);

    assert_true(value == begun || value == done);
}

/* Without the one that was taken; and perhaps with one that the survivors have sent. */
static void assert_has_signals_but_one(part_t *part)
{
    unsigned begun = atomic_load(&part->notes->begun), done = atomic_load(&part->notes->done);
    unsigned value = value_of(part);

    if (done == 0)
        assert_true(value <= begun);
    else
        assert_true(value + 1 == begun || value + 1 == done);
}

const sync_scene_t semaphore_scenes[] = {
    {.name = "units that are there", .act = use_all, .check = assert_has_all},
    {.name = "units that others use",
     .act = use_all,
     .peers = {use_one_often, use_one_often},
     .check = assert_has_all},
    {.name = "units, sleeping for them",
     .set_out = await_held,
     .act = use_all,
     .peers = {hold_and_release},
     .check = assert_has_all},
    {.name = "units, in vain",
     .set_out = await_held,
     .act = acquire_in_vain,
     .peers = {hold_on},
     .check = assert_has_all},
    {.name = "units for which another sleeps",
     .set_out = hold_for_who_sleeps,
     .act = release_all,
     .peers = {sleep_for_a_unit},
     .check = assert_has_all},
    {.name = "units of a dead one", .kill = take_all, .act = use_all, .check = assert_has_all},
    {.name = "units of a dead one that others want",
     .kill = take_all,
     .act = use_all,
     .peers = {use_one_often, use_one_often},
     .check = assert_has_all},
    {.name = "a unit that is given back twice",
     .set_out = let_it_be_given_back,
     .act = release_once_too_often,
     .peers = {give_back_what_the_actor_has},
     .check = assert_has_all},
    {.name = "a unit, and closing with it", .act = acquire_and_close, .check = assert_has_all},
    {.name = "signals", .act = signal_often, .check = assert_has_signals, .is_signalled = 1},
    {.name = "signals to one who sleeps",
     .set_out = signal_who_sleeps,
     .act = signal_often,
     .peers = {take_signal},
     .relieve = send_what_was_not_sent,
     .check = assert_has_signals_but_one,
     .is_signalled = 1},
    {.name = NULL},
};
