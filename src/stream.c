/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that are too large to lie in a ring as a whole pass through it in
 * pieces.  Both sides hold their locks meanwhile, and OPEN in both indexes says that
 * the next piece belongs to the same message: whoever comes by a lock with OPEN set
 * knows that its last owner has died in the middle.
 */

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

    mproc__record_write(&view->bytes, tail, MPROC__ABORT, NULL, 0);
    commit(view, mproc__index_advance(tail, mproc__record_size(0), 0, 0));
}

/*
 * Wait for room, and add a piece; the last one makes it a message.  What was seen of the head must
 * not fall behind: one message may be longer than the modulus of positions.
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
    if (mproc__index_distance(head, tail) > view->bytes.capacity)
        return MPROC_ECORRUPT;
    ring->putting.guarded[MPROC__SEEN] = head;
    mproc__record_write(&view->bytes, tail, kind, payload, size);
    commit(view, mproc__index_advance(tail, need, kind == MPROC__LAST,
                                      kind == MPROC__LAST ? 0 : MPROC__INDEX_OPEN));
    return APR_SUCCESS;
}

/*
 * Unless somebody has begun to get it, the tail goes back to where it began: nothing is left of it.
 * Nobody looks beyond the tail without the getters' lock.
 */
static int take_back(mproc__ring_view_t *view, mproc__index_t start)
{
    mproc__patience_t none = mproc__patience(0);
    mproc__ring_t *ring = view->ring;
    mproc__index_t head;
    int is_untouched;

    if (mproc__ring_lock_getting(view, &none) != APR_SUCCESS)
        return 0;
    head = atomic_load(&ring->index.head);
    is_untouched = (head & MPROC__INDEX_OPEN) == 0 &&
                   mproc__index_distance(head, start) <= view->bytes.capacity;
    if (is_untouched) {
        ring->getting.guarded[MPROC__SEEN] = start;
        mproc__failpoint();
        atomic_store(&ring->index.tail, start);
    }
    mproc__ring_unlock_getting(view);
    return is_untouched;
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
    mproc__lock_t *side = &view->ring->putting;
    mproc__index_t start = atomic_load(&view->ring->index.tail);
    apr_uint64_t former = atomic_load(last), total = message->size;
    apr_uint64_t number = mproc__ring_number(side, start) + 1;
    apr_status_t rv;

    MPROC_TRY(append(view, MPROC__FIRST, &total, sizeof total, patience));
    mproc__failpoint();
    atomic_store(last, number);
    mproc__failpoint();
    rv = append_pieces(view, message, patience);
    if (rv == APR_SUCCESS) {
        mproc__ring_set_last(side, number);
        return rv;
    }
    mproc__failpoint();
    atomic_store(last, former);
    if (!take_back(view, start))
        mproc__stream_abort(view);
    return rv;
}

/* -- Getting --------------------------------------------------------------------- */

/* Or none can come: whoever ends a message leaves its last piece, so that such a tail is damaged. */
static int has_piece(const mproc__ring_view_t *view, apr_uint64_t unused)
{
    mproc__index_t head = atomic_load(&view->ring->index.head);
    mproc__index_t tail = atomic_load(&view->ring->index.tail);

    (void)unused;
    return mproc__index_distance(head, tail) > 0 || (tail & MPROC__INDEX_OPEN) == 0;
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

    if (left > view->bytes.capacity)
        return MPROC_ECORRUPT;
    view->ring->getting.guarded[MPROC__SEEN] = tail;
    MPROC_TRY(mproc__record_read(&view->bytes, head, left, kind, size));
    return *kind == MPROC__MIDDLE || *kind == MPROC__LAST || *kind == MPROC__ABORT ? APR_SUCCESS
                                                                                   : MPROC_ECORRUPT;
}

/* To the end of the message, into the sink if there is one; `total` bytes are to come. */
static apr_status_t follow(mproc__ring_view_t *view, mproc__sink_t *sink, apr_uint64_t total)
{
    mproc__lock_t *side = &view->ring->getting;
    apr_uint64_t kind;
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
            mproc__record_copy(&view->bytes, head, sink->room(sink, size), size);
        total -= size;
        head = mproc__index_advance(head, mproc__record_size(size), kind == MPROC__LAST,
                                    kind == MPROC__LAST ? 0 : MPROC__INDEX_OPEN);
        take(view, head);
    } while (kind != MPROC__LAST);
    mproc__ring_set_last(side, mproc__ring_number(side, head));
    return APR_SUCCESS;
}

/* Whether a message whose first piece is at an index was given up: *end is behind it then. */
static int is_given_up(const mproc__ring_view_t *view, mproc__index_t at, mproc__index_t *end)
{
    apr_uint64_t kind;
    size_t size = sizeof(apr_uint64_t);

    do {
        at = mproc__index_advance(at, mproc__record_size(size), 0, 0);
        if (next_piece(view, at, &kind, &size) != APR_SUCCESS)
            return 0;
    } while (kind == MPROC__MIDDLE);
    *end = mproc__index_advance(at, mproc__record_size(size), 0, 0);
    return kind == MPROC__ABORT;
}

/* It stays; but one that was given up, or whose putter is dead, is not there to be refused. */
static apr_status_t refuse(mproc__ring_view_t *view, mproc__index_t head, apr_status_t rv)
{
    mproc__index_t end;

    replace_dead_putter(view);
    if (!is_given_up(view, head, &end))
        return rv;
    take(view, end);
    return MPROC_ETORN;
}

apr_status_t mproc__stream_get(mproc__ring_view_t *view, mproc__sink_t *sink)
{
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);
    apr_uint64_t kind, total;
    apr_status_t rv;
    size_t size;

    MPROC_TRY(mproc__record_read(&view->bytes, head, view->bytes.capacity, &kind, &size));
    if (size != sizeof total)
        return MPROC_ECORRUPT;
    mproc__record_copy(&view->bytes, head, &total, sizeof total);
    rv = sink->accept(sink, total);
    if (rv != APR_SUCCESS)
        return refuse(view, head, rv);
    mproc__failpoint();
    mproc__ring_claim_messages(view, mproc__ring_number(&view->ring->getting, head) + 1, 1);
    mproc__failpoint();
    take(view, mproc__index_advance(head, mproc__record_size(size), 0, MPROC__INDEX_OPEN));
    return follow(view, sink, total);
}

apr_status_t mproc__stream_discard(mproc__ring_view_t *view)
{
    apr_status_t rv = follow(view, NULL, 0);

    return rv == MPROC_ETORN ? APR_SUCCESS : rv;
}

void mproc__stream_end(mproc__ring_view_t *view)
{
    if (!mproc__ring_is_open(&view->ring->index.head))
        return;
    replace_dead_putter(view);
    if (!mproc__ring_is_open(&view->ring->index.tail))
        (void)mproc__stream_discard(view);
}
