/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_LOCK_H
#define MPROC_SRC_LOCK_H

/*
 * A lock between processes: one word that names its owner, so that the lock of a
 * dead one can be taken over.  What it guards must be whole at every instant, or be
 * made whole by who takes it over.  Without contention it makes no system call.
 *
 * Not fair, and not recursive: the threads of a process are one owner, and wait
 * for each other all the same.
 */

#include "members.h"
#include "patience.h"

/* Numbers that lie on the lock's cache line, for what it guards; and one that others may read, too. */
#define MPROC__GUARDED 3

/* In the segment. */
typedef struct mproc__lock_t {
    _Alignas(MPROC__APART) _Atomic mproc__member_id_t owner; /* 0: free */
    apr_uint64_t guarded[MPROC__GUARDED];
    _Atomic apr_uint64_t number;
} mproc__lock_t;

/* The slow half of mproc__lock_acquire(). */
apr_status_t mproc__lock_await(mproc__lock_t *lock, mproc__member_t *member, unsigned event,
                               mproc__patience_t *patience);

static inline int mproc__lock_try(mproc__lock_t *lock, const mproc__member_t *member)
{
    mproc__member_id_t free = 0;

    return atomic_compare_exchange_strong_explicit(&lock->owner, &free, member->id,
                                                   memory_order_acquire, memory_order_relaxed);
}

/*
 * Acquire a lock whose waiters sleep at `event`.
 *
 * APR_SUCCESS; MPROC_EOWNERDEAD: it is held now, and its last owner has died with it; or
 * APR_TIMEUP.  Also who has no patience waits for a moment, as an owner who runs is about to
 * release it.  Sets no message.
 */
static inline apr_status_t mproc__lock_acquire(mproc__lock_t *lock, mproc__member_t *member,
                                               unsigned event, mproc__patience_t *patience)
{
    return mproc__lock_try(lock, member) ? APR_SUCCESS
                                         : mproc__lock_await(lock, member, event, patience);
}

/*
 * Wait for one that may be held for long: no longer than the caller has patience, and in its
 * slices.  Who has none looks once, at whether the owner lives too.  Returns the same.
 */
apr_status_t mproc__lock_wait(mproc__lock_t *lock, mproc__member_t *member, unsigned event,
                              mproc__patience_t *patience);

/* Release it.  The caller then passes a fence and notifies the event, when it has nothing left to do. */
static inline void mproc__lock_release(mproc__lock_t *lock)
{
    atomic_store_explicit(&lock->owner, 0, memory_order_release);
}

/* Whether nobody living has it. */
int mproc__lock_is_abandoned(mproc__lock_t *lock, const mproc__member_t *member);

#endif
