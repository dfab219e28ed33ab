/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks for readers and writers.
 *
 * Who holds it is written down: the writer by his name, and of each process how many of its threads
 * read.  So what the dead hold can be told, and taken back.
 *
 * A writer says that he is the next, and then looks whether anybody reads; a reader says that he
 * reads, and then looks whether somebody writes or is the next.  So one of both sees the other.
 * Where nobody writes, readers touch no line but that of their own process; all else is done under
 * an inner lock.
 */

#include "change.h"
#include "event_objects.h"
#include "failpoint.h"
#include "program.h"
#include "thread_number.h"
#include "values.h"

#include <mproc/status.h>

/* Where they sleep. */
enum { LOCK, TURN };

/* For so long readers leave a free lock to the next writer; who has not taken it then is stopped. */
#define A_CHANCE (5 * MPROC__SLICE_MIN)

/* What one process reads, at its place; its id is changed under the lock. */
typedef struct hold_t {
    _Alignas(MPROC__APART) _Atomic mproc__member_id_t id; /* of those who have or had the place */
    _Atomic uint32_t count; /* also, for a moment, of who finds that he may not read */
} hold_t;

/* In the segment; changed under the lock, but for what the writer himself lets go, and for `turn`. */
typedef struct state_t {
    mproc__lock_t lock;
    _Alignas(MPROC__APART) _Atomic apr_uint64_t turn; /* another when somebody else may have it */
    _Atomic mproc__member_id_t writer;
    _Atomic mproc__member_id_t next; /* a writer who wants it */
    _Atomic uint32_t places;         /* all holds lie in so many */
    hold_t holds[];
} state_t;

struct mproc_rwlock_t {
    mproc__shared_object_t object;
    _Atomic apr_uint64_t writer; /* the thread of this process that writes; or 0 */
};

static const mproc__shared_kind_t kind = {MPROC_TYPE_RWLOCK, "the rwlock", sizeof(state_t)};

static state_t *state_of(const mproc_rwlock_t *rwlock)
{
    return rwlock->object.state;
}

static hold_t *own_hold(const mproc_rwlock_t *rwlock)
{
    return &state_of(rwlock)->holds[rwlock->object.member.place];
}

static size_t count_holds(const mproc_rwlock_t *rwlock)
{
    return (rwlock->object.state_size - sizeof(state_t)) / sizeof(hold_t);
}

static int is_writer(mproc_rwlock_t *rwlock)
{
    return atomic_load_explicit(&rwlock->writer, memory_order_relaxed) == mproc__this_thread();
}

static apr_status_t refuse(const mproc_rwlock_t *rwlock)
{
    MPROC_TRY(mproc__shared_object_refuse((const mproc__shared_object_t *)rwlock, &kind));
    return rwlock->object.member.nplaces <= count_holds(rwlock)
               ? APR_SUCCESS
               : mproc_error_set(MPROC_ECORRUPT, "the rwlock arrived damaged");
}

