/* SPDX-License-Identifier: Apache-2.0 */

/* mproc's queue, through the public functions alone: messages that are copied, and blocks. */

#include "run.h"

#include <string.h>

static void *create_with_blocks(const queue_use_t *use, size_t blocks)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = use->capacity;
    options.blocks = blocks;
    return mproc_queue_create(&queue, &options, run_mem) == APR_SUCCESS ? queue : NULL;
}

static void *create(const queue_use_t *use)
{
    return create_with_blocks(use, 0);
}

static int put(void *queue, const void *message, size_t size)
{
    return mproc_queue_put_bytes(queue, message, size, MPROC_FOREVER) == APR_SUCCESS;
}

static int get(void *queue, void *buffer, size_t size)
{
    size_t got;

    return mproc_queue_get_bytes(queue, buffer, size, &got, MPROC_FOREVER) == APR_SUCCESS &&
           got == size;
}

static void close_queue(void *queue)
{
    mproc_queue_close(queue);
}

const queue_kind_t queue_ours = {
    .name = "mproc", .create = create, .put = put, .get = get, .close = close_queue, .is_ours = 1};

/* -- Blocks ------------------------------------------------------------------------- */

/* The memory of all blocks is there before the clock starts, as that of the ring is. */
static void *create_blocks(const queue_use_t *use)
{
    size_t all = QUEUE_BLOCKS * use->message_size;
    mproc_queue_t *queue = create_with_blocks(use, all);
    void *block;

    return queue != NULL && mproc_queue_reserve(queue, all, &block, 0) == APR_SUCCESS &&
                   mproc_queue_cancel(queue, block) == APR_SUCCESS
               ? queue
               : NULL;
}

#define LINE 64
#define LINES ((size_t)64)

/*
 * What is in a block is the user's affair: its number alone is written, and read.  It lies in another
 * line of each block: the first lines of blocks that are a power of two apart compete for the same few
 * places in a cache, which is of no weight where a block is filled, and would be half of the time here.
 */
static void *place_of_number(void *block, size_t *turn)
{
    return (unsigned char *)block + (*turn)++ % LINES * LINE;
}

static int put_block(void *queue, const void *message, size_t size)
{
    static size_t turn;
    void *block;

    if (mproc_queue_reserve(queue, size, &block, MPROC_FOREVER) != APR_SUCCESS)
        return 0;
    memcpy(place_of_number(block, &turn), message, sizeof(uint64_t));
    return mproc_queue_commit(queue, block, MPROC_FOREVER) == APR_SUCCESS;
}

static int get_block(void *queue, void *buffer, size_t size)
{
    static size_t turn;
    void *block;
    size_t got;

    if (mproc_queue_acquire(queue, &block, &got, MPROC_FOREVER) != APR_SUCCESS)
        return 0;
    memcpy(buffer, place_of_number(block, &turn), sizeof(uint64_t));
    return mproc_queue_release(queue, block) == APR_SUCCESS && got == size;
}

const queue_kind_t queue_blocks = {.name = "mproc, blocks",
                                   .create = create_blocks,
                                   .put = put_block,
                                   .get = get_block,
                                   .close = close_queue,
                                   .is_ours = 1};
