/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenes with locks: plain, recursive, and of arrays.
 */

#include "sync_stage.h"

static int somebody_sleeps(part_t *part)
{
    return count_sleepers(part->lock, IN_LOCK) > 0;
}

/* What the lock guards in memory of its own, if it is an array's, changes too. */
static void change_all(part_t *part)
{
    int *number = mproc_array_data(part->array);

    ++*number;
    change(part);
}

static apr_status_t acquire(part_t *part)
{
    return make_whole(part, mproc_lock_acquire(part->lock, PATIENCE));
}

static apr_status_t change_and_release(part_t *part)
{
    change_all(part);
    return mproc_lock_release(part->lock);
}

static apr_status_t change_once(part_t *part)
{
    MPROC_TRY(acquire(part));
    return change_and_release(part);
}

static apr_status_t change_twice(part_t *part)
{
    MPROC_TRY(change_once(part));
    return change_once(part);
}

static apr_status_t change_nested(part_t *part)
{
    MPROC_TRY(acquire(part));
    MPROC_TRY(mproc_lock_acquire(part->lock, MPROC_FOREVER));
    change_all(part);
    MPROC_TRY(mproc_lock_release(part->lock));
    return change_and_release(part);
}

static apr_status_t change_and_close(part_t *part)
{
    MPROC_TRY(change_once(part));
    return mproc_lock_close(part->lock);
}

static apr_status_t acquire_in_vain(part_t *part)
{
    apr_status_t rv = mproc_lock_acquire(part->lock, A_NAP);

    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : APR_EGENERAL;
}

/* -- One holds it while the other comes ------------------------------------------------------ */

static apr_status_t hold_for_who_sleeps(part_t *part)
{
    MPROC_TRY(acquire(part));
    MPROC_TRY(note_held(part));
    return await(part, somebody_sleeps);
}

static apr_status_t hold_and_release(part_t *part)
{
    MPROC_TRY(hold_for_who_sleeps(part));
    return change_and_release(part);
}

static apr_status_t sleep_and_change(part_t *part)
{
    MPROC_TRY(await_held(part));
    return change_once(part);
}

static apr_status_t change_often(part_t *part)
{
    int i;

    for (i = 0; i < 50 && !atomic_load(&part->is_killed); i++)
        MPROC_TRY(change_once(part));
    return APR_SUCCESS;
}

/* When the actor looks whether the owner is dead, others do. */
static apr_status_t change_often_with_who_sleeps(part_t *part)
{
    MPROC_TRY(await(part, somebody_sleeps));
    return change_often(part);
}

static apr_status_t die_with_it(part_t *part)
{
    MPROC_TRY(mproc_lock_acquire(part->lock, 0));
    atomic_fetch_add(&part->notes->one, 1);
    return APR_SUCCESS;
}

/* Where there is a peer, it holds the lock for as long as the actor lives. */
static apr_status_t hold_on(part_t *part)
{
    MPROC_TRY(acquire(part));
    MPROC_TRY(note_held(part));
    while (!atomic_load(&part->is_killed))
        apr_sleep(100);
    return change_and_release(part);
}

/* -- What must be true ------------------------------------------------------------------------- */

static void assert_goes_on(part_t *part)
{
    assert_success(change_once(part));
    assert_success(mproc_lock_acquire(part->lock, 0));
    assert_success(mproc_lock_release(part->lock));
    assert_false(mproc_lock_locked(part->lock));
}

const sync_scene_t lock_scenes[] = {
    {.name = "a lock that is free", .act = change_twice, .check = assert_goes_on},
    {.name = "a lock that others want",
     .act = change_twice,
     .peers = {change_often, change_often},
     .check = assert_goes_on},
    {.name = "a lock, sleeping for it",
     .set_out = await_held,
     .act = change_twice,
     .peers = {hold_and_release},
     .check = assert_goes_on},
    {.name = "a lock, in vain",
     .set_out = await_held,
     .act = acquire_in_vain,
     .peers = {hold_on},
     .check = assert_goes_on},
    {.name = "a lock for which another sleeps",
     .set_out = hold_for_who_sleeps,
     .act = change_and_release,
     .peers = {sleep_and_change},
     .check = assert_goes_on},
    {.name = "a lock of a dead one",
     .kill = die_with_it,
     .act = change_twice,
     .check = assert_goes_on},
    {.name = "a lock of a dead one that others want",
     .kill = die_with_it,
     .act = change_twice,
     .peers = {change_often_with_who_sleeps, change_often_with_who_sleeps},
     .check = assert_goes_on},
    {.name = "a lock, and closing it", .act = change_and_close, .check = assert_goes_on},
    {.name = "a recursive lock", .act = change_nested, .check = assert_goes_on, .lock = RECURSIVE},
    {.name = "a recursive lock of a dead one",
     .kill = die_with_it,
     .act = change_nested,
     .check = assert_goes_on,
     .lock = RECURSIVE},
    {.name = "the lock of an array",
     .act = change_nested,
     .check = assert_goes_on,
     .lock = OF_ARRAY},
    {.name = "the lock of an array, sleeping for it",
     .set_out = await_held,
     .act = change_twice,
     .peers = {hold_and_release},
     .check = assert_goes_on,
     .lock = OF_ARRAY},
    {.name = NULL},
};
