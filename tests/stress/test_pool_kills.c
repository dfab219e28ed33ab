/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Workers are killed at random while a pool has work for them.  With retries nothing is lost;
 * without, a death costs one item or one call.
 */

#include "claims.h"
#include "system.h"
#include "toil.h"

#include <stdlib.h>
#include <string.h>

#define WORKERS 4
#define ITEMS 10000
#define CALLS 1000

/* Of each storm at scale 1; the calls are CALLS a round. */
#define MAP_ROUNDS 10
#define CALL_ROUNDS 1

/* Calls go on until so many workers have been killed. */
#define KILLS_MIN 20
#define IMAP_ROUNDS 1

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(toil_targets), MPROC_TARGETS_END};

/* -- A storm ------------------------------------------------------------------------------ */

/* A pool, and a killer at large in it. */
typedef struct scene_t {
    apr_pool_t *mem;
    apr_uint32_t retries;
    mproc_pool_t *workers;
    crew_t crew;
    killer_t killer;
    uint32_t items[ITEMS];
    uint64_t expected[ITEMS], results[ITEMS];
    int losses; /* items and calls that a death has cost */
    int kills;
} scene_t;

static scene_t *begin_storm(apr_uint32_t retries, apr_pool_t *mem)
{
    scene_t *scene = apr_pcalloc(mem, sizeof *scene);
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    uint32_t i;

    scene->mem = mem;
    scene->retries = retries;
    for (i = 0; i < ITEMS; i++) {
        scene->items[i] = i * 2654435761u;
        scene->expected[i] = toil_of(scene->items[i]);
    }
    options.retries = retries;
    make_crew(&scene->crew, WORKERS, &options, mem);
    scene->workers = scene->crew.workers;
    start_killer(&scene->killer, &scene->crew, mem);
    return scene;
}

static void end_storm(scene_t *scene, const char *name)
{
    scene->kills = end_killer(&scene->killer);
    print_message("  %-32s %d kills cost %d\n", name, scene->kills, scene->losses);
    assert_true(scene->kills > 0);
    if (scene->retries == MPROC_RETRY_FOREVER)
        assert_int_equal(scene->losses, 0);
    assert_true(scene->losses <= scene->kills);
    assert_leaves_nobody(scene->workers);
}

/* One item is right, or was lost with a worker. */
static void account(scene_t *scene, size_t item, apr_status_t status, uint64_t result)
{
    if (status == MPROC_EWORKERDIED)
        scene->losses++;
    else
        assert_success(status);
    if (status == APR_SUCCESS && result != scene->expected[item])
        fail_msg("the result of item %u is not its own", (unsigned)item);
}

/* -- map ----------------------------------------------------------------------------------- */

static void map_once(scene_t *scene, size_t chunksize, const uint32_t *items, uint64_t *results)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    mproc_result_t *result;
    size_t i;

    options.chunksize = chunksize;
    memset(results, 0, ITEMS * sizeof *results);
    assert_success(mproc_pool_map_async(&result, scene->workers, toil, items, sizeof *items,
                                        results, sizeof *results, ITEMS, &options, scene->mem));
    assert_success(mproc_result_wait(result, PATIENCE));
    for (i = 0; i < ITEMS; i++)
        account(scene, i, mproc_result_item_status(result, i), results[i]);
    if (scene->retries == MPROC_RETRY_FOREVER && scene->losses > 0)
        fail_msg("lost: %s", mproc_result_error(result));
    mproc_result_close(result);
}

static void map_in_storm(apr_uint32_t retries, apr_pool_t *mem)
{
    static const size_t chunksizes[] = {1, 7, 0};
    scene_t *scene = begin_storm(retries, mem);
    void *items, *results;
    int i;

    assert_success(mproc_pool_alloc(&items, scene->workers, sizeof scene->items));
    assert_success(mproc_pool_alloc(&results, scene->workers, sizeof scene->results));
    memcpy(items, scene->items, sizeof scene->items);
    for (i = 0; i < MAP_ROUNDS * test_scale(); i++)
        if (i % 2 == 0)
            map_once(scene, chunksizes[i % 3], scene->items, scene->results);
        else
            map_once(scene, chunksizes[i % 3], items, results);
    end_storm(scene, retries > 0 ? "map, with retries" : "map, without");
}

