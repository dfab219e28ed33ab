/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How processes wait on a condition, for Spin, which walks through every order of their steps: what
 * src/condition.c does where tokens are made and taken under its lock.
 *
 * Told by -D: NOTIFIERS, TOKENS (each makes), WAITERS (each takes one), NOTIFY_ALL (and not one),
 * KILLS (how many are killed, each at any step); NO_SLICES, and who sleeps wakes only when woken;
 * NO_STEALING, and the lock stays with its dead owner; NO_LOOK, and who waits does not ask whether
 * the owner of the lock is dead.
 */
#ifndef NOTIFIERS
#define NOTIFIERS 1
#endif
#ifndef TOKENS
#define TOKENS 2
#endif
#ifndef WAITERS
#define WAITERS 2
#endif

#define PARTICIPANTS (NOTIFIERS + WAITERS)
#define LOCKS 1
#define EVENTS 2
#include "words.pml"

#define LOCK 0
#define NOTIFIED 1

byte notifies;   /* how often it was notified */
byte tokens;     /* guarded by the lock */

#define HAS_LOCK_SLEEPERS (event[LOCK].parked != 0)
#define WAITS_FOR_THE_DEAD (event[NOTIFIED].parked != 0 && IS_ORPHAN(LOCK))
#define SLEEPS_BESIDE_IT (event[NOTIFIED].parked != 0 && tokens != 0)
#include "rest.pml"

/* A token is one step, so that nothing is half done that it could repair. */
#define TAKEN_OVER(l) skip
#include "steps.pml"

/* notify() */
inline notify()
{
    d_step { notifies++; SOMETHING_CHANGES };
#ifdef NOTIFY_ALL
    wake_all(NOTIFIED)
#else
    wake_one(NOTIFIED)
#endif
}

active [NOTIFIERS] proctype notifier()
{
    byte made;
    {
        do
        :: made == TOKENS -> break
        :: else ->
            acquire(LOCK);
            made++;
            d_step { assert(lock[LOCK] == ME); tokens++; SOMETHING_CHANGES };
            notify();
            release(LOCK)
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> made = 0 } }
}

/* has_died_with_lock() */
#ifdef NO_LOOK
#define SEES_A_DEATH false
#else
#define SEES_A_DEATH IS_ORPHAN(LOCK)
#endif

/* sleep_until_notified(), whose spinning is a look like any other; mproc__change_sleep() in it. */
inline sleep_until_notified()
{
    do
    :: notifies != seen -> break
    :: else ->
        prepare(NOTIFIED);
        if
        :: notifies == seen ->
            park(NOTIFIED);
end_notified:
            sleep(NOTIFIED)
        :: else
        fi;
        leave(NOTIFIED);
        if
        :: notifies == seen ->
            if
            :: SEES_A_DEATH -> break
            :: else
            fi
        :: else
        fi
    od;
    rested = rested & ~ME /* what it waits for next it has not looked at */
}

/* mproc_condition_wait_for() of a token: sleep_without_lock() until there is one. */
active [WAITERS] proctype waiter()
{
    byte seen;
    {
        acquire(LOCK);
        do
        :: tokens > 0 ->
            d_step { assert(lock[LOCK] == ME && tokens > 0); tokens--; SOMETHING_CHANGES };
            release(LOCK);
            break
        :: else ->
            seen = notifies;
            release(LOCK);
            sleep_until_notified();
            acquire(LOCK);
            seen = 0
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> seen = 0 } }
}

#include "kills.pml"
