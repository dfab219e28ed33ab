/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_RING_H
#define MPROC_RING_H

/*
 * The ring: messages of any size in shared memory, from many processes to many,
 * any of which may be killed at any instruction.
 *
 * Putters share one lock, getters another.  Under its lock a putter writes into free
 * room, where nobody looks, and then advances the tail by one store: that is the put.
 * A getter copies what is between head and tail, notes which message it takes, and
 * advances the head by one store: that is the get.  So there is nothing to undo or to
 * finish when one dies, but its lock to be taken over.
 *
 * Messages lie in it as records; see record.h.  Eight bytes always stay free, for a
 * record that says that a message in pieces has been given up.
 *
 * What another process has written is checked before it is used.
 */

#include "blocks.h"
#include "failpoint.h"
#include "index_pair.h"
#include "lock.h"
#include "record.h"

#include <mproc/args.h>

/* Events; those below PORT_PARKS can be slept on. */
enum {
    MPROC__PUTTING,   /* the putters' lock is free */
    MPROC__GETTING,   /* the getters' lock is free */
    MPROC__NOT_EMPTY, /* there is something to get */
    MPROC__NOT_FULL,  /* there is room */
    MPROC__POLLED,    /* who waits on many things listens to the bell */
    MPROC__JOINED     /* all tasks are done; sleeps in the park of MPROC__PUTTING */
};

/*
 * What a lock of the ring guards, beside its side of the ring and the number of the last message; that
 * one lags behind if a process died: see mproc__ring_number().
 */
enum {
    MPROC__SEEN /* the other side's index, as it was last seen: it is there or further by now */
};

/* What a member notes. */
enum {
    MPROC__LAST_PUT, /* number of its last message, or 0 */
    MPROC__CLAIM,    /* what it got last, or 0; see mproc__claim() */
    MPROC__WAITING   /* its threads that found nothing to get, and have not got anything since */
};

/* In the segment. */
typedef struct mproc__ring_t {
    mproc__lock_t putting;
    mproc__lock_t getting;
    mproc__index_pair_t index;
    _Alignas(MPROC__APART) _Atomic uint32_t state; /* mproc__ring_state_t */
    mproc__event_count_t events[MPROC__EVENTS_MAX];
} mproc__ring_t;

typedef enum mproc__ring_state_t {
    MPROC__RING_OPEN,
    MPROC__RING_DRAINING, /* nothing can be put */
    MPROC__RING_SHUT      /* nor got */
} mproc__ring_state_t;

struct mproc__tasks_t;

/* A ring as one process uses it. */
typedef struct mproc__ring_view_t {
    mproc__ring_t *ring;
    struct mproc__tasks_t *tasks; /* NULL: nobody counts what becomes of messages; see tasks.h */
    mproc__bytes_t bytes;
    size_t maxsize;          /* 0: as many as fit */
    int is_calm;             /* not 0: who waits goes to sleep at once, as nothing comes soon */
    mproc__blocks_t *blocks; /* NULL: there are none */
    mproc__member_t member;
    _Atomic int sleepers;        /* threads that wait in it */
    _Atomic unsigned heels;      /* gets that came too early, since it hung back */
    _Atomic unsigned heels_most; /* before it does so again; see hang_back() */
} mproc__ring_view_t;

/* Where the messages that are got go. */
typedef struct mproc__sink_t {
    /* Nothing has come yet; what had is forgotten. */
    void (*begin)(struct mproc__sink_t *sink);
    /* Whether a message of this size can be taken: if not, it stays, and the status is returned. */
    apr_status_t (*accept)(struct mproc__sink_t *sink, apr_uint64_t size);
    /* Room for the next `size` bytes of it, which never are more than was accepted. */
    unsigned char *(*room)(struct mproc__sink_t *sink, size_t size);
    size_t most; /* whole messages at a time */

    /* Of a message that is a block, which is then acquired. */
    int keeps_blocks; /* it is what is wanted: it is not accepted, nor copied, nor given back */
    void *block;      /* NULL: the message is none */
    size_t block_size;
} mproc__sink_t;

/*
 * Put messages in their order: *put of them, also on failure.
 *
 * APR_SUCCESS, APR_TIMEUP, MPROC_ESHUTDOWN or MPROC_ECORRUPT; sets no message.
 */
apr_status_t mproc__ring_put(mproc__ring_view_t *view, const mproc_bytes_t *messages, size_t count,
                             size_t *put, mproc__patience_t *patience);

/*
 * The short way of both, for one message that is not in pieces, when there is nothing to wait
 * for: whether that was so.  If not, the long way says why.
 */
int mproc__ring_put_at_once(mproc__ring_view_t *view, const mproc_bytes_t *message);
int mproc__ring_get_at_once(mproc__ring_view_t *view, void *buffer, size_t capacity, size_t *size);

/* Put the block that is reserved and lies there, as a message; it stays reserved on failure. */
apr_status_t mproc__ring_put_block(mproc__ring_view_t *view, uint32_t index,
                                   mproc__patience_t *patience);

