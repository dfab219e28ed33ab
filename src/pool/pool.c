/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools: making them, closing them, and their end.
 */

#include "pool.h"

#include "deadline.h"
#include "program.h"
#include "result.h"
#include "status.h"
#include "targets.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

/* Python's: a pool ends before queues and other things that its workers may need. */
#define EXIT_PRIORITY 15

/* -- The lock, and waiting ------------------------------------------------------------------- */

void mproc__pool_lock(mproc_pool_t *workers)
{
    apr_thread_mutex_lock(workers->lock);
}

void mproc__pool_unlock(mproc_pool_t *workers)
{
    apr_thread_mutex_unlock(workers->lock);
}

void mproc__pool_sleep(mproc_pool_t *workers, port_deadline_t deadline)
{
    apr_uint32_t seen = mproc__engine_results(workers->engine);

    workers->sleepers++;
    mproc__pool_unlock(workers);
    mproc__engine_sleep(workers->engine, seen, deadline);
    mproc__pool_lock(workers);
    workers->sleepers--;
}

unsigned mproc__pool_wanted(mproc_pool_t *workers)
{
    unsigned wanted;

    mproc__pool_lock(workers);
    wanted = workers->wanted;
    mproc__pool_unlock(workers);
    return wanted;
}

void mproc__pool_wake(mproc_pool_t *workers)
{
    mproc__engine_wake(workers->engine, workers->sleepers);
}

apr_status_t mproc__pool_check(const mproc_pool_t *workers)
{
    if (workers == NULL)
        return mproc_error_set(APR_EINVAL, "the pool is NULL");
    if (workers->generation != mproc__program.generation)
        return mproc_error_set(MPROC_EFOREIGN,
                               "the pool is the parent's: a forked child makes its own");
    return APR_SUCCESS;
}

apr_status_t mproc__pool_check_waiting(const mproc_pool_t *workers)
{
    MPROC_TRY(mproc__pool_check(workers));
    return mproc__pool_is_in_callback(workers)
               ? mproc_error_set(MPROC_EINUSE, "a callback cannot wait for its pool, which waits "
                                               "for the callback")
               : APR_SUCCESS;
}

apr_status_t mproc__pool_check_open(const mproc_pool_t *workers)
{
    if (workers->broken != APR_SUCCESS)
        return mproc_error_set(workers->broken, "the pool is broken: %s", workers->broken_words);
    if (workers->state == MPROC__POOL_RUNNING)
        return APR_SUCCESS;
    return mproc_error_set(MPROC_ECLOSED, workers->was_terminated ? "the pool was terminated"
                                                                  : "the pool was closed");
}

/* -- Checking what is asked for ---------------------------------------------------------------- */

static apr_status_t check_times(const mproc_pool_options_t *options)
{
    if (options->soft_timeout < 0 || options->timeout < 0 || options->idle_timeout < 0)
        return mproc_error_set(APR_EINVAL, "soft_timeout, timeout and idle_timeout are microseconds; "
                                           "0 is none, and a negative one nothing");
    if (options->timeout > 0 && options->soft_timeout > options->timeout)
        return mproc_error_set(APR_EINVAL, "soft_timeout is longer than timeout: no task could "
                                           "learn that it is overdue");
    return APR_SUCCESS;
}

static apr_status_t check_options(const mproc_pool_options_t *options)
{
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_POOL_OPTIONS");
    if (options->engine != MPROC_ENGINE_LOCAL)
        return mproc_error_set(APR_EINVAL, "there is no engine %d; MPROC_ENGINE_LOCAL is one",
                               (int)options->engine);
    if (options->initargs != NULL && options->initializer == NULL)
        return mproc_error_set(APR_EINVAL, "there are initargs, but no initializer");
    if (options->min_workers > MPROC_WORKERS_MAX)
        return mproc_error_set(APR_EINVAL, "%u min_workers; a pool has %d workers at most",
                               options->min_workers, MPROC_WORKERS_MAX);
    return check_times(options);
}

