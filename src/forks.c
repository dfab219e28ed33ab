/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Around every fork of this process all of the library's locks are held, in one
 * order, so that the child finds them free and what they guard whole; and so is
 * the lock of APR's memory, without which the child could make no pools.
 */

#include "forks.h"

#include "belongings.h"
#include "children.h"
#include "forkserver.h"
#include "port.h"
#include "program.h"

#include <mproc/status.h>

#include <apr_allocator.h>
#include <apr_thread_rwlock.h>

typedef enum holding_t { HOLDS_NOTHING, HOLDS_START, HOLDS_FORK } holding_t;

/*
 * Read by starts, written by forks; NULL when there are none.  All go through the gate, and who
 * wants to write keeps it until the readers are gone: else they could follow each other for ever.
 */
static apr_thread_rwlock_t *births;
static apr_thread_mutex_t *gate;
static _Thread_local holding_t holding;

static void lock_for_start(void)
{
    if (births == NULL)
        return;
    apr_thread_mutex_lock(gate);
    apr_thread_mutex_unlock(gate);
    apr_thread_rwlock_rdlock(births);
}

static void lock_for_fork(void)
{
    if (births == NULL)
        return;
    apr_thread_mutex_lock(gate);
    apr_thread_rwlock_wrlock(births);
    apr_thread_mutex_unlock(gate);
}

static void unlock(void)
{
    if (births != NULL)
        apr_thread_rwlock_unlock(births);
}

/* The handler of a signal that came now and called exit() would want these locks too. */
void mproc__forks_hold(void)
{
    port_signals_hold();
    lock_for_start();
    holding = HOLDS_START;
}

void mproc__forks_begin(void)
{
    port_signals_hold();
    lock_for_fork();
    holding = HOLDS_FORK;
}

void mproc__forks_end(void)
{
    holding = HOLDS_NOTHING;
    unlock();
    port_signals_release();
}

/* -- At the end of the program ---------------------------------------------------- */

/* exit() has locks of the system's, which a copy made in another thread would find locked. */
static int is_ending;
static _Thread_local int is_ended_here;

void mproc__forks_leave(void)
{
    mproc__forks_begin();
    is_ending = is_ended_here = 1;
    mproc__forks_end();
}

apr_status_t mproc__forks_check(void)
{
    return is_ending && !is_ended_here
               ? mproc_error_set(MPROC_EENDING, "the program is ending: no thread but the one "
                                                "that ends it can fork")
               : APR_SUCCESS;
}

/* -- Around a fork -------------------------------------------------------------- */

static apr_thread_mutex_t *memory_lock(void)
{
    return apr_allocator_mutex_get(apr_pool_allocator_get(mproc__program.mem));
}

/* Inside a start by spawn the port itself may fork, to run a program at once. */
static int is_of_no_concern(void)
{
    return births == NULL || holding == HOLDS_START;
}

static void before(void)
{
    if (is_of_no_concern())
        return;
    if (holding == HOLDS_NOTHING) {
        port_signals_hold();
        lock_for_fork();
    }
    mproc__children_lock();
    mproc__belongings_lock();
    mproc__program_lock();
    if (memory_lock() != NULL)
        apr_thread_mutex_lock(memory_lock());
}

static void unlock_all(void)
{
    if (memory_lock() != NULL)
        apr_thread_mutex_unlock(memory_lock());
    mproc__program_unlock();
    mproc__belongings_unlock();
    mproc__children_unlock();
}

static void in_parent(void)
{
    if (is_of_no_concern())
        return;
    unlock_all();
    if (holding == HOLDS_NOTHING) {
        unlock();
        port_signals_release();
    }
}

/* A lock that knows its writer by the thread's number cannot be unlocked here: it has another. */
static void in_child(void)
{
    mproc__program.generation++;
    if (is_of_no_concern())
        return;
    mproc__children_abandon();
    mproc__program_abandon_parent();
    mproc__forkserver_abandon();
    mproc__forkserver_unserve();
    if (holding == HOLDS_NOTHING)
        mproc__forkserver_leave();
    unlock_all();
    births = NULL;
    if (holding == HOLDS_NOTHING)
        port_signals_release();
}

static apr_status_t forget(void *data)
{
    (void)data;
    births = NULL;
    return APR_SUCCESS;
}

static apr_status_t make_lock(apr_pool_t *mem)
{
    MPROC_TRY(apr_thread_mutex_create(&gate, APR_THREAD_MUTEX_DEFAULT, mem));
    MPROC_TRY(apr_thread_rwlock_create(&births, mem));
    apr_pool_cleanup_register(mem, &births, forget, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

apr_status_t mproc__forks_set(apr_pool_t *mem)
{
    MPROC_TRY(make_lock(mem));
    return port_at_fork(before, in_parent, in_child);
}

apr_status_t mproc__forks_renew(apr_pool_t *mem)
{
    holding = HOLDS_NOTHING;
    is_ending = is_ended_here = 0;
    return make_lock(mem);
}
