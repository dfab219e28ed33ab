/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Semaphores, plain and bounded.
 *
 * Each change is one store to the limit or to the units of a member, from which the rest follows.
 * Two are made where a bounded semaphore is released once too often, in an order in which the death
 * of who makes them has the effect of both.
 */

#include "semaphore_object.h"

#include "failpoint.h"
#include "spin.h"
#include "values.h"

#include <mproc/status.h>

/* Tries in a row of who sees units that others take; then some process may be stopped, or dead. */
#define HOPES 100

static const mproc__shared_kind_t kind = {MPROC_TYPE_SEMAPHORE, "the semaphore",
                                          sizeof(mproc__semaphore_state_t)};

static apr_status_t damaged(void)
{
    return mproc_error_set(MPROC_ECORRUPT, "another process has damaged the semaphore");
}

static apr_status_t check(const mproc_semaphore_t *semaphore)
{
    if (semaphore == NULL || semaphore->shared.segment == NULL ||
        semaphore->shared.generation != mproc__program.generation)
        return mproc__shared_object_refuse(semaphore != NULL ? &semaphore->shared : NULL, &kind);
    return semaphore->state != NULL ? APR_SUCCESS : damaged();
}

/* -- Counting, under the lock ------------------------------------------------------------ */

static apr_uint64_t get(const _Atomic apr_uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

/* In order, as who is killed has changed what lies before it in the program, and nothing behind. */
static void set(_Atomic apr_uint64_t *number, apr_uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_release);
    mproc__failpoint();
}

/* Of one that lives; more than there can be, if they are damaged. */
static apr_uint64_t count_units(const mproc__member_t *member, mproc__units_t *units)
{
    apr_uint64_t count = get(&units->count);

    if (count == 0)
        return 0;
    if (get(&units->owner) != member->id && mproc__member_is_dead(member, get(&units->owner))) {
        set(&units->count, 0);
        return 0;
    }
    return count < MPROC_SEMAPHORE_MAX ? count : MPROC_SEMAPHORE_MAX;
}

/*
 * Who is dead has nothing any more.  Of a bounded semaphore somebody else may have given it back
 * before: it does not come twice.
 */
static void count_again(const mproc_semaphore_t *semaphore)
{
    mproc__semaphore_state_t *state = semaphore->state;
    const mproc__member_t *member = &semaphore->shared.member;
    apr_uint64_t in_use = 0, limit = get(&state->limit);
    unsigned place;

    for (place = 0; place < member->nplaces; place++)
        in_use += count_units(member, &state->units[place]);
    if (limit > in_use + semaphore->bound) {
        limit = in_use + semaphore->bound;
        set(&state->limit, limit);
    }
    set(&state->available, limit > in_use ? limit - in_use : 0);
}

/* The units of this member; those of who had its place before are nobody's. */
static mproc__units_t *own_units(const mproc_semaphore_t *semaphore)
{
    const mproc__member_t *member = &semaphore->shared.member;
    mproc__units_t *units = &semaphore->state->units[member->place];

    if (get(&units->owner) == member->id)
        return units;
    if (get(&units->count) > 0) {
        set(&units->count, 0);
        count_again(semaphore);
    }
    set(&units->owner, member->id);
    return units;
}

static apr_status_t take(const mproc_semaphore_t *semaphore)
{
    mproc__semaphore_state_t *state = semaphore->state;
    mproc__units_t *units = own_units(semaphore);
    apr_uint64_t available = get(&state->available);

    if (available > semaphore->bound)
        return MPROC_ECORRUPT;
    if (available == 0)
        return APR_EAGAIN;
    set(&units->count, get(&units->count) + 1);
    set(&state->available, available - 1);
    return APR_SUCCESS;
}

/* Another has given back what this member has, so there is one less of all. */
static apr_status_t refuse(mproc__semaphore_state_t *state, mproc__units_t *units)
{
    if (get(&units->count) == 0)
        return MPROC_EOVERRELEASE;
    set(&state->limit, get(&state->limit) - 1);
    set(&units->count, get(&units->count) - 1);
    return MPROC_EOVERRELEASE;
}

static apr_status_t give(const mproc_semaphore_t *semaphore)
{
    mproc__semaphore_state_t *state = semaphore->state;
    mproc__units_t *units = own_units(semaphore);
    apr_uint64_t available = get(&state->available);

    if (available > semaphore->bound)
        return MPROC_ECORRUPT;
    if (available == semaphore->bound)
        return refuse(state, units);
    if (get(&units->count) > 0)
        set(&units->count, get(&units->count) - 1);
    else
        set(&state->limit, get(&state->limit) + 1);
    set(&state->available, available + 1);
    return APR_SUCCESS;
}

