/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_IMAP_H
#define MPROC_POOL_IMAP_H

/*
 * An iterator, between its own files.
 */

#include "pool.h"

/* An item that has failed. */
typedef struct mproc__failure_t {
    struct mproc__failure_t *next;
    size_t item;
    apr_status_t status;
    char words[];
} mproc__failure_t;

/* Items that travel together, and their results. */
typedef struct mproc__batch_t {
    struct mproc__batch_t *next, *previous; /* in the order of the items */
    struct mproc__batch_t *next_whole;      /* in the order in which they came back */
    size_t first, count;
    size_t left;  /* items that have not come back */
    size_t given; /* results handed out */
    mproc__failure_t *failures;
    apr_status_t unnoted; /* of a failure that there was no memory for: any item may be it */
    unsigned char results[];
} mproc__batch_t;

struct mproc_imap_t {
    mproc__job_t job;
    mproc_imap_t *next; /* of the pool's iterators */
    apr_pool_t *mem;
    int is_ordered;
    int is_attached; /* the pool knows it */

    /* Where items come from. */
    mproc_source_fn *source;
    void *source_data;
    const unsigned char *items;
    size_t count, item_size, result_size, chunksize, buffersize;
    size_t read; /* items */
    size_t given;
    int is_read;            /* there are no more */
    apr_status_t source_rv; /* why, if that is a failure */
    char *source_words;
    unsigned char *staging; /* room for a chunk */

    /* What is under way. */
    mproc__batch_t *batches, *last_batch;
    mproc__batch_t *whole, **whole_end;
    apr_status_t failed; /* all that is not whole */
    char *words;
};

/* What jobs do that are iterators. */
extern const mproc__job_kind_t mproc__imap_kind;

/* The next items, `count` of them, as a batch, or NULL. */
mproc__batch_t *mproc__batch_create(mproc_imap_t *it, size_t count);

void mproc__batch_free(mproc_imap_t *it, mproc__batch_t *batch);

/* No more items are read. */
void mproc__imap_set_read(mproc_imap_t *it);

void mproc__imap_free(mproc__job_t *job);

#endif
