/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SEMAPHORE_H
#define MPROC_SEMAPHORE_H

/**
 * @file semaphore.h
 * Semaphores: a number of units, of which each acquire takes one and each release gives one
 * back.
 *
 *     MPROC_CHECK(mproc_semaphore_create(&connections, 4, NULL, mem));
 *     MPROC_CHECK(mproc_process_start(&process, target, MPROC_PACK(connections), NULL, mem));
 *     MPROC_CHECK(mproc_semaphore_acquire(connections, MPROC_FOREVER));
 *     use_a_connection();
 *     MPROC_CHECK(mproc_semaphore_release(connections));
 *
 * **Whose units they are.**  A process has the units that it has acquired, whichever of its
 * threads did, and a release gives one of those back.  A process that has none may release all
 * the same, and so make the semaphore larger by one: that is a signal to who waits in
 * mproc_semaphore_acquire().  A bounded semaphore has never more than it began with.
 *
 * **Death.**  Any process may be killed at any instruction.  The units of one that has ended,
 * killed or not, come back when somebody needs them, within a second.  So do signals that it
 * has taken: who must take each of them once uses a queue.  A process that is stopped (SIGSTOP) is
 * not dead: it keeps its units, and if it is stopped while it is inside a call, it delays the
 * others for as long.  Their mproc_semaphore_acquire() keeps to its timeout then; all other calls
 * on it wait.
 *
 * Units that are there are acquired and released without a system call.  Who comes first is
 * not said.  Each process that has the semaphore takes one place of `processes`; a dead one's is
 * given away again.
 *
 * Threads: any number may use a semaphore at once, but for mproc_semaphore_close(), during which
 * no other thread may be in a call on it.  Fork: a child that was forked by mproc uses the
 * semaphores in its arguments, and has no units of them; all else gives MPROC_EFOREIGN there.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/** The most units there can be. */
#define MPROC_SEMAPHORE_MAX 2147483647u

/** What a semaphore is to be.  Begin with MPROC_SEMAPHORE_OPTIONS. */
typedef struct mproc_semaphore_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** The most processes that have it at a time, up to 4,096.  The initializer says 256. */
    unsigned processes;
} mproc_semaphore_options_t;

/** The initializer of mproc_semaphore_options_t. */
#define MPROC_SEMAPHORE_OPTIONS                                                                    \
    {                                                                                              \
        sizeof(mproc_semaphore_options_t), 256                                                     \
    }

/**
 * Make a semaphore.
 *
 * @param semaphore  set to it
 * @param value      units that are there, 0 to MPROC_SEMAPHORE_MAX
 * @param options    NULL for the defaults
 * @param mem        the semaphore is closed in this process when it is destroyed, and may not be
 *                   used any more
 *
 * @return APR_SUCCESS       it is there
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return APR_EINVAL        an argument or an option is bad; the message names it
 * @return another           what the system said
 */
MPROC_DECLARE(apr_status_t)
mproc_semaphore_create(mproc_semaphore_t **semaphore, unsigned value,
                       const mproc_semaphore_options_t *options, apr_pool_t *mem);

/**
 * Make a semaphore that has never more units than it began with.
 *
 * @return as mproc_semaphore_create()
 */
MPROC_DECLARE(apr_status_t)
mproc_bounded_semaphore_create(mproc_semaphore_t **semaphore, unsigned value,
                               const mproc_semaphore_options_t *options, apr_pool_t *mem);

/**
 * Acquire a unit.
 *
 * @param timeout  microseconds to wait; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS     this process has one more
 * @return APR_TIMEUP      there was none in time
 * @return MPROC_ECORRUPT  another process has damaged the semaphore
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_semaphore_acquire(mproc_semaphore_t *semaphore, apr_interval_time_t timeout);

/**
 * Release a unit: one of this process, or, if it has none, a new one.
 *
 * @return APR_SUCCESS         there is one more for others
 * @return MPROC_EOVERRELEASE  a bounded semaphore would have more than it began with, another
 *                             more than MPROC_SEMAPHORE_MAX.  If this process had a unit, it has
 *                             one less: another process has given it back before
 * @return MPROC_ECORRUPT      another process has damaged the semaphore
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_semaphore_release(mproc_semaphore_t *semaphore);

/**
 * How many units are there for who comes now, with those of processes that have ended.
 *
 * @param value  set to it; another process may have changed it before this call returns
 *
 * @return APR_SUCCESS     it is set
 * @return MPROC_ECORRUPT  another process has damaged the semaphore
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_semaphore_get_value(mproc_semaphore_t *semaphore, unsigned *value);

/**
 * Be done with a semaphore in this process, which gives back what it has; others go on using it.
 *
 * @return APR_SUCCESS   it is closed here, also if it was before
 * @return MPROC_EINUSE  a thread waits for it
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_semaphore_close(mproc_semaphore_t *semaphore);

MPROC_END_C

#endif
