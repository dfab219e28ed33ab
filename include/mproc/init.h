/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_INIT_H
#define MPROC_INIT_H

/**
 * @file init.h
 * The guard, and the functions that can run in another process.
 *
 * By spawn, the default, a child is started by running the program's own executable
 * again.  The first call in `main` tells the two apart: in the program it returns, in a
 * child it runs the target and does not.
 *
 *     static const mproc_target_t targets[] = { MPROC_TARGET(work), MPROC_TARGETS_END };
 *
 *     int main(int argc, const char *const *argv)
 *     {
 *         apr_pool_t *mem;
 *         mproc_init(&mem, &argc, &argv, targets);
 *         ...
 *     }
 *
 * It is what `if __name__ == '__main__':` and freeze_support() are in Python.
 * Code above the guard runs in every spawned child too, and once in a fork server, and
 * sees one argument more there: the mark of a child, which the guard takes out of argc
 * and argv.  A copy, as children by the other start methods are (context.h), runs none of it.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/**
 * A target of a process (and of one call to a pool): what it returns is the
 * status of its process, see mproc_process_status().
 *
 * @param task  who it is, what it was called with, and memory; see below
 */
typedef apr_status_t mproc_target_fn(mproc_task_t *task);

/**
 * A target of a pool's map: one item in, one result out.
 *
 * @param item    the item, read only
 * @param result  to be filled
 * @param task    as above
 */
typedef apr_status_t mproc_item_fn(const void *item, void *result, mproc_task_t *task);

/** What a row of a target table holds.  Made by the macros; not an interface. */
typedef enum mproc_target_kind_t {
    MPROC_KIND_END,
    MPROC_KIND_TASK,
    MPROC_KIND_ITEM,
    MPROC_KIND_TABLE
} mproc_target_kind_t;

/** A row of the table of functions that can run in another process. */
typedef struct mproc_target_t {
    mproc_target_kind_t kind;
    const char *name;                   /**< the function's name, or the table's */
    void (*function)(void);             /**< cast back by its kind */
    const struct mproc_target_t *table; /**< of another library */
} mproc_target_t;

#ifndef __cplusplus

/** A function that can run in another process: of either kind. */
#define MPROC_TARGET(f)                                                                            \
    {_Generic((f), mproc_target_fn *: MPROC_KIND_TASK, mproc_item_fn *: MPROC_KIND_ITEM), #f,      \
     (void (*)(void))(f), NULL}

#else

MPROC_END_C
namespace mproc_detail {
inline mproc_target_t target(const char *name, mproc_target_fn *f)
{
    return {MPROC_KIND_TASK, name, reinterpret_cast<void (*)()>(f), nullptr};
}
inline mproc_target_t target(const char *name, mproc_item_fn *f)
{
    return {MPROC_KIND_ITEM, name, reinterpret_cast<void (*)()>(f), nullptr};
}
} // namespace mproc_detail
MPROC_BEGIN_C
#define MPROC_TARGET(f) mproc_detail::target(#f, f)

#endif

/** Another table, such as a library's own; tables may nest 8 deep. */
#define MPROC_TARGETS_OF(other) {MPROC_KIND_TABLE, #other, NULL, (other)}

/** The last row of every table. */
#define MPROC_TARGETS_END {MPROC_KIND_END, NULL, NULL, NULL}

/**
 * The guard: make this program able to start copies of itself.
 *
 * The first call of `main`.  In a child it reads what the parent sent, runs the
 * target, and ends the process with exit(); what stands below it never runs
 * there.  When it fails, it prints why on stderr and exits: with 1 in the
 * program, with MPROC_EXIT_HANDSHAKE in a child.
 *
 * A normal end of a process goes as in Python.  In the program that is a return from
 * `main`, or exit(); in a child its target returns, or calls exit().  Then:
 *
 * 1. what the process itself has given to atexit() is called, the last one first;
 * 2. the hooks of mproc_at_exit() whose priority is 0 or more, the highest first;
 * 3. its daemonic children that still run are terminated, and the others are joined;
 * 4. the hooks with a negative priority;
 * 5. stdio is flushed, and the process ends.
 *
 * A forked child leaves by _exit(): what its parent has given to atexit() or mproc_at_exit()
 * is the parent's, and is called there alone.  If its parent had other threads, only stdout and
 * stderr are flushed at its end.
 *
 * @param mem      set to new memory, which threads may share.  It is the program's: the
 *                 library does not destroy it, so a program destroys it before it ends
 *                 if cleanups must run (buffered files) or a leak checker looks
 * @param argc     the program's own
 * @param argv     the program's own; in UTF-8 afterwards on every system, and living as
 *                 long as the program
 * @param targets  every function that may run in another process, ended by
 *                 MPROC_TARGETS_END; must stay as it is while the program runs
 *
 * Environment: MPROC_START_METHOD, see context.h; MPROC_EXECUTABLE, see
 * mproc_set_executable(); MPROC_LOG prints what happens on stderr: "warning", "info"
 * or "debug".
 *
 * Threads: call it before there are others.  Fork: not in a forked child.
 */
