/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools for tests, and workers that do what they are told.
 */

#include "pools.h"

#include "claims.h"
#include "queues.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

/* In a worker: of its crew. */
static mproc_queue_t *news, *gate;

/* -- Workers ------------------------------------------------------------------- */

apr_status_t tell_news(const char *word)
{
    return news != NULL ? put_word(news, word) : APR_SUCCESS;
}

static apr_status_t wait_at_the_gate(void)
{
    char word[8];
    size_t size;

    return mproc_queue_get_bytes(gate, word, sizeof word, &size, PATIENCE);
}

static apr_status_t spin(const mproc_task_t *task)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;

    while (!mproc_task_is_overdue(task))
        if (apr_time_now() > deadline)
            return mproc_error_set(APR_TIMEUP, "nobody said that it was overdue");
    return APR_SUCCESS;
}

static void meet_end(way_t way)
{
    if (way == GET_KILLED)
        kill_pid(own_pid());
    if (way == ABORT)
        abort();
    if (way == CRASH)
        crash();
    if (way == EXIT_0 || way == EXIT_3)
        exit(way == EXIT_3 ? 3 : 0);
    for (;;)
        apr_sleep(PATIENCE);
}

static apr_status_t follow(way_t way, int number, const mproc_task_t *task)
{
    if (way == SQUARE)
        return APR_SUCCESS;
    MPROC_TRY(tell_news("begun"));
    if (way == FAIL)
        return mproc_error_set(MPROC_ERANGE, "number %d is not to be squared", number);
    if (way == FAIL_SILENTLY)
        return MPROC_ERANGE;
    if (way == WAIT)
        return wait_at_the_gate();
    if (way == SPIN)
        return spin(task);
    meet_end(way);
    return APR_SUCCESS;
}

apr_status_t square(const void *item, void *result, mproc_task_t *task)
{
    int number = *(const int *)item;

    (void)task;
    *(int *)result = number * number;
    return APR_SUCCESS;
}

apr_status_t do_deed(const void *item, void *result, mproc_task_t *task)
{
    const deed_t *deed = item;

    MPROC_TRY(follow((way_t)deed->way, deed->number, task));
    return square(&deed->number, result, task);
}

apr_status_t name_worker(const void *item, void *result, mproc_task_t *task)
{
    (void)item;
    (void)task;
    *(apr_int64_t *)result = own_pid();
    return APR_SUCCESS;
}

apr_status_t call_deed(mproc_task_t *task)
{
    int way, number;

    MPROC_TRY(MPROC_UNPACK(task, &way, &number));
    MPROC_TRY(follow((way_t)way, number, task));
    return mproc_task_return(task, MPROC_PACK(number * number));
}

apr_status_t echo(mproc_task_t *task)
{
    mproc_bytes_t bytes;

    MPROC_TRY(MPROC_UNPACK(task, &bytes));
    return mproc_task_return(task, MPROC_PACK(MPROC_BYTES(bytes.data, bytes.size)));
}

apr_status_t tell_pid(mproc_task_t *task)
{
    return mproc_task_return(task, MPROC_PACK(own_pid()));
}

apr_status_t join_crew(mproc_task_t *task)
{
    return MPROC_UNPACK(task, &news, &gate);
}

const mproc_target_t pool_targets[] = {MPROC_TARGET(square),      MPROC_TARGET(do_deed),
                                       MPROC_TARGET(name_worker), MPROC_TARGET(call_deed),
                                       MPROC_TARGET(echo),        MPROC_TARGET(tell_pid),
                                       MPROC_TARGET(join_crew),   MPROC_TARGETS_END};

/* -- The tests' own side -------------------------------------------------------- */

mproc_pool_t *make_workers(int processes, const mproc_pool_options_t *options, apr_pool_t *mem)
{
    mproc_pool_t *workers;

    assert_success(mproc_pool_create(&workers, processes, options, mem));
    return workers;
}

void make_crew(crew_t *crew, int processes, const mproc_pool_options_t *options, apr_pool_t *mem)
{
    static const mproc_pool_options_t by_default = MPROC_POOL_OPTIONS;
    mproc_pool_options_t as = options != NULL ? *options : by_default;

    crew->news = make_queue(1 << 16, 0, mem);
    crew->gate = make_queue(1 << 16, 0, mem);
    if (as.initializer == NULL)
        as.initializer = join_crew;
    as.initargs = mproc_pack(mem, crew->news, crew->gate);
    crew->workers = make_workers(processes, &as, mem);
}

void await_news(const crew_t *crew, const char *word, int times)
{
    char came[32];
    size_t size;

    while (times-- > 0) {
        assert_success(mproc_queue_get_bytes(crew->news, came, sizeof came - 1, &size, PATIENCE));
        came[size] = '\0';
        assert_string_equal(came, word);
    }
}

void open_gate(const crew_t *crew, int times)
{
    while (times-- > 0)
        assert_success(put_word(crew->gate, "go"));
}

mproc_result_t *start_deed(mproc_pool_t *workers, way_t way, int number,
                           const mproc_async_options_t *options, apr_pool_t *mem)
{
    mproc_result_t *result;

    assert_success(mproc_pool_apply_async(&result, workers, call_deed, MPROC_PACK((int)way, number),
                                          options, mem));
    return result;
}

apr_status_t apply_deed(mproc_pool_t *workers, way_t way, int number)
{
    return mproc_pool_apply(workers, call_deed, MPROC_PACK((int)way, number), NULL, PATIENCE);
}

void assert_works(mproc_pool_t *workers)
{
    static const int items[] = {1, 2, 3, 4, 5, 6};
    int results[6] = {0};

    assert_success(mproc_pool_map(workers, square, items, sizeof *items, results, sizeof *results,
                                  6, PATIENCE));
    assert_true(results[0] == 1 && results[3] == 16 && results[5] == 36);
}

void assert_joins(mproc_pool_t *workers)
{
    assert_success(mproc_pool_join(workers, PATIENCE));
}

size_t count_workers(mproc_pool_t *workers)
{
    size_t count;

    assert_success(mproc_pool_pids(workers, NULL, 0, &count));
    return count;
}

void await_workers(mproc_pool_t *workers, size_t count)
{
    apr_time_t deadline = apr_time_now() + PATIENCE;
    size_t seen;

    while ((seen = count_workers(workers)) != count && apr_time_now() < deadline)
        apr_sleep(1000);
    assert_int_equal(seen, count);
}
