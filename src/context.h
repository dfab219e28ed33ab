/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_CONTEXT_H
#define MPROC_SRC_CONTEXT_H

/*
 * The start methods that there are, and which one is meant.
 */

#include <mproc/context.h>

#include <apr_pools.h>

struct mproc__starting_t;

typedef struct mproc__method_t {
    const char *name;
    const char *(*refusal)(void); /* a sentence if this system cannot; else NULL */
    void (*flush)(void);          /* what would be printed out of order, or twice */
    /* What may take long, before forks are held: APR_SUCCESS, or a status and a message. */
    apr_status_t (*prepare)(struct mproc__starting_t *starting);
    void (*hold)(void); /* against forks in other threads, until mproc__forks_end() */
    /* Make the child: APR_SUCCESS, or a status and a message; or see is_unprepared in starting.h. */
    apr_status_t (*launch)(struct mproc__starting_t *starting);
    /* The rest, which may take long, without the hold: the child is told what to do. */
    apr_status_t (*tell)(const struct mproc__starting_t *starting);
} mproc__method_t;

/* By the guard: what the environment says. */
apr_status_t mproc__context_set(apr_pool_t *mem);

/* In a child: what its parent's program has set, or "". */
apr_status_t mproc__context_inherit(const char *method);

/* What this program has set, for its children; or "". */
const char *mproc__context_chosen(void);

/* The method of that name, or, if it is NULL, of this program: APR_SUCCESS, or a message. */
apr_status_t mproc__context_find(const mproc__method_t **method, const char *name);

#endif
