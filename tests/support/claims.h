/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_CLAIMS_H
#define MPROC_TESTS_CLAIMS_H

/*
 * What every test of the API begins with: cmocka, memory for each test, patience,
 * and assertions that show mproc's own words when they fail.
 */

#include <mproc.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A test that gets a memory pool as its state. */
#define claim(test) cmocka_unit_test_setup_teardown(test, make_memory, destroy_memory)

/* The same; and when its memory is destroyed no handle and no child may be left of it. */
#define claim_leaving_nothing(test) cmocka_unit_test_setup_teardown(test, count_and_make_memory, destroy_and_count)

/* Timeouts: one that no working system misses, and one that is meant to pass. */
#define PATIENCE apr_time_from_sec(30)
#define A_MOMENT apr_time_from_msec(50)

#define assert_status(call, expected) check_status((call), (expected), __FILE__, __LINE__)
#define assert_success(call) assert_status(call, APR_SUCCESS)

/* That a text contains another. */
#define assert_words(text, part) check_words((text), (part), __FILE__, __LINE__)

/* That a call failed with a status and a message that contains words. */
#define assert_refused(call, expected, part)                                                       \
    do {                                                                                           \
        assert_status(call, expected);                                                             \
        assert_words(mproc_error_message(), part);                                                 \
    } while (0)

int make_memory(void **state);
int destroy_memory(void **state);
int count_and_make_memory(void **state);
int destroy_and_count(void **state);

void check_status(apr_status_t rv, apr_status_t expected, const char *file, int line);
void check_words(const char *text, const char *part, const char *file, int line);

/* Whether this run's children are started by a fork server, unless a test says otherwise. */
int is_by_forkserver(void);

/*
 * The exit code of a child that calls exit() with a code, by this run's start method: not every system
 * tells a copy of a process what exit() was given.
 */
int code_of_exit(int code);

/* Tests of this program start children by each method: its fork server, if any, is there before they are counted. */
void use_all_start_methods(void);

/* Whether that server is there, for one of these reasons. */
int has_forkserver(void);

/* MPROC_TEST_SCALE in the environment; 1 when it is not set. */
int test_scale(void);

/* Bytes whose places can be told from each other, and how many of them are as they should be. */
void fill_pattern(unsigned char *bytes, size_t size, size_t offset);
size_t count_pattern(const unsigned char *bytes, size_t size, size_t offset);

#endif
