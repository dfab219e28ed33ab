/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Work for pools, and a killer.
 */

#include "toil.h"

#include "claims.h"
#include "ends.h"
#include "port.h"
#include "shared.h"

#include <apr_time.h>

enum { WORKERS_MAX = 256, STEPS = 2000, ROLL_MAX = 1024 };

/* Those who have been at work, the last of them. */
struct roll_t {
    _Atomic uint32_t count;
    _Atomic apr_int64_t pids[ROLL_MAX];
};

/* In a worker: where it is to enter itself; NULL when it has done so. */
static roll_t *roll;

/* -- Work ------------------------------------------------------------------------------ */

uint64_t toil_of(uint32_t item)
{
    uint64_t value = item;
    int i;

    for (i = 0; i < STEPS; i++)
        value = value * 6364136223846793005u + 1442695040888963407u;
    return value;
}

static apr_status_t find_roll(mproc_task_t *task)
{
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    roll = shared_memory(path, sizeof *roll, mproc_task_mem(task));
    return roll != NULL ? APR_SUCCESS : APR_EGENERAL;
}

static void enter_roll(void)
{
    if (roll != NULL)
        atomic_store(&roll->pids[atomic_fetch_add(&roll->count, 1) % ROLL_MAX], port_pid());
    roll = NULL;
}

apr_status_t toil(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    enter_roll();
    *(uint64_t *)result = toil_of(*(const uint32_t *)item);
    return APR_SUCCESS;
}

apr_status_t toil_once(mproc_task_t *task)
{
    apr_uint64_t item;

    enter_roll();
    MPROC_TRY(MPROC_UNPACK(task, &item));
    return mproc_task_return(task, MPROC_PACK((apr_uint64_t)toil_of((uint32_t)item)));
}

const mproc_target_t toil_targets[] = {MPROC_TARGET(toil), MPROC_TARGET(toil_once),
                                       MPROC_TARGET(find_roll), MPROC_TARGETS_END};

/* -- Workers ---------------------------------------------------------------------------- */

void make_crew(crew_t *crew, int count, mproc_pool_options_t *options, apr_pool_t *mem)
{
    apr_time_t begin = apr_time_now();
    const char *path;
    apr_uint64_t item = 0;

    crew->count = count;
    crew->roll = share_memory(&path, sizeof *crew->roll, mem);
    options->initializer = find_roll;
    options->initargs = MPROC_PACK(path);
    assert_success(mproc_pool_create(&crew->workers, count, options, mem));
    assert_success(mproc_pool_apply(crew->workers, toil_once, MPROC_PACK(item), NULL, PATIENCE));
    crew->birth = (apr_time_now() - begin) / count;
}

void assert_gone(apr_int64_t pid)
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

static int has_toiled(const roll_t *list, apr_int64_t pid)
{
    int i;

    for (i = 0; i < ROLL_MAX; i++)
        if (atomic_load(&list->pids[i]) == pid)
            return 1;
    return 0;
}

/*
 * A pool whose workers die at birth, all of them and again and again, gives up.  So one is killed at
 * birth only when more have been at work since the last such kill than there were then: then the
 * pool has started one that did, and knows of it.
 */
static int may_be_killed(killer_t *killer, apr_int64_t pid)
{
    const roll_t *list = killer->crew->roll;

    if (has_toiled(list, pid))
        return 1;
    if (atomic_load(&list->count) - killer->count_at_birth <= (unsigned)killer->crew->count)
        return 0;
    killer->count_at_birth = atomic_load(&list->count);
    return 1;
}

static void kill_one(killer_t *killer, apr_int64_t pid)
{
    if (may_be_killed(killer, pid) && kill_process(pid))
        atomic_fetch_add(&killer->kills, 1);
}

static apr_status_t kill_some(void *data)
{
    killer_t *killer = data;
    apr_int64_t pids[WORKERS_MAX];
    size_t count;

    while (!atomic_load(&killer->is_over)) {
        apr_sleep((apr_interval_time_t)draw(killer, 2 * (uint32_t)killer->crew->birth + 1));
        MPROC_TRY(mproc_pool_pids(killer->crew->workers, pids, WORKERS_MAX, &count));
        if (count > WORKERS_MAX)
            return APR_EGENERAL;
        if (count > 0)
            kill_one(killer, pids[draw(killer, (uint32_t)count)]);
    }
    return APR_SUCCESS;
}

void start_killer(killer_t *killer, const crew_t *crew, apr_pool_t *mem)
{
    killer->crew = crew;
    killer->random = 1;
    killer->count_at_birth = 0;
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
