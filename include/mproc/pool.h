/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_H
#define MPROC_POOL_H

/**
 * @file pool.h
 * Pools: worker processes that wait for work, and calls that hand it to them.
 *
 *     int numbers[10], squared[10];
 *
 *     MPROC_CHECK(mproc_pool_create(&workers, 4, NULL, mem));
 *     MPROC_CHECK(mproc_pool_map(workers, square, numbers, sizeof *numbers, squared,
 *                                sizeof *squared, 10, MPROC_FOREVER));
 *     MPROC_CHECK(mproc_pool_join(workers, MPROC_FOREVER));
 *
 * It is multiprocessing.Pool of Python, under the same names.  How it works, and what it does not
 * promise, is told in docs/pool.md.
 *
 * Two kinds of targets run in a pool; see init.h.  An item function (mproc_item_fn) turns one
 * item into one result of a fixed size: map, imap and imap_unordered take those.  A task
 * (mproc_target_fn) takes packed values and leaves some by mproc_task_return(): apply and starmap
 * take those.  Items and results are copied byte by byte: a pointer in them means nothing in
 * another process.
 *
 * **Death.**  A worker may be killed, crash, or call exit() at any moment.  That costs what it was
 * doing just then: one item of a map, or one call.  It is tried again up to `retries` times, and
 * then has the status MPROC_EWORKERDIED, with words that say how the worker ended.  All the rest is
 * done by the others and by a new worker.  What is done again may have had effects the first time:
 * exactly once cannot be promised.  When the process that made the pool dies, the workers die with
 * it.
 *
 * **Who does it.**  One thread a pool, the supervisor, takes results in, replaces workers, keeps
 * timeouts and calls callbacks, whether or not anybody waits.
 *
 * **Lifetime.**  Results, iterators and memory of mproc_pool_alloc() live no longer than the memory
 * that the pool was made in, also if they were given memory that lives longer: nothing can be had
 * of them then, and calls say MPROC_ECLOSED.
 *
 * **The end.**  At the normal end of the program a pool that is still there is terminated.  So is
 * one whose memory is destroyed, which a callback may not do.  Workers are daemonic: they cannot
 * start processes.
 *
 * Threads: any number may use a pool and its results at once; an iterator is for one at a time.
 * Fork: a forked child may not use its parent's pools: MPROC_EFOREIGN.
 */

#include <mproc/args.h>
#include <mproc/declare.h>
#include <mproc/init.h>

MPROC_BEGIN_C

/** A pool of worker processes. */
typedef struct mproc_pool_t mproc_pool_t;

/** The results of imap or imap_unordered, one after the other. */
typedef struct mproc_imap_t mproc_imap_t;

/** As many retries as it takes; for `retries` of mproc_pool_options_t. */
#define MPROC_RETRY_FOREVER UINT32_MAX

/** How far a pool has come with what it was given since it last had nothing to do. */
typedef struct mproc_progress_t {
    apr_uint64_t done;           /**< items and calls, also those that failed */
    apr_uint64_t total;          /**< of how many; more may be given while it works */
    apr_interval_time_t elapsed; /**< microseconds since the first was given */
} mproc_progress_t;

/**
 * What a pool calls, in its supervisor, some ten times a second while it works, and once when
 * all is done (`done` is then `total`).  The same holds in it as in a callback: see
 * mproc_callback_fn.
 *
 * @param data  `progress_data` of the options
 */
typedef void mproc_progress_fn(const mproc_progress_t *progress, void *data);

/** Where the workers are. */
typedef enum mproc_engine_t {
    MPROC_ENGINE_LOCAL = 0 /**< processes of this machine */
} mproc_engine_t;