static apr_status_t check_size(unsigned *wanted, int processes)
{
    int cpus = mproc_cpu_count();

    if (processes < 0 || processes > MPROC_WORKERS_MAX)
        return mproc_error_set(APR_EINVAL,
                               "a pool of %d workers; it has 1 to %d, and 0 is as many as there are "
                               "CPUs",
                               processes, MPROC_WORKERS_MAX);
    if (processes == 0)
        processes = cpus < MPROC_WORKERS_MAX ? cpus : MPROC_WORKERS_MAX;
    *wanted = (unsigned)processes;
    return APR_SUCCESS;
}

static apr_status_t find_initializer(apr_int64_t *number, const mproc_pool_options_t *options)
{
    apr_uint64_t found;

    *number = -1;
    if (options->initializer == NULL)
        return APR_SUCCESS;
    if (mproc__targets_find(mproc__program.targets, MPROC_KIND_TASK,
                            (void (*)(void))options->initializer, &found) == NULL)
        return mproc_error_set(MPROC_ETARGET,
                               "the initializer is not in the table of targets given to mproc_init");
    *number = (apr_int64_t)found;
    return APR_SUCCESS;
}

/* -- Making one ---------------------------------------------------------------------------------- */

static apr_status_t open_engine(mproc_pool_t *workers)
{
    const mproc_pool_options_t *options = &workers->options;
    mproc__engine_config_t config = {
        .start_method = options->start_method,
        .initargs = options->initargs,
        .maxtasks = options->maxtasksperchild,
        .max_rss = options->max_rss,
        .keeps_time = options->soft_timeout > 0 || options->timeout > 0,
        .soft_timeout = options->soft_timeout,
    };

    MPROC_TRY(find_initializer(&config.initializer, options));
    return mproc__engine_open(&workers->engine, &config, workers->mem);
}

static apr_status_t start_first(mproc_pool_t *workers)
{
    unsigned i;

    for (i = 0; i < workers->wanted; i++) {
        unsigned number = mproc__engine_reserve(workers->engine);

        MPROC_TRY(mproc__engine_start(workers->engine, number));
        mproc__engine_admit(workers->engine, number);
        workers->living++;
    }
    return APR_SUCCESS;
}

static void terminate(mproc_pool_t *workers)
{
    mproc__pool_lock(workers);
    if (workers->state < MPROC__POOL_TERMINATED) {
        workers->state = MPROC__POOL_TERMINATED;
        workers->was_terminated = 1;
        mproc__jobs_fail(workers, MPROC_ETERMINATED, "the pool was terminated");
        mproc__engine_nudge(workers->engine);
    }
    mproc__pool_unlock(workers);
}

/* The thread has ended when it was told to; what it leaves is gone with the pool's memory. */
static void end(mproc_pool_t *workers)
{
    apr_status_t rv;

    if (workers->supervisor == NULL || workers->generation != mproc__program.generation ||
        mproc__pool_is_in_callback(workers))
        return;
    terminate(workers);
    apr_thread_join(&rv, workers->supervisor);
    workers->supervisor = NULL;
}

/* Results and iterators may live in other memory. */
static void forget(mproc_pool_t *workers)
{
    if (workers->lock == NULL)
        return;
    mproc__homes_forget(workers);
    mproc__imaps_forget(workers);
}

static apr_status_t destroy(void *data)
{
    mproc_pool_t *workers = data;

    end(workers);
    if (workers->generation == mproc__program.generation)
        forget(workers);
    return APR_SUCCESS;
}

static void end_at_exit(void *data)
{
    end(data);
}

