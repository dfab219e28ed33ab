/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads that use one pool at the same time.
 */

#include "claims.h"
#include "threads.h"

#include <apr_strings.h>

#include <stdatomic.h>

enum { THREADS = 4, ITEMS = 500, CALLS = 500 };

#define ROUNDS(scale) (20 * (scale))

static apr_status_t echo(mproc_task_t *task)
{
    apr_int64_t number;

    MPROC_TRY(MPROC_UNPACK(mproc_task_args(task), &number));
    return mproc_task_return(task, MPROC_PACK(number));
}

static apr_status_t spin(mproc_task_t *task)
{
    while (!mproc_task_is_overdue(task))
        apr_sleep(apr_time_from_sec(1));
    return APR_SUCCESS;
}

static apr_status_t square(const void *item, void *result, mproc_task_t *task)
{
    int number = *(const int *)item;

    (void)task;
    *(int *)result = number * number;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(echo), MPROC_TARGET(spin),
                                         MPROC_TARGET(square), MPROC_TARGETS_END};

/* One of several that do the same; each has memory of its own. */
typedef struct user_t {
    mproc_pool_t *workers;
    apr_pool_t *mem;
    int number;
    work_fn *function;
    char words[300]; /* its message, when it has failed */
    work_t work;
} user_t;

static apr_status_t complain(const char *claim)
{
    return mproc_error_set(APR_EGENERAL, "not so: %s", claim);
}

/* -- What they do -------------------------------------------------------------------- */

static apr_status_t call(const user_t *user, apr_int64_t number)
{
    mproc_result_t *result;
    apr_int64_t returned;

    MPROC_TRY(
        mproc_pool_apply_async(&result, user->workers, echo, MPROC_PACK(number), NULL, user->mem));
    MPROC_TRY(mproc_result_get(result, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(result, &returned));
    mproc_result_close(result);
    return returned == number ? APR_SUCCESS : complain("what was called with came back");
}

static void fill(int items[ITEMS])
{
    int i;

    for (i = 0; i < ITEMS; i++)
        items[i] = i;
}

static int are_squares(const int results[ITEMS])
{
    int i;

    for (i = 0; i < ITEMS; i++)
        if (results[i] != i * i)
            return 0;
    return 1;
}

static apr_status_t map(const user_t *user)
{
    int items[ITEMS], results[ITEMS];

    fill(items);
    MPROC_TRY(mproc_pool_map(user->workers, square, items, sizeof *items, results, sizeof *results,
                             ITEMS, PATIENCE));
    return are_squares(results) ? APR_SUCCESS : complain("map's results are squares");
}

static apr_status_t take_all(mproc_imap_t *it)
{
    int results[ITEMS];
    size_t index, i;

    for (i = 0; i < ITEMS; i++)
        MPROC_TRY(mproc_imap_next(it, &index, &results[i], PATIENCE));
    return are_squares(results) ? APR_SUCCESS : complain("imap's results are squares");
}

static apr_status_t imap(const user_t *user)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc_imap_t *it;
    int items[ITEMS];
    apr_status_t rv;

    fill(items);
    options.chunksize = 50;
    MPROC_TRY(mproc_pool_imap(&it, user->workers, square, items, sizeof *items, sizeof *items,
                              ITEMS, &options, user->mem));
    rv = take_all(it);
    mproc_imap_close(it);
    return rv;
}

/* In memory of the pool. */
static apr_status_t map_in_place(const user_t *user)
{
    void *memory;
    apr_status_t rv;

    MPROC_TRY(mproc_pool_alloc(&memory, user->workers, ITEMS * sizeof(int)));
    fill(memory);
    rv = mproc_pool_map(user->workers, square, memory, sizeof(int), memory, sizeof(int), ITEMS,
                        PATIENCE);
    if (rv == APR_SUCCESS && !are_squares(memory))
        rv = complain("the results are where the items were");
    MPROC_TRY(mproc_pool_free(user->workers, memory));
    return rv;
}

/* It never ends by itself. */
static apr_status_t cancel(const user_t *user)
{
    mproc_result_t *result;
    apr_status_t rv;

    MPROC_TRY(mproc_pool_apply_async(&result, user->workers, spin, MPROC_NO_ARGS, NULL, user->mem));
    MPROC_TRY(mproc_result_cancel(result));
    rv = mproc_result_get(result, PATIENCE);
    mproc_result_close(result);
    return rv == MPROC_ECANCELLED ? APR_SUCCESS : complain("it was cancelled");
}

static apr_status_t look(const user_t *user, int round)
{
    apr_int64_t pids[8];
    size_t count;

    MPROC_TRY(mproc_pool_resize(user->workers, 2 + (round + user->number) % 3));
    return mproc_pool_pids(user->workers, pids, 8, &count);
}

static apr_status_t use(void *data)
{
    const user_t *user = data;
    int round;

    for (round = 0; round < ROUNDS(test_scale()); round++) {
        MPROC_TRY(call(user, round));
        MPROC_TRY(map(user));
        MPROC_TRY(imap(user));
        MPROC_TRY(map_in_place(user));
        if (round % 5 == user->number)
            MPROC_TRY(cancel(user));
        MPROC_TRY(look(user, round));
    }
    return APR_SUCCESS;
}

/* -- Claims -------------------------------------------------------------------------- */

static apr_status_t run(void *data)
{
    user_t *user = data;
    apr_status_t rv = user->function(user);

    apr_cpystrn(user->words, mproc_error_message(), sizeof user->words);
    return rv;
}