apr_status_t mproc_rwlock_create(mproc_rwlock_t **rwlock, const mproc_rwlock_options_t *options,
                                 apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    unsigned processes;

    if (rwlock == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the rwlock or its memory is NULL");
    MPROC_TRY(mproc__shared_options_read(&processes, options, "MPROC_RWLOCK_OPTIONS"));
    MPROC_TRY(mproc__shared_object_create(&made, &kind, sizeof(mproc_rwlock_t),
                                          processes * sizeof(hold_t), processes, mem));
    *rwlock = (mproc_rwlock_t *)made;
    return APR_SUCCESS;
}

/* -- The inner lock ------------------------------------------------------------------- */

static int is_dead(const mproc_rwlock_t *rwlock, mproc__member_id_t id)
{
    return id != 0 && id != rwlock->object.member.id &&
           mproc__member_is_dead(&rwlock->object.member, id);
}

static void change_turn(mproc_rwlock_t *rwlock)
{
    mproc__failpoint();
    atomic_fetch_add(&state_of(rwlock)->turn, 1);
    mproc__change_tell(&rwlock->object, TURN);
}

/* What a dead owner has done of it is whole at every instant. */
static void lock(mproc_rwlock_t *rwlock)
{
    (void)mproc__inner_lock_acquire(&rwlock->object, &state_of(rwlock)->lock, LOCK);
}

static void unlock(mproc_rwlock_t *rwlock)
{
    mproc__inner_lock_release(&rwlock->object, &state_of(rwlock)->lock, LOCK);
}

/* -- Having it, under the inner lock ---------------------------------------------------- */

/* The hold of this process; that of who had its place before is nobody's. */
static void make_own_hold(const mproc_rwlock_t *rwlock)
{
    const mproc__member_t *member = &rwlock->object.member;
    state_t *state = state_of(rwlock);
    hold_t *hold = own_hold(rwlock);

    if (atomic_load(&hold->id) == member->id)
        return;
    atomic_store(&hold->count, 0);
    mproc__failpoint();
    if (atomic_load(&state->places) <= member->place)
        atomic_store(&state->places, member->place + 1);
    mproc__failpoint();
    atomic_store(&hold->id, member->id);
    mproc__failpoint();
}

/* Whether anybody reads; who is thorough takes back what the dead held. */
static int is_read(const mproc_rwlock_t *rwlock, int is_thorough)
{
    state_t *state = state_of(rwlock);
    uint32_t places = atomic_load(&state->places), place;
    int is_read = 0;

    for (place = 0; place < places && place < rwlock->object.member.nplaces; place++) {
        hold_t *hold = &state->holds[place];
        if (atomic_load(&hold->count) == 0)
            continue;
        if (is_thorough && is_dead(rwlock, atomic_load(&hold->id)))
            atomic_store(&hold->count, 0);
        else
            is_read = 1;
    }
    mproc__failpoint();
    return is_read;
}

/* What a reader who waits has seen: who was next when the lock was free, and until when it is left to him. */
typedef struct chance_t {
    mproc__member_id_t next;
    port_deadline_t end;
} chance_t;

/* Where nobody writes: whether the next writer leaves it free.  When others have read, he has time again. */
static int has_missed_chance(const mproc_rwlock_t *rwlock, mproc__member_id_t next,
                             chance_t *chance)
{
    if (is_read(rwlock, 1))
        chance->next = 0;
    else if (chance->next == next)
        return port_clock() >= chance->end;
    else
        *chance = (chance_t){next, port_clock() + A_CHANCE};
    return 0;
}

static int is_written(const mproc_rwlock_t *rwlock, mproc__member_id_t writer, chance_t *chance)
{
    if (writer == 0 || (chance != NULL && is_dead(rwlock, writer)))
        return 0;
    if (chance != NULL)
        chance->next = 0;
    return 1;
}

/*
 * APR_EAGAIN while another has it; who has waited asks whether that one lives, and whether the next
 * writer moves.  A dead writer's name stays until there is another: no reader could make whole what
 * he has left.
 */
static apr_status_t try_to_read(mproc_rwlock_t *rwlock, chance_t *chance)
{
    state_t *state = state_of(rwlock);
    mproc__member_id_t next = atomic_load(&state->next), writer = atomic_load(&state->writer);

    if (is_written(rwlock, writer, chance))
        return APR_EAGAIN;
    if (next != 0 &&
        (chance == NULL || (!is_dead(rwlock, next) && !has_missed_chance(rwlock, next, chance))))
        return APR_EAGAIN;
    make_own_hold(rwlock);
    atomic_fetch_add(&own_hold(rwlock)->count, 1);
    mproc__failpoint();
    if (next != 0) { /* who waits to write must say again that he is next */
        atomic_store(&state->next, 0);
        change_turn(rwlock);
    }
    return writer == 0 ? APR_SUCCESS : MPROC_EOWNERDEAD;
}

/*
 * Who is next is said before the look at who reads.  The writer is known before nobody is next: readers
 * look in the other order.
 */
static apr_status_t try_to_write(mproc_rwlock_t *rwlock, chance_t *chance)
{
    state_t *state = state_of(rwlock);
    mproc__member_id_t writer = atomic_load(&state->writer), own = rwlock->object.member.id;
    mproc__member_id_t next = atomic_load(&state->next);
    int is_thorough = chance != NULL;

    if (next == 0 || (is_thorough && is_dead(rwlock, next)))
        atomic_store(&state->next, next = own);
    mproc__failpoint();
    if (is_written(rwlock, writer, chance) || is_read(rwlock, is_thorough))
        return APR_EAGAIN;
    atomic_store_explicit(&state->writer, own, memory_order_release);
    mproc__failpoint();
    if (next == own)
        atomic_store_explicit(&state->next, 0, memory_order_release);
    mproc__failpoint();
    atomic_store_explicit(&rwlock->writer, mproc__this_thread(), memory_order_relaxed);
    return writer == 0 ? APR_SUCCESS : MPROC_EOWNERDEAD;
}

/* -- Readers, where nobody writes ---------------------------------------------------------- */

/* One thread of this process reads no more: whether one did.  The last of all lets the next writer in. */
static int stop_reading(mproc_rwlock_t *rwlock)
{
    hold_t *hold = own_hold(rwlock);
    uint32_t count = atomic_load(&hold->count);

    if (atomic_load(&hold->id) != rwlock->object.member.id)
        return 0;
    do
        if (count == 0)
            return 0;
    while (!atomic_compare_exchange_weak(&hold->count, &count, count - 1));
    mproc__failpoint();
    if (atomic_load(&state_of(rwlock)->next) != 0 && !is_read(rwlock, 0))
        change_turn(rwlock);
    return 1;
}

static int is_read_at_once(mproc_rwlock_t *rwlock)
{
    state_t *state = state_of(rwlock);
    hold_t *hold = own_hold(rwlock);

    if (atomic_load_explicit(&hold->id, memory_order_relaxed) != rwlock->object.member.id)
        return 0;
    atomic_fetch_add(&hold->count, 1);
    mproc__failpoint();
    if (atomic_load(&state->next) == 0 && atomic_load(&state->writer) == 0)
        return 1;
    stop_reading(rwlock);
    return 0;
}

/* -- Acquiring -------------------------------------------------------------------------- */

/* `chance` is NULL for the first look. */
typedef apr_status_t try_fn(mproc_rwlock_t *rwlock, chance_t *chance);

static apr_status_t look(mproc_rwlock_t *rwlock, try_fn *attempt, chance_t *chance)
{
    apr_status_t rv;

    lock(rwlock);
    rv = attempt(rwlock, chance);
    unlock(rwlock);
    return rv;
}

/* Other threads of this process that wait say again that they are next when they look. */
static void give_up(mproc_rwlock_t *rwlock)
{
    lock(rwlock);
    if (atomic_load(&state_of(rwlock)->next) == rwlock->object.member.id)
        atomic_store(&state_of(rwlock)->next, 0);
    unlock(rwlock);
    change_turn(rwlock);
}

static apr_status_t await(mproc_rwlock_t *rwlock, try_fn *attempt, mproc__patience_t *patience)
{
    _Atomic apr_uint64_t *turn = &state_of(rwlock)->turn;
    chance_t chance = {0, PORT_NOW};

    mproc__change_hope(turn, atomic_load(turn));
    for (;;) {
        apr_uint64_t seen = atomic_load(turn);
        apr_status_t rv = look(rwlock, attempt, &chance);
        if (!APR_STATUS_IS_EAGAIN(rv))
            return rv;
        if (mproc__patience_is_over(patience))
            return APR_TIMEUP;
        mproc__change_sleep(&rwlock->object, TURN, turn, seen, patience);
    }
}

static apr_status_t explain(apr_status_t rv)
{
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "the rwlock was not released in time");
    if (rv == MPROC_EOWNERDEAD)
        return mproc_error_set(rv, "the rwlock is held now; the process that wrote under it has "
                                   "died, and what it guards may be half done");
    return rv;
}

