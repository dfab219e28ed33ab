/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who sleeps in an object that processes share.
 */

#include "sleepers.h"

#include "claims.h"
#include "queue.h"
#include "shared_object.h"

#include <apr_thread_proc.h>

static unsigned count(const mproc__member_t *member, unsigned event)
{
    unsigned place, sleepers = 0;

    for (place = 0; place < member->nplaces; place++)
        if ((atomic_load(&member->events[event]->sleepers[place / 64]) >> place % 64 & 1) != 0 &&
            !mproc__place_is_dead(member, place))
            sleepers += atomic_load(&member->places[place].sleepers[event]);
    return sleepers;
}

unsigned count_sleepers(const void *object, unsigned event)
{
    return count(&((const mproc__shared_object_t *)object)->member, event);
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
