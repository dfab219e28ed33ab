/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Getting from a queue: into a buffer, several into one, or as values.
 */

#include "queue.h"
#include "values.h"

#include <mproc/status.h>

#include <string.h>

static apr_status_t get_failed(apr_status_t rv)
{
    char text[120];

    if (APR_STATUS_IS_TIMEUP(rv))
        return mproc_error_set(rv, "no message was in the queue in time");
    if (rv == MPROC_ESHUTDOWN || rv == MPROC_ECORRUPT)
        return mproc__queue_failed(rv);
    return mproc_error_set(rv, "cannot get memory for a message: %s",
                           mproc_strerror(rv, text, sizeof text));
}

apr_status_t mproc__queue_get_into(mproc_queue_t *queue, mproc__sink_t *sink,
                                   apr_interval_time_t timeout)
{
    mproc__patience_t patience = mproc__patience(timeout);
    apr_status_t rv = mproc__ring_get(&queue->view, sink, &patience);

    return rv == APR_SUCCESS || rv == MPROC_EMSGSIZE ? rv : get_failed(rv);
}

/* -- Into a buffer ----------------------------------------------------------------- */

/* One message or several, each of them aligned. */
typedef struct buffer_sink_t {
    mproc__sink_t sink;
    unsigned char *buffer;
    size_t capacity;
    size_t used;             /* to the end of the last message */
    unsigned char *next;     /* where its next piece goes */
    mproc_bytes_t *messages; /* what has come, sink.most at most */
    size_t count;
    apr_uint64_t refused; /* size of the first message, if it is too large */
} buffer_sink_t;

static buffer_sink_t *buffer_sink(mproc__sink_t *sink)
{
    return (buffer_sink_t *)(void *)sink;
}

static void begin_buffer(mproc__sink_t *sink)
{
    buffer_sink(sink)->used = buffer_sink(sink)->count = 0;
}

static apr_status_t accept_to_buffer(mproc__sink_t *sink, apr_uint64_t size)
{
    buffer_sink_t *into = buffer_sink(sink);
    size_t start = (into->used + 7) & ~(size_t)7;

    if (start > into->capacity || size > into->capacity - start) {
        into->refused = size;
        return MPROC_EMSGSIZE;
    }
    into->next = into->buffer != NULL ? into->buffer + start : NULL;
    into->used = start + (size_t)size;
    into->messages[into->count].data = into->next;
    into->messages[into->count].size = (size_t)size;
    into->count++;
    return APR_SUCCESS;
}

static unsigned char *room_in_buffer(mproc__sink_t *sink, size_t size)
{
    unsigned char *room = buffer_sink(sink)->next;

    if (size > 0)
        buffer_sink(sink)->next += size;
    return room;
}

static apr_status_t get_into_buffer(mproc_queue_t *queue, buffer_sink_t *into, size_t most,
                                    apr_interval_time_t timeout)
{
    apr_status_t rv;

    into->sink = (mproc__sink_t){
        .begin = begin_buffer, .accept = accept_to_buffer, .room = room_in_buffer, .most = most};
    rv = mproc__queue_get_into(queue, &into->sink, timeout);
    if (rv == MPROC_EMSGSIZE)
        return mproc_error_set(rv, "the message has %llu bytes, and the buffer has %llu",
                               (unsigned long long)into->refused,
                               (unsigned long long)into->capacity);
    return rv;
}

static apr_status_t get_bytes(mproc_queue_t *queue, void *buffer, size_t capacity, size_t *size,
                              apr_interval_time_t timeout)
{
    mproc_bytes_t message = {NULL, 0};
    buffer_sink_t into = {.buffer = buffer, .capacity = capacity, .messages = &message};
    apr_status_t rv = get_into_buffer(queue, &into, 1, timeout);

    if (rv == APR_SUCCESS)
        *size = message.size;
    else if (rv == MPROC_EMSGSIZE)
        *size = (size_t)into.refused;
    return rv;
}