static apr_status_t start_supervisor(mproc_pool_t *workers)
{
    char text[120];
    apr_status_t rv;

    /* Before its memory goes, which has the engine and the lock in pools of their own. */
    apr_pool_pre_cleanup_register(workers->mem, workers, destroy);
    MPROC_TRY(mproc_at_exit(end_at_exit, workers, EXIT_PRIORITY, workers->mem));
    rv = apr_thread_create(&workers->supervisor, NULL, mproc__pool_supervise, workers,
                           workers->mem);
    return rv == APR_SUCCESS ? rv
                             : mproc_error_set(rv, "cannot start the thread of a pool: %s",
                                               mproc_strerror(rv, text, sizeof text));
}

static apr_status_t set_up(mproc_pool_t *workers)
{
    apr_status_t rv;

    MPROC_TRY(mproc__error_explain(
        apr_thread_mutex_create(&workers->lock, APR_THREAD_MUTEX_DEFAULT, workers->mem),
        "make the lock of a pool"));
    MPROC_TRY(open_engine(workers));
    rv = start_first(workers);
    if (rv == APR_SUCCESS)
        rv = start_supervisor(workers);
    if (rv != APR_SUCCESS)
        mproc__engine_stop(workers->engine);
    return rv;
}

static mproc_pool_t *make(unsigned wanted, const mproc_pool_options_t *options, apr_pool_t *mem)
{
    mproc_pool_t *made = apr_pcalloc(mem, sizeof *made);

    made->mem = mem;
    made->generation = mproc__program.generation;
    made->options = *options;
    made->wanted = wanted;
    made->finished_end = &made->finished;
    if (options->initargs != NULL)
        made->options.initargs = mproc_pack_copy(mem, options->initargs);
    if (options->start_method != NULL)
        made->options.start_method = apr_pstrdup(mem, options->start_method);
    made->next_start = PORT_NOW;
    made->next_idle = made->next_progress = PORT_NEVER;
    return made;
}

apr_status_t mproc_pool_create(mproc_pool_t **workers, int processes,
                               const mproc_pool_options_t *options, apr_pool_t *mem)
{
    static const mproc_pool_options_t by_default = MPROC_POOL_OPTIONS;
    const mproc_pool_options_t *as = options != NULL ? options : &by_default;
    mproc_pool_t *made;
    apr_pool_t *own;
    unsigned wanted = 0;
    apr_status_t rv;

    MPROC_TRY(mproc__program_check());
    if (workers == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the pool or its memory is NULL");
    MPROC_TRY(check_options(as));
    MPROC_TRY(check_size(&wanted, processes));
    if (apr_pool_create(&own, mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for a pool");
    made = make(wanted, as, own);
    rv = set_up(made);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return rv;
    }
    *workers = made;
    return APR_SUCCESS;
}

/* -- Its end --------------------------------------------------------------------------------------- */

static void close_pool(mproc_pool_t *workers)
{
    if (workers->state == MPROC__POOL_RUNNING) {
        workers->state = MPROC__POOL_CLOSED;
        mproc__engine_nudge(workers->engine);
    }
}

apr_status_t mproc_pool_close(mproc_pool_t *workers)
{
    MPROC_TRY(mproc__pool_check(workers));
    mproc__pool_lock(workers);
    close_pool(workers);
    mproc__pool_unlock(workers);
    return APR_SUCCESS;
}

static apr_status_t await_end(mproc_pool_t *workers, port_deadline_t deadline)
{
    while (workers->state != MPROC__POOL_ENDED && deadline != PORT_NOW && port_clock() < deadline)
        mproc__pool_sleep(workers, deadline);
    return workers->state == MPROC__POOL_ENDED
               ? APR_SUCCESS
               : mproc_error_set(APR_TIMEUP, "the pool is still at work");
}

apr_status_t mproc_pool_terminate(mproc_pool_t *workers)
{
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check(workers));
    terminate(workers);
    if (mproc__pool_is_in_callback(workers))
        return APR_SUCCESS;
    mproc__pool_lock(workers);
    rv = await_end(workers, PORT_NEVER);
    mproc__pool_unlock(workers);
    return rv;
}

/* Who waits here may be the one who should go on with the iterator. */
static apr_status_t join(mproc_pool_t *workers, port_deadline_t deadline)
{
    if (workers->reading > 0 && workers->state < MPROC__POOL_TERMINATED)
        return mproc_error_set(MPROC_EINUSE, "an imap has items that were not read yet: go on to its "
                                             "end, or mproc_imap_close() it, and join then");
    close_pool(workers);
    return await_end(workers, deadline);
}

apr_status_t mproc_pool_join(mproc_pool_t *workers, apr_interval_time_t timeout)
{
    port_deadline_t deadline = mproc__deadline(timeout);
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check_waiting(workers));
    mproc__pool_lock(workers);
    rv = join(workers, deadline);
    mproc__pool_unlock(workers);
    MPROC_TRY(rv);
    return workers->broken == APR_SUCCESS
               ? APR_SUCCESS
               : mproc_error_set(workers->broken, "the pool broke: %s", workers->broken_words);
}

