/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_MEMBERS_H
#define MPROC_MEMBERS_H

/*
 * Members: the processes that share a segment, each at a place of its own, by
 * which locks and sleepers are known.  A place is taken and given up by one store;
 * that of a dead process is free.
 */

#include "event_count.h"
#include "port.h"

#include <apr_thread_mutex.h>

#include <stdatomic.h>

/* What two processes write should not share a cache line, nor the next one that a CPU fetches too. */
#define MPROC__APART 128

#define MPROC__MEMBERS_MAX 4096

/* Numbers that a member leaves for others to read, also when it is dead. */
#define MPROC__NOTES 3

/* One place, in the segment. */
typedef struct mproc__place_t {
    _Alignas(MPROC__APART) _Atomic port_life_t life; /* whose it is; 0: nobody's */
    _Atomic apr_uint64_t closings;                   /* see mproc__member_begin_closing() */
    _Atomic apr_uint64_t generation;                 /* how often it was taken */
    _Atomic port_life_t noted;                       /* whose the notes are */
    _Atomic apr_uint64_t notes[MPROC__NOTES];        /* of who has it, or had it last */
    _Atomic uint32_t sleepers[MPROC__EVENTS_MAX]; /* its threads that sleep, if it is in the set */
} mproc__place_t;

/* All of them, in the segment; the places follow. */
typedef struct mproc__members_t {
    _Alignas(MPROC__APART) _Atomic uint32_t words; /* of a set of members that need be looked at */
    _Atomic uint32_t sleepers; /* at all events; who dies in his sleep stays counted */
} mproc__members_t;

/* A member's name in locks: its place from 1 on, and above that the generation; never 0. */
typedef apr_uint64_t mproc__member_id_t;

#define MPROC__PLACE_BITS 16

/* This process as a member; private to it. */
typedef struct mproc__member_t {
    port_segment_t *segment;
    mproc__members_t *members;
    mproc__place_t *places;
    unsigned nplaces;
    unsigned place;
    mproc__member_id_t id;

    /* The event counts of the segment: one for each park, and others. */
    mproc__event_count_t *events[MPROC__EVENTS_MAX];

    apr_thread_mutex_t *lock; /* of what is below */
    int sleepers[MPROC__EVENTS_MAX];
    _Atomic unsigned fruitless; /* calls to wake somebody by which nobody woke */
    _Atomic unsigned rings;     /* of the bell */
} mproc__member_t;

/* Bytes for the places of so many members, behind mproc__members_t. */
static inline size_t mproc__members_size(unsigned nplaces)
{
    return sizeof(mproc__members_t) + nplaces * sizeof(mproc__place_t);
}

/*
 * Take a place: `member` has segment, members, places, nplaces and events.
 * APR_SUCCESS, MPROC_ETOOMANY, or what the system said; sets no message.  One thread of a process
 * at a time.  It has begun a closing, which the caller ends when it has begun those that are under
 * way in this process.
 */
apr_status_t mproc__member_join(mproc__member_t *member, apr_pool_t *mem);

/* Give the place up; no lock is held. */
void mproc__member_leave(mproc__member_t *member);

/*
 * Around the closing of handles in this process that may be copies of the segment's, as that may
 * take its sign of life away: meanwhile nobody takes it for dead because it gives none.  Several
 * may be under way.  Threads: any.
 */
void mproc__member_begin_closing(const mproc__member_t *member);
void mproc__member_end_closing(const mproc__member_t *member);

/* Whether the member that goes by this name has died.  Never true of a living one. */
int mproc__member_is_dead(const mproc__member_t *member, mproc__member_id_t id);

/* The same of who has a place; 0 of nobody. */
int mproc__place_is_dead(const mproc__member_t *member, unsigned place);

/*
 * What a dead process had is known: its places are nobody's again.  Until then none of them is taken
 * while there are others.
 */
void mproc__members_bury(const mproc__member_t *member, apr_int64_t pid);

/* Dead ones do not sleep: take them off all event counts. */
void mproc__members_sweep(mproc__member_t *member);

/* Whether some member sleeps at any event: one look, at what nobody changes while nobody does. */
static inline int mproc__members_sleep(const mproc__member_t *member)
{
    return atomic_load_explicit(&member->members->sleepers, memory_order_relaxed) != 0;
}

/* Whether one sleeps at this event; see event_count.h. */
static inline int mproc__event_has_sleepers(const mproc__member_t *member, unsigned event)
{
    const mproc__event_count_t *count = member->events[event];
    uint32_t words = atomic_load_explicit(&member->members->words, memory_order_relaxed), i;

    for (i = 0; i < words && i < MPROC__SET_WORDS; i++)
        if (atomic_load_explicit(&count->sleepers[i], memory_order_relaxed) != 0)
            return 1;
    return 0;
}

static inline _Atomic apr_uint64_t *mproc__member_note(const mproc__member_t *member, int number)
{
    return &member->places[member->place].notes[number];
}

#endif
