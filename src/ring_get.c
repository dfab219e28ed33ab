/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Getting messages from a ring.
 */

#include "ring.h"

#include <mproc/status.h>

/* Pauses for which a getter hangs back: in that time several small messages are put. */
#define HANG_BACK 100

/* After so many gets in vain it is tried again, at the latest. */
#define HEELS_MAX 4096

/* What lies before `head` is got, by this store; it is claimed before.  `last` was the last before. */
static inline void commit(mproc__ring_view_t *view, mproc__index_t head, apr_uint64_t last,
                          size_t count)
{
    mproc__failpoint();
    mproc__ring_claim_messages(view, last + 1, count);
    mproc__failpoint();
    atomic_store_explicit(&view->ring->index.head, head, memory_order_release);
    mproc__failpoint();
    mproc__ring_set_last(&view->ring->getting, last + count);
}

/* Whole messages from `head` on, as many as the sink takes; become got at once. */
static apr_status_t get_whole(mproc__ring_view_t *view, mproc__sink_t *sink, mproc__index_t head,
                              apr_uint64_t left)
{
    apr_uint64_t last = mproc__ring_number(&view->ring->getting, head), kind;
    apr_status_t rv = APR_SUCCESS;
    size_t size, got = 0;

    while (got < sink->most && left > 0) {
        rv = mproc__record_read(&view->bytes, head, left, &kind, &size);
        if (rv == APR_SUCCESS && kind != MPROC__WHOLE)
            break;
        if (rv == APR_SUCCESS)
            rv = sink->accept(sink, size);
        if (rv != APR_SUCCESS)
            break;
        mproc__record_copy(&view->bytes, head, sink->room(sink, size), size);
        left -= mproc__record_size(size);
        head = mproc__index_advance(head, mproc__record_size(size), 1, 0);
        got++;
    }
    /* Nothing is wrong, and nothing was got: the record has become another since it was looked at. */
    if (got == 0)
        return rv != APR_SUCCESS ? rv : MPROC_ECORRUPT;
    commit(view, head, last, got);
    return APR_SUCCESS;
}

/* Bytes from the head to the tail, which is only asked for when what was seen of it is used up. */
static inline apr_status_t find_data(const mproc__ring_view_t *view, mproc__index_t head,
                                     apr_uint64_t *left)
{
    apr_uint64_t *seen = &view->ring->getting.guarded[MPROC__SEEN];

    *left = mproc__index_distance(head, *seen);
    if (*left == 0 || *left > view->bytes.capacity) {
        *seen = atomic_load_explicit(&view->ring->index.tail, memory_order_acquire);
        *left = mproc__index_distance(head, *seen);
    }
    return *left <= view->bytes.capacity ? APR_SUCCESS : MPROC_ECORRUPT;
}

/* What is left of a message that its putter gave up before anybody had begun to get it. */
static apr_status_t skip(mproc__ring_view_t *view, mproc__index_t head)
{
    mproc__failpoint();
    atomic_store_explicit(&view->ring->index.head, mproc__index_advance(head, 8, 0, 0),
                          memory_order_release);
    return MPROC_ETORN;
}

static apr_status_t get_block(mproc__ring_view_t *view, mproc__sink_t *sink, mproc__index_t head,
                              size_t size)
{
    MPROC_TRY(mproc__ring_acquire_block(view, sink, head, size));
    commit(view, mproc__index_advance(head, mproc__record_size(size), 1, 0),
           mproc__ring_number(&view->ring->getting, head), 1);
    return APR_SUCCESS;
}

/* Under the lock: APR_EAGAIN when there is nothing; MPROC_ETORN when it must be called again. */
static apr_status_t get_some(mproc__ring_view_t *view, mproc__sink_t *sink)
{
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
    apr_uint64_t left, kind;
    size_t size;

    if (atomic_load(&view->ring->state) == MPROC__RING_SHUT)
        return MPROC_ESHUTDOWN;
    if ((head & MPROC__INDEX_OPEN) != 0) {
        apr_status_t rv = mproc__stream_discard(view);
        return rv == APR_SUCCESS ? MPROC_ETORN : rv;
    }
    MPROC_TRY(find_data(view, head, &left));
    if (left == 0)
        return APR_EAGAIN;
    MPROC_TRY(mproc__record_read(&view->bytes, head, left, &kind, &size));
    switch (kind) {
    case MPROC__WHOLE: return get_whole(view, sink, head, left);
    case MPROC__FIRST: return mproc__stream_get(view, sink);
    case MPROC__BLOCK: return get_block(view, sink, head, size);
    case MPROC__ABORT: return skip(view, head);
    default: return MPROC_ECORRUPT;
    }
}

