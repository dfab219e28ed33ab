/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process may be killed between any two stores that others see, while it uses an event, a
 * condition, a barrier or an rwlock: each scene is played again and again, and its actor ends
 * itself at one failpoint further.  Who waits meanwhile comes back, and all can be used.
 */

#include "claims.h"
#include "ends.h"
#include "failpoint.h"
#include "sleepers.h"
#include "threads.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdlib.h>

/* In the environment of an actor: at which failpoint it ends, counted from 1 on. */
#define POINT "MPROC_TEST_FAILPOINT"

/* Long enough for a thread to go to sleep in it. */
#define SLEEP apr_time_from_msec(2)

typedef struct objects_t {
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier; /* of two */
    mproc_rwlock_t *rwlock;
} objects_t;

/* Failpoints to go; 0: they do not count.  The actor alone has any, and one thread. */
static long left;

void mproc__failpoint(void)
{
    if (left > 0 && --left == 0)
        end_this_process();
}

/* -- Scenes: what the actor does, and a thread of the survivors meanwhile ------------------ */

/* What also is as it should be. */
static apr_status_t allow(apr_status_t rv, apr_status_t allowed)
{
    return rv == allowed ? APR_SUCCESS : rv;
}

static apr_status_t set_and_clear(const objects_t *objects)
{
    MPROC_TRY(mproc_event_set(objects->event));
    return mproc_event_clear(objects->event);
}

static apr_status_t wait_for_event(void *data)
{
    return mproc_event_wait(((const objects_t *)data)->event, PATIENCE);
}

static apr_status_t wait_for_event_in_vain(const objects_t *objects)
{
    return allow(mproc_event_wait(objects->event, SLEEP), APR_TIMEUP);
}

static apr_status_t notify_all(const objects_t *objects)
{
    MPROC_TRY(allow(mproc_condition_acquire(objects->condition, PATIENCE), MPROC_EOWNERDEAD));
    MPROC_TRY(mproc_condition_notify_all(objects->condition));
    return mproc_condition_release(objects->condition);
}

static apr_status_t wait_on_condition(mproc_condition_t *condition, apr_interval_time_t timeout)
{
    apr_status_t rv;

    MPROC_TRY(allow(mproc_condition_acquire(condition, PATIENCE), MPROC_EOWNERDEAD));
    rv = mproc_condition_wait(condition, timeout);
    MPROC_TRY(mproc_condition_release(condition));
    return allow(rv, MPROC_EOWNERDEAD);
}

static apr_status_t wait_for_notify(void *data)
{
    return wait_on_condition(((const objects_t *)data)->condition, PATIENCE);
}

static apr_status_t wait_for_notify_in_vain(const objects_t *objects)
{
    return allow(wait_on_condition(objects->condition, SLEEP), APR_TIMEUP);
}

static apr_status_t meet(const objects_t *objects)
{
    return allow(mproc_barrier_wait(objects->barrier, NULL, PATIENCE), MPROC_EBROKEN);
}

static apr_status_t meet_in_a_thread(void *data)
{
    return meet(data);
}

static apr_status_t do_nothing(void *context)
{
    (void)context;
    return APR_SUCCESS;
}

static apr_status_t meet_and_act(const objects_t *objects)
{
    return allow(mproc_barrier_wait_with(objects->barrier, do_nothing, NULL, NULL, PATIENCE),
                 MPROC_EBROKEN);
}

static apr_status_t break_barrier(const objects_t *objects)
{
    MPROC_TRY(allow(mproc_barrier_wait(objects->barrier, NULL, SLEEP), MPROC_EBROKEN));
    return mproc_barrier_reset(objects->barrier);
}

static apr_status_t read_and_release(const objects_t *objects)
{
    MPROC_TRY(allow(mproc_rwlock_acquire_read(objects->rwlock, PATIENCE), MPROC_EOWNERDEAD));
    return mproc_rwlock_release(objects->rwlock);
}

static apr_status_t write_and_release(const objects_t *objects)
{
    MPROC_TRY(allow(mproc_rwlock_acquire_write(objects->rwlock, PATIENCE), MPROC_EOWNERDEAD));
    return mproc_rwlock_release(objects->rwlock);
}

static apr_status_t write_in_vain(const objects_t *objects)
{
    apr_status_t rv = mproc_rwlock_acquire_write(objects->rwlock, SLEEP);

    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : mproc_rwlock_release(objects->rwlock);
}

/* Of the thread that reads, or writes, while the actor does so too. */
static apr_status_t write_often(void *data)
{
    int i;

    for (i = 0; i < 20; i++) {
        MPROC_TRY(write_and_release(data));
        MPROC_TRY(read_and_release(data));
    }
    return APR_SUCCESS;
}

/* Holds it for as long as it takes the actor to wait. */
static apr_status_t read_for_a_while(void *data)
{
    const objects_t *objects = data;

    MPROC_TRY(allow(mproc_rwlock_acquire_read(objects->rwlock, PATIENCE), MPROC_EOWNERDEAD));
    apr_sleep(5 * SLEEP);
    return mproc_rwlock_release(objects->rwlock);
}

typedef struct scene_t {
    const char *name;
    apr_status_t (*act)(const objects_t *objects);
    work_fn *peer;
    int peer_is_at_barrier; /* it comes back when the barrier is broken, if nobody else comes */
} scene_t;

