/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ring in plain memory.
 */

#include "rings.h"

#include <mproc/status.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

mproc__ring_t plain_ring;
ring_table_t plain_table;

static apr_status_t free_data(void *data)
{
    free(data);
    return APR_SUCCESS;
}

static void must(apr_status_t rv)
{
    assert(rv == APR_SUCCESS);
    if (rv != APR_SUCCESS)
        abort();
}

/* One for all rings of the program. */
static port_segment_t *find_segment(void)
{
    static port_segment_t *segment;
    apr_pool_t *mem;

    if (segment == NULL) {
        must(apr_pool_create(&mem, NULL));
        must(port_segment_create(&segment, 1, mem));
    }
    return segment;
}

static void join(mproc__ring_view_t *view, apr_pool_t *mem)
{
    mproc__member_t *member = &view->member;
    int i;

    member->segment = find_segment();
    member->members = &plain_table.members;
    member->places = plain_table.places;
    member->nplaces = RING_PLACES;
    for (i = 0; i < MPROC__EVENTS_MAX; i++)
        member->events[i] = &plain_ring.events[i];
    must(mproc__member_join(member, mem));
}

mproc__ring_view_t *make_ring(size_t capacity, size_t maxsize, apr_pool_t *mem)
{
    mproc__ring_view_t *view = apr_pcalloc(mem, sizeof *view);

    memset(&plain_ring, 0, sizeof plain_ring);
    memset(&plain_table, 0, sizeof plain_table);
    view->ring = &plain_ring;
    view->bytes.data = calloc(1, capacity);
    must(view->bytes.data != NULL ? APR_SUCCESS : APR_ENOMEM);
    apr_pool_cleanup_register(mem, view->bytes.data, free_data, apr_pool_cleanup_null);
    view->bytes.capacity = capacity;
    view->maxsize = maxsize;
    join(view, mem);
    return view;
}

/* -- Messages -------------------------------------------------------------------- */

typedef struct block_t {
    mproc__sink_t sink;
    unsigned char *bytes;
    size_t capacity, used;
    apr_uint64_t size;
} block_t;

static block_t *block_of(mproc__sink_t *sink)
{
    return (block_t *)(void *)sink;
}

static void begin_block(mproc__sink_t *sink)
{
    block_of(sink)->used = 0;
}

static apr_status_t accept_block(mproc__sink_t *sink, apr_uint64_t size)
{
    block_of(sink)->size = size;
    return size <= block_of(sink)->capacity ? APR_SUCCESS : MPROC_EMSGSIZE;
}

static unsigned char *room_in_block(mproc__sink_t *sink, size_t size)
{
    block_t *block = block_of(sink);

    assert(size <= block->capacity - block->used);
    block->used += size;
    return block->bytes + block->used - size;
}

apr_status_t ring_put(mproc__ring_view_t *view, const void *data, size_t size)
{
    mproc__patience_t none = mproc__patience(0);
    mproc_bytes_t message = {data, size};
    size_t put;

    return mproc__ring_put(view, &message, 1, &put, &none);
}

apr_status_t ring_get(mproc__ring_view_t *view, void *buffer, size_t capacity, size_t *size)
{
    mproc__patience_t none = mproc__patience(0);
    block_t block = {
        {.begin = begin_block, .accept = accept_block, .room = room_in_block, .most = 1},
        buffer,
        capacity,
        0,
        0};
    apr_status_t rv = mproc__ring_get(view, &block.sink, &none);

    if (rv == APR_SUCCESS || rv == MPROC_EMSGSIZE)
        *size = (size_t)block.size;
    assert(rv != APR_SUCCESS || block.used == block.size);
    return rv;
}
