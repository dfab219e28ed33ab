/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that are written and read in place.
 *
 * Who acquires need not know how a message was put: one that is no block is copied into memory of
 * this process, which is released like a block.
 */

#include "queue.h"

#include <mproc/status.h>

#include <stdlib.h>

#define ALIGNMENT ((size_t)64)

/* A message that was acquired and is no block; the message is behind it, aligned. */
typedef struct mproc__copy_t {
    struct mproc__copy_t *next;
    unsigned char *bytes;
    size_t size;
} copy_t;

/* -- Refusing ------------------------------------------------------------------------ */

static apr_status_t check(mproc_queue_t *queue, const void *block)
{
    MPROC_TRY(mproc__queue_check(queue));
    if (block == NULL)
        return mproc_error_set(APR_EINVAL, "the block, or the variable for it, is NULL");
    return APR_SUCCESS;
}

static apr_status_t check_reservation(const mproc_queue_t *queue, size_t size)
{
    const mproc__blocks_t *blocks = queue->view.blocks;

    if (blocks == NULL)
        return mproc_error_set(APR_EINVAL, "the queue has no blocks; its option `blocks` says how "
                                           "many bytes of them there are");
    MPROC_TRY(mproc__queue_check_size(queue, size));
    if (size > blocks->count * blocks->granule)
        return mproc_error_set(
            MPROC_ETOOLARGE, "a block of %llu bytes; the queue's option `blocks` allows %llu",
            (unsigned long long)size, (unsigned long long)(blocks->count * blocks->granule));
    return APR_SUCCESS;
}

/* Where a block of this process begins; the number of granules if none begins there. */
static uint32_t index_of(const mproc_queue_t *queue, const void *block)
{
    const mproc__blocks_t *blocks = queue->view.blocks;

    return blocks != NULL ? mproc__blocks_index(blocks, block) : 0;
}

static int is_inside(const mproc_queue_t *queue, uint32_t index)
{
    return queue->view.blocks != NULL && index < queue->view.blocks->count;
}

/* Not what the caller believes it to be: why. */
static apr_status_t refuse(const mproc_queue_t *queue, const void *block, const char *wanted)
{
    if (!is_inside(queue, index_of(queue, block)))
        return mproc_error_set(APR_EINVAL, "%p is no block of this queue", block);
    return mproc_error_set(APR_EINVAL, "this process has not %s the block at %p, or no longer",
                           wanted, block);
}

static apr_status_t reserve_failed(apr_status_t rv)
{
    char text[120];

    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "no room for the block was given back in time");
    if (APR_STATUS_IS_ENOSPC(rv))
        return mproc_error_set(rv, "there is no memory for the block");
    if (rv == MPROC_ESHUTDOWN || rv == MPROC_ECORRUPT)
        return mproc__queue_failed(rv);
    return mproc_error_set(rv, "cannot get memory for a block: %s",
                           mproc_strerror(rv, text, sizeof text));
}

/* -- Writing --------------------------------------------------------------------------- */

apr_status_t mproc_queue_reserve(mproc_queue_t *queue, size_t size, void **block,
                                 apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;
    uint32_t index;

    MPROC_TRY(check(queue, block));
    MPROC_TRY(check_reservation(queue, size));
    rv = mproc__ring_reserve_block(&queue->view, size, &index, &patience);
    if (rv != APR_SUCCESS)
        return reserve_failed(rv);
    *block = mproc__blocks_at(queue->view.blocks, index);
    return APR_SUCCESS;
}

apr_status_t mproc_queue_commit(mproc_queue_t *queue, void *block, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv;
    uint32_t index;

    MPROC_TRY(check(queue, block));
    index = index_of(queue, block);
    if (!is_inside(queue, index) || !mproc__block_change(queue->view.blocks, index, MPROC__RESERVED,
                                                         MPROC__QUEUED, &queue->view.member))
        return refuse(queue, block, "reserved");
    rv = mproc__ring_put_block(&queue->view, index, &patience);
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "there was no room in the queue in time");
    return mproc__queue_failed(rv);
}

apr_status_t mproc_queue_cancel(mproc_queue_t *queue, void *block)
{
    uint32_t index;

    MPROC_TRY(check(queue, block));
    index = index_of(queue, block);
    return is_inside(queue, index) &&
                   mproc__ring_release_block(&queue->view, index, MPROC__RESERVED)
               ? APR_SUCCESS
               : refuse(queue, block, "reserved");
}

/* -- Messages that are no blocks ------------------------------------------------------------ */

/* What is acquired: a block, or a copy that is being made. */
typedef struct acquired_t {
    mproc__sink_t sink;
    copy_t *copy;
} acquired_t;

static acquired_t *acquired(mproc__sink_t *sink)
{
    return (acquired_t *)(void *)sink;
}

