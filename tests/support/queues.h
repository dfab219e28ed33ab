/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_QUEUES_H
#define MPROC_TESTS_QUEUES_H

/*
 * Queues for tests, and words through them: a word a message, as bytes.  What
 * returns a status asserts nothing, so that children can use it.
 */

#include <mproc.h>

/* The smallest ring, the largest message that lies in it as a whole, and one that passes in pieces. */
#define SMALL_RING ((size_t)4096)
#define WHOLE_MAX (SMALL_RING / 4 - 8)
#define IN_PIECES (3 * SMALL_RING)

/* A queue of this capacity, for up to `maxsize` messages (0: as many as fit); asserts. */
mproc_queue_t *make_queue(size_t capacity, size_t maxsize, apr_pool_t *mem);

/* The same without a `maxsize`, but joinable. */
mproc_queue_t *make_joinable(size_t capacity, apr_pool_t *mem);

/* Put a word, or look once for room for it. */
apr_status_t put_word(mproc_queue_t *queue, const char *word);
apr_status_t try_to_put(mproc_queue_t *queue, const char *word);

/*
 * What was got: a word of up to 255 bytes; or "(none)", "(shut down)" or "(failed)".  get_word()
 * waits, and look_for_word() looks once.
 */
const char *get_word(mproc_queue_t *queue, apr_pool_t *mem);
const char *look_for_word(mproc_queue_t *queue, apr_pool_t *mem);

/* Put or get one message with a pattern; one that arrives in another form gives APR_EGENERAL. */
apr_status_t put_pattern(mproc_queue_t *queue, size_t size, size_t offset,
                         apr_interval_time_t timeout);
apr_status_t get_pattern(mproc_queue_t *queue, size_t size, size_t offset,
                         apr_interval_time_t timeout);

/* How many messages are in it; asserts. */
size_t count_messages(mproc_queue_t *queue);

#endif
