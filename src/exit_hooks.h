/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_EXIT_HOOKS_H
#define MPROC_EXIT_HOOKS_H

/*
 * What mproc_at_exit() has been given.
 */

/* Call those with at least this priority, the highest first, and forget them. */
void mproc__exit_hooks_run(int least_priority);

/* In a forked child: they are the parent's. */
void mproc__exit_hooks_forget(void);

#endif
