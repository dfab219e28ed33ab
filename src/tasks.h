/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TASKS_H
#define MPROC_TASKS_H

/*
 * What a joinable queue knows of its messages beyond that they were got: how many of them each
 * process has taken, and how many of those are done.
 *
 * A message in the queue is a task that is unfinished, and the ring's own words say how many there
 * are.  A getter adds to what it has taken before it commits its get, and what shows whether the
 * get has happened is the ring's head; so a put commits nothing more, and a get is one store still.
 * That a task is done is one compare-and-swap of one word.  The tasks of a dead process move by one
 * store from the unfinished to the lost.
 *
 * Numbers here are modulo 2^32: what counts are differences.
 */

#include "patience.h"
#include "ring.h"

/* Of a place, in the segment; changed under the getters' lock, but for `settled`. */
typedef struct mproc__task_counts_t {
    /* Whose they are: of another than has the place now, one that is gone. */
    _Alignas(MPROC__APART) _Atomic mproc__member_id_t owner;
    _Atomic apr_uint64_t taken;   /* messages that were got, with those of the claim */
    _Atomic apr_uint64_t before;  /* the same without those: true when the claim was not got */
    _Atomic apr_uint64_t claim;   /* what is got last; see mproc__ring_claim_messages() */
    _Atomic apr_uint64_t settled; /* tasks that are done or lost + the lost ones of them * 2^32 */
    _Atomic apr_uint64_t former;  /* lost ones before this owner */
} mproc__task_counts_t;

/* In the segment. */
typedef struct mproc__tasks_t {
    _Alignas(MPROC__APART) _Atomic uint32_t told; /* lost tasks that somebody was told of */
    mproc__task_counts_t counts[];                /* a place each */
} mproc__tasks_t;

static inline size_t mproc__tasks_size(unsigned nplaces)
{
    return sizeof(mproc__tasks_t) + nplaces * sizeof(mproc__task_counts_t);
}

/* What there is to do, at an instant. */
typedef struct mproc__task_sums_t {
    size_t queued; /* messages in the queue */
    size_t taken;  /* tasks that living processes have */
    uint32_t lost; /* tasks that went with processes, since there is the queue */
} mproc__task_sums_t;

/*
 * Count, with a look at who is dead: APR_SUCCESS, APR_TIMEUP when the getters' lock cannot be had in
 * time, or MPROC_ECORRUPT; sets no message.
 */
apr_status_t mproc__tasks_count(mproc__ring_view_t *view, mproc__task_sums_t *sums,
                                mproc__patience_t *patience);

/*
 * The same without the lock: right where nothing is got meanwhile, as when who has it waits for
 * another piece of a message.  APR_SUCCESS, or MPROC_ECORRUPT.
 */
apr_status_t mproc__tasks_look(mproc__ring_view_t *view, mproc__task_sums_t *sums);

/* A task is done: APR_SUCCESS, or MPROC_EOVERRELEASE if there is none; sets no message. */
apr_status_t mproc__tasks_finish_one(mproc__ring_view_t *view);

/*
 * Wait until all tasks are done that can be: APR_SUCCESS; MPROC_EWORKERDIED, with the lost ones that
 * nobody was told of yet in sums->lost; APR_TIMEUP or MPROC_ECORRUPT.  Sets no message.
 */
apr_status_t mproc__tasks_join(mproc__ring_view_t *view, mproc__task_sums_t *sums,
                               mproc__patience_t *patience);

/* After what ended tasks: wake those who join, if none is left. */
void mproc__tasks_tell(mproc__ring_view_t *view);

/* Under the getters' lock: whether who has a place, or had it last, has none left, nor lost any. */
int mproc__tasks_are_done(const mproc__ring_view_t *view, unsigned place);

#endif
