/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counting tasks.
 */

#include "tasks.h"

#include <mproc/status.h>

/* In order, as who is killed has changed what lies before it in the program, and nothing behind. */
static void set(_Atomic apr_uint64_t *number, apr_uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_release);
    mproc__failpoint();
}

static uint32_t lost_of(const mproc__task_counts_t *counts)
{
    return (uint32_t)(atomic_load(&counts->settled) >> 32);
}

/* What is left of so many that were taken; damage may have made it less than none. */
static int32_t left_of(const mproc__task_counts_t *counts, uint32_t taken)
{
    return (int32_t)(taken - (uint32_t)atomic_load(&counts->settled));
}

/* Places that were ever in use. */
static unsigned count_places(const mproc__ring_view_t *view)
{
    apr_uint64_t known = (apr_uint64_t)atomic_load(&view->member.members->words) * 64;

    return known < view->member.nplaces ? (unsigned)known : view->member.nplaces;
}

/* -- Settling ----------------------------------------------------------------------- */

/* Add to both halves of what is settled, each modulo 2^32. */
static apr_uint64_t add(apr_uint64_t settled, uint32_t tasks, uint32_t lost)
{
    return (apr_uint64_t)((uint32_t)(settled >> 32) + lost) << 32 | ((uint32_t)settled + tasks);
}

/* One of those that were taken is done, if there is one left. */
static int finish(mproc__task_counts_t *counts, uint32_t taken)
{
    apr_uint64_t settled = atomic_load(&counts->settled);

    do
        if ((int32_t)(taken - (uint32_t)settled) <= 0)
            return 0;
    while (!atomic_compare_exchange_weak(&counts->settled, &settled, add(settled, 1, 0)));
    return 1;
}

/* What is left of a dead one's is lost; by whom it is done from now on, is done in vain. */
static void lose(mproc__task_counts_t *counts, uint32_t taken)
{
    apr_uint64_t settled = atomic_load(&counts->settled);
    int32_t left;

    do
        left = (int32_t)(taken - (uint32_t)settled);
    while (left != 0 && !atomic_compare_exchange_weak(
                            &counts->settled, &settled,
                            add(settled, (uint32_t)left, left > 0 ? (uint32_t)left : 0)));
    mproc__failpoint();
}

/* Under the getters' lock, and with claims settled: what was taken, without what was not got yet. */
static uint32_t count_taken(const mproc__ring_view_t *view, const mproc__task_counts_t *counts)
{
    apr_uint64_t claim = atomic_load(&counts->claim);

    return (uint32_t)atomic_load(mproc__ring_is_claim_ahead(view, claim) ? &counts->before
                                                                         : &counts->taken);
}

static int is_gone(const mproc__ring_view_t *view, const mproc__task_counts_t *counts)
{
    mproc__member_id_t owner = atomic_load(&counts->owner);

    return owner != view->member.id && (owner == 0 || mproc__member_is_dead(&view->member, owner));
}

/* -- Taking, under the getters' lock ------------------------------------------------- */

/* Who had the place before is gone, and what it left is lost. */
static void take_over(mproc__ring_view_t *view, mproc__task_counts_t *counts)
{
    lose(counts, count_taken(view, counts));
    set(&counts->former, lost_of(counts));
    set(&counts->owner, view->member.id);
}

/* The claim is changed while both numbers are the same, so that either says what is true. */
void mproc__tasks_take(mproc__ring_view_t *view, apr_uint64_t claim, size_t count)
{
    mproc__task_counts_t *mine = &view->tasks->counts[view->member.place];
    apr_uint64_t taken;

    if (atomic_load_explicit(&mine->owner, memory_order_relaxed) != view->member.id)
        take_over(view, mine);
    taken = atomic_load_explicit(&mine->taken, memory_order_relaxed);
    set(&mine->before, taken);
    set(&mine->claim, claim);
    set(&mine->taken, taken + count);
}

void mproc__tasks_settle_claims(mproc__ring_view_t *view)
{
    unsigned place;

    for (place = 0; place < count_places(view); place++) {
        mproc__task_counts_t *counts = &view->tasks->counts[place];

        if (!mproc__ring_is_claim_ahead(view, atomic_load(&counts->claim)))
            continue;
        set(&counts->taken, atomic_load(&counts->before));
        set(&counts->claim, 0);
    }
}

int mproc__tasks_are_done(const mproc__ring_view_t *view, unsigned place)
{
    const mproc__task_counts_t *counts = &view->tasks->counts[place];

    return left_of(counts, count_taken(view, counts)) <= 0 &&
           lost_of(counts) == (uint32_t)atomic_load(&counts->former);
}

