/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How participants of a model are killed: at any step of anybody, KILLS of them at most.  A
 * participant is its steps unless { dead & ME }.  A model includes this last of all, as participants
 * are numbered from 0 on.
 */
#if KILLS > 0

#if EVENTS == 1
#define FORGET(who) UNPARK(0, who)
#elif EVENTS == 2
#define FORGET(who) UNPARK(0, who); UNPARK(1, who)
#else
#define FORGET(who) UNPARK(0, who); UNPARK(1, who); UNPARK(2, who); UNPARK(3, who)
#endif

/* The system forgets who slept, and what it wrote stays: its bit among the sleepers too. */
inline kill(who)
{
    dead = dead | BIT(who);
    FORGET(who);
    SOMETHING_CHANGES;
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
