/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What putting and getting share: records, the locks of both sides, and waiting.
 */

#include "ring.h"

#include "failpoint.h"
#include "spin.h"

#include <mproc/status.h>

#include <string.h>

/* -- Records ------------------------------------------------------------------ */

static size_t offset_of(const mproc__ring_view_t *view, mproc__index_t at)
{
    return (size_t)(mproc__index_position(at) & (view->capacity - 1));
}

static size_t payload_of(const mproc__ring_view_t *view, mproc__index_t at)
{
    return (offset_of(view, at) + 8) & (view->capacity - 1);
}

void mproc__ring_write(const mproc__ring_view_t *view, mproc__index_t at, apr_uint64_t header,
                       const void *payload, size_t size)
{
    size_t offset = payload_of(view, at), to_end = view->capacity - offset;

    memcpy(view->data + offset_of(view, at), &header, sizeof header);
    if (size <= to_end) {
        if (size > 0)
            memcpy(view->data + offset, payload, size);
        return;
    }
    memcpy(view->data + offset, payload, to_end);
    memcpy(view->data, (const unsigned char *)payload + to_end, size - to_end);
}

void mproc__ring_copy(const mproc__ring_view_t *view, mproc__index_t at, void *payload, size_t size)
{
    size_t offset = payload_of(view, at), to_end = view->capacity - offset;

    if (size <= to_end) {
        if (size > 0)
            memcpy(payload, view->data + offset, size);
        return;
    }
    memcpy(payload, view->data + offset, to_end);
    memcpy((unsigned char *)payload + to_end, view->data, size - to_end);
}

apr_status_t mproc__ring_read(const mproc__ring_view_t *view, mproc__index_t at, apr_uint64_t left,
                              apr_uint64_t *kind, size_t *size)
{
    apr_uint64_t header;

    memcpy(&header, view->data + offset_of(view, at), sizeof header);
    *kind = header >> 32;
    *size = (size_t)(header & 0xffffffff);
    return mproc__record_size(*size) <= left ? APR_SUCCESS : MPROC_ECORRUPT;
}

/* -- Numbers and claims --------------------------------------------------------- */

apr_uint64_t mproc__ring_number(apr_uint64_t *number, mproc__index_t at)
{
    *number += (uint32_t)(mproc__index_messages(at) - (uint32_t)*number);
    return *number;
}

/* A claim is 48 bits of a number, and how many from there on; the rest follows from the head. */
#define CLAIM_BITS 48
#define CLAIM_MASK (((apr_uint64_t)1 << CLAIM_BITS) - 1)

static apr_uint64_t got_number(const mproc__ring_view_t *view)
{
    return mproc__ring_number(&view->ring->getting.guarded[MPROC__NUMBER],
                              atomic_load_explicit(&view->ring->index.head, memory_order_relaxed));
}

void mproc__ring_claim_messages(mproc__ring_view_t *view, apr_uint64_t first, size_t count)
{
    atomic_store_explicit(mproc__member_note(&view->member, MPROC__CLAIM),
                          (first & CLAIM_MASK) | (apr_uint64_t)count << CLAIM_BITS,
                          memory_order_relaxed);
}

/* Whether the number lies beyond what was got last. */
static int is_beyond(apr_uint64_t claim, apr_uint64_t got)
{
    return ((got - claim) & CLAIM_MASK) > CLAIM_MASK / 2;
}

mproc__claim_t mproc__ring_claim(const mproc__ring_view_t *view, unsigned place)
{
    apr_uint64_t claim = atomic_load(&view->member.places[place].notes[MPROC__CLAIM]);
    apr_uint64_t got = got_number(view);
    mproc__claim_t read = {0, 0};

    if (claim == 0 || is_beyond(claim, got))
        return read;
    read.first = got - ((got - claim) & CLAIM_MASK);
    read.count = (uint32_t)(claim >> CLAIM_BITS);
    return read;
}

void mproc__ring_settle_claims(mproc__ring_view_t *view)
{
    apr_uint64_t got = got_number(view);
    unsigned place;

    for (place = 0; place < view->member.nplaces; place++) {
        _Atomic apr_uint64_t *note = &view->member.places[place].notes[MPROC__CLAIM];
        apr_uint64_t claim = atomic_load(note);

        if (claim == 0 || !is_beyond(claim, got))
            continue;
        mproc__failpoint();
        atomic_compare_exchange_strong(note, &claim, 0);
    }
}

/* -- Waiting ------------------------------------------------------------------- */

int mproc__ring_has_room(const mproc__ring_view_t *view, apr_uint64_t need)
{
    mproc__index_t head = atomic_load(&view->ring->index.head);
    mproc__index_t tail = atomic_load(&view->ring->index.tail);
    apr_uint64_t used = mproc__index_distance(head, tail);

    if (atomic_load(&view->ring->state) != MPROC__RING_OPEN || used > view->capacity)
        return 1;
    return view->capacity - used >= need + 8 &&
           (view->maxsize == 0 || mproc__index_count(head, tail) < view->maxsize);
}

int mproc__ring_has_data(const mproc__ring_view_t *view, apr_uint64_t unused)
{
    mproc__index_t head = atomic_load(&view->ring->index.head);

    (void)unused;
    return mproc__index_distance(head, atomic_load(&view->ring->index.tail)) > 0 ||
           atomic_load(&view->ring->state) != MPROC__RING_OPEN;
}

