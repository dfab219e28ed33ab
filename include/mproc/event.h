/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_EVENT_H
#define MPROC_EVENT_H

/**
 * @file event.h
 * Events, conditions, barriers, and locks for readers and writers: what any number of
 * processes, and their threads, wait for each other by.
 *
 *     MPROC_CHECK(mproc_event_create(&ready, NULL, mem));
 *     MPROC_CHECK(mproc_process_start(&process, worker, MPROC_PACK(ready), NULL, mem));
 *     prepare();
 *     MPROC_CHECK(mproc_event_set(ready));                    // here
 *     MPROC_TRY(mproc_event_wait(ready, MPROC_FOREVER));      // in the worker
 *
 * **Death.**  Any process may be killed at any instruction, and none of these hangs for it: what a
 * dead process held goes to the next one, who is told so (MPROC_EOWNERDEAD) if something may be
 * half done; a barrier at which it waited is broken; and a wake that it swallowed is made up for
 * when the others look again, after 20 milliseconds and at least once a second.  A process that
 * is stopped (SIGSTOP) while it is inside a call delays the others for as long, and so does what
 * it holds.  On systems other than Linux the same may happen without a death: who begins to wait
 * may take the wake of one who has waited before, and that one looks again within a second.
 *
 * **Who has them.**  They go to children in their arguments, by any start method, from there on to
 * grandchildren, and through connections, but not through a queue (MPROC_ENOTSHAREABLE).  Each
 * process that has one takes one of its places, `processes` of them; a dead one's is given away
 * again.  The memory is there as long as some process has the object, and has no name.
 *
 * What need not wait makes no system call.
 *
 * Each call returns MPROC_ECLOSED, MPROC_EFOREIGN or APR_EINVAL for an object that was closed, that
 * is another process's, or NULL.  A timeout is in microseconds; MPROC_FOREVER, or 0 to look once.
 *
 * Threads: any number may use an object at once, but for its close, during which no other may be
 * in a call on it.  Fork: a child that was forked by mproc uses those in its arguments; all others
 * give MPROC_EFOREIGN there.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/** What an event is to be.  Begin with MPROC_EVENT_OPTIONS. */
typedef struct mproc_event_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** The most processes that have it at a time, up to 4,096.  The initializer says 256. */
    unsigned processes;
} mproc_event_options_t;

/** The initializer of mproc_event_options_t. */
#define MPROC_EVENT_OPTIONS                                                                        \
    {                                                                                              \
        sizeof(mproc_event_options_t), 256                                                         \
    }

/** The same for a condition. */
typedef mproc_event_options_t mproc_condition_options_t;
#define MPROC_CONDITION_OPTIONS MPROC_EVENT_OPTIONS

/** The same for a barrier. */
typedef mproc_event_options_t mproc_barrier_options_t;
#define MPROC_BARRIER_OPTIONS MPROC_EVENT_OPTIONS

/** The same for a lock for readers and writers. */
typedef mproc_event_options_t mproc_rwlock_options_t;
#define MPROC_RWLOCK_OPTIONS MPROC_EVENT_OPTIONS

/* -- Events -------------------------------------------------------------------------- */

/**
 * Make an event, which is not set.  Python's Event.
 *
 * @param event    set to it
 * @param options  NULL for the defaults
 * @param mem      the event is closed in this process when it is destroyed, and may not be used
 *                 any more
 *
 * @return APR_SUCCESS       it is there
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return APR_EINVAL        an argument or an option is bad; the message names it
 * @return another           what the system said
 */
MPROC_DECLARE(apr_status_t)
mproc_event_create(mproc_event_t **event, const mproc_event_options_t *options, apr_pool_t *mem);

/**
 * Set an event: all who wait for it go on, and whoever waits later does not wait, until it is
 * cleared.
 *
 * It may be called in a handler of a signal, on every POSIX system, of an event that is open: it
 * takes no lock and no memory, calls write(2) or futex(2) at most, and leaves `errno` as it was.
 *
 * @return APR_SUCCESS  it is set, also if it was before
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_event_set(mproc_event_t *event);

/**
 * Clear an event: who waits from now on waits until it is set again.  Those who waited when it was
 * set go on all the same.
 *
 * @return APR_SUCCESS  it is not set
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 *
 * It may be called in a handler of a signal, as mproc_event_set().
 */
MPROC_DECLARE(apr_status_t) mproc_event_clear(mproc_event_t *event);

/** Whether an event is set, at an instant during the call; 0 too if it cannot be used. */
MPROC_DECLARE(int) mproc_event_is_set(mproc_event_t *event);

/**
 * Wait until an event is set.
 *
 * @return APR_SUCCESS  it is set, or was while this waited
 * @return APR_TIMEUP   it was not set in time
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_event_wait(mproc_event_t *event, apr_interval_time_t timeout);

/**
 * Be done with an event in this process.  The others go on.
 *
 * @return APR_SUCCESS   closed, also when it was before
 * @return MPROC_EINUSE  another thread waits for it
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_event_close(mproc_event_t *event);

/* -- Conditions ------------------------------------------------------------------------ */