static const scene_t scenes[] = {
    {"an event is set and cleared", set_and_clear, wait_for_event, 0},
    {"an event is waited for", wait_for_event_in_vain, wait_for_event, 0},
    {"a condition is notified", notify_all, wait_for_notify, 0},
    {"a condition is waited on", wait_for_notify_in_vain, wait_for_notify, 0},
    {"the last comes to a barrier", meet, meet_in_a_thread, 1},
    {"the last comes and acts", meet_and_act, meet_in_a_thread, 1},
    {"a barrier is broken and reset", break_barrier, write_often, 0},
    {"one reads", read_and_release, write_often, 0},
    {"one writes", write_and_release, write_often, 0},
    {"one waits to write", write_in_vain, read_for_a_while, 0},
};

/* -- The actor ----------------------------------------------------------------------------- */

static apr_status_t act_in_scene(mproc_task_t *task)
{
    const char *point = getenv(POINT);
    objects_t objects;
    apr_status_t rv;
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &objects.event, &objects.condition, &objects.barrier,
                           &objects.rwlock, &number));
    left = point != NULL ? atol(point) : 0;
    rv = scenes[number].act(&objects);
    left = 0;
    return rv;
}

static const mproc_target_t targets[] = {MPROC_TARGET(act_in_scene), MPROC_TARGETS_END};

/* -- Survivors -------------------------------------------------------------------------------- */

static void make_all(objects_t *objects, apr_pool_t *mem)
{
    assert_success(mproc_event_create(&objects->event, NULL, mem));
    assert_success(mproc_condition_create(&objects->condition, NULL, mem));
    assert_success(mproc_barrier_create(&objects->barrier, 2, NULL, mem));
    assert_success(mproc_rwlock_create(&objects->rwlock, NULL, mem));
}

/* Until the peer of these scenes is where it waits. */
static void await_peer(const scene_t *scene, const objects_t *objects)
{
    if (scene->peer == wait_for_event)
        await_sleepers(objects->event, IN_EVENT, 1);
    else if (scene->peer == wait_for_notify)
        await_sleepers(objects->condition, IN_CONDITION, 1);
    else if (scene->peer_is_at_barrier)
        while (mproc_barrier_n_waiting(objects->barrier) == 0)
            apr_sleep(100);
}

/* The actor has died at any point: a peer at the barrier has met it, or is let go. */
static void let_peer_go(const scene_t *scene, const objects_t *objects)
{
    assert_success(mproc_event_set(objects->event));
    if (scene->peer == wait_for_notify)
        assert_success(notify_all(objects));
    if (scene->peer_is_at_barrier && mproc_barrier_n_waiting(objects->barrier) == 1)
        assert_success(mproc_barrier_abort(objects->barrier));
}

static void assert_usable(const objects_t *objects, apr_pool_t *mem)
{
    work_t work;

    assert_success(mproc_event_wait(objects->event, 0));
    assert_success(notify_all(objects));
    assert_success(mproc_condition_acquire(objects->condition, PATIENCE));
    assert_success(mproc_condition_release(objects->condition));
    assert_success(write_and_release(objects));
    assert_success(mproc_rwlock_acquire_read(objects->rwlock, PATIENCE));
    assert_success(mproc_rwlock_release(objects->rwlock));
    assert_success(mproc_barrier_reset(objects->barrier));
    assert_success(start_thread(&work, meet_in_a_thread, (void *)objects, mem));
    assert_success(mproc_barrier_wait(objects->barrier, NULL, PATIENCE));
    assert_success(end_thread(&work));
}

/* Whether the actor was killed before it had done its part. */
static int play(int number, long point, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    const char *environment[2] = {NULL, NULL};
    const scene_t *scene = &scenes[number];
    mproc_process_t *actor;
    apr_int64_t exitcode;
    objects_t objects;
    work_t peer;

    environment[0] = apr_psprintf(mem, "%s=%ld", POINT, point);
    options.environment = environment;
    make_all(&objects, mem);
    assert_success(start_thread(&peer, scene->peer, &objects, mem));
    await_peer(scene, &objects);
    assert_success(mproc_process_start(
        &actor, act_in_scene,
        MPROC_PACK(objects.event, objects.condition, objects.barrier, objects.rwlock, number),
        &options, mem));
    assert_success(mproc_process_join(actor, PATIENCE));
    assert_success(mproc_process_exitcode(actor, &exitcode));
    let_peer_go(scene, &objects);
    assert_success(end_thread(&peer));
    assert_usable(&objects, mem);
    if (exitcode == 0)
        return 0;
    assert_status(mproc_process_status(actor), MPROC_EDIED);
    return 1;
}

static void kill_at_each_failpoint(int number, apr_pool_t *mem)
{
    apr_pool_t *own;
    int was_killed;
    long point = 0;

    do {
        assert_success(apr_pool_create(&own, mem));
        was_killed = play(number, ++point, own);
        apr_pool_destroy(own);
    } while (was_killed);
    print_message("  %-32s killed at %ld failpoints\n", scenes[number].name, point - 1);
    assert_true(point > 1);
}

static void who_waits_survives_a_kill_at_any_failpoint(void **state)
{
    int number;

    for (number = 0; number < (int)(sizeof scenes / sizeof scenes[0]); number++)
        kill_at_each_failpoint(number, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(who_waits_survives_a_kill_at_any_failpoint),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
