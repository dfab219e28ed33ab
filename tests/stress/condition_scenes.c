/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenes with conditions: tokens are made, and taken by those who wait for them.
 */

#include "sync_stage.h"

static unsigned count_waiting(part_t *part)
{
    return count_sleepers(part->condition, IN_CONDITION);
}

static int one_sleeps(part_t *part)
{
    return count_waiting(part) > 0;
}

static int two_sleep(part_t *part)
{
    return count_waiting(part) > 1;
}

static apr_status_t await_one(part_t *part)
{
    return await(part, one_sleeps);
}

static apr_status_t await_two(part_t *part)
{
    return await(part, two_sleep);
}

static apr_status_t acquire(part_t *part)
{
    return make_whole(part, mproc_condition_acquire(part->condition, PATIENCE));
}

/* -- Making tokens ------------------------------------------------------------------------------- */

static apr_status_t make(part_t *part, uint32_t tokens)
{
    MPROC_TRY(acquire(part));
    change(part);
    atomic_fetch_add(&part->notes->made, tokens);
    MPROC_TRY(tokens > 1 ? mproc_condition_notify_all(part->condition)
                         : mproc_condition_notify(part->condition, 1));
    return mproc_condition_release(part->condition);
}

static apr_status_t make_one(part_t *part)
{
    return make(part, 1);
}

static apr_status_t make_two(part_t *part)
{
    return make(part, 2);
}

static apr_status_t make_one_for_who_sleeps(part_t *part)
{
    MPROC_TRY(await_one(part));
    return make_one(part);
}

static int one_is_taken(part_t *part)
{
    return atomic_load(&part->notes->taken) > 0;
}

/* One token is there, and one is woken, who may be killed: then the other comes by himself. */
static apr_status_t make_one_for_each(part_t *part)
{
    MPROC_TRY(await_two(part));
    MPROC_TRY(make_one(part));
    MPROC_TRY(await(part, one_is_taken));
    return atomic_load(&part->is_killed) ? APR_SUCCESS : make_one(part);
}

/* -- Taking them ---------------------------------------------------------------------------------- */

static int is_there(void *data)
{
    const part_t *part = data;

    return atomic_load(&part->notes->made) > atomic_load(&part->notes->taken);
}

/* Who is told that somebody died has waited for no token. */
static apr_status_t await_token(part_t *part)
{
    apr_status_t rv;

    do {
        rv = mproc_condition_wait_for(part->condition, is_there, part, PATIENCE);
        MPROC_TRY(make_whole(part, rv));
    } while (!is_there(part));
    return APR_SUCCESS;
}

static apr_status_t take(part_t *part)
{
    MPROC_TRY(acquire(part));
    MPROC_TRY(await_token(part));
    change(part);
    atomic_fetch_add(&part->notes->taken, 1);
    return mproc_condition_release(part->condition);
}

static apr_status_t wait_and_take(part_t *part)
{
    MPROC_TRY(await_token(part));
    change(part);
    atomic_store(&part->notes->actor_takes, 1);
    atomic_fetch_add(&part->notes->taken, 1);
    return mproc_condition_release(part->condition);
}

/* The lock is held as often when the wait is over. */
static apr_status_t wait_nested(part_t *part)
{
    MPROC_TRY(mproc_condition_acquire(part->condition, PATIENCE));
    MPROC_TRY(wait_and_take(part));
    return mproc_condition_release(part->condition);
}

static apr_status_t wait_in_vain(part_t *part)
{
    apr_status_t rv;

    MPROC_TRY(acquire(part));
    rv = mproc_condition_wait(part->condition, A_NAP);
    MPROC_TRY(mproc_condition_release(part->condition));
    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : rv;
}

static apr_status_t die_with_it(part_t *part)
{
    MPROC_TRY(acquire(part));
    atomic_fetch_add(&part->notes->one, 1);
    return APR_SUCCESS;
}

/* -- What the actor has not done ----------------------------------------------------------------------- */

static uint32_t count_takers(const sync_stage_t *stage)
{
    uint32_t takers = 0;
    int i;

    for (i = 0; i < PEERS_MAX; i++)
        takers += stage->scene->peers[i] == take;
    return takers;
}

static void end_makers(sync_stage_t *stage)
{
    int i;

    for (i = 0; i < PEERS_MAX; i++)
        if (stage->scene->peers[i] != take)
            end_peer(&stage->peers[i]);
}

/*
 * Each taker has a token, or one is made.  So who sleeps beside a token that was made before must
 * come by himself, whoever was killed on the way.
 */
static void make_what_is_missing(sync_stage_t *stage)
{
    const notes_t *notes = stage->part.notes;

    end_makers(stage);
    while (atomic_load(&notes->made) < count_takers(stage) + atomic_load(&notes->actor_takes))
        assert_success(make_one(&stage->part));
}

/* -- What must be true -------------------------------------------------------------------------------------- */

static void assert_goes_on(part_t *part)
{
    assert_success(acquire(part));
    assert_success(mproc_condition_release(part->condition));
    assert_success(make_one(part));
    assert_success(take(part));
    assert_success(mproc_condition_acquire(part->condition, 0));
    assert_success(mproc_condition_release(part->condition));
}

const sync_scene_t condition_scenes[] = {
    {.name = "a condition is notified for nobody", .act = make_one, .check = assert_goes_on},
    {.name = "a condition is notified",
     .set_out = await_one,
     .act = make_one,
     .peers = {take},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition is notified for one of two",
     .set_out = await_two,
     .act = make_one,
     .peers = {take, take},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition is notified for all",
     .set_out = await_two,
     .act = make_two,
     .peers = {take, take},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition of a dead one is notified",
     .kill = die_with_it,
     .act = make_one,
     .peers = {take},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition is waited on",
     .set_out = acquire,
     .act = wait_and_take,
     .peers = {make_one_for_who_sleeps},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition is waited on, held twice",
     .set_out = acquire,
     .act = wait_nested,
     .peers = {make_one_for_who_sleeps},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition is waited on, another too",
     .set_out = acquire,
     .act = wait_and_take,
     .peers = {take, make_one_for_each},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = "a condition is waited on in vain",
     .act = wait_in_vain,
     .peers = {take},
     .relieve = make_what_is_missing,
     .check = assert_goes_on},
    {.name = NULL},
};