static void start_users(user_t users[THREADS], mproc_pool_t *workers, work_fn *function,
                        apr_pool_t *mem)
{
    int i;

    for (i = 0; i < THREADS; i++) {
        users[i] = (user_t){.workers = workers, .number = i, .function = function};
        assert_int_equal(apr_pool_create(&users[i].mem, mem), APR_SUCCESS);
    }
    for (i = 0; i < THREADS; i++)
        assert_success(start_thread(&users[i].work, run, &users[i], mem));
}

/* All of them first, as they use what goes with the test. */
static void end_users(user_t users[THREADS])
{
    int i;

    for (i = 0; i < THREADS; i++)
        end_thread(&users[i].work);
    for (i = 0; i < THREADS; i++)
        if (users[i].work.rv != APR_SUCCESS)
            fail_msg("thread %d: %d, %s", i, users[i].work.rv, users[i].words);
}

static void threads_share_a_pool(void **state)
{
    user_t users[THREADS];
    mproc_pool_t *workers;

    assert_success(mproc_pool_create(&workers, 3, NULL, *state));
    start_users(users, workers, use, *state);
    end_users(users);
    assert_success(mproc_pool_join(workers, PATIENCE));
}

/* Until somebody ends it. */
static apr_status_t call_until_closed(void *data)
{
    const user_t *user = data;
    apr_status_t rv;

    do {
        rv = call(user, 7);
    } while (rv == APR_SUCCESS);
    return rv == MPROC_ECLOSED || rv == MPROC_ETERMINATED ? APR_SUCCESS : rv;
}

static void a_pool_is_closed_while_others_use_it(void **state)
{
    user_t users[THREADS];
    mproc_pool_t *workers;

    assert_success(mproc_pool_create(&workers, 2, NULL, *state));
    start_users(users, workers, call_until_closed, *state);
    assert_success(mproc_pool_apply(workers, echo, MPROC_PACK(1), NULL, PATIENCE));
    assert_success(mproc_pool_close(workers));
    end_users(users);
    assert_success(mproc_pool_join(workers, PATIENCE));
}

static void a_pool_is_terminated_while_others_use_it(void **state)
{
    user_t users[THREADS];
    mproc_pool_t *workers;

    assert_success(mproc_pool_create(&workers, 2, NULL, *state));
    start_users(users, workers, call_until_closed, *state);
    assert_success(mproc_pool_apply(workers, echo, MPROC_PACK(1), NULL, PATIENCE));
    assert_success(mproc_pool_terminate(workers));
    end_users(users);
}

static _Atomic int called_back;

static void count_call(mproc_result_t *result, apr_status_t status, void *data)
{
    (void)result;
    (void)data;
    if (status == APR_SUCCESS)
        atomic_fetch_add(&called_back, 1);
}

static apr_status_t give_and_forget(void *data)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    const user_t *user = data;
    mproc_result_t *result;
    int i;

    options.callback = count_call;
    for (i = 0; i < ITEMS; i++) {
        MPROC_TRY(mproc_pool_apply_async(&result, user->workers, echo, MPROC_PACK(i), &options,
                                         user->mem));
        mproc_result_close(result);
    }
    return APR_SUCCESS;
}

static void what_is_forgotten_is_done_all_the_same(void **state)
{
    user_t users[THREADS];
    mproc_pool_t *workers;

    atomic_store(&called_back, 0);
    assert_success(mproc_pool_create(&workers, 2, NULL, *state));
    start_users(users, workers, give_and_forget, *state);
    end_users(users);
    assert_success(mproc_pool_join(workers, PATIENCE));
    assert_int_equal(atomic_load(&called_back), THREADS * ITEMS);
}

static apr_status_t wait_for(void *result)
{
    return mproc_result_get(result, MPROC_FOREVER);
}

/* The longest time that a call took; no more are made after one that has as good as timed out. */
static apr_status_t call_often(const user_t *user, apr_interval_time_t *longest)
{
    int i;

    for (i = 0; i < CALLS && *longest < PATIENCE / 2; i++) {
        apr_time_t begin = apr_time_now();

        MPROC_TRY(call(user, i));
        if (apr_time_now() - begin > *longest)
            *longest = apr_time_now() - begin;
    }
    return APR_SUCCESS;
}

/* These sleep in the same place, and each result wakes them in vain. */
static void a_call_is_not_held_up_by_those_who_wait_for_another(void **state)
{
    user_t user = {.mem = *state};
    apr_interval_time_t longest = 0;
    mproc_result_t *endless;
    work_t waiting[THREADS];
    apr_status_t rv;
    int i;

    assert_success(mproc_pool_create(&user.workers, 2, NULL, *state));
    assert_success(
        mproc_pool_apply_async(&endless, user.workers, spin, MPROC_NO_ARGS, NULL, *state));
    for (i = 0; i < THREADS; i++)
        assert_success(start_thread(&waiting[i], wait_for, endless, *state));
    rv = call_often(&user, &longest);
    assert_success(mproc_result_cancel(endless));
    for (i = 0; i < THREADS; i++)
        assert_int_equal(end_thread(&waiting[i]), MPROC_ECANCELLED);
    assert_success(rv);
    assert_true(longest < PATIENCE / 2);
    assert_success(mproc_pool_join(user.workers, PATIENCE));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(threads_share_a_pool),
        claim_leaving_nothing(a_pool_is_closed_while_others_use_it),
        claim_leaving_nothing(a_pool_is_terminated_while_others_use_it),
        claim_leaving_nothing(what_is_forgotten_is_done_all_the_same),
        claim_leaving_nothing(a_call_is_not_held_up_by_those_who_wait_for_another),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
