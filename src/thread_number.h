/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_THREAD_NUMBER_H
#define MPROC_THREAD_NUMBER_H

/*
 * A name for each thread of this process.
 */

#include <apr.h>

/* A number for each thread that there ever was, from 1 on: an address could come again. */
apr_uint64_t mproc__this_thread(void);

#endif
