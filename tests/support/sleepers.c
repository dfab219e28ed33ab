/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who sleeps in an object that processes share.
 */

#include "sleepers.h"

#include "claims.h"
#include "shared_object.h"

#include <apr_thread_proc.h>

unsigned count_sleepers(const void *object, unsigned event)
{
    const mproc__member_t *member = &((const mproc__shared_object_t *)object)->member;
    unsigned place, sleepers = 0;

    for (place = 0; place < member->nplaces; place++)
        if ((atomic_load(&member->events[event]->sleepers[place / 64]) >> place % 64 & 1) != 0 &&
            !mproc__place_is_dead(member, place))
            sleepers += atomic_load(&member->places[place].sleepers[event]);
    return sleepers;
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

void await_sleepers(void *object, unsigned event, unsigned count)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (count_sleepers(object, event) < count) {
        assert_true(apr_time_now() < limit);
        apr_sleep(1000);
    }
}