/* -- Counting ------------------------------------------------------------------------ */

/* Who has the getters' lock writes down that the dead ones' are lost from now on. */
static void count_places_tasks(mproc__ring_view_t *view, mproc__task_sums_t *sums, int is_locked)
{
    unsigned place, places = count_places(view);

    sums->taken = sums->lost = 0;
    for (place = 0; place < places; place++) {
        mproc__task_counts_t *counts = &view->tasks->counts[place];
        uint32_t taken = count_taken(view, counts);
        int32_t left = left_of(counts, taken);

        int is_lost = left > 0 && is_gone(view, counts);

        if (is_lost && is_locked)
            lose(counts, taken);
        else if (is_lost)
            sums->lost += (uint32_t)left;
        else if (left > 0)
            sums->taken += (size_t)left;
        sums->lost += lost_of(counts);
    }
}

/*
 * Under the getters' lock.  The queue is looked at last: who does a task may put others before it is
 * done.  Nothing is got meanwhile, so that where nothing is found, there was nothing at that moment.
 */
static apr_status_t count_all(mproc__ring_view_t *view, mproc__task_sums_t *sums)
{
    mproc__stream_end(view);
    count_places_tasks(view, sums, 1);
    return mproc__ring_count(view, &sums->queued);
}

apr_status_t mproc__tasks_count(mproc__ring_view_t *view, mproc__task_sums_t *sums,
                                mproc__patience_t *patience)
{
    apr_status_t rv;

    MPROC_TRY(mproc__ring_lock_getting(view, patience));
    rv = count_all(view, sums);
    mproc__ring_unlock_getting(view);
    return rv;
}

apr_status_t mproc__tasks_look(mproc__ring_view_t *view, mproc__task_sums_t *sums)
{
    count_places_tasks(view, sums, 0);
    return mproc__ring_count(view, &sums->queued);
}

/* Without a lock: whether none is left, as it seems. */
static int seem_done(const mproc__ring_view_t *view)
{
    unsigned place, places = count_places(view);
    size_t queued;

    for (place = 0; place < places; place++) {
        const mproc__task_counts_t *counts = &view->tasks->counts[place];

        if (left_of(counts, (uint32_t)atomic_load(&counts->taken)) > 0)
            return 0;
    }
    return mproc__ring_count(view, &queued) != APR_SUCCESS || queued == 0;
}

/* -- Done ---------------------------------------------------------------------------- */

/* Putters who sleep in the same park may take a wake that is for who joins: they are woken, too. */
void mproc__tasks_tell(mproc__ring_view_t *view)
{
    atomic_thread_fence(memory_order_seq_cst);
    mproc__failpoint();
    if (!mproc__members_sleep(&view->member) ||
        !mproc__event_has_sleepers(&view->member, MPROC__JOINED) || !seem_done(view))
        return;
    mproc__event_broadcast(&view->member, MPROC__JOINED);
    mproc__failpoint();
    mproc__event_broadcast(&view->member, MPROC__PUTTING);
}

/* Another's: of the living ones, or else of those who are gone. */
static int finish_anothers(mproc__ring_view_t *view, int of_the_gone)
{
    unsigned place, places = count_places(view);

    for (place = 0; place < places; place++) {
        mproc__task_counts_t *counts = &view->tasks->counts[place];
        uint32_t taken = count_taken(view, counts);

        if (left_of(counts, taken) > 0 && is_gone(view, counts) == of_the_gone &&
            finish(counts, taken))
            return 1;
    }
    return 0;
}

static mproc__task_counts_t *counts_of_own(const mproc__ring_view_t *view)
{
    return &view->tasks->counts[view->member.place];
}

/* Without what a thread of this process gets just now: it may yet be given up by its putter. */
static uint32_t count_own(const mproc__ring_view_t *view)
{
    const mproc__task_counts_t *own = counts_of_own(view);
    uint32_t taken = (uint32_t)atomic_load(&own->taken);

    return atomic_load(&view->ring->getting.owner) == view->member.id
               ? (uint32_t)atomic_load(&own->before)
               : taken;
}

static int finish_own(const mproc__ring_view_t *view, uint32_t taken)
{
    mproc__task_counts_t *own = counts_of_own(view);

    return atomic_load_explicit(&own->owner, memory_order_relaxed) == view->member.id &&
           finish(own, taken);
}

