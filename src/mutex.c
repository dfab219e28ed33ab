/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, plain and recursive.
 *
 * Only a thread that holds one writes its own name as the holder, and it takes it away before it
 * releases the word.  So who finds its own name there holds it, however the rest is ordered.
 */

#include "mutex.h"

#include "failpoint.h"
#include "thread_number.h"
#include "values.h"

#include <mproc/status.h>

static const mproc__shared_kind_t kind = {MPROC_TYPE_LOCK, "the lock",
                                          sizeof(mproc__mutex_state_t)};

static apr_status_t check(const mproc_lock_t *lock)
{
    return lock != NULL && lock->shared.segment != NULL &&
                   lock->shared.generation == mproc__program.generation
               ? APR_SUCCESS
               : mproc__shared_object_refuse(lock != NULL ? &lock->shared : NULL, &kind);
}

static mproc__lock_t *word_of(const mproc_lock_t *lock)
{
    return &((mproc__mutex_state_t *)lock->shared.state)->lock;
}

static int is_held_here(const mproc_lock_t *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == mproc__this_thread();
}

/* Whether it is a lock by itself: APR_SUCCESS, or a status and a message. */
static apr_status_t check_whole(const mproc_lock_t *lock, apr_status_t status)
{
    return lock->shared.kind == &kind
               ? APR_SUCCESS
               : mproc_error_set(status,
                                 "this lock is part of %s, and is closed and given away with it",
                                 lock->shared.kind->name);
}

/* -- Making and closing -------------------------------------------------------------- */

static apr_status_t create(mproc_lock_t **lock, int is_recursive,
                           const mproc_lock_options_t *options, apr_pool_t *mem)
{
    static const mproc_lock_options_t by_default = MPROC_LOCK_OPTIONS;
    const mproc_lock_options_t *wanted = options != NULL ? options : &by_default;
    mproc__shared_object_t *made;
    mproc_lock_t *whole;

    if (lock == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the lock or its memory is NULL");
    if (wanted->size != sizeof *wanted)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_LOCK_OPTIONS");
    MPROC_TRY(mproc__shared_object_create(&made, &kind, sizeof **lock, 0, wanted->processes, mem));
    whole = (mproc_lock_t *)(void *)made;
    whole->is_recursive = is_recursive;
    ((mproc__mutex_state_t *)made->state)->is_recursive = (uint32_t)is_recursive;
    *lock = whole;
    return APR_SUCCESS;
}

apr_status_t mproc_lock_create(mproc_lock_t **lock, const mproc_lock_options_t *options,
                               apr_pool_t *mem)
{
    return create(lock, 0, options, mem);
}

apr_status_t mproc_rlock_create(mproc_lock_t **lock, const mproc_lock_options_t *options,
                                apr_pool_t *mem)
{
    return create(lock, 1, options, mem);
}

int mproc__mutex_is_held(const mproc_lock_t *lock)
{
    return atomic_load(&word_of(lock)->owner) == lock->shared.member.id;
}

apr_status_t mproc_lock_close(mproc_lock_t *lock)
{
    if (lock == NULL)
        return mproc_error_set(APR_EINVAL, "the lock is NULL");
    MPROC_TRY(check_whole(lock, APR_EINVAL));
    if (check(lock) == APR_SUCCESS && mproc__mutex_is_held(lock))
        return mproc_error_set(MPROC_EINUSE, "this process holds the lock");
    return mproc__shared_object_close(&lock->shared);
}

/* -- Acquiring and releasing ----------------------------------------------------------- */

static void hold(mproc_lock_t *lock)
{
    atomic_store_explicit(&lock->holder, mproc__this_thread(), memory_order_relaxed);
    lock->depth = 1;
}

static apr_status_t await(mproc_lock_t *lock, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;

    atomic_fetch_add(&lock->shared.waiters, 1);
    rv = mproc__lock_wait(word_of(lock), &lock->shared.member, MPROC__FREED, &patience);
    atomic_fetch_sub(&lock->shared.waiters, 1);
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "the lock was not free in time");
    hold(lock);
    if (rv == MPROC_EOWNERDEAD)
        return mproc_error_set(rv, "the lock is held now, and its last owner died with it: what it "
                                   "guards may be half changed");
    return rv;
}