static int is_true_soon(const mproc__ring_view_t *view, mproc__ring_condition_fn *is_true,
                        apr_uint64_t need)
{
    int round;

    for (round = 0; round < MPROC__SPINS; round++) {
        if (is_true(view, need))
            return 1;
        mproc__spin(round);
    }
    return 0;
}

apr_status_t mproc__ring_await_slice(mproc__ring_view_t *view, unsigned event,
                                     mproc__ring_condition_fn *is_true, apr_uint64_t need,
                                     mproc__patience_t *patience)
{
    uint32_t key;

    if (is_true(view, need))
        return APR_SUCCESS;
    if (mproc__patience_is_over(patience))
        return APR_TIMEUP;
    if (is_true_soon(view, is_true, need))
        return APR_SUCCESS;
    atomic_fetch_add(&view->sleepers, 1);
    key = mproc__event_prepare(&view->member, event);
    if (!is_true(view, need))
        mproc__event_park(&view->member, event, key, mproc__patience_slice(patience));
    mproc__event_finish(&view->member, event);
    atomic_fetch_sub(&view->sleepers, 1);
    return is_true(view, need) ? APR_SUCCESS : APR_TIMEUP;
}

apr_status_t mproc__ring_await(mproc__ring_view_t *view, unsigned event,
                               mproc__ring_condition_fn *is_true, apr_uint64_t need,
                               mproc__patience_t *patience)
{
    do
        if (mproc__ring_await_slice(view, event, is_true, need, patience) == APR_SUCCESS)
            return APR_SUCCESS;
    while (!mproc__patience_is_over(patience));
    return APR_TIMEUP;
}

/* -- Telling -------------------------------------------------------------------- */

static void tell(mproc__ring_view_t *view, unsigned event)
{
    if (mproc__event_has_sleepers(&view->member, event))
        mproc__event_notify(&view->member, event);
}

void mproc__ring_tell_put(mproc__ring_view_t *view)
{
    tell(view, MPROC__NOT_EMPTY);
    if (mproc__event_has_sleepers(&view->member, MPROC__POLLED))
        mproc__event_ring(&view->member);
}

/*
 * A putter that waits for bytes is woken when half of the ring is free, not for each message.  While
 * a message passes in pieces, its putter alone can use the room, and is woken with all others.
 */
void mproc__ring_tell_room(mproc__ring_view_t *view)
{
    mproc__index_t head, tail;

    if (!mproc__event_has_sleepers(&view->member, MPROC__NOT_FULL))
        return;
    mproc__index_pair_read(&view->ring->index, &head, &tail);
    if (view->maxsize == 0 || (tail & MPROC__INDEX_OPEN) != 0) {
        if (mproc__index_distance(head, tail) <= view->capacity / 2)
            mproc__event_notify_all(&view->member, MPROC__NOT_FULL);
    } else if (mproc__index_count(head, tail) < view->maxsize) {
        mproc__event_notify(&view->member, MPROC__NOT_FULL);
    }
}

/* -- The locks ------------------------------------------------------------------- */

static int is_open(_Atomic mproc__index_t *index)
{
    return (atomic_load_explicit(index, memory_order_relaxed) & MPROC__INDEX_OPEN) != 0;
}

/* What a dead owner has put or got may have been told to nobody. */
static apr_status_t lock_side(mproc__ring_view_t *view, mproc__lock_t *lock, unsigned event,
                              unsigned told, mproc__patience_t *patience)
{
    apr_status_t rv = mproc__lock_acquire(lock, &view->member, event, patience);

    mproc__failpoint();
    if (rv == MPROC_EOWNERDEAD) {
        mproc__event_broadcast(&view->member, told);
        mproc__event_ring(&view->member);
    }
    return rv;
}

/* Who had begun a message in pieces held this lock until its end. */
apr_status_t mproc__ring_lock_putting(mproc__ring_view_t *view, mproc__patience_t *patience)
{
    apr_status_t rv =
        lock_side(view, &view->ring->putting, MPROC__PUTTING, MPROC__NOT_EMPTY, patience);

    if (APR_STATUS_IS_TIMEUP(rv))
        return rv;
    mproc__failpoint();
    if (is_open(&view->ring->index.tail))
        mproc__stream_abort(view);
    return APR_SUCCESS;
}

/* A message in pieces is claimed before it counts as got: its claim stands until it has ended. */
apr_status_t mproc__ring_lock_getting(mproc__ring_view_t *view, mproc__patience_t *patience)
{
    apr_status_t rv =
        lock_side(view, &view->ring->getting, MPROC__GETTING, MPROC__NOT_FULL, patience);

    if (APR_STATUS_IS_TIMEUP(rv))
        return rv;
    mproc__failpoint();
    if (rv == MPROC_EOWNERDEAD && !is_open(&view->ring->index.head))
        mproc__ring_settle_claims(view);
    return APR_SUCCESS;
}

static void unlock(mproc__ring_view_t *view, mproc__lock_t *lock, unsigned event)
{
    mproc__failpoint();
    mproc__lock_release(lock);
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    tell(view, event);
}

void mproc__ring_unlock_putting(mproc__ring_view_t *view)
{
    unlock(view, &view->ring->putting, MPROC__PUTTING);
}

void mproc__ring_unlock_getting(mproc__ring_view_t *view)
{
    unlock(view, &view->ring->getting, MPROC__GETTING);
}