/* -- Its workers --------------------------------------------------------------------------------------- */

apr_status_t mproc_pool_resize(mproc_pool_t *workers, int processes)
{
    unsigned wanted = 0;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check(workers));
    MPROC_TRY(check_size(&wanted, processes));
    mproc__pool_lock(workers);
    rv = mproc__pool_check_open(workers);
    if (rv == APR_SUCCESS) {
        workers->wanted = wanted;
        mproc__engine_nudge(workers->engine);
    }
    mproc__pool_unlock(workers);
    return rv;
}

apr_status_t mproc_pool_pids(mproc_pool_t *workers, apr_int64_t *pids, size_t max, size_t *count)
{
    size_t found = 0;
    unsigned i;

    MPROC_TRY(mproc__pool_check(workers));
    if (count == NULL || (pids == NULL && max > 0))
        return mproc_error_set(APR_EINVAL, "the list or the variable for its length is NULL");
    mproc__pool_lock(workers);
    for (i = 1; i <= mproc__engine_most(workers->engine); i++) {
        apr_int64_t pid = mproc__engine_pid(workers->engine, i);

        if (pid != 0 && found++ < max)
            pids[found - 1] = pid;
    }
    mproc__pool_unlock(workers);
    *count = found;
    return APR_SUCCESS;
}

/* -- Memory ---------------------------------------------------------------------------------------------- */

apr_status_t mproc_pool_alloc(void **memory, mproc_pool_t *workers, size_t size)
{
    mproc__memory_t *made;
    apr_status_t rv;

    MPROC_TRY(mproc__pool_check(workers));
    if (memory == NULL || size == 0)
        return mproc_error_set(APR_EINVAL, "the variable for the memory is NULL, or its size 0");
    mproc__pool_lock(workers);
    rv = mproc__pool_check_open(workers);
    mproc__pool_unlock(workers);
    if (rv != APR_SUCCESS)
        return rv;
    MPROC_TRY(mproc__memory_create(&made, workers->engine, size));
    made->is_the_users = 1;
    made->users = 0;
    mproc__pool_lock(workers);
    mproc__memory_announce(workers->engine, made);
    mproc__pool_unlock(workers);
    *memory = made->data;
    return APR_SUCCESS;
}

apr_status_t mproc_pool_free(mproc_pool_t *workers, void *memory)
{
    mproc__memory_t *found;
    apr_status_t rv = APR_SUCCESS;

    MPROC_TRY(mproc__pool_check(workers));
    mproc__pool_lock(workers);
    found = mproc__memory_find(workers->engine, memory, 0);
    if (found == NULL || found->data != memory)
        rv = mproc_error_set(APR_EINVAL, "this is not memory of mproc_pool_alloc");
    else if (found->users > 0)
        rv = mproc_error_set(MPROC_EINUSE, "a map is at work on this memory");
    else
        mproc__memory_drop(workers->engine, found);
    mproc__pool_unlock(workers);
    return rv;
}
