/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SRC_QUEUE_H
#define MPROC_SRC_QUEUE_H

/*
 * The queue as a process has it: a ring in a segment, with what is needed to use it
 * and to pass it on.
 */

#include "belongings.h"
#include "buffer.h"
#include "program.h"
#include "ring.h"

#include <mproc/queue.h>

/* For so long who only asks waits for the getters' lock, and then looks without it. */
#define MPROC__LOOK_MAX apr_time_from_msec(100)

struct mproc_queue_t {
    port_segment_t *segment; /* NULL when closed */
    mproc__ring_view_t view;
    mproc__blocks_t blocks;  /* of the view, if it has any */
    size_t max_message_size; /* 0: any */
    unsigned generation;     /* of the process that has it: see mproc__program_t */
    mproc__belonging_t belonging;
    int keeps_claim;          /* what it had got is named as lost however this process ends */
    mproc__buffer_t outgoing; /* room to pack values in, for one thread at a time */
    atomic_flag is_packing;
    apr_thread_mutex_t *copies_lock; /* of what is below */
    struct mproc__copy_t *copies;    /* messages that were acquired, and were no blocks */
};

/* Why this process cannot use it: a status and a message. */
apr_status_t mproc__queue_refuse(const mproc_queue_t *queue);

/* Whether it can: APR_SUCCESS, or the same. */
static inline apr_status_t mproc__queue_check(const mproc_queue_t *queue)
{
    return queue != NULL && queue->segment != NULL && queue->generation == mproc__program.generation
               ? APR_SUCCESS
               : mproc__queue_refuse(queue);
}

/* Get into a sink: APR_SUCCESS, MPROC_EMSGSIZE without a message, or a status and a message. */
apr_status_t mproc__queue_get_into(mproc_queue_t *queue, mproc__sink_t *sink,
                                   apr_interval_time_t timeout);

/* Whether a message may be so large: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__queue_check_size(const mproc_queue_t *queue, size_t size);

/* Whether this process has no blocks out: APR_SUCCESS, or MPROC_EINUSE and a message. */
apr_status_t mproc__queue_check_blocks(const mproc_queue_t *queue);

/* Messages that were acquired and are no blocks, and were not released, are gone. */
void mproc__queue_free_copies(mproc_queue_t *queue);

/* The message of what the ring said; returns rv. */
apr_status_t mproc__queue_failed(apr_status_t rv);

/* Queues can be packed from now on.  Before there are threads. */
void mproc__queue_register(void);

#endif
