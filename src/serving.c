/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The fork server from inside: a target of the library's own, which runs the program's preload
 * function and then serves; and how a copy of it becomes a child of who has asked.
 */

#include "child.h"
#include "copying.h"
#include "forks.h"
#include "forkserver.h"
#include "log.h"
#include "program.h"
#include "status.h"
#include "targets.h"
#include "task.h"
#include "values.h"

#include <mproc/status.h>

#include <string.h>

/* So many pools a copy makes before its target runs. */
#define ROOMS 4

/* What server and copies both know. */
typedef struct serving_t {
    port_channel_t *channel;
    unsigned char key[PORT_FORKSERVER_KEY_SIZE];
    apr_pool_t *copies; /* memory */
} serving_t;

/* Its end of the channel while the preload function runs, which may fork; else NULL. */
static port_channel_t *served;

/* -- In a copy --------------------------------------------------------------------------- */

/* What comes first of its handles: see start_forkserver.c. */
enum { HANDLE_CONTROL, HANDLE_CHANNEL, HANDLE_LIFELINE, HANDLES_OF_ARGUMENTS };

/*
 * One that is detached makes a server of its own when it needs one, in its own session: the other one's
 * copies would belong to a terminal that is not its.
 */
static apr_status_t take_way(const serving_t *serving, const port_birth_t *birth,
                             const port_handle_t *handles)
{
    if (!birth->is_detached)
        return mproc__forkserver_inherit(handles[HANDLE_CHANNEL], handles[HANDLE_LIFELINE],
                                         serving->key, serving->copies);
    port_handle_close(handles[HANDLE_CHANNEL]);
    port_handle_close(handles[HANDLE_LIFELINE]);
    return APR_SUCCESS;
}

static apr_status_t prepare(const serving_t *serving, const port_birth_t *birth, apr_status_t rv,
                            const port_handle_t *handles, size_t nhandles)
{
    MPROC_TRY(mproc__child_begin_copy(birth, serving->copies));
    MPROC_TRY(mproc__copy_check_birth(rv));
    MPROC_TRY(mproc__forks_renew(serving->copies));
    if (nhandles < HANDLES_OF_ARGUMENTS)
        return mproc_error_set(MPROC_EPROTOCOL, "the fork server was not given all of the handles");
    MPROC_TRY(take_way(serving, birth, handles));
    MPROC_TRY(mproc__child_prepare_served(birth, handles + HANDLES_OF_ARGUMENTS,
                                          nhandles - HANDLES_OF_ARGUMENTS, serving->copies));
    return mproc__read_environment(serving->copies);
}

/* Only a whole child hears signals: a handler may call exit(). */
static void live(apr_status_t rv, const port_birth_t *birth, const port_handle_t *handles,
                 size_t nhandles, void *data)
{
    const serving_t *serving = data;

    mproc__copy_begin(serving->copies);
    rv = prepare(serving, birth, rv, handles, nhandles);
    if (rv != APR_SUCCESS)
        mproc__child_refuse(rv);
    port_signals_release();
    mproc__child_ready();
    mproc__child_work();
}

/* -- In the server ------------------------------------------------------------------------- */

static apr_status_t unpack(serving_t *serving, apr_uint64_t *preload, const mproc_task_t *task)
{
    mproc_bytes_t key;
    const mproc_slot_t slots[] = {
        {MPROC_TYPE_CHANNEL, sizeof(void *), &serving->channel},
        {MPROC_TYPE_BYTES, sizeof key, &key},
        {MPROC_TYPE_UNSIGNED, sizeof *preload, preload},
    };

    MPROC_TRY(mproc_unpack(task->args, slots, sizeof slots / sizeof slots[0]));
    if (key.size != sizeof serving->key)
        return mproc_error_set(MPROC_EPROTOCOL, "the fork server's key has not its size");
    memcpy(serving->key, key.data, key.size);
    return APR_SUCCESS;
}

/*
 * As a task of its own: without arguments, and with memory that lasts as long as the server.  A server
 * that is started by it does not call it: that one would start another, without end.
 */
static apr_status_t call_preload(apr_uint64_t number, const mproc_task_t *own)
{
    const mproc_target_t *target = mproc__targets_at(mproc__program.targets, number);
    mproc_task_t task = {.mem = own->mem,
                         .target = target,
                         .method = own->method,
                         .args = mproc_values_create(own->mem),
                         .overdue = PORT_NEVER};

    if (target == NULL || target->kind != MPROC_KIND_TASK)
        return mproc_error_set(MPROC_EBUILD, "there is no preload function at its place in the "
                                             "table of targets");
    mproc__log(MPROC__LOG_INFO, "the fork server calls %s", target->name);
    MPROC_TRY(((mproc_target_fn *)target->function)(&task));
    mproc__forkserver_preloaded((mproc_target_fn *)target->function);
    return APR_SUCCESS;
}

static apr_status_t run_preload(const serving_t *serving, apr_uint64_t number,
                                const mproc_task_t *own)
{
    apr_status_t rv;

    served = serving->channel;
    rv = call_preload(number, own);
    served = NULL;
    return rv;
}

static void warn_of_threads(void)
{
    int threads = port_thread_count();

    if (threads > 1)
        mproc__log(MPROC__LOG_WARNING,
                   "the fork server has %d threads, and its copies have one of them: a lock that "
                   "another thread holds stays locked in them for ever",
                   threads);
}

/* A copy finds this memory when it makes pools, and need not ask the system for any. */
static apr_status_t lay_in_memory(apr_pool_t *mem)
{
    apr_pool_t *room, *all;
    apr_status_t rv = apr_pool_create(&all, mem);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; rv == APR_SUCCESS && i < ROOMS; i++)
        rv = apr_pool_create(&room, all);
    apr_pool_destroy(all);
    return rv;
}

/* To all who have the other end: nobody reads it, so that it stays there. */
static apr_status_t say_ready(const serving_t *serving)
{
    size_t sent;
    apr_status_t rv = port_channel_write(serving->channel, "", 1, PORT_NOW, &sent);

    return APR_STATUS_IS_EPIPE(rv) ? APR_SUCCESS : mproc__error_explain(rv, "say that it serves");
}

void mproc__forkserver_unserve(void)
{
    if (served != NULL)
        port_channel_close(served);
    served = NULL;
}

apr_status_t mproc__forkserver(mproc_task_t *task)
{
    serving_t serving;
    apr_uint64_t preload;
    port_serving_t how = {.live = live, .leave = mproc__copy_leave, .data = &serving};

    MPROC_TRY(unpack(&serving, &preload, task));
    if (preload != MPROC__NO_PRELOAD)
        MPROC_TRY(run_preload(&serving, preload, task));
    MPROC_TRY(mproc__error_explain(apr_pool_create(&serving.copies, NULL), "make memory"));
    MPROC_TRY(mproc__error_explain(lay_in_memory(serving.copies), "make memory"));
    warn_of_threads();
    how.key = serving.key;
    how.copy_mem = serving.copies;
    port_fork_flush();
    MPROC_TRY(say_ready(&serving));
    return mproc__error_explain(port_forkserver_serve(serving.channel, &how),
                                "wait for those who start processes");
}
