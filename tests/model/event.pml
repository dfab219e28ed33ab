/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How processes wait for an event, for Spin, which walks through every order of their steps: what
 * src/event_object.c does, and mproc__change_await() of src/change.c.
 *
 * Told by -D: SETTERS, ROUNDS (how often each sets it), CLEARS (and each clears it after that),
 * WAITERS, KILLS (how many are killed, each at any step); NO_SLICES, and who sleeps wakes only when
 * woken; NO_COUNT, and the word does not say how often it was set; ONE_WAKE, and who finds it set
 * wakes nobody.
 */
#ifndef SETTERS
#define SETTERS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef WAITERS
#define WAITERS 2
#endif

#define PARTICIPANTS (SETTERS + WAITERS)
#define LOCKS 1 /* which nobody has */
#define EVENTS 1
#include "words.pml"

#define SET 0
#define IS_SET 1

byte word;

/* Those who have found it not set, and wait; and those of them for whom it was set since. */
byte waiting, owed;

#define HAS_LOCK_SLEEPERS false
#define WAITS_FOR_THE_DEAD false
#define SLEEPS_BESIDE_IT ((event[SET].parked & owed) != 0)
#include "rest.pml"

#define TAKEN_OVER(l) skip
#include "steps.pml"

#ifdef NO_COUNT
#define NEXT IS_SET
#else
#define NEXT (word + 2 + IS_SET)
#endif

/* set(): the loop of its compare-and-swap is one step that succeeds. */
inline set()
{
    d_step {
        found = (word & IS_SET) != 0;
        if
        :: found
        :: else -> word = NEXT; owed = owed | waiting; SOMETHING_CHANGES
        fi
    }
}

/* mproc_event_set(), and mproc_event_clear() behind it */
active [SETTERS] proctype setter()
{
    byte rounds;
    bool found;
    {
        do
        :: rounds == ROUNDS -> break
        :: else ->
            set();
#ifdef ONE_WAKE
            if
            :: found
            :: else -> wake_all(SET)
            fi;
#else
            wake_all(SET);
#endif
#ifdef CLEARS
            d_step { word = word & ~IS_SET; SOMETHING_CHANGES };
#endif
            d_step { found = false; rounds++ }
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> rounds = 0; found = false } }
}

/* mproc_event_wait(), mproc__change_sleep() */
active [WAITERS] proctype waiter()
{
    byte seen;
    {
        d_step {
            seen = word;
            if
            :: seen & IS_SET
            :: else -> waiting = waiting | ME
            fi
        };
        if
        :: seen & IS_SET
        :: else ->
            do
            :: word != seen -> break
            :: else ->
                prepare(SET);
                if
                :: word == seen ->
                    park(SET);
end_set:
                    sleep(SET)
                :: else
                fi;
                leave(SET)
            od
        fi;
        seen = 0;
        d_step { waiting = waiting & ~ME; owed = owed & ~ME };
        come_to_its_end()
    } unless { d_step { dead & ME -> seen = 0; waiting = waiting & ~ME; owed = owed & ~ME } }
}

#include "kills.pml"
