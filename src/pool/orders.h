/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_ORDERS_H
#define MPROC_POOL_ORDERS_H

/*
 * What a pool and its workers say to each other.
 *
 * Orders go to all workers through one queue, and whoever has nothing to do takes the next;
 * replies come back through another.  Who took an order and died with it would leave no trace but
 * a claim, so each order has a ticket on a board in shared memory, and a worker writes its number
 * there by one compare-and-swap before it does anything.  That is also how an order is called back:
 * by the one who gave it, in the same way.  A ticket's word is
 *
 *     turn << 16 | holder        holder: 0 while the order lies in the queue, a worker's number
 *                                from 1 on, or MPROC__WITHDRAWN
 *
 * and the turn changes each time the ticket is given out, so that no old order fits.
 *
 * What a worker is at just now stands in its slot on the board: so its death costs one item.
 *
 * Both are of one build, so that these structs travel as they lie in memory.
 */

#include "port.h"

#include <apr.h>

#include <stdatomic.h>

/* Orders on their way at a time; the others wait in the pool, and can be cancelled there. */
#define MPROC__TICKETS 1024

#define MPROC__HOLDER_BITS 16
#define MPROC__HOLDER_MASK ((apr_uint64_t)0xffff)
#define MPROC__WITHDRAWN MPROC__HOLDER_MASK

/* Bytes that go through a queue with an order or a reply; more go in memory of their own. */
#define MPROC__INLINE_MAX ((size_t)16384)

/* No item was begun. */
#define MPROC__NO_ITEM UINT64_MAX

typedef enum mproc__order_kind_t {
    MPROC__CALL = 1, /* a task, with packed arguments */
    MPROC__ITEMS,    /* items that travel with the order, and their results with the reply */
    MPROC__RANGE,    /* some items of an array, results into another */
    MPROC__CHUNKS,   /* the same, taken chunk by chunk with others as long as there are any */
    MPROC__QUIT      /* end */
} mproc__order_kind_t;

/* Where something lies in memory that the pool shares. */
typedef struct mproc__area_t {
    apr_uint64_t memory; /* its number, from 1; 0: nowhere */
    apr_uint64_t offset;
} mproc__area_t;

typedef struct mproc__order_t {
    apr_uint64_t ticket; /* the word that it must find */
    apr_uint32_t index;  /* where on the board */
    apr_uint32_t kind;
    apr_uint64_t target;   /* its number in the table */
    apr_uint64_t size;     /* of the payload, which follows, or lies in `payload` */
    mproc__area_t payload; /* if it lies in memory */

    /* Of items. */
    apr_uint64_t item_size, result_size;
    apr_uint64_t first, end; /* which */
    mproc__area_t items, results;
    mproc__area_t chunks; /* an mproc__chunks_t */
    apr_uint64_t chunksize;
} mproc__order_t;

/* How far the workers are with an array. */
typedef struct mproc__chunks_t {
    _Alignas(128) _Atomic apr_uint64_t next; /* chunk that nobody has taken */
    _Atomic apr_uint64_t done;               /* items, roughly: for a progress bar */
    _Alignas(128) _Atomic unsigned char taken[]; /* of each chunk: whether somebody's slot has said so */
} mproc__chunks_t;

typedef enum mproc__reply_kind_t {
    MPROC__REPLY_NUDGE,      /* the pool's own: look around */
    MPROC__REPLY_READY,      /* the initializer is done */
    MPROC__REPLY_BROKEN,     /* it failed; words follow */
    MPROC__REPLY_DONE,       /* an order, with what it returned, or words if `status` is a failure */
    MPROC__REPLY_ITEM_FAILED /* of an order that goes on; words follow */
} mproc__reply_kind_t;

typedef struct mproc__reply_t {
    apr_uint64_t ticket; /* as in the order */
    apr_uint32_t index;
    apr_uint32_t kind;
    apr_uint32_t worker;
    apr_int32_t status;
    apr_uint64_t item; /* that has failed */
    apr_uint64_t size; /* of what follows, or comes as memory through the worker's own line */
    apr_uint32_t is_in_memory;
    apr_uint32_t is_leaving; /* the worker stopped before the end of the chunks */
} mproc__reply_t;

/* Whether an order that came, in `size` bytes with what follows, stays within bounds. */
int mproc__order_is_sound(const mproc__order_t *order, size_t size);

/* The same of a reply. */
int mproc__reply_is_sound(const mproc__reply_t *reply, size_t size);

/* Whether an item is one of an order's. */
int mproc__order_has_item(const mproc__order_t *order, apr_uint64_t item);

/* What a worker is at.  Written by it alone, but for what is said to be the pool's. */
typedef struct mproc__slot_t {
    _Alignas(128) _Atomic apr_uint64_t chunk; /* number of the one it has taken + 1, or 0 */
    _Atomic apr_uint64_t item;                /* the item it is at; behind the last: all are done */
    _Atomic apr_uint64_t ticket;              /* what it is at, by its word, or 0 */
    _Atomic apr_int64_t began;                /* when it began that, if time is kept; 0: nothing */
    _Atomic apr_uint32_t index;               /* of the ticket */
    _Atomic apr_uint32_t heard;               /* messages that it has read from its line */
    _Alignas(128) _Atomic apr_uint32_t announced; /* the pool's: messages in the worker's line */
    _Atomic apr_uint32_t fetched;                 /* the pool's: large results that it has */
} mproc__slot_t;

typedef struct mproc__board_t {
    _Alignas(128) _Atomic apr_uint32_t results; /* the pool's: changes when results are there */

    /* What workers keep to; set once. */
    apr_uint32_t maxtasks;
    apr_uint32_t keeps_time;
    apr_uint64_t max_rss;
    apr_interval_time_t soft_timeout;

    _Alignas(128) _Atomic apr_uint64_t tickets[MPROC__TICKETS];
    mproc__slot_t slots[];
} mproc__board_t;

/* The parks of the board. */
enum { MPROC__PARK_RESULTS, MPROC__PARK_FETCHED };

#endif
