/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed between any two stores that others see: each scene with a lock or a
 * semaphore is played again and again, and its actor ends itself at one failpoint further.  Then
 * the lock goes on to who is told, and the semaphore has the units that it should have.
 */

#include "claims.h"
#include "ends.h"
#include "failpoint.h"
#include "mutex.h"
#include "semaphore_object.h"
#include "shared.h"
#include "system.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <apr_time.h>

#include <stdlib.h>

/* In the environment of an actor: at which failpoint it ends, counted from 1 on. */
#define POINT "MPROC_TEST_FAILPOINT"

enum { UNITS = 2 };

/* In shared memory. */
typedef struct notes_t {
    _Atomic uint32_t one, other; /* guarded by the lock: the same, but in the middle of a change */
    _Atomic uint32_t signals;    /* releases that have returned */
    _Atomic uint32_t is_over;    /* the actor has done all of its part */
} notes_t;

/* What a process has of the scene; `lock` or `semaphore`. */
typedef struct part_t {
    mproc_lock_t *lock;
    mproc_semaphore_t *semaphore;
    notes_t *notes;
    mproc_process_t *actor; /* in the parent */
    mproc_sentinel_t ends;  /* the same */
} part_t;

typedef struct scene_t {
    const char *name;
    int is_signalled; /* a plain semaphore, and no units at first */
    void (*prepare)(part_t *part, apr_pool_t *mem);
    apr_status_t (*act)(part_t *part);
    void (*meanwhile)(part_t *part); /* what the parent does, or NULL */
} scene_t;

/* -- Failpoints ------------------------------------------------------------------------- */

/* Failpoints to go; 0: they do not count.  The actor alone has any, and one thread. */
static long left;

void mproc__failpoint(void)
{
    if (left > 0 && --left == 0)
        end_this_process();
}

/* -- Waiting for each other ----------------------------------------------------------------- */

typedef int condition_fn(part_t *part);

static int has_lock_sleepers(part_t *part)
{
    return mproc__event_has_sleepers(&part->lock->shared.member, MPROC__FREED);
}

static int is_locked(part_t *part)
{
    return mproc_lock_locked(part->lock);
}

static int has_semaphore_sleepers(part_t *part)
{
    return mproc__event_has_sleepers(&part->semaphore->shared.member, MPROC__UNITS);
}

static int has_units_in_use(part_t *part)
{
    return atomic_load(&part->semaphore->state->available) < UNITS;
}

static int has_all_units(part_t *part)
{
    return atomic_load(&part->semaphore->state->available) == UNITS;
}

static int is_killed(part_t *part)
{
    return part->actor != NULL && is_ready(part->ends, 0);
}

/* Or until the actor is killed, which the parent alone can see. */
static apr_status_t await(part_t *part, condition_fn *is_true)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;

    while (!is_true(part) && !is_killed(part)) {
        if (apr_time_now() > deadline)
            return mproc_error_set(APR_EGENERAL, "waited in vain");
        apr_thread_yield();
    }
    return APR_SUCCESS;
}

/* -- Locks ----------------------------------------------------------------------------------- */

/* Where the last owner died, it may be in the middle of a change; else it is not. */
static apr_status_t acquire_whole(part_t *part)
{
    apr_status_t rv = mproc_lock_acquire(part->lock, PATIENCE);

    if (rv == MPROC_EOWNERDEAD)
        atomic_store(&part->notes->other, atomic_load(&part->notes->one));
    else if (rv == APR_SUCCESS &&
             atomic_load(&part->notes->other) != atomic_load(&part->notes->one))
        return mproc_error_set(APR_EGENERAL, "nobody said that it is half changed");
    return rv == MPROC_EOWNERDEAD ? APR_SUCCESS : rv;
}

static apr_status_t change_and_release(part_t *part)
{
    atomic_fetch_add(&part->notes->one, 1);
    mproc__failpoint();
    atomic_fetch_add(&part->notes->other, 1);
    return mproc_lock_release(part->lock);
}

static apr_status_t change_twice(part_t *part)
{
    MPROC_TRY(acquire_whole(part));
    MPROC_TRY(change_and_release(part));
    MPROC_TRY(acquire_whole(part));
    return change_and_release(part);
}

static apr_status_t change_for_who_sleeps(part_t *part)
{
    MPROC_TRY(acquire_whole(part));
    MPROC_TRY(await(part, has_lock_sleepers));
    return change_and_release(part);
}

static apr_status_t change_and_close(part_t *part)
{
    MPROC_TRY(change_twice(part));
    return mproc_lock_close(part->lock);
}

