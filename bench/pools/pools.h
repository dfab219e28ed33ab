/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BENCH_POOLS_H
#define MPROC_BENCH_POOLS_H

/*
 * Runs of our pool, and of those that do the same work without one.  Whoever does it, the
 * result of item i is i + 1, and a run with another result has failed.
 */

#include "../bench.h"

/* How many workers a pool has, and threads a team: every peer is given as many. */
#define POOLS_WORKERS 2

/* What is done with an item, and what the result must be: one more. */
apr_status_t add_one(const void *item, void *result, mproc_task_t *task);

/* The same, but it takes about a millisecond. */
apr_status_t add_one_slowly(const void *item, void *result, mproc_task_t *task);

/* A map; the data of all runs of one. */
typedef struct map_t {
    mproc_item_fn *target;
    const int *items; /* item i is i */
    int *results;
    int nitems;       /* a call */
    size_t chunksize; /* 0: the default */
} map_t;

/* One call.  0: it failed. */
typedef int map_call_t(const map_t *map);

/* The time of calls until `count` items are done; < 0: one failed, or a result is wrong. */
double map_time(map_call_t *call, const map_t *map, int count);

/* -- Ours -- */

/* The targets of our workers, for mproc_init(). */
extern const mproc_target_t pools_targets[];

/* Start the workers of all runs but run_ours_first(). */
void ours_begin(apr_pool_t *mem);

void ours_end(void);

/* Memory that the workers share, for arrays that are used where they lie. */
void *ours_alloc(size_t size);

void ours_free(void *memory);

/* These are of the type bench_run_t, and their data is a map_t. */
double run_ours(int count, void *data);
double run_ours_first(int count, void *data); /* one call, the first of a new pool */
double run_ours_above(int count, void *data); /* how much longer than run_loop() */
double run_ours_added(int count, void *data); /* how much longer than as many calls of one item */
double run_ours_imap(int count, void *data);

/* So are these, but they have no data: calls given all at once, and one after the other. */
double run_ours_submit(int count, void *data);
double run_ours_apply(int count, void *data);

/* -- Peers: of the type bench_run_t, and their data is a map_t -- */

/* One thread. */
double run_loop(int count, void *data);

double run_openmp(int count, void *data);

/* NULL, or why OpenMP cannot be measured. */
extern const char *const openmp_missing;

#endif
