/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BENCH_QUEUES_H
#define MPROC_BENCH_QUEUES_H

/*
 * What the queue benchmark knows of a queue, ours or a peer's: how to make it, put a
 * message, get one, and close it.  One loop then drives them all.
 *
 * A queue is made in the benchmark's process and used by copies of it, to which
 * memory and descriptors come as they are; `open` is for queues that need more.
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the queues hold at a time, unless the case says otherwise. */
#define QUEUE_CAPACITY ((size_t)1 << 20)

/* Of blocks: so many messages. */
#define QUEUE_BLOCKS 64

/* What a queue is to be used for. */
typedef struct queue_use_t {
    size_t message_size; /* of every message */
    size_t capacity;     /* bytes of messages */
    int putters, getters;
} queue_use_t;

typedef struct queue_kind_t {
    const char *name;
    /* Why it cannot be used for this, in words; NULL: it can.  May be NULL itself: it always can. */
    const char *(*refuses)(const queue_use_t *use);
    /* NULL: it failed. */
    void *(*create)(const queue_use_t *use);
    /* In the process that puts or gets; a number of its own, from 0.  May be NULL. */
    int (*open)(void *queue, int is_putter, int number);
    /* 1: done; 0: it failed. */
    int (*put)(void *queue, const void *message, size_t size);
    /* 1: done; 0: it failed; -1: nothing came for a while, which only `is_dealt` may say. */
    int (*get)(void *queue, void *buffer, size_t size);
    /* The process that had opened it is done with it.  May be NULL. */
    void (*leave)(void *queue);
    void (*close)(void *queue);
    /* Putters deal their messages out: a getter does not know how many will be its own. */
    int is_dealt;
    int is_ours; /* it is given to the processes as an argument */
} queue_kind_t;

extern const queue_kind_t queue_ours, queue_blocks, queue_spsc, queue_vyukov, queue_futex,
    queue_pipe, queue_seqpacket, queue_posix_mq, queue_boost, queue_zeromq, queue_nng,
    queue_semaphore;

/* Zeroed memory that copies of this process share with it, and that is there already; NULL: none. */
void *queue_memory(size_t size);

#ifdef __cplusplus
}
#endif

#endif