MPROC_DECLARE(void)
mproc_init(apr_pool_t **mem, int *argc, const char *const **argv, const mproc_target_t *targets);

/** What mproc_at_exit() calls. */
typedef void mproc_exit_fn(void *data);

/**
 * Have a function called at the normal end of this process, see mproc_init() for when.
 *
 * @param hook      called once; it may call this function again
 * @param data      given to it
 * @param priority  higher ones first, and of equals the last one first; those from 0 on before
 *                  this process's children are ended, negative ones after
 * @param mem       as long as it lives; when it is destroyed before, the hook is forgotten
 *
 * @return APR_SUCCESS       it will be called
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return MPROC_EFOREIGN    this process was made by a fork() of the program's own
 * @return APR_EINVAL        @a hook or @a mem is NULL
 *
 * Threads: any.  Fork: a forked child starts without hooks.
 */
MPROC_DECLARE(apr_status_t)
mproc_at_exit(mproc_exit_fn *hook, void *data, int priority, apr_pool_t *mem);

/** How a child exits that never reached its target: foreign, truncated or refused. */
#define MPROC_EXIT_HANDSHAKE 121

/**
 * Start another executable than the program's own: another name or place of the
 * same build, where the system names the wrong one (as under valgrind or an
 * emulator).  A child that turns out to be another build is refused, see
 * MPROC_EBUILD.
 *
 * The environment variable MPROC_EXECUTABLE does the same at mproc_init(), and
 * is inherited; this call goes over it, for the children of this process.
 *
 * @param path  copied; a relative one counts from the folder at the time of this call;
 *              NULL goes back to the program's own
 *
 * @return APR_SUCCESS      later starts use it (whether it is there is seen by them)
 * @return MPROC_EBOOTSTRAP mproc_init() has not been called
 * @return MPROC_EFOREIGN   this process was made by a fork() of the program's own
 * @return APR_EINVAL       @a path is empty
 *
 * Threads: any.
 */
MPROC_DECLARE(apr_status_t) mproc_set_executable(const char *path);

/**
 * The number of CPUs that this process may use: those of its affinity, and no more than what its
 * control group allows it (Linux: the quota of cgroup v1 or v2; Windows: the rate of its job),
 * rounded up.
 *
 * @return at least 1
 *
 * Threads: any.
 */
MPROC_DECLARE(int) mproc_cpu_count(void);

/**
 * Memory that lasts as long as the task: until the target has returned and its children have
 * ended.
 *
 * Threads: one at a time, for the call as for the memory.
 */
MPROC_DECLARE(apr_pool_t *) mproc_task_mem(mproc_task_t *task);

/**
 * The name of the target that is running, as it stands in the table.
 *
 * Threads: any.
 */
MPROC_DECLARE(const char *) mproc_task_target(const mproc_task_t *task);

/**
 * Leave what a task returns to the one who called it by a pool; see pool.h.
 *
 * @param values  packed values; copied.  Objects in them are refused.  The last call counts
 *
 * @return APR_SUCCESS          they are kept until the target returns APR_SUCCESS.  In a process that no
 *                              pool has started, and so nobody waits for them, they are dropped, as Python does
 * @return MPROC_ENOTSHAREABLE  an object in them cannot travel to who called
 * @return APR_EINVAL           @a task is NULL, or that of an item function, which has a result to fill
 * @return APR_ENOMEM           they are larger than the memory there is
 *
 * Threads: one at a time.
 */
MPROC_DECLARE(apr_status_t) mproc_task_return(mproc_task_t *task, const mproc_pack_t *values);

/**
 * Whether a task of a pool has taken longer than the pool's `soft_timeout`: 1 or 0.
 *
 * A target that asks now and then can end in time, and say what it wants to say; `timeout` is for
 * the others.
 *
 * Threads: any, until the target returns.
 */
MPROC_DECLARE(int) mproc_task_is_overdue(const mproc_task_t *task);

/**
 * The start method of the process of this task: MPROC_SPAWN, MPROC_FORK or MPROC_FORKSERVER.
 *
 * Threads: any.
 */
MPROC_DECLARE(const char *) mproc_task_start_method(const mproc_task_t *task);

MPROC_END_C

#endif
