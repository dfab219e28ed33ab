/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The engine of processes on this machine: memory that the workers map.
 *
 * Each worker is told of it through a line of its own, which carries handles; what does not go at
 * once is noted, and told later.
 */

#include "local.h"

#include "values.h"

#include <mproc/status.h>

#include <stdlib.h>
#include <string.h>

/* What is kept for later, of memory that nobody uses: so many, the largest. */
#define KEPT_MAX 4

/*
 * Messages that lie in a worker's line at a time.  So it is never full, where a message could be cut
 * off; and handles in it, which keep memory that is gone everywhere else, are few.
 */
#define UNHEARD_MAX 8

/* The memory and its object. */
typedef struct owned_t {
    mproc__memory_t memory;
    mproc__shared_memory_t *shared;
} owned_t;

static mproc__shared_memory_t *shared_of(mproc__memory_t *memory)
{
    return ((owned_t *)(void *)memory)->shared;
}

static mproc__memory_t *numbered(const mproc__engine_t *engine, apr_int64_t number)
{
    mproc__memory_t *each;

    for (each = engine->memories; each != NULL; each = each->next)
        if (each->number == (apr_uint64_t)number)
            return each;
    return NULL;
}

/* -- Telling the workers ------------------------------------------------------------------- */

static apr_status_t say(const mproc__hand_t *hand, apr_int64_t number, mproc__memory_t *memory)
{
    if (memory == NULL)
        return mproc_connection_send(hand->line, MPROC_PACK(-number), 0);
    return mproc_connection_send(
        hand->line, MPROC_PACK(number, mproc__shared_memory_value(shared_of(memory))), 0);
}

static apr_status_t tell_one(mproc__engine_t *engine, unsigned number, apr_int64_t note)
{
    mproc__memory_t *memory = note > 0 ? numbered(engine, note) : NULL;

    MPROC_TRY(say(&engine->hands[number], note, memory));
    atomic_fetch_add(&engine->board->slots[number - 1].announced, 1);
    return APR_SUCCESS;
}

static int is_listening(const mproc__engine_t *engine, unsigned number)
{
    const mproc__slot_t *slot = &engine->board->slots[number - 1];

    return atomic_load(&slot->announced) - atomic_load(&slot->heard) < UNHEARD_MAX;
}

/* One that is gone is found out by others; one that wants to hear more says so. */
void mproc__hand_tell(mproc__engine_t *engine, unsigned number)
{
    mproc__hand_t *hand = &engine->hands[number];
    apr_status_t rv = APR_SUCCESS;
    size_t told;

    for (told = 0; told < hand->nuntold && is_listening(engine, number); told++) {
        rv = tell_one(engine, number, hand->untold[told]);
        if (rv != APR_SUCCESS)
            break;
    }
    if (rv == MPROC_ETORN) /* nothing can follow, and it would wait for ever */
        mproc__engine_kill(engine, number);
    if (told == 0)
        return;
    hand->nuntold -= told;
    memmove(hand->untold, hand->untold + told, hand->nuntold * sizeof *hand->untold);
}

/* Whether it was not told of memory that is gone, and now need not be. */
static int forget_note(mproc__hand_t *hand, apr_int64_t memory)
{
    size_t i;

    for (i = 0; i < hand->nuntold; i++) {
        if (hand->untold[i] != memory)
            continue;
        hand->nuntold--;
        memmove(hand->untold + i, hand->untold + i + 1, (hand->nuntold - i) * sizeof *hand->untold);
        return 1;
    }
    return 0;
}

/* Without room for the note the worker would wait for ever for what it is not told: it is ended. */
void mproc__hand_note(mproc__engine_t *engine, unsigned number, apr_int64_t memory)
{
    mproc__hand_t *hand = &engine->hands[number];
    apr_int64_t *larger;

    if (memory < 0 && forget_note(hand, -memory))
        return;
    if (hand->nuntold == hand->untold_room) {
        larger = realloc(hand->untold, (2 * hand->untold_room + 16) * sizeof *larger);
        if (larger == NULL) {
            mproc__engine_kill(engine, number);
            return;
        }
        hand->untold = larger;
        hand->untold_room = 2 * hand->untold_room + 16;
    }
    hand->untold[hand->nuntold++] = memory;
}