/** How a pool is to be.  Begin with MPROC_POOL_OPTIONS: in it, zero is the sensible default. */
typedef struct mproc_pool_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /**
     * A task that each worker does first of all.  If it returns an error, the pool breaks: all that
     * is not done, and all that is asked later, fails with that error.  So it does with
     * MPROC_EWORKERDIED when three workers in a row die in it while no other is ready.  A pool also
     * breaks when three in a row cannot be started while none is ready, or cannot have the memory
     * for what they are to do.
     */
    mproc_target_fn *initializer;
    /**
     * What the initializer unpacks; objects (queues, connections) too.  Copied at creation.  Each
     * worker takes a place of each object: its option `processes` must be at least the number of
     * workers, one more for this process, and some for those that replace the dead.  Where there
     * are fewer, workers end with MPROC_ETOOMANY: the pool breaks with that if none is ready, else
     * it goes on with the workers that it has, and starts others in vain.
     */
    const mproc_pack_t *initargs;
    /**
     * After so many tasks (calls, or chunks of items) a worker ends, and a new one starts;
     * 0: never.
     */
    unsigned maxtasksperchild;
    /** So does a worker that has more bytes than this resident after a task; 0: never. */
    size_t max_rss;
    /** How often what a dead worker was doing is tried again; 0: never; MPROC_RETRY_FOREVER. */
    apr_uint32_t retries;
    /**
     * Microseconds after which mproc_task_is_overdue() says 1 in a call or an item; 0: never.  A
     * target that does not ask is not told.
     */
    apr_interval_time_t soft_timeout;
    /**
     * Microseconds after which a call or an item has the status MPROC_EOVERTIME, and its worker is
     * killed and replaced; 0: never.  It is not tried again.
     */
    apr_interval_time_t timeout;
    /**
     * Microseconds: how often the pool looks whether it has more workers than it had work for since
     * the last look.  Those end, down to `min_workers`, and start again when there is work; 0: all
     * stay.
     */
    apr_interval_time_t idle_timeout;
    /** How many workers stay whatever they have to do, with `idle_timeout`. */
    unsigned min_workers;
    /** MPROC_SPAWN, MPROC_FORK or MPROC_FORKSERVER; NULL: the program's, see
        mproc_set_start_method(). */
    const char *start_method;
    /** NULL, mproc_progress_bar, or a function of the program's own. */
    mproc_progress_fn *progress;
    /** Given to it. */
    void *progress_data;
    /** Where the workers are; there is one engine as yet. */
    mproc_engine_t engine;
} mproc_pool_options_t;

/** The initializer of mproc_pool_options_t. */
#define MPROC_POOL_OPTIONS                                                                         \
    {                                                                                              \
        sizeof(mproc_pool_options_t), NULL, NULL, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL,           \
            MPROC_ENGINE_LOCAL                                                                     \
    }

/** The most workers of a pool. */
#define MPROC_WORKERS_MAX 1024

/* -- The pool ----------------------------------------------------------------------- */

/**
 * Make a pool, and start its workers.
 *
 * Returns when the workers' processes run; their initializers may not be done yet.  If one of them
 * cannot be started, all are ended.
 *
 * @param workers    set to the pool
 * @param processes  how many; 0: mproc_cpu_count()
 * @param options    NULL for the defaults; copied
 * @param mem        the pool is terminated when this is destroyed; memory that threads may share,
 *                   as that of mproc_init(), for the supervisor is one
 *
 * @return APR_SUCCESS       it is there
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called, or is not done yet
 * @return MPROC_ETARGET     the initializer is not in the table
 * @return MPROC_EFOREIGN, MPROC_EDAEMON  as for mproc_process_start()
 * @return APR_ENOTIMPL      this system has no such start method
 * @return APR_EINVAL        an argument or an option is bad; the message names it
 * @return another           what starting a worker said, see mproc_process_start()
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_create(mproc_pool_t **workers, int processes, const mproc_pool_options_t *options,
                  apr_pool_t *mem);

/**
 * Give a pool nothing more to do: what it has been given is done, and then the workers end.
 *
 * @return APR_SUCCESS     it takes nothing more, which may have been so before
 * @return MPROC_EFOREIGN  called by a forked child
 * @return APR_EINVAL      @a workers is NULL
 *
 * Threads: any, callbacks too.
 */
MPROC_DECLARE(apr_status_t) mproc_pool_close(mproc_pool_t *workers);

/**
 * End a pool now: its workers are killed, and results that are not there have the status
 * MPROC_ETERMINATED.
 *
 * Returns when all of that has happened, callbacks included.  In a callback it returns at once, and
 * the workers are killed afterwards.
 *
 * @return as mproc_pool_close()
 *
 * Threads: any, callbacks too.
 */
MPROC_DECLARE(apr_status_t) mproc_pool_terminate(mproc_pool_t *workers);

