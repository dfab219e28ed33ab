/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues for tests, and words through them.
 */

#include "queues.h"

#include "claims.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 255

mproc_queue_t *make_queue(size_t capacity, size_t maxsize, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = capacity;
    options.maxsize = maxsize;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

mproc_queue_t *make_joinable(size_t capacity, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = capacity;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

apr_status_t put_word(mproc_queue_t *queue, const char *word)
{
    return mproc_queue_put_bytes(queue, word, strlen(word), PATIENCE);
}

apr_status_t try_to_put(mproc_queue_t *queue, const char *word)
{
    return mproc_queue_put_bytes(queue, word, strlen(word), 0);
}

static const char *get(mproc_queue_t *queue, apr_interval_time_t timeout, apr_pool_t *mem)
{
    char word[WORD_MAX];
    size_t size;
    apr_status_t rv = mproc_queue_get_bytes(queue, word, sizeof word, &size, timeout);

    if (rv == APR_SUCCESS)
        return apr_pstrmemdup(mem, word, size);
    if (APR_STATUS_IS_TIMEUP(rv))
        return "(none)";
    return rv == MPROC_ESHUTDOWN ? "(shut down)" : "(failed)";
}

const char *get_word(mproc_queue_t *queue, apr_pool_t *mem)
{
    return get(queue, PATIENCE, mem);
}

const char *look_for_word(mproc_queue_t *queue, apr_pool_t *mem)
{
    return get(queue, 0, mem);
}

apr_status_t put_pattern(mproc_queue_t *queue, size_t size, size_t offset,
                         apr_interval_time_t timeout)
{
    unsigned char *bytes = malloc(size + 1);
    apr_status_t rv;

    fill_pattern(bytes, size, offset);
    rv = mproc_queue_put_bytes(queue, bytes, size, timeout);
    free(bytes);
    return rv;
}

/* A block of its own, so that a sanitizer sees what is written beside it. */
apr_status_t get_pattern(mproc_queue_t *queue, size_t size, size_t offset,
                         apr_interval_time_t timeout)
{
    unsigned char *bytes = malloc(size + 1);
    size_t got = 0;
    apr_status_t rv = mproc_queue_get_bytes(queue, bytes, size, &got, timeout);

    if (rv == APR_SUCCESS && (got != size || count_pattern(bytes, size, offset) != size))
        rv =
            mproc_error_set(APR_EGENERAL, "%d bytes arrived where %d were put, or are not the same",
                            (int)got, (int)size);
    free(bytes);
    return rv;
}

size_t count_messages(mproc_queue_t *queue)
{
    size_t messages = 4711;

    assert_success(mproc_queue_qsize(queue, &messages));
    return messages;
}
