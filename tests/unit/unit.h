/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_UNIT_H
#define MPROC_TESTS_UNIT_H

/*
 * What the unit tests share.  They call the pure parts of the library directly:
 * no process is started, and nothing is waited for.
 */

#include "buffer.h"
#include "values.h"

#include <mproc.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A test that gets a memory pool as its state. */
#define claim(test) cmocka_unit_test_setup_teardown(test, make_memory, destroy_memory)

#define assert_success(call) assert_int_equal((call), APR_SUCCESS)

int make_memory(void **state);
int destroy_memory(void **state);

/* Let a pack arrive in values, as a message brings it. */
apr_status_t refill(mproc_values_t *values, const mproc_pack_t *pack);

/* New values in which a pack has arrived; a failure to travel fails the test. */
mproc_values_t *travel(const mproc_pack_t *pack, apr_pool_t *mem);

/*
 * Let bytes arrive in values: they get a block of just their size, so that a sanitizer sees the
 * end.
 */
void fill(mproc_values_t *values, const unsigned char *bytes, size_t size);

/* The thread's last message has these words in it. */
void assert_said(const char *words);

/* Forget the thread's last message. */
void hush(void);

/* A pack that lies `depth` deep, counted from 1; the innermost is empty. */
const mproc_pack_t *make_deep_pack(int depth, apr_pool_t *mem);

/*
 * An object that travels as connections do, and is nothing: a handle that nobody
 * opened, a detail, and some bytes.
 */
typedef struct stand_in_t {
    port_handle_t handle;
    apr_uint32_t detail;
    char data[16];
    size_t size;
} stand_in_t;

/* From now on stand-ins are what connections were; in this program for good. */
void register_stand_ins(void);

mproc_connection_t *as_object(stand_in_t *stand_in);
const stand_in_t *as_stand_in(mproc_connection_t *object);

#endif