/* -- The lock ------------------------------------------------------------------------------ */

static apr_status_t lock(mproc_semaphore_t *semaphore, mproc__patience_t *patience)
{
    mproc__semaphore_state_t *state = semaphore->state;
    apr_status_t rv = mproc__lock_acquire(&state->lock, &semaphore->shared.member,
                                          MPROC__SEMAPHORE_FREED, patience);

    mproc__failpoint();
    if (rv != MPROC_EOWNERDEAD)
        return rv;
    count_again(semaphore);
    return APR_SUCCESS;
}

/* Who has taken a unit wakes the next one, if there are more: of several wakes at once one is sent. */
static void unlock(mproc_semaphore_t *semaphore)
{
    mproc__semaphore_state_t *state = semaphore->state;
    mproc__member_t *member = &semaphore->shared.member;

    mproc__failpoint();
    mproc__lock_release(&state->lock);
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    if (!mproc__members_sleep(member))
        return;
    mproc__event_notify(member, MPROC__SEMAPHORE_FREED);
    if (get(&state->available) > 0)
        mproc__event_notify(member, MPROC__UNITS);
}

static apr_status_t failed(apr_status_t rv)
{
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "the semaphore had no unit left in time");
    if (rv == MPROC_EOVERRELEASE)
        return mproc_error_set(rv, "the semaphore was released more often than it was acquired");
    return rv == MPROC_ECORRUPT ? damaged() : rv;
}

/* -- Acquiring and releasing ------------------------------------------------------------------ */

/* APR_EAGAIN: there is none. */
static apr_status_t try_once(mproc_semaphore_t *semaphore, mproc__patience_t *patience)
{
    apr_status_t rv;

    MPROC_TRY(lock(semaphore, patience));
    rv = take(semaphore);
    unlock(semaphore);
    return rv;
}

/* The same, with what the dead have. */
static apr_status_t try_all(mproc_semaphore_t *semaphore, mproc__patience_t *patience)
{
    apr_status_t rv;

    MPROC_TRY(lock(semaphore, patience));
    if (get(&semaphore->state->available) == 0)
        count_again(semaphore);
    rv = take(semaphore);
    unlock(semaphore);
    return rv;
}

static void spin(const mproc_semaphore_t *semaphore)
{
    int round;

    for (round = 0; round < MPROC__SPINS && get(&semaphore->state->available) == 0; round++)
        mproc__spin(round);
}

/*
 * As long as units come and go, another moment costs less than the look at who is dead, which comes
 * before a sleep.
 */
static apr_status_t hope(mproc_semaphore_t *semaphore, mproc__patience_t *patience)
{
    apr_status_t rv = APR_EAGAIN;
    int round;

    for (round = 0; round < HOPES && APR_STATUS_IS_EAGAIN(rv); round++) {
        spin(semaphore);
        if (get(&semaphore->state->available) == 0)
            break;
        rv = try_once(semaphore, patience);
    }
    return rv;
}

static void sleep_for_a_slice(mproc_semaphore_t *semaphore, mproc__patience_t *patience)
{
    mproc__member_t *member = &semaphore->shared.member;
    uint32_t key = mproc__event_prepare(member, MPROC__UNITS);

    if (atomic_load(&semaphore->state->available) == 0)
        mproc__event_park(member, MPROC__UNITS, key, mproc__patience_slice(patience));
    mproc__event_finish(member, MPROC__UNITS);
}

static apr_status_t await(mproc_semaphore_t *semaphore, mproc__patience_t *patience)
{
    apr_status_t rv;

    for (;;) {
        rv = mproc__patience_is_over(patience) ? APR_EAGAIN : hope(semaphore, patience);
        if (APR_STATUS_IS_EAGAIN(rv))
            rv = try_all(semaphore, patience);
        if (!APR_STATUS_IS_EAGAIN(rv))
            return rv;
        if (mproc__patience_is_over(patience))
            return APR_TIMEUP;
        sleep_for_a_slice(semaphore, patience);
    }
}

apr_status_t mproc_semaphore_acquire(mproc_semaphore_t *semaphore, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;

    MPROC_TRY(check(semaphore));
    rv = try_once(semaphore, &patience);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        atomic_fetch_add(&semaphore->shared.waiters, 1);
        rv = await(semaphore, &patience);
        atomic_fetch_sub(&semaphore->shared.waiters, 1);
    }
    return failed(rv);
}

/* It is never given up for want of time: the lock is held for a moment only. */
apr_status_t mproc_semaphore_release(mproc_semaphore_t *semaphore)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    apr_status_t rv;

    MPROC_TRY(check(semaphore));
    MPROC_TRY(lock(semaphore, &patience));
    rv = give(semaphore);
    unlock(semaphore);
    return failed(rv);
}

