/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_RUN_H
#define MPROC_TESTS_RUN_H

/*
 * Running a program as a user would, by APR, and reading what it prints.
 */

#include <mproc.h>

typedef struct ran_t {
    const char *output;
    const char *errors;
    int exitcode;
} ran_t;

/*
 * Run a program with arguments (ended by NULL; [0] is its path) to its end, which
 * is also the end of all that holds its output.  Asserts that it was run.
 */
void run_program(ran_t *ran, const char *const *arguments, apr_pool_t *mem);

#endif
