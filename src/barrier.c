/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Barriers.
 *
 * A round lasts until all have come, or until it ends otherwise; its number is stored last, and who
 * waits for another number then reads how his round has ended.  All else is under the lock.
 *
 * Who waits looks, each time he wakes, whether he lives who came before him; the first one looks
 * after the last.  So whoever dies is missed, if one is left.
 */

#include "change.h"
#include "event_objects.h"
#include "failpoint.h"
#include "values.h"

#include <mproc/status.h>

/* Where they sleep; those of two rounds that follow each other do not take each other's wakes. */
enum { LOCK, ROUND };

/* Of so many of the rounds that ended badly the numbers are kept, for who hears late of his own. */
#define BAD_ENDS 16

typedef enum phase_t {
    FILLING,
    ACTING, /* all have come, and the last one does what he came with */
    BROKEN
} phase_t;

/* In the segment. */
typedef struct state_t {
    mproc__lock_t lock;
    _Alignas(MPROC__APART) _Atomic apr_uint64_t round;
    _Atomic apr_uint64_t bad[BAD_ENDS];   /* the last rounds that ended badly, counted from 1 */
    _Atomic uint32_t n_bad;               /* how many there have been */
    _Atomic uint32_t phase;               /* a phase_t */
    _Atomic uint32_t count;               /* of those who have come */
    _Atomic mproc__member_id_t arrived[]; /* whose they are */
} state_t;

struct mproc_barrier_t {
    mproc__shared_object_t object;
};

/* One who has come. */
typedef struct arrival_t {
    apr_uint64_t round;
    uint32_t index;
    int is_last;
} arrival_t;

static const mproc__shared_kind_t kind = {MPROC_TYPE_BARRIER, "the barrier", sizeof(state_t)};

static state_t *state_of(const mproc_barrier_t *barrier)
{
    return barrier->object.state;
}

/* Nobody can change the size that the segment's header had. */
static size_t parties_of(const mproc_barrier_t *barrier)
{
    return (barrier->object.state_size - sizeof(state_t)) / sizeof(mproc__member_id_t);
}

static unsigned event_of(apr_uint64_t round)
{
    return ROUND + (unsigned)(round % 2);
}

static apr_status_t refuse(const mproc_barrier_t *barrier)
{
    return mproc__shared_object_refuse((const mproc__shared_object_t *)barrier, &kind);
}