/*
 * Get messages into a sink, at least one.
 *
 * APR_SUCCESS, APR_TIMEUP, MPROC_ESHUTDOWN, MPROC_ECORRUPT, or what the sink said of the first;
 * sets no message.
 */
apr_status_t mproc__ring_get(mproc__ring_view_t *view, mproc__sink_t *sink,
                             mproc__patience_t *patience);

/* Nothing can be put any more; `state` is what else. */
apr_status_t mproc__ring_shut_down(mproc__ring_view_t *view, mproc__ring_state_t state);

/* Let all who sleep look for themselves. */
void mproc__ring_wake_all(mproc__ring_view_t *view);

/* How many messages there are: APR_SUCCESS or MPROC_ECORRUPT. */
apr_status_t mproc__ring_count(const mproc__ring_view_t *view, size_t *messages);

/* Whether there is neither the room nor the number left for one more small message. */
int mproc__ring_is_full(const mproc__ring_view_t *view);

/* Whether a get would find something, or an end. */
int mproc__ring_is_ready(const mproc__ring_view_t *view);

/* Messages that one get may take: a claim has room for their number. */
#define MPROC__CLAIM_MAX 65535

/* What a claim says. */
typedef struct mproc__claim_t {
    apr_uint64_t first; /* number of the first message */
    uint32_t count;
} mproc__claim_t;

/*
 * Under the getters' lock: end a message in pieces that somebody who died had begun to get, if its
 * putter has ended it, or is dead.  Only then is it known whether it is a message, and what the
 * claim on it says.
 */
void mproc__stream_end(mproc__ring_view_t *view);

/* The claim of a place, which may be a dead member's; 0 messages if it has none. */
mproc__claim_t mproc__ring_claim(const mproc__ring_view_t *view, unsigned place);

/* -- Blocks; of a ring that has some ---------------------------------------------- */

/*
 * Reserve room for `size` bytes, which are not more than there can be.
 *
 * APR_SUCCESS: *index is where; APR_TIMEUP, APR_ENOSPC, MPROC_ESHUTDOWN, MPROC_ECORRUPT, or what the
 * system said; sets no message.
 */
apr_status_t mproc__ring_reserve_block(mproc__ring_view_t *view, size_t size, uint32_t *index,
                                       mproc__patience_t *patience);

/* Give the room of an own block back that is reserved, or acquired: whether it was. */
int mproc__ring_release_block(mproc__ring_view_t *view, uint32_t index, int state);

/* Whether somebody waits for the room of a block, or died while he did. */
static inline int mproc__ring_wants_blocks(const mproc__ring_view_t *view)
{
    return view->blocks != NULL &&
           atomic_load_explicit(&view->blocks->table->waiters, memory_order_relaxed) > 0;
}

/* Give all back that this member writes or reads: it leaves. */
void mproc__ring_leave_blocks(mproc__ring_view_t *view);

/*
 * Give back what dead ones had: all that they wrote or read, and no block that is in the ring.
 * Whether there was any.
 */
int mproc__ring_sweep_blocks(mproc__ring_view_t *view);

/* -- Between the ring's own files --------------------------------------------- */

/*
 * Acquire the block that the record at the head names; the getters' lock is held, and the caller
 * takes the message then.  MPROC_ECORRUPT, or what the sink or the system said: it is not acquired.
 */
apr_status_t mproc__ring_acquire_block(mproc__ring_view_t *view, mproc__sink_t *sink,
                                       mproc__index_t head, size_t size);

/* Copy the block that was acquired into the sink, and give it back; no lock is held. */
void mproc__ring_copy_block(mproc__ring_view_t *view, mproc__sink_t *sink);

/* Acquire a lock of the ring: as mproc__lock_acquire().  The slow half of it, and both. */
apr_status_t mproc__ring_await_lock(mproc__ring_view_t *view, mproc__lock_t *lock, unsigned event,
                                    mproc__patience_t *patience);

static inline apr_status_t mproc__ring_acquire(mproc__ring_view_t *view, mproc__lock_t *lock,
                                               unsigned event, mproc__patience_t *patience)
{
    return mproc__lock_try(lock, &view->member)
               ? APR_SUCCESS
               : mproc__ring_await_lock(view, lock, event, patience);
}

/* Larger payloads pass in pieces, each of mproc__piece_size() at most. */
static inline size_t mproc__whole_size(const mproc__ring_view_t *view)
{
    return view->bytes.capacity / 4 - 8;
}

static inline size_t mproc__piece_size(const mproc__ring_view_t *view)
{
    return view->bytes.capacity / 8 - 8;
}

/*
 * The number of the last message that was put or got, under the lock of that side; without it, of some
 * message thereabouts.
 */
static inline apr_uint64_t mproc__ring_last(mproc__lock_t *side)
{
    return atomic_load_explicit(&side->number, memory_order_relaxed);
}

static inline void mproc__ring_set_last(mproc__lock_t *side, apr_uint64_t number)
{
    atomic_store_explicit(&side->number, number, memory_order_relaxed);
}