/** Whether what is waited for is true; called by the thread that waits, which holds the condition. */
typedef int mproc_predicate_fn(void *context);

/**
 * Make a condition, with a lock of its own inside, which is free.  Python's Condition.
 *
 * @param condition  set to it
 * @param options    NULL for the defaults
 * @param mem        the condition is closed in this process when it is destroyed, and may not be
 *                   used any more
 *
 * @return as mproc_event_create()
 */
MPROC_DECLARE(apr_status_t)
mproc_condition_create(mproc_condition_t **condition, const mproc_condition_options_t *options,
                       apr_pool_t *mem);

/**
 * Acquire its lock.  The thread that holds it may acquire it again, and then releases it as often.
 *
 * @return APR_SUCCESS       this thread holds it
 * @return MPROC_EOWNERDEAD  this thread holds it; the process that held it last has died, and what
 *                           it guards may be half done
 * @return APR_TIMEUP        it was not released in time
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_condition_acquire(mproc_condition_t *condition, apr_interval_time_t timeout);

/**
 * Release its lock.
 *
 * @return APR_SUCCESS      once less held by this thread
 * @return MPROC_ENOTOWNER  this thread does not hold it
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_condition_release(mproc_condition_t *condition);

/**
 * Release the lock, however often it is held, wait for a notify, and hold it again as before.
 *
 * It may return for no reason: because of a notify for another, for one.  So what is waited for is
 * looked at afterwards, under the lock; mproc_condition_wait_for() does that.
 *
 * @param timeout  for the notify.  The lock is waited for without a limit: it is held again when
 *                 this returns, also after APR_TIMEUP
 *
 * @return APR_SUCCESS       somebody has notified the condition, perhaps not for us; or has taken it
 *                           over from a process that died with it, which may have been about to
 * @return APR_TIMEUP        nobody has in time
 * @return MPROC_EOWNERDEAD  a process has died that held the lock meanwhile, whether it had notified
 *                           or not, and what it guards may be half done
 * @return MPROC_ENOTOWNER   this thread does not hold the lock; nothing was done
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message; nothing was done
 */
MPROC_DECLARE(apr_status_t)
mproc_condition_wait(mproc_condition_t *condition, apr_interval_time_t timeout);

/**
 * Wait until something is true: mproc_condition_wait() until the predicate says so.
 *
 * @param predicate  called first of all, and each time that this has waited
 * @param context    handed to it
 *
 * @return APR_SUCCESS       the predicate has said that it is true
 * @return APR_TIMEUP        it was not in time
 * @return MPROC_EOWNERDEAD  as mproc_condition_wait(); it may be true or not
 * @return MPROC_ENOTOWNER   this thread does not hold the lock; nothing was done
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message; nothing was done
 */
MPROC_DECLARE(apr_status_t)
mproc_condition_wait_for(mproc_condition_t *condition, mproc_predicate_fn *predicate, void *context,
                         apr_interval_time_t timeout);

/**
 * Wake some of those who wait: @a n, if there are as many, and perhaps more.  It waits for nobody.
 *
 * @param n  1 or more
 *
 * @return APR_SUCCESS      they will go on when they get the lock
 * @return MPROC_ENOTOWNER  this thread does not hold the lock; nothing was done
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_condition_notify(mproc_condition_t *condition, unsigned n);

/**
 * Wake all who wait.  It waits for nobody.
 *
 * @return as mproc_condition_notify()
 */
MPROC_DECLARE(apr_status_t) mproc_condition_notify_all(mproc_condition_t *condition);

/**
 * Be done with a condition in this process.  The others go on.
 *
 * @return APR_SUCCESS   closed, also when it was before
 * @return MPROC_EINUSE  a thread of this process holds it or waits
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_condition_close(mproc_condition_t *condition);

/* -- Barriers --------------------------------------------------------------------------- */

/** The most parties of a barrier. */
#define MPROC_BARRIER_MAX 65536

/** What one of those who meet does for all of them: APR_SUCCESS, or a status that breaks the barrier. */
typedef apr_status_t mproc_barrier_action_fn(void *context);

/**
 * Make a barrier, at which so many threads of any processes wait for each other, again and again.
 * Python's Barrier.
 *
 * @param barrier  set to it
 * @param parties  how many: 1 to MPROC_BARRIER_MAX
 * @param options  NULL for the defaults
 * @param mem      the barrier is closed in this process when it is destroyed, and may not be used
 *                 any more
 *
 * @return as mproc_event_create()
 */
MPROC_DECLARE(apr_status_t)
mproc_barrier_create(mproc_barrier_t **barrier, unsigned parties,
                     const mproc_barrier_options_t *options, apr_pool_t *mem);

