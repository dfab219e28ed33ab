/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_MESSAGE_H
#define MPROC_TESTS_MESSAGE_H

/*
 * Messages that can be told from each other, and from damaged ones.
 */

#include <mproc.h>

#include <stdint.h>

/* The smallest one, and the largest that is used. */
#define MESSAGE_MIN 8
#define MESSAGE_MAX ((size_t)100 * 1024)

/* Fill `size` bytes, MESSAGE_MIN at least, with the message of this name. */
void write_message(unsigned char *bytes, uint32_t name, size_t size);

/* The name of a message, or 0 if it is not whole. */
uint32_t read_message(const unsigned char *bytes, size_t size);

/* Put the message of a name; get one, and its name. */
apr_status_t put_message(mproc_queue_t *queue, uint32_t name, size_t size,
                         apr_interval_time_t timeout);
apr_status_t get_message(mproc_queue_t *queue, uint32_t *name, apr_interval_time_t timeout);

/* The same in place. */
apr_status_t put_message_in_place(mproc_queue_t *queue, uint32_t name, size_t size,
                                  apr_interval_time_t timeout);
apr_status_t get_message_in_place(mproc_queue_t *queue, uint32_t *name,
                                  apr_interval_time_t timeout);

#endif
