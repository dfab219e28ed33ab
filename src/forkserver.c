/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The way to the fork server: starting one, sharing it, and finding that it is gone.
 */

#include "forkserver.h"

#include "context.h"
#include "deadline.h"
#include "forks.h"
#include "log.h"
#include "program.h"
#include "starting.h"
#include "status.h"
#include "targets.h"
#include "values.h"

#include <mproc/context.h>
#include <mproc/status.h>

#include <apr_general.h>

#include <string.h>

/* One that has closed its channel is at its end. */
#define END_TIMEOUT apr_time_from_sec(10)

static mproc__forkserver_t *way; /* NULL: there is none yet */
static apr_thread_mutex_t *lock; /* NULL before the guard, and when APR has ended */
static mproc_target_fn *preload;

void mproc__forkserver_lock(void)
{
    if (lock != NULL)
        apr_thread_mutex_lock(lock);
}

void mproc__forkserver_unlock(void)
{
    if (lock != NULL)
        apr_thread_mutex_unlock(lock);
}

static apr_status_t forget_all(void *data)
{
    (void)data;
    lock = NULL;
    way = NULL;
    return APR_SUCCESS;
}

apr_status_t mproc__forkserver_set(apr_pool_t *mem)
{
    MPROC_TRY(apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, mem));
    apr_pool_cleanup_register(mem, &way, forget_all, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* -- Its end of the channel, as an argument ------------------------------------------ */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    shared->handles[0] = port_channel_handle(object);
    shared->nhandles = 1;
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    port_channel_t *channel;

    if (shared->nhandles != 1)
        return APR_EBADF;
    MPROC_TRY(port_channel_adopt(&channel, shared->handles[0], PORT_READ | PORT_WRITE, mem));
    *object = channel;
    return APR_SUCCESS;
}

void mproc__forkserver_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_CHANNEL, &kind);
}

/* -- Starting one ---------------------------------------------------------------------- */

static apr_uint64_t preload_number(void)
{
    apr_uint64_t number = MPROC__NO_PRELOAD;

    if (preload != NULL)
        mproc__targets_find(mproc__program.targets, MPROC_KIND_TASK, (void (*)(void))preload,
                            &number);
    return number;
}

/*
 * Each copy would look up anew all functions that the server has not called yet: ELF's loaders do it
 * at once if they are told to (ld.so(8)), others do not know the word.  Copies have their clients'
 * environment.
 */
static const char *const bound_at_once[] = {"LD_BIND_NOW=1", NULL};

static apr_status_t start_process(mproc__forkserver_t *made, port_channel_t *theirs)
{
    const mproc_value_t values[] = {
        {.type = MPROC_TYPE_CHANNEL, .as = {.object = theirs}},
        MPROC_BYTES(made->key, sizeof made->key),
        mproc__value_unsigned(preload_number()),
    };
    const mproc_pack_t args = {sizeof values / sizeof values[0], values};

    MPROC_TRY(mproc__start_own(&made->process, mproc__forkserver, "ForkServer", bound_at_once,
                               &args, made->mem));
    made->process->target = "its preload function";
    return mproc__error_explain(port_process_lifeline(&made->lifeline, made->process->port),
                                "keep the fork server alive");
}

static apr_status_t start_with_channel(mproc__forkserver_t *made)
{
    port_channel_t *theirs;
    apr_status_t rv;

    MPROC_TRY(mproc__error_explain(apr_generate_random_bytes(made->key, sizeof made->key),
                                   "make a key for the fork server"));
    MPROC_TRY(mproc__error_explain(
        port_channel_pair(&made->channel, &theirs, PORT_READ | PORT_WRITE, made->mem),
        "make a channel to the fork server"));
    rv = start_process(made, theirs);
    port_channel_close(theirs);
    if (rv != APR_SUCCESS)
        port_channel_close(made->channel);
    return rv;
}

static apr_status_t start_server(void)
{
    mproc__forkserver_t *made;
    apr_pool_t *mem;
    apr_status_t rv;

    MPROC_TRY(mproc__error_explain(apr_pool_create(&mem, mproc__program.mem),
                                   "make memory for the fork server"));
    made = apr_pcalloc(mem, sizeof *made);
    made->mem = mem;
    rv = start_with_channel(made);
    if (rv != APR_SUCCESS) {
        if (made->process != NULL)
            mproc__process_force(made->process);
        apr_pool_destroy(mem);
        return rv;
    }
    way = made;
    mproc__log(MPROC__LOG_INFO, "started the fork server, pid %lld", (long long)made->process->pid);
    return APR_SUCCESS;
}

static apr_status_t reach(mproc__forkserver_t **reached)
{
    if (way == NULL)
        MPROC_TRY(start_server());
    *reached = way;
    return APR_SUCCESS;
}

const mproc__forkserver_t *mproc__forkserver_serving(void)
{
    return way != NULL && way->is_serving ? way : NULL;
}

/* -- Losing it -------------------------------------------------------------------------- */

/* Another may do better: if not, this is what can be said. */
static apr_status_t tell_fate(const char *fate)
{
    mproc_error_set(MPROC_EDIED, "%s", fate);
    return APR_SUCCESS;
}

/* One that was killed may be followed by another; one that has given up would be so again. */
static apr_status_t last_words(const mproc__forkserver_t *server)
{
    const mproc_process_t *process = server->process;

    if (process == NULL)
        return tell_fate("how is known to the process that had started it, and not here");
    if (process->status == APR_SUCCESS)
        return tell_fate("ForkServer ended as if all were well");
    if (process->status == MPROC_EDIED || process->status == MPROC_ELOST ||
        process->status == MPROC_EHANDSHAKE)
        return tell_fate(process->words);
    return mproc_error_set(process->status, "the fork server could not go on: %s", process->words);
}

