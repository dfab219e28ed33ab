/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_RINGS_H
#define MPROC_TESTS_RINGS_H

/*
 * A ring in the plain memory of one process, for tests that look into it or
 * damage it.  Each part is a block of just its size, so that a sanitizer sees what is
 * touched beside it; only parks, bell and signs of life are a segment's.
 */

#include "ring.h"

/* Places for members; this process has the first. */
#define RING_PLACES 64

/* The table of members as it would lie in a segment. */
typedef struct ring_table_t {
    mproc__members_t members;
    mproc__place_t places[RING_PLACES];
} ring_table_t;

/*
 * The view of a new, empty ring.  There is one at a time: the ring and its table are
 * `plain_ring` and `plain_table`, and the messages go with the pool.
 */
mproc__ring_view_t *make_ring(size_t capacity, size_t maxsize, apr_pool_t *mem);

extern mproc__ring_t plain_ring;
extern ring_table_t plain_table;

/* The name of a member that there never was: who has it is dead. */
#define DEAD_MEMBER ((mproc__member_id_t)99 << 16 | RING_PLACES)

/* Put and get one message, looking once. */
apr_status_t ring_put(mproc__ring_view_t *view, const void *data, size_t size);

/* *size is set on success, and when the message is too large. */
apr_status_t ring_get(mproc__ring_view_t *view, void *buffer, size_t capacity, size_t *size);

#endif
