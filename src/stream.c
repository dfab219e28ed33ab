/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that are too large to lie in a ring as a whole pass through it in
 * pieces.  Both sides hold their locks meanwhile, and OPEN in both indexes says that
 * the next piece belongs to the same message: whoever comes by a lock with OPEN set
 * knows that its last owner has died in the middle.
 */

#include "failpoint.h"
#include "ring.h"

#include <mproc/status.h>

#include <string.h>

/* -- Putting --------------------------------------------------------------------- */

static void commit(mproc__ring_view_t *view, mproc__index_t tail)
{
    mproc__failpoint();
    atomic_store_explicit(&view->ring->index.tail, tail, memory_order_release);
    mproc__failpoint();
    atomic_thread_fence(memory_order_seq_cst);
    mproc__ring_tell_put(view);
}

/* The room for it is never given away. */
void mproc__stream_abort(mproc__ring_view_t *view)
{
    mproc__index_t tail = atomic_load_explicit(&view->ring->index.tail, memory_order_relaxed);

    mproc__ring_write(view, tail, mproc__record_header(MPROC__ABORT, 0), NULL, 0);
    commit(view, mproc__index_advance(tail, mproc__record_size(0), 0, 0));
}

/*
 * Wait for room, and add a piece; the last one makes it a message.  What is seen of the head is kept,
 * as after 16 GiB an older one would look like a later one.
 */
static apr_status_t append(mproc__ring_view_t *view, apr_uint64_t kind, const void *payload,
                           size_t size, mproc__patience_t *patience)
{
    mproc__ring_t *ring = view->ring;
    mproc__index_t tail = atomic_load_explicit(&ring->index.tail, memory_order_relaxed), head;
    apr_uint64_t need = mproc__record_size(size);

    MPROC_TRY(mproc__ring_await(view, MPROC__NOT_FULL, mproc__ring_has_room, need, patience));
    if (atomic_load(&ring->state) != MPROC__RING_OPEN)
        return MPROC_ESHUTDOWN;
    head = atomic_load(&ring->index.head);
    if (mproc__index_distance(head, tail) > view->capacity)
        return MPROC_ECORRUPT;
    ring->putting.guarded[MPROC__SEEN] = head;
    mproc__ring_write(view, tail, mproc__record_header(kind, size), payload, size);
    commit(view, mproc__index_advance(tail, need, kind == MPROC__LAST,
                                      kind == MPROC__LAST ? 0 : MPROC__INDEX_OPEN));
    return APR_SUCCESS;
}

static apr_status_t append_pieces(mproc__ring_view_t *view, const mproc_bytes_t *message,
                                  mproc__patience_t *patience)
{
    const unsigned char *bytes = message->data;
    size_t left = message->size, most = mproc__piece_size(view);

    while (left > most) {
        MPROC_TRY(append(view, MPROC__MIDDLE, bytes, most, patience));
        bytes += most;
        left -= most;
    }
    return append(view, MPROC__LAST, bytes, left, patience);
}

apr_status_t mproc__stream_put(mproc__ring_view_t *view, const mproc_bytes_t *message,
                               mproc__patience_t *patience)
{
    _Atomic apr_uint64_t *last = mproc__member_note(&view->member, MPROC__LAST_PUT);
    apr_uint64_t *number = &view->ring->putting.guarded[MPROC__NUMBER], total = message->size;
    apr_uint64_t former = atomic_load(last);
    apr_status_t rv;

    mproc__ring_number(number, atomic_load(&view->ring->index.tail));
    MPROC_TRY(append(view, MPROC__FIRST, &total, sizeof total, patience));
    mproc__failpoint();
    atomic_store(last, *number + 1);
    mproc__failpoint();
    rv = append_pieces(view, message, patience);
    if (rv == APR_SUCCESS) {
        ++*number;
        return rv;
    }
    mproc__failpoint();
    atomic_store(last, former);
    mproc__stream_abort(view);
    return rv;
}

/* -- Getting --------------------------------------------------------------------- */

static int has_piece(const mproc__ring_view_t *view, apr_uint64_t unused)
{
    mproc__index_t head = atomic_load(&view->ring->index.head);

    (void)unused;
    return mproc__index_distance(head, atomic_load(&view->ring->index.tail)) > 0;
}

