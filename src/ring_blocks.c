/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Blocks on their way through a ring.
 *
 * A block that is put is queued first, and then its number goes into the ring; who gets it acquires
 * it first, and then advances the head.  So a block that the ring names is one, whoever was killed:
 * it is queued, or acquired by a dead one, and goes to the next getter.  And one that a dead one had,
 * and that the ring does not name, is nobody's.
 */

#include "ring.h"

#include <mproc/status.h>

#include <string.h>

/* -- Waiting for room ---------------------------------------------------------------- */

/*
 * After what was given back, by a change that is ordered before this look: who waits for room has said
 * so before he looked for it.  All of them are woken, as what is free now is of use to some only.
 */
static void tell_released(mproc__ring_view_t *view)
{
    mproc__block_table_t *table = view->blocks->table;

    if (atomic_load(&table->waiters) == 0)
        return;
    atomic_fetch_add(&table->released, 1);
    mproc__failpoint();
    mproc__event_notify_all(&view->member, MPROC__NOT_FULL);
}

static int is_released(const mproc__ring_view_t *view, apr_uint64_t seen)
{
    return atomic_load(&view->blocks->table->released) != (uint32_t)seen ||
           atomic_load(&view->ring->state) != MPROC__RING_OPEN;
}

/* -- Reserving ------------------------------------------------------------------------ */

/*
 * Those who wait for the lock sleep with those who wait for the putters'.  There is no fence, as it
 * would cost each block more than all else here: who goes to sleep at this very moment may be missed,
 * and looks when his slice is over.
 */
static void unlock(mproc__ring_view_t *view)
{
    mproc__failpoint();
    mproc__lock_release(&view->blocks->table->allocating);
    mproc__failpoint();
    if (mproc__members_sleep(&view->member))
        mproc__event_notify_all(&view->member, MPROC__PUTTING);
}

/* What is guarded is whole, whoever had the lock. */
static apr_status_t take(mproc__ring_view_t *view, size_t size, int may_grow, uint32_t *index,
                         mproc__patience_t *patience)
{
    mproc__lock_t *lock = &view->blocks->table->allocating;
    apr_status_t rv = mproc__ring_acquire(view, lock, MPROC__PUTTING, patience);

    if (APR_STATUS_IS_TIMEUP(rv))
        return rv;
    mproc__failpoint();
    rv = mproc__blocks_take(view->blocks, &view->member, size, may_grow, index);
    unlock(view);
    return rv;
}

/* Where there was one before; else, where memory is to be had, but what the dead had comes first. */
static apr_status_t take_any(mproc__ring_view_t *view, size_t size, uint32_t *index,
                             mproc__patience_t *patience)
{
    apr_status_t rv;

    if (atomic_load(&view->ring->state) != MPROC__RING_OPEN)
        return MPROC_ESHUTDOWN;
    rv = take(view, size, 0, index, patience);
    if (!APR_STATUS_IS_EAGAIN(rv) || mproc__blocks_are_grown(view->blocks))
        return rv;
    if (mproc__ring_sweep_blocks(view))
        rv = take(view, size, 0, index, patience);
    return APR_STATUS_IS_EAGAIN(rv) ? take(view, size, 1, index, patience) : rv;
}

/* The same where a dead one had it: whether one has is asked of the system, and takes its time. */
static apr_status_t take_from_the_dead(mproc__ring_view_t *view, size_t size, uint32_t *index,
                                       mproc__patience_t *patience)
{
    return mproc__ring_sweep_blocks(view) ? take_any(view, size, index, patience) : APR_EAGAIN;
}

static apr_status_t await_room(mproc__ring_view_t *view, size_t size, uint32_t *index,
                               mproc__patience_t *patience)
{
    mproc__block_table_t *table = view->blocks->table;
    uint32_t seen = atomic_load(&table->released);
    apr_status_t rv = take_any(view, size, index, patience);
    apr_status_t slept;

    while (APR_STATUS_IS_EAGAIN(rv) && !mproc__patience_is_over(patience)) {
        mproc__failpoint();
        slept = mproc__ring_await_slice(view, MPROC__NOT_FULL, is_released, seen, patience);
        seen = atomic_load(&table->released);
        rv = slept == APR_SUCCESS ? take_any(view, size, index, patience)
                                  : take_from_the_dead(view, size, index, patience);
    }
    return rv;
}

/* Also who does not wait for what the living have gets what the dead had. */
apr_status_t mproc__ring_reserve_block(mproc__ring_view_t *view, size_t size, uint32_t *index,
                                       mproc__patience_t *patience)
{
    apr_status_t rv = take_any(view, size, index, patience);

    if (!APR_STATUS_IS_EAGAIN(rv))
        return rv;
    atomic_fetch_add(&view->blocks->table->waiters, 1);
    mproc__failpoint();
    rv = await_room(view, size, index, patience);
    atomic_fetch_sub(&view->blocks->table->waiters, 1);
    if (APR_STATUS_IS_EAGAIN(rv))
        rv = take_from_the_dead(view, size, index, patience);
    return APR_STATUS_IS_EAGAIN(rv) ? APR_TIMEUP : rv;
}

