/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Conditions.
 *
 * A number grows by each notify, and who waits sleeps until it is another.  So a notify waits for
 * nobody, and one that a killed process has swallowed is seen by the others when they look again.
 */

#include "change.h"
#include "event_objects.h"
#include "failpoint.h"
#include "program.h"
#include "thread_number.h"
#include "values.h"

#include <mproc/status.h>

#include <limits.h>

/* Where they sleep. */
enum { LOCK, NOTIFIED };

/* In the segment. */
typedef struct state_t {
    mproc__lock_t lock;
    _Alignas(MPROC__APART) _Atomic apr_uint64_t notifies;
} state_t;

struct mproc_condition_t {
    mproc__shared_object_t object;
    _Atomic apr_uint64_t holder; /* the thread of this process that has the lock; or 0 */
    unsigned depth;              /* how often it has acquired it; its own */
};

static const mproc__shared_kind_t kind = {MPROC_TYPE_CONDITION, "the condition", sizeof(state_t)};

static state_t *state_of(const mproc_condition_t *condition)
{
    return condition->object.state;
}

static apr_status_t refuse(const mproc_condition_t *condition)
{
    return mproc__shared_object_refuse((const mproc__shared_object_t *)condition, &kind);
}

/* Only this thread can make it true, or untrue. */
static int is_held(mproc_condition_t *condition)
{
    return atomic_load_explicit(&condition->holder, memory_order_relaxed) == mproc__this_thread();
}

static apr_status_t refuse_unless_held(mproc_condition_t *condition)
{
    MPROC_TRY(refuse(condition));
    return is_held(condition)
               ? APR_SUCCESS
               : mproc_error_set(MPROC_ENOTOWNER, "this thread has not acquired the condition");
}

apr_status_t mproc_condition_create(mproc_condition_t **condition,
                                    const mproc_condition_options_t *options, apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    unsigned processes;

    if (condition == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the condition or its memory is NULL");
    MPROC_TRY(mproc__shared_options_read(&processes, options, "MPROC_CONDITION_OPTIONS"));
    MPROC_TRY(
        mproc__shared_object_create(&made, &kind, sizeof(mproc_condition_t), 0, processes, mem));
    *condition = (mproc_condition_t *)made;
    return APR_SUCCESS;
}

/* -- Its lock ------------------------------------------------------------------------ */

static apr_status_t wait_for_lock(mproc_condition_t *condition, mproc__patience_t *patience)
{
    apr_status_t rv;

    atomic_fetch_add(&condition->object.waiters, 1);
    rv = mproc__lock_wait(&state_of(condition)->lock, &condition->object.member, LOCK, patience);
    atomic_fetch_sub(&condition->object.waiters, 1);
    return rv;
}

static void notify(mproc_condition_t *condition, unsigned most)
{
    mproc__failpoint();
    atomic_fetch_add(&state_of(condition)->notifies, 1);
    mproc__failpoint();
    /* The addition takes the place of a fence before this look; see release() in mutex.c. */
    if (atomic_load(&condition->object.member.members->sleepers) == 0)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    mproc__event_wake(&condition->object.member, NOTIFIED, most);
}

/*
 * The one who died may have been about to notify: who takes over does it for him, as the others see
 * no dead one any more.
 */
static apr_status_t lock(mproc_condition_t *condition, mproc__patience_t *patience)
{
    apr_status_t rv = APR_SUCCESS;

    if (!mproc__lock_try(&state_of(condition)->lock, &condition->object.member))
        rv = wait_for_lock(condition, patience);
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "the condition was not released in time");
    mproc__failpoint();
    atomic_store_explicit(&condition->holder, mproc__this_thread(), memory_order_relaxed);
    condition->depth = 1;
    if (rv != MPROC_EOWNERDEAD)
        return rv;
    notify(condition, UINT_MAX);
    return mproc_error_set(rv, "the condition is held now; the process that held it has died, "
                               "and what it guards may be half done");
}

static void unlock(mproc_condition_t *condition)
{
    atomic_store_explicit(&condition->holder, 0, memory_order_relaxed);
    mproc__inner_lock_release(&condition->object, &state_of(condition)->lock, LOCK);
}

apr_status_t mproc_condition_acquire(mproc_condition_t *condition, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);

    MPROC_TRY(refuse(condition));
    if (!is_held(condition))
        return lock(condition, &patience);
    condition->depth++;
    return APR_SUCCESS;
}

