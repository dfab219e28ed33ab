/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How putters and getters of a queue meet, for Spin, which walks through every order of their
 * steps: what src/ring_put.c and src/ring_get.c do.
 *
 * Told by -D: PUTTERS, MESSAGES (each putter's), GETTERS, CAPACITY (in messages), KILLS (how many
 * participants are killed, each at any step); NO_SLICES, and who sleeps wakes only when woken;
 * NO_STEALING, and a lock stays with its dead owner.
 */
#ifndef PUTTERS
#define PUTTERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef GETTERS
#define GETTERS 2
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif

#define PARTICIPANTS (PUTTERS + GETTERS) /* putters come first, then getters */
#define LOCKS 2
#define EVENTS 4
#include "words.pml"

/* ---- what they share ---- */

#define PUT_LOCK 0
#define GET_LOCK 1
#define NOT_EMPTY 2
#define NOT_FULL 3

byte tail, head;
byte ring[CAPACITY];
byte claim[PARTICIPANTS]; /* the position that a getter takes, or took last, and 1 */

/* ---- what the model writes down ---- */

byte sent[PUTTERS * MESSAGES]; /* the message that was committed at each position */
byte in_hand[PARTICIPANTS];    /* as its claim, from the commit until get returns */
hidden byte each, a_lock_is_lost, somebody_oversleeps; /* of no meaning between steps */

#define IS_EMPTY (tail == head)
#define IS_FULL (tail - head >= CAPACITY)

#define IS_LOST(l) (event[l].parked != 0 && lock[l] != 0 && !CAN_BE_STOLEN(l))
#define COULD_HAVE(l) (event[l].parked != 0 && (lock[l] == 0 || CAN_BE_STOLEN(l)))

/* What a getter took that was killed before its get returned, its claim names. */
inline look_at_claims()
{
    for (each : PUTTERS .. PARTICIPANTS - 1) {
        assert(!(dead & BIT(each)) || in_hand[each] == 0 || claim[each] == in_hand[each])
    };
    each = 0
}

/*
 * Once all who live sleep or have ended, only the end of a slice can move them: nobody may then
 * wait for a lock that will never be free, and without slices nobody for what is there.
 */
inline look_whether_all_rest()
{
    look_at_claims();
    if
    :: (PARKED | gone | dead) == EVERYBODY ->
        a_lock_is_lost = IS_LOST(PUT_LOCK) || IS_LOST(GET_LOCK);
        assert(!a_lock_is_lost);
#ifdef NO_SLICES
        somebody_oversleeps = COULD_HAVE(PUT_LOCK) || COULD_HAVE(GET_LOCK) ||
            (event[NOT_EMPTY].parked != 0 && !IS_EMPTY) ||
            (event[NOT_FULL].parked != 0 && !IS_FULL);
        assert(!somebody_oversleeps);
#endif
    :: else
    fi
}

/* What a dead getter claimed and did not take is still queued, and will come again to another. */
inline settle()
{
    d_step {
        for (each : PUTTERS .. PARTICIPANTS - 1) {
            if
            :: claim[each] == head + 1 -> claim[each] = 0
            :: else
            fi
        };
        each = 0
    }
}

#define TAKEN_OVER(l) \
    if \
    :: l == GET_LOCK -> settle() \
    :: else \
    fi
#include "steps.pml"

/* ---- the participants ---- */

/* The own side's word is read before the other side's, which is the one that is waited for. */
inline await_room()
{
    prepare(NOT_FULL);
    at = tail;
    if
    :: at - head >= CAPACITY ->
        at = 0;
        park(NOT_FULL);
end_full:
        sleep(NOT_FULL)
    :: else -> at = 0
    fi;
    leave(NOT_FULL)
}

inline commit_put(at)
{
    d_step {
        assert(tail == at && !IS_FULL);
        sent[at] = message;
        tail = at + 1
    }
}

active [PUTTERS] proctype putter()
{
    byte message = _pid * MESSAGES + 1;
    byte at;
    {
        do
        :: message > (_pid + 1) * MESSAGES -> break
        :: else ->
            acquire(PUT_LOCK);
            if
            :: IS_FULL -> release(PUT_LOCK); await_room()
            :: else ->
                at = tail;
                ring[at % CAPACITY] = message;
                commit_put(at);
                release(PUT_LOCK);
                notify_one(NOT_EMPTY);
                d_step { at = 0; message++ }
            fi
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> at = 0; message = 0 } }
}

inline await_message()
{
    prepare(NOT_EMPTY);
    at = head;
    if
    :: tail == at ->
        at = 0;
        park(NOT_EMPTY);
end_empty:
        sleep(NOT_EMPTY)
    :: else -> at = 0
    fi;
    leave(NOT_EMPTY)
}

/* It is the first and only one to take what was put at this position. */
inline commit_get(at)
{
    d_step {
        assert(head == at && message == sent[at]);
        for (each : PUTTERS .. PARTICIPANTS - 1) {
            assert(each == _pid || claim[each] != at + 1)
        };
        each = 0;
        head = at + 1;
        in_hand[_pid] = at + 1
    }
}

/* A getter that has a message may never come again: it must have left none asleep. */
active [GETTERS] proctype getter()
{
    byte message;
    byte at;
    {
        do
        :: acquire(GET_LOCK);
            if
            :: IS_EMPTY -> release(GET_LOCK); await_message()
            :: else ->
                at = head;
                message = ring[at % CAPACITY];
                claim[_pid] = at + 1;
                commit_get(at);
                release(GET_LOCK);
                notify_all(NOT_FULL);
                if
                :: tail != at + 1 -> notify_one(NOT_EMPTY)
                :: else
                fi;
                d_step { at = 0; message = 0; in_hand[_pid] = 0 };
                if
                :: break
                :: true
                fi
            fi
        od;
        come_to_its_end()
    } unless { d_step { dead & ME -> at = 0; message = 0 } }
}

#include "kills.pml"
