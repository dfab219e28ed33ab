/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What participants do with the words of words.pml, step by step, as src/event_count.c and src/lock.c
 * do it.
 *
 * A model says, before it includes this: look_whether_all_rest(), after whatever may have been the
 * last step of somebody; TAKEN_OVER(l), what who has stolen a lock does first; and, if it asks who
 * has looked in vain, SLICE_IS_OVER and SOMETHING_CHANGES, within the steps by which that is so.
 */
#ifndef SLICE_IS_OVER
#define SLICE_IS_OVER skip
#define SOMETHING_CHANGES skip
#endif

/* ---- event counts ---- */

/* mproc__event_prepare() */
inline prepare(e)
{
    event[e].unmoved = event[e].unmoved | ME;
    event[e].is_waking = false;
    event[e].sleepers = event[e].sleepers | ME
}

/* mproc__event_park(): the system puts to sleep only who has seen the sequence as it is. */
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
    :: d_step { event[e].parked & ME -> event[e].parked = event[e].parked & ~ME; SLICE_IS_OVER }
#endif
    fi
}

/* mproc__event_finish() */
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

/* call() of one: 0 of a wake that nobody took takes the flag back. */
inline call_one(e)
{
    event[e].is_waking = true;
    event[e].unmoved = 0; /* the sequence moves */
    if
    :: event[e].parked == 0 -> event[e].is_waking = false
    :: d_step { IS_PARKED(e, 0) -> UNPARK(e, 0) }
    :: d_step { IS_PARKED(e, 1) -> UNPARK(e, 1) }
    :: d_step { IS_PARKED(e, 2) -> UNPARK(e, 2) }
    :: d_step { IS_PARKED(e, 3) -> UNPARK(e, 3) }
    fi
}

/* call() of as many as sleep: who has come since they were counted looks before he parks. */
inline call_all(e)
{
    event[e].is_waking = true;
    event[e].unmoved = 0;
    if
    :: event[e].parked == 0 -> event[e].is_waking = false
    :: d_step { event[e].parked != 0 -> event[e].parked = 0 }
    fi
}

/* mproc__event_notify(): one wake at a time, as is_waking stays until the woken one leaves. */
inline notify_one(e)
{
    if
    :: event[e].sleepers == 0
    :: else ->
        if
        :: event[e].is_waking
        :: else -> call_one(e)
        fi
    fi
}

/* mproc__event_notify_all() */
inline notify_all(e)
{
    if
    :: event[e].sleepers == 0
    :: else ->
        if
        :: event[e].is_waking
        :: else -> call_all(e)
        fi
    fi
}

/* mproc__event_wake() of one, and of all: whatever is on its way. */
inline wake_one(e)
{
    if
    :: event[e].sleepers == 0
    :: else -> call_one(e)
    fi
}

inline wake_all(e)
{
    if
    :: event[e].sleepers == 0
    :: else -> call_all(e)
    fi
}

/* ---- locks ---- */

/* mproc__lock_try() */
#define TAKES(l) d_step { lock[l] == 0 -> lock[l] = ME; SOMETHING_CHANGES }

/*
 * take_from_the_dead(): a dead owner stays dead, and the exchange names it: that it is dead is seen in
 * the same step.
 */
#define STEALS(l) d_step { CAN_BE_STOLEN(l) -> lock[l] = ME; SOMETHING_CHANGES }

/* mproc__lock_acquire(), mproc__lock_wait(): a look, and then sleep_and_try() until it is had. */
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
        :: STEALS(l) -> TAKEN_OVER(l); break
        :: else
        fi
    od
}

/* release() of src/mutex.c, mproc__inner_lock_release() */
inline release(l)
{
    d_step { assert(lock[l] == ME); lock[l] = 0; SOMETHING_CHANGES };
    notify_one(l)
}

/* ---- ends ---- */

inline come_to_its_end()
{
    d_step { gone = gone | ME; look_whether_all_rest() }
}