/**
 * Close a pool if that was not done, and wait until all its work is done and its workers have
 * ended.
 *
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS    it has ended; later calls return the same at once
 * @return APR_TIMEUP     it has not, but it takes nothing more
 * @return MPROC_EINUSE   an imap has input that was not read yet, which would be waited for in
 *                        vain: the pool was not closed.  Go on with the iterator to its end, or
 *                        close it, and join then
 * @return MPROC_EINUSE   called in a callback, which the end of the pool waits for
 * @return the initializer's status, or MPROC_EWORKERDIED  the pool broke, see mproc_pool_options_t;
 *                        it has ended
 * @return another        the pool broke, as no new worker could be started, or none could have the
 *                        memory for what it was to do
 * @return MPROC_EFOREIGN, APR_EINVAL  as mproc_pool_close()
 */
MPROC_DECLARE(apr_status_t) mproc_pool_join(mproc_pool_t *workers, apr_interval_time_t timeout);

/**
 * Have another number of workers.  If it is larger, the supervisor starts more at once; if it is
 * smaller, some end as soon as they have done what was given before.
 *
 * @param processes  1 to MPROC_WORKERS_MAX; 0: mproc_cpu_count()
 *
 * @return APR_SUCCESS    so many are wanted from now on
 * @return MPROC_ECLOSED  the pool was closed or terminated
 * @return the initializer's status, MPROC_EWORKERDIED  the pool broke
 * @return MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_pool_resize(mproc_pool_t *workers, int processes);

/**
 * The processes of the workers that run now.  One that takes another's place may be at work a
 * moment before it is among them.
 *
 * @param pids   filled with up to @a max of their numbers; may be NULL if @a max is 0
 * @param count  set to how many there are, which may be more
 *
 * @return APR_SUCCESS     both are set
 * @return MPROC_EFOREIGN  called by a forked child
 * @return APR_EINVAL      an argument is NULL
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_pids(mproc_pool_t *workers, apr_int64_t *pids, size_t max, size_t *count);

/* -- Results ------------------------------------------------------------------------ */

/**
 * What the supervisor calls when a result is there, right before others see it: until the callback
 * has returned, mproc_result_ready() says 0 and who waits goes on waiting.
 *
 * It may call into the pool: give it more to do, cancel, close, terminate.  What would wait for the
 * pool returns MPROC_EINUSE.  It may not destroy the memory of the pool.  Signals are held in the
 * supervisor: a handler of the program's does not interrupt it.  While it runs, nothing
 * else of this pool is looked after: no results are taken in, no dead workers replaced, and no
 * timeouts kept.
 *
 * @param result  can be unpacked, and asked for its error; NULL if it was closed, or its memory
 *                destroyed, meanwhile
 * @param status  as mproc_result_get() will return it
 * @param data    `data` of the options
 */
typedef void mproc_callback_fn(mproc_result_t *result, apr_status_t status, void *data);

/** How something is to be done.  Begin with MPROC_ASYNC_OPTIONS. */
typedef struct mproc_async_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** Called when all went well; may be NULL. */
    mproc_callback_fn *callback;
    /** Called when something failed; may be NULL. */
    mproc_callback_fn *error_callback;
    /** Given to both. */
    void *data;
    /**
     * For map alone: items that a worker takes at a time, 1 to their number; 0: so many that there
     * are four chunks for each worker.
     */
    size_t chunksize;
} mproc_async_options_t;

/** The initializer of mproc_async_options_t. */
#define MPROC_ASYNC_OPTIONS {sizeof(mproc_async_options_t), NULL, NULL, NULL, 0}

/**
 * Wait for a result.
 *
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS        it is there: MPROC_UNPACK(result, ...) takes an apply's apart
 * @return APR_TIMEUP         it is not there yet
 * @return the target's own   it is there, and failed; of several calls or items, that of the first
 *                            in order that failed
 * @return MPROC_ETOOLARGE    an item function wrote more than its result has room for, as far as that was
 *                            seen: a result that runs into the next one, or less than 64 KiB
 * @return MPROC_EWITHIN      the same, and the target's own was APR_EOF or APR_TIMEUP, which have a
 *                            meaning here
 * @return MPROC_EWORKERDIED  the worker died that was at it, `retries` + 1 times
 * @return MPROC_EOVERTIME    it took longer than `timeout` of the pool's options
 * @return MPROC_ECANCELLED, MPROC_ETERMINATED  it was cancelled, or the pool was terminated
 * @return the initializer's status, or another  the pool broke, see mproc_pool_join()
 * @return MPROC_EINUSE       called in a callback of the same pool, and it is not there yet
 * @return MPROC_EFOREIGN, APR_EINVAL  see the message
 *
 * mproc_error_message() and mproc_result_error() then have the words of the target, or how its
 * worker died.
 */
