/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PROCESS_H
#define MPROC_PROCESS_H

/**
 * @file process.h
 * Processes: start a target in one, wait for it, stop it, and learn how it ended.
 *
 *     MPROC_CHECK(mproc_process_start(&process, work, MPROC_PACK("data", 42), NULL, mem));
 *     MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
 *     if (mproc_process_status(process) != APR_SUCCESS)
 *         fprintf(stderr, "%s\n", mproc_process_error(process));
 *
 * A child gets stdout and stderr, the null device as stdin, and the objects in
 * its arguments; nothing else of its parent's is open in it.  It ends with its
 * parent, however that ends, unless it is detached.
 *
 * A child made by MPROC_FORK (see context.h) is a copy of its parent: it has the
 * parent's memory and the files that the program itself has open too.  Of mproc's
 * objects it has those in its arguments, as every child; the parent's others are
 * refused there with MPROC_EFOREIGN, and closed, so that their ends are noticed.
 *
 * A child made by MPROC_FORKSERVER is a copy of the fork server, a process that has
 * nothing of its clients'.  It has what a spawned child has, and what the server's
 * preload function has left in memory and open files.
 */

#include <mproc/args.h>
#include <mproc/declare.h>
#include <mproc/init.h>

MPROC_BEGIN_C

/** A process: a child that this one started, this one itself, or its parent. */
typedef struct mproc_process_t mproc_process_t;

/**
 * How to start a process.  Begin with MPROC_PROCESS_OPTIONS; zero everywhere is
 * the sensible default.  Everything is copied by mproc_process_start().
 */
typedef struct mproc_process_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** NULL: "Process-1", "Process-2" and so on; of a child's child "Process-1:2".  Not empty. */
    const char *name;
    /** Not 0: terminated when its parent ends normally, which would else join it; it may not start
        children itself. */
    int daemon;
    /** Not 0: it lives on when its parent ends, in a session of its own.  Not together with
        `daemon`. */
    int detached;
    /** Not 0: Ctrl-C does not end it, and its parent decides. */
    int ignore_interrupt;
    /** Ended by NULL: "NAME=value" sets, "NAME" takes out; the rest is the parent's. */
    const char *const *environment;
    /** NULL: the parent's.  Not empty. */
    const char *working_directory;
    /** MPROC_SPAWN, MPROC_FORK or MPROC_FORKSERVER; NULL: the program's, see
        mproc_set_start_method(). */
    const char *start_method;
} mproc_process_options_t;

/** The initializer of mproc_process_options_t. */
#define MPROC_PROCESS_OPTIONS {sizeof(mproc_process_options_t), NULL, 0, 0, 0, NULL, NULL, NULL}

/** What the system waits on: a descriptor on POSIX, a HANDLE on Windows. */
typedef intptr_t mproc_sentinel_t;

/**
 * Start a target in a process of its own.
 *
 * Flushes stdout and stderr first, so that lines come in the order one expects;
 * before a fork all streams, unless this process has other threads, which may be
 * using them.  Returns when the new process runs the program and its arguments are
 * on their way; whether it then reached its target is told by mproc_process_status().
 *
 * Destroying @a mem terminates the process if it still runs, kills it when it has
 * not ended after a second (a second for each that resists), and reaps it; a detached
 * one is let go.
 *
 * @param process  set to the process
 * @param target   a function in the table given to mproc_init()
 * @param args     packed values, or MPROC_NO_ARGS; copied
 * @param options  NULL for the defaults
 * @param mem      the process object lives until it is destroyed
 *
 * @return APR_SUCCESS          it is running
 * @return MPROC_EBOOTSTRAP     mproc_init() has not been called, or is not done yet
 * @return MPROC_EFOREIGN       this process was made by fork()
 * @return MPROC_EDAEMON        this process is daemonic
 * @return MPROC_ETARGET        @a target is not in the table
 * @return MPROC_ENOTSHAREABLE  an argument cannot be given to a child
 * @return APR_ENOTIMPL         this system has no such start method; the message says why
 * @return MPROC_EINUSE         a connection in the arguments is in the middle of a message, or
 *                              another thread is receiving on it
 * @return MPROC_ECLOSED        a connection in the arguments is closed
 * @return MPROC_EENDING        another thread ends the program, and this one was to fork
 * @return APR_TIMEUP           the program did not read its start message within a minute, and
 *                              was killed: it is none of mproc's; or a copy of this process
 *                              needs a lock that another thread held, and hangs; or the fork
 *                              server did not answer within a minute
 * @return what the preload function returned, or MPROC_EEXIT  by MPROC_FORKSERVER: it failed, or
 *                              called exit() with a code other than 0
 * @return MPROC_EDIED          by MPROC_FORKSERVER: three servers ended one after the other
 * @return MPROC_EBUILD         by MPROC_FORKSERVER: the executable is another build
 * @return APR_EINVAL           an argument or an option is bad; the message names it
 * @return another              what the system said; the message names the stage: the
 *                              executable, the working directory, the handles, or the copying
 *
 * Threads: any number may start processes at once, with the same @a mem too if
 * it comes from mproc_init(); none may change the environment meanwhile (setenv), as no lock
 * keeps that from a start.  Fork: a child made by a fork() of the program's own may
 * not start processes; one made by MPROC_FORK or MPROC_FORKSERVER may.
 */