void mproc__hand_note_all(mproc__engine_t *engine, unsigned number)
{
    const mproc__memory_t *each;

    for (each = engine->memories; each != NULL; each = each->next)
        mproc__hand_note(engine, number, (apr_int64_t)each->number);
    mproc__hand_tell(engine, number);
}

static void tell_all(mproc__engine_t *engine, apr_int64_t note)
{
    unsigned i;

    for (i = 1; i <= engine->most; i++) {
        if (engine->hands[i].is_here) {
            mproc__hand_note(engine, i, note);
            mproc__hand_tell(engine, i);
        }
    }
}

/* -- Making and finding ------------------------------------------------------------------------ */

static apr_status_t create(owned_t **owned, size_t size, apr_pool_t *mem)
{
    owned_t *made = apr_pcalloc(mem, sizeof *made);

    MPROC_TRY(mproc__shared_memory_create(&made->shared, size, mem));
    made->memory.data = mproc__shared_memory_data(made->shared);
    made->memory.size = mproc__shared_memory_size(made->shared);
    made->memory.mem = mem;
    made->memory.users = 1;
    *owned = made;
    return APR_SUCCESS;
}

apr_status_t mproc__memory_create(mproc__memory_t **memory, mproc__engine_t *engine, size_t size)
{
    owned_t *owned;
    apr_pool_t *mem;
    apr_status_t rv;

    if (apr_pool_create(&mem, engine->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory to share with the workers");
    rv = create(&owned, size, mem);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(mem);
        return rv;
    }
    *memory = &owned->memory;
    return APR_SUCCESS;
}

void mproc__memory_announce(mproc__engine_t *engine, mproc__memory_t *memory)
{
    memory->number = ++engine->last_memory;
    memory->next = engine->memories;
    engine->memories = memory;
    tell_all(engine, (apr_int64_t)memory->number);
}

void mproc__memory_drop(mproc__engine_t *engine, mproc__memory_t *memory)
{
    mproc__memory_t **each = &engine->memories;

    while (*each != memory)
        each = &(*each)->next;
    *each = memory->next;
    tell_all(engine, -(apr_int64_t)memory->number);
    apr_pool_destroy(memory->mem);
}

static int is_spare(const mproc__memory_t *memory)
{
    return memory->users == 0 && !memory->is_the_users && memory->array == 0;
}

/* The smallest that is large enough. */
mproc__memory_t *mproc__memory_reuse(mproc__engine_t *engine, size_t size)
{
    mproc__memory_t *each, *best = NULL;

    for (each = engine->memories; each != NULL; each = each->next)
        if (is_spare(each) && each->size >= size && (best == NULL || each->size < best->size))
            best = each;
    if (best != NULL)
        best->users = 1;
    return best;
}

static mproc__memory_t *smallest_spare(const mproc__engine_t *engine, size_t *spares)
{
    mproc__memory_t *each, *smallest = NULL;

    *spares = 0;
    for (each = engine->memories; each != NULL; each = each->next) {
        if (!is_spare(each))
            continue;
        ++*spares;
        if (smallest == NULL || each->size < smallest->size)
            smallest = each;
    }
    return smallest;
}

/* Of arrays that were closed here, and that no map is at any more. */
static void drop_gone_arrays(mproc__engine_t *engine)
{
    mproc__memory_t *each, *next;

    for (each = engine->memories; each != NULL; each = next) {
        next = each->next;
        if (each->array != 0 && each->users == 0 && !mproc__array_is_here(each->array))
            mproc__memory_drop(engine, each);
    }
}

void mproc__memory_release(mproc__engine_t *engine, mproc__memory_t *memory)
{
    mproc__memory_t *smallest;
    size_t spares;

    memory->users--;
    drop_gone_arrays(engine);
    smallest = smallest_spare(engine, &spares);
    if (spares > (engine->keeps_no_memory ? 0 : KEPT_MAX))
        mproc__memory_drop(engine, smallest);
}

/* Into some a thread may be copying items just now, which it will be told are not wanted. */
void mproc__memories_close(mproc__engine_t *engine)
{
    mproc__memory_t *each, *next;

    engine->keeps_no_memory = 1;
    for (each = engine->memories; each != NULL; each = next) {
        next = each->next;
        if (is_spare(each))
            mproc__memory_drop(engine, each);
    }
}

mproc__memory_t *mproc__memory_find(const mproc__engine_t *engine, const void *array, size_t size)
{
    const unsigned char *data = array;
    mproc__memory_t *each;

    for (each = engine->memories; each != NULL; each = each->next)
        if (each->is_the_users && data >= each->data && data < each->data + each->size &&
            size <= (size_t)(each->data + each->size - data))
            return each;
    return NULL;
}

/* -- Shared arrays ---------------------------------------------------------------------------- */

static mproc__memory_t *of_array(const mproc__engine_t *engine, const mproc_array_t *array)
{
    mproc__memory_t *each;

    for (each = engine->memories; each != NULL; each = each->next)
        if (each->array == mproc__array_number(array))
            return each;
    return NULL;
}

/* Where it lies is the array's business: the pool has handles of its own for those who come later. */
static apr_status_t take_up(owned_t **owned, const mproc_array_t *array, apr_pool_t *mem)
{
    owned_t *made = apr_pcalloc(mem, sizeof *made);

    MPROC_TRY(mproc__array_memory(&made->shared, array, mem));
    made->memory.data = mproc__array_memory_data(array);
    made->memory.size = mproc__shared_memory_size(made->shared);
    made->memory.array = mproc__array_number(array);
    made->memory.mem = mem;
    *owned = made;
    return APR_SUCCESS;
}

static apr_status_t announce_array(mproc__memory_t **memory, mproc__engine_t *engine,
                                   const mproc_array_t *array)
{
    owned_t *owned;
    apr_pool_t *mem;
    apr_status_t rv;

    if (apr_pool_create(&mem, engine->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for an array of the workers");
    rv = take_up(&owned, array, mem);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(mem);
        return rv;
    }
    mproc__memory_announce(engine, &owned->memory);
    *memory = &owned->memory;
    return APR_SUCCESS;
}

/* An array may lie where another one did that was closed: only those that are here are searched. */
apr_status_t mproc__memory_look_up(mproc__memory_t **memory, mproc__engine_t *engine,
                                   const void *array, size_t size)
{
    const mproc_array_t *shared;

    *memory = mproc__memory_find(engine, array, size);
    if (*memory != NULL)
        return APR_SUCCESS;
    shared = mproc__array_find(array, size);
    if (shared == NULL)
        return APR_SUCCESS;
    *memory = of_array(engine, shared);
    return *memory != NULL ? APR_SUCCESS : announce_array(memory, engine, shared);
}

/* -- Large results -------------------------------------------------------------------------------- */

static apr_status_t receive(const mproc__hand_t *hand, mproc__shared_memory_t **memory,
                            apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_slot_t slot = mproc__shared_memory_slot(memory);
    apr_status_t rv = mproc_connection_recv(hand->line, values, 0);

    if (rv == APR_TIMEUP)
        return mproc_error_set(MPROC_ECORRUPT, "a large result was announced, and did not come");
    MPROC_TRY(rv);
    return mproc_unpack(values, &slot, 1);
}

static apr_status_t fetch(const mproc__hand_t *hand, void **data, apr_uint64_t size,
                          apr_pool_t *mem)
{
    mproc__shared_memory_t *memory;

    if (hand->is_out_of_step)
        return mproc_error_set(MPROC_ECORRUPT, "a large result came after one that was lost");
    MPROC_TRY(receive(hand, &memory, mem));
    if (mproc__shared_memory_size(memory) < size)
        return mproc_error_set(MPROC_ECORRUPT, "a large result is smaller than was said");
    *data = mproc__shared_memory_data(memory);
    return APR_SUCCESS;
}

/*
 * It went into the line before the reply that tells of it.  After a failure the next one that comes
 * might be taken for this one or another: so that worker is ended.
 */
apr_status_t mproc__hand_fetch(mproc__engine_t *engine, unsigned number, void **data,
                               apr_uint64_t size)
{
    mproc__slot_t *slot = &engine->board->slots[number - 1];
    mproc__hand_t *hand = &engine->hands[number];
    apr_status_t rv = fetch(hand, data, size, engine->fetched_mem);

    atomic_fetch_add(&slot->fetched, 1);
    port_unpark(engine->board_memory->segment, MPROC__PARK_FETCHED, &slot->fetched,
                MPROC_WORKERS_MAX);
    if (rv != APR_SUCCESS) {
        hand->is_out_of_step = 1;
        mproc__engine_kill(engine, number);
    }
    return rv;
}