/*
 * A put that was under way when the queue was shut down is over once its lock can be had: what there
 * is then, is all.  APR_SUCCESS if there is something.
 */
static apr_status_t look_for_the_last(mproc__ring_view_t *view, mproc__patience_t *patience)
{
    mproc__index_t head, tail;

    MPROC_TRY(mproc__ring_lock_putting(view, patience));
    mproc__index_pair_read(&view->ring->index, &head, &tail);
    mproc__ring_unlock_putting(view);
    return mproc__index_distance(head, tail) == 0 ? MPROC_ESHUTDOWN : APR_SUCCESS;
}

/* Not while somebody waits for the room of what is there. */
static void pause_for_a_while(const mproc__ring_view_t *view)
{
    int i;

    for (i = 0; i < HANG_BACK && !mproc__ring_wants_blocks(view); i++)
        port_pause();
}

static uint32_t count_ahead(const mproc__ring_view_t *view)
{
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
    mproc__index_t tail = atomic_load_explicit(&view->ring->index.tail, memory_order_relaxed);

    return mproc__index_count(head, tail);
}

/*
 * A getter at the heels of its putter takes the line of the tail away from it for each message: both
 * are faster when it hangs back for a moment, and then takes several.  Whether that helps is seen by
 * trying it: what goes to and fro does not become more by waiting, and then the next try is later.
 */
static void hang_back(mproc__ring_view_t *view)
{
    unsigned heels = atomic_fetch_add_explicit(&view->heels, 1, memory_order_relaxed);
    unsigned most = atomic_load_explicit(&view->heels_most, memory_order_relaxed);

    if (heels < most)
        return;
    pause_for_a_while(view);
    if (count_ahead(view) > 2)
        most = 0;
    else
        most = most < HEELS_MAX ? 2 * most + 16 : HEELS_MAX;
    atomic_store_explicit(&view->heels, 0, memory_order_relaxed);
    atomic_store_explicit(&view->heels_most, most, memory_order_relaxed);
}

/* There was nothing: wait until there may be. */
static apr_status_t await_data(mproc__ring_view_t *view, mproc__patience_t *patience)
{
    if (atomic_load(&view->ring->state) != MPROC__RING_OPEN)
        return look_for_the_last(view, patience);
    MPROC_TRY(mproc__ring_await(view, MPROC__NOT_EMPTY, mproc__ring_has_data, 0, patience));
    hang_back(view);
    return APR_SUCCESS;
}

/* Under the lock: whether there was a whole message that fits. */
static inline int get_if_whole(mproc__ring_view_t *view, void *buffer, size_t capacity,
                               size_t *size)
{
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
    apr_uint64_t left, kind;

    if ((head & MPROC__INDEX_OPEN) != 0 || atomic_load(&view->ring->state) == MPROC__RING_SHUT)
        return 0;
    if (find_data(view, head, &left) != APR_SUCCESS || left == 0 ||
        mproc__record_read(&view->bytes, head, left, &kind, size) != APR_SUCCESS ||
        kind != MPROC__WHOLE || *size > capacity)
        return 0;
    mproc__record_copy(&view->bytes, head, buffer, *size);
    commit(view, mproc__index_advance(head, mproc__record_size(*size), 1, 0),
           mproc__ring_number(&view->ring->getting, head), 1);
    return 1;
}

int mproc__ring_get_at_once(mproc__ring_view_t *view, void *buffer, size_t capacity, size_t *size)
{
    int is_got;

    if (!mproc__lock_try(&view->ring->getting, &view->member))
        return 0;
    mproc__failpoint();
    is_got = get_if_whole(view, buffer, capacity, size);
    mproc__ring_unlock_getting(view);
    return is_got;
}

/* The lock, at once if it is free: whoever had it has left the ring whole, and told of what he got. */
static inline apr_status_t lock_getting(mproc__ring_view_t *view, mproc__patience_t *patience)
{
    return mproc__lock_try(&view->ring->getting, &view->member)
               ? APR_SUCCESS
               : mproc__ring_lock_getting(view, patience);
}

