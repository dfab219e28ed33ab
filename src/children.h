/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_CHILDREN_H
#define MPROC_CHILDREN_H

/*
 * The list of this process's children: for active_children, and for the end of the
 * program.
 */

#include "process_object.h"

/* Once, by the guard. */
apr_status_t mproc__children_set(apr_pool_t *mem);

void mproc__children_add(mproc_process_t *process);

/* Around a fork; see forks.h. */
void mproc__children_lock(void);
void mproc__children_unlock(void);

/* In a forked child, under the lock: they are the parent's. */
void mproc__children_abandon(void);

/* Does nothing when it is not on the list. */
void mproc__children_remove(mproc_process_t *process);

/*
 * Take a child that has ended off the list and close it, in one step, so that no fork comes in
 * between: APR_SUCCESS, or MPROC_EINUSE, and then it is as it was.
 */
apr_status_t mproc__children_shut(mproc_process_t *process);

/* Reap the children that have ended, and forget the detached ones among them that nobody owns. */
void mproc__children_reap(void);

/*
 * The same now and then: when as many have been started as were still there the last time.  So a start
 * does not become dearer with the number of those that run.
 */
void mproc__children_reap_at_start(void);

/* Let a detached child go: its object, in memory of the program, is kept until it has ended. */
void mproc__children_release(mproc_process_t *process);

/* Ask the daemonic children up to number `last` to end. */
void mproc__children_ask(unsigned last);

/* A daemonic child, or another, up to number `last` that runs; its memory stays until it is let go. */
mproc_process_t *mproc__children_hold(int is_daemon, unsigned last);
void mproc__children_let_go(mproc_process_t *process);

#endif
