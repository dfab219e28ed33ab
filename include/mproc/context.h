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
 * - MPROC_FORKSERVER, on POSIX: a small process of this program's executable, the fork server,
 *   copies itself for each child.  It is started by the first such start, has no threads and
 *   nothing of its clients' memory; so a child costs as little as that of a small process does,
 *   whatever its parent has, and no lock of the parent's can be locked in it.  It has what its
 *   arguments hold, and what mproc_set_forkserver_preload() has made ready.
 *
 * The method of one start is the first that is given of: the start's own option; what
 * mproc_set_start_method() has set, here or in the parent; MPROC_START_METHOD in the
 * environment; MPROC_SPAWN.  What was made under one method can be handed to a child of another.
 *
 * For mproc a child of the fork server is a child of its parent's; for the system its parent
 * (getppid(2)) is the server.  The server tells the parent how it ended.  If the server is
 * killed its children go on, and the next start makes another one; that a child of the dead one
 * has ended is still known at once, but no more how: mproc_process_exitcode() returns MPROC_ELOST
 * unless the child could say it, as one whose target returned does (mproc_process_status()).
 * Until the server has told how a child ended, that counts as running: for an instant, and for ten
 * seconds at most from when the end was seen, should the server be stopped.
 * Children of a fork server, and forks of a process that uses one, share it; spawned children, and
 * detached ones, start their own.  It ends when the last process that could use it does.  The child has its
 * parent's environment, working directory, stdout and stderr of the moment, but the server's
 * limits, priority, file mode mask, user and session.  It is in its parent's process group, or, if
 * its parent has left the server's session, in one of its own.  Signals are handled and blocked in it
 * as the preload function has left them, but for SIGINT: the server ignores it, and a child begins with
 * the default.
 *
 * The names, and what a second call does, are those of Python's multiprocessing.
 */

#include <mproc/init.h>

MPROC_BEGIN_C

/** The program's executable, started again. */
#define MPROC_SPAWN "spawn"
/** A copy of this process: fork(2).  Not on Windows. */
#define MPROC_FORK "fork"

/** A copy of a small server process, which is made at the first such start.  Not on Windows. */
#define MPROC_FORKSERVER "forkserver"

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
 * @return MPROC_EFOREIGN   this process was made by a fork() of the program's own
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_set_start_method(const char *method, int force);

/**
 * The start method of this program.  Asking sets it to what it is, unless @a allow_none.
 *
 * @param allow_none  not 0: NULL when it was not set yet
 *
 * @return its name, or NULL; NULL too before mproc_init(), and in a process that was made by a
 *         fork() of the program's own
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

/**
 * Set a function that the fork server runs once, when it has started and before it makes its first
 * child: what it leaves in global variables every child finds there, without a copy being made
 * until somebody writes to it (Python: set_forkserver_preload()).
 *
 * It runs in the server's process, as a task without arguments: mproc_task_mem() gives memory that
 * lasts as long as the server.  It must leave no threads: they are not in the children, and the locks
 * that they hold never become free there.  It may start processes; those by forkserver have another
 * server, which calls no preload function, ends with this one, and is not the children's.  When it
 * returns a status other than APR_SUCCESS, or calls exit() with a code other than 0, the starts that
 * need the server fail with that.  When it calls exit(0), or crashes, they try three times, and fail
 * with MPROC_EDIED.
 *
 * @param target  in the table of targets, as MPROC_TARGET; NULL: none
 *
 * @return APR_SUCCESS      servers that this process starts from now on call it
 * @return MPROC_ECONTEXT   this process has a server already
 * @return MPROC_ETARGET    it is not in the table of targets
 * @return MPROC_EBOOTSTRAP mproc_init() has not been called
 * @return MPROC_EFOREIGN   this process was made by fork(2)
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_set_forkserver_preload(mproc_target_fn *target);

/**
 * Start the fork server now, if this process has none, and not by the first start that needs it:
 * so that a long preload function is at work early.  Does not wait for that function; a start by
 * the server waits for at most a minute, and so for another server when one is killed as it is asked.
 * Handlers of signals run during that, and other threads start processes and fork.
 *
 * @return APR_SUCCESS      it has been started; or was, and may have ended since
 * @return APR_ENOTIMPL     this system has none; the message says why, and what to use
 * @return MPROC_EBOOTSTRAP mproc_init() has not been called
 * @return MPROC_EFOREIGN   this process was made by fork(2)
 * @return what starting a process by spawn returns; see mproc_process_start()
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_forkserver_ensure_running(void);

MPROC_END_C

#endif
