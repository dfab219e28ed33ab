/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rest, in the models of locks, conditions and events: all who live sleep or have ended, and each
 * sleeper has slept for a whole slice, looked, and gone to sleep again since anything changed last.
 * Nobody moves any more: then nobody may sleep beside what he waits for.
 *
 * Where there are no slices, it is that they sleep.  A model says who would be wrong to rest:
 * HAS_LOCK_SLEEPERS, WAITS_FOR_THE_DEAD, SLEEPS_BESIDE_IT.
 */
byte rested;
hidden byte a_lock_is_lost, a_death_is_missed, somebody_oversleeps; /* of no meaning between steps */

#define SLICE_IS_OVER rested = rested | ME
#define SOMETHING_CHANGES rested = 0

#ifdef NO_SLICES
#define ALL_REST ((PARKED | gone | dead) == EVERYBODY)
#else
#define ALL_REST ((PARKED | gone | dead) == EVERYBODY && (rested | gone | dead) == EVERYBODY)
#endif

/* No owner of the lock sleeps: one that is not free is a dead one's. */
inline look_whether_all_rest()
{
    if
    :: ALL_REST ->
#ifndef NO_SLICES
        a_lock_is_lost = HAS_LOCK_SLEEPERS && IS_ORPHAN(0);
        assert(!a_lock_is_lost);
        a_death_is_missed = WAITS_FOR_THE_DEAD;
        assert(!a_death_is_missed);
#endif
        somebody_oversleeps = HAS_LOCK_SLEEPERS || WAITS_FOR_THE_DEAD || SLEEPS_BESIDE_IT;
        assert(!somebody_oversleeps)
    :: else
    fi
}