static void hold_lock(part_t *part, apr_pool_t *mem)
{
    (void)mem;
    assert_success(mproc_lock_acquire(part->lock, 0));
}

static void release_for_who_sleeps(part_t *part)
{
    assert_success(await(part, has_lock_sleepers));
    assert_success(change_and_release(part));
}

static void sleep_for_the_lock(part_t *part)
{
    assert_success(await(part, is_locked));
    assert_success(acquire_whole(part));
    assert_success(change_and_release(part));
}

static apr_status_t die_with_it(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    mproc_lock_t *lock;
    int i;

    if (MPROC_UNPACK(task, &lock) == APR_SUCCESS)
        return mproc_lock_acquire(lock, 0);
    MPROC_TRY(MPROC_UNPACK(task, &semaphore));
    for (i = 0; i < UNITS; i++)
        MPROC_TRY(mproc_semaphore_acquire(semaphore, 0));
    return APR_SUCCESS;
}

static void let_one_die(const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_process_t *victim;

    assert_success(mproc_process_start(&victim, die_with_it, args, NULL, mem));
    assert_success(mproc_process_join(victim, PATIENCE));
    assert_success(mproc_process_status(victim));
}

static void let_one_die_with_the_lock(part_t *part, apr_pool_t *mem)
{
    let_one_die(MPROC_PACK(part->lock), mem);
}

/* -- Semaphores ---------------------------------------------------------------------------------- */

static apr_status_t use_all_units(part_t *part)
{
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, PATIENCE));
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, PATIENCE));
    MPROC_TRY(mproc_semaphore_release(part->semaphore));
    return mproc_semaphore_release(part->semaphore);
}

static apr_status_t release_all_for_who_sleeps(part_t *part)
{
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, 0));
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, 0));
    MPROC_TRY(await(part, has_semaphore_sleepers));
    MPROC_TRY(mproc_semaphore_release(part->semaphore));
    return mproc_semaphore_release(part->semaphore);
}

/* The parent gives it back before. */
static apr_status_t release_once_too_often(part_t *part)
{
    apr_status_t rv;

    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, 0));
    MPROC_TRY(await(part, has_all_units));
    rv = mproc_semaphore_release(part->semaphore);
    return rv == MPROC_EOVERRELEASE ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t acquire_and_close(part_t *part)
{
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, 0));
    return mproc_semaphore_close(part->semaphore);
}

static apr_status_t signal_thrice(part_t *part)
{
    int i;

    for (i = 0; i < 3; i++) {
        MPROC_TRY(mproc_semaphore_release(part->semaphore));
        atomic_fetch_add(&part->notes->signals, 1);
    }
    return APR_SUCCESS;
}

static void hold_all_units(part_t *part, apr_pool_t *mem)
{
    int i;

    (void)mem;
    for (i = 0; i < UNITS; i++)
        assert_success(mproc_semaphore_acquire(part->semaphore, 0));
}

static void let_one_die_with_all_units(part_t *part, apr_pool_t *mem)
{
    let_one_die(MPROC_PACK(part->semaphore), mem);
}

static void release_units_for_who_sleeps(part_t *part)
{
    int i;

    assert_success(await(part, has_semaphore_sleepers));
    for (i = 0; i < UNITS; i++)
        assert_success(mproc_semaphore_release(part->semaphore));
}

static void sleep_for_a_unit(part_t *part)
{
    assert_success(await(part, has_units_in_use));
    assert_success(mproc_semaphore_acquire(part->semaphore, PATIENCE));
    assert_success(mproc_semaphore_release(part->semaphore));
}

/* If there was one; who is dead may have none any more. */
static void give_back_what_the_actor_has(part_t *part)
{
    apr_status_t rv;

    assert_success(await(part, has_units_in_use));
    rv = mproc_semaphore_release(part->semaphore);
    assert_true(rv == APR_SUCCESS || rv == MPROC_EOVERRELEASE);
}

/* -- Scenes ---------------------------------------------------------------------------------------- */

static const scene_t scenes[] = {
    {"a lock that is free", 0, NULL, change_twice, NULL},
    {"a lock, and closing it", 0, NULL, change_and_close, NULL},
    {"a lock, sleeping for it", 0, hold_lock, change_twice, release_for_who_sleeps},
    {"a lock for which another sleeps", 0, NULL, change_for_who_sleeps, sleep_for_the_lock},
    {"a lock of a dead one", 0, let_one_die_with_the_lock, change_twice, NULL},
    {"units that are there", 0, NULL, use_all_units, NULL},
    {"units, sleeping for them", 0, hold_all_units, use_all_units, release_units_for_who_sleeps},
    {"units for which another sleeps", 0, NULL, release_all_for_who_sleeps, sleep_for_a_unit},
    {"units of a dead one", 0, let_one_die_with_all_units, use_all_units, NULL},
    {"a unit that is given back twice", 0, NULL, release_once_too_often,
     give_back_what_the_actor_has},
    {"a unit, and closing with it", 0, NULL, acquire_and_close, NULL},
    {"signals", 1, NULL, signal_thrice, NULL},
};

