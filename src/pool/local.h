/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_LOCAL_H
#define MPROC_POOL_LOCAL_H

/*
 * The engine of processes on this machine, between its own files.
 */

#include "engine.h"
#include "shared_memory.h"

#include <mproc/connection.h>
#include <mproc/process.h>
#include <mproc/queue.h>
#include <mproc/wait.h>

/* Places in both queues: a dead worker's is kept until what it had is known. */
#define MPROC__PLACES (2 * MPROC_WORKERS_MAX + 2)

/* A worker as the pool knows it. */
typedef struct mproc__hand_t {
    int is_reserved; /* its number is somebody's */
    int is_here;     /* it was admitted, and was not found ended */
    int is_ready;
    int is_out_of_step; /* a large result of it was lost: it is being ended */
    int has_ended; /* it was found so, and nobody was told */
    apr_pool_t *mem;
    mproc_process_t *process;
    mproc_connection_t *line;

    /* What it is to be told through its line: numbers of memory; negative: it is gone. */
    apr_int64_t *untold;
    size_t nuntold, untold_room;
} mproc__hand_t;

struct mproc__engine_t {
    apr_pool_t *mem;
    mproc__engine_config_t config;
    mproc__shared_memory_t *board_memory;
    mproc__board_t *board;
    mproc_queue_t *orders;
    mproc_queue_t *replies;

    mproc__hand_t hands[MPROC_WORKERS_MAX + 1]; /* by number */
    unsigned most;                              /* the largest number that was ever given */

    mproc__parcel_t *parcels[MPROC__TICKETS]; /* by ticket; NULL: free */
    apr_uint64_t turns[MPROC__TICKETS];
    apr_uint32_t free_tickets[MPROC__TICKETS];
    size_t nfree;
    unsigned char *outgoing; /* room for an order and its payload */

    mproc__memory_t *memories;
    apr_uint64_t last_memory; /* number */
    int keeps_no_memory;      /* nobody will use it again */

    int is_damaged; /* a queue is, by somebody who has it */

    /* The supervisor's. */
    unsigned char *incoming;
    size_t incoming_size;
    apr_pool_t *fetched_mem; /* of one large result */
    mproc_waitable_t *waitables;
    mproc_lost_t lost[MPROC__PLACES];
};

/* Tell a worker what it is to be told, as far as that goes without waiting. */
void mproc__hand_tell(mproc__engine_t *engine, unsigned number);

/* It is to be told this. */
void mproc__hand_note(mproc__engine_t *engine, unsigned number, apr_int64_t memory);

/* A new worker is to know all memory that there is. */
void mproc__hand_note_all(mproc__engine_t *engine, unsigned number);

/* All of the pool's own is given back. */
void mproc__memories_close(mproc__engine_t *engine);

/*
 * Take a large result out of the line of a worker that is here: APR_SUCCESS, or a status and a
 * message.  It lies there until `fetched_mem` is cleared.
 */
apr_status_t mproc__hand_fetch(mproc__engine_t *engine, unsigned number, void **data,
                               apr_uint64_t size);

/* Look for workers that have ended, and tell of them: how many. */
size_t mproc__hands_reap(mproc__engine_t *engine, const mproc__listener_t *listener);

/* Tell of all replies that have come: how many. */
size_t mproc__replies_receive(mproc__engine_t *engine, const mproc__listener_t *listener);

#endif
