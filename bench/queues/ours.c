/* SPDX-License-Identifier: Apache-2.0 */

/* mproc's queue, through the public functions alone. */

#include "run.h"

static void *create(const queue_use_t *use)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = use->capacity;
    return mproc_queue_create(&queue, &options, run_mem) == APR_SUCCESS ? queue : NULL;
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
    .name = "mproc", .create = create, .put = put, .get = get, .close = close_queue};
