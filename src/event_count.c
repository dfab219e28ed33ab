/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Event counts.
 */

#include "event_count.h"

#include "failpoint.h"
#include "members.h"

/* So many calls in a row that woke nobody say that somebody died in his sleep. */
#define FRUITLESS_MAX 64

/* After so many rings it is worth to look whether those who listen live. */
#define RINGS_MAX 1024

static unsigned park_of(unsigned event)
{
    return event < PORT_PARKS ? event : event - PORT_PARKS - 1;
}

static void set_bit(mproc__member_t *member, unsigned event)
{
    atomic_fetch_or(&member->events[event]->sleepers[member->place / 64],
                    (apr_uint64_t)1 << member->place % 64);
}

static void clear_bit(mproc__member_t *member, unsigned event)
{
    atomic_fetch_and(&member->events[event]->sleepers[member->place / 64],
                     ~((apr_uint64_t)1 << member->place % 64));
}

/* Under the lock of the member. */
static void count_thread(mproc__member_t *member, unsigned event, int change)
{
    member->sleepers[event] += change;
    atomic_store(&member->places[member->place].sleepers[event], (uint32_t)member->sleepers[event]);
}

/*
 * The threads of a process share its bit; each sets it, as who looked for the dead at the moment
 * when this process took the place of one has cleared it.  A wake that was on its way to who died
 * is on none any more, so the first to go to sleep after it clears the flag.
 */
uint32_t mproc__event_prepare(mproc__member_t *member, unsigned event)
{
    mproc__event_count_t *count = member->events[event];
    uint32_t key = atomic_load(&count->sequence);

    atomic_store(&count->is_waking, 0);
    mproc__failpoint();
    apr_thread_mutex_lock(member->lock);
    count_thread(member, event, 1);
    if (member->sleepers[event] == 1)
        atomic_fetch_add(&member->members->sleepers, 1);
    set_bit(member, event);
    apr_thread_mutex_unlock(member->lock);
    mproc__failpoint();
    atomic_thread_fence(memory_order_seq_cst);
    return key;
}

void mproc__event_park(mproc__member_t *member, unsigned event, uint32_t key,
                       port_deadline_t deadline)
{
    port_park(member->segment, park_of(event), &member->events[event]->sequence, key, deadline);
}

void mproc__event_finish(mproc__member_t *member, unsigned event)
{
    apr_thread_mutex_lock(member->lock);
    count_thread(member, event, -1);
    if (member->sleepers[event] == 0) {
        clear_bit(member, event);
        atomic_fetch_sub(&member->members->sleepers, 1);
    }
    apr_thread_mutex_unlock(member->lock);
    mproc__failpoint();
    atomic_store(&member->events[event]->is_waking, 0);
}

/* At most: what another process has written of itself may be anything. */
static unsigned count_threads(const mproc__member_t *member, unsigned place, unsigned event)
{
    uint32_t threads;

    if (place >= member->nplaces)
        return 0;
    threads = atomic_load_explicit(&member->places[place].sleepers[event], memory_order_relaxed);
    return threads < MPROC__MEMBERS_MAX ? threads : MPROC__MEMBERS_MAX;
}

static unsigned count_sleepers(const mproc__member_t *member, unsigned event)
{
    const mproc__event_count_t *count = member->events[event];
    uint32_t words = atomic_load_explicit(&member->members->words, memory_order_relaxed), i;
    unsigned sleepers = 0, place;
    apr_uint64_t set;

    for (i = 0; i < words && i < MPROC__SET_WORDS; i++) {
        set = atomic_load_explicit(&count->sleepers[i], memory_order_relaxed);
        for (place = i * 64; set != 0; set >>= 1, place++)
            if ((set & 1) != 0)
                sleepers += count_threads(member, place, event);
    }
    return sleepers < MPROC__MEMBERS_MAX ? sleepers : MPROC__MEMBERS_MAX;
}

void mproc__event_note_fruitless(mproc__member_t *member)
{
    if (atomic_fetch_add_explicit(&member->fruitless, 1, memory_order_relaxed) < FRUITLESS_MAX)
        return;
    atomic_store_explicit(&member->fruitless, 0, memory_order_relaxed);
    mproc__members_sweep(member);
}

static int is_waking(const mproc__member_t *member, unsigned event)
{
    return atomic_load(&member->events[event]->is_waking) != 0;
}

/* Whether anybody may have woken. */
static int call(const mproc__member_t *member, unsigned event, unsigned sleepers)
{
    mproc__event_count_t *count = member->events[event];

    atomic_store(&count->is_waking, 1);
    mproc__failpoint();
    atomic_fetch_add(&count->sequence, 1);
    mproc__failpoint();
    return port_unpark(member->segment, park_of(event), &count->sequence, sleepers) > 0;
}

/*
 * Where nobody woke, somebody may be about to sleep; where that goes on, somebody is dead.  Not every
 * system says whether somebody woke; but who does so, or goes to sleep, takes the flag back.
 */
static void wake(mproc__member_t *member, unsigned event, unsigned sleepers)
{
    int was_waking = is_waking(member, event);

    if (!call(member, event, sleepers)) {
        mproc__failpoint();
        atomic_store(&member->events[event]->is_waking, 0);
        mproc__event_note_fruitless(member);
    } else if (was_waking)
        mproc__event_note_fruitless(member);
    else
        atomic_store_explicit(&member->fruitless, 0, memory_order_relaxed);
}

static int is_to_be_woken(const mproc__member_t *member, unsigned event)
{
    return mproc__event_has_sleepers(member, event) && !is_waking(member, event);
}

void mproc__event_notify(mproc__member_t *member, unsigned event)
{
    if (is_to_be_woken(member, event))
        wake(member, event, 1);
}

void mproc__event_notify_all(mproc__member_t *member, unsigned event)
{
    if (is_to_be_woken(member, event))
        wake(member, event, count_sleepers(member, event));
}

/* The flag stays, also where nobody woke: who is about to sleep finds that the sequence has moved. */
void mproc__event_call(mproc__member_t *member, unsigned event)
{
    unsigned sleepers = count_sleepers(member, event);
    int was_waking = is_waking(member, event);

    if (sleepers == 0)
        return;
    if (was_waking && atomic_load(&member->fruitless) >= FRUITLESS_MAX)
        return;
    mproc__failpoint();
    if (call(member, event, sleepers) && !was_waking)
        atomic_store(&member->fruitless, 0);
    else
        atomic_fetch_add(&member->fruitless, 1);
}

/* A bell does not say whether anybody heard it; a dead listener costs a call for each ring. */
void mproc__event_ring(mproc__member_t *member)
{
    port_bell_ring(member->segment);
    if (atomic_fetch_add_explicit(&member->rings, 1, memory_order_relaxed) % RINGS_MAX ==
        RINGS_MAX - 1)
        mproc__members_sweep(member);
}

/* Wakes that nobody takes would wake those who come later, for no reason. */
void mproc__event_wake(mproc__member_t *member, unsigned event, unsigned most)
{
    unsigned sleepers = count_sleepers(member, event);

    if (sleepers > 0)
        wake(member, event, sleepers < most ? sleepers : most);
}

void mproc__event_broadcast(mproc__member_t *member, unsigned event)
{
    mproc__event_wake(member, event, MPROC__MEMBERS_MAX);
}
