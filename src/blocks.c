/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of blocks: finding room, taking it, and giving it back.
 */

#include "blocks.h"

#include "failpoint.h"

#include <mproc/status.h>

#include <string.h>

_Static_assert(MPROC__MEMBERS_MAX <= 1 << MPROC__OWNER_PLACE_BITS,
               "a word has room for each place");
_Static_assert(MPROC__GRANULES_MAX <= MPROC__RUN_MASK, "and for the longest run");

static uint32_t granules_for(const mproc__blocks_t *blocks, size_t size)
{
    return size == 0 ? 1 : (uint32_t)((size - 1) >> blocks->granule_bits) + 1;
}

static uint32_t grown(const mproc__blocks_t *blocks)
{
    uint32_t granules = atomic_load(&blocks->table->grown);

    return granules < blocks->count ? granules : blocks->count;
}

static apr_uint64_t word_at(const mproc__blocks_t *blocks, uint32_t index)
{
    return atomic_load_explicit(&blocks->table->blocks[index].word, memory_order_acquire);
}

static void set_word(const mproc__blocks_t *blocks, uint32_t index, apr_uint64_t word)
{
    atomic_store_explicit(&blocks->table->blocks[index].word, word, memory_order_release);
}

int mproc__blocks_are_grown(const mproc__blocks_t *blocks)
{
    return grown(blocks) == blocks->count;
}

void mproc__blocks_begin(const mproc__blocks_t *blocks)
{
    set_word(blocks, 0, mproc__block_free_word(blocks->count));
}

/* -- Finding room ---------------------------------------------------------------- */

/* How long the run at an index is: 0 if that cannot be. */
static inline uint32_t run_at(const mproc__blocks_t *blocks, uint32_t index, apr_uint64_t word)
{
    uint32_t run = mproc__block_run(word);

    return run <= blocks->count - index ? run : 0;
}

/* A run that others become part of begins nowhere else any more; whoever is killed here. */
static void join(const mproc__blocks_t *blocks, uint32_t index, uint32_t run)
{
    apr_uint64_t *rover = &blocks->table->allocating.guarded[MPROC__ROVER];

    if (*rover > index && *rover - index < run)
        *rover = index;
    mproc__failpoint();
    set_word(blocks, index, mproc__block_free_word(run));
}

/*
 * Free runs behind a free one become part of it, by one store, until it is as long as is needed: how
 * long it is then; 0 if it cannot be.
 */
static uint32_t lengthen(const mproc__blocks_t *blocks, uint32_t index, uint32_t run, uint32_t need)
{
    uint32_t length = run, next;

    while (length < need && index + length < blocks->count) {
        apr_uint64_t word = word_at(blocks, index + length);
        if (mproc__block_state(word) != MPROC__FREE)
            break;
        next = run_at(blocks, index + length, word);
        if (next == 0)
            return 0;
        length += next;
    }
    if (length > run)
        join(blocks, index, length);
    return length;
}

/*
 * The first run from `at` on that is free, long enough, and has what is needed before `limit`.  *run is
 * how long it is.
 */
static inline apr_status_t find_from(const mproc__blocks_t *blocks, uint32_t at, uint32_t need,
                                     uint32_t limit, uint32_t *index, uint32_t *run)
{
    uint32_t length;

    for (; at < limit; at += length) {
        apr_uint64_t word = word_at(blocks, at);
        int is_free = mproc__block_state(word) == MPROC__FREE;

        length = run_at(blocks, at, word);
        if (length > 0 && is_free)
            length = lengthen(blocks, at, length, need);
        if (length == 0)
            return MPROC_ECORRUPT;
        if (is_free && length >= need && need <= limit - at) {
            *index = at;
            *run = length;
            return APR_SUCCESS;
        }
    }
    return APR_EAGAIN;
}

/*
 * What was taken longest ago is what is free again first, as messages come in their order; so it is
 * looked for behind what was taken last, and others' blocks need not be looked at each time.
 */
static apr_status_t find(const mproc__blocks_t *blocks, uint32_t need, uint32_t limit,
                         uint32_t *index, uint32_t *run)
{
    apr_uint64_t rover = blocks->table->allocating.guarded[MPROC__ROVER];
    apr_status_t rv = APR_EAGAIN;

    if (rover < limit)
        rv = find_from(blocks, (uint32_t)rover, need, limit, index, run);
    return APR_STATUS_IS_EAGAIN(rv) ? find_from(blocks, 0, need, limit, index, run) : rv;
}

/* -- Memory ----------------------------------------------------------------------- */

static void note_known(mproc__blocks_t *blocks, uint32_t granules)
{
    uint32_t known = atomic_load(&blocks->known);

    while (known < granules && !atomic_compare_exchange_weak(&blocks->known, &known, granules))
        ;
}

static apr_status_t grow_to(mproc__blocks_t *blocks, const mproc__member_t *member, uint32_t from,
                            uint32_t to)
{
    apr_status_t rv = port_segment_grow(member->segment, blocks->offset + from * blocks->granule,
                                        blocks->offset + to * blocks->granule);

    if (rv != APR_SUCCESS)
        return APR_STATUS_IS_ENOMEM(rv) ? APR_ENOSPC : rv;
    mproc__failpoint();
    atomic_store(&blocks->table->grown, to);
    return APR_SUCCESS;
}