/* Also who comes to his end is killed there. */
static apr_status_t act_in_scene(mproc_task_t *task)
{
    const char *path, *point = getenv(POINT);
    part_t part = {NULL};
    int scene;

    MPROC_TRY(MPROC_UNPACK(task, &path, &scene, &part.lock, &part.semaphore));
    part.notes = shared_memory(path, sizeof *part.notes, mproc_task_mem(task));
    if (part.notes == NULL || point == NULL)
        return APR_EGENERAL;
    left = atol(point);
    MPROC_TRY(scenes[scene].act(&part));
    left = 0;
    atomic_store(&part.notes->is_over, 1);
    end_this_process();
    return APR_EGENERAL;
}

static const mproc_target_t targets[] = {MPROC_TARGET(act_in_scene), MPROC_TARGET(die_with_it),
                                         MPROC_TARGETS_END};

/* -- What is left ------------------------------------------------------------------------------------- */

static void assert_lock_goes_on(part_t *part)
{
    assert_success(acquire_whole(part));
    assert_success(change_and_release(part));
    assert_success(mproc_lock_acquire(part->lock, 0));
    assert_success(mproc_lock_release(part->lock));
}

static unsigned value_of(part_t *part)
{
    unsigned value;

    assert_success(mproc_semaphore_get_value(part->semaphore, &value));
    return value;
}

static void assert_has_all_units(part_t *part)
{
    int i;

    assert_int_equal(value_of(part), UNITS);
    for (i = 0; i < UNITS; i++)
        assert_success(mproc_semaphore_acquire(part->semaphore, 0));
    assert_status(mproc_semaphore_acquire(part->semaphore, 0), APR_TIMEUP);
    for (i = 0; i < UNITS; i++)
        assert_success(mproc_semaphore_release(part->semaphore));
    assert_status(mproc_semaphore_release(part->semaphore), MPROC_EOVERRELEASE);
    assert_int_equal(value_of(part), UNITS);
}

/* One may have been sent by a release that has not returned. */
static void assert_has_signals(part_t *part)
{
    unsigned signals = atomic_load(&part->notes->signals), value = value_of(part);

    assert_true(value == signals || value == signals + 1);
}

/* -- Playing ------------------------------------------------------------------------------------------ */

static void make_part(part_t *part, const scene_t *scene, apr_pool_t *mem)
{
    assert_success(mproc_lock_create(&part->lock, NULL, mem));
    if (scene->is_signalled)
        assert_success(mproc_semaphore_create(&part->semaphore, 0, NULL, mem));
    else
        assert_success(mproc_bounded_semaphore_create(&part->semaphore, UNITS, NULL, mem));
}

/* Whether the actor was killed before it had done its part. */
static int play(const scene_t *scene, long point, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    const char *environment[2] = {NULL, NULL}, *path;
    part_t part = {NULL};

    part.notes = share_memory(&path, sizeof *part.notes, mem);
    make_part(&part, scene, mem);
    if (scene->prepare != NULL)
        scene->prepare(&part, mem);
    environment[0] = apr_psprintf(mem, POINT "=%ld", point);
    options.environment = environment;
    assert_success(mproc_process_start(
        &part.actor, act_in_scene,
        MPROC_PACK(path, (int)(scene - scenes), part.lock, part.semaphore), &options, mem));
    assert_success(mproc_process_sentinel(part.actor, &part.ends));
    if (scene->meanwhile != NULL)
        scene->meanwhile(&part);
    assert_true(is_ready(part.ends, PATIENCE));
    assert_lock_goes_on(&part);
    if (scene->is_signalled)
        assert_has_signals(&part);
    else
        assert_has_all_units(&part);
    assert_success(mproc_process_join(part.actor, PATIENCE));
    return !atomic_load(&part.notes->is_over);
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

static void locks_and_units_survive_a_kill_at_any_failpoint(void **state)
{
    size_t i;

    for (i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        kill_at_each_failpoint(&scenes[i], *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(locks_and_units_survive_a_kill_at_any_failpoint),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