MPROC_DECLARE(apr_status_t) mproc_result_get(mproc_result_t *result, apr_interval_time_t timeout);

/**
 * The same, but it does not matter whether what is there is a failure.
 *
 * @return APR_SUCCESS  it is there
 * @return APR_TIMEUP   it is not
 * @return MPROC_EINUSE, MPROC_EFOREIGN, APR_EINVAL  as mproc_result_get()
 */
MPROC_DECLARE(apr_status_t) mproc_result_wait(mproc_result_t *result, apr_interval_time_t timeout);

/** Whether it is there: 1 or 0. */
MPROC_DECLARE(int) mproc_result_ready(mproc_result_t *result);

/** Whether it is there and all went well: 1 or 0. */
MPROC_DECLARE(int) mproc_result_successful(mproc_result_t *result);

/**
 * What went wrong, in words: with the first item or call in order that failed.  "" when nothing
 * did, or the result is not there.  Lives as long as the result.
 */
MPROC_DECLARE(const char *) mproc_result_error(mproc_result_t *result);

/**
 * The status of one item of map or one call of starmap; apply has one alone, 0.
 *
 * @return what the target returned for it, or what happened instead.  When the whole was cancelled
 *         or terminated, all have that status, also those that were done
 * @return MPROC_ERUNNING  the result is not there
 * @return APR_EINVAL      @a result is NULL, or there are not so many
 * @return MPROC_EFOREIGN  called by a forked child
 */
MPROC_DECLARE(apr_status_t) mproc_result_item_status(mproc_result_t *result, size_t index);

/**
 * What one call of starmap, or apply's (0), has returned by mproc_task_return().
 *
 * @return borrowed values, empty ones when it has returned none; they live as long as the result.
 *         NULL when the result is not there or a map's, or this call has failed
 *
 * Threads: one at a time.
 */
MPROC_DECLARE(mproc_values_t *) mproc_result_values(mproc_result_t *result, size_t index);

/**
 * Give a result up that is not there: all of it has the status MPROC_ECANCELLED, also the items and
 * calls of it that were done.  What no worker has begun is not begun.  Workers that are at it are
 * killed and replaced; arrays in memory of mproc_pool_alloc(), or in a shared array, may still change
 * until they are dead, and mproc_pool_free() says MPROC_EINUSE until then.
 *
 * @return APR_SUCCESS     it is cancelled, and there (in a callback: after that)
 * @return MPROC_EENDED    it was there already, and stays as it is
 * @return MPROC_EFOREIGN, APR_EINVAL  see the message
 *
 * Threads: any, callbacks too.
 */
MPROC_DECLARE(apr_status_t) mproc_result_cancel(mproc_result_t *result);

/**
 * Give back what a result holds, before its memory is destroyed; it may not be used any more.  What
 * is not done yet is done all the same, and the callbacks are called with NULL for the result.
 */
MPROC_DECLARE(void) mproc_result_close(mproc_result_t *result);

/* -- One call ----------------------------------------------------------------------- */

/**
 * Call a target in a worker, and wait for what it returns.
 *
 * @param target   a task in the table given to mproc_init()
 * @param args     packed values, or MPROC_NO_ARGS; objects in them are refused: give those to the
 *                 workers by `initargs`
 * @param values   refilled with what it returned; may be NULL
 * @param timeout  microseconds; when it has passed, the call is cancelled
 *
 * @return as mproc_result_get()
 * @return MPROC_EINUSE         called in a callback of the same pool, which cannot wait
 * @return MPROC_ETARGET        @a target is not in the table
 * @return MPROC_ENOTSHAREABLE  an object in the arguments cannot travel to a worker
 * @return MPROC_ECLOSED        the pool was closed or terminated
 * @return APR_ENOMEM           the arguments are larger than the memory there is
 * @return the initializer's status, or another  the pool broke, see mproc_pool_join()
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_apply(mproc_pool_t *workers, mproc_target_fn *target, const mproc_pack_t *args,
                 mproc_values_t *values, apr_interval_time_t timeout);

/**
 * The same without waiting.
 *
 * @param result   set to the result, which will be there some time
 * @param args     copied
 * @param options  NULL for the defaults
 * @param mem      the result lives until this is destroyed, or the pool's memory is
 *
 * @return APR_SUCCESS  it was given to the pool
 * @return MPROC_ETARGET, MPROC_ENOTSHAREABLE, MPROC_ECLOSED, APR_ENOMEM, MPROC_EFOREIGN,
 *         APR_EINVAL, or what broke the pool  it was not; as for mproc_pool_apply()
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_apply_async(mproc_result_t **result, mproc_pool_t *workers, mproc_target_fn *target,
                       const mproc_pack_t *args, const mproc_async_options_t *options,
                       apr_pool_t *mem);

/* -- Many calls --------------------------------------------------------------------- */