MPROC_DECLARE(apr_status_t)
mproc_process_start(mproc_process_t **process, mproc_target_fn *target, const mproc_pack_t *args,
                    const mproc_process_options_t *options, apr_pool_t *mem);

#ifndef __cplusplus
/* A target of another kind is a compile error, where C alone would only warn; void * is NULL. */
#define mproc_process_start(process, target, args, options, mem)                                   \
    mproc_process_start((process),                                                                 \
                        _Generic((target), mproc_target_fn *: (target), void *: (target)), (args), \
                        (options), (mem))
#endif

/**
 * Wait until a process has ended, or until @a timeout has passed.
 *
 * Waits on the process itself: a grandchild that holds its pipes delays nothing.
 *
 * @param process  a started process, or mproc_parent_process()
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS     it has ended; later calls return the same at once
 * @return APR_TIMEUP      it is still running
 * @return MPROC_EFOREIGN  called by a process that did not start it
 * @return MPROC_ECLOSED   mproc_process_close() was called
 * @return APR_EINVAL      @a process is NULL or this process itself
 *
 * Threads: any number may wait at once.  Fork: a forked child may not join its
 * parent's children.
 */
MPROC_DECLARE(apr_status_t)
mproc_process_join(mproc_process_t *process, apr_interval_time_t timeout);

/**
 * Whether a process runs: 1 or 0; 1 for this process itself, 0 for one that is
 * closed or foreign.
 *
 * Threads: any.
 */
MPROC_DECLARE(int) mproc_process_is_alive(mproc_process_t *process);

/**
 * How a process ended.
 *
 * @param exitcode  set to 0 … 2³²−1 (POSIX keeps 8 bits of what exit() was
 *                  given; for a forked child that is 1 where there is no on_exit()),
 *                  or to minus the number of the signal that ended it;
 *                  on Windows -15 after mproc_process_terminate(), -9 after
 *                  mproc_process_kill() and -2 after Ctrl-C
 *
 * @return APR_SUCCESS     it has ended so
 * @return MPROC_ERUNNING  it has not ended
 * @return MPROC_ELOST     it has ended, but somebody else took the code away: SIGCHLD
 *                         is ignored, or a thread calls waitpid(-1); or the fork server
 *                         that would have told it is gone, or does not answer
 * @return MPROC_EFOREIGN, MPROC_ECLOSED, APR_EINVAL  as for mproc_process_join()
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_process_exitcode(mproc_process_t *process, apr_int64_t *exitcode);

/**
 * What came of a process: the status its target returned, whole, or what
 * happened instead.
 *
 * @return APR_SUCCESS       the target returned APR_SUCCESS, or called exit(0)
 * @return the target's own  it returned this, and its exit code is 1
 * @return MPROC_EEXIT       the target called exit() with another code
 * @return MPROC_EDIED       it was killed, crashed, or left by _exit()
 * @return MPROC_EHANDSHAKE  it ended before it reached its target
 * @return MPROC_EBUILD      it was refused: another build, or another table
 * @return MPROC_ETOOMANY    an object in its arguments is had by as many processes as its option
 *                           `processes` allows
 * @return MPROC_ELOST       it ended without a word, and its exit code was lost; or the target
 *                           of a forked child called exit(), where its code cannot be known
 * @return MPROC_ERUNNING, MPROC_EFOREIGN, MPROC_ECLOSED, APR_EINVAL  as above
 * @return another           what the system said when its report was to be read
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_process_status(mproc_process_t *process);

/**
 * The words for mproc_process_status(): what the target left by
 * mproc_error_set() or by a failing call of mproc's, or how the process died.
 *
 * @return "" while it runs and when all went well; lives as long as the object
 *
 * Threads: any.
 */