/* Somewhat more than is needed now, if there is as much, as each time all blocks are looked at. */
static apr_status_t grow(mproc__blocks_t *blocks, const mproc__member_t *member, uint32_t to)
{
    uint32_t from = grown(blocks), more;

    if (to <= from)
        return APR_SUCCESS;
    more = from / 8 < blocks->count - to ? to + from / 8 : blocks->count;
    if (more > to && grow_to(blocks, member, from, more) == APR_SUCCESS)
        return APR_SUCCESS;
    return grow_to(blocks, member, from, to);
}

apr_status_t mproc__blocks_follow_to(mproc__blocks_t *blocks, const mproc__member_t *member,
                                     uint32_t end)
{
    uint32_t known = atomic_load_explicit(&blocks->known, memory_order_relaxed);
    apr_status_t rv;

    if (end <= known)
        return APR_SUCCESS;
    rv = port_segment_follow(member->segment, blocks->offset + known * blocks->granule,
                             blocks->offset + end * blocks->granule);
    if (rv == APR_SUCCESS)
        note_known(blocks, end);
    return rv;
}

/* -- Taking and giving back --------------------------------------------------------- */

/* What is left over is a run before it is seen: until the second store the first run has it all. */
static void take(const mproc__blocks_t *blocks, const mproc__member_t *member, uint32_t index,
                 uint32_t run, uint32_t need, size_t size)
{
    if (run > need)
        set_word(blocks, index + need, mproc__block_free_word(run - need));
    mproc__failpoint();
    atomic_store_explicit(&blocks->table->blocks[index].size, size, memory_order_relaxed);
    mproc__failpoint();
    set_word(blocks, index, mproc__block_word(MPROC__RESERVED, need, member->id));
    mproc__failpoint();
    blocks->table->allocating.guarded[MPROC__ROVER] = index + need;
}

apr_status_t mproc__blocks_take(mproc__blocks_t *blocks, const mproc__member_t *member, size_t size,
                                int may_grow, uint32_t *index)
{
    uint32_t need = granules_for(blocks, size), at, run;

    MPROC_TRY(find(blocks, need, may_grow ? blocks->count : grown(blocks), &at, &run));
    if (may_grow)
        MPROC_TRY(grow(blocks, member, at + need));
    MPROC_TRY(mproc__blocks_follow(blocks, member, at, need));
    take(blocks, member, at, run, need, size);
    *index = at;
    return APR_SUCCESS;
}

/*
 * Where the next block may begin, for who holds no lock: behind one of somebody's there is none within
 * it, but what is free may become something else at any time.
 */
static uint32_t next_of(const mproc__blocks_t *blocks, uint32_t index, apr_uint64_t word)
{
    uint32_t run = run_at(blocks, index, word);

    return mproc__block_state(word) != MPROC__FREE && run > 0 ? index + run : index + 1;
}

static int is_own(apr_uint64_t word, const mproc__member_t *member)
{
    int state = mproc__block_state(word);

    return (state == MPROC__RESERVED || state == MPROC__ACQUIRED) &&
           mproc__block_owner(word) == member->id;
}

uint32_t mproc__blocks_count_own(const mproc__blocks_t *blocks, const mproc__member_t *member)
{
    uint32_t end = grown(blocks), own = 0, i;
    apr_uint64_t word;

    for (i = 0; i < end; i = next_of(blocks, i, word)) {
        word = word_at(blocks, i);
        own += (uint32_t)is_own(word, member);
    }
    return own;
}

void mproc__blocks_leave(const mproc__blocks_t *blocks, const mproc__member_t *member)
{
    uint32_t end = grown(blocks), i;
    apr_uint64_t word;

    for (i = 0; i < end; i = next_of(blocks, i, word)) {
        word = word_at(blocks, i);
        if (!is_own(word, member))
            continue;
        mproc__failpoint();
        set_word(blocks, i, mproc__block_free_word(mproc__block_run(word)));
    }
}

/* -- The dead ------------------------------------------------------------------------ */

/* Whether the owner of a block lives is asked of the system, so once for those that follow each other. */
uint32_t mproc__blocks_find_dead(const mproc__blocks_t *blocks, const mproc__member_t *member,
                                 mproc__block_set_t *dead)
{
    mproc__member_id_t living = member->id, doomed = 0;
    uint32_t end = grown(blocks), found = 0, i;
    apr_uint64_t word;

    memset(dead, 0, sizeof *dead);
    for (i = 0; i < end; i = next_of(blocks, i, word)) {
        mproc__member_id_t owner;

        word = word_at(blocks, i);
        owner = mproc__block_owner(word);
        if (mproc__block_state(word) == MPROC__FREE || owner == living)
            continue;
        if (owner != doomed && !mproc__member_is_dead(member, owner)) {
            living = owner;
            continue;
        }
        doomed = owner;
        dead->bits[i / 64] |= (apr_uint64_t)1 << i % 64;
        found++;
    }
    return found;
}

uint32_t mproc__blocks_free_all(const mproc__blocks_t *blocks, const mproc__block_set_t *set)
{
    uint32_t freed = 0, i;

    for (i = 0; i < blocks->count; i++) {
        apr_uint64_t word = word_at(blocks, i);
        if ((set->bits[i / 64] >> i % 64 & 1) == 0 || mproc__block_state(word) == MPROC__FREE)
            continue;
        mproc__failpoint();
        set_word(blocks, i, mproc__block_free_word(mproc__block_run(word)));
        freed++;
    }
    return freed;
}
