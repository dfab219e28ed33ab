/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAKE_PLAYING_H
#define MPROC_TESTS_FAKE_PLAYING_H

/*
 * Workers of a pool, as children that act: they take orders out of the pool's queue, do what a
 * worker does to memory that is shared, and reply.
 */

#include "walk.h"

#include "pool/local.h"
#include "pool/pool.h"

/* What all workers do from now on that belong to this pool; one pool at a time. */
void play(mproc_pool_t *workers);

/* How they do it. */
typedef enum play_how_t {
    PLAY_WELL,
    PLAY_LARGE,      /* calls return much, in memory of their own */
    PLAY_DYING,      /* they die with what they have taken */
    PLAY_DYING_ONCE, /* the first one does */
    PLAY_SILENT,     /* they take nothing */
    PLAY_FAILING     /* what they do fails */
} play_how_t;

void play_how(play_how_t how);

enum { LARGE_RESULT = 100000 }; /* bytes, packed; the first says which it is */

/* Of the last one that was sent. */
unsigned char last_large_result(void);

/* What they play when they have no order. */
fake_act_fn fake_works;

/* Put a reply as worker `number` does, who need not be there; `payload` follows it. */
void put_reply(mproc_pool_t *workers, const mproc__reply_t *reply, const void *payload,
               size_t size);

/* The next order, as a worker takes it that then says nothing; it must be there. */
mproc__order_t take_order(mproc_pool_t *workers, unsigned number);

#endif
