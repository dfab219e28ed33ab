/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BLOCKS_H
#define MPROC_BLOCKS_H

/*
 * Blocks: room in shared memory that one process writes, and another reads in place.
 * A message that is a block goes through the ring as a few bytes that name it.
 *
 * The memory is divided into granules, and blocks and what is free are runs of them.
 * A table has an entry for each granule, and the word of the first one of a run says
 * how long it is, what it is, and whose:
 *
 *     bits 0-1    free; reserved: somebody writes it; queued: it is in the ring, or its owner
 *                 is about to put it there; acquired: somebody reads it
 *     bits 2-18   granules of the run
 *     bits 19-30  the owner's place
 *     bits 31-63  the generation of that place
 *
 * so that each change of it is one store, and the runs are whole at every instant.  A
 * word that is not that of a run's beginning is free, or 0: only free runs become one.
 *
 * Who writes a word: free ones, who holds the allocating lock; reserved and acquired ones,
 * their owner, who needs no lock for that; queued ones, who holds the getters' lock.  Of
 * the dead, who holds the getters' lock: see mproc__ring_sweep_blocks().
 */

#include "failpoint.h"
#include "lock.h"

#include <stddef.h>

/* What a run is. */
enum { MPROC__FREE, MPROC__RESERVED, MPROC__QUEUED, MPROC__ACQUIRED };

/* Granules there are at most, and the smallest: a page. */
#define MPROC__GRANULES_MAX ((uint32_t)65536)
#define MPROC__GRANULE_MIN ((size_t)4096)

/* Of a granule, in the segment. */
typedef struct mproc__block_t {
    _Atomic apr_uint64_t word;
    _Atomic apr_uint64_t size; /* bytes that its owner asked for; the owner's */
} mproc__block_t;

/* What the allocating lock guards: where the next run is looked for first; a run begins there. */
enum { MPROC__ROVER };

/* In the segment. */
typedef struct mproc__block_table_t {
    mproc__lock_t allocating;
    _Alignas(
        MPROC__APART) _Atomic uint32_t released; /* how often, while somebody waited for room */
    _Atomic uint32_t waiters; /* threads that wait for room; who dies waiting stays counted */
    _Alignas(MPROC__APART) _Atomic uint32_t grown; /* granules that there is memory for */
    _Alignas(MPROC__APART) mproc__block_t blocks[];
} mproc__block_table_t;

/* As one process has them; private to it. */
typedef struct mproc__blocks_t {
    mproc__block_table_t *table;
    unsigned char *memory;
    size_t offset;          /* of the memory in the segment */
    size_t granule;         /* bytes, a power of two */
    unsigned granule_bits;  /* of which power */
    uint32_t count;         /* of granules */
    _Atomic uint32_t known; /* granules that are known to be there, also in this process */
} mproc__blocks_t;

/* -- Sizes -- */

/* The granule of so many bytes in all. */
static inline size_t mproc__block_granule(apr_uint64_t bytes)
{
    size_t granule = MPROC__GRANULE_MIN;

    while (bytes / granule > MPROC__GRANULES_MAX ||
           (bytes / granule == MPROC__GRANULES_MAX && bytes % granule != 0))
        granule *= 2;
    return granule;
}

static inline unsigned mproc__block_granule_bits(size_t granule)
{
    unsigned bits = 0;

    while ((size_t)1 << bits < granule)
        bits++;
    return bits;
}

/* Bytes of the table for them. */
static inline size_t mproc__block_table_size(apr_uint64_t bytes)
{
    return sizeof(mproc__block_table_t) +
           (size_t)(bytes / mproc__block_granule(bytes)) * sizeof(mproc__block_t);
}

/* -- Words -- */

#define MPROC__RUN_SHIFT 2
#define MPROC__RUN_MASK (((apr_uint64_t)1 << 17) - 1)
#define MPROC__OWNER_SHIFT 19
#define MPROC__OWNER_PLACE_BITS 12

static inline int mproc__block_state(apr_uint64_t word)
{
    return (int)(word & 3);
}

static inline uint32_t mproc__block_run(apr_uint64_t word)
{
    return (uint32_t)(word >> MPROC__RUN_SHIFT & MPROC__RUN_MASK);
}

/* A member's name has its place from 1 on, in 16 bits. */
static inline mproc__member_id_t mproc__block_owner(apr_uint64_t word)
{
    apr_uint64_t owner = word >> MPROC__OWNER_SHIFT;

    return owner >> MPROC__OWNER_PLACE_BITS << MPROC__PLACE_BITS |
           ((owner & (MPROC__MEMBERS_MAX - 1)) + 1);
}