/* The lock is not free; it may be this thread that has it. */
static apr_status_t acquire_again(mproc_lock_t *lock, apr_interval_time_t timeout)
{
    if (!is_held_here(lock))
        return await(lock, timeout);
    if (lock->is_recursive) {
        lock->depth++;
        return APR_SUCCESS;
    }
    if (timeout == MPROC_FOREVER)
        return mproc_error_set(MPROC_EDEADLOCK, "this thread holds the lock, and would wait for "
                                                "itself for ever; mproc_rlock_create() makes one "
                                                "that can be acquired again");
    return await(lock, timeout);
}

apr_status_t mproc_lock_acquire(mproc_lock_t *lock, apr_interval_time_t timeout)
{
    MPROC_TRY(check(lock));
    if (!mproc__lock_try(word_of(lock), &lock->shared.member))
        return acquire_again(lock, timeout);
    mproc__failpoint();
    hold(lock);
    return APR_SUCCESS;
}

/* After the lock is free: a fence is only needed where somebody sleeps at all, at any event. */
static void tell(mproc__member_t *member)
{
    atomic_thread_fence(memory_order_seq_cst);
    mproc__event_notify(member, MPROC__FREED);
}

/*
 * The exchange is the release, and takes the place of the fence behind it: it and the look at who
 * sleeps are in the one order of all such, as is who goes to sleep, and then looks at the lock.
 */
static void release(mproc_lock_t *lock)
{
    mproc__member_t *member = &lock->shared.member;

    mproc__failpoint();
    (void)atomic_exchange(&word_of(lock)->owner, 0);
    mproc__failpoint();
    if (atomic_load(&member->members->sleepers) != 0)
        tell(member);
}

apr_status_t mproc_lock_release(mproc_lock_t *lock)
{
    MPROC_TRY(check(lock));
    if (!is_held_here(lock))
        return mproc_error_set(MPROC_ENOTOWNER, "this thread does not hold the lock");
    if (--lock->depth > 0)
        return APR_SUCCESS;
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    if (atomic_load_explicit(&word_of(lock)->owner, memory_order_relaxed) != lock->shared.member.id)
        return mproc_error_set(MPROC_ECORRUPT, "another process has damaged the lock: it does not "
                                               "belong to who holds it");
    release(lock);
    return APR_SUCCESS;
}

int mproc_lock_locked(mproc_lock_t *lock)
{
    return check(lock) == APR_SUCCESS && atomic_load(&word_of(lock)->owner) != 0;
}

apr_status_t mproc_lock_call(mproc_lock_t *lock, apr_interval_time_t timeout,
                             mproc_locked_fn *function, void *context)
{
    apr_status_t acquired, rv;

    if (function == NULL)
        return mproc_error_set(APR_EINVAL, "there is no function to call");
    acquired = mproc_lock_acquire(lock, timeout);
    if (acquired != APR_SUCCESS && acquired != MPROC_EOWNERDEAD)
        return acquired;
    rv = function(acquired, context);
    if (rv == APR_SUCCESS)
        return mproc_lock_release(lock);
    /* The last words are to be the function's, even if it has released the lock itself. */
    if (is_held_here(lock))
        (void)mproc_lock_release(lock);
    return rv;
}

/* -- Travelling ----------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    MPROC_TRY(check_whole(object, MPROC_ENOTSHAREABLE));
    return mproc__shared_object_share(object, &kind, shared);
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    mproc_lock_t *lock;

    MPROC_TRY(mproc__shared_object_adopt(&made, &kind, sizeof *lock, shared, mem));
    lock = (mproc_lock_t *)(void *)made;
    lock->is_recursive = ((mproc__mutex_state_t *)made->state)->is_recursive != 0;
    *object = lock;
    return APR_SUCCESS;
}

void mproc__mutex_register(void)
{
    static const mproc__object_kind_t object_kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_LOCK, &object_kind);
}
