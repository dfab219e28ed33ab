/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The guard: the first call in main tells the program from its children.
 */

#include "array.h"
#include "belongings.h"
#include "child.h"
#include "children.h"
#include "connection.h"
#include "context.h"
#include "ending.h"
#include "event_objects.h"
#include "forks.h"
#include "forkserver.h"
#include "log.h"
#include "mutex.h"
#include "pool/worker.h"
#include "program.h"
#include "queue.h"
#include "semaphore_object.h"
#include "shared_memory.h"
#include "status.h"
#include "targets.h"

#include <mproc/init.h>
#include <mproc/status.h>

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char main_name[] = "MainProcess";

const mproc_target_t mproc__own_targets[] = {MPROC_TARGET(mproc__pool_worker),
                                             MPROC_TARGET(mproc__forkserver), MPROC_TARGETS_END};

/*
 * A normal end, in the program and in a child alike; not in a fork of either that is not ours.
 * The memory of the program is left as it is: other threads may be using it until the very end.
 */
static void leave(void)
{
    static int is_done;

    if (is_done || atomic_load(&mproc__program.phase) != MPROC__READY ||
        mproc__program_is_foreign())
        return;
    atexit(leave); /* for a hook that calls exit(): the rest is done all the same */
    mproc__leave();
    is_done = 1;
}

/*
 * Somebody has ended APR, and its memory with it: nothing can be started, and nothing is left to
 * end.
 */
static apr_status_t forget(void *data)
{
    (void)data;
    atomic_store(&mproc__program.phase, MPROC__UNGUARDED);
    mproc__program.self = mproc__program.parent = NULL;
    mproc__program.lock = NULL;
    return APR_SUCCESS;
}

static apr_status_t set_all(apr_pool_t *mem)
{
    MPROC_TRY(mproc__children_set(mem));
    MPROC_TRY(mproc__belongings_set(mem));
    MPROC_TRY(mproc__forkserver_set(mem));
    return mproc__forks_set(mem);
}

/* From here on processes can be started. */
static apr_status_t pass_guard(apr_pool_t *mem)
{
    MPROC_TRY(mproc__error_explain(set_all(mem), "make what starting processes needs"));
    apr_pool_cleanup_register(mem, &mproc__program, forget, apr_pool_cleanup_null);
    if (atexit(leave) != 0)
        return mproc_error_set(APR_ENOMEM, "no room for a handler of exit");
    atomic_store_explicit(&mproc__program.phase, MPROC__READY, memory_order_release);
    return APR_SUCCESS;
}

static const char *child_mark(int argc, const char *const *argv)
{
    size_t length = strlen(PORT_CHILD_MARK);

    return argc > 1 && strncmp(argv[1], PORT_CHILD_MARK, length) == 0 ? argv[1] + length : NULL;
}

/* The mark is nobody's business below the guard, and must not reach grandchildren. */
static const char *const *without_mark(const char *const *argv, apr_pool_t *mem)
{
    size_t count = 0;
    const char **rest;

    while (argv[count] != NULL)
        count++;
    rest = apr_pmemdup(mem, argv + 1, count * sizeof *rest);
    rest[0] = argv[0];
    return rest;
}

static _Noreturn void be_child(const char *mark, const char *const *argv,
                               const mproc_target_t *targets, apr_pool_t *mem)
{
    apr_status_t rv = mproc__child_prepare(mark, targets, argv, mem);

    if (rv == APR_SUCCESS)
        rv = pass_guard(mem);
    if (rv != APR_SUCCESS)
        mproc__child_refuse(rv);
    mproc__child_ready();
    mproc__child_work();
}

static apr_status_t be_program(const char *const *argv, const mproc_target_t *targets,
                               apr_pool_t *mem)
{
    MPROC_TRY(mproc__program_set(targets, argv, mem));
    mproc__program.identity = "";
    mproc__log_name(main_name);
    MPROC_TRY(mproc__error_explain(mproc__introduce(main_name, 0, mem), "make a process object"));
    return pass_guard(mem);
}

static apr_status_t read_environment(apr_pool_t *mem)
{
    const char *level;

    MPROC_TRY(port_environment_get(&level, "MPROC_LOG", mem));
    MPROC_TRY(mproc__log_set(level));
    return mproc__context_set(mem);
}

apr_status_t mproc__read_environment(apr_pool_t *mem)
{
    return mproc__error_explain(read_environment(mem), "read the environment");
}

/*
 * APR is begun once more than is ended: a program's own apr_terminate(), by atexit() too, comes
 * before leave().
 */
static apr_status_t begin(apr_pool_t **own, int *argc, const char *const **argv)
{
    MPROC_TRY(apr_initialize());
    MPROC_TRY(apr_initialize());
    MPROC_TRY(apr_pool_create(own, NULL));
    return port_arguments(argc, argv, *own);
}

static apr_status_t guard(apr_pool_t **mem, int *argc, const char *const **argv,
                          const mproc_target_t *targets)
{
    const char *mark;
    apr_pool_t *own = NULL;

    if (mem == NULL || argc == NULL || argv == NULL || *argc < 1)
        return mproc_error_set(APR_EINVAL,
                               "it needs main's own argc and argv, and a variable for memory");
    if (mproc__program.mem != NULL)
        return mproc_error_set(APR_EINVAL,
                               "it was called before; call it once, first of all in main");
    MPROC_TRY(mproc__error_explain(begin(&own, argc, argv), "begin"));
    MPROC_TRY(mproc__read_environment(own));
    mproc__connection_register();
    mproc__queue_register();
    mproc__mutex_register();
    mproc__semaphore_register();
    mproc__event_object_register();
    mproc__condition_register();
    mproc__barrier_register();
    mproc__rwlock_register();
    mproc__shared_memory_register();
    mproc__array_register();
    mproc__forkserver_register();
    mark = child_mark(*argc, *argv);
    if (mark != NULL) {
        *argv = without_mark(*argv, own);
        --*argc;
        be_child(mark, *argv, targets, own);
    }
    MPROC_TRY(be_program(*argv, targets, own));
    return mproc__error_explain(apr_pool_create(mem, own), "make the program's memory");
}

void mproc_init(apr_pool_t **mem, int *argc, const char *const **argv,
                const mproc_target_t *targets)
{
    char text[120];
    apr_status_t rv = guard(mem, argc, argv, targets);

    if (rv == APR_SUCCESS)
        return;
    fprintf(stderr, "mproc_init failed: %s\n%s\n", mproc_strerror(rv, text, sizeof text),
            mproc_error_message());
    exit(1);
}