apr_status_t mproc_barrier_create(mproc_barrier_t **barrier, unsigned parties,
                                  const mproc_barrier_options_t *options, apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    unsigned processes;

    if (barrier == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the barrier or its memory is NULL");
    if (parties == 0 || parties > MPROC_BARRIER_MAX)
        return mproc_error_set(APR_EINVAL, "a barrier for %u parties; it is for 1 to %d", parties,
                               MPROC_BARRIER_MAX);
    MPROC_TRY(mproc__shared_options_read(&processes, options, "MPROC_BARRIER_OPTIONS"));
    MPROC_TRY(mproc__shared_object_create(&made, &kind, sizeof(mproc_barrier_t),
                                          parties * sizeof(mproc__member_id_t), processes, mem));
    *barrier = (mproc_barrier_t *)made;
    return APR_SUCCESS;
}

/* -- Rounds, under the lock ----------------------------------------------------------- */

static void note_bad_end(state_t *state, apr_uint64_t round)
{
    uint32_t n_bad = atomic_load(&state->n_bad);

    atomic_store(&state->bad[n_bad % BAD_ENDS], round + 1);
    mproc__failpoint();
    atomic_store(&state->n_bad, n_bad + 1);
    mproc__failpoint();
}

/* Who dies on the way leaves a round that is ended once more, and badly. */
static void end_round(mproc_barrier_t *barrier, int is_bad, phase_t next)
{
    state_t *state = state_of(barrier);
    apr_uint64_t round = atomic_load(&state->round);

    if (is_bad)
        note_bad_end(state, round);
    atomic_store(&state->phase, next);
    mproc__failpoint();
    atomic_store(&state->count, 0);
    mproc__failpoint();
    atomic_store(&state->round, round + 1);
    mproc__change_tell(&barrier->object, event_of(round));
}

static void break_it(mproc_barrier_t *barrier)
{
    if (atomic_load(&state_of(barrier)->phase) != BROKEN)
        end_round(barrier, 1, BROKEN);
}

/* Who died with the lock was in a call on the barrier, and is missed. */
static void lock(mproc_barrier_t *barrier)
{
    if (mproc__inner_lock_acquire(&barrier->object, &state_of(barrier)->lock, LOCK) ==
        MPROC_EOWNERDEAD)
        end_round(barrier, 1, BROKEN);
}

static void unlock(mproc_barrier_t *barrier)
{
    mproc__inner_lock_release(&barrier->object, &state_of(barrier)->lock, LOCK);
}

static int is_dead(const mproc_barrier_t *barrier, mproc__member_id_t id)
{
    return id != barrier->object.member.id && mproc__member_is_dead(&barrier->object.member, id);
}

static void look_after_neighbour(mproc_barrier_t *barrier, const arrival_t *arrival)
{
    state_t *state = state_of(barrier);
    uint32_t count = atomic_load(&state->count);
    uint32_t neighbour = arrival->index > 0 ? arrival->index - 1 : count - 1;

    if (atomic_load(&state->round) == arrival->round && count > 0 && neighbour < count &&
        neighbour < parties_of(barrier) &&
        is_dead(barrier, atomic_load(&state->arrived[neighbour])))
        end_round(barrier, 1, BROKEN);
}

/* Nobody is missing any more, and what the last one does takes as long as it takes. */
static int is_full(const mproc_barrier_t *barrier)
{
    const state_t *state = state_of(barrier);

    return atomic_load(&state->phase) == ACTING &&
           atomic_load(&state->count) == parties_of(barrier);
}

static apr_status_t arrive(mproc_barrier_t *barrier, arrival_t *arrival, int acts)
{
    state_t *state = state_of(barrier);
    uint32_t count = atomic_load(&state->count);

    arrival->round = atomic_load(&state->round);
    arrival->index = 0;
    if (atomic_load(&state->phase) == BROKEN)
        return MPROC_EBROKEN;
    if (is_full(barrier))
        return APR_EAGAIN;
    if (atomic_load(&state->phase) == ACTING || count >= parties_of(barrier))
        return MPROC_ECORRUPT;
    atomic_store(&state->arrived[count], barrier->object.member.id);
    mproc__failpoint();
    atomic_store(&state->count, count + 1);
    mproc__failpoint();
    arrival->index = count;
    arrival->is_last = count + 1 == parties_of(barrier);
    if (arrival->is_last && acts)
        atomic_store(&state->phase, ACTING);
    else if (arrival->is_last)
        end_round(barrier, 0, FILLING);
    return APR_SUCCESS;
}

/* -- Waiting --------------------------------------------------------------------------- */

/* A round that is older than all bad ones that are known may have been one of them. */
static apr_status_t look_for_end(const mproc_barrier_t *barrier, apr_uint64_t round)
{
    int i, n_later = 0;

    for (i = 0; i < BAD_ENDS; i++) {
        apr_uint64_t bad = atomic_load(&state_of(barrier)->bad[i]);
        if (bad == round + 1)
            return MPROC_EBROKEN;
        n_later += bad > round + 1;
        mproc__failpoint();
    }
    return n_later == BAD_ENDS ? MPROC_EBROKEN : APR_SUCCESS;
}

/* However late.  What others have written over in the middle of the look is looked for again. */
static apr_status_t how_it_ended(mproc_barrier_t *barrier, apr_uint64_t round)
{
    uint32_t n_bad = atomic_load(&state_of(barrier)->n_bad);
    apr_status_t rv = look_for_end(barrier, round);

    if (rv != APR_SUCCESS || atomic_load(&state_of(barrier)->n_bad) == n_bad)
        return rv;
    lock(barrier);
    rv = look_for_end(barrier, round);
    unlock(barrier);
    return rv;
}

/* Who has no more patience ends the round, unless all have come. */
static void look_around(mproc_barrier_t *barrier, const arrival_t *arrival, int is_over)
{
    lock(barrier);
    if (is_over && atomic_load(&state_of(barrier)->round) == arrival->round && !is_full(barrier))
        end_round(barrier, 1, BROKEN); /* whatever the phase is said to be */
    else
        look_after_neighbour(barrier, arrival);
    unlock(barrier);
}

/* Until the round has ended. */
static apr_status_t await_end(mproc_barrier_t *barrier, const arrival_t *arrival,
                              mproc__patience_t *patience)
{
    mproc__patience_t endless = mproc__patience(MPROC_FOREVER);
    _Atomic apr_uint64_t *round = &state_of(barrier)->round;

    mproc__change_hope(round, arrival->round);
    while (atomic_load(round) == arrival->round) {
        int is_over = mproc__patience_is_over(patience);
        if (!is_over || is_full(barrier))
            mproc__change_sleep(&barrier->object, event_of(arrival->round), round, arrival->round,
                                is_over ? &endless : patience);
        if (atomic_load(round) == arrival->round)
            look_around(barrier, arrival, is_over);
    }
    return how_it_ended(barrier, arrival->round);
}

/* The last to come; what he does may have taken so long that the round has ended. */
static apr_status_t act(mproc_barrier_t *barrier, const arrival_t *arrival,
                        mproc_barrier_action_fn *action, void *context)
{
    apr_status_t rv = action(context);

    lock(barrier);
    if (atomic_load(&state_of(barrier)->round) == arrival->round)
        end_round(barrier, rv != APR_SUCCESS, rv != APR_SUCCESS ? BROKEN : FILLING);
    unlock(barrier);
    return rv != APR_SUCCESS ? rv : how_it_ended(barrier, arrival->round);
}

/*
 * More than are wanted may come while the last of a round acts: they are of the next one, and their
 * time begins with it.
 */
static apr_status_t come(mproc_barrier_t *barrier, arrival_t *arrival, int acts)
{
    mproc__patience_t endless = mproc__patience(MPROC_FOREVER);
    apr_status_t rv;

    for (;;) {
        lock(barrier);
        rv = arrive(barrier, arrival, acts);
        unlock(barrier);
        if (!APR_STATUS_IS_EAGAIN(rv))
            return rv;
        (void)await_end(barrier, arrival, &endless);
    }
}

static apr_status_t pass(mproc_barrier_t *barrier, mproc_barrier_action_fn *action, void *context,
                         arrival_t *arrival, mproc__patience_t *patience)
{
    MPROC_TRY(come(barrier, arrival, action != NULL));
    if (!arrival->is_last)
        return await_end(barrier, arrival, patience);
    return action != NULL ? act(barrier, arrival, action, context) : APR_SUCCESS;
}

static apr_status_t explain(apr_status_t rv)
{
    if (rv == MPROC_EBROKEN)
        return mproc_error_set(rv, "the barrier is broken: somebody has waited for too long, has "
                                   "failed or died, or has given up");
    if (rv == MPROC_ECORRUPT)
        return mproc_error_set(rv, "another process has damaged the barrier");
    return rv;
}

apr_status_t mproc_barrier_wait_with(mproc_barrier_t *barrier, mproc_barrier_action_fn *action,
                                     void *context, unsigned *index, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    arrival_t arrival = {0, 0, 0};
    apr_status_t rv;

    MPROC_TRY(refuse(barrier));
    atomic_fetch_add(&barrier->object.waiters, 1);
    rv = pass(barrier, action, context, &arrival, &patience);
    atomic_fetch_sub(&barrier->object.waiters, 1);
    if (rv == APR_SUCCESS && index != NULL)
        *index = arrival.index;
    return explain(rv);
}

apr_status_t mproc_barrier_wait(mproc_barrier_t *barrier, unsigned *index,
                                apr_interval_time_t timeout)
{
    return mproc_barrier_wait_with(barrier, NULL, NULL, index, timeout);
}

/* -- Its state --------------------------------------------------------------------------- */

apr_status_t mproc_barrier_abort(mproc_barrier_t *barrier)
{
    MPROC_TRY(refuse(barrier));
    lock(barrier);
    break_it(barrier);
    unlock(barrier);
    return APR_SUCCESS;
}

apr_status_t mproc_barrier_reset(mproc_barrier_t *barrier)
{
    MPROC_TRY(refuse(barrier));
    lock(barrier);
    if (atomic_load(&state_of(barrier)->count) > 0)
        end_round(barrier, 1, FILLING);
    atomic_store(&state_of(barrier)->phase, FILLING);
    unlock(barrier);
    return APR_SUCCESS;
}

unsigned mproc_barrier_parties(mproc_barrier_t *barrier)
{
    return refuse(barrier) == APR_SUCCESS ? (unsigned)parties_of(barrier) : 0;
}

unsigned mproc_barrier_n_waiting(mproc_barrier_t *barrier)
{
    return refuse(barrier) == APR_SUCCESS ? atomic_load(&state_of(barrier)->count) : 0;
}

int mproc_barrier_broken(mproc_barrier_t *barrier)
{
    return refuse(barrier) != APR_SUCCESS || atomic_load(&state_of(barrier)->phase) == BROKEN;
}

apr_status_t mproc_barrier_close(mproc_barrier_t *barrier)
{
    if (barrier == NULL)
        return mproc_error_set(APR_EINVAL, "the barrier is NULL");
    return mproc__shared_object_close(&barrier->object);
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    return mproc__shared_object_share(object, &kind, shared);
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;

    MPROC_TRY(mproc__shared_object_adopt(&made, &kind, sizeof(mproc_barrier_t), shared, mem));
    *object = made;
    return APR_SUCCESS;
}

void mproc__barrier_register(void)
{
    static const mproc__object_kind_t travelling = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_BARRIER, &travelling);
}
