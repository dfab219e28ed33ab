/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Workers that may open no more files, and so cannot have the memory of a map; and a program that
 * cannot, and so has no new workers.
 */

#include "claims.h"
#include "pools.h"
#include "system.h"

#include <sys/resource.h>

/* Items of more bytes than go with an order. */
#define MANY 20000

static apr_status_t allow_no_more_files(mproc_task_t *task)
{
    struct rlimit none = {3, 3};

    (void)task;
    return setrlimit(RLIMIT_NOFILE, &none) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t copy(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    *(int *)result = *(const int *)item;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(allow_no_more_files), MPROC_TARGET(copy),
                                         MPROC_TARGETS_OF(pool_targets), MPROC_TARGETS_END};

static mproc_pool_t *make_poor_workers(apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_pool_t *workers;

    options.initializer = allow_no_more_files;
    assert_success(mproc_pool_create(&workers, 2, &options, mem));
    return workers;
}

static void workers_that_cannot_have_the_memory_of_a_map_break_their_pool(void **state)
{
    mproc_pool_t *workers = make_poor_workers(*state);
    static int numbers[MANY], copies[MANY];
    apr_status_t rv = mproc_pool_map(workers, copy, numbers, sizeof *numbers, copies,
                                     sizeof *copies, MANY, PATIENCE);

    assert_int_not_equal(rv, APR_SUCCESS);
    assert_int_not_equal(rv, APR_TIMEUP);
    assert_status(mproc_pool_join(workers, PATIENCE), rv);
}

static void workers_that_cannot_have_the_items_of_an_imap_break_their_pool(void **state)
{
    mproc_pool_t *workers = make_poor_workers(*state);
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    static int numbers[MANY];
    mproc_imap_t *it;
    apr_status_t rv;
    int copied;

    options.chunksize = MANY;
    assert_success(mproc_pool_imap(&it, workers, copy, numbers, sizeof *numbers, sizeof copied,
                                   MANY, &options, *state));
    rv = mproc_imap_next(it, NULL, &copied, PATIENCE);
    assert_int_not_equal(rv, APR_SUCCESS);
    assert_int_not_equal(rv, APR_TIMEUP);
    assert_status(mproc_pool_join(workers, PATIENCE), rv);
}

/* -- The program itself -------------------------------------------------------- */

static void allow_files(rlim_t count)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Long enough for a few starts that fail. */
static void a_pool_that_cannot_replace_a_worker_goes_on_with_the_others(void **state)
{
    apr_time_t deadline;
    struct rlimit before;
    apr_int64_t pids[2];
    size_t count;
    crew_t crew;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    make_crew(&crew, 2, NULL, *state);
    start_deed(crew.workers, WAIT, 1, NULL, *state);
    start_deed(crew.workers, WAIT, 2, NULL, *state);
    await_news(&crew, "begun", 2); /* so that both are ready */
    assert_success(mproc_pool_pids(crew.workers, pids, 2, &count));
    allow_files(3);
    kill_pid(pids[0]);
    open_gate(&crew, 1);
    await_workers(crew.workers, 1);
    for (deadline = apr_time_now() + apr_time_from_sec(1); apr_time_now() < deadline;)
        assert_success(apply_deed(crew.workers, SQUARE, 3));
    allow_files(before.rlim_cur);
    await_workers(crew.workers, 2);
    assert_joins(crew.workers);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    const struct CMUnitTest tests[] = {
        claim_leaving_nothing(workers_that_cannot_have_the_memory_of_a_map_break_their_pool),
        claim_leaving_nothing(workers_that_cannot_have_the_items_of_an_imap_break_their_pool),
        claim_leaving_nothing(a_pool_that_cannot_replace_a_worker_goes_on_with_the_others),
    };

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
