/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One slot and a bare futex, for round trips: what a switch to another process and
 * back costs at the least when nobody spins.
 */

#include "park.h"
#include "queues.h"

#include <string.h>
#include <sys/mman.h>

typedef struct slot_t {
    _Atomic uint32_t is_full;
    size_t mapped;
    _Alignas(RING_LINE) unsigned char bytes[];
} slot_t;

static const char *refuses(const queue_use_t *use)
{
    return use->putters > 1 || use->getters > 1 ? "it has one putter and one getter" : NULL;
}

static void *create(const queue_use_t *use)
{
    slot_t *slot = queue_memory(sizeof *slot + use->message_size);

    if (slot != NULL)
        slot->mapped = sizeof *slot + use->message_size;
    return slot;
}

static int put(void *queue, const void *message, size_t size)
{
    slot_t *slot = queue;

    while (atomic_load_explicit(&slot->is_full, memory_order_acquire))
        park_futex(&slot->is_full, FUTEX_WAIT, 1);
    memcpy(slot->bytes, message, size);
    atomic_store_explicit(&slot->is_full, 1, memory_order_release);
    park_futex(&slot->is_full, FUTEX_WAKE, 1);
    return 1;
}

/* Wakes nobody: in a round trip the putter is not waiting for room. */
static int get(void *queue, void *buffer, size_t size)
{
    slot_t *slot = queue;

    while (!atomic_load_explicit(&slot->is_full, memory_order_acquire))
        park_futex(&slot->is_full, FUTEX_WAIT, 0);
    memcpy(buffer, slot->bytes, size);
    atomic_store_explicit(&slot->is_full, 0, memory_order_release);
    return 1;
}

static void close_slot(void *queue)
{
    slot_t *slot = queue;

    munmap(slot, slot->mapped);
}

const queue_kind_t queue_futex = {.name = "futex",
                                  .refuses = refuses,
                                  .create = create,
                                  .put = put,
                                  .get = get,
                                  .close = close_slot};
