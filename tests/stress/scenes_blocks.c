/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the scenes of blocks are made of: what is there before, and what the actor does.
 */

#include "scenes_blocks.h"

#include "ends.h"
#include "queue.h"

#include <apr_time.h>

#include <string.h>

/* -- What the actor does ------------------------------------------------------------- */

apr_status_t reserve_and_cancel(actor_t *actor)
{
    void *one, *two;

    MPROC_TRY(mproc_queue_reserve(actor->queue, BLOCKS / 4, &one, MPROC_FOREVER));
    MPROC_TRY(mproc_queue_reserve(actor->queue, 1, &two, MPROC_FOREVER));
    MPROC_TRY(mproc_queue_cancel(actor->queue, one));
    return mproc_queue_cancel(actor->queue, two);
}

apr_status_t put_block(actor_t *actor)
{
    const mproc_bytes_t *message = &actor->messages[0];
    void *block;

    MPROC_TRY(mproc_queue_reserve(actor->queue, message->size, &block, MPROC_FOREVER));
    memcpy(block, message->data, message->size);
    MPROC_TRY(mproc_queue_commit(actor->queue, block, MPROC_FOREVER));
    atomic_store(&actor->notes->puts, 1);
    return APR_SUCCESS;
}

/* What it reads is looked at by the survivors, who have it no more when it is released. */
static apr_status_t acquire(actor_t *actor, void **block)
{
    size_t size;

    MPROC_TRY(mproc_queue_acquire(actor->queue, block, &size, MPROC_FOREVER));
    memcpy(actor->notes->buffer, *block, size);
    note_got(actor, actor->notes->buffer, size);
    return APR_SUCCESS;
}

apr_status_t acquire_block(actor_t *actor)
{
    void *block;

    return acquire(actor, &block);
}

apr_status_t acquire_and_release(actor_t *actor)
{
    void *block;

    MPROC_TRY(acquire(actor, &block));
    return mproc_queue_release(actor->queue, block);
}

/* As a process does that ends in the normal way. */
apr_status_t leave_with_blocks(actor_t *actor)
{
    void *block;

    MPROC_TRY(mproc_queue_reserve(actor->queue, 1, &block, MPROC_FOREVER));
    MPROC_TRY(acquire(actor, &block));
    mproc__ring_leave_blocks(&actor->queue->view);
    return APR_SUCCESS;
}

/* -- Those who were killed before ------------------------------------------------------- */

/* With a run that is split already, as far as one store goes. */
apr_status_t die_allocating(mproc_task_t *task)
{
    mproc__block_table_t *table;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    table = queue->view.blocks->table;
    if (mproc__lock_try(&table->allocating, &queue->view.member)) {
        atomic_store(&table->blocks[1].word, mproc__block_free_word(BLOCKS / 4096 - 1));
        end_this_process();
    }
    return APR_EGENERAL;
}

static void begin_nothing(mproc__sink_t *sink)
{
    (void)sink;
}

/* In the middle of acquiring a block, which is acquired and in the ring. */
apr_status_t die_acquiring(mproc_task_t *task)
{
    mproc__sink_t sink = {.begin = begin_nothing, .keeps_blocks = 1};
    mproc__ring_view_t *view;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    view = &queue->view;
    if (!mproc__lock_try(&view->ring->getting, &view->member))
        return APR_EGENERAL;
    MPROC_TRY(mproc__ring_acquire_block(view, &sink, atomic_load(&view->ring->index.head),
                                        sizeof(apr_uint64_t)));
    mproc__ring_claim_messages(view, 1, 1);
    end_this_process();
    return APR_EGENERAL;
}

/* One that it writes, one that it reads, and one that it is about to put. */
apr_status_t die_with_blocks(mproc_task_t *task)
{
    mproc_queue_t *queue;
    void *block;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(mproc_queue_reserve(queue, BLOCKS / 4, &block, PATIENCE));
    MPROC_TRY(mproc_queue_acquire(queue, &block, &size, PATIENCE));
    MPROC_TRY(mproc_queue_reserve(queue, BLOCKS / 4, &block, PATIENCE));
    mproc__block_change(queue->view.blocks, mproc__blocks_index(queue->view.blocks, block),
                        MPROC__RESERVED, MPROC__QUEUED, &queue->view.member);
    end_this_process();
    return APR_EGENERAL;
}

apr_status_t hold_until_killed(mproc_task_t *task)
{
    mproc_queue_t *queue;
    void *block;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(mproc_queue_reserve(queue, BLOCKS, &block, PATIENCE));
    apr_sleep(PATIENCE);
    return APR_EGENERAL;
}

/* -- What is there before ---------------------------------------------------------------- */

void put_three_blocks(stage_t *stage)
{
    int i;

    for (i = 0; i < 3; i++)
        assert_success(put_next_in_place(stage, i == 1 ? LONG : SHORT));
}

/* There is memory for all of them, in small runs that lie side by side. */
void use_blocks_before(stage_t *stage)
{
    void *blocks[BLOCKS / 4096];
    size_t i;

    for (i = 0; i < BLOCKS / 4096; i++)
        assert_success(mproc_queue_reserve(stage->queue, 1, &blocks[i], 0));
    for (i = 0; i < BLOCKS / 4096; i++)
        assert_success(mproc_queue_cancel(stage->queue, blocks[i]));
}

void hold_allocating(stage_t *stage)
{
    assert_true(
        mproc__lock_try(&stage->queue->view.blocks->table->allocating, &stage->queue->view.member));
}

void hold_all_blocks(stage_t *stage)
{
    assert_success(mproc_queue_reserve(stage->queue, BLOCKS, &stage->held, 0));
}

void let_one_die_allocating(stage_t *stage)
{
    start_victim(stage, die_allocating);
    bury_victim(stage);
}

void let_one_die_acquiring(stage_t *stage)
{
    put_three_blocks(stage);
    start_victim(stage, die_acquiring);
    bury_victim(stage);
}

void let_one_die_with_blocks(stage_t *stage)
{
    put_three_blocks(stage);
    start_victim(stage, die_with_blocks);
    bury_victim(stage);
}

void let_one_hold_all_blocks(stage_t *stage)
{
    void *block;

    start_victim(stage, hold_until_killed);
    while (mproc_queue_reserve(stage->queue, 1, &block, 0) == APR_SUCCESS)
        assert_success(mproc_queue_cancel(stage->queue, block));
}

/* -- Survivors that are at work meanwhile -------------------------------------------------- */

apr_status_t release_allocating(void *data)
{
    stage_t *stage = data;

    (void)await_sleeper(stage, MPROC__PUTTING);
    mproc__lock_release(&stage->queue->view.blocks->table->allocating);
    return APR_SUCCESS;
}

apr_status_t cancel_for_who_waits(void *data)
{
    stage_t *stage = data;

    (void)await_sleeper(stage, MPROC__NOT_FULL);
    return mproc_queue_cancel(stage->queue, stage->held);
}

/* Who waits finds the dead one by himself. */
apr_status_t kill_for_who_waits(void *data)
{
    stage_t *stage = data;

    (void)await_sleeper(stage, MPROC__NOT_FULL);
    return mproc_process_kill(stage->victim);
}
