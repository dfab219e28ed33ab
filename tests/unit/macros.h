/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_MACROS_H
#define MPROC_TESTS_MACROS_H

/*
 * For test_macros.c and test_macros.cpp, which are one program in two languages.
 * It is its own child: what a child expects in vain is mproc_process_error() in
 * its parent.
 */

#include <mproc.h>

#include <stdio.h>

/* In a function that returns a status. */
#define EXPECT(truth)                                                                              \
    do {                                                                                           \
        if (!(truth))                                                                              \
            return mproc_error_set(APR_EGENERAL, "%s:%d: not so: %s", __FILE__, __LINE__, #truth); \
    } while (0)

#endif