/* Mostly there is none. */
static void forget_copy(mproc__sink_t *sink)
{
    if (acquired(sink)->copy == NULL)
        return;
    free(acquired(sink)->copy);
    acquired(sink)->copy = NULL;
}

static copy_t *make_copy(size_t size)
{
    copy_t *copy = malloc(sizeof *copy + ALIGNMENT + size);
    uintptr_t behind = (uintptr_t)(copy + 1);

    if (copy == NULL)
        return NULL;
    copy->bytes = (unsigned char *)(copy + 1) + (ALIGNMENT - behind % ALIGNMENT) % ALIGNMENT;
    copy->size = 0;
    return copy;
}

static apr_status_t accept_copy(mproc__sink_t *sink, apr_uint64_t size)
{
    if (size > PTRDIFF_MAX / 2)
        return APR_ENOMEM;
    acquired(sink)->copy = make_copy((size_t)size);
    return acquired(sink)->copy != NULL ? APR_SUCCESS : APR_ENOMEM;
}

static unsigned char *room_in_copy(mproc__sink_t *sink, size_t size)
{
    copy_t *copy = acquired(sink)->copy;
    unsigned char *room = copy->bytes + copy->size;

    copy->size += size;
    return room;
}

static void keep_copy(mproc_queue_t *queue, copy_t *copy)
{
    apr_thread_mutex_lock(queue->copies_lock);
    copy->next = queue->copies;
    queue->copies = copy;
    apr_thread_mutex_unlock(queue->copies_lock);
}

/* Whether there was a copy that lies there; it is gone. */
static int free_copy(mproc_queue_t *queue, const void *block)
{
    copy_t **at, *copy;

    apr_thread_mutex_lock(queue->copies_lock);
    for (at = &queue->copies; *at != NULL && (*at)->bytes != block; at = &(*at)->next)
        ;
    copy = *at;
    if (copy != NULL)
        *at = copy->next;
    apr_thread_mutex_unlock(queue->copies_lock);
    free(copy);
    return copy != NULL;
}

/* -- Reading ---------------------------------------------------------------------------- */

static apr_status_t acquire(mproc_queue_t *queue, acquired_t *into, apr_interval_time_t timeout)
{
    apr_status_t rv = mproc__queue_get_into(queue, &into->sink, timeout);

    if (rv == APR_SUCCESS)
        return rv;
    free(into->copy);
    return APR_STATUS_IS_ENOMEM(rv)
               ? mproc_error_set(rv, "the message is larger than the memory there is")
               : rv;
}

apr_status_t mproc_queue_acquire(mproc_queue_t *queue, void **block, size_t *size,
                                 apr_interval_time_t timeout)
{
    acquired_t into = {.sink = {.begin = forget_copy,
                                .accept = accept_copy,
                                .room = room_in_copy,
                                .most = 1,
                                .keeps_blocks = 1}};

    MPROC_TRY(check(queue, block));
    if (size == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the size is NULL");
    MPROC_TRY(acquire(queue, &into, timeout));
    if (into.sink.block != NULL) {
        *block = into.sink.block;
        *size = into.sink.block_size;
        return APR_SUCCESS;
    }
    keep_copy(queue, into.copy);
    *block = into.copy->bytes;
    *size = into.copy->size;
    return APR_SUCCESS;
}

apr_status_t mproc_queue_release(mproc_queue_t *queue, void *block)
{
    uint32_t index;

    MPROC_TRY(check(queue, block));
    index = index_of(queue, block);
    if (is_inside(queue, index))
        return mproc__ring_release_block(&queue->view, index, MPROC__ACQUIRED)
                   ? APR_SUCCESS
                   : refuse(queue, block, "acquired");
    return free_copy(queue, block) ? APR_SUCCESS : refuse(queue, block, "acquired");
}

/* -- Leaving ------------------------------------------------------------------------------- */

apr_status_t mproc__queue_check_blocks(const mproc_queue_t *queue)
{
    uint32_t out = queue->view.blocks != NULL
                       ? mproc__blocks_count_own(queue->view.blocks, &queue->view.member)
                       : 0;
    const copy_t *copy;

    apr_thread_mutex_lock(queue->copies_lock);
    for (copy = queue->copies; copy != NULL; copy = copy->next)
        out++;
    apr_thread_mutex_unlock(queue->copies_lock);
    return out == 0
               ? APR_SUCCESS
               : mproc_error_set(MPROC_EINUSE,
                                 "this process has yet to give %u of the queue's blocks back", out);
}

void mproc__queue_free_copies(mproc_queue_t *queue)
{
    copy_t *copy, *next;

    for (copy = queue->copies; copy != NULL; copy = next) {
        next = copy->next;
        free(copy);
    }
    queue->copies = NULL;
}
