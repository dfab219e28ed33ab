/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The scenes: what is in the queue, who is there, and what the actor does.
 */

#include "stage.h"

#include "ends.h"
#include "queue.h"
#include "scenes_blocks.h"
#include "shared.h"

void (*begin_acting)(void);
void (*end_acting)(void);

/* -- What the actor does ------------------------------------------------------------- */

static apr_status_t put(actor_t *actor)
{
    MPROC_TRY(mproc_queue_put_bytes(actor->queue, actor->messages[0].data, actor->messages[0].size,
                                    MPROC_FOREVER));
    atomic_store(&actor->notes->puts, 1);
    return APR_SUCCESS;
}

static apr_status_t put_many(actor_t *actor)
{
    size_t done;

    MPROC_TRY(
        mproc_queue_put_many(actor->queue, actor->messages, actor->count, &done, MPROC_FOREVER));
    atomic_store(&actor->notes->puts, (uint32_t)done);
    return APR_SUCCESS;
}

/* Whether it is whole is looked at by the survivors: the actor does not live for long. */
void note_got(actor_t *actor, const unsigned char *bytes, size_t size)
{
    uint32_t gets = atomic_load(&actor->notes->gets);

    atomic_store(&actor->notes->begins[gets], (uint32_t)(bytes - actor->notes->buffer));
    atomic_store(&actor->notes->sizes[gets], (uint32_t)size);
    atomic_store(&actor->notes->gets, gets + 1);
}

static apr_status_t finish(actor_t *actor, uint32_t tasks)
{
    for (; tasks > 0; tasks--) {
        atomic_fetch_add(&actor->notes->begun, 1);
        MPROC_TRY(mproc_queue_task_done(actor->queue));
        atomic_fetch_add(&actor->notes->done, 1);
    }
    return APR_SUCCESS;
}

/* What it has got, where that is a task. */
static apr_status_t finish_all(actor_t *actor)
{
    return actor->queue->view.tasks != NULL ? finish(actor, atomic_load(&actor->notes->gets))
                                            : APR_SUCCESS;
}

static apr_status_t get_within(actor_t *actor, apr_interval_time_t timeout)
{
    size_t size;

    MPROC_TRY(mproc_queue_get_bytes(actor->queue, actor->notes->buffer, sizeof actor->notes->buffer,
                                    &size, timeout));
    note_got(actor, actor->notes->buffer, size);
    return finish_all(actor);
}

static apr_status_t get(actor_t *actor)
{
    return get_within(actor, MPROC_FOREVER);
}

static apr_status_t get_twice(actor_t *actor)
{
    unsigned char *bytes = actor->notes->buffer;
    size_t size;

    for (; bytes < actor->notes->buffer + 2 * MEDIUM; bytes += MEDIUM) {
        MPROC_TRY(mproc_queue_get_bytes(actor->queue, bytes, MEDIUM, &size, MPROC_FOREVER));
        note_got(actor, bytes, size);
        MPROC_TRY(finish(actor, 1));
    }
    return APR_SUCCESS;
}

/* There is none, in the end. */
static apr_status_t get_in_vain(actor_t *actor)
{
    apr_status_t rv = get_within(actor, A_MOMENT);

    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : rv;
}

static apr_status_t get_many(actor_t *actor)
{
    mproc_bytes_t messages[3];
    size_t got, i;

    MPROC_TRY(mproc_queue_get_many(actor->queue, actor->notes->buffer, sizeof actor->notes->buffer,
                                   messages, 3, &got, MPROC_FOREVER));
    for (i = 0; i < got; i++)
        note_got(actor, messages[i].data, messages[i].size);
    return finish_all(actor);
}

static apr_status_t ask_for_the_lost(actor_t *actor)
{
    mproc_lost_t lost[8];
    size_t count;

    return mproc_queue_lost(actor->queue, lost, 8, &count);
}

