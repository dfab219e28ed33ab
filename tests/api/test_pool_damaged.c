/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker whose memory is spoilt says and writes what no worker would: its pool goes on.  What it
 * would put into the queue of replies and onto the board, the test puts there itself.
 */

#include "claims.h"
#include "workers.h"

#include "pool/local.h"
#include "pool/pool.h"

static apr_status_t stay(mproc_task_t *task)
{
    while (task != NULL)
        apr_sleep(apr_time_from_sec(60));
    return APR_SUCCESS;
}

static apr_status_t come_and_go(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(stay), MPROC_TARGET(come_and_go),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* A pool of two, one of whom has begun with a call that does not end. */
typedef struct scene_t {
    mproc_pool_t *workers;
    mproc_result_t *result;
    mproc__parcel_t *parcel;
    unsigned holder;
} scene_t;

static mproc__parcel_t *find_parcel(const mproc__engine_t *engine)
{
    size_t i;

    for (i = 0; i < MPROC__TICKETS; i++)
        if (engine->parcels[i] != NULL)
            return engine->parcels[i];
    return NULL;
}

static unsigned await_holder(const scene_t *scene)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    unsigned holder = 0;

    while (holder == 0 && apr_time_now() < deadline) {
        mproc__pool_lock(scene->workers);
        holder = mproc__engine_holder(scene->workers->engine, scene->parcel);
        mproc__pool_unlock(scene->workers);
        apr_sleep(1000);
    }
    assert_int_not_equal(holder, 0);
    return holder;
}

static void set_scene(scene_t *scene, apr_pool_t *mem)
{
    assert_success(mproc_pool_create(&scene->workers, 2, NULL, mem));
    assert_success(
        mproc_pool_apply_async(&scene->result, scene->workers, stay, MPROC_NO_ARGS, NULL, mem));
    mproc__pool_lock(scene->workers);
    scene->parcel = find_parcel(scene->workers->engine);
    mproc__pool_unlock(scene->workers);
    assert_non_null(scene->parcel);
    scene->holder = await_holder(scene);
}

static void say_of_parcel(const scene_t *scene, mproc__reply_t reply)
{
    reply.ticket = scene->parcel->order.ticket;
    reply.index = scene->parcel->order.index;
    assert_success(
        mproc_queue_put_bytes(scene->workers->engine->replies, &reply, sizeof reply, PATIENCE));
}

/* Its reply is behind all that was said before. */
static void assert_goes_on(const scene_t *scene)
{
    assert_success(mproc_pool_apply(scene->workers, come_and_go, MPROC_NO_ARGS, NULL, PATIENCE));
}

static void a_call_has_no_items_that_could_fail(void **state)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_ITEM_FAILED, .status = APR_EGENERAL};
    scene_t scene;

    set_scene(&scene, *state);
    reply.worker = scene.holder;
    say_of_parcel(&scene, reply);
    assert_goes_on(&scene);
    assert_false(mproc_result_ready(scene.result));
    assert_success(mproc_pool_terminate(scene.workers));
}

static size_t count_workers(const scene_t *scene)
{
    size_t count;

    assert_success(mproc_pool_pids(scene->workers, NULL, 0, &count));
    return count;
}

static void a_worker_that_has_gone_says_nothing(void **state)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_DONE, .is_in_memory = 1, .size = 100};
    apr_time_t deadline = apr_time_now() + PATIENCE;
    scene_t scene;

    set_scene(&scene, *state);
    assert_success(mproc_pool_resize(scene.workers, 1));
    while (count_workers(&scene) > 1 && apr_time_now() < deadline)
        apr_sleep(1000);
    assert_int_equal(count_workers(&scene), 1);
    reply.worker = 3 - scene.holder;
    say_of_parcel(&scene, reply);
    assert_status(mproc_result_wait(scene.result, A_MOMENT), APR_TIMEUP);
    assert_success(mproc_pool_terminate(scene.workers));
}

static void a_ticket_that_names_nobody_is_held_by_nobody(void **state)
{
    mproc__board_t *board;
    scene_t scene;

    set_scene(&scene, *state);
    board = scene.workers->engine->board;
    mproc__pool_lock(scene.workers);
    atomic_store(&board->tickets[scene.parcel->order.index],
                 scene.parcel->order.ticket | (MPROC__HOLDER_MASK - 1));
    assert_int_equal(mproc__engine_holder(scene.workers->engine, scene.parcel), 0);
    mproc__pool_unlock(scene.workers);
    assert_success(mproc_result_cancel(scene.result));
    assert_goes_on(&scene);
    assert_success(mproc_pool_terminate(scene.workers));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_call_has_no_items_that_could_fail),
        claim_leaving_nothing(a_worker_that_has_gone_says_nothing),
        claim_leaving_nothing(a_ticket_that_names_nobody_is_held_by_nobody),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