static void of_a_map_nothing_is_lost_by_kills(void **state)
{
    map_in_storm(MPROC_RETRY_FOREVER, *state);
}

static void of_a_map_without_retries_a_kill_costs_one_item(void **state)
{
    map_in_storm(0, *state);
}

/* -- apply ---------------------------------------------------------------------------------- */

static void take_in(scene_t *scene, size_t call, mproc_result_t *result)
{
    apr_status_t rv = mproc_result_get(result, PATIENCE);
    apr_uint64_t value = 0;

    if (rv == APR_SUCCESS)
        assert_success(MPROC_UNPACK(result, &value));
    account(scene, call, rv, value);
}

static void call_many(scene_t *scene)
{
    mproc_result_t *results[CALLS];
    apr_pool_t *mem;
    size_t i;

    assert_success(apr_pool_create(&mem, scene->mem));
    for (i = 0; i < CALLS; i++)
        assert_success(mproc_pool_apply_async(&results[i], scene->workers, toil_once,
                                              MPROC_PACK((apr_uint64_t)scene->items[i]), NULL,
                                              mem));
    for (i = 0; i < CALLS; i++)
        take_in(scene, i, results[i]);
    apr_pool_destroy(mem);
}

static void call_in_storm(apr_uint32_t retries, apr_pool_t *mem)
{
    scene_t *scene = begin_storm(retries, mem);
    int i;

    for (i = 0; i < CALL_ROUNDS * test_scale() || atomic_load(&scene->killer.kills) < KILLS_MIN;
         i++)
        call_many(scene);
    end_storm(scene, retries > 0 ? "calls, with retries" : "calls, without");
}

static void of_calls_nothing_is_lost_by_kills(void **state)
{
    call_in_storm(MPROC_RETRY_FOREVER, *state);
}

static void without_retries_a_kill_costs_one_call(void **state)
{
    call_in_storm(0, *state);
}

/* -- imap ------------------------------------------------------------------------------------- */

static void iterate(scene_t *scene, mproc_imap_t *it, int is_ordered)
{
    unsigned char came[ITEMS] = {0};
    size_t i, index;

    for (i = 0; i < ITEMS; i++) {
        uint64_t result = 0;
        apr_status_t rv = mproc_imap_next(it, &index, &result, PATIENCE);

        if (rv != APR_SUCCESS)
            assert_status(rv, MPROC_EWORKERDIED);
        assert_true(index < ITEMS && !came[index]++);
        assert_true(!is_ordered || index == i);
        account(scene, index, rv, result);
    }
    assert_status(mproc_imap_next(it, &index, &scene->results[0], PATIENCE), APR_EOF);
    mproc_imap_close(it);
}

static void imap_in_storm(apr_uint32_t retries, apr_pool_t *mem)
{
    static const size_t chunksizes[] = {16, 1, 300};
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    scene_t *scene = begin_storm(retries, mem);
    mproc_imap_t *it;
    int i;

    for (i = 0; i < IMAP_ROUNDS * test_scale(); i++) {
        options.chunksize = chunksizes[i % 3];
        assert_success(mproc_pool_imap(&it, scene->workers, toil, scene->items, sizeof(uint32_t),
                                       sizeof(uint64_t), ITEMS, &options, mem));
        iterate(scene, it, 1);
        assert_success(mproc_pool_imap_unordered(&it, scene->workers, toil, scene->items,
                                                 sizeof(uint32_t), sizeof(uint64_t), ITEMS,
                                                 &options, mem));
        iterate(scene, it, 0);
    }
    end_storm(scene, retries > 0 ? "imap, with retries" : "imap, without");
}

static void of_an_imap_nothing_is_lost_by_kills(void **state)
{
    imap_in_storm(MPROC_RETRY_FOREVER, *state);
}

static void of_an_imap_without_retries_a_kill_costs_one_item(void **state)
{
    imap_in_storm(0, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(of_a_map_nothing_is_lost_by_kills),
        claim_leaving_nothing(of_a_map_without_retries_a_kill_costs_one_item),
        claim_leaving_nothing(of_calls_nothing_is_lost_by_kills),
        claim_leaving_nothing(without_retries_a_kill_costs_one_call),
        claim_leaving_nothing(of_an_imap_nothing_is_lost_by_kills),
        claim_leaving_nothing(of_an_imap_without_retries_a_kill_costs_one_item),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