static apr_status_t acquire(mproc_rwlock_t *rwlock, try_fn *attempt, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;

    MPROC_TRY(refuse(rwlock));
    if (is_writer(rwlock))
        return mproc_error_set(MPROC_EDEADLOCK,
                               "this thread holds the rwlock for writing, and would "
                               "wait for itself");
    if (attempt == try_to_read && is_read_at_once(rwlock))
        return APR_SUCCESS;
    rv = look(rwlock, attempt, NULL);
    if (APR_STATUS_IS_EAGAIN(rv)) {
        atomic_fetch_add(&rwlock->object.waiters, 1);
        rv = await(rwlock, attempt, &patience);
        if (APR_STATUS_IS_TIMEUP(rv) && attempt == try_to_write)
            give_up(rwlock);
        atomic_fetch_sub(&rwlock->object.waiters, 1);
    }
    return explain(rv);
}

apr_status_t mproc_rwlock_acquire_read(mproc_rwlock_t *rwlock, apr_interval_time_t timeout)
{
    return acquire(rwlock, try_to_read, timeout);
}

apr_status_t mproc_rwlock_acquire_write(mproc_rwlock_t *rwlock, apr_interval_time_t timeout)
{
    return acquire(rwlock, try_to_write, timeout);
}

/* -- Releasing -------------------------------------------------------------------------- */

static apr_status_t release_write(mproc_rwlock_t *rwlock)
{
    atomic_store_explicit(&rwlock->writer, 0, memory_order_relaxed);
    atomic_store(&state_of(rwlock)->writer, 0);
    change_turn(rwlock);
    return APR_SUCCESS;
}

static apr_status_t release_read(mproc_rwlock_t *rwlock)
{
    return stop_reading(rwlock)
               ? APR_SUCCESS
               : mproc_error_set(MPROC_ENOTOWNER, "this process has not acquired the rwlock");
}

apr_status_t mproc_rwlock_release(mproc_rwlock_t *rwlock)
{
    MPROC_TRY(refuse(rwlock));
    return is_writer(rwlock) ? release_write(rwlock) : release_read(rwlock);
}

/* Whether a thread of this process holds it. */
static int is_held(mproc_rwlock_t *rwlock)
{
    const hold_t *hold = own_hold(rwlock);

    return atomic_load(&rwlock->writer) != 0 ||
           (atomic_load(&hold->id) == rwlock->object.member.id && atomic_load(&hold->count) > 0);
}

apr_status_t mproc_rwlock_close(mproc_rwlock_t *rwlock)
{
    if (rwlock == NULL)
        return mproc_error_set(APR_EINVAL, "the rwlock is NULL");
    if (rwlock->object.segment != NULL && rwlock->object.generation == mproc__program.generation &&
        rwlock->object.member.nplaces <= count_holds(rwlock) && is_held(rwlock))
        return mproc_error_set(MPROC_EINUSE, "the rwlock is held in this process");
    return mproc__shared_object_close(&rwlock->object);
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    return mproc__shared_object_share(object, &kind, shared);
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;

    MPROC_TRY(mproc__shared_object_adopt(&made, &kind, sizeof(mproc_rwlock_t), shared, mem));
    *object = made;
    return APR_SUCCESS;
}

void mproc__rwlock_register(void)
{
    static const mproc__object_kind_t travelling = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_RWLOCK, &travelling);
}