apr_status_t mproc_condition_release(mproc_condition_t *condition)
{
    MPROC_TRY(refuse_unless_held(condition));
    if (--condition->depth == 0)
        unlock(condition);
    return APR_SUCCESS;
}

/* -- Waiting and notifying ------------------------------------------------------------ */

/* Nobody else may ever look: those who could notify died with it. */
static int has_died_with_lock(const mproc_condition_t *condition)
{
    mproc__member_id_t owner = atomic_load(&state_of(condition)->lock.owner);

    return owner != 0 && owner != condition->object.member.id &&
           mproc__member_is_dead(&condition->object.member, owner);
}

static apr_status_t sleep_until_notified(mproc_condition_t *condition, apr_uint64_t seen,
                                         mproc__patience_t *patience)
{
    _Atomic apr_uint64_t *notifies = &state_of(condition)->notifies;

    if (mproc__change_hope(notifies, seen))
        return APR_SUCCESS;
    while (atomic_load(notifies) == seen) {
        if (mproc__patience_is_over(patience))
            return APR_TIMEUP;
        mproc__change_sleep(&condition->object, NOTIFIED, notifies, seen, patience);
        if (atomic_load(notifies) == seen && has_died_with_lock(condition))
            break;
    }
    return APR_SUCCESS;
}

/* A notify that comes when the lock is free is seen: its number was read before. */
static apr_status_t sleep_without_lock(mproc_condition_t *condition, mproc__patience_t *patience)
{
    mproc__patience_t endless = mproc__patience(MPROC_FOREVER);
    apr_uint64_t seen = atomic_load(&state_of(condition)->notifies);
    unsigned depth = condition->depth;
    apr_status_t rv, locked;

    atomic_fetch_add(&condition->object.waiters, 1);
    unlock(condition);
    rv = sleep_until_notified(condition, seen, patience);
    locked = lock(condition, &endless);
    condition->depth = depth;
    atomic_fetch_sub(&condition->object.waiters, 1);
    return locked != APR_SUCCESS ? locked : rv;
}

static apr_status_t time_is_up(void)
{
    return mproc_error_set(APR_TIMEUP, "the condition was not notified in time");
}

apr_status_t mproc_condition_wait(mproc_condition_t *condition, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;

    MPROC_TRY(refuse_unless_held(condition));
    rv = sleep_without_lock(condition, &patience);
    return APR_STATUS_IS_TIMEUP(rv) ? time_is_up() : rv;
}

apr_status_t mproc_condition_wait_for(mproc_condition_t *condition, mproc_predicate_fn *predicate,
                                      void *context, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv = APR_SUCCESS;

    MPROC_TRY(refuse_unless_held(condition));
    if (predicate == NULL)
        return mproc_error_set(APR_EINVAL, "the predicate is NULL");
    while (!predicate(context)) {
        if (APR_STATUS_IS_TIMEUP(rv))
            return mproc_error_set(rv, "what was waited for did not become true in time");
        rv = sleep_without_lock(condition, &patience);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(rv))
            return rv;
        if (mproc__patience_is_over(&patience)) /* however often it was notified meanwhile */
            rv = APR_TIMEUP;
    }
    return APR_SUCCESS;
}

apr_status_t mproc_condition_notify(mproc_condition_t *condition, unsigned n)
{
    MPROC_TRY(refuse_unless_held(condition));
    if (n == 0)
        return mproc_error_set(APR_EINVAL, "a notify of 0 wakes nobody; 1 is usual");
    notify(condition, n);
    return APR_SUCCESS;
}

apr_status_t mproc_condition_notify_all(mproc_condition_t *condition)
{
    MPROC_TRY(refuse_unless_held(condition));
    notify(condition, UINT_MAX);
    return APR_SUCCESS;
}

apr_status_t mproc_condition_close(mproc_condition_t *condition)
{
    if (condition == NULL)
        return mproc_error_set(APR_EINVAL, "the condition is NULL");
    if (condition->object.generation == mproc__program.generation &&
        atomic_load(&condition->holder) != 0)
        return mproc_error_set(MPROC_EINUSE, "the condition is held by a thread of this process");
    return mproc__shared_object_close(&condition->object);
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    return mproc__shared_object_share(object, &kind, shared);
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;

    MPROC_TRY(mproc__shared_object_adopt(&made, &kind, sizeof(mproc_condition_t), shared, mem));
    *object = made;
    return APR_SUCCESS;
}

void mproc__condition_register(void)
{
    static const mproc__object_kind_t travelling = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_CONDITION, &travelling);
}
