/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BENCH_PARK_H
#define MPROC_BENCH_PARK_H

/*
 * How the rings wait: look 50 times with a pause, 20 times with a yield, then sleep
 * on a futex.  As ours does, with 30 pauses, so that what is compared is the rings.
 *
 * One wake is in flight at a time: a sleeper needs some microseconds to come up, and
 * each message that is put meanwhile would cost a system call.
 */

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_LINE 128 /* two lines: CPUs fetch the neighbour too */

#define PARK_PAUSES 50
#define PARK_YIELDS 20

typedef struct park_t {
    _Alignas(RING_LINE) _Atomic uint32_t turn; /* changes before each wake */
    _Atomic uint32_t sleepers;
    _Atomic uint32_t is_waking;
} park_t;

typedef int park_ready_t(void *data);

static inline long park_futex(_Atomic uint32_t *word, int what, uint32_t value)
{
    return syscall(SYS_futex, (uint32_t *)word, what, value, NULL, NULL, 0);
}

static inline void park_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#endif
}

/* Until it is ready; whoever makes it so calls park_wake() afterwards. */
static inline void park_wait(park_t *park, park_ready_t *is_ready, void *data)
{
    int i;

    for (i = 0; i < PARK_PAUSES + PARK_YIELDS; i++) {
        if (is_ready(data))
            return;
        if (i < PARK_PAUSES)
            park_pause();
        else
            sched_yield();
    }
    for (;;) {
        uint32_t turn = atomic_load(&park->turn);
        /* A full barrier each: what is looked at next must not have been read before. */
        atomic_store(&park->is_waking, 0);
        atomic_fetch_add(&park->sleepers, 1);
        if (!is_ready(data))
            park_futex(&park->turn, FUTEX_WAIT, turn);
        atomic_fetch_sub(&park->sleepers, 1);
        atomic_store(&park->is_waking, 0);
        if (is_ready(data))
            return;
    }
}

/* Whether someone sleeps.  Only a hint, but for a caller with a fence between its store and this. */
static inline int park_has_sleepers(park_t *park)
{
    return atomic_load_explicit(&park->sleepers, memory_order_relaxed) != 0;
}

static inline void park_wake(park_t *park, uint32_t count)
{
    if (!park_has_sleepers(park) || atomic_load_explicit(&park->is_waking, memory_order_relaxed))
        return;
    atomic_store(&park->is_waking, 1);
    atomic_fetch_add(&park->turn, 1);
    if (park_futex(&park->turn, FUTEX_WAKE, count) == 0)
        atomic_store(&park->is_waking, 0);
}

#endif
