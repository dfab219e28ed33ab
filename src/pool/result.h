/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_RESULT_H
#define MPROC_POOL_RESULT_H

/*
 * Results: the jobs of which somebody has the result, or waits for it.
 *
 * They are small and there may be very many, so that they are not in pools of their own: all that
 * are to live as long as some memory have one home there, which knows when it goes.
 */

#include "pool.h"
#include "values.h"

/* In the user's memory; under the lock of the pool. */
typedef struct mproc__home_t {
    struct mproc__home_t *next;
    mproc_pool_t *workers; /* NULL when that has gone before */
    const apr_pool_t *mem; /* whose it is */
    apr_pool_t *own;
    mproc_result_t *results;
} mproc__home_t;

/* What one call has returned. */
typedef struct mproc__returned_t {
    mproc__buffer_t bytes;
    mproc_values_t *values; /* once somebody has asked for them */
} mproc__returned_t;

/* How far a map is. */
typedef struct mproc__map_t {
    size_t item_size, result_size, chunksize;
    size_t nchunks;
    unsigned char *results;  /* the user's; NULL when they are not to be touched any more */
    unsigned char *filled;   /* where workers put them; the same if in place */
    mproc__chunks_t *chunks;
    mproc__arrays_t *arrays;
    mproc__order_t order; /* for all works */
    int is_copying;       /* without the lock */
} mproc__map_t;

struct mproc_result_t {
    mproc__job_t job;
    mproc__home_t *home; /* or NULL */
    mproc_result_t *next, *previous;
    mproc_async_options_t options;
    int is_delivered;       /* as far as the callback is concerned it is there */
    size_t count;           /* of calls or items */
    size_t counted;         /* as done */
    apr_status_t status;    /* of the first that has failed */
    size_t first_failed;    /* which that is, if the status says so */
    char *words;            /* or NULL */
    apr_status_t *statuses; /* of each; NULL: none has failed */
    mproc__returned_t *returned; /* of each call; NULL for a map */
    mproc__map_t *map;           /* or NULL */
};

/* A result of a kind, for `count` calls or items: or NULL.  Nobody knows it yet. */
mproc_result_t *mproc__result_create(const mproc__job_kind_t *kind, mproc_pool_t *workers,
                                     size_t count, const mproc_async_options_t *options);

/* Under the lock: it lives as long as `mem`: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__result_settle(mproc_result_t *result, apr_pool_t *mem);

/* It is not to be. */
void mproc__result_free(mproc__job_t *job);

/* Under the lock: one has failed. */
void mproc__result_set_failed(mproc_result_t *result, size_t index, apr_status_t status,
                              const char *words);

/* Under the lock: of the job kinds of results: all have failed that nothing was said of. */
void mproc__result_fail(mproc__job_t *job, apr_status_t status, const char *words);

/* Wait for a result, without a home: its status with a message, or APR_TIMEUP. */
apr_status_t mproc__result_await(mproc_result_t *result, apr_interval_time_t timeout);

/* The same result is not wanted any more: cancelled if it is not there, and freed. */
void mproc__result_give_up(mproc_result_t *result);

/* Under the lock, which is let go meanwhile: what comes before all may see it. */
void mproc__job_call_back(mproc__job_t *job);

/* The options of a call: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__async_options(const mproc_async_options_t **options);

/* The number of a target of a kind: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__pool_target(apr_uint64_t *number, mproc_target_kind_t kind,
                                void (*function)(void));

/* The pool's memory goes: so do the results, but for their homes. */
void mproc__homes_forget(mproc_pool_t *workers);

/* map.c: copy results to where the user has them. */
void mproc__map_deliver(mproc_result_t *result);

/* imap.c: the same for iterators. */
void mproc__imaps_forget(mproc_pool_t *workers);

#endif
