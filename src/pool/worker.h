/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_WORKER_H
#define MPROC_POOL_WORKER_H

/*
 * A worker, as it is in its own process.
 */

#include "buffer.h"
#include "orders.h"
#include "shared_memory.h"
#include "task.h"

#include <mproc/connection.h>
#include <mproc/queue.h>

/* Memory of the pool that this worker has. */
typedef struct mproc__mapped_t {
    struct mproc__mapped_t *next;
    apr_uint64_t number;
    apr_pool_t *mem;
    unsigned char *data;
    size_t size;
} mproc__mapped_t;

typedef struct mproc__worker_t {
    apr_pool_t *mem;
    apr_uint32_t number;
    const char *method;
    mproc_queue_t *orders;
    mproc_queue_t *replies;
    mproc_connection_t *line; /* to the pool, for memory */
    mproc__shared_memory_t *board_memory;
    mproc__board_t *board;
    mproc__slot_t *slot;

    mproc__mapped_t *mapped;
    apr_uint32_t heard;  /* messages read from the line */
    apr_uint32_t handed; /* large results sent through it */

    mproc__order_t *order; /* what it is at: in `incoming`, with its payload behind */
    unsigned char *incoming;
    mproc_values_t *values;   /* the arguments of a call */
    mproc__buffer_t returned; /* what a call returned, or the results of items */
    mproc__buffer_t outgoing; /* a reply */
    mproc__buffer_t apart;    /* a result by itself, and what must not be written behind it */
    apr_pool_t *task_mem;     /* cleared after each task */
    apr_uint32_t tasks;       /* done */

    const mproc_target_t *target; /* the last one, and its number */
    apr_uint64_t target_number;
} mproc__worker_t;

/* The targets that a process of a pool runs. */
apr_status_t mproc__pool_worker(mproc_task_t *task);

/* Where an area lies here, `size` bytes of it: APR_SUCCESS, or a status that ends the worker. */
apr_status_t mproc__worker_find(mproc__worker_t *worker, unsigned char **data,
                                const mproc__area_t *area, apr_uint64_t size);

/* Read what the pool has said of its memory. */
apr_status_t mproc__worker_hear(mproc__worker_t *worker);

/* Reply to the order at hand; `words` or `data` follow. */
apr_status_t mproc__worker_reply(mproc__worker_t *worker, mproc__reply_t *reply, const void *data,
                                 size_t size);

/* Have the pool look around. */
apr_status_t mproc__worker_nudge(mproc__worker_t *worker);

/* That an item has failed. */
apr_status_t mproc__worker_item_failed(mproc__worker_t *worker, apr_uint64_t item,
                                       apr_status_t status);

/* Wait until the pool has taken all the memory that went to it. */
void mproc__worker_settle(mproc__worker_t *worker);

/* The task for the order at hand. */
mproc_task_t mproc__worker_task(mproc__worker_t *worker);

/* This item, or call, begins now; nothing does. */
void mproc__worker_begin(mproc__worker_t *worker, mproc_task_t *task);
void mproc__worker_finish(mproc__worker_t *worker, mproc_task_t *task);

/* A task is done: whether the worker has done enough, and should make room for a new one. */
int mproc__worker_count_task(mproc__worker_t *worker);

/* Do what an order of each kind says, and reply.  A failure ends the worker. */
apr_status_t mproc__worker_do_items(mproc__worker_t *worker);
apr_status_t mproc__worker_do_range(mproc__worker_t *worker);
apr_status_t mproc__worker_do_chunks(mproc__worker_t *worker, int *is_enough);

#endif