MPROC_DECLARE(const char *) mproc_process_error(mproc_process_t *process);

/**
 * Ask a process to end: SIGTERM on POSIX, TerminateProcess on Windows.
 *
 * Its own children end with it, since they do not outlive their parent.
 *
 * @return APR_SUCCESS  it was asked, or has ended already
 * @return MPROC_EFOREIGN, MPROC_ECLOSED, APR_EINVAL  as for mproc_process_join()
 * @return another      what the system said
 *
 * Threads: any; never reaches another process that got the same number.
 */
MPROC_DECLARE(apr_status_t) mproc_process_terminate(mproc_process_t *process);

/**
 * End a process at once: SIGKILL on POSIX; else as mproc_process_terminate().
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_process_kill(mproc_process_t *process);

/**
 * Give back what a process object holds.  Every call on it then returns
 * MPROC_ECLOSED; its name stays until its memory is destroyed.
 *
 * @return APR_SUCCESS     done, also when it was closed before
 * @return MPROC_ERUNNING  it still runs: join it first, or make it end
 * @return MPROC_EINUSE    another thread is waiting for it
 * @return MPROC_EFOREIGN, APR_EINVAL  as for mproc_process_join()
 *
 * Threads: not while another one uses the object.
 */
MPROC_DECLARE(apr_status_t) mproc_process_close(mproc_process_t *process);

/**
 * The name of a process; it lives as long as the object.
 *
 * Threads: any.
 */
MPROC_DECLARE(const char *) mproc_process_name(const mproc_process_t *process);

/**
 * The system's number of a process.
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_int64_t) mproc_process_pid(const mproc_process_t *process);

/**
 * Whether a process is daemonic: 1 or 0.
 *
 * Threads: any.
 */
MPROC_DECLARE(int) mproc_process_daemon(const mproc_process_t *process);

/**
 * What the system's own waiting calls can wait on: ready when the process has ended.  Of a fork
 * server's child it is ready when the server has told how it ended, so that the code is there.
 *
 * @param sentinel  set to a descriptor for poll() on POSIX, a HANDLE for
 *                  WaitForSingleObject() on Windows; it belongs to @a process and is
 *                  valid until that is closed
 *
 * @return APR_SUCCESS    it is set
 * @return MPROC_ECLOSED  the process was closed, or its end was seen before anybody asked for
 *                        its sentinel (by a join, or by a start of another): it has ended
 * @return MPROC_EFOREIGN, APR_EINVAL  as for mproc_process_join()
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t)
mproc_process_sentinel(mproc_process_t *process, mproc_sentinel_t *sentinel);

/**
 * This process itself, named "MainProcess" in the program; NULL before mproc_init().
 *
 * Threads: any.
 */
MPROC_DECLARE(mproc_process_t *) mproc_current_process(void);

/**
 * The process that started this one: its name, its pid, whether it lives, and a
 * way to wait for its end.
 *
 * @return NULL in the program itself, and before mproc_init()
 *
 * Threads: any.
 */
MPROC_DECLARE(mproc_process_t *) mproc_parent_process(void);

/**
 * The children of this process that still run; reaps those that have ended.
 *
 * @param children  set to an array in @a mem; borrowed objects, valid until their own
 *                  memory is destroyed
 * @param count     set to its length
 *
 * @return APR_SUCCESS, MPROC_EBOOTSTRAP before mproc_init(), MPROC_EFOREIGN after a fork()
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t)
mproc_active_children(mproc_process_t ***children, size_t *count, apr_pool_t *mem);

MPROC_END_C

#endif