static inline apr_uint64_t mproc__block_word(int state, uint32_t run, mproc__member_id_t owner)
{
    apr_uint64_t place = (owner & (((apr_uint64_t)1 << MPROC__PLACE_BITS) - 1)) - 1;
    apr_uint64_t generation = owner >> MPROC__PLACE_BITS;

    return (apr_uint64_t)state | (apr_uint64_t)run << MPROC__RUN_SHIFT |
           (generation << MPROC__OWNER_PLACE_BITS | place) << MPROC__OWNER_SHIFT;
}

static inline apr_uint64_t mproc__block_free_word(uint32_t run)
{
    return MPROC__FREE | (apr_uint64_t)run << MPROC__RUN_SHIFT;
}

/* -- Finding and taking -- */

/* All is free.  Before anybody else has the table. */
void mproc__blocks_begin(const mproc__blocks_t *blocks);

/* Whether there is memory for all of them. */
int mproc__blocks_are_grown(const mproc__blocks_t *blocks);

/*
 * Take room for `size` bytes, and where there is none that has been used before, get more memory
 * for it if `may_grow`.  The allocating lock is held.
 *
 * APR_SUCCESS: *index is reserved for the member; APR_EAGAIN: there is no room; APR_ENOSPC: there
 * would be, but for memory; MPROC_ECORRUPT.
 */
apr_status_t mproc__blocks_take(mproc__blocks_t *blocks, const mproc__member_t *member, size_t size,
                                int may_grow, uint32_t *index);

/* The number of the granule at which a block would begin that lies there; count if none would. */
static inline uint32_t mproc__blocks_index(const mproc__blocks_t *blocks, const void *block)
{
    uintptr_t place = (uintptr_t)block - (uintptr_t)blocks->memory;
    uintptr_t index = place >> blocks->granule_bits;

    return (place & (blocks->granule - 1)) == 0 && index < blocks->count ? (uint32_t)index
                                                                         : blocks->count;
}

static inline void *mproc__blocks_at(const mproc__blocks_t *blocks, uint32_t index)
{
    return blocks->memory + index * blocks->granule;
}

/*
 * A member's block becomes another thing, if it is what it should be: whether it was.
 * The content that was written or read before is done with.  Who is not its owner could do nothing
 * about it that lasts; two threads of the owner may try.
 */
static inline int mproc__block_change(const mproc__blocks_t *blocks, uint32_t index, int from,
                                      int to, const mproc__member_t *member)
{
    _Atomic apr_uint64_t *at = &blocks->table->blocks[index].word;
    apr_uint64_t word = atomic_load_explicit(at, memory_order_acquire);
    uint32_t run = mproc__block_run(word);
    apr_uint64_t changed =
        to == MPROC__FREE ? mproc__block_free_word(run) : mproc__block_word(to, run, member->id);

    mproc__failpoint();
    return mproc__block_state(word) == from && mproc__block_owner(word) == member->id &&
           atomic_compare_exchange_strong(at, &word, changed);
}

/* The memory of a block that another process has reserved is there in this one, too. */
apr_status_t mproc__blocks_follow_to(mproc__blocks_t *blocks, const mproc__member_t *member,
                                     uint32_t end);

/* Nothing but what is known already is asked of the system. */
static inline apr_status_t mproc__blocks_follow(mproc__blocks_t *blocks,
                                                const mproc__member_t *member, uint32_t index,
                                                uint32_t run)
{
    return index + run <= atomic_load_explicit(&blocks->known, memory_order_relaxed)
               ? APR_SUCCESS
               : mproc__blocks_follow_to(blocks, member, index + run);
}

/* How many blocks this member writes and reads. */
uint32_t mproc__blocks_count_own(const mproc__blocks_t *blocks, const mproc__member_t *member);

/* Those are free: the member leaves. */
void mproc__blocks_leave(const mproc__blocks_t *blocks, const mproc__member_t *member);

/*
 * A set of granules at which blocks begin.  Add those whose owners are dead: how many they are.
 */
typedef struct mproc__block_set_t {
    apr_uint64_t bits[MPROC__GRANULES_MAX / 64];
} mproc__block_set_t;

uint32_t mproc__blocks_find_dead(const mproc__blocks_t *blocks, const mproc__member_t *member,
                                 mproc__block_set_t *dead);

static inline void mproc__block_set_remove(mproc__block_set_t *set, apr_uint64_t index)
{
    if (index < MPROC__GRANULES_MAX)
        set->bits[index / 64] &= ~((apr_uint64_t)1 << index % 64);
}

/* All of a set are free: how many that was. */
uint32_t mproc__blocks_free_all(const mproc__blocks_t *blocks, const mproc__block_set_t *set);

#endif
