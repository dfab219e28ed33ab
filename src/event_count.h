/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_EVENT_COUNT_H
#define MPROC_EVENT_COUNT_H

/*
 * Event counts: sleeping until something may have changed, without a system call
 * for who changes it while nobody sleeps.
 *
 *     sleeper                              who changes something
 *     key = prepare()                      change it
 *     look again; if it is there: finish() fence
 *     park(key), finish(), look again      notify()
 *
 * Each of both first writes and then reads, and the fences between order that, so
 * that either the sleeper sees the change or the other sees the sleeper.
 *
 * At most one wake is on its way, or each change made while a sleeper wakes up
 * would cost a system call; who is woken passes it on if there is more to do.  A
 * process that dies on the way can swallow one, so nobody sleeps longer than a
 * slice of patience.
 *
 * Who sleeps is a set of members, and no number: what a dead one has left in it can
 * be taken out, and does no harm until then.
 */

#include "port.h"

#include <apr.h>

#include <stdatomic.h>

/*
 * Those with a park go by its number; the next one is a set only, and those behind it sleep in the
 * parks of the first, whose wakes they may take.
 */
#define MPROC__EVENTS_MAX (PORT_PARKS + 2)

#define MPROC__SET_WORDS 64

struct mproc__member_t;

/* In the segment. */
typedef struct mproc__event_count_t {
    _Alignas(128) _Atomic uint32_t sequence;
    _Atomic uint32_t is_waking;
    _Atomic apr_uint64_t sleepers[MPROC__SET_WORDS]; /* a bit for each place */
} mproc__event_count_t;

/* This thread is about to sleep; what park() wants to know. */
uint32_t mproc__event_prepare(struct mproc__member_t *member, unsigned event);

/* Sleep until notified, or until a deadline; may return for no reason. */
void mproc__event_park(struct mproc__member_t *member, unsigned event, uint32_t key,
                       port_deadline_t deadline);

/* This thread does not sleep any more. */
void mproc__event_finish(struct mproc__member_t *member, unsigned event);

/*
 * After a fence: wake one, or all, unless a wake is on its way.  Ask mproc__event_has_sleepers()
 * first where it matters how long that takes.
 */
void mproc__event_notify(struct mproc__member_t *member, unsigned event);
void mproc__event_notify_all(struct mproc__member_t *member, unsigned event);

/* After a fence: wake so many as sleep, `most` at most, whatever is on its way. */
void mproc__event_wake(struct mproc__member_t *member, unsigned event, unsigned most);

/*
 * After a fence: wake all who sleep, unless many calls in a row have been in vain, and nobody has
 * moved since.  Takes no lock and no memory, and calls nothing that a handler of a signal may not;
 * so who died in his sleep is not looked for.
 */
void mproc__event_call(struct mproc__member_t *member, unsigned event);

/*
 * A wake was for nobody: where that goes on, it is for one who is dead, and all who are dead are
 * taken off.
 */
void mproc__event_note_fruitless(struct mproc__member_t *member);

/* Ring the bell of the segment, for those who listen to it. */
void mproc__event_ring(struct mproc__member_t *member);

/* After a fence: wake all who sleep, whatever is on its way. */
void mproc__event_broadcast(struct mproc__member_t *member, unsigned event);

#endif
