/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that change what a lock guards, or have units of a semaphore, are killed at random and
 * replaced: what was half changed is said to be, units come back, and the others go on.
 */

#include "claims.h"
#include "shared.h"

#include <apr_time.h>

#include <stdatomic.h>

/* Of each storm at scale 1. */
#define TIME apr_time_from_msec(1500)

/* So long nobody may have done anything. */
#define PROGRESS apr_time_from_sec(10)

enum { PARTICIPANTS = 4, UNITS = 2 };

typedef struct account_t {
    _Atomic uint64_t one, other; /* guarded by the lock: the same, but in the middle of a change */
    _Atomic uint64_t repairs;    /* of what was half changed; by who holds the lock */
    _Atomic uint64_t told;       /* owners that died */
    _Atomic uint64_t done;       /* by all */
    _Atomic uint32_t damaged;    /* what was half changed, and nobody said so */
    _Atomic uint32_t is_over;
} account_t;

/* -- Participants ------------------------------------------------------------------------ */

static void repair(account_t *account)
{
    atomic_fetch_add(&account->told, 1);
    if (atomic_load(&account->other) == atomic_load(&account->one))
        return;
    atomic_store(&account->other, atomic_load(&account->one));
    atomic_fetch_add(&account->repairs, 1);
}

/* So that some are killed in the middle of a change. */
static void take_time(const account_t *account)
{
    int i;

    for (i = 0; i < 1000; i++)
        (void)atomic_load(&account->one);
}

static apr_status_t change(mproc_lock_t *lock, account_t *account)
{
    apr_status_t rv = mproc_lock_acquire(lock, PATIENCE);

    if (rv == MPROC_EOWNERDEAD)
        repair(account);
    else
        MPROC_TRY(rv);
    if (atomic_load(&account->other) != atomic_load(&account->one))
        atomic_fetch_add(&account->damaged, 1);
    atomic_fetch_add(&account->one, 1);
    take_time(account);
    atomic_fetch_add(&account->other, 1);
    return mproc_lock_release(lock);
}

static apr_status_t changer(mproc_task_t *task)
{
    account_t *account;
    mproc_lock_t *lock;
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path, &lock));
    account = shared_memory(path, sizeof *account, mproc_task_mem(task));
    while (account != NULL && !atomic_load(&account->is_over)) {
        MPROC_TRY(change(lock, account));
        atomic_fetch_add(&account->done, 1);
    }
    return account != NULL ? APR_SUCCESS : APR_EGENERAL;
}

/* Up to all of them at a time, as far as it does not wait for another that has one. */
static apr_status_t use_units(mproc_semaphore_t *semaphore)
{
    apr_status_t rv;

    MPROC_TRY(mproc_semaphore_acquire(semaphore, PATIENCE));
    rv = mproc_semaphore_acquire(semaphore, 0);
    if (rv == APR_SUCCESS)
        rv = mproc_semaphore_release(semaphore);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(rv))
        return rv;
    return mproc_semaphore_release(semaphore);
}

static apr_status_t user(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    account_t *account;
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path, &semaphore));
    account = shared_memory(path, sizeof *account, mproc_task_mem(task));
    while (account != NULL && !atomic_load(&account->is_over)) {
        MPROC_TRY(use_units(semaphore));
        atomic_fetch_add(&account->done, 1);
    }
    return account != NULL ? APR_SUCCESS : APR_EGENERAL;
}

static const mproc_target_t targets[] = {MPROC_TARGET(changer), MPROC_TARGET(user),
                                         MPROC_TARGETS_END};

/* -- The parent ------------------------------------------------------------------------------ */

typedef struct director_t {
    mproc_target_fn *target;
    const mproc_pack_t *args;
    account_t *account;
    const char *path;
    mproc_process_t *processes[PARTICIPANTS];
    apr_pool_t *memories[PARTICIPANTS];
    apr_pool_t *mem;
    uint32_t random;
    int kills;
    uint64_t done;
    apr_time_t done_on;
} director_t;

