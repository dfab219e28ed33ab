/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How processes share a lock, for Spin, which walks through every order of their steps: what
 * mproc_lock_acquire() and mproc_lock_release() of src/mutex.c do, and who is told that an owner died.
 *
 * Told by -D: PARTICIPANTS, ROUNDS (how often each acquires it), KILLS (how many are killed, each at
 * any step), IMPATIENT (any may give up at any time); NO_SLICES, and who sleeps wakes only when
 * woken; NO_STEALING, and the lock stays with its dead owner; NO_WORD, and who takes it over is not
 * told so.
 */
#ifndef PARTICIPANTS
#define PARTICIPANTS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif

#define LOCKS 1
#define EVENTS 1
#include "words.pml"

bool one, other; /* guarded by the lock: the same, but in the middle of a change */
hidden byte it_is_half_changed;

#define HAS_LOCK_SLEEPERS (event[0].parked != 0)
#define WAITS_FOR_THE_DEAD false
#define SLEEPS_BESIDE_IT false
#include "rest.pml"

#ifdef NO_WORD
#define TAKEN_OVER(l) skip
#else
#define TAKEN_OVER(l) told = true /* MPROC_EOWNERDEAD */
#endif
#include "steps.pml"

/* mproc__lock_wait() with a timeout: who was woken or whose time is up tries once more before he goes. */
inline acquire_or_give_up(l)
{
    do
    :: TAKES(l) -> has_it = true; break
    :: else ->
        prepare(l);
        if
        :: TAKES(l) -> leave(l); has_it = true; break
        :: else ->
            park(l);
            if
            :: !(event[l].parked & ME)
            :: d_step { event[l].parked & ME -> event[l].parked = event[l].parked & ~ME; SLICE_IS_OVER }
            fi;
            leave(l)
        fi;
        if
        :: TAKES(l) -> has_it = true; break
        :: else
        fi;
        if
        :: STEALS(l) -> TAKEN_OVER(l); has_it = true; break
        :: else ->
            if
            :: break
            :: true
            fi
        fi
    od
}

inline change()
{
    d_step { it_is_half_changed = !told && one != other; assert(!it_is_half_changed) };
    if
    :: told -> other = one
    :: else
    fi;
    d_step { assert(lock[0] == ME); one = !one };
    d_step { assert(lock[0] == ME); other = !other }
}

active [PARTICIPANTS] proctype holder()
{
    byte rounds;
    bool told, has_it;
    {
        do
        :: rounds == ROUNDS -> break
        :: else ->
#ifdef IMPATIENT
            acquire_or_give_up(0);
#else
            acquire(0);
            has_it = true;
#endif
            if
            :: has_it -> change(); release(0)
            :: else
            fi;
            d_step { told = false; has_it = false; rounds++ }
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> rounds = 0; told = false; has_it = false } }
}

#include "kills.pml"