/**
 * Call a target once for each of several packs of arguments, and wait for all of them.
 *
 * @param result   set to the results, which are there: see mproc_result_values().  Also set when
 *                 calls have failed, but not when they were not given to the pool, or not all were
 *                 done in time
 * @param args     @a count packs; copied
 * @param timeout  microseconds; when it has passed, all that is not done is cancelled
 * @param mem      the result lives until this is destroyed, or the pool's memory is
 *
 * @return as mproc_pool_apply(); a failure is that of the first call in order that failed
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_starmap(mproc_result_t **result, mproc_pool_t *workers, mproc_target_fn *target,
                   const mproc_pack_t *const *args, size_t count, apr_interval_time_t timeout,
                   apr_pool_t *mem);

/** The same without waiting; as mproc_pool_apply_async(). */
MPROC_DECLARE(apr_status_t)
mproc_pool_starmap_async(mproc_result_t **result, mproc_pool_t *workers, mproc_target_fn *target,
                         const mproc_pack_t *const *args, size_t count,
                         const mproc_async_options_t *options, apr_pool_t *mem);

/* -- Many items --------------------------------------------------------------------- */

/**
 * Call a target for each item of an array, and fill an array with the results, in the same order.
 *
 * The arrays are copied in bulk through memory that the workers share; arrays in memory of
 * mproc_pool_alloc(), or in a shared array (array.h), are used where they lie.  All items are done, also when one fails.  Items are
 * taken in chunks, four for each worker.
 *
 * @param target       an item function in the table given to mproc_init()
 * @param items        @a count items
 * @param item_size    bytes of an item, at least 1
 * @param results      room for @a count results, or NULL if @a result_size is 0.  Workers see it
 *                     aligned as memory of malloc() is.  The result of an item that failed is as it
 *                     was, or filled in part where the array is used in place
 * @param result_size  bytes of a result; may be 0
 * @param count        may be 0
 * @param timeout      microseconds; when it has passed, all of it is cancelled: @a results are as
 *                     they were, or filled in part where the array is used in place.  There it may
 *                     change for a moment more, see mproc_result_cancel()
 *
 * @return APR_SUCCESS    all are there
 * @return APR_TIMEUP     not all of them were there in time
 * @return MPROC_EINUSE   called in a callback of the same pool, which cannot wait
 * @return MPROC_ETARGET  @a target is not in the table
 * @return MPROC_ECLOSED  the pool was closed or terminated
 * @return APR_ENOMEM     the items are larger than the memory there is
 * @return APR_EINVAL     an argument is bad; the message names it
 * @return the others     as mproc_result_get(), of the first item in order that failed
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_map(mproc_pool_t *workers, mproc_item_fn *target, const void *items, size_t item_size,
               void *results, size_t result_size, size_t count, apr_interval_time_t timeout);

/**
 * The same without waiting.
 *
 * @param items    copied, unless they are in memory of mproc_pool_alloc() or in a shared array:
 *                 there they must stay as they are until the result is there
 * @param results  filled when the result is there, and must live until then.  If the result is
 *                 closed or its memory destroyed before, they are not touched any more, unless they
 *                 are in memory of mproc_pool_alloc() or in a shared array
 * @param options  NULL for the defaults
 * @param mem      the result lives until this is destroyed, or the pool's memory is
 *
 * @return as mproc_pool_apply_async()
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_map_async(mproc_result_t **result, mproc_pool_t *workers, mproc_item_fn *target,
                     const void *items, size_t item_size, void *results, size_t result_size,
                     size_t count, const mproc_async_options_t *options, apr_pool_t *mem);

/**
 * Memory that the workers share, for arrays of map.
 *
 * Each is a segment of its own, which all workers map: take it for arrays, not for small things.
 * In a worker it lies at another address, so that pointers into it mean nothing there.
 *
 * @param memory  set to @a size bytes, all 0, at the beginning of a page
 * @param size    bytes, at least 1
 *
 * @return APR_SUCCESS     it is there until mproc_pool_free(), or the end of the pool's memory
 * @return APR_ENOMEM      it is larger than the memory there is
 * @return MPROC_ECLOSED   the pool was closed or terminated
 * @return the initializer's status, or another  the pool broke, see mproc_pool_join()
 * @return MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_alloc(void **memory, mproc_pool_t *workers, size_t size);

/**
 * Give memory back, all that one mproc_pool_alloc() gave.
 *
 * @return APR_SUCCESS     it is gone
 * @return MPROC_EINUSE    a map is at work on it, or workers that are being killed still have it
 * @return APR_EINVAL      it is not such memory
 * @return MPROC_EFOREIGN  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_pool_free(mproc_pool_t *workers, void *memory);

/* -- One item after the other ---------------------------------------------------------- */

