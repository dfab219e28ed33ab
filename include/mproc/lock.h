/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_LOCK_H
#define MPROC_LOCK_H

/**
 * @file lock.h
 * Locks: one thread of one process at a time.
 *
 *     MPROC_CHECK(mproc_lock_create(&lock, NULL, mem));
 *     MPROC_CHECK(mproc_process_start(&process, target, MPROC_PACK(lock), NULL, mem));
 *     MPROC_CHECK(mproc_lock_acquire(lock, MPROC_FOREVER));
 *     puts("nobody else prints now");
 *     MPROC_CHECK(mproc_lock_release(lock));
 *
 * **Owners.**  The thread that acquired a lock holds it, and it alone releases it.  A
 * lock that is made by mproc_rlock_create() can be acquired by its owner again, and is
 * free when it was released as often.
 *
 * **Death.**  Any process may be killed at any instruction.  Who acquires a lock next
 * whose owner has ended with it, killed or not, is told so by MPROC_EOWNERDEAD, and holds
 * it: what the lock guards may be half changed, and is to be made whole first.  Who
 * sleeps for the lock sees that within a second.  A process that is stopped (SIGSTOP) is not dead: it
 * keeps the lock.  The end of a thread alone is not seen: its lock is held until its
 * process ends.
 *
 * **Who comes first** is not said: a lock is not a queue, and who has just released it
 * may be the next to have it.
 *
 * A lock that is free is acquired and released without a system call.  Each process that
 * has it takes one place of `processes`; a dead one's is given away again.
 *
 * Threads: any number may use a lock at once, but for mproc_lock_close(), during which
 * no other thread may be in a call on it.  Fork: a child that was forked by mproc uses
 * the locks in its arguments, and holds none of them; all else gives MPROC_EFOREIGN there.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/** What a lock is to be.  Begin with MPROC_LOCK_OPTIONS. */
typedef struct mproc_lock_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** The most processes that have it at a time, up to 4,096.  The initializer says 256. */
    unsigned processes;
} mproc_lock_options_t;

/** The initializer of mproc_lock_options_t. */
#define MPROC_LOCK_OPTIONS                                                                         \
    {                                                                                              \
        sizeof(mproc_lock_options_t), 256                                                          \
    }

/**
 * Make a lock, which is free.
 *
 * @param lock     set to it
 * @param options  NULL for the defaults
 * @param mem      the lock is closed in this process when it is destroyed, and may not be used
 *                 any more; if this process holds it then, the next owner is told so by
 *                 MPROC_EOWNERDEAD
 *
 * @return APR_SUCCESS       it is there
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return APR_EINVAL        an argument or an option is bad; the message names it
 * @return another           what the system said
 */
MPROC_DECLARE(apr_status_t)
mproc_lock_create(mproc_lock_t **lock, const mproc_lock_options_t *options, apr_pool_t *mem);

/**
 * Make a lock that its owner can acquire again.
 *
 * @return as mproc_lock_create()
 */
MPROC_DECLARE(apr_status_t)
mproc_rlock_create(mproc_lock_t **lock, const mproc_lock_options_t *options, apr_pool_t *mem);

/**
 * Acquire a lock.
 *
 * @param timeout  microseconds to wait; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS       this thread holds it
 * @return MPROC_EOWNERDEAD  this thread holds it, and its last owner died with it
 * @return APR_TIMEUP        somebody else holds it, or, of a lock that is not recursive, this
 *                           thread itself
 * @return MPROC_EDEADLOCK   this thread holds it, it is not recursive, and the timeout is
 *                           MPROC_FOREVER: it would wait for itself
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_lock_acquire(mproc_lock_t *lock, apr_interval_time_t timeout);

/**
 * Release a lock, or one of the times that a recursive one was acquired.
 *
 * @return APR_SUCCESS      it is free, or held once less
 * @return MPROC_ENOTOWNER  this thread does not hold it
 * @return MPROC_ECORRUPT   another process has damaged it; this thread does not hold it any more
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_lock_release(mproc_lock_t *lock);

/**
 * Whether a lock is held by anybody at this moment, also by one who is dead; 0 of one that this
 * process cannot use.
 */
MPROC_DECLARE(int) mproc_lock_locked(mproc_lock_t *lock);

/**
 * What is done under a lock.
 *
 * @param acquired  APR_SUCCESS, or MPROC_EOWNERDEAD: what it guards may be half changed
 * @param context   as given to mproc_lock_call()
 *
 * @return what mproc_lock_call() is to return
 */
typedef apr_status_t mproc_locked_fn(apr_status_t acquired, void *context);

/**
 * Acquire a lock, call a function, and release the lock, whatever the function returned.
 *
 * A function that is told MPROC_EOWNERDEAD is the only one that is: when it has failed, the lock is
 * released all the same, and the next owner gets APR_SUCCESS, over what may still be half changed.
 * One that cannot make it whole leaves a note of that where the others look.
 *
 * @param timeout   as for mproc_lock_acquire()
 * @param function  called in this thread
 * @param context   given to it
 *
 * @return what the function returned, or why it was not called, as mproc_lock_acquire(); if it
 *         succeeded, what mproc_lock_release() returned
 */
MPROC_DECLARE(apr_status_t)
mproc_lock_call(mproc_lock_t *lock, apr_interval_time_t timeout, mproc_locked_fn *function,
                void *context);

/**
 * Be done with a lock in this process; others go on using it.
 *
 * @return APR_SUCCESS   it is closed here, also if it was before
 * @return MPROC_EINUSE  this process holds it, or a thread waits for it
 * @return APR_EINVAL    it is NULL, or part of a shared array, with which it is closed
 */
MPROC_DECLARE(apr_status_t) mproc_lock_close(mproc_lock_t *lock);

MPROC_END_C

#endif
