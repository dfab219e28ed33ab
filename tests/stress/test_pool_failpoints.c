/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker may be killed between any two stores that others see: each kind of work is given to a
 * pool again and again, and its first worker ends itself at one failpoint further.  With retries
 * nothing is lost, and without one item or call at most.
 */

#include "claims.h"
#include "ends.h"
#include "failpoint.h"
#include "port.h"
#include "shared.h"
#include "system.h"
#include "toil.h"

#include <apr_time.h>

#include <string.h>

enum { ITEMS = 8, CHUNK = 3, REFUSED = 5, LARGE = 20000 };

/* What a refused item returns. */
#define REFUSAL (APR_OS_START_USERERR + 7)

/* What workers tell of themselves, in shared memory. */
typedef struct notes_t {
    _Atomic uint32_t born;
    _Atomic uint32_t was_hit;    /* the one who was to end itself has */
    _Atomic apr_int64_t pids[2]; /* of the first; 0 for a moment */
} notes_t;

/* -- Failpoints ---------------------------------------------------------------------------- */

/* Failpoints to go; 0: they do not count. */
static _Atomic long left;
static notes_t *notes;
static int dies_at_item_1;

void mproc__failpoint(void)
{
    if (atomic_load(&left) == 0 || atomic_fetch_sub(&left, 1) != 1)
        return;
    atomic_store(&notes->was_hit, 1);
    end_this_process();
}

/* -- Targets --------------------------------------------------------------------------------- */

/* The initializer.  The victim is the worker that is born as such a one; failpoints count from here on. */
static apr_status_t be_born(mproc_task_t *task)
{
    const char *path;
    apr_uint32_t victim, number;
    apr_int64_t point;

    MPROC_TRY(MPROC_UNPACK(task, &path, &victim, &point));
    notes = shared_memory(path, sizeof *notes, mproc_task_mem(task));
    if (notes == NULL)
        return APR_EGENERAL;
    number = atomic_fetch_add(&notes->born, 1);
    if (number < 2)
        atomic_store(&notes->pids[number], port_pid());
    dies_at_item_1 = number == 0 && victim == 1;
    atomic_store(&left, number == victim ? (long)point : 0);
    return APR_SUCCESS;
}

static apr_status_t do_item(const void *item, void *result, mproc_task_t *task)
{
    uint32_t number = *(const uint32_t *)item;

    if (number == 1 && dies_at_item_1)
        end_this_process();
    if (number == REFUSED)
        return REFUSAL;
    return toil(item, result, task);
}

static apr_status_t return_much(mproc_task_t *task)
{
    unsigned char bytes[LARGE];
    int offset;

    MPROC_TRY(MPROC_UNPACK(task, &offset));
    fill_pattern(bytes, sizeof bytes, (size_t)offset);
    return mproc_task_return(task, MPROC_PACK(MPROC_BYTES(bytes, sizeof bytes)));
}

/* -- Work for a pool ------------------------------------------------------------------------------ */

/* Each counts what was lost by death, and asserts that the rest is right. */
typedef int give_fn(mproc_pool_t *workers, apr_pool_t *mem);

static int is_lost(size_t item, apr_status_t status, uint64_t result)
{
    if (status == MPROC_EWORKERDIED)
        return 1;
    assert_status(status, item == REFUSED ? REFUSAL : APR_SUCCESS);
    if (item != REFUSED && result != toil_of((uint32_t)item))
        fail_msg("the result of item %u is not its own", (unsigned)item);
    return 0;
}

static int give_calls(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_result_t *results[3];
    int lost = 0;
    uint32_t i;

    for (i = 0; i < 3; i++)
        assert_success(mproc_pool_apply_async(&results[i], workers, toil_once,
                                              MPROC_PACK((apr_uint64_t)i), NULL, mem));
    for (i = 0; i < 3; i++) {
        apr_status_t rv = mproc_result_get(results[i], PATIENCE);
        apr_uint64_t value = 0;

        if (rv == APR_SUCCESS)
            assert_success(MPROC_UNPACK(results[i], &value));
        lost += is_lost(i, rv, value);
    }
    return lost;
}

