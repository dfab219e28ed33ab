/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker may be killed at any instruction: from its birth on through a map and a call, one
 * instruction more each time.
 *
 * Only some of the instructions get their turn, others each time; there are more than 20,000.
 */

#include "claims.h"
#include "shared.h"
#include "stepping.h"

#include <apr_time.h>

#include <limits.h>
#include <stdatomic.h>

/* Kills at scale 1. */
#define KILLS 20

enum { ITEMS = 4, CHUNK = 2 };

static const apr_uint64_t answer = 42;

/* Whether a worker has been born, and whether this process is the one that is stepped through. */
static _Atomic int *is_born;
static int is_stepped;

/* The initializer, from whose end on the first worker is stepped through. */
static apr_status_t be_born(mproc_task_t *task)
{
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    is_born = shared_memory(path, sizeof *is_born, mproc_task_mem(task));
    if (is_born == NULL)
        return APR_EGENERAL;
    is_stepped = atomic_exchange(is_born, 1) == 0;
    if (is_stepped)
        begin_steps();
    return APR_SUCCESS;
}

/* As short as can be, as each instruction is a play. */
static apr_status_t add_one(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(uint32_t *)result = *(const uint32_t *)item + 1;
    return APR_SUCCESS;
}

static apr_status_t end_here(mproc_task_t *task)
{
    if (is_stepped)
        end_of_steps();
    return mproc_task_return(task, MPROC_PACK(answer));
}

static const mproc_target_t targets[] = {MPROC_TARGET(be_born), MPROC_TARGET(add_one),
                                         MPROC_TARGET(end_here), MPROC_TARGETS_END};

/* -- A play ------------------------------------------------------------------------------------ */

typedef struct given_t {
    uint32_t items[ITEMS], results[ITEMS];
    mproc_result_t *map, *call;
} given_t;

static void give(given_t *given, mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    uint32_t i;

    for (i = 0; i < ITEMS; i++)
        given->items[i] = i;
    options.chunksize = CHUNK;
    assert_success(mproc_pool_map_async(&given->map, workers, add_one, given->items,
                                        sizeof given->items[0], given->results,
                                        sizeof given->results[0], ITEMS, &options, mem));
    assert_success(
        mproc_pool_apply_async(&given->call, workers, end_here, MPROC_NO_ARGS, NULL, mem));
}

/* How much was lost; the rest is right. */
static int count_lost(const given_t *given)
{
    apr_status_t rv = mproc_result_get(given->call, PATIENCE);
    apr_uint64_t value;
    int lost = rv == MPROC_EWORKERDIED;
    uint32_t i;

    if (!lost) {
        assert_success(rv);
        assert_success(MPROC_UNPACK(given->call, &value));
        assert_true(value == answer);
    }
    assert_success(mproc_result_wait(given->map, PATIENCE));
    for (i = 0; i < ITEMS; i++) {
        rv = mproc_result_item_status(given->map, i);
        if (rv == MPROC_EWORKERDIED) {
            lost++;
            continue;
        }
        assert_success(rv);
        assert_int_equal(given->results[i], i + 1);
    }
    return lost;
}

/* How many instructions the worker did; more than `most` is none. */
static long play(apr_uint32_t retries, long most, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    given_t given = {.map = NULL};
    mproc_pool_t *workers;
    apr_int64_t pid;
    const char *path;
    size_t count;
    long steps;

    is_born = share_memory(&path, sizeof *is_born, mem);
    options.initializer = be_born;
    options.initargs = MPROC_PACK(path);
    options.retries = retries;
    assert_success(mproc_pool_create(&workers, 1, &options, mem));
    assert_success(mproc_pool_pids(workers, &pid, 1, &count));
    assert_int_equal(count, 1);
    give(&given, workers, mem);
    steps = step_and_kill(pid, most);
    assert_true(steps >= 0);
    assert_true(count_lost(&given) <= (retries == 0));
    assert_success(mproc_pool_join(workers, PATIENCE));
    return steps;
}

static long play_in_own_memory(apr_uint32_t retries, long most, apr_pool_t *mem)
{
    apr_pool_t *own;
    long steps;

    assert_success(apr_pool_create(&own, mem));
    steps = play(retries, most, own);
    apr_pool_destroy(own);
    return steps;
}

static void kill_everywhere(apr_uint32_t retries, apr_pool_t *mem)
{
    long all = play_in_own_memory(retries, LONG_MAX, mem);
    long stride = all / (KILLS * test_scale()) + 1;
    long first = (long)(apr_time_now() % stride), kills = 0, at;

    for (at = first; at < all; at += stride, kills++)
        play_in_own_memory(retries, at, mem);
    print_message("  %ld instructions, killed at %ld, and each %ld: %ld times\n", all, first,
                  stride, kills);
    assert_true(kills > 0);
}

static void with_retries_nothing_is_lost_by_a_kill_at_any_instruction(void **state)
{
    kill_everywhere(MPROC_RETRY_FOREVER, *state);
}

static void without_retries_a_kill_at_any_instruction_costs_one_at_most(void **state)
{
    kill_everywhere(0, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(with_retries_nothing_is_lost_by_a_kill_at_any_instruction),
        claim_leaving_nothing(without_retries_a_kill_at_any_instruction_costs_one_at_most),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    assert_success(mproc_set_start_method(MPROC_FORK, 1));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