/**
 * What imap calls for its next item: in the thread that calls mproc_imap_next(), and for the first
 * ones in the one that calls mproc_pool_imap().
 *
 * @param item  to be filled
 * @param data  `source_data` of the options
 *
 * @return APR_SUCCESS  @a item is filled
 * @return APR_EOF      there are no more
 * @return another      it comes out of mproc_imap_next() at its place, and there are no more
 */
typedef apr_status_t mproc_source_fn(void *item, void *data);

/** How imap is to go on.  Begin with MPROC_IMAP_OPTIONS. */
typedef struct mproc_imap_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** Items that a worker takes at a time; of an array at most their number; 0: 1. */
    size_t chunksize;
    /** How many items may be read before their results are fetched; 0: four chunks a worker. */
    size_t buffersize;
    /** Where items come from, instead of from an array: `items` is then NULL, and `count` 0. */
    mproc_source_fn *source;
    /** Given to it. */
    void *source_data;
} mproc_imap_options_t;

/** The initializer of mproc_imap_options_t. */
#define MPROC_IMAP_OPTIONS {sizeof(mproc_imap_options_t), 0, 0, NULL, NULL}

/**
 * Call a target for each item, and hand the results out one after the other, in the order of the
 * items, while later ones are at work.
 *
 * Items are read when mproc_imap_next() is called, and no more than `buffersize` of the options
 * ahead: whoever does not ask for results lets the pool stand still, and never fills memory.
 *
 * @param it           set to the iterator
 * @param target       an item function in the table given to mproc_init()
 * @param items        @a count of them, which must stay until the iterator has come to its end
 * @param item_size    bytes of an item, at least 1
 * @param result_size  bytes of a result; may be 0
 * @param options      NULL for the defaults
 * @param mem          the iterator lives until this is destroyed
 *
 * @return as mproc_pool_map_async()
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_imap(mproc_imap_t **it, mproc_pool_t *workers, mproc_item_fn *target, const void *items,
                size_t item_size, size_t result_size, size_t count,
                const mproc_imap_options_t *options, apr_pool_t *mem);

/**
 * The same, in the order in which the results come.
 *
 * @return as mproc_pool_imap()
 */
MPROC_DECLARE(apr_status_t)
mproc_pool_imap_unordered(mproc_imap_t **it, mproc_pool_t *workers, mproc_item_fn *target,
                          const void *items, size_t item_size, size_t result_size, size_t count,
                          const mproc_imap_options_t *options, apr_pool_t *mem);

/**
 * The next result.
 *
 * @param index    set to the item's, from 0, also when the item has failed; may be NULL
 * @param result   filled with it; may be NULL if the size of a result is 0
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS    @a result is the item's
 * @return APR_EOF        there are no more
 * @return APR_TIMEUP     none is there yet
 * @return the target's own, MPROC_EWITHIN, MPROC_EWORKERDIED, MPROC_EOVERTIME  this item has
 *                        failed, as for mproc_result_get(); the next call goes on with the next
 * @return what the source returned  all results before were handed out; the next call says APR_EOF
 * @return MPROC_ETERMINATED, or what broke the pool  and so will each later call
 * @return MPROC_EINUSE   called in a callback of the same pool, and none is there yet
 * @return MPROC_ECLOSED  the pool's memory is gone
 * @return APR_ENOMEM, MPROC_EFOREIGN, APR_EINVAL  see the message
 *
 * Threads: one at a time.
 */
