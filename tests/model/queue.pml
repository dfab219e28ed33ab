/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How putters and getters of a queue meet, for Spin, which walks through every order of their
 * steps.  A statement is one access to a word that they share; what stands in a d_step or atomic
 * is one access and what the model itself writes down.  Participants have a bit each; a lock holds
 * the bit of its owner, or 0.
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
#ifndef KILLS
#define KILLS 0
#endif

#define BIT(who) (1 << (who))
#define ME BIT(_pid) /* putters come first, then getters */
#define PARTICIPANTS (PUTTERS + GETTERS)
#define EVERYBODY (BIT(PARTICIPANTS) - 1)

/* ---- what they share ---- */

#define PUT_LOCK 0
#define GET_LOCK 1
#define NOT_EMPTY 2
#define NOT_FULL 3

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

event_count_t event[4]; /* a lock has the event of its number */
byte lock[2];
byte tail, head;
byte ring[CAPACITY];
byte claim[PARTICIPANTS]; /* the position that a getter takes, or took last, and 1 */

/* ---- what the model writes down ---- */

byte dead, gone;               /* killed; come to its end */
byte sent[PUTTERS * MESSAGES]; /* the message that was committed at each position */
byte in_hand[PARTICIPANTS];    /* as its claim, from the commit until get returns */
hidden byte each, a_lock_is_lost, somebody_oversleeps; /* of no meaning between steps */

#define PARKED (event[0].parked | event[1].parked | event[2].parked | event[3].parked)
#define IS_EMPTY (tail == head)
#define IS_FULL (tail - head >= CAPACITY)
#define IS_ORPHAN(l) ((lock[l] & dead) != 0)

#ifdef NO_STEALING
#define CAN_BE_STOLEN(l) false
#else
#define CAN_BE_STOLEN(l) IS_ORPHAN(l)
#endif

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

/* ---- event counts ---- */

inline prepare(e)
{
    event[e].unmoved = event[e].unmoved | ME;
    event[e].is_waking = false;
    event[e].sleepers = event[e].sleepers | ME
}

/* The system puts to sleep only who has seen the sequence as it is. */
inline park(e)
{
    d_step {
        if
        :: event[e].unmoved & ME -> event[e].parked = event[e].parked | ME
        :: else
        fi;
        event[e].unmoved = event[e].unmoved & ~ME;
        look_whether_all_rest()
    }
}

inline sleep(e)
{
    if
    :: !(event[e].parked & ME)
#ifndef NO_SLICES
    :: d_step { event[e].parked & ME -> event[e].parked = event[e].parked & ~ME }
#endif
    fi
}

inline leave(e)
{
    d_step {
        event[e].unmoved = event[e].unmoved & ~ME;
        event[e].sleepers = event[e].sleepers & ~ME
    };
    event[e].is_waking = false
}

#define IS_PARKED(e, who) (event[e].parked & BIT(who))
#define UNPARK(e, who) event[e].parked = event[e].parked & ~BIT(who)

/* One wake at a time: is_waking stays until the woken one leaves. */
inline notify_one(e)
{
    if
    :: event[e].sleepers == 0
    :: else ->
        if
        :: event[e].is_waking
        :: else ->
            event[e].is_waking = true;
            event[e].unmoved = 0; /* the sequence moves */
            if
            :: event[e].parked == 0 -> event[e].is_waking = false
            :: d_step { IS_PARKED(e, 0) -> UNPARK(e, 0) }
            :: d_step { IS_PARKED(e, 1) -> UNPARK(e, 1) }
            :: d_step { IS_PARKED(e, 2) -> UNPARK(e, 2) }
            :: d_step { IS_PARKED(e, 3) -> UNPARK(e, 3) }
            fi
        fi
    fi
}

inline notify_all(e)
{
    if
    :: event[e].sleepers == 0
    :: else ->
        if
        :: event[e].is_waking
        :: else ->
            event[e].is_waking = true;
            event[e].unmoved = 0;
            if
            :: event[e].parked == 0 -> event[e].is_waking = false
            :: d_step { event[e].parked != 0 -> event[e].parked = 0 }
            fi
        fi
    fi
}

/* ---- locks ---- */

#define TAKES(l) d_step { lock[l] == 0 -> lock[l] = ME }

/* A dead owner stays dead, and the exchange names it: that it is dead is seen in the same step. */
#define STEALS(l) d_step { CAN_BE_STOLEN(l) -> lock[l] = ME }

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

inline acquire(l)
{
    do
    :: TAKES(l) -> break
    :: else ->
        prepare(l);
        if
        :: TAKES(l) -> leave(l); break
        :: else -> park(l); sleep(l); leave(l)
        fi;
        if
        :: STEALS(l) ->
            if
            :: l == GET_LOCK -> settle()
            :: else
            fi;
            break
        :: else
        fi
    od
}

inline release(l)
{
    d_step { assert(lock[l] == ME); lock[l] = 0 };
    notify_one(l)
}

/* ---- the participants ---- */

inline come_to_its_end()
{
    d_step { gone = gone | ME; look_whether_all_rest() }
}

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

#if KILLS > 0

/* The system forgets who slept, and what it wrote stays: its bit among the sleepers too. */
inline kill(who)
{
    dead = dead | BIT(who);
    event[0].parked = event[0].parked & ~BIT(who);
    event[1].parked = event[1].parked & ~BIT(who);
    event[2].parked = event[2].parked & ~BIT(who);
    event[3].parked = event[3].parked & ~BIT(who);
    look_whether_all_rest()
}

#define LIVES(who) (!((gone | dead) & BIT(who)))

active proctype killer()
{
    byte kills;
end:
    do
    :: d_step { kills < KILLS && LIVES(0) -> kills++; kill(0) }
    :: d_step { kills < KILLS && LIVES(1) -> kills++; kill(1) }
#if PARTICIPANTS > 2
    :: d_step { kills < KILLS && LIVES(2) -> kills++; kill(2) }
#endif
#if PARTICIPANTS > 3
    :: d_step { kills < KILLS && LIVES(3) -> kills++; kill(3) }
#endif
    od
}

#endif
