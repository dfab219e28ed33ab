/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_STEPPING_H
#define MPROC_TESTS_STEPPING_H

/*
 * Killing a child after any number of its instructions.
 */

#include <mproc.h>

/* In the child: what comes next is stepped through, up to end_of_steps(), which does not return. */
void begin_steps(void);
void end_of_steps(void);

/*
 * Let a child that comes to begin_steps() do `most` instructions, or all up to
 * end_of_steps(), and kill it there.  How many it has done; -1 if it did something else.
 */
long step_and_kill(apr_int64_t pid, long most);

#endif
