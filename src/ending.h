/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_ENDING_H
#define MPROC_ENDING_H

/*
 * What becomes of a process object and its process when its owner has done with it.
 */

#include "process_object.h"

/* Ask children to end, wait a while, and force those that did not. */
void mproc__process_stop_all(mproc_process_t *const *processes, size_t count);

/*
 * The memory of a started child owns it: when that goes, the child ends, or, if it is detached,
 * goes on without an owner.  `mem` is the memory that it was started in.
 */
void mproc__process_own(mproc_process_t *process, apr_pool_t *mem);

/*
 * A normal end of this process: the exit hooks, the children (daemonic ones are terminated, the
 * others joined), the hooks with negative priorities, and the report of a child.
 */
void mproc__leave(void);

#endif