/*
 * Lock, get and unlock; APR_EAGAIN when there is nothing.  Who was woken passes it on also when it
 * was too late for the lock.
 */
static apr_status_t lock_and_get(mproc__ring_view_t *view, mproc__sink_t *sink,
                                 mproc__patience_t *patience)
{
    apr_status_t rv = lock_getting(view, patience);

    if (rv != APR_SUCCESS) {
        mproc__ring_tell_after_get(view);
        return rv;
    }
    mproc__failpoint();
    do {
        sink->begin(sink);
        rv = get_some(view, sink);
    } while (rv == MPROC_ETORN);
    mproc__ring_unlock_getting(view);
    return rv;
}

static apr_status_t get_if_any(mproc__ring_view_t *view, mproc__sink_t *sink,
                               mproc__patience_t *patience)
{
    apr_status_t rv = lock_and_get(view, sink, patience);

    if (rv == APR_SUCCESS && sink->block != NULL && !sink->keeps_blocks)
        mproc__ring_copy_block(view, sink);
    return rv;
}

/* Where tasks are counted, as it is asked there who is left that gets any. */
static void note_waiting(const mproc__ring_view_t *view, int change)
{
    if (view->tasks == NULL)
        return;
    mproc__failpoint();
    atomic_fetch_add(mproc__member_note(&view->member, MPROC__WAITING), (apr_uint64_t)change);
    mproc__failpoint();
}

/* Who was woken sleeps no more, and has not got anything yet: he waits until he has. */
static apr_status_t wait_and_get(mproc__ring_view_t *view, mproc__sink_t *sink,
                                 mproc__patience_t *patience)
{
    apr_status_t rv;

    note_waiting(view, 1);
    do {
        rv = await_data(view, patience);
        if (rv == APR_SUCCESS)
            rv = get_if_any(view, sink, patience);
    } while (APR_STATUS_IS_EAGAIN(rv));
    note_waiting(view, -1);
    return rv;
}

apr_status_t mproc__ring_get(mproc__ring_view_t *view, mproc__sink_t *sink,
                             mproc__patience_t *patience)
{
    apr_status_t rv = get_if_any(view, sink, patience);

    return APR_STATUS_IS_EAGAIN(rv) ? wait_and_get(view, sink, patience) : rv;
}

apr_status_t mproc__ring_count(const mproc__ring_view_t *view, size_t *messages)
{
    mproc__index_t head, tail;

    mproc__index_pair_read(&view->ring->index, &head, &tail);
    if (mproc__index_distance(head, tail) > view->bytes.capacity)
        return MPROC_ECORRUPT;
    *messages = mproc__index_count(head, tail);
    return APR_SUCCESS;
}

int mproc__ring_is_ready(const mproc__ring_view_t *view)
{
    return mproc__ring_has_data(view, 0);
}

/* -- Shutting down --------------------------------------------------------------- */

/* All that is there counts as got.  No put is under way, so that none need be waited for. */
static apr_status_t throw_away(mproc__ring_view_t *view)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    apr_status_t rv = mproc__ring_lock_getting(view, &patience);

    if (rv != APR_SUCCESS)
        return rv;
    mproc__stream_end(view);
    atomic_store(&view->ring->index.head, atomic_load(&view->ring->index.tail));
    mproc__failpoint();
    mproc__ring_settle_claims(view);
    mproc__ring_unlock_getting(view);
    return APR_SUCCESS;
}

/* With the putters' lock in hand, no put is under way, and none will be. */
apr_status_t mproc__ring_shut_down(mproc__ring_view_t *view, mproc__ring_state_t state)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    uint32_t known = atomic_load(&view->ring->state);
    apr_status_t rv = APR_SUCCESS;

    while (known < (uint32_t)state &&
           !atomic_compare_exchange_weak(&view->ring->state, &known, (uint32_t)state))
        ;
    mproc__failpoint();
    mproc__ring_wake_all(view);
    MPROC_TRY(mproc__ring_lock_putting(view, &patience));
    if (state == MPROC__RING_SHUT)
        rv = throw_away(view);
    mproc__ring_unlock_putting(view);
    return rv;
}
