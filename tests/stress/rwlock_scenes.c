/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenes with locks for readers and writers.
 */

#include "sync_stage.h"

static int somebody_sleeps(part_t *part)
{
    return count_sleepers(part->rwlock, IN_RWLOCK) > 0;
}

static apr_status_t await_sleeper(part_t *part)
{
    MPROC_TRY(note_held(part));
    return await(part, somebody_sleeps);
}

static apr_status_t acquire_to_write(part_t *part)
{
    return make_whole(part, mproc_rwlock_acquire_write(part->rwlock, PATIENCE));
}

/* A reader who is told that somebody died mends nothing, as others read too. */
static apr_status_t acquire_to_read(part_t *part)
{
    apr_status_t rv = mproc_rwlock_acquire_read(part->rwlock, PATIENCE);

    return rv == MPROC_EOWNERDEAD ? APR_SUCCESS : make_whole(part, rv);
}

static apr_status_t release(part_t *part)
{
    return mproc_rwlock_release(part->rwlock);
}

static apr_status_t change_and_release(part_t *part)
{
    change(part);
    return release(part);
}

static apr_status_t write_once(part_t *part)
{
    MPROC_TRY(acquire_to_write(part));
    return change_and_release(part);
}

static apr_status_t read_once(part_t *part)
{
    MPROC_TRY(acquire_to_read(part));
    return release(part);
}

static apr_status_t write_twice(part_t *part)
{
    MPROC_TRY(write_once(part));
    return write_once(part);
}

static apr_status_t read_nested(part_t *part)
{
    MPROC_TRY(acquire_to_read(part));
    MPROC_TRY(read_once(part));
    return release(part);
}

static apr_status_t write_and_read_often(part_t *part)
{
    int i;

    for (i = 0; i < 20 && !atomic_load(&part->is_killed); i++) {
        MPROC_TRY(write_once(part));
        MPROC_TRY(read_once(part));
    }
    return APR_SUCCESS;
}

/* Where it is in vain, he who waited to write must not keep readers out. */
static apr_status_t write_in_vain(part_t *part)
{
    apr_status_t rv = mproc_rwlock_acquire_write(part->rwlock, A_NAP);

    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : APR_EGENERAL;
}

/* -- One holds it while the other comes ---------------------------------------------------------------- */

static apr_status_t hold_to_write(part_t *part)
{
    MPROC_TRY(acquire_to_write(part));
    return await_sleeper(part);
}

static apr_status_t hold_to_read(part_t *part)
{
    MPROC_TRY(acquire_to_read(part));
    return await_sleeper(part);
}

static apr_status_t write_for_who_sleeps(part_t *part)
{
    MPROC_TRY(hold_to_write(part));
    return change_and_release(part);
}

static apr_status_t read_for_who_sleeps(part_t *part)
{
    MPROC_TRY(hold_to_read(part));
    return release(part);
}

static apr_status_t read_on(part_t *part)
{
    MPROC_TRY(acquire_to_read(part));
    MPROC_TRY(note_held(part));
    while (!atomic_load(&part->is_killed))
        apr_sleep(100);
    return release(part);
}

static apr_status_t sleep_and_write(part_t *part)
{
    MPROC_TRY(await_held(part));
    return write_once(part);
}

static apr_status_t sleep_and_read(part_t *part)
{
    MPROC_TRY(await_held(part));
    return read_once(part);
}

static apr_status_t die_writing(part_t *part)
{
    MPROC_TRY(acquire_to_write(part));
    atomic_fetch_add(&part->notes->one, 1);
    return APR_SUCCESS;
}

/* -- What must be true ------------------------------------------------------------------------------------ */

static void assert_goes_on(part_t *part)
{
    assert_success(write_once(part));
    assert_success(mproc_rwlock_acquire_read(part->rwlock, PATIENCE));
    assert_success(release(part));
    assert_success(mproc_rwlock_acquire_write(part->rwlock, 0));
    assert_success(release(part));
}

const sync_scene_t rwlock_scenes[] = {
    {.name = "one reads", .act = read_nested, .check = assert_goes_on},
    {.name = "one writes", .act = write_twice, .check = assert_goes_on},
    {.name = "one reads while others write",
     .act = read_once,
     .peers = {write_and_read_often, write_and_read_often},
     .check = assert_goes_on},
    {.name = "one writes while others do",
     .act = write_once,
     .peers = {write_and_read_often, write_and_read_often},
     .check = assert_goes_on},
    {.name = "one sleeps to read",
     .set_out = await_held,
     .act = read_once,
     .peers = {write_for_who_sleeps},
     .check = assert_goes_on},
    {.name = "one sleeps to write",
     .set_out = await_held,
     .act = write_once,
     .peers = {read_for_who_sleeps},
     .check = assert_goes_on},
    {.name = "one waits to write in vain",
     .set_out = await_held,
     .act = write_in_vain,
     .peers = {read_on},
     .check = assert_goes_on},
    {.name = "a writer goes, and another sleeps",
     .set_out = hold_to_write,
     .act = change_and_release,
     .peers = {sleep_and_read, sleep_and_write},
     .check = assert_goes_on},
    {.name = "a reader goes, and a writer sleeps",
     .set_out = hold_to_read,
     .act = release,
     .peers = {sleep_and_write},
     .check = assert_goes_on},
    {.name = "one reads after a dead writer",
     .kill = die_writing,
     .act = read_once,
     .check = assert_goes_on},
    {.name = "one writes after a dead writer",
     .kill = die_writing,
     .act = write_once,
     .check = assert_goes_on},
    {.name = "one writes after a dead reader",
     .kill = acquire_to_read,
     .act = write_once,
     .check = assert_goes_on},
    {.name = NULL},
};
