/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_FORKS_H
#define MPROC_FORKS_H

/*
 * What a fork of this process must not cut in two.  A start makes descriptors that
 * only its own child may have: a fork meanwhile, in another thread, by mproc or by
 * the program itself, would copy them into a process that nobody thinks of.
 */

#include <apr_errno.h>
#include <apr_pools.h>

/* Once, by the guard, when everything else is set. */
apr_status_t mproc__forks_set(apr_pool_t *mem);

/* In a forked child of mproc's: the same for its own forks. */
apr_status_t mproc__forks_renew(apr_pool_t *mem);

/* This thread starts a process; any number may at once, and forks wait. */
void mproc__forks_hold(void);

/* This thread forks a process; nothing is started meanwhile. */
void mproc__forks_begin(void);

/* Whether this thread, which holds a fork, may do it: APR_SUCCESS, or MPROC_EENDING and a message. */
apr_status_t mproc__forks_check(void);

/* This thread ends the program: from now on no other thread forks. */
void mproc__forks_leave(void);

/* The end of either. */
void mproc__forks_end(void);

#endif
