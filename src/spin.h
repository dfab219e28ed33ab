/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SPIN_H
#define MPROC_SPIN_H

/*
 * Waiting without sleeping: what takes less than a wake-up is worth to wait for,
 * first at once, then with the CPU offered to others, who may be those waited for.
 */

#include "port.h"

/* Less than a microsecond, and then as many offers as cost less than a sleep. */
#define MPROC__PAUSES 30
#define MPROC__SPINS (MPROC__PAUSES + 20)

/* Pause in this round, from 0 to MPROC__SPINS - 1. */
static inline void mproc__spin(int round)
{
    if (round < MPROC__PAUSES)
        port_pause();
    else
        port_yield();
}

#endif
