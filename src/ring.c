/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What putting and getting share: claims, the locks of both sides, and waiting.
 */

#include "ring.h"

#include "spin.h"

#include <mproc/status.h>

/* -- Numbers and claims --------------------------------------------------------- */

/*
 * Of what was got last.  Who asks may not have the getters' lock: then the number may lie behind the
 * head as it is read here, or beyond it, and is not for him to mend.
 */
static apr_uint64_t got_number(const mproc__ring_view_t *view)
{
    apr_uint64_t number = mproc__ring_last(&view->ring->getting);
    mproc__index_t head = atomic_load_explicit(&view->ring->index.head, memory_order_relaxed);

    return number + (apr_uint64_t)(int32_t)(mproc__index_messages(head) - (uint32_t)number);
}

/* How far the number lies behind what was got last: 0 if it is that one, below 0 if it is beyond. */
static apr_int64_t age_of(apr_uint64_t claim, apr_uint64_t got)
{
    apr_uint64_t age = (got - claim) & MPROC__CLAIM_MASK;

    return age <= MPROC__CLAIM_MASK / 2 ? (apr_int64_t)age
                                        : (apr_int64_t)age - (apr_int64_t)MPROC__CLAIM_MASK - 1;
}

/*
 * A message that a dead getter left unfinished lies beyond what was got.  As long as it may yet be
 * given up, and its number go to the next, it is not said to be lost.
 */
mproc__claim_t mproc__ring_claim(const mproc__ring_view_t *view, unsigned place)
{
    apr_uint64_t claim = atomic_load(&view->member.places[place].notes[MPROC__CLAIM]);
    apr_uint64_t got = got_number(view);
    mproc__claim_t read = {0, 0};

    if (claim == 0 || age_of(claim, got) < 0)
        return read;
    read.first = got - (apr_uint64_t)age_of(claim, got);
    read.count = (uint32_t)(claim >> MPROC__CLAIM_BITS);
    return read;
}

int mproc__ring_is_claim_ahead(const mproc__ring_view_t *view, apr_uint64_t claim)
{
    return claim != 0 && age_of(claim, got_number(view)) < 0;
}

