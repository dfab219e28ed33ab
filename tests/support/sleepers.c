/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who sleeps in an object that processes share.
 */

#include "sleepers.h"

#include "claims.h"
#include "queue.h"
#include "shared_object.h"

static unsigned count_sleepers(const mproc__member_t *member, unsigned event)
{
    unsigned place, sleepers = 0;

    for (place = 0; place < member->nplaces; place++)
        if ((atomic_load(&member->events[event]->sleepers[place / 64]) >> place % 64 & 1) != 0 &&
            !mproc__place_is_dead(member, place))
            sleepers += atomic_load(&member->places[place].sleepers[event]);
    return sleepers;
}

static void await(const mproc__member_t *member, unsigned event, unsigned count)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (count_sleepers(member, event) < count) {
        assert_true(apr_time_now() < limit);
        apr_sleep(1000);
    }
}

void await_sleepers(void *object, unsigned event, unsigned count)
{
    await(&((mproc__shared_object_t *)object)->member, event, count);
}

void await_joining(mproc_queue_t *queue, unsigned count)
{
    await(&queue->view.member, MPROC__JOINED, count);
}
