/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who sleeps in an object that processes share.
 */

#include "sleepers.h"

#include "claims.h"
#include "queue.h"
#include "shared_object.h"

#include <apr_thread_proc.h>

static int is_in_set(const mproc__member_t *member, unsigned event, unsigned place)
{
    return (atomic_load(&member->events[event]->sleepers[place / 64]) >> place % 64 & 1) != 0;
}

static unsigned count(const mproc__member_t *member, unsigned event)
{
    unsigned place, sleepers = 0;

    for (place = 0; place < member->nplaces; place++)
        if (is_in_set(member, event, place) && !mproc__place_is_dead(member, place))
            sleepers += atomic_load(&member->places[place].sleepers[event]);
    return sleepers;
}

static const mproc__member_t *member_of(const void *object)
{
    return &((const mproc__shared_object_t *)object)->member;
}

int has_dead_sleepers(const void *object, unsigned event)
{
    const mproc__member_t *member = member_of(object);
    unsigned place;

    for (place = 0; place < member->nplaces; place++)
        if (is_in_set(member, event, place) && mproc__place_is_dead(member, place))
            return 1;
    return 0;
}

uint32_t count_calls(const void *object, unsigned event)
{
    return atomic_load(&member_of(object)->events[event]->sequence);
}

void wake_for_nothing(const void *object, unsigned event)
{
    const mproc__member_t *member = member_of(object);

    (void)port_unpark(member->segment, event, &member->events[event]->sequence, 1);
}

unsigned count_sleepers(const void *object, unsigned event)
{
    return count(member_of(object), event);
}

void await_waiters(const void *object, int count)
{
    const mproc__shared_object_t *shared = object;
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (atomic_load(&shared->waiters) < count) {
        assert_true(apr_time_now() < limit);
        apr_thread_yield();
    }
}

static void await(const mproc__member_t *member, unsigned event, unsigned wanted)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (count(member, event) < wanted) {
        assert_true(apr_time_now() < limit);
        apr_sleep(1000);
    }
}

void await_sleepers(void *object, unsigned event, unsigned wanted)
{
    await(&((mproc__shared_object_t *)object)->member, event, wanted);
}

void await_joining(mproc_queue_t *queue, unsigned wanted)
{
    await(&queue->view.member, MPROC__JOINED, wanted);
}

void await_getting(mproc_queue_t *queue, unsigned wanted)
{
    await(&queue->view.member, MPROC__NOT_EMPTY, wanted);
}

void await_polling(mproc_queue_t *queue, unsigned wanted)
{
    await(&queue->view.member, MPROC__POLLED, wanted);
}