/* The same at an index, which is that side's: it may lag behind, and is made good by who sets it. */
static inline apr_uint64_t mproc__ring_number(mproc__lock_t *side, mproc__index_t at)
{
    apr_uint64_t number = mproc__ring_last(side);

    return number + (uint32_t)(mproc__index_messages(at) - (uint32_t)number);
}

/* Acquire a side's lock, with the ring made whole. */
apr_status_t mproc__ring_lock_putting(mproc__ring_view_t *view, mproc__patience_t *patience);
apr_status_t mproc__ring_lock_getting(mproc__ring_view_t *view, mproc__patience_t *patience);

/* Whether a message in pieces is unfinished on this side. */
static inline int mproc__ring_is_open(_Atomic mproc__index_t *index)
{
    return (atomic_load_explicit(index, memory_order_relaxed) & MPROC__INDEX_OPEN) != 0;
}

/*
 * Release a side's lock, and tell all whom it concerns, and whom what was put or got concerns;
 * mostly that is nobody.
 */
void mproc__ring_tell_after_put(mproc__ring_view_t *view);
void mproc__ring_tell_after_get(mproc__ring_view_t *view);

static inline void mproc__ring_unlock_putting(mproc__ring_view_t *view)
{
    mproc__failpoint();
    mproc__lock_release(&view->ring->putting);
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    if (mproc__members_sleep(&view->member))
        mproc__ring_tell_after_put(view);
}

static inline void mproc__ring_unlock_getting(mproc__ring_view_t *view)
{
    mproc__failpoint();
    mproc__lock_release(&view->ring->getting);
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    if (mproc__members_sleep(&view->member))
        mproc__ring_tell_after_get(view);
}

/* In the middle of a message in pieces, after a fence: tell who waits for a piece, or for room. */
void mproc__ring_tell_put(mproc__ring_view_t *view);
void mproc__ring_tell_room(mproc__ring_view_t *view);

/* Room for `need` bytes behind the tail, or nothing can be put. */
int mproc__ring_has_room(const mproc__ring_view_t *view, apr_uint64_t need);

/* Something lies behind the head, or nothing can be got. */
int mproc__ring_has_data(const mproc__ring_view_t *view, apr_uint64_t unused);

typedef int mproc__ring_condition_fn(const mproc__ring_view_t *view, apr_uint64_t need);

/* Wait for a condition that an event tells of: APR_SUCCESS if it may be true, or APR_TIMEUP. */
apr_status_t mproc__ring_await(mproc__ring_view_t *view, unsigned event,
                               mproc__ring_condition_fn *is_true, apr_uint64_t need,
                               mproc__patience_t *patience);

/* The same for one slice at most. */
apr_status_t mproc__ring_await_slice(mproc__ring_view_t *view, unsigned event,
                                     mproc__ring_condition_fn *is_true, apr_uint64_t need,
                                     mproc__patience_t *patience);

/* Put one message in pieces; the putters' lock is held before and after. */
apr_status_t mproc__stream_put(mproc__ring_view_t *view, const mproc_bytes_t *message,
                               mproc__patience_t *patience);

/*
 * Get one message in pieces, the first of which is at the head; the getters' lock is held before
 * and after.  MPROC_ETORN: it was given up in the middle.
 */
apr_status_t mproc__stream_get(mproc__ring_view_t *view, mproc__sink_t *sink);

/* Go on to the end of a message that somebody who died had begun to get; the same. */
apr_status_t mproc__stream_discard(mproc__ring_view_t *view);

/* Give up a message that was begun: the putters' lock is held. */
void mproc__stream_abort(mproc__ring_view_t *view);

/* Take back claims of messages that were not got; the getters' lock is held. */
void mproc__ring_settle_claims(mproc__ring_view_t *view);

/* A claim is 48 bits of a number, and how many from there on; the rest follows from the head. */
#define MPROC__CLAIM_BITS 48
#define MPROC__CLAIM_MASK (((apr_uint64_t)1 << MPROC__CLAIM_BITS) - 1)

/* Under the getters' lock: whether a claim, or none, is of messages that were not got yet. */
int mproc__ring_is_claim_ahead(const mproc__ring_view_t *view, apr_uint64_t claim);

/* Where tasks are counted: those of a claim are taken; claims of messages that were not got are void. */
void mproc__tasks_take(mproc__ring_view_t *view, apr_uint64_t claim, size_t count);
void mproc__tasks_settle_claims(mproc__ring_view_t *view);

/* Note what this member gets. */
static inline void mproc__ring_claim_messages(mproc__ring_view_t *view, apr_uint64_t first,
                                              size_t count)
{
    apr_uint64_t claim = (first & MPROC__CLAIM_MASK) | (apr_uint64_t)count << MPROC__CLAIM_BITS;

    atomic_store_explicit(mproc__member_note(&view->member, MPROC__CLAIM), claim,
                          memory_order_relaxed);
    if (view->tasks != NULL)
        mproc__tasks_take(view, claim, count);
}

#endif
