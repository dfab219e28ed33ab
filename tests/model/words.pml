/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes share, as the models have it: lock words (src/lock.h) and event counts
 * (src/event_count.h).  A statement is one access to a word that they share; what stands in a d_step
 * or atomic is one access and what the model itself writes down.  Participants have a bit each; a
 * lock holds the bit of its owner, or 0.
 *
 * A model says PARTICIPANTS, LOCKS and EVENTS; a lock has the event of its number.
 */
#ifndef KILLS
#define KILLS 0
#endif

#define BIT(who) (1 << (who))
#define ME BIT(_pid)
#define EVERYBODY (BIT(PARTICIPANTS) - 1)

/*
 * An event count.  Its sequence is told by those who have read it and would find it unmoved, as
 * nobody asks more of it; parked are those whom the system has put to sleep.
 */
typedef event_count_t {
    byte unmoved;
    bool is_waking;
    byte sleepers;
    byte parked
};

event_count_t event[EVENTS];
byte lock[LOCKS];

/* ---- what the model writes down ---- */

byte dead, gone; /* killed; come to its end */

#if EVENTS == 1
#define PARKED (event[0].parked)
#elif EVENTS == 2
#define PARKED (event[0].parked | event[1].parked)
#else
#define PARKED (event[0].parked | event[1].parked | event[2].parked | event[3].parked)
#endif

#define IS_ORPHAN(l) ((lock[l] & dead) != 0)

#ifdef NO_STEALING
#define CAN_BE_STOLEN(l) false
#else
#define CAN_BE_STOLEN(l) IS_ORPHAN(l)
#endif
