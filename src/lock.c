/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting for a lock between processes, and taking that of a dead one.
 */

#include "lock.h"

#include "spin.h"

#include <mproc/status.h>

/* Of a lock: an owner that runs is done long before, and one that is dead is seen after it. */
#define SLICE apr_time_from_msec(20)

static int try_for_a_while(mproc__lock_t *lock, const mproc__member_t *member)
{
    int round;

    for (round = 0; round < MPROC__SPINS; round++) {
        if (atomic_load_explicit(&lock->owner, memory_order_relaxed) == 0 &&
            mproc__lock_try(lock, member))
            return 1;
        mproc__spin(round);
    }
    return 0;
}

static int is_dead(const mproc__member_t *member, mproc__member_id_t owner)
{
    return owner != 0 && mproc__member_is_dead(member, owner);
}

int mproc__lock_is_abandoned(mproc__lock_t *lock, const mproc__member_t *member)
{
    mproc__member_id_t owner = atomic_load(&lock->owner);

    return owner == 0 || is_dead(member, owner);
}

/* The name has the generation of its place, so nobody else can have come by it meanwhile. */
static int take_from_the_dead(mproc__lock_t *lock, const mproc__member_t *member)
{
    mproc__member_id_t owner = atomic_load(&lock->owner);

    return is_dead(member, owner) &&
           atomic_compare_exchange_strong(&lock->owner, &owner, member->id);
}

static int sleep_and_try(mproc__lock_t *lock, mproc__member_t *member, unsigned event,
                         port_deadline_t deadline)
{
    uint32_t key = mproc__event_prepare(member, event);
    int is_mine = mproc__lock_try(lock, member);

    if (!is_mine)
        mproc__event_park(member, event, key, deadline);
    mproc__event_finish(member, event);
    return is_mine || mproc__lock_try(lock, member);
}

apr_status_t mproc__lock_await(mproc__lock_t *lock, mproc__member_t *member, unsigned event,
                               mproc__patience_t *patience)
{
    port_deadline_t now, moment;

    if (try_for_a_while(lock, member))
        return APR_SUCCESS;
    moment = port_clock() + SLICE;
    do {
        now = port_clock();
        if (sleep_and_try(lock, member, event, now + SLICE))
            return APR_SUCCESS;
        if (take_from_the_dead(lock, member))
            return MPROC_EOWNERDEAD;
    } while (now < moment || !mproc__patience_is_over(patience));
    return APR_TIMEUP;
}

apr_status_t mproc__lock_wait(mproc__lock_t *lock, mproc__member_t *member, unsigned event,
                              mproc__patience_t *patience)
{
    if (mproc__patience_is_over(patience))
        return take_from_the_dead(lock, member) ? MPROC_EOWNERDEAD : APR_TIMEUP;
    if (try_for_a_while(lock, member))
        return APR_SUCCESS;
    do {
        if (sleep_and_try(lock, member, event, mproc__patience_slice(patience)))
            return APR_SUCCESS;
        if (take_from_the_dead(lock, member))
            return MPROC_EOWNERDEAD;
    } while (!mproc__patience_is_over(patience));
    return APR_TIMEUP;
}
