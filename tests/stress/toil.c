/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Work for pools, and a killer.
 */

#include "toil.h"

#include "claims.h"
#include "ends.h"

#include <apr_time.h>

enum { WORKERS_MAX = 256, STEPS = 2000 };

/* -- Work ------------------------------------------------------------------------------ */

uint64_t toil_of(uint32_t item)
{
    uint64_t value = item;
    int i;

    for (i = 0; i < STEPS; i++)
        value = value * 6364136223846793005u + 1442695040888963407u;
    return value;
}

apr_status_t toil(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(uint64_t *)result = toil_of(*(const uint32_t *)item);
    return APR_SUCCESS;
}

apr_status_t toil_once(mproc_task_t *task)
{
    apr_uint64_t item;

    MPROC_TRY(MPROC_UNPACK(task, &item));
    return mproc_task_return(task, MPROC_PACK((apr_uint64_t)toil_of((uint32_t)item)));
}

const mproc_target_t toil_targets[] = {MPROC_TARGET(toil), MPROC_TARGET(toil_once),
                                       MPROC_TARGETS_END};

/* -- Workers ---------------------------------------------------------------------------- */

void make_workers(mproc_pool_t **workers, int count, apr_uint32_t retries,
                  apr_interval_time_t *birth, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    apr_time_t begin = apr_time_now();
    apr_uint64_t item = 0;

    options.retries = retries;
    assert_success(mproc_pool_create(workers, count, &options, mem));
    assert_success(mproc_pool_apply(*workers, toil_once, MPROC_PACK(item), NULL, PATIENCE));
    *birth = (apr_time_now() - begin) / count;
}

static void assert_gone(apr_int64_t pid)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;

    while (!has_gone(pid) && apr_time_now() < deadline)
        apr_sleep(1000);
    assert_true(has_gone(pid));
}

void assert_leaves_nobody(mproc_pool_t *workers)
{
    apr_int64_t pids[WORKERS_MAX];
    size_t count, i;

    assert_success(mproc_pool_pids(workers, pids, WORKERS_MAX, &count));
    assert_in_range(count, 0, WORKERS_MAX);
    assert_success(mproc_pool_join(workers, PATIENCE));
    for (i = 0; i < count; i++)
        assert_gone(pids[i]);
}

/* -- The killer --------------------------------------------------------------------------- */

static uint32_t draw(killer_t *killer, uint32_t below)
{
    killer->random = killer->random * 1664525u + 1013904223u;
    return (killer->random >> 8) % below;
}

static apr_status_t kill_some(void *data)
{
    killer_t *killer = data;
    apr_int64_t pids[WORKERS_MAX];
    size_t count;

    while (!atomic_load(&killer->is_over)) {
        apr_sleep((apr_interval_time_t)draw(killer, 2 * (uint32_t)killer->pause + 1));
        MPROC_TRY(mproc_pool_pids(killer->workers, pids, WORKERS_MAX, &count));
        if (count > WORKERS_MAX)
            return APR_EGENERAL;
        if (count > 0 && kill_process(pids[draw(killer, (uint32_t)count)]))
            atomic_fetch_add(&killer->kills, 1);
    }
    return APR_SUCCESS;
}

void start_killer(killer_t *killer, mproc_pool_t *workers, apr_interval_time_t pause,
                  apr_pool_t *mem)
{
    killer->workers = workers;
    killer->pause = pause;
    killer->random = 1;
    atomic_store(&killer->is_over, 0);
    atomic_store(&killer->kills, 0);
    assert_success(start_thread(&killer->thread, kill_some, killer, mem));
}

int end_killer(killer_t *killer)
{
    atomic_store(&killer->is_over, 1);
    assert_success(end_thread(&killer->thread));
    return atomic_load(&killer->kills);
}
