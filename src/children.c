/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The list of children.  A forked child gets a copy of it that is nothing but
 * its parent's business: it gives up what would keep its siblings alive, and
 * starts with an empty list.
 */

#include "children.h"

#include "program.h"

#include <mproc/status.h>

#include <apr_time.h>

/* So often one looks whether a child is held still. */
#define MOMENT apr_time_from_msec(10)

static struct {
    apr_thread_mutex_t *lock;
    mproc_process_t *living;   /* objects that somebody owns */
    mproc_process_t *released; /* detached children that nobody owns any more */
    size_t rest;               /* starts before the next look at the living */
} children;

/*
 * There is no lock, and no list, once the program has ended but for handlers of exit() that come
 * after ours.  The handler of a signal that came now and called exit() would want this lock too.
 */
void mproc__children_lock(void)
{
    port_signals_hold();
    if (children.lock != NULL)
        apr_thread_mutex_lock(children.lock);
}

void mproc__children_unlock(void)
{
    if (children.lock != NULL)
        apr_thread_mutex_unlock(children.lock);
    port_signals_release();
}

static void push(mproc_process_t **list, mproc_process_t *process)
{
    process->next = *list;
    *list = process;
}

static void take_out(mproc_process_t **list, const mproc_process_t *process)
{
    for (; *list != NULL; list = &(*list)->next) {
        if (*list == process) {
            *list = process->next;
            return;
        }
    }
}

static size_t length(const mproc_process_t *list)
{
    size_t count = 0;

    for (; list != NULL; list = list->next)
        count++;
    return count;
}

/* -- Forks -------------------------------------------------------------------- */

static void abandon(mproc_process_t *list)
{
    for (; list != NULL; list = list->next) {
        if (list->port != NULL)
            port_process_abandon(list->port);
        if (list->control != NULL)
            port_channel_close(list->control);
    }
}

void mproc__children_abandon(void)
{
    abandon(children.living);
    abandon(children.released);
    children.living = children.released = NULL;
    children.rest = 0;
}

static apr_status_t forget(void *data)
{
    (void)data;
    children.lock = NULL;
    children.living = children.released = NULL;
    return APR_SUCCESS;
}

apr_status_t mproc__children_set(apr_pool_t *mem)
{
    MPROC_TRY(apr_thread_mutex_create(&children.lock, APR_THREAD_MUTEX_DEFAULT, mem));
    apr_pool_cleanup_register(mem, &children, forget, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* -- The list ----------------------------------------------------------------- */

void mproc__children_add(mproc_process_t *process)
{
    mproc__children_lock();
    push(&children.living, process);
    mproc__children_unlock();
}

/*
 * The end of the program may be waiting for it; that is over when it has ended.  Signals are heard
 * meanwhile, as one of them may be what is to end it.
 */
static void lock_and_take_out(mproc_process_t *process)
{
    mproc__children_lock();
    while (process->is_held) {
        mproc__children_unlock();
        apr_sleep(MOMENT);
        mproc__children_lock();
    }
    take_out(&children.living, process);
}

void mproc__children_remove(mproc_process_t *process)
{
    lock_and_take_out(process);
    mproc__children_unlock();
}

apr_status_t mproc__children_shut(mproc_process_t *process)
{
    apr_status_t rv;

    lock_and_take_out(process);
    rv = mproc__process_shut(process);
    if (rv != APR_SUCCESS)
        push(&children.living, process);
    mproc__children_unlock();
    return rv;
}

void mproc__children_release(mproc_process_t *process)
{
    mproc__children_lock();
    take_out(&children.living, process);
    push(&children.released, process);
    mproc__children_unlock();
}

/* Those that have ended, taken off the list; their memory is destroyed without the lock. */
static mproc_process_t *take_ended(mproc_process_t **list)
{
    mproc_process_t *ended = NULL;

    while (*list != NULL) {
        mproc_process_t *process = *list;
        if (mproc__process_wait(process, PORT_NOW) == APR_SUCCESS) {
            *list = process->next;
            push(&ended, process);
        } else {
            list = &process->next;
        }
    }
    return ended;
}

/*
 * Those that have ended and hold nothing any more are off the list: a start in a program that
 * keeps ten thousand of them would look at each.
 */
static void forget_ended(mproc_process_t **list)
{
    while (*list != NULL) {
        if (mproc__process_is_over(*list))
            *list = (*list)->next;
        else
            list = &(*list)->next;
    }
}

static void reap(int is_start)
{
    mproc_process_t *ended;

    mproc__children_lock();
    if (is_start && children.rest > 0) {
        children.rest--;
    } else {
        forget_ended(&children.living);
        children.rest = length(children.living);
    }
    ended = take_ended(&children.released);
    mproc__children_unlock();
    while (ended != NULL) {
        mproc_process_t *next = ended->next;
        apr_pool_destroy(ended->mem);
        ended = next;
    }
}

void mproc__children_reap(void)
{
    reap(0);
}

void mproc__children_reap_at_start(void)
{
    reap(1);
}

apr_status_t mproc_active_children(mproc_process_t ***found, size_t *count, apr_pool_t *mem)
{
    mproc_process_t **active, *process;
    size_t n = 0;

    MPROC_TRY(mproc__program_check());
    if (found == NULL || count == NULL)
        return mproc_error_set(APR_EINVAL, "a variable for the children is NULL");
    mproc__children_reap();
    mproc__children_lock();
    active = apr_palloc(mem, (length(children.living) + 1) * sizeof *active);
    for (process = children.living; process != NULL; process = process->next)
        if (mproc__process_wait(process, PORT_NOW) != APR_SUCCESS)
            active[n++] = process;
    mproc__children_unlock();
    *found = active;
    *count = n;
    return APR_SUCCESS;
}

static int is_among(const mproc_process_t *process, int is_daemon, unsigned last)
{
    return process->is_daemon == is_daemon && !process->is_detached && process->number <= last;
}

void mproc__children_ask(unsigned last)
{
    mproc_process_t *process;

    mproc__children_lock();
    for (process = children.living; process != NULL; process = process->next)
        if (is_among(process, 1, last))
            mproc__process_stop(process, MPROC__ASK);
    mproc__children_unlock();
}

/*
 * A start that is not done has made no child yet that anybody could wait for: it may even be this
 * thread's own, interrupted by the handler of a signal that ends the program.
 */
mproc_process_t *mproc__children_hold(int is_daemon, unsigned last)
{
    mproc_process_t *process;

    mproc__children_lock();
    for (process = children.living; process != NULL; process = process->next)
        if (is_among(process, is_daemon, last) && !mproc__process_is_being_told(process) &&
            mproc__process_wait(process, PORT_NOW) != APR_SUCCESS)
            break;
    if (process != NULL)
        process->is_held = 1;
    mproc__children_unlock();
    return process;
}

void mproc__children_let_go(mproc_process_t *process)
{
    mproc__children_lock();
    process->is_held = 0;
    mproc__children_unlock();
}
