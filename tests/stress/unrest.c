/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that are killed at random and replaced, or stopped for a while.
 */

#include "unrest.h"

#include "claims.h"
#include "ends.h"

/* What works gets on within this time, also on a machine that is busy with other things. */
#define PROGRESS PATIENCE

static uint32_t draw(unrest_t *unrest, int below)
{
    unrest->random = unrest->random * 1664525u + 1013904223u;
    return (unrest->random >> 8) % (uint32_t)below;
}

static void start(unrest_t *unrest, int place)
{
    assert_success(apr_pool_create(&unrest->memories[place], unrest->mem));
    assert_success(mproc_process_start(&unrest->processes[place], unrest->roles[place % 2],
                                       unrest->args, NULL, unrest->memories[place]));
}

static void watch_progress(unrest_t *unrest)
{
    uint64_t done = atomic_load(unrest->progress);
    apr_time_t now = apr_time_now();

    if (done != unrest->done) {
        unrest->done = done;
        unrest->got_on = now;
    }
    if (now - unrest->got_on > unrest->longest)
        unrest->longest = now - unrest->got_on;
    assert_true(unrest->longest < PROGRESS);
}

static void count_death(const unrest_t *unrest)
{
    if (unrest->deaths != NULL)
        atomic_fetch_add(unrest->deaths, 1);
}

static void kill_one(unrest_t *unrest, int place)
{
    apr_int64_t pid = mproc_process_pid(unrest->processes[place]);

    count_death(unrest);
    assert_success(mproc_process_kill(unrest->processes[place]));
    assert_success(mproc_process_join(unrest->processes[place], PATIENCE));
    count_death(unrest);
    apr_pool_destroy(unrest->memories[place]);
    unrest->kills++;
    if (unrest->bury != NULL)
        unrest->bury(unrest->data, pid);
    start(unrest, place);
}

/* Whether that can be done here. */
static int stop_one(unrest_t *unrest, int place)
{
    apr_int64_t pid = mproc_process_pid(unrest->processes[place]);

    if (!stop_process(pid))
        return 0;
    apr_sleep(apr_time_from_msec(20 + (apr_interval_time_t)draw(unrest, 100)));
    assert_true(continue_process(pid));
    unrest->held_up++;
    return 1;
}

static void mend(unrest_t *unrest)
{
    if (unrest->mend != NULL)
        unrest->mend(unrest->data);
}

static void disturb(unrest_t *unrest)
{
    int place = (int)draw(unrest, unrest->count);

    apr_sleep((apr_interval_time_t)draw(unrest, 20000));
    watch_progress(unrest);
    if (!unrest->stops || draw(unrest, 2) == 0 || !stop_one(unrest, place))
        kill_one(unrest, place);
    mend(unrest);
}

void cause_unrest(unrest_t *unrest, apr_interval_time_t time)
{
    apr_time_t end;
    int place;

    for (place = 0; place < unrest->count; place++)
        start(unrest, place);
    unrest->got_on = apr_time_now();
    unrest->random = (uint32_t)unrest->got_on;
    end = unrest->got_on + time;
    while (unrest->kills == 0 || apr_time_now() < end)
        disturb(unrest);
}

void await_progress(unrest_t *unrest)
{
    uint64_t before = atomic_load(unrest->progress);

    unrest->got_on = apr_time_now();
    while (atomic_load(unrest->progress) == before) {
        mend(unrest);
        watch_progress(unrest);
        apr_sleep(1000);
    }
}

void await_ends(unrest_t *unrest)
{
    int place;

    for (place = 0; place < unrest->count; place++) {
        assert_success(mproc_process_join(unrest->processes[place], PATIENCE));
        assert_success(mproc_process_status(unrest->processes[place]));
    }
}
