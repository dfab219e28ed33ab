/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Dmitry Vyukov's bounded ring for many putters and many getters, without a lock: a
 * side takes a slot by a compare-and-swap of its index, and hands it over by the
 * slot's turn.  Who is stopped in between holds up all who come after it.
 */

#include "park.h"
#include "queues.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

/* A slot's turn is its index when it may be filled, one more when it may be taken. */
typedef struct slot_t {
    _Atomic size_t turn;
    unsigned char bytes[];
} slot_t;

typedef struct ring_t {
    _Alignas(RING_LINE) size_t slots;
    size_t stride;
    size_t mapped;
    _Alignas(RING_LINE) _Atomic size_t tail;
    _Alignas(RING_LINE) _Atomic size_t head;
    park_t not_empty, not_full;
    _Alignas(RING_LINE) unsigned char bytes[];
} ring_t;

static slot_t *slot(ring_t *ring, size_t index)
{
    return (slot_t *)(ring->bytes + (index & (ring->slots - 1)) * ring->stride);
}

static void *create(const queue_use_t *use)
{
    size_t stride = (sizeof(slot_t) + use->message_size + 63) & ~(size_t)63;
    size_t slots = use->capacity / use->message_size;
    size_t mapped = sizeof(ring_t) + slots * stride;
    ring_t *ring = queue_memory(mapped);
    size_t i;

    if (ring == NULL)
        return NULL;
    ring->slots = slots;
    ring->stride = stride;
    ring->mapped = mapped;
    for (i = 0; i < slots; i++)
        atomic_init(&slot(ring, i)->turn, i);
    return ring;
}

/* How far a slot is from the turn that its index asks for: 0 it is there, < 0 it will be. */
static ptrdiff_t away(ring_t *ring, size_t index, size_t turn)
{
    return (ptrdiff_t)(atomic_load_explicit(&slot(ring, index)->turn, memory_order_acquire) - turn);
}

static int has_room(void *data)
{
    ring_t *ring = data;
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    return away(ring, tail, tail) >= 0;
}

static int has_message(void *data)
{
    ring_t *ring = data;
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

    return away(ring, head, head + 1) >= 0;
}

/* Take the next slot of a side, whose turn is `more` above its index. */
static size_t take(ring_t *ring, _Atomic size_t *side, size_t more, park_t *park,
                   park_ready_t *is_ready)
{
    size_t index = atomic_load_explicit(side, memory_order_relaxed);

    for (;;) {
        ptrdiff_t distance = away(ring, index, index + more);
        if (distance == 0) {
            if (atomic_compare_exchange_weak_explicit(side, &index, index + 1, memory_order_relaxed,
                                                      memory_order_relaxed))
                return index;
            continue;
        }
        if (distance < 0)
            park_wait(park, is_ready, ring);
        index = atomic_load_explicit(side, memory_order_relaxed);
    }
}

static int put(void *queue, const void *message, size_t size)
{
    ring_t *ring = queue;
    size_t index = take(ring, &ring->tail, 0, &ring->not_full, has_room);
    slot_t *mine = slot(ring, index);

    memcpy(mine->bytes, message, size);
    atomic_store_explicit(&mine->turn, index + 1, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* the turn before the look for sleepers */
    park_wake(&ring->not_empty, 1);
    return 1;
}

static size_t used(ring_t *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed) -
           atomic_load_explicit(&ring->head, memory_order_relaxed);
}

static int get(void *queue, void *buffer, size_t size)
{
    ring_t *ring = queue;
    size_t index = take(ring, &ring->head, 1, &ring->not_empty, has_message);
    slot_t *mine = slot(ring, index);

    memcpy(buffer, mine->bytes, size);
    atomic_store_explicit(&mine->turn, index + ring->slots, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    /* Putters are woken for half a ring, or it would be a switch of processes for each message. */
    if (park_has_sleepers(&ring->not_full) && used(ring) <= ring->slots / 2)
        park_wake(&ring->not_full, INT_MAX);
    /* Puts wake one getter at a time; who gets sees to the next. */
    if (park_has_sleepers(&ring->not_empty) && has_message(ring))
        park_wake(&ring->not_empty, 1);
    return 1;
}

static void close_ring(void *queue)
{
    ring_t *ring = queue;

    munmap(ring, ring->mapped);
}

const queue_kind_t queue_vyukov = {
    .name = "Vyukov ring", .create = create, .put = put, .get = get, .close = close_ring};