apr_status_t mproc_queue_get_bytes(mproc_queue_t *queue, void *buffer, size_t capacity,
                                   size_t *size, apr_interval_time_t timeout)
{
    size_t got;

    MPROC_TRY(mproc__queue_check(queue));
    if (size == NULL || (buffer == NULL && capacity > 0))
        return mproc_error_set(APR_EINVAL, "the buffer or the variable for the size is NULL");
    if (!mproc__ring_get_at_once(&queue->view, buffer, capacity, &got))
        return get_bytes(queue, buffer, capacity, size, timeout);
    *size = got;
    return APR_SUCCESS;
}

apr_status_t mproc_queue_get_many(mproc_queue_t *queue, void *buffer, size_t capacity,
                                  mproc_bytes_t *messages, size_t max, size_t *got,
                                  apr_interval_time_t timeout)
{
    buffer_sink_t into = {.buffer = buffer, .capacity = capacity, .messages = messages};
    apr_status_t rv;

    MPROC_TRY(mproc__queue_check(queue));
    if (messages == NULL || got == NULL || (buffer == NULL && capacity > 0))
        return mproc_error_set(APR_EINVAL, "the buffer or a variable for the messages is NULL");
    if (max == 0 || max > MPROC__CLAIM_MAX)
        return mproc_error_set(APR_EINVAL, "%llu messages at a time; it takes 1 to %d",
                               (unsigned long long)max, MPROC__CLAIM_MAX);
    rv = get_into_buffer(queue, &into, max, timeout);
    if (rv == APR_SUCCESS) {
        *got = into.count;
    } else if (rv == MPROC_EMSGSIZE) {
        *got = 0;
        messages[0].size = (size_t)into.refused;
    }
    return rv;
}

/* -- As values ----------------------------------------------------------------------- */

/* Into a buffer that grows; what is in it now stays until the message is there. */
typedef struct values_sink_t {
    mproc__sink_t sink;
    mproc__buffer_t *into;
} values_sink_t;

static values_sink_t *values_sink(mproc__sink_t *sink)
{
    return (values_sink_t *)(void *)sink;
}

static void begin_values(mproc__sink_t *sink)
{
    values_sink(sink)->into->size = 0;
}

/* Room for all of it now: a message that does not fit must stay. */
static apr_status_t accept_values(mproc__sink_t *sink, apr_uint64_t size)
{
    if (size > PTRDIFF_MAX)
        return APR_ENOMEM;
    return mproc__buffer_reserve(values_sink(sink)->into, (size_t)size);
}

static unsigned char *room_for_values(mproc__sink_t *sink, size_t size)
{
    mproc__buffer_t *into = values_sink(sink)->into;
    unsigned char *room = into->bytes != NULL ? into->bytes + into->size : NULL;

    into->size += size;
    return room;
}

static apr_status_t get_values(mproc_queue_t *queue, mproc__buffer_t *buffer,
                               apr_interval_time_t timeout)
{
    values_sink_t into = {
        {.begin = begin_values, .accept = accept_values, .room = room_for_values, .most = 1},
        buffer};
    apr_status_t rv = mproc__queue_get_into(queue, &into.sink, timeout);

    return rv == APR_ENOMEM ? mproc_error_set(rv, "the message is larger than the memory there is")
                            : rv;
}

apr_status_t mproc_queue_get(mproc_queue_t *queue, mproc_values_t *values,
                             apr_interval_time_t timeout)
{
    MPROC_TRY(mproc__queue_check(queue));
    if (values == NULL)
        return mproc_error_set(APR_EINVAL, "the values are NULL; mproc_values_create makes some");
    MPROC_TRY(get_values(queue, &values->next, timeout));
    mproc__buffer_swap(&values->buffer, &values->next);
    return mproc__values_decode(values, 0, NULL, 0);
}