MPROC_DECLARE(apr_status_t)
mproc_imap_next(mproc_imap_t *it, size_t *index, void *result, apr_interval_time_t timeout);

/**
 * Be done with an iterator before its memory is destroyed: what is not done is cancelled, and the
 * iterator may not be used any more.
 */
MPROC_DECLARE(void) mproc_imap_close(mproc_imap_t *it);

/* -- Seeing how it goes ------------------------------------------------------------------ */

/**
 * For `progress` of the options: draws a bar with the rate and the time left on stderr if that is a
 * terminal, else prints a line every few seconds.
 *
 * The environment variable MPROC_PROGRESS says otherwise: "bar", "lines", or "none".
 *
 * @param data  `progress_data`: NULL, or a text (`const char *`) that stands before the bar
 */
MPROC_DECLARE(void) mproc_progress_bar(const mproc_progress_t *progress, void *data);

MPROC_END_C

#ifndef __cplusplus

/* A target of another kind is a compile error, where C alone would only warn; void * is NULL. */
#define MPROC__TASK(target) _Generic((target), mproc_target_fn *: (target), void *: (target))
#define MPROC__ITEM(target) _Generic((target), mproc_item_fn *: (target), void *: (target))

/*
 * So is an array of pointers where the compiler can tell; arrays of arrays are items, and decay.
 * A compound literal with commas wants parentheses around it.
 */
#if defined(__GNUC__)
#define MPROC__FIRST_ITEM(items)                                                                   \
    (*_Generic((items), void *: (const char *)0, const void *: (const char *)0, default: (items)))
#define MPROC__DECAYS(x) (__builtin_classify_type(x) == 5)
#define MPROC__IS_POINTER(x)                                                                       \
    (MPROC__DECAYS(x) &&                                                                           \
     __builtin_types_compatible_p(                                                                 \
         __typeof__(__builtin_choose_expr(MPROC__DECAYS(x), (x), (char *)0)),                      \
         __typeof__(&*__builtin_choose_expr(MPROC__DECAYS(x), (x), (char *)0))))
#define MPROC__ITEMS(items)                                                                        \
    ((void)sizeof(char[MPROC__IS_POINTER(MPROC__FIRST_ITEM(items)) ? -1 : 1]), (items))
#else
#define MPROC__ITEMS(items) (items)
#endif

#define mproc_pool_apply(workers, target, ...)                                                     \
    mproc_pool_apply((workers), MPROC__TASK(target), __VA_ARGS__)
#define mproc_pool_apply_async(result, workers, target, ...)                                       \
    mproc_pool_apply_async((result), (workers), MPROC__TASK(target), __VA_ARGS__)
#define mproc_pool_starmap(result, workers, target, ...)                                           \
    mproc_pool_starmap((result), (workers), MPROC__TASK(target), __VA_ARGS__)
#define mproc_pool_starmap_async(result, workers, target, ...)                                     \
    mproc_pool_starmap_async((result), (workers), MPROC__TASK(target), __VA_ARGS__)
#define mproc_pool_map(workers, target, items, ...)                                                \
    mproc_pool_map((workers), MPROC__ITEM(target), MPROC__ITEMS(items), __VA_ARGS__)
#define mproc_pool_map_async(result, workers, target, items, ...)                                  \
    mproc_pool_map_async((result), (workers), MPROC__ITEM(target), MPROC__ITEMS(items), __VA_ARGS__)
#define mproc_pool_imap(it, workers, target, items, ...)                                           \
    mproc_pool_imap((it), (workers), MPROC__ITEM(target), MPROC__ITEMS(items), __VA_ARGS__)
#define mproc_pool_imap_unordered(it, workers, target, items, ...)                                 \
    mproc_pool_imap_unordered((it), (workers), MPROC__ITEM(target), MPROC__ITEMS(items),           \
                              __VA_ARGS__)

#endif

#endif
