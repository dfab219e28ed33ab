/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_CHANGE_H
#define MPROC_CHANGE_H

/*
 * Waiting until a number in a shared object is another: numbers that only grow say what has
 * happened also to who was looking away.  And the lock inside of such an object.
 */

#include "lock.h"
#include "shared_object.h"

/* Spin for a moment while the number is as it was seen: whether it is another now. */
int mproc__change_hope(_Atomic apr_uint64_t *number, apr_uint64_t seen);

/* Sleep at an event while the number is as it was seen, for a slice; may return for no reason. */
void mproc__change_sleep(mproc__shared_object_t *object, unsigned event,
                         _Atomic apr_uint64_t *number, apr_uint64_t seen,
                         mproc__patience_t *patience);

/* Until it is another: APR_SUCCESS, or APR_TIMEUP, without a message. */
apr_status_t mproc__change_await(mproc__shared_object_t *object, unsigned event,
                                 _Atomic apr_uint64_t *number, apr_uint64_t seen,
                                 mproc__patience_t *patience);

/* The number has changed: tell all who sleep. */
void mproc__change_tell(mproc__shared_object_t *object, unsigned event);

/*
 * Acquire the lock inside of an object, whose owners never wait: APR_SUCCESS, or MPROC_EOWNERDEAD
 * when it is held now, and what it guards may be half done.
 */
apr_status_t mproc__inner_lock_acquire(mproc__shared_object_t *object, mproc__lock_t *lock,
                                       unsigned event);
void mproc__inner_lock_release(mproc__shared_object_t *object, mproc__lock_t *lock, unsigned event);

/* What the options of an object say, or the default: APR_SUCCESS, or a status and a message. */
struct mproc_event_options_t;
apr_status_t mproc__shared_options_read(unsigned *processes,
                                        const struct mproc_event_options_t *options,
                                        const char *initializer);

#endif
