/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The list of what this process holds open.
 */

#include "belongings.h"

#include "port.h"

#include <mproc/status.h>

#include <apr_thread_mutex.h>

static struct {
    apr_thread_mutex_t *lock; /* NULL before the guard, and when APR has ended */
    unsigned closings;        /* that are under way */
    mproc__belonging_t first; /* of a ring */
} belongings = {.first = {&belongings.first, &belongings.first, NULL}};

static apr_status_t forget(void *data)
{
    (void)data;
    belongings.lock = NULL;
    return APR_SUCCESS;
}

static void lock_and_begin_closing(void)
{
    mproc__belongings_lock();
    mproc__belongings_begin_closing();
}

static void end_closing_and_unlock(void)
{
    mproc__belongings_end_closing();
    mproc__belongings_unlock();
}

apr_status_t mproc__belongings_set(apr_pool_t *mem)
{
    MPROC_TRY(apr_thread_mutex_create(&belongings.lock, APR_THREAD_MUTEX_DEFAULT, mem));
    apr_pool_cleanup_register(mem, &belongings, forget, apr_pool_cleanup_null);
    port_at_closing(lock_and_begin_closing, end_closing_and_unlock);
    return APR_SUCCESS;
}

/* The handler of a signal that came now and called exit() would want this lock too. */
void mproc__belongings_lock(void)
{
    port_signals_hold();
    if (belongings.lock != NULL)
        apr_thread_mutex_lock(belongings.lock);
}

void mproc__belongings_unlock(void)
{
    if (belongings.lock != NULL)
        apr_thread_mutex_unlock(belongings.lock);
    port_signals_release();
}

/* Each closing that is under way will end for it too. */
void mproc__belongings_add(mproc__belonging_t *belonging, const mproc__belonging_kind_t *kind)
{
    unsigned i;

    for (i = 0; i < belongings.closings && kind->begin_closing != NULL; i++)
        kind->begin_closing(belonging);
    belonging->kind = kind;
    belonging->next = &belongings.first;
    belonging->previous = belongings.first.previous;
    belonging->previous->next = belonging;
    belongings.first.previous = belonging;
}

void mproc__belongings_remove(mproc__belonging_t *belonging)
{
    if (belonging->next == NULL)
        return;
    belonging->next->previous = belonging->previous;
    belonging->previous->next = belonging->next;
    belonging->next = belonging->previous = NULL;
}

mproc__belonging_t *mproc__belongings_next(const mproc__belonging_t *belonging)
{
    mproc__belonging_t *next = belonging != NULL ? belonging->next : belongings.first.next;

    return next != &belongings.first ? next : NULL;
}

void mproc__belongings_begin_closing(void)
{
    mproc__belonging_t *each;

    belongings.closings++;
    for (each = belongings.first.next; each != &belongings.first; each = each->next)
        if (each->kind->begin_closing != NULL)
            each->kind->begin_closing(each);
}

void mproc__belongings_end_closing(void)
{
    mproc__belonging_t *each;

    belongings.closings--;
    for (each = belongings.first.next; each != &belongings.first; each = each->next)
        if (each->kind->end_closing != NULL)
            each->kind->end_closing(each);
}

void mproc__belongings_notice(void)
{
    mproc__belonging_t *each;

    for (each = belongings.first.next; each != &belongings.first; each = each->next)
        if (each->kind->notice != NULL)
            each->kind->notice(each);
}

void mproc__belongings_settle(void)
{
    mproc__belonging_t *each;

    for (each = belongings.first.next; each != &belongings.first; each = each->next)
        if (each->kind->settle != NULL)
            each->kind->settle(each);
}

void mproc__belongings_give_up(void)
{
    while (belongings.first.next != &belongings.first) {
        mproc__belonging_t *belonging = belongings.first.next;
        mproc__belongings_remove(belonging);
        belonging->kind->give_up(belonging);
    }
    belongings.closings = 0; /* those of the parent end there */
}