static void await_end(mproc_process_t *process)
{
    if (mproc__process_wait(process, mproc__deadline(END_TIMEOUT)) != APR_SUCCESS)
        mproc__process_force(process);
}

/* Once nobody waits for it: who does looks at its channel. */
static void dispose(const mproc__forkserver_t *server)
{
    port_channel_close(server->channel);
    if (server->mem != NULL)
        apr_pool_destroy(server->mem);
}

apr_status_t mproc__forkserver_forget(void)
{
    mproc__forkserver_t *server = way;
    apr_status_t rv;

    mproc__log(MPROC__LOG_WARNING, "the fork server is gone");
    way = NULL;
    server->is_forgotten = 1;
    port_handle_close(server->lifeline);
    if (server->process != NULL)
        await_end(server->process);
    rv = last_words(server);
    if (server->waiters == 0)
        dispose(server);
    return rv;
}

/* -- Waiting for it ----------------------------------------------------------------------- */

static void lock_all(void)
{
    mproc__forks_hold();
    mproc__forkserver_lock();
}

static void unlock_all(void)
{
    mproc__forkserver_unlock();
    mproc__forks_end();
}

static apr_status_t begin_to_wait(mproc__forkserver_t **server)
{
    apr_status_t rv;

    lock_all();
    rv = reach(server);
    if (rv == APR_SUCCESS)
        (*server)->waiters++;
    unlock_all();
    return rv;
}

static apr_status_t leave_forgotten(const mproc__forkserver_t *server)
{
    apr_status_t rv = last_words(server);

    if (server->waiters == 0)
        dispose(server);
    return rv;
}

/* The first one who sees that it is gone forgets it, all hear its last words. */
static apr_status_t end_waiting(mproc__service_t *service, mproc__forkserver_t *server,
                                apr_status_t rv)
{
    *service = MPROC__SERVED;
    lock_all();
    server->waiters--;
    if (server->is_forgotten || APR_STATUS_IS_EOF(rv)) {
        *service = MPROC__UNSERVED;
        rv = server->is_forgotten ? leave_forgotten(server) : mproc__forkserver_forget();
    } else if (APR_STATUS_IS_TIMEUP(rv)) {
        *service = MPROC__UNHEARD;
        rv = APR_SUCCESS;
    } else if (rv == APR_SUCCESS) {
        server->is_serving = 1;
    }
    unlock_all();
    return rv;
}

/* Its preload function may take long: meanwhile other threads fork, and handlers of signals run. */
apr_status_t mproc__forkserver_await(mproc__service_t *service, port_deadline_t deadline)
{
    mproc__forkserver_t *server;
    apr_status_t rv;

    MPROC_TRY(begin_to_wait(&server));
    rv = port_forkserver_await_service(server->channel, deadline);
    if (!APR_STATUS_IS_EOF(rv) && !APR_STATUS_IS_TIMEUP(rv))
        rv = mproc__error_explain(rv, "wait for the fork server");
    return end_waiting(service, server, rv);
}

/* -- In others ---------------------------------------------------------------------------- */

apr_status_t mproc__forkserver_inherit(port_handle_t channel, port_handle_t lifeline,
                                       const unsigned char *key, apr_pool_t *mem)
{
    mproc__forkserver_t *inherited = apr_pcalloc(mem, sizeof *inherited);
    apr_status_t rv = port_channel_adopt(&inherited->channel, channel, PORT_READ | PORT_WRITE, mem);

    if (rv != APR_SUCCESS)
        return mproc__error_explain(rv, "take over the way to the fork server");
    inherited->lifeline = lifeline;
    inherited->is_serving = 1;
    memcpy(inherited->key, key, sizeof inherited->key);
    way = inherited;
    return APR_SUCCESS;
}

void mproc__forkserver_abandon(void)
{
    if (way == NULL)
        return;
    way->waiters = 0;
    if (way->process == NULL)
        return;
    if (way->process->port != NULL)
        port_process_abandon(way->process->port);
    if (way->process->control != NULL)
        port_channel_close(way->process->control);
    way->process = NULL;
}

void mproc__forkserver_leave(void)
{
    if (way == NULL)
        return;
    port_channel_close(way->channel);
    port_handle_close(way->lifeline);
    way = NULL;
}

/* -- For the program -------------------------------------------------------------------- */

void mproc__forkserver_preloaded(mproc_target_fn *target)
{
    preload = target;
}

static apr_status_t set_preload(mproc_target_fn *target)
{
    apr_uint64_t number;

    if (way != NULL)
        return mproc_error_set(MPROC_ECONTEXT, "the fork server runs already: its preload function "
                                               "is set before the first start by it");
    if (target != NULL && mproc__targets_find(mproc__program.targets, MPROC_KIND_TASK,
                                              (void (*)(void))target, &number) == NULL)
        return mproc_error_set(MPROC_ETARGET,
                               "the preload function is not in the table of targets; "
                               "add it to the table given to mproc_init");
    preload = target;
    return APR_SUCCESS;
}

apr_status_t mproc_set_forkserver_preload(mproc_target_fn *target)
{
    apr_status_t rv;

    MPROC_TRY(mproc__program_check());
    lock_all();
    rv = set_preload(target);
    unlock_all();
    return rv;
}

static apr_status_t ensure(void)
{
    mproc__forkserver_t *reached;
    apr_status_t rv;

    lock_all();
    rv = reach(&reached);
    unlock_all();
    return rv;
}

apr_status_t mproc_forkserver_ensure_running(void)
{
    const mproc__method_t *method;

    MPROC_TRY(mproc__program_check());
    MPROC_TRY(mproc__context_find(&method, MPROC_FORKSERVER));
    return ensure();
}