static apr_status_t drain(actor_t *actor)
{
    return mproc_queue_shutdown(actor->queue, MPROC_DRAIN);
}

static apr_status_t shut(actor_t *actor)
{
    return mproc_queue_shutdown(actor->queue, MPROC_AT_ONCE);
}

static apr_status_t close_queue(actor_t *actor)
{
    return mproc_queue_close(actor->queue);
}

static apr_status_t finish_two(actor_t *actor)
{
    return finish(actor, 2);
}

static apr_status_t count_tasks(actor_t *actor)
{
    size_t unfinished;

    return mproc_queue_tasks(actor->queue, &unfinished, NULL);
}

/* There may be some that nobody does. */
static apr_status_t join_at_once(actor_t *actor)
{
    apr_status_t rv = mproc_queue_join(actor->queue, 0);

    return rv == MPROC_EWORKERDIED || APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : rv;
}

static apr_status_t join(actor_t *actor)
{
    return mproc_queue_join(actor->queue, PATIENCE);
}

static apr_status_t do_nothing(actor_t *actor)
{
    (void)actor;
    return APR_SUCCESS;
}

static apr_status_t prepare_actor(actor_t *actor, const scene_t *scene, apr_pool_t *mem)
{
    size_t i;

    actor->count = scene->count;
    for (i = 0; i < scene->count; i++) {
        unsigned char *bytes = apr_palloc(mem, scene->size);
        write_message(bytes, (uint32_t)(ACTORS + i), scene->size);
        actor->messages[i].data = bytes;
        actor->messages[i].size = scene->size;
    }
    return actor->notes != NULL ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t act_in_scene(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    actor_t actor;
    const char *path;
    apr_status_t rv;
    int scene;

    MPROC_TRY(MPROC_UNPACK(task, &actor.queue, &path, &scene));
    actor.notes = shared_memory(path, sizeof *actor.notes, mem);
    MPROC_TRY(prepare_actor(&actor, &scenes[scene], mem));
    begin_acting();
    rv = scenes[scene].act(&actor);
    if (rv == APR_SUCCESS)
        atomic_store(&actor.notes->is_over, 1);
    end_acting();
    return rv;
}

/* -- Those who were killed before ------------------------------------------------------- */

/* In the middle of a put, before it counts. */
static apr_status_t die_putting(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    if (mproc__lock_try(&queue->view.ring->putting, &queue->view.member))
        end_this_process();
    return APR_EGENERAL;
}

/* In the middle of a get: what it takes is noted, and not taken. */
static apr_status_t die_getting(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    if (mproc__lock_try(&queue->view.ring->getting, &queue->view.member)) {
        mproc__ring_claim_messages(&queue->view, 1, 1);
        end_this_process();
    }
    return APR_EGENERAL;
}

/* With a message that it has got. */
static apr_status_t die_with_a_message(mproc_task_t *task)
{
    mproc_queue_t *queue;
    uint32_t name;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(get_message(queue, &name, MPROC_FOREVER));
    end_this_process();
    return APR_EGENERAL;
}

/* Puts pieces until there is no room, and waits. */
static apr_status_t put_pieces(mproc_task_t *task)
{
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    return put_message(queue, ACTORS, LONG, MPROC_FOREVER);
}

static void begin_nothing(mproc__sink_t *sink)
{
    (void)sink;
}

static apr_status_t accept_all(mproc__sink_t *sink, apr_uint64_t size)
{
    (void)sink;
    (void)size;
    return APR_SUCCESS;
}

static unsigned char *die_of_it(mproc__sink_t *sink, size_t size)
{
    (void)sink;
    (void)size;
    end_this_process();
    return NULL;
}

/* Having begun to get a message in pieces. */
static apr_status_t die_following(mproc_task_t *task)
{
    mproc__sink_t sink = {
        .begin = begin_nothing, .accept = accept_all, .room = die_of_it, .most = 1};
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    return mproc__ring_get(&queue->view, &sink, &patience);
}

const mproc_target_t stage_targets[] = {MPROC_TARGET(act_in_scene),
                                        MPROC_TARGET(die_putting),
                                        MPROC_TARGET(die_getting),
                                        MPROC_TARGET(die_with_a_message),
                                        MPROC_TARGET(put_pieces),
                                        MPROC_TARGET(die_following),
                                        MPROC_TARGET(die_allocating),
                                        MPROC_TARGET(die_acquiring),
                                        MPROC_TARGET(die_with_blocks),
                                        MPROC_TARGET(hold_until_killed),
                                        MPROC_TARGETS_END};

/* -- What is there before ---------------------------------------------------------------- */

static void leave_empty(stage_t *stage)
{
    (void)stage;
}

static void put_three(stage_t *stage)
{
    int i;

    for (i = 0; i < 3; i++)
        assert_success(put_next(stage, SHORT));
}

/* What is put next would end behind the end of the ring. */
static void come_near_the_end(stage_t *stage)
{
    while (mproc__index_position(atomic_load(&stage->queue->view.ring->index.tail)) <
           CAPACITY - MEDIUM) {
        assert_success(put_next(stage, SHORT));
        assert_success(get_next(stage, 0));
    }
}

static void get_two_of_three(stage_t *stage)
{
    put_three(stage);
    assert_success(get_next(stage, 0));
    assert_success(get_next(stage, 0));
}

static void get_the_only_one(stage_t *stage)
{
    assert_success(put_next(stage, SHORT));
    assert_success(get_next(stage, 0));
}

static void put_across_the_end(stage_t *stage)
{
    come_near_the_end(stage);
    assert_success(put_next(stage, MEDIUM));
    assert_success(put_next(stage, MEDIUM));
}

static void fill_up(stage_t *stage)
{
    while (mproc__ring_has_room(&stage->queue->view, mproc__record_size(SHORT)))
        assert_success(put_next(stage, SHORT));
}

static void let_a_putter_die(stage_t *stage)
{
    put_three(stage);
    start_victim(stage, die_putting);
    bury_victim(stage);
}

static void let_a_getter_die(stage_t *stage)
{
    put_three(stage);
    start_victim(stage, die_getting);
    bury_victim(stage);
}

static void let_one_die_with_a_message(stage_t *stage)
{
    put_three(stage);
    start_victim(stage, die_with_a_message);
    bury_victim(stage);
}

/* It has the only one there was. */
static void let_one_die_with_the_last(stage_t *stage)
{
    assert_success(put_next(stage, SHORT));
    start_victim(stage, die_with_a_message);
    bury_victim(stage);
}

static void let_a_putter_die_in_pieces(stage_t *stage)
{
    start_victim(stage, put_pieces);
    assert_true(await_sleeper(stage, MPROC__NOT_FULL));
    assert_success(mproc_process_kill(stage->victim));
    bury_victim(stage);
}

static apr_status_t put_long(void *data)
{
    return put_next(data, LONG);
}

static void let_a_getter_die_in_pieces(stage_t *stage)
{
    assert_success(start_thread(&stage->early, put_long, stage, stage->mem));
    start_victim(stage, die_following);
    bury_victim(stage);
}

static void let_both_die_in_pieces(stage_t *stage)
{
    mproc_process_t *putter;

    start_victim(stage, put_pieces);
    assert_true(await_sleeper(stage, MPROC__NOT_FULL));
    putter = stage->victim;
    start_victim(stage, die_following);
    bury_victim(stage);
    assert_success(mproc_process_kill(putter));
    assert_success(mproc_process_join(putter, PATIENCE));
}

static void hold_putting(stage_t *stage)
{
    put_three(stage);
    assert_true(mproc__lock_try(&stage->queue->view.ring->putting, &stage->queue->view.member));
}

static void hold_getting(stage_t *stage)
{
    put_three(stage);
    assert_true(mproc__lock_try(&stage->queue->view.ring->getting, &stage->queue->view.member));
}

/* -- Survivors that are at work meanwhile -------------------------------------------------- */

static apr_status_t collect_to_the_marker(void *data)
{
    stage_t *stage = data;

    do
        MPROC_TRY(get_next(stage, PATIENCE));
    while (stage->received[stage->nreceived - 1] != MARKER);
    return APR_SUCCESS;
}

static apr_status_t put_long_and_short(void *data)
{
    MPROC_TRY(put_next(data, LONG));
    return put_next(data, SHORT);
}

static apr_status_t put_short_after_the_long(void *data)
{
    stage_t *stage = data;

    MPROC_TRY(end_thread(&stage->early));
    return put_next(stage, SHORT);
}

static apr_status_t put_for_who_sleeps(void *data)
{
    return await_sleeper(data, MPROC__NOT_EMPTY) ? put_next(data, SHORT) : APR_SUCCESS;
}

/* Who sleeps may have been killed, and all be gone. */
static apr_status_t get_for_who_sleeps(void *data)
{
    apr_status_t rv = await_sleeper(data, MPROC__NOT_FULL) ? get_next(data, 0) : APR_SUCCESS;

    return APR_STATUS_IS_TIMEUP(rv) ? APR_SUCCESS : rv;
}

static apr_status_t finish_for_who_joins(void *data)
{
    stage_t *stage = data;

    (void)await_sleeper(stage, MPROC__JOINED);
    stage->done++;
    return mproc_queue_task_done(stage->queue);
}

static apr_status_t release_putting(void *data)
{
    stage_t *stage = data;

    (void)await_sleeper(stage, MPROC__PUTTING);
    mproc__ring_unlock_putting(&stage->queue->view);
    return APR_SUCCESS;
}

static apr_status_t release_getting(void *data)
{
    stage_t *stage = data;

    (void)await_sleeper(stage, MPROC__GETTING);
    mproc__ring_unlock_getting(&stage->queue->view);
    return APR_SUCCESS;
}

/* -- The scenes ------------------------------------------------------------------------------ */

const scene_t scenes[] = {
    {.name = "put", .prepare = put_three, .act = put, .size = SHORT, .count = 1},
    {.name = "put of nothing but a head",
     .prepare = leave_empty,
     .act = put,
     .size = MESSAGE_MIN,
     .count = 1},
    {.name = "put across the end",
     .prepare = come_near_the_end,
     .act = put,
     .size = MEDIUM + SHORT,
     .count = 1},
    {.name = "put of many", .prepare = put_three, .act = put_many, .size = SHORT, .count = 5},
    {.name = "get", .prepare = put_three, .act = get},
    {.name = "get across the end", .prepare = put_across_the_end, .act = get},
    {.name = "get of many", .prepare = put_three, .act = get_many},
    {.name = "put in pieces",
     .prepare = put_three,
     .act = put,
     .size = LONG,
     .count = 1,
     .peer = collect_to_the_marker,
     .peer_collects = 1},
    {.name = "get in pieces", .prepare = leave_empty, .act = get, .peer = put_long_and_short},
    {.name = "put while another puts",
     .prepare = hold_putting,
     .act = put,
     .size = SHORT,
     .count = 1,
     .peer = release_putting},
    {.name = "get while another gets",
     .prepare = hold_getting,
     .act = get,
     .peer = release_getting},
    {.name = "get while there is nothing",
     .prepare = leave_empty,
     .act = get,
     .peer = put_for_who_sleeps},
    {.name = "put while there is no room",
     .prepare = fill_up,
     .act = put,
     .size = SHORT,
     .count = 1,
     .peer = get_for_who_sleeps},
    {.name = "put after a dead putter",
     .prepare = let_a_putter_die,
     .act = put,
     .size = SHORT,
     .count = 1},
    {.name = "get after a dead getter", .prepare = let_a_getter_die, .act = get},
    {.name = "get when a putter has died in pieces",
     .prepare = let_a_putter_die_in_pieces,
     .act = get_in_vain},
    {.name = "get when a getter has died in pieces",
     .prepare = let_a_getter_die_in_pieces,
     .act = get,
     .peer = put_short_after_the_long},
    {.name = "get when both have died in pieces",
     .prepare = let_both_die_in_pieces,
     .act = get_in_vain},
    {.name = "asking for the lost", .prepare = let_one_die_with_a_message, .act = ask_for_the_lost},
    {.name = "shutting down", .prepare = put_three, .act = drain, .is_shut = 1},
    {.name = "shutting down at once", .prepare = put_three, .act = shut, .is_shut = 2},
    {.name = "closing", .prepare = put_three, .act = close_queue},
    {.name = "reserving and cancelling", .prepare = leave_empty, .act = reserve_and_cancel},
    {.name = "reserving where much was used before",
     .prepare = use_blocks_before,
     .act = reserve_and_cancel},
    {.name = "reserving while another reserves",
     .prepare = hold_allocating,
     .act = reserve_and_cancel,
     .peer = release_allocating},
    {.name = "reserving after one that died reserving",
     .prepare = let_one_die_allocating,
     .act = reserve_and_cancel},
    {.name = "reserving while there is no room",
     .prepare = hold_all_blocks,
     .act = reserve_and_cancel,
     .peer = cancel_for_who_waits},
    {.name = "reserving after one with blocks",
     .prepare = let_one_die_with_blocks,
     .act = put_block,
     .size = LONG,
     .count = 1},
    {.name = "reserving while one with all is killed",
     .prepare = let_one_hold_all_blocks,
     .act = reserve_and_cancel,
     .peer = kill_for_who_waits},
    {.name = "put of a block",
     .prepare = put_three_blocks,
     .act = put_block,
     .size = LONG,
     .count = 1},
    {.name = "put of a block while there is no room",
     .prepare = fill_up,
     .act = put_block,
     .size = LONG,
     .count = 1,
     .peer = get_for_who_sleeps},
    {.name = "acquiring", .prepare = put_three_blocks, .act = acquire_block},
    {.name = "acquiring and releasing", .prepare = put_three_blocks, .act = acquire_and_release},
    {.name = "acquiring what is no block", .prepare = put_three, .act = acquire_and_release},
    {.name = "acquiring after one that died acquiring",
     .prepare = let_one_die_acquiring,
     .act = acquire_and_release},
    {.name = "get of a block", .prepare = put_three_blocks, .act = get},
    {.name = "leaving with blocks", .prepare = put_three_blocks, .act = leave_with_blocks},
    {.name = "joining after one with blocks",
     .prepare = let_one_die_with_blocks,
     .act = do_nothing,
     .is_joining = 1},
    {.name = "doing another's tasks",
     .prepare = get_two_of_three,
     .act = finish_two,
     .is_of_tasks = 1,
     .does_anothers = 1},
    {.name = "two gets", .prepare = put_three, .act = get_twice, .is_of_tasks = 1, .gets_twice = 1},
    {.name = "counting tasks after a death",
     .prepare = let_one_die_with_a_message,
     .act = count_tasks,
     .is_of_tasks = 1},
    {.name = "get at the place of a dead one",
     .prepare = let_one_die_with_a_message,
     .act = get,
     .is_of_tasks = 1,
     .is_crowded = 1},
    {.name = "a join that is told of a death",
     .prepare = let_one_die_with_the_last,
     .act = join_at_once,
     .is_of_tasks = 1,
     .joins = 1},
    {.name = "a join that waits",
     .prepare = get_the_only_one,
     .act = join,
     .peer = finish_for_who_joins,
     .is_of_tasks = 1,
     .joins = 1},
    {.name = "joining", .prepare = let_one_die_with_a_message, .act = do_nothing, .is_joining = 1},
};

const size_t nscenes = sizeof scenes / sizeof scenes[0];
