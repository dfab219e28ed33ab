/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_CONTRACT_H
#define MPROC_TESTS_CONTRACT_H

/*
 * What the contract tests share.  They call port_*() directly and hold for every
 * system: what differs between systems is in handles_posix.c and handles_win32.c.
 */

#include "port.h"

#include <apr_errno.h>
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A test that gets a memory pool as its state. */
#define claim(test) cmocka_unit_test_setup_teardown(test, make_memory, destroy_memory)

#define assert_success(call) assert_int_equal((call), APR_SUCCESS)

int make_memory(void **state);
int destroy_memory(void **state);

/* Deadlines: one that no working system misses, and one that is meant to pass. */
port_deadline_t in_good_time(void);
port_deadline_t in_a_moment(void);

/* Bytes whose places can be told from each other, and how many of them are as they should be. */
void fill_pattern(unsigned char *bytes, size_t size, size_t offset);
size_t count_pattern(const unsigned char *bytes, size_t size, size_t offset);

/*
 * Send and receive words, each with its NUL; hear() gives "(end)" or "(late)" when there is
 * none.
 */
void say(port_channel_t *channel, const char *word);
const char *hear(port_channel_t *channel, apr_pool_t *mem);

/* Send a handle with one byte; and take it, when there is a whole one. */
apr_status_t pass_handle(port_channel_t *channel, port_handle_t handle, port_deadline_t deadline);
apr_status_t take_handle(port_channel_t *channel, port_handle_t *handle);

/* Read exactly so many bytes: APR_SUCCESS, or what the port said. */
apr_status_t read_bytes(port_channel_t *channel, void *bytes, size_t size);

/* -- handles_*.c -- */

/* How many handles this process has open. */
int count_open_handles(void);

/* Let every program that is started carelessly inherit a handle. */
void make_inheritable(port_handle_t handle);

/* Whether it does. */
int is_inheritable(port_handle_t handle);

/* Make a copy of a handle, and close it. */
void close_copy(port_handle_t handle);

/* Whether something lies at the beginning of this page. */
int is_mapped(void *page);

#endif