int mproc__ring_release_block(mproc__ring_view_t *view, uint32_t index, int state)
{
    if (!mproc__block_change(view->blocks, index, state, MPROC__FREE, &view->member))
        return 0;
    mproc__failpoint();
    tell_released(view);
    return 1;
}

void mproc__ring_leave_blocks(mproc__ring_view_t *view)
{
    mproc__blocks_leave(view->blocks, &view->member);
    atomic_thread_fence(memory_order_seq_cst);
    tell_released(view);
}

/* -- Getting -------------------------------------------------------------------------- */

/* The word of a block that the ring names, and its size: MPROC_ECORRUPT if it cannot be one. */
static apr_status_t look_at(const mproc__ring_view_t *view, apr_uint64_t number, apr_uint64_t *word,
                            size_t *size)
{
    const mproc__blocks_t *blocks = view->blocks;
    const mproc__block_t *block;
    apr_uint64_t bytes;

    if (blocks == NULL || number >= blocks->count)
        return MPROC_ECORRUPT;
    block = &blocks->table->blocks[number];
    *word = atomic_load_explicit(&block->word, memory_order_relaxed);
    bytes = atomic_load_explicit(&block->size, memory_order_relaxed);
    if (mproc__block_run(*word) > blocks->count - number ||
        bytes > mproc__block_run(*word) * (apr_uint64_t)blocks->granule)
        return MPROC_ECORRUPT;
    *size = (size_t)bytes;
    if (mproc__block_state(*word) == MPROC__QUEUED)
        return APR_SUCCESS;
    return mproc__block_state(*word) == MPROC__ACQUIRED &&
                   mproc__member_is_dead(&view->member, mproc__block_owner(*word))
               ? APR_SUCCESS
               : MPROC_ECORRUPT;
}

apr_status_t mproc__ring_acquire_block(mproc__ring_view_t *view, mproc__sink_t *sink,
                                       mproc__index_t head, size_t size)
{
    apr_uint64_t number, word;
    size_t bytes;

    if (size != sizeof number)
        return MPROC_ECORRUPT;
    mproc__record_copy(&view->bytes, head, &number, sizeof number);
    MPROC_TRY(look_at(view, number, &word, &bytes));
    if (!sink->keeps_blocks)
        MPROC_TRY(sink->accept(sink, bytes));
    MPROC_TRY(mproc__blocks_follow(view->blocks, &view->member, (uint32_t)number,
                                   mproc__block_run(word)));
    sink->block = mproc__blocks_at(view->blocks, (uint32_t)number);
    sink->block_size = bytes;
    mproc__failpoint();
    atomic_store_explicit(
        &view->blocks->table->blocks[number].word,
        mproc__block_word(MPROC__ACQUIRED, mproc__block_run(word), view->member.id),
        memory_order_release);
    mproc__failpoint();
    return APR_SUCCESS;
}

void mproc__ring_copy_block(mproc__ring_view_t *view, mproc__sink_t *sink)
{
    unsigned char *room = sink->room(sink, sink->block_size);

    if (sink->block_size > 0)
        memcpy(room, sink->block, sink->block_size);
    mproc__ring_release_block(view, mproc__blocks_index(view->blocks, sink->block),
                              MPROC__ACQUIRED);
}

/* -- The dead --------------------------------------------------------------------------- */

/* Take those that the ring names out of a set; the getters' lock is held. */
static apr_status_t keep_named(const mproc__ring_view_t *view, mproc__block_set_t *set)
{
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
    mproc__index_t tail = atomic_load_explicit(&view->ring->index.tail, memory_order_acquire);
    apr_uint64_t left = mproc__index_distance(head, tail), kind, number;
    size_t size;

    if (left > view->bytes.capacity)
        return MPROC_ECORRUPT;
    while (left > 0) {
        MPROC_TRY(mproc__record_read(&view->bytes, head, left, &kind, &size));
        if (kind == MPROC__BLOCK && size == sizeof number) {
            mproc__record_copy(&view->bytes, head, &number, sizeof number);
            mproc__block_set_remove(set, number);
        }
        left -= mproc__record_size(size);
        head = mproc__index_advance(head, mproc__record_size(size), 0, 0);
    }
    return APR_SUCCESS;
}

/*
 * Who is dead puts nothing any more, so that all of his that there is in the ring is behind the tail
 * that is read later; and nobody gets meanwhile.
 */
static uint32_t free_dead(const mproc__ring_view_t *view, mproc__block_set_t *dead)
{
    if (mproc__blocks_find_dead(view->blocks, &view->member, dead) == 0 ||
        keep_named(view, dead) != APR_SUCCESS)
        return 0;
    mproc__failpoint();
    return mproc__blocks_free_all(view->blocks, dead);
}

int mproc__ring_sweep_blocks(mproc__ring_view_t *view)
{
    mproc__patience_t none = mproc__patience(0);
    mproc__block_set_t dead;
    uint32_t freed;

    if (mproc__blocks_find_dead(view->blocks, &view->member, &dead) == 0 ||
        mproc__ring_lock_getting(view, &none) != APR_SUCCESS)
        return 0;
    freed = free_dead(view, &dead);
    mproc__ring_unlock_getting(view);
    if (freed > 0)
        tell_released(view);
    return freed > 0;
}
