/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that can be told from each other.
 */

#include "message.h"

#include "claims.h"

#include <stdlib.h>
#include <string.h>

void write_message(unsigned char *bytes, uint32_t name, size_t size)
{
    uint32_t head[2] = {name, (uint32_t)size};

    memcpy(bytes, head, sizeof head);
    fill_pattern(bytes + sizeof head, size - sizeof head, name);
}

uint32_t read_message(const unsigned char *bytes, size_t size)
{
    uint32_t head[2];

    if (size < sizeof head)
        return 0;
    memcpy(head, bytes, sizeof head);
    if (head[1] != size ||
        count_pattern(bytes + sizeof head, size - sizeof head, head[0]) != size - sizeof head)
        return 0;
    return head[0];
}

apr_status_t put_message(mproc_queue_t *queue, uint32_t name, size_t size,
                         apr_interval_time_t timeout)
{
    unsigned char *bytes = malloc(size);
    apr_status_t rv;

    if (bytes == NULL)
        return APR_ENOMEM;
    write_message(bytes, name, size);
    rv = mproc_queue_put_bytes(queue, bytes, size, timeout);
    free(bytes);
    return rv;
}

apr_status_t get_message(mproc_queue_t *queue, uint32_t *name, apr_interval_time_t timeout)
{
    unsigned char *bytes = malloc(MESSAGE_MAX);
    apr_status_t rv;
    size_t size;

    if (bytes == NULL)
        return APR_ENOMEM;
    rv = mproc_queue_get_bytes(queue, bytes, MESSAGE_MAX, &size, timeout);
    if (rv == APR_SUCCESS)
        *name = read_message(bytes, size);
    free(bytes);
    return rv;
}

apr_status_t put_message_in_place(mproc_queue_t *queue, uint32_t name, size_t size,
                                  apr_interval_time_t timeout)
{
    void *block;

    MPROC_TRY(mproc_queue_reserve(queue, size, &block, timeout));
    write_message(block, name, size);
    return mproc_queue_commit(queue, block, timeout);
}

apr_status_t get_message_in_place(mproc_queue_t *queue, uint32_t *name, apr_interval_time_t timeout)
{
    void *block;
    size_t size;

    MPROC_TRY(mproc_queue_acquire(queue, &block, &size, timeout));
    *name = read_message(block, size);
    return mproc_queue_release(queue, block);
}