apr_status_t mproc_semaphore_get_value(mproc_semaphore_t *semaphore, unsigned *value)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    apr_uint64_t available;

    MPROC_TRY(check(semaphore));
    if (value == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the value is NULL");
    MPROC_TRY(lock(semaphore, &patience));
    count_again(semaphore);
    available = get(&semaphore->state->available);
    unlock(semaphore);
    if (available > semaphore->bound)
        return failed(MPROC_ECORRUPT);
    *value = (unsigned)available;
    return APR_SUCCESS;
}

/* -- Making and closing ------------------------------------------------------------------------ */

static apr_status_t check_creation(mproc_semaphore_t **semaphore, unsigned value,
                                   const mproc_semaphore_options_t *options, const apr_pool_t *mem)
{
    if (semaphore == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the semaphore or its memory is NULL");
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_SEMAPHORE_OPTIONS");
    if (value > MPROC_SEMAPHORE_MAX)
        return mproc_error_set(APR_EINVAL, "a semaphore of %u units; %u are the most", value,
                               MPROC_SEMAPHORE_MAX);
    return APR_SUCCESS;
}

static size_t units_size(unsigned nplaces)
{
    return nplaces * sizeof(mproc__units_t);
}

static apr_status_t create(mproc_semaphore_t **semaphore, unsigned value, unsigned bound,
                           const mproc_semaphore_options_t *options, apr_pool_t *mem)
{
    static const mproc_semaphore_options_t by_default = MPROC_SEMAPHORE_OPTIONS;
    const mproc_semaphore_options_t *wanted = options != NULL ? options : &by_default;
    mproc__shared_object_t *made;
    mproc_semaphore_t *whole;

    MPROC_TRY(check_creation(semaphore, value, wanted, mem));
    MPROC_TRY(mproc__shared_object_create(&made, &kind, sizeof *whole,
                                          units_size(wanted->processes), wanted->processes, mem));
    whole = (mproc_semaphore_t *)(void *)made;
    whole->state = made->state;
    whole->state->bound = whole->bound = bound;
    atomic_store(&whole->state->limit, value);
    atomic_store(&whole->state->available, value);
    *semaphore = whole;
    return APR_SUCCESS;
}

apr_status_t mproc_semaphore_create(mproc_semaphore_t **semaphore, unsigned value,
                                    const mproc_semaphore_options_t *options, apr_pool_t *mem)
{
    return create(semaphore, value, MPROC_SEMAPHORE_MAX, options, mem);
}

apr_status_t mproc_bounded_semaphore_create(mproc_semaphore_t **semaphore, unsigned value,
                                            const mproc_semaphore_options_t *options,
                                            apr_pool_t *mem)
{
    return create(semaphore, value, value, options, mem);
}

/* Now, and not when somebody finds out that this member has left. */
static void give_all_back(mproc_semaphore_t *semaphore)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);

    if (lock(semaphore, &patience) != APR_SUCCESS)
        return;
    set(&own_units(semaphore)->count, 0);
    count_again(semaphore);
    unlock(semaphore);
}

apr_status_t mproc_semaphore_close(mproc_semaphore_t *semaphore)
{
    if (semaphore == NULL)
        return mproc_error_set(APR_EINVAL, "the semaphore is NULL");
    if (check(semaphore) == APR_SUCCESS && atomic_load(&semaphore->shared.waiters) == 0)
        give_all_back(semaphore);
    return mproc__shared_object_close(&semaphore->shared);
}

/* -- Travelling ----------------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    return mproc__shared_object_share(object, &kind, shared);
}

/* What is too small for its places, or has no sensible bound, is never touched. */
static void look(mproc_semaphore_t *semaphore)
{
    mproc__semaphore_state_t *state = semaphore->shared.state;
    size_t size = units_size(semaphore->shared.member.nplaces);

    semaphore->bound = state->bound;
    if (semaphore->shared.state_size - sizeof *state >= size &&
        semaphore->bound <= MPROC_SEMAPHORE_MAX)
        semaphore->state = state;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    mproc_semaphore_t *semaphore;

    MPROC_TRY(mproc__shared_object_adopt(&made, &kind, sizeof *semaphore, shared, mem));
    semaphore = (mproc_semaphore_t *)(void *)made;
    look(semaphore);
    *object = semaphore;
    return APR_SUCCESS;
}

void mproc__semaphore_register(void)
{
    static const mproc__object_kind_t object_kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_SEMAPHORE, &object_kind);
}
