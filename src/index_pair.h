/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_INDEX_PAIR_H
#define MPROC_INDEX_PAIR_H

/*
 * An index: how far one side of a ring has come, in bytes and in messages, in one
 * word, so that one store makes both true.
 *
 *     bit 0        OPEN: a message that passes in pieces is unfinished
 *     bits 1-31    position in units of 8 bytes, modulo 2^31: 16 GiB
 *     bits 32-63   messages, modulo 2^32
 *
 * What lies between two indexes is less than either modulus, as a ring is at most
 * 4 GiB, and a message at least 8 bytes.
 */

#include <apr.h>

#include <stdatomic.h>
#include <stdint.h>

typedef apr_uint64_t mproc__index_t;

#define MPROC__INDEX_OPEN ((mproc__index_t)1)
#define MPROC__INDEX_UNIT 8
#define MPROC__INDEX_POSITIONS ((mproc__index_t)0x7fffffff)

/* Bytes from the beginning, modulo 16 GiB. */
static inline apr_uint64_t mproc__index_position(mproc__index_t index)
{
    return (index >> 1 & MPROC__INDEX_POSITIONS) * MPROC__INDEX_UNIT;
}

static inline uint32_t mproc__index_messages(mproc__index_t index)
{
    return (uint32_t)(index >> 32);
}

/* Bytes from one index to a later one. */
static inline apr_uint64_t mproc__index_distance(mproc__index_t from, mproc__index_t to)
{
    return (((to >> 1) - (from >> 1)) & MPROC__INDEX_POSITIONS) * MPROC__INDEX_UNIT;
}

/* Messages from one index to a later one. */
static inline uint32_t mproc__index_count(mproc__index_t from, mproc__index_t to)
{
    return mproc__index_messages(to) - mproc__index_messages(from);
}

/* The index that is so many bytes (a multiple of 8) and messages further; `open` is 0 or OPEN. */
static inline mproc__index_t mproc__index_advance(mproc__index_t index, apr_uint64_t bytes,
                                                  uint32_t messages, mproc__index_t open)
{
    mproc__index_t position = ((index >> 1) + bytes / MPROC__INDEX_UNIT) & MPROC__INDEX_POSITIONS;

    return (mproc__index_t)(mproc__index_messages(index) + messages) << 32 | position << 1 | open;
}

/* Where a ring is written, and where it is read; in the segment. */
typedef struct mproc__index_pair_t {
    _Alignas(128) _Atomic mproc__index_t tail;
    _Alignas(128) _Atomic mproc__index_t head;
} mproc__index_pair_t;

/* Both at one instant: head is only ever advanced, so that it was the same all the time. */
static inline void mproc__index_pair_read(mproc__index_pair_t *pair, mproc__index_t *head,
                                          mproc__index_t *tail)
{
    do {
        *head = atomic_load(&pair->head);
        *tail = atomic_load(&pair->tail);
    } while (atomic_load(&pair->head) != *head);
}

#endif
