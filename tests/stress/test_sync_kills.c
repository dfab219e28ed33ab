/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that change what a lock guards, or have units of a semaphore, are killed at random and
 * replaced, or stopped for a while: what was half changed is said to be, units come back, and the
 * others go on.
 */

#include "claims.h"
#include "shared.h"
#include "system.h"
#include "unrest.h"

#include <apr_thread_proc.h>
#include <apr_time.h>

#include <stdatomic.h>

/* Of each storm at scale 1. */
#define TIME apr_time_from_msec(1500)

enum { PARTICIPANTS = 4, UNITS = 2 };

/* What one process has of a semaphore: its number * 2^32 + how often that was written * 2^8 + units. */
typedef _Atomic uint64_t seat_t;

typedef struct account_t {
    _Atomic uint64_t one, other; /* guarded by the lock: the same, but in the middle of a change */
    _Atomic uint64_t repairs;    /* of what was half changed; by who holds the lock */
    _Atomic uint64_t told;       /* owners that died */
    _Atomic uint64_t done;       /* by all */
    _Atomic uint32_t damaged;    /* what was half changed, and nobody said so */
    seat_t seats[PARTICIPANTS];  /* 0: nobody's.  The parent takes those of the dead back */
    _Atomic uint32_t too_many;   /* living ones had more units at a time than there are */
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

/* -- Who has units -------------------------------------------------------------------------- */

static seat_t *take_seat(account_t *account)
{
    int i;

    for (i = 0; i < PARTICIPANTS; i++) {
        uint64_t nobodys = 0;
        if (atomic_compare_exchange_strong(&account->seats[i], &nobodys, (uint64_t)own_pid() << 32))
            return &account->seats[i];
    }
    return NULL;
}

static int units_of(uint64_t word)
{
    return (int)(word & 0xff);
}

/* After they were acquired, and before they are released: never more than it has. */
static void write_units(seat_t *seat, int units)
{
    uint64_t word = atomic_load(seat);
    uint32_t changes = ((uint32_t)word >> 8) + 1;

    atomic_store(seat, word >> 32 << 32 | (uint32_t)(changes << 8) | (uint64_t)units);
}

/* What all had at one moment; or 0, if they are too fast. */
static int read_all_units(account_t *account, uint64_t seen[PARTICIPANTS])
{
    int i, units = 0;

    for (i = 0; i < PARTICIPANTS; i++)
        units += units_of(seen[i] = atomic_load(&account->seats[i]));
    for (i = 0; i < PARTICIPANTS; i++)
        if (atomic_load(&account->seats[i]) != seen[i])
            return 0;
    return units;
}

/* Who has written since was living; whose seat was taken back may have been dead.  What is left may be either. */
static int count_living(account_t *account, const uint64_t seen[PARTICIPANTS], int *unknown)
{
    int i, living = 0;

    *unknown = 0;
    for (i = 0; i < PARTICIPANTS; i++) {
        uint64_t word = atomic_load(&account->seats[i]);
        if (word == seen[i])
            *unknown += units_of(word);
        else if (word >> 32 == seen[i] >> 32)
            living += units_of(seen[i]);
    }
    return living;
}

/* Where all have too many, one is dead, and his seat will be taken back; or there are too many. */
static void look_for_too_many(account_t *account, seat_t *own, int units)
{
    uint64_t seen[PARTICIPANTS];
    int living = 0, unknown = read_all_units(account, seen);

    while (living <= UNITS && living + unknown > UNITS) {
        write_units(own, units); /* this one is living */
        apr_thread_yield();
        living = count_living(account, seen, &unknown);
    }
    if (living > UNITS)
        atomic_fetch_add(&account->too_many, 1);
}

static void have_units(account_t *account, seat_t *own, int units)
{
    write_units(own, units);
    look_for_too_many(account, own, units);
    take_time(account);
}

/* Up to all of them at a time, as far as it does not wait for another that has one. */
static apr_status_t use_units(mproc_semaphore_t *semaphore, account_t *account, seat_t *own)
{
    apr_status_t rv;

    MPROC_TRY(mproc_semaphore_acquire(semaphore, PATIENCE));
    have_units(account, own, 1);
    rv = mproc_semaphore_acquire(semaphore, 0);
    if (rv == APR_SUCCESS) {
        have_units(account, own, 2);
        write_units(own, 1);
        rv = mproc_semaphore_release(semaphore);
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(rv))
        return rv;
    write_units(own, 0);
    return mproc_semaphore_release(semaphore);
}

static apr_status_t user(mproc_task_t *task)
{
    mproc_semaphore_t *semaphore;
    account_t *account;
    const char *path;
    seat_t *own;

    MPROC_TRY(MPROC_UNPACK(task, &path, &semaphore));
    account = shared_memory(path, sizeof *account, mproc_task_mem(task));
    own = account != NULL ? take_seat(account) : NULL;
    while (own != NULL && !atomic_load(&account->is_over)) {
        MPROC_TRY(use_units(semaphore, account, own));
        atomic_fetch_add(&account->done, 1);
    }
    return own != NULL ? APR_SUCCESS : APR_EGENERAL;
}

static const mproc_target_t targets[] = {MPROC_TARGET(changer), MPROC_TARGET(user),
                                         MPROC_TARGETS_END};

/* -- The storms ---------------------------------------------------------------------------------- */

typedef struct storm_t {
    unrest_t unrest;
    account_t *account;
    const char *path;
} storm_t;

static void take_seat_back(void *data, apr_int64_t pid)
{
    account_t *account = data;
    int i;

    for (i = 0; i < PARTICIPANTS; i++)
        if (atomic_load(&account->seats[i]) >> 32 == (uint64_t)pid)
            atomic_store(&account->seats[i], 0);
}

static void prepare(storm_t *storm, mproc_target_fn *role, int stops, apr_pool_t *mem)
{
    static const storm_t empty;

    *storm = empty;
    storm->account = share_memory(&storm->path, sizeof *storm->account, mem);
    storm->unrest.roles[0] = storm->unrest.roles[1] = role;
    storm->unrest.count = PARTICIPANTS;
    storm->unrest.progress = &storm->account->done;
    storm->unrest.stops = stops;
    storm->unrest.bury = take_seat_back;
    storm->unrest.data = storm->account;
    storm->unrest.mem = mem;
}

static void play(storm_t *storm)
{
    cause_unrest(&storm->unrest, TIME * test_scale());
    atomic_store(&storm->account->is_over, 1);
    await_ends(&storm->unrest);
    assert_true(atomic_load(&storm->account->done) > 0);
}

/* A dead one's lock may be nobody's business until the end. */
static void storm_at_a_lock(int stops, apr_pool_t *mem)
{
    mproc_lock_t *lock;
    storm_t storm;

    prepare(&storm, changer, stops, mem);
    assert_success(mproc_lock_create(&lock, NULL, mem));
    storm.unrest.args = MPROC_PACK(storm.path, lock);
    play(&storm);
    assert_success(change(lock, storm.account));
    print_message("  %d killed, %lu of them with the lock, %lu in the middle of a change, and %d "
                  "stopped; %lu done; longest without %ld ms\n",
                  storm.unrest.kills, (unsigned long)atomic_load(&storm.account->told),
                  (unsigned long)atomic_load(&storm.account->repairs), storm.unrest.held_up,
                  (unsigned long)atomic_load(&storm.account->done),
                  (long)apr_time_as_msec(storm.unrest.longest));
    assert_int_equal(atomic_load(&storm.account->damaged), 0);
    assert_true(atomic_load(&storm.account->one) == atomic_load(&storm.account->other));
    assert_true(atomic_load(&storm.account->one) >= atomic_load(&storm.account->done));
    assert_true(atomic_load(&storm.account->told) <= (uint64_t)storm.unrest.kills);
    assert_int_equal(mproc_lock_locked(lock), 0);
}

static void storm_at_a_semaphore(int stops, apr_pool_t *mem)
{
    mproc_semaphore_t *semaphore;
    storm_t storm;
    unsigned value;

    prepare(&storm, user, stops, mem);
    assert_success(mproc_bounded_semaphore_create(&semaphore, UNITS, NULL, mem));
    storm.unrest.args = MPROC_PACK(storm.path, semaphore);
    play(&storm);
    assert_success(mproc_semaphore_get_value(semaphore, &value));
    print_message("  %d killed, and %d stopped; %lu done; longest without %ld ms\n",
                  storm.unrest.kills, storm.unrest.held_up,
                  (unsigned long)atomic_load(&storm.account->done),
                  (long)apr_time_as_msec(storm.unrest.longest));
    assert_int_equal(atomic_load(&storm.account->too_many), 0);
    assert_int_equal(value, UNITS);
    assert_status(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE);
}

static void those_who_change_what_a_lock_guards_are_killed(void **state)
{
    storm_at_a_lock(0, *state);
}

static void those_who_have_units_are_killed(void **state)
{
    storm_at_a_semaphore(0, *state);
}

static void some_with_a_lock_are_stopped_and_some_are_killed(void **state)
{
    storm_at_a_lock(1, *state);
}

static void some_with_units_are_stopped_and_some_are_killed(void **state)
{
    storm_at_a_semaphore(1, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(those_who_change_what_a_lock_guards_are_killed),
        claim(those_who_have_units_are_killed),
        claim(some_with_a_lock_are_stopped_and_some_are_killed),
        claim(some_with_units_are_stopped_and_some_are_killed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
