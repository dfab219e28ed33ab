/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BELONGINGS_H
#define MPROC_BELONGINGS_H

/*
 * What of this process a forked child of mproc's must give up: the list of all
 * objects that hold something open.  An object is on it as long as it does.
 */

#include <apr_errno.h>
#include <apr_pools.h>

struct mproc__belonging_t;

/* What an object of a kind does when something happens; NULL: nothing. */
typedef struct mproc__belonging_kind_t {
    /* In a forked child: let go of what it holds.  Not NULL. */
    void (*give_up)(struct mproc__belonging_t *belonging);
    /* Handles that may be copies of its own are about to be closed in this process; they were. */
    void (*begin_closing)(struct mproc__belonging_t *belonging);
    void (*end_closing)(struct mproc__belonging_t *belonging);
    /* A child was found dead, which may have held what others wait for. */
    void (*notice)(struct mproc__belonging_t *belonging);
    /* This process comes to its normal end; threads may still be using the object. */
    void (*settle)(struct mproc__belonging_t *belonging);
} mproc__belonging_kind_t;

/* Lies in the object. */
typedef struct mproc__belonging_t {
    struct mproc__belonging_t *next, *previous; /* NULL when it is on no list */
    const mproc__belonging_kind_t *kind;
} mproc__belonging_t;

/* Once, by the guard. */
apr_status_t mproc__belongings_set(apr_pool_t *mem);

/*
 * Held while something is made and put on the list, or taken off and closed, and during a fork:
 * a child sees neither half of it.  The innermost lock but for memory's; may be called before the
 * guard, when there are no threads.
 */
void mproc__belongings_lock(void);
void mproc__belongings_unlock(void);

/* Under the lock. */
void mproc__belongings_add(mproc__belonging_t *belonging, const mproc__belonging_kind_t *kind);
void mproc__belongings_remove(mproc__belonging_t *belonging);

/* Under the lock: the one after this on the list, or the first of all after NULL; NULL: none. */
mproc__belonging_t *mproc__belongings_next(const mproc__belonging_t *belonging);

/* Under the lock: every object on the list does what its kind says. */
void mproc__belongings_notice(void);
void mproc__belongings_settle(void);

/*
 * Under the lock, around closing what may be a copy of an object's handles; in between others may
 * have the lock, begin closings of their own, and put objects on the list.
 */
void mproc__belongings_begin_closing(void);
void mproc__belongings_end_closing(void);

/* In a forked child, before it has threads: every object on the list gives up what it holds. */
void mproc__belongings_give_up(void);

#endif
