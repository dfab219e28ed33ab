/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ring for one putter and one getter, without a lock: what a queue between two
 * processes costs at the least.  Slots have the size of a message, and no header.
 * Each side keeps what it last saw of the other's index, and reads that only when it
 * must.
 */

#include "park.h"
#include "queues.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

typedef struct ring_t {
    _Alignas(RING_LINE) size_t slots;
    size_t size;
    size_t mapped;
    _Alignas(RING_LINE) _Atomic size_t tail; /* the putter's line */
    size_t head_seen;
    _Alignas(RING_LINE) _Atomic size_t head; /* the getter's line */
    size_t tail_seen;
    park_t not_empty, not_full;
    _Alignas(RING_LINE) unsigned char bytes[];
} ring_t;

static const char *refuses(const queue_use_t *use)
{
    return use->putters > 1 || use->getters > 1 ? "it has one putter and one getter" : NULL;
}

static void *create(const queue_use_t *use)
{
    size_t mapped = sizeof(ring_t) + use->capacity;
    ring_t *ring = queue_memory(mapped);

    if (ring != NULL) {
        ring->slots = use->capacity / use->message_size;
        ring->size = use->message_size;
        ring->mapped = mapped;
    }
    return ring;
}

static unsigned char *slot(ring_t *ring, size_t index)
{
    return ring->bytes + (index & (ring->slots - 1)) * ring->size;
}

static int has_room(void *data)
{
    ring_t *ring = data;

    ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    return atomic_load_explicit(&ring->tail, memory_order_relaxed) - ring->head_seen < ring->slots;
}

static int put(void *queue, const void *message, size_t size)
{
    ring_t *ring = queue;
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    if (tail - ring->head_seen == ring->slots && !has_room(ring))
        park_wait(&ring->not_full, has_room, ring);
    memcpy(slot(ring, tail), message, size);
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* the index before the look for sleepers */
    park_wake(&ring->not_empty, 1);
    return 1;
}

static int has_message(void *data)
{
    ring_t *ring = data;

    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return atomic_load_explicit(&ring->head, memory_order_relaxed) != ring->tail_seen;
}

static int get(void *queue, void *buffer, size_t size)
{
    ring_t *ring = queue;
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    if (head == ring->tail_seen && !has_message(ring))
        park_wait(&ring->not_empty, has_message, ring);
    memcpy(buffer, slot(ring, head), size);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    /* A putter is woken for half a ring, or it would be a switch of processes for each message. */
    if (park_has_sleepers(&ring->not_full) && ring->tail_seen - head - 1 <= ring->slots / 2)
        park_wake(&ring->not_full, 1);
    return 1;
}

static void close_ring(void *queue)
{
    ring_t *ring = queue;

    munmap(ring, ring->mapped);
}

const queue_kind_t queue_spsc = {.name = "SPSC ring",
                                 .refuses = refuses,
                                 .create = create,
                                 .put = put,
                                 .get = get,
                                 .close = close_ring};