static uint32_t draw(director_t *director, uint32_t below)
{
    director->random = director->random * 1664525u + 1013904223u;
    return (director->random >> 8) % below;
}

static void start(director_t *director, int place)
{
    assert_success(apr_pool_create(&director->memories[place], director->mem));
    assert_success(mproc_process_start(&director->processes[place], director->target,
                                       director->args, NULL, director->memories[place]));
}

static void watch_progress(director_t *director)
{
    uint64_t done = atomic_load(&director->account->done);
    apr_time_t now = apr_time_now();

    if (done != director->done) {
        director->done = done;
        director->done_on = now;
    }
    assert_true(now - director->done_on < PROGRESS);
}

static void kill_one(director_t *director, int place)
{
    assert_success(mproc_process_kill(director->processes[place]));
    assert_success(mproc_process_join(director->processes[place], PATIENCE));
    apr_pool_destroy(director->memories[place]);
    director->kills++;
    start(director, place);
}

static void end_all(director_t *director)
{
    int place;

    atomic_store(&director->account->is_over, 1);
    for (place = 0; place < PARTICIPANTS; place++) {
        assert_success(mproc_process_join(director->processes[place], PATIENCE));
        assert_success(mproc_process_status(director->processes[place]));
    }
}

static void play(director_t *director)
{
    apr_time_t end = apr_time_now() + TIME * test_scale();
    int place;

    director->random = (uint32_t)end;
    director->done_on = apr_time_now();
    for (place = 0; place < PARTICIPANTS; place++)
        start(director, place);
    while (apr_time_now() < end) {
        apr_sleep((apr_interval_time_t)draw(director, 20000));
        watch_progress(director);
        kill_one(director, (int)draw(director, PARTICIPANTS));
    }
    end_all(director);
    assert_true(director->kills > 0 && atomic_load(&director->account->done) > 0);
}

/* -- The storms ---------------------------------------------------------------------------------- */

/* A dead one's lock may be nobody's business until the end. */
static void those_who_change_what_a_lock_guards_are_killed(void **state)
{
    director_t director = {.target = changer, .mem = *state};
    mproc_lock_t *lock;

    director.account = share_memory(&director.path, sizeof *director.account, *state);
    assert_success(mproc_lock_create(&lock, NULL, *state));
    director.args = MPROC_PACK(director.path, lock);
    play(&director);
    assert_success(change(lock, director.account));
    print_message(
        "  %d killed, %lu of them with the lock, %lu in the middle of a change; %lu done\n",
        director.kills, (unsigned long)atomic_load(&director.account->told),
        (unsigned long)atomic_load(&director.account->repairs),
        (unsigned long)atomic_load(&director.account->done));
    assert_int_equal(atomic_load(&director.account->damaged), 0);
    assert_true(atomic_load(&director.account->one) == atomic_load(&director.account->other));
    assert_true(atomic_load(&director.account->one) >= atomic_load(&director.account->done));
    assert_true(atomic_load(&director.account->told) <= (uint64_t)director.kills);
    assert_int_equal(mproc_lock_locked(lock), 0);
}

static void those_who_have_units_are_killed(void **state)
{
    director_t director = {.target = user, .mem = *state};
    mproc_semaphore_t *semaphore;
    unsigned value;

    director.account = share_memory(&director.path, sizeof *director.account, *state);
    assert_success(mproc_bounded_semaphore_create(&semaphore, UNITS, NULL, *state));
    director.args = MPROC_PACK(director.path, semaphore);
    play(&director);
    assert_success(mproc_semaphore_get_value(semaphore, &value));
    print_message("  %d killed; %lu done\n", director.kills,
                  (unsigned long)atomic_load(&director.account->done));
    assert_int_equal(value, UNITS);
    assert_status(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(those_who_change_what_a_lock_guards_are_killed),
        claim(those_who_have_units_are_killed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
