/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_TOIL_H
#define MPROC_TESTS_TOIL_H

/*
 * Work for pools whose results can be checked, and a thread that kills those who do it.
 */

#include "threads.h"

#include <mproc.h>

#include <stdatomic.h>
#include <stdint.h>

/* What comes of an item, or of a call with it, after a few microseconds. */
uint64_t toil_of(uint32_t item);

/* The same as an item function, and as a task. */
apr_status_t toil(const void *item, void *result, mproc_task_t *task);
apr_status_t toil_once(mproc_task_t *task);

extern const mproc_target_t toil_targets[];

/* -- Below: for the tests' own side, as they assert. -- */

typedef struct roll_t roll_t;

/* A pool, and who of it has been at work. */
typedef struct crew_t {
    mproc_pool_t *workers;
    int count;
    roll_t *roll;
    apr_interval_time_t birth; /* how long one takes until it can begin */
} crew_t;

/* A pool with an initializer of its own, and `options` otherwise. */
void make_crew(crew_t *crew, int count, mproc_pool_options_t *options, apr_pool_t *mem);

/* Join a pool, and see that nobody is left of those who were its workers at last. */
void assert_leaves_nobody(mproc_pool_t *workers);

/* A process ends by itself, and soon. */
void assert_gone(apr_int64_t pid);

/* Who kills workers at random, about as fast as they are born. */
typedef struct killer_t {
    const crew_t *crew;
    uint32_t random;
    unsigned count_at_birth; /* who had been at work when one was last killed before he was */
    _Atomic int is_over, kills;
    work_t thread;
} killer_t;

void start_killer(killer_t *killer, const crew_t *crew, apr_pool_t *mem);

/* How many it has killed at most. */
int end_killer(killer_t *killer);

#endif
