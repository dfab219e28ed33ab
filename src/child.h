/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_CHILD_H
#define MPROC_CHILD_H

/*
 * The life of a child, from the guard to its end.
 */

#include "buffer.h"
#include "program.h"

/*
 * Everything up to the target of the child that `mark` (what follows PORT_CHILD_MARK)
 * says this is: APR_SUCCESS, or the reason why not, with a message.
 */
apr_status_t mproc__child_prepare(const char *mark, const mproc_target_t *targets,
                                  const char *const *argv, apr_pool_t *mem);

/*
 * In a copy of a process, first of all: what that was as a child is not this one's to use, to end
 * or to tell of.  From now on this one is heard by its own parent.
 */
apr_status_t mproc__child_begin_copy(const port_birth_t *birth, apr_pool_t *mem);

/*
 * The same as mproc__child_prepare() for a copy, which has the start message in its memory: takes
 * the message over.
 */
apr_status_t mproc__child_prepare_copy(const port_birth_t *birth, mproc__buffer_t *message,
                                       apr_pool_t *mem);

/*
 * The same for a copy that a fork server has made, which reads its start message as a spawned
 * child does; `handles` are its own numbers for those of the arguments.
 */
apr_status_t mproc__child_prepare_served(const port_birth_t *birth, const port_handle_t *handles,
                                         size_t nhandles, apr_pool_t *mem);

/* Say that this child is ready. */
void mproc__child_ready(void);

/* The same, and wait until the parent lets it go on: or APR_EOF. */
apr_status_t mproc__child_await_word(void);

/* Run the target, and end the process. */
_Noreturn void mproc__child_work(void);

/* End the process of a child that cannot reach its target, and tell the parent why. */
_Noreturn void mproc__child_refuse(apr_status_t rv);

/*
 * At a normal end of a child, after its own children's: destroy the task's memory and send the
 * report.  Does nothing elsewhere.
 */
void mproc__child_end(void);

/* The exit code of this child, when its target has not called exit() with another. */
int mproc__child_exitcode(void);

/* In a copy of the parent whose target has called exit(), and the system does not tell the code. */
void mproc__child_lost_code(void);

/* The process object for this process itself: APR_SUCCESS, or a message. */
apr_status_t mproc__introduce(const char *name, int is_daemon, apr_pool_t *mem);

#endif
