/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BENCH_SYNCS_H
#define MPROC_BENCH_SYNCS_H

/*
 * What the benchmark of locks and the like knows of one of them, ours or a peer's: a function that
 * does so many steps with it, in one process alone, or in two at once, each on a CPU of its own.
 *
 * Ours are made by the parent and given to the other process; what is of POSIX lies in memory that
 * both have at the same address, as the other is a fork.
 */

#include "bench.h"

#include <pthread.h>

/* Who does the steps: the parent, or the other process. */
enum { HERE, THERE };

typedef struct sync_side_t {
    const char *name;
    /* Do so many steps; 0: it failed. */
    int (*run)(void *object, int who, int count);
    void *object;
    const char *missing; /* not NULL: why it cannot be measured, in words */
} sync_side_t;

typedef struct sync_case_t {
    const char *name;
    const char *python_name;  /* NULL: Python has none */
    const char *python;       /* what peers/sync.py is to do */
    int for_two;              /* both processes do the steps */
    int are_shared;           /* a step of either counts; else both make one step together */
    const sync_side_t *sides; /* ours is the first; ended by one without a name */
} sync_case_t;

/* Ours, as this process has them. */
typedef struct sync_ours_t {
    mproc_lock_t *lock, *rlock;
    mproc_semaphore_t *semaphore;
    mproc_event_t *events[2]; /* that each waits for */
    mproc_condition_t *condition;
    mproc_barrier_t *alone, *both;
    mproc_rwlock_t *rwlock;
    mproc_array_t *value;
} sync_ours_t;

extern sync_ours_t ours;

/* Memory that both processes have, 0 at first. */
void *sync_memory(size_t size);

/* A number in it, which is 0 before a run.  Where steps add to it, none may be missed. */
extern uint64_t *guarded;

/* Make a mutex in such memory: PTHREAD_MUTEX_RECURSIVE or so, and PTHREAD_MUTEX_ROBUST or not. */
void sync_mutex_make(pthread_mutex_t *mutex, int type, int robustness);

/* The families; each file has one, and makes its peers. */
extern const sync_case_t lock_cases[], value_cases[], event_cases[], rwlock_cases[];
void make_locks(apr_pool_t *mem);
void make_values(void);
void make_events(void);
void make_rwlocks(void);

/* In the other process. */
apr_status_t adopt_locks(apr_pool_t *mem);

#endif
