/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Putting messages into a ring.
 */

#include "ring.h"

#include <mproc/status.h>

static inline int fits(const mproc__ring_view_t *view, mproc__index_t head, mproc__index_t tail,
                       apr_uint64_t need)
{
    apr_uint64_t used = mproc__index_distance(head, tail);

    return used <= view->bytes.capacity && view->bytes.capacity - used >= need + 8 &&
           (view->maxsize == 0 || mproc__index_count(head, tail) < view->maxsize);
}

/* The getters' cache line is only asked for when what was seen of it last is not enough. */
static inline int find_room(const mproc__ring_view_t *view, mproc__index_t tail, apr_uint64_t need)
{
    apr_uint64_t *seen = &view->ring->putting.guarded[MPROC__SEEN];

    if (fits(view, *seen, tail, need))
        return 1;
    *seen = atomic_load_explicit(&view->ring->index.head, memory_order_acquire);
    return fits(view, *seen, tail, need);
}

static inline int is_whole(const mproc__ring_view_t *view, const mproc_bytes_t *message)
{
    return message->size <= mproc__whole_size(view);
}

/* What lies before `tail` is put, by this store; `last` is the number of the last one there. */
static inline void commit(mproc__ring_view_t *view, mproc__index_t tail, apr_uint64_t last)
{
    mproc__failpoint();
    atomic_store_explicit(mproc__member_note(&view->member, MPROC__LAST_PUT), last,
                          memory_order_relaxed);
    mproc__failpoint();
    atomic_store_explicit(&view->ring->index.tail, tail, memory_order_release);
    mproc__failpoint();
    mproc__ring_set_last(&view->ring->putting, last);
}

/* As many whole messages, or blocks, as there is room for become visible at once. */
static inline size_t put_whole(mproc__ring_view_t *view, apr_uint64_t kind,
                               const mproc_bytes_t *messages, size_t count)
{
    mproc__index_t tail = atomic_load_explicit(&view->ring->index.tail, memory_order_relaxed);
    apr_uint64_t last = mproc__ring_number(&view->ring->putting, tail);
    size_t i;

    for (i = 0; i < count && is_whole(view, &messages[i]); i++) {
        apr_uint64_t need = mproc__record_size(messages[i].size);
        if (!find_room(view, tail, need))
            break;
        mproc__record_write(&view->bytes, tail, kind, messages[i].data, messages[i].size);
        tail = mproc__index_advance(tail, need, 1, 0);
    }
    if (i > 0)
        commit(view, tail, last + i);
    return i;
}

static inline int put_at_once(mproc__ring_view_t *view, apr_uint64_t kind,
                              const mproc_bytes_t *message)
{
    mproc__ring_t *ring = view->ring;
    size_t put = 0;

    if (!mproc__lock_try(&ring->putting, &view->member))
        return 0;
    mproc__failpoint();
    if (atomic_load(&ring->state) == MPROC__RING_OPEN && !mproc__ring_is_open(&ring->index.tail))
        put = put_whole(view, kind, message, 1);
    mproc__ring_unlock_putting(view);
    return put > 0;
}

int mproc__ring_put_at_once(mproc__ring_view_t *view, const mproc_bytes_t *message)
{
    return put_at_once(view, MPROC__WHOLE, message);
}

/* Under the lock: APR_EAGAIN when there is no room for the first. */
static apr_status_t put_some(mproc__ring_view_t *view, apr_uint64_t kind,
                             const mproc_bytes_t *messages, size_t count, size_t *put,
                             mproc__patience_t *patience)
{
    mproc__index_t tail = atomic_load_explicit(&view->ring->index.tail, memory_order_relaxed);
    apr_status_t rv;
    size_t done;

    if (atomic_load(&view->ring->state) != MPROC__RING_OPEN)
        return MPROC_ESHUTDOWN;
    done = put_whole(view, kind, messages, count);
    *put += done;
    if (done > 0)
        return APR_SUCCESS;
    if (mproc__index_distance(atomic_load(&view->ring->index.head), tail) > view->bytes.capacity)
        return MPROC_ECORRUPT;
    if (is_whole(view, messages) || !find_room(view, tail, mproc__record_size(8)))
        return APR_EAGAIN;
    rv = mproc__stream_put(view, messages, patience);
    if (rv == APR_SUCCESS)
        ++*put;
    return rv;
}

static apr_uint64_t least_need(const mproc__ring_view_t *view, const mproc_bytes_t *message)
{
    return mproc__record_size(is_whole(view, message) ? message->size : 8);
}

static apr_status_t put_all(mproc__ring_view_t *view, apr_uint64_t kind,
                            const mproc_bytes_t *messages, size_t count, size_t *put,
                            mproc__patience_t *patience)
{
    apr_status_t rv = APR_SUCCESS;

    *put = 0;
    while (*put < count && rv == APR_SUCCESS) {
        MPROC_TRY(mproc__ring_lock_putting(view, patience));
        rv = put_some(view, kind, messages + *put, count - *put, put, patience);
        mproc__ring_unlock_putting(view);
        if (APR_STATUS_IS_EAGAIN(rv))
            rv = mproc__ring_await(view, MPROC__NOT_FULL, mproc__ring_has_room,
                                   least_need(view, messages + *put), patience);
    }
    return rv;
}

apr_status_t mproc__ring_put(mproc__ring_view_t *view, const mproc_bytes_t *messages, size_t count,
                             size_t *put, mproc__patience_t *patience)
{
    return put_all(view, MPROC__WHOLE, messages, count, put, patience);
}

/* It is queued before it is put, as then it can be got; until it is, it is not in the ring, but its owner lives. */
apr_status_t mproc__ring_put_block(mproc__ring_view_t *view, uint32_t index,
                                   mproc__patience_t *patience)
{
    apr_uint64_t number = index;
    mproc_bytes_t message = {&number, sizeof number};
    apr_status_t rv;
    size_t put;

    if (put_at_once(view, MPROC__BLOCK, &message))
        return APR_SUCCESS;
    rv = put_all(view, MPROC__BLOCK, &message, 1, &put, patience);
    if (rv != APR_SUCCESS)
        mproc__block_change(view->blocks, index, MPROC__QUEUED, MPROC__RESERVED, &view->member);
    return rv;
}

int mproc__ring_is_full(const mproc__ring_view_t *view)
{
    mproc__index_t head, tail;

    mproc__index_pair_read(&view->ring->index, &head, &tail);
    return !fits(view, head, tail, mproc__record_size(8));
}