static int give_large_calls(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_result_t *results[2];
    int lost = 0, i;

    for (i = 0; i < 2; i++)
        assert_success(
            mproc_pool_apply_async(&results[i], workers, return_much, MPROC_PACK(i), NULL, mem));
    for (i = 0; i < 2; i++) {
        apr_status_t rv = mproc_result_get(results[i], PATIENCE);
        mproc_bytes_t bytes;

        lost += rv == MPROC_EWORKERDIED;
        if (rv == MPROC_EWORKERDIED)
            continue;
        assert_success(rv);
        assert_success(MPROC_UNPACK(results[i], &bytes));
        assert_int_equal(count_pattern(bytes.data, bytes.size, (size_t)i), LARGE);
    }
    return lost;
}

static void make_items(uint32_t items[ITEMS])
{
    uint32_t i;

    for (i = 0; i < ITEMS; i++)
        items[i] = i;
}

static int give_chunks(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    uint64_t results[ITEMS] = {0};
    uint32_t items[ITEMS];
    mproc_result_t *result;
    int lost = 0;
    size_t i;

    options.chunksize = CHUNK;
    make_items(items);
    assert_success(mproc_pool_map_async(&result, workers, do_item, items, sizeof items[0], results,
                                        sizeof results[0], ITEMS, &options, mem));
    assert_success(mproc_result_wait(result, PATIENCE));
    for (i = 0; i < ITEMS; i++)
        lost += is_lost(i, mproc_result_item_status(result, i), results[i]);
    return lost;
}

static int give_items(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    uint32_t items[ITEMS];
    mproc_imap_t *it;
    int lost = 0;
    size_t i, index;

    options.chunksize = CHUNK;
    make_items(items);
    assert_success(mproc_pool_imap(&it, workers, do_item, items, sizeof items[0], sizeof(uint64_t),
                                   ITEMS, &options, mem));
    for (i = 0; i < ITEMS; i++) {
        uint64_t result = 0;
        apr_status_t rv = mproc_imap_next(it, &index, &result, PATIENCE);

        assert_int_equal(index, i);
        lost += is_lost(i, rv, result);
    }
    assert_status(mproc_imap_next(it, &index, &items, PATIENCE), APR_EOF);
    return lost;
}

typedef struct play_t {
    const char *name;
    give_fn *give;
    unsigned
        victim; /* 0: the first worker; 1: the first has died of item 1, and the second has a range */
} play_t;

static const play_t plays[] = {
    {"calls", give_calls, 0},   {"large results", give_large_calls, 0},
    {"chunks", give_chunks, 0}, {"a range", give_chunks, 1},
    {"items", give_items, 0},
};

/* -- Killing a worker ------------------------------------------------------------------------------- */

/* Whether the worker was killed. */
static int perform(const play_t *play, apr_uint32_t retries, long point, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;
    notes_t *seen;
    const char *path;
    int lost;

    seen = share_memory(&path, sizeof *seen, mem);
    options.initializer = be_born;
    options.initargs = MPROC_PACK(path, play->victim, (apr_int64_t)point);
    options.retries = retries;
    options.timeout = 4 * PATIENCE;
    assert_success(mproc_pool_create(&workers, 1, &options, mem));
    lost = play->give(workers, mem);
    assert_success(mproc_pool_join(workers, PATIENCE));
    assert_true(lost <= (retries == 0 ? 1 + (int)play->victim : 0));
    return atomic_load(&seen->was_hit) != 0;
}

/* Scale 1 has a sample, another each time, and a smaller one where a start takes long. */
static long step(void)
{
    long step = 2000 / (enough_starts() * test_scale());

    return step > 0 ? step : 1;
}

static long first_point(void)
{
    return 1 + (long)(apr_time_now() % step());
}

