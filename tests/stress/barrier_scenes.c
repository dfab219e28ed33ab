/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenes with a barrier of three.
 */

#include "sync_stage.h"

#include "lock.h"
#include "shared_object.h"

static int n_waiting(part_t *part)
{
    return (int)mproc_barrier_n_waiting(part->barrier);
}

static int one_sleeps(part_t *part)
{
    return count_sleepers(part->barrier, IN_BARRIER) > 0;
}

static int two_sleep(part_t *part)
{
    return count_sleepers(part->barrier, IN_BARRIER) > 1;
}

/* The peers who come first. */
static apr_status_t await_two(part_t *part)
{
    return await(part, two_sleep);
}

static apr_status_t meet(part_t *part)
{
    return allow(mproc_barrier_wait(part->barrier, NULL, PATIENCE), MPROC_EBROKEN);
}

/* The actor is to be the first. */
static apr_status_t follow(part_t *part)
{
    MPROC_TRY(await(part, one_sleeps));
    return meet(part);
}

static apr_status_t do_nothing(void *context)
{
    (void)context;
    return APR_SUCCESS;
}

static apr_status_t do_badly(void *context)
{
    (void)context;
    return APR_ENOENT;
}

static apr_status_t meet_and_act(part_t *part)
{
    return allow(mproc_barrier_wait_with(part->barrier, do_nothing, NULL, NULL, PATIENCE),
                 MPROC_EBROKEN);
}

static apr_status_t meet_and_fail(part_t *part)
{
    return mproc_barrier_wait_with(part->barrier, do_badly, NULL, NULL, PATIENCE) == APR_ENOENT
               ? APR_SUCCESS
               : APR_EGENERAL;
}

static apr_status_t wait_in_vain(part_t *part)
{
    apr_status_t rv = mproc_barrier_wait(part->barrier, NULL, A_NAP);

    return rv == MPROC_EBROKEN ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t abort_it(part_t *part)
{
    return mproc_barrier_abort(part->barrier);
}

static apr_status_t reset(part_t *part)
{
    return mproc_barrier_reset(part->barrier);
}

static apr_status_t abort_and_reset(part_t *part)
{
    MPROC_TRY(abort_it(part));
    return reset(part);
}

static apr_status_t die_waiting(part_t *part)
{
    apr_status_t rv = mproc_barrier_wait(part->barrier, NULL, 0);

    return rv == MPROC_EBROKEN ? APR_SUCCESS : APR_EGENERAL;
}

/* -- What the actor has not done --------------------------------------------------------------------- */

static int has_died_with_lock(const part_t *part)
{
    const mproc__shared_object_t *object = (const void *)part->barrier;
    mproc__lock_t *lock = object->state;

    return atomic_load(&lock->owner) != 0 && mproc__lock_is_abandoned(lock, &object->member);
}

static int count_peers(const sync_stage_t *stage)
{
    return (stage->scene->peers[0] != NULL) + (stage->scene->peers[1] != NULL);
}

/* Until each of them waits in the first round, or has come back. */
static void await_peers(sync_stage_t *stage)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    int peers = count_peers(stage), done;

    do {
        done = atomic_load(&stage->peers[0].is_done) + atomic_load(&stage->peers[1].is_done);
        assert_true(apr_time_now() < deadline);
    } while (done == 0 && (int)count_sleepers(stage->part.barrier, IN_BARRIER) < peers);
}

/*
 * The actor has come, or was about to change something: the others find that out by themselves.
 * Else they wait for nobody but him, and do not know that there will be none.
 */
static void let_peers_go(sync_stage_t *stage)
{
    part_t *part = &stage->part;

    await_peers(stage);
    if (!has_died_with_lock(part) && n_waiting(part) == count_peers(stage))
        assert_success(mproc_barrier_abort(part->barrier));
}

/* -- What must be true ----------------------------------------------------------------------------- */

static apr_status_t meet_in_a_thread(void *data)
{
    const part_t *part = data;

    return mproc_barrier_wait(part->barrier, NULL, PATIENCE);
}

static void assert_goes_on(part_t *part)
{
    work_t works[PARTIES - 1];
    apr_pool_t *mem;
    int i;

    assert_success(mproc_barrier_reset(part->barrier));
    assert_false(mproc_barrier_broken(part->barrier));
    assert_int_equal(n_waiting(part), 0);
    assert_success(apr_pool_create(&mem, NULL));
    for (i = 0; i < PARTIES - 1; i++)
        assert_success(start_thread(&works[i], meet_in_a_thread, part, mem));
    assert_success(mproc_barrier_wait(part->barrier, NULL, PATIENCE));
    for (i = 0; i < PARTIES - 1; i++)
        assert_success(end_thread(&works[i]));
    apr_pool_destroy(mem);
}

const sync_scene_t barrier_scenes[] = {
    {.name = "the first comes to a barrier",
     .act = meet,
     .peers = {follow, follow},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "the first comes, and one is missing",
     .act = wait_in_vain,
     .peers = {follow},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "the last comes to a barrier",
     .set_out = await_two,
     .act = meet,
     .peers = {meet, meet},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "the last comes and acts",
     .set_out = await_two,
     .act = meet_and_act,
     .peers = {meet, meet},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "the last comes and fails",
     .set_out = await_two,
     .act = meet_and_fail,
     .peers = {meet, meet},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "a barrier is broken",
     .set_out = await_two,
     .act = abort_it,
     .peers = {meet, meet},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "a barrier is reset",
     .set_out = await_two,
     .act = reset,
     .peers = {meet, meet},
     .relieve = let_peers_go,
     .check = assert_goes_on},
    {.name = "a barrier is broken and reset", .act = abort_and_reset, .check = assert_goes_on},
    {.name = "a broken barrier is reset",
     .kill = die_waiting,
     .act = reset,
     .check = assert_goes_on},
    {.name = NULL},
};
