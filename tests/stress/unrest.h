/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_UNREST_H
#define MPROC_TESTS_UNREST_H

/*
 * Processes that are killed at random and replaced, or stopped for a while, and a parent who watches
 * that the others get on.
 */

#include <mproc.h>

#include <stdatomic.h>
#include <stdint.h>

#define UNREST_MAX 8

typedef struct unrest_t {
    mproc_target_fn *roles[2];        /* of every other process */
    const mproc_pack_t *args;         /* of all */
    int count;                        /* of processes */
    const _Atomic uint64_t *progress; /* what they have done, counted */
    int stops;                        /* not 0: some are stopped instead, where that can be done */
    void (*mend)(void *data);         /* what the parent does in between for them; or NULL */
    _Atomic uint64_t *deaths;         /* counts each before it and after it; or NULL */
    void (*bury)(void *data, apr_int64_t pid); /* what it does when one is dead; or NULL */
    void *data;                                /* of both */
    apr_pool_t *mem;

    /* What came of it. */
    int kills, held_up;
    apr_interval_time_t longest; /* without progress */

    /* Its own. */
    mproc_process_t *processes[UNREST_MAX];
    apr_pool_t *memories[UNREST_MAX];
    uint32_t random;
    uint64_t done;
    apr_time_t got_on;
} unrest_t;

/* Start all of them, and kill and stop some for so long, one at least; all are there in the end. */
void cause_unrest(unrest_t *unrest, apr_interval_time_t time);

/* Nobody is killed any more: wait until they have got on once. */
void await_progress(unrest_t *unrest);

/* They have been told that it is over: each ends, and well. */
void await_ends(unrest_t *unrest);

#endif