/**
 * Wait until all are there.
 *
 * @param index    set to a number from 0 to parties - 1, another for each who goes on; may be NULL
 * @param timeout  who does not wait any longer for those who are missing breaks the barrier.  As in
 *                 Python, it does not end what one does for all when they are there, which is waited
 *                 for without a limit; and who comes during that is of the next round, with which
 *                 his time begins
 *
 * @return APR_SUCCESS     all were there
 * @return MPROC_EBROKEN   the barrier is broken, or was reset: somebody's time is up (ours, too),
 *                         his action has failed, his process has died, or he has given up
 * @return MPROC_ECORRUPT  another process has damaged the barrier
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_barrier_wait(mproc_barrier_t *barrier, unsigned *index, apr_interval_time_t timeout);

/**
 * The same, with something that one does before all go on: the last to come, with the action
 * that he came with.  A function is no more than that of the process that calls it, so each gives
 * his own; usually they are the same.
 *
 * @param action   called without a lock, so it may break or reset the barrier, as others may: nothing
 *                 else but its end, or the death of its process, lets those go on who wait for it.
 *                 NULL for none
 * @param context  handed to it
 *
 * @return as mproc_barrier_wait(); and what the action returned, if it was called here and failed:
 *         the others get MPROC_EBROKEN then
 */
MPROC_DECLARE(apr_status_t)
mproc_barrier_wait_with(mproc_barrier_t *barrier, mproc_barrier_action_fn *action, void *context,
                        unsigned *index, apr_interval_time_t timeout);

/**
 * Break a barrier: who waits, or comes later, gets MPROC_EBROKEN, until it is reset.
 *
 * @return APR_SUCCESS  it is broken, also if it was before
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_barrier_abort(mproc_barrier_t *barrier);

/**
 * Begin anew: who waits gets MPROC_EBROKEN, and who comes later waits for all again.
 *
 * @return APR_SUCCESS  nobody is there, and it is not broken
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_barrier_reset(mproc_barrier_t *barrier);

/** How many must come; 0 if it cannot be used. */
MPROC_DECLARE(unsigned) mproc_barrier_parties(mproc_barrier_t *barrier);

/** How many are there, at an instant during the call; 0 if it cannot be used. */
MPROC_DECLARE(unsigned) mproc_barrier_n_waiting(mproc_barrier_t *barrier);

/** Whether it is broken, at an instant during the call; 1 too if it cannot be used. */
MPROC_DECLARE(int) mproc_barrier_broken(mproc_barrier_t *barrier);

/**
 * Be done with a barrier in this process.  The others go on.
 *
 * @return APR_SUCCESS   closed, also when it was before
 * @return MPROC_EINUSE  another thread waits at it
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_barrier_close(mproc_barrier_t *barrier);

/* -- Locks for readers and writers -------------------------------------------------------- */

/**
 * Make a lock that any number of readers hold at a time, or one writer.
 *
 * While a writer waits no new reader gets it: writers are not starved.  So a thread that reads and
 * acquires it again may wait for itself.  A writer that is stopped (SIGSTOP) while it waits does not
 * keep readers out for good: those who wait get what it has left free for a tenth of a second, and
 * as long as it is stopped, new ones need not wait for it any more.
 *
 * @param rwlock   set to it, which is free
 * @param options  NULL for the defaults
 * @param mem      the lock is closed in this process when it is destroyed, and may not be used
 *                 any more
 *
 * @return as mproc_event_create()
 */
MPROC_DECLARE(apr_status_t)
mproc_rwlock_create(mproc_rwlock_t **rwlock, const mproc_rwlock_options_t *options,
                    apr_pool_t *mem);

/**
 * Acquire it for reading.  What dead readers held is taken back.
 *
 * @return APR_SUCCESS       it is held, with other readers perhaps
 * @return MPROC_EOWNERDEAD  the same; the process that held it for writing last has died, and what it
 *                           guards may be half done.  Each reader is told so until a writer has
 *                           acquired it, who is told it too
 * @return APR_TIMEUP        a writer holds it, or waits, and may be just about to hold it
 * @return MPROC_EDEADLOCK   this thread holds it for writing
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_rwlock_acquire_read(mproc_rwlock_t *rwlock, apr_interval_time_t timeout);

/**
 * Acquire it for writing.
 *
 * @return APR_SUCCESS       this thread holds it alone
 * @return MPROC_EOWNERDEAD  the same, as for mproc_rwlock_acquire_read()
 * @return APR_TIMEUP        it was not released in time
 * @return MPROC_EDEADLOCK   this thread holds it for writing
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_rwlock_acquire_write(mproc_rwlock_t *rwlock, apr_interval_time_t timeout);

/**
 * Release it, for whichever it was acquired.
 *
 * @return APR_SUCCESS      this thread writes no more, or one of this process's reads no more:
 *                          readers are known by process only
 * @return MPROC_ENOTOWNER  this thread does not write, and no thread of this process reads
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_rwlock_release(mproc_rwlock_t *rwlock);

/**
 * Be done with the lock in this process.  The others go on.
 *
 * @return APR_SUCCESS   closed, also when it was before
 * @return MPROC_EINUSE  a thread of this process holds it or waits for it
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_rwlock_close(mproc_rwlock_t *rwlock);

MPROC_END_C

#endif