static void kill_at_each_failpoint(const play_t *play, apr_uint32_t retries, apr_pool_t *mem)
{
    apr_pool_t *own;
    int was_killed, kills = -1;
    long point;

    for (point = first_point(), was_killed = 1; was_killed; point += step(), kills++) {
        assert_success(apr_pool_create(&own, mem));
        was_killed = perform(play, retries, point, own);
        apr_pool_destroy(own);
    }
    print_message("  %-16s killed at %d failpoints\n", play->name, kills);
    assert_true(kills > 0);
}

static void with_retries_nothing_is_lost_by_a_kill_at_any_failpoint(void **state)
{
    size_t i;

    for (i = 0; i < sizeof plays / sizeof plays[0]; i++)
        kill_at_each_failpoint(&plays[i], MPROC_RETRY_FOREVER, *state);
}

static void without_retries_a_kill_at_any_failpoint_costs_one_at_most(void **state)
{
    size_t i;

    for (i = 0; i < sizeof plays / sizeof plays[0]; i++)
        kill_at_each_failpoint(&plays[i], 0, *state);
}

/* -- Killing the pool's own process ------------------------------------------------------------------- */

static apr_status_t use_pool(mproc_pool_t *workers)
{
    uint32_t items[ITEMS] = {0};
    uint64_t results[ITEMS];
    apr_uint64_t item = 1;

    MPROC_TRY(mproc_pool_map(workers, toil, items, sizeof items[0], results, sizeof results[0],
                             ITEMS, PATIENCE));
    return mproc_pool_apply(workers, toil_once, MPROC_PACK(item), NULL, PATIENCE);
}

/* Counts from when its workers run. */
static apr_status_t be_master(mproc_task_t *task)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    apr_uint32_t nobody = UINT32_MAX;
    mproc_pool_t *workers;
    apr_int64_t point;
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path, &point));
    notes = shared_memory(path, sizeof *notes, mproc_task_mem(task));
    options.initializer = be_born;
    options.initargs = MPROC_PACK(path, nobody, (apr_int64_t)0);
    MPROC_TRY(mproc_pool_create(&workers, 2, &options, mproc_task_mem(task)));
    MPROC_TRY(use_pool(workers));
    atomic_store(&left, (long)point);
    MPROC_TRY(use_pool(workers));
    return mproc_pool_join(workers, PATIENCE);
}

/* Whether the master was killed. */
static int kill_master(long point, apr_pool_t *mem)
{
    mproc_process_t *master;
    notes_t *seen;
    const char *path;
    apr_uint32_t i;

    seen = share_memory(&path, sizeof *seen, mem);
    assert_success(
        mproc_process_start(&master, be_master, MPROC_PACK(path, (apr_int64_t)point), NULL, mem));
    assert_success(mproc_process_join(master, PATIENCE));
    assert_status(mproc_process_status(master),
                  atomic_load(&seen->was_hit) ? MPROC_EDIED : APR_SUCCESS);
    assert_in_range(atomic_load(&seen->born), 1, 2);
    for (i = 0; i < atomic_load(&seen->born); i++)
        if (atomic_load(&seen->pids[i]) != 0)
            assert_gone(atomic_load(&seen->pids[i]));
    return atomic_load(&seen->was_hit) != 0;
}

static void workers_end_when_their_master_is_killed_at_any_failpoint(void **state)
{
    apr_pool_t *own;
    int was_killed, kills = -1;
    long point;

    for (point = first_point(), was_killed = 1; was_killed; point += step(), kills++) {
        assert_success(apr_pool_create(&own, *state));
        was_killed = kill_master(point, own);
        apr_pool_destroy(own);
    }
    print_message("  %-16s killed at %d failpoints\n", "the master", kills);
    assert_true(kills > 0);
}

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(toil_targets), MPROC_TARGET(be_born),
                                         MPROC_TARGET(do_item),          MPROC_TARGET(return_much),
                                         MPROC_TARGET(be_master),        MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(with_retries_nothing_is_lost_by_a_kill_at_any_failpoint),
        claim_leaving_nothing(without_retries_a_kill_at_any_failpoint_costs_one_at_most),
        claim_leaving_nothing(workers_end_when_their_master_is_killed_at_any_failpoint),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