void mproc__ring_settle_claims(mproc__ring_view_t *view)
{
    apr_uint64_t got = got_number(view);
    unsigned place;

    if (view->tasks != NULL)
        mproc__tasks_settle_claims(view);
    for (place = 0; place < view->member.nplaces; place++) {
        _Atomic apr_uint64_t *note = &view->member.places[place].notes[MPROC__CLAIM];
        apr_uint64_t claim = atomic_load(note);

        if (claim == 0 || age_of(claim, got) >= 0)
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

    if (atomic_load(&view->ring->state) != MPROC__RING_OPEN || used > view->bytes.capacity)
        return 1;
    return view->bytes.capacity - used >= need + 8 &&
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

/*
 * While a message passes in pieces, who was woken may have taken the wake of the one who can use
 * what there is: while that was under way, there was no other.
 */
static void pass_on(mproc__ring_view_t *view, unsigned event)
{
    if (event == MPROC__NOT_FULL && mproc__ring_is_open(&view->ring->index.tail))
        mproc__ring_tell_room(view);
    else if (event == MPROC__NOT_EMPTY && mproc__ring_is_open(&view->ring->index.head))
        mproc__ring_tell_put(view);
}

static apr_status_t sleep_slice(mproc__ring_view_t *view, unsigned event,
                                mproc__ring_condition_fn *is_true, apr_uint64_t need,
                                mproc__patience_t *patience)
{
    uint32_t key;

    atomic_fetch_add(&view->sleepers, 1);
    key = mproc__event_prepare(&view->member, event);
    if (!is_true(view, need))
        mproc__event_park(&view->member, event, key, mproc__patience_slice(patience));
    mproc__event_finish(&view->member, event);
    pass_on(view, event);
    atomic_fetch_sub(&view->sleepers, 1);
    return is_true(view, need) ? APR_SUCCESS : APR_TIMEUP;
}

apr_status_t mproc__ring_await_slice(mproc__ring_view_t *view, unsigned event,
                                     mproc__ring_condition_fn *is_true, apr_uint64_t need,
                                     mproc__patience_t *patience)
{
    if (is_true(view, need))
        return APR_SUCCESS;
    if (mproc__patience_is_over(patience))
        return APR_TIMEUP;
    if (!view->is_calm && is_true_soon(view, is_true, need))
        return APR_SUCCESS;
    return sleep_slice(view, event, is_true, need, patience);
}

/* Who has slept through a slice has no reason to expect that it takes less than a sleep. */
apr_status_t mproc__ring_await(mproc__ring_view_t *view, unsigned event,
                               mproc__ring_condition_fn *is_true, apr_uint64_t need,
                               mproc__patience_t *patience)
{
    apr_status_t rv = mproc__ring_await_slice(view, event, is_true, need, patience);

    while (rv != APR_SUCCESS && !mproc__patience_is_over(patience))
        rv = sleep_slice(view, event, is_true, need, patience);
    return rv;
}

/* -- Telling -------------------------------------------------------------------- */

static void tell(mproc__ring_view_t *view, unsigned event)
{
    if (mproc__event_has_sleepers(&view->member, event))
        mproc__event_notify(&view->member, event);
}

/* While a message is got in pieces, its getter alone can use the next, and is woken with all others. */
void mproc__ring_tell_put(mproc__ring_view_t *view)
{
    if (mproc__ring_is_open(&view->ring->index.head))
        mproc__event_notify_all(&view->member, MPROC__NOT_EMPTY);
    else
        tell(view, MPROC__NOT_EMPTY);
    if (mproc__event_has_sleepers(&view->member, MPROC__POLLED))
        mproc__event_ring(&view->member);
}

/* Who waits for the room of a block sleeps with those who wait for that of a message, and may be woken in their place. */
static void tell_one(mproc__ring_view_t *view)
{
    if (view->blocks != NULL && atomic_load(&view->blocks->table->waiters) > 0)
        mproc__event_notify_all(&view->member, MPROC__NOT_FULL);
    else
        mproc__event_notify(&view->member, MPROC__NOT_FULL);
}

/*
 * A putter that waits for bytes is woken when half of the ring is free, not for each message; one
 * that waits for the end, at once.  While a message passes in pieces, its putter alone can use the
 * room, and is woken with all others.
 */
void mproc__ring_tell_room(mproc__ring_view_t *view)
{
    mproc__index_t head, tail;
    int counts_bytes;

    if (!mproc__event_has_sleepers(&view->member, MPROC__NOT_FULL))
        return;
    mproc__index_pair_read(&view->ring->index, &head, &tail);
    counts_bytes = view->maxsize == 0 || (tail & MPROC__INDEX_OPEN) != 0;
    if (atomic_load(&view->ring->state) != MPROC__RING_OPEN ||
        (!counts_bytes && mproc__index_count(head, tail) < view->maxsize))
        tell_one(view);
    else if (counts_bytes && mproc__index_distance(head, tail) <= view->bytes.capacity / 2)
        mproc__event_notify_all(&view->member, MPROC__NOT_FULL);
}

/* A putter that was woken may have left room for the next. */
void mproc__ring_tell_after_put(mproc__ring_view_t *view)
{
    tell(view, MPROC__PUTTING);
    mproc__ring_tell_put(view);
    mproc__ring_tell_room(view);
}

/* A getter that was woken wakes the next, if there is more. */
void mproc__ring_tell_after_get(mproc__ring_view_t *view)
{
    tell(view, MPROC__GETTING);
    mproc__ring_tell_room(view);
    if (mproc__ring_has_data(view, 0))
        tell(view, MPROC__NOT_EMPTY);
}

/* Between what was changed and the look at who sleeps; see event_count.h. */
void mproc__ring_wake_all(mproc__ring_view_t *view)
{
    unsigned event;

    atomic_thread_fence(memory_order_seq_cst);
    for (event = 0; event < PORT_PARKS; event++)
        mproc__event_broadcast(&view->member, event);
    mproc__event_broadcast(&view->member, MPROC__JOINED);
    if (mproc__event_has_sleepers(&view->member, MPROC__POLLED))
        mproc__event_ring(&view->member);
}

/* -- The locks ------------------------------------------------------------------- */

apr_status_t mproc__ring_await_lock(mproc__ring_view_t *view, mproc__lock_t *lock, unsigned event,
                                    mproc__patience_t *patience)
{
    apr_status_t rv;

    atomic_fetch_add(&view->sleepers, 1);
    rv = mproc__lock_await(lock, &view->member, event, patience);
    atomic_fetch_sub(&view->sleepers, 1);
    return rv;
}

/* What a dead owner has put or got may have been told to nobody. */
static apr_status_t lock_side(mproc__ring_view_t *view, mproc__lock_t *lock, unsigned event,
                              unsigned told, mproc__patience_t *patience)
{
    apr_status_t rv = mproc__ring_acquire(view, lock, event, patience);

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
    if (mproc__ring_is_open(&view->ring->index.tail))
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
    if (rv == MPROC_EOWNERDEAD && !mproc__ring_is_open(&view->ring->index.head))
        mproc__ring_settle_claims(view);
    return APR_SUCCESS;
}