static apr_status_t finish_any(mproc__ring_view_t *view)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    int is_done;

    MPROC_TRY(mproc__ring_lock_getting(view, &patience));
    mproc__stream_end(view);
    is_done = finish_own(view, count_taken(view, counts_of_own(view))) ||
              finish_anothers(view, 0) || finish_anothers(view, 1);
    mproc__ring_unlock_getting(view);
    return is_done ? APR_SUCCESS : MPROC_EOVERRELEASE;
}

/* Who has one himself need not ask anybody. */
apr_status_t mproc__tasks_finish_one(mproc__ring_view_t *view)
{
    if (!finish_own(view, count_own(view)))
        MPROC_TRY(finish_any(view));
    mproc__tasks_tell(view);
    return APR_SUCCESS;
}

/* -- Joining ------------------------------------------------------------------------- */

/* It has found nothing to get, and has got nothing since. */
static int is_waiting(const mproc__member_t *member, unsigned place)
{
    const mproc__place_t *of = &member->places[place];
    port_life_t life = atomic_load(&of->life);

    /* In this order: what is noted is of who is noted, see members.c. */
    return life != 0 && atomic_load(&of->noted) == life &&
           atomic_load(&of->notes[MPROC__WAITING]) > 0 && !mproc__place_is_dead(member, place);
}

/* Another process that lives, and has got something before, or waits for it. */
static int is_getter(const mproc__ring_view_t *view, unsigned place)
{
    const mproc__member_t *member = &view->member;
    mproc__member_id_t owner = atomic_load(&view->tasks->counts[place].owner);

    if (place == member->place)
        return 0;
    return (owner != 0 && !mproc__member_is_dead(member, owner)) || is_waiting(member, place);
}

static int is_any_getter_left(const mproc__ring_view_t *view)
{
    unsigned place, places = count_places(view);

    for (place = 0; place < places; place++)
        if (is_getter(view, place))
            return 1;
    return 0;
}

/*
 * Where nothing was lost, somebody may yet be started who gets what there is; so he may where
 * something was, but who joins should hear of it first.
 */
static int is_over(const mproc__ring_view_t *view, const mproc__task_sums_t *sums, uint32_t untold)
{
    return sums->taken == 0 && (sums->queued == 0 || (untold > 0 && !is_any_getter_left(view)));
}

/* Others who join meanwhile are told of them, too. */
static void note_told(mproc__tasks_t *tasks, uint32_t lost)
{
    uint32_t told = atomic_load(&tasks->told);

    while ((int32_t)(lost - told) > 0 && !atomic_compare_exchange_weak(&tasks->told, &told, lost))
        ;
    mproc__failpoint();
}

/* The park is the putters' too: a wake that came for nothing may have been theirs. */
static void sleep_slice(mproc__ring_view_t *view, mproc__patience_t *patience)
{
    port_deadline_t slice = mproc__patience_slice(patience);
    uint32_t key;

    atomic_fetch_add(&view->sleepers, 1);
    key = mproc__event_prepare(&view->member, MPROC__JOINED);
    if (!seem_done(view))
        mproc__event_park(&view->member, MPROC__JOINED, key, slice);
    mproc__event_finish(&view->member, MPROC__JOINED);
    mproc__event_wake(&view->member, MPROC__PUTTING, 1);
    atomic_fetch_sub(&view->sleepers, 1);
}

/* As long as nothing is got, who waits for a message waits, or is known by what he got. */
static apr_status_t look(mproc__ring_view_t *view, mproc__task_sums_t *sums, uint32_t told,
                         int *has_ended, mproc__patience_t *patience)
{
    apr_status_t rv;

    MPROC_TRY(mproc__ring_lock_getting(view, patience));
    rv = count_all(view, sums);
    *has_ended = rv == APR_SUCCESS && is_over(view, sums, sums->lost - told);
    mproc__ring_unlock_getting(view);
    return rv;
}

apr_status_t mproc__tasks_join(mproc__ring_view_t *view, mproc__task_sums_t *sums,
                               mproc__patience_t *patience)
{
    uint32_t told = atomic_load(&view->tasks->told), untold;
    int has_ended;

    for (;;) {
        MPROC_TRY(look(view, sums, told, &has_ended, patience));
        if (has_ended)
            break;
        if (mproc__patience_is_over(patience))
            return APR_TIMEUP;
        sleep_slice(view, patience);
    }
    untold = sums->lost - told;
    if (untold == 0)
        return APR_SUCCESS;
    note_told(view->tasks, sums->lost);
    sums->lost = untold;
    return MPROC_EWORKERDIED;
}
