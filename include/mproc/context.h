/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_CONTEXT_H
#define MPROC_CONTEXT_H

/**
 * @file context.h
 * Start methods: how a child comes into being, for the program and for each process.
 *
 *     mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
 *
 *     options.start_method = MPROC_FORK;
 *     rv = mproc_process_start(&process, work, MPROC_NO_ARGS, &options, mem);
 *
 * - MPROC_SPAWN, the default on every system: the program's executable starts again, and the
 *   guard runs the target.  The child has what its arguments hold, and nothing else.
 * - MPROC_FORK, on POSIX: the child is a copy of its parent as it is at that moment, and runs
 *   the target with all the variables, heap and open files of the parent.  Only the thread that
 *   starts it is copied: a lock that another thread holds stays locked in the child for ever.
 *   With MPROC_LOG=warning in the environment such starts are warned of.
 *
 * The method of one start is the first that is given of: the start's own option; what
 * mproc_set_start_method() has set, here or in the parent; MPROC_START_METHOD in the
 * environment; MPROC_SPAWN.  What was made under one method can be handed to a child of another.
 *
 * The names, and what a second call does, are those of Python's multiprocessing.
 */

#include <mproc/declare.h>

MPROC_BEGIN_C

/** The program's executable, started again. */
#define MPROC_SPAWN "spawn"
/** A copy of this process: fork(2).  Not on Windows. */
#define MPROC_FORK "fork"

/**
 * Set the start method of this program, and of the children that it starts from now on.
 *
 * It can be set once, so that two parts of a program do not pull at it; starting a process
 * without a method of its own sets it too.
 *
 * @param method  one of mproc_get_all_start_methods(); with @a force also NULL, which goes back
 *                to the environment's or the default
 * @param force   not 0: set it again
 *
 * @return APR_SUCCESS      it is set
 * @return MPROC_ECONTEXT   it was set before, and @a force is 0
 * @return APR_ENOTIMPL     this system has no such method; the message says why, and what to use
 * @return APR_EINVAL       there is no such method
 * @return MPROC_EBOOTSTRAP mproc_init() has not been called
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_set_start_method(const char *method, int force);

/**
 * The start method of this program.  Asking sets it to what it is, unless @a allow_none.
 *
 * @param allow_none  not 0: NULL when it was not set yet
 *
 * @return its name, or NULL; NULL too before mproc_init()
 *
 * Threads: any.
 */
MPROC_DECLARE(const char *) mproc_get_start_method(int allow_none);

/**
 * The start methods of this system, the default first.
 *
 * @return names, ended by NULL; they stay as they are while the program runs
 *
 * Threads: any.
 */
MPROC_DECLARE(const char *const *) mproc_get_all_start_methods(void);

MPROC_END_C

#endif
