/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How processes wait for an event, for Spin, which walks through every order of their steps: what
 * src/event_object.c does, and mproc__change_await() of src/change.c.
 *
 * Told by -D: SETTERS, ROUNDS (how often each sets it), CLEARS (and each clears it after that),
 * WAITERS, KILLS (how many are killed, each at any step); NO_SLICES, and who sleeps wakes only when
 * woken; NO_COUNT, and the word does not say how often it was set; ONE_WAKE, and who finds it set
 * wakes nobody; CALLS (after so many calls in vain a setter calls nobody who has not moved since), and
 * NO_FLAG: whether anybody has moved since or not.
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

#ifndef CALLS
#define CALLS 1
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

#ifdef NO_FLAG
#define NOBODY_HAS_MOVED true
#else
#define NOBODY_HAS_MOVED was_waking
#endif

/* call() of mproc__event_call(), who does not take the flag back. */
inline call_and_leave_flag()
{
    event[SET].is_waking = true;
    event[SET].unmoved = 0;
    d_step {
        if
        :: event[SET].parked == 0 || was_waking -> in_vain++
        :: else -> in_vain = 0
        fi;
        event[SET].parked = 0
    }
}

/* mproc__event_call() */
inline call_all_who_wait()
{
    if
    :: event[SET].sleepers == 0
    :: else ->
        was_waking = event[SET].is_waking;
        if
        :: NOBODY_HAS_MOVED && in_vain >= CALLS
        :: else -> call_and_leave_flag()
        fi
    fi;
    was_waking = false
}

/* mproc_event_set(), and mproc_event_clear() behind it */
active [SETTERS] proctype setter()
{
    byte rounds, in_vain;
    bool found, was_waking;
    {
        do
        :: rounds == ROUNDS -> break
        :: else ->
            set();
#ifdef ONE_WAKE
            if
            :: found
            :: else -> call_all_who_wait()
            fi;
#else
            call_all_who_wait();
#endif
#ifdef CLEARS
            d_step { word = word & ~IS_SET; SOMETHING_CHANGES };
#endif
            d_step { found = false; rounds++ }
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> rounds = 0; found = false; was_waking = false; in_vain = 0 } }
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