/* If the putter is dead, somebody must say so in its place: the next putter, or we. */
static void replace_dead_putter(mproc__ring_view_t *view)
{
    mproc__patience_t none = mproc__patience(0);

    if (mproc__lock_is_abandoned(&view->ring->putting, &view->member) &&
        mproc__ring_lock_putting(view, &none) == APR_SUCCESS)
        mproc__ring_unlock_putting(view);
}

static void await_piece(mproc__ring_view_t *view)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);

    while (mproc__ring_await_slice(view, MPROC__NOT_EMPTY, has_piece, 0, &patience) != APR_SUCCESS)
        replace_dead_putter(view);
}

static void take(mproc__ring_view_t *view, mproc__index_t head)
{
    mproc__failpoint();
    atomic_store_explicit(&view->ring->index.head, head, memory_order_release);
    mproc__failpoint();
    atomic_thread_fence(memory_order_seq_cst);
    mproc__ring_tell_room(view);
}

/* What is claimed was given up, and the number goes to the next message. */
static apr_status_t take_abort(mproc__ring_view_t *view, mproc__index_t head)
{
    take(view, mproc__index_advance(head, mproc__record_size(0), 0, 0));
    mproc__ring_settle_claims(view);
    return MPROC_ETORN;
}

static apr_status_t next_piece(const mproc__ring_view_t *view, mproc__index_t head,
                               apr_uint64_t *kind, size_t *size)
{
    mproc__index_t tail = atomic_load_explicit(&view->ring->index.tail, memory_order_acquire);
    apr_uint64_t left = mproc__index_distance(head, tail);

    if (left > view->capacity)
        return MPROC_ECORRUPT;
    view->ring->getting.guarded[MPROC__SEEN] = tail;
    MPROC_TRY(mproc__ring_read(view, head, left, kind, size));
    return *kind == MPROC__MIDDLE || *kind == MPROC__LAST || *kind == MPROC__ABORT ? APR_SUCCESS
                                                                                   : MPROC_ECORRUPT;
}

/* To the end of the message, into the sink if there is one; `total` bytes are to come. */
static apr_status_t follow(mproc__ring_view_t *view, mproc__sink_t *sink, apr_uint64_t total)
{
    apr_uint64_t *number = &view->ring->getting.guarded[MPROC__NUMBER], kind;
    mproc__index_t head;
    size_t size;

    do {
        await_piece(view);
        head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
        MPROC_TRY(next_piece(view, head, &kind, &size));
        if (kind == MPROC__ABORT)
            return take_abort(view, head);
        if (sink != NULL && (size > total || (kind == MPROC__LAST && size != total)))
            return MPROC_ECORRUPT;
        if (sink != NULL)
            mproc__ring_copy(view, head, sink->room(sink, size), size);
        total -= size;
        take(view, mproc__index_advance(head, mproc__record_size(size), kind == MPROC__LAST,
                                        kind == MPROC__LAST ? 0 : MPROC__INDEX_OPEN));
    } while (kind != MPROC__LAST);
    ++*number;
    return APR_SUCCESS;
}

apr_status_t mproc__stream_get(mproc__ring_view_t *view, mproc__sink_t *sink)
{
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
    apr_uint64_t *number = &view->ring->getting.guarded[MPROC__NUMBER], kind, total;
    size_t size;

    MPROC_TRY(mproc__ring_read(view, head, view->capacity, &kind, &size));
    if (size != sizeof total)
        return MPROC_ECORRUPT;
    mproc__ring_copy(view, head, &total, sizeof total);
    MPROC_TRY(sink->accept(sink, total));
    mproc__failpoint();
    mproc__ring_claim_messages(view, mproc__ring_number(number, head) + 1, 1);
    mproc__failpoint();
    take(view, mproc__index_advance(head, mproc__record_size(size), 0, MPROC__INDEX_OPEN));
    return follow(view, sink, total);
}

apr_status_t mproc__stream_discard(mproc__ring_view_t *view)
{
    apr_status_t rv;

    mproc__ring_number(&view->ring->getting.guarded[MPROC__NUMBER],
                       atomic_load_explicit(&view->ring->index.head, memory_order_relaxed));
    rv = follow(view, NULL, 0);
    return rv == MPROC_ETORN ? APR_SUCCESS : rv;
}
