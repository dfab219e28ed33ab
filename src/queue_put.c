/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Putting into a queue.
 */

#include "queue.h"
#include "values.h"

#include <mproc/status.h>

apr_status_t mproc__queue_check_size(const mproc_queue_t *queue, size_t size)
{
    if (size > PTRDIFF_MAX)
        return mproc_error_set(APR_EINVAL,
                               "a size of %llu bytes is beyond memory; a negative number?",
                               (unsigned long long)size);
    if (queue->max_message_size > 0 && size > queue->max_message_size)
        return mproc_error_set(MPROC_ETOOLARGE,
                               "a message of %llu bytes; the queue's option `max_message_size` "
                               "allows %llu",
                               (unsigned long long)size,
                               (unsigned long long)queue->max_message_size);
    return APR_SUCCESS;
}

static apr_status_t check_message(const mproc_queue_t *queue, const mproc_bytes_t *message)
{
    if (message->data == NULL && message->size > 0)
        return mproc_error_set(APR_EINVAL, "no data was given, but a size");
    return mproc__queue_check_size(queue, message->size);
}

static apr_status_t put(mproc_queue_t *queue, const mproc_bytes_t *messages, size_t count,
                        size_t *done, apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv = mproc__ring_put(&queue->view, messages, count, done, &patience);

    if (rv == APR_SUCCESS)
        return rv;
    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "there was no room in the queue in time");
    return mproc__queue_failed(rv);
}

apr_status_t mproc_queue_put_bytes(mproc_queue_t *queue, const void *data, size_t size,
                                   apr_interval_time_t timeout)
{
    mproc_bytes_t message = {data, size};
    size_t done;

    MPROC_TRY(mproc__queue_check(queue));
    MPROC_TRY(check_message(queue, &message));
    return mproc__ring_put_at_once(&queue->view, &message)
               ? APR_SUCCESS
               : put(queue, &message, 1, &done, timeout);
}

static apr_status_t check_messages(const mproc_queue_t *queue, const mproc_bytes_t *messages,
                                   size_t count)
{
    size_t i;

    if (messages == NULL && count > 0)
        return mproc_error_set(APR_EINVAL, "there are no messages, but a number of them");
    for (i = 0; i < count; i++) {
        apr_status_t rv = check_message(queue, &messages[i]);
        if (rv != APR_SUCCESS)
            return mproc_error_set(rv, "messages[%llu]: %s", (unsigned long long)i,
                                   mproc_error_message());
    }
    return APR_SUCCESS;
}

apr_status_t mproc_queue_put_many(mproc_queue_t *queue, const mproc_bytes_t *messages, size_t count,
                                  size_t *done, apr_interval_time_t timeout)
{
    if (done == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the number of messages is NULL");
    *done = 0;
    MPROC_TRY(mproc__queue_check(queue));
    MPROC_TRY(check_messages(queue, messages, count));
    return put(queue, messages, count, done, timeout);
}

static apr_status_t pack_and_put(mproc_queue_t *queue, mproc__buffer_t *buffer,
                                 const mproc_pack_t *pack, apr_interval_time_t timeout)
{
    buffer->size = 0;
    MPROC_TRY(mproc__pack_encode(buffer, NULL, pack));
    return mproc_queue_put_bytes(queue, buffer->bytes, buffer->size, timeout);
}

/* The room is kept for the next time; a second thread meanwhile has some of its own. */
apr_status_t mproc_queue_put(mproc_queue_t *queue, const mproc_pack_t *pack,
                             apr_interval_time_t timeout)
{
    mproc__buffer_t own = {NULL, 0, 0};
    apr_status_t rv;

    MPROC_TRY(mproc__queue_check(queue));
    if (atomic_flag_test_and_set_explicit(&queue->is_packing, memory_order_acquire)) {
        rv = pack_and_put(queue, &own, pack, timeout);
        mproc__buffer_free(&own);
        return rv;
    }
    rv = pack_and_put(queue, &queue->outgoing, pack, timeout);
    atomic_flag_clear_explicit(&queue->is_packing, memory_order_release);
    return rv;
}
