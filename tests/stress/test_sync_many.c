/* SPDX-License-Identifier: Apache-2.0 */

/*
 * As many living processes as there are places at one lock, one semaphore, one event, one condition,
 * one barrier, one rwlock and one array: all of them get on, nothing is held by two, and no memory
 * grows.
 *
 * At scale 1 they are 200; from scale 20 on 1,024.  The suite has both where a process costs little.
 */

#include "claims.h"
#include "shared.h"
#include "system.h"

#include <stdatomic.h>

#define A_FEW 200
#define VERY_MANY 1024
#define ALL_OF_THEM 20

/* So many take a while to begin where a start does, and to be woken on a few CPUs. */
#define LONG_PATIENCE (10 * PATIENCE)

/* What it may cost a process to have another child, and to use all of them for long. */
#define MEMORY_OF_A_CHILD ((size_t)128 << 10)
#define SOME_MEMORY ((size_t)2 << 20)

enum { ROUNDS = 10, UNITS = 3 };

/* In shared memory. */
typedef struct account_t {
    _Atomic uint32_t one, other; /* guarded by the lock, and then by the rwlock */
    _Atomic uint32_t users;      /* of units */
    _Atomic uint32_t indices;    /* at the barrier, the sum of them */
    _Atomic uint32_t damaged;
    _Atomic uint32_t is_notified;
} account_t;

typedef struct part_t {
    mproc_lock_t *lock;
    mproc_semaphore_t *semaphore;
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    mproc_array_t *array;
    account_t *account;
} part_t;

/* -- What each does ---------------------------------------------------------------------- */

static void expect(part_t *part, int is_so)
{
    if (!is_so)
        atomic_fetch_add(&part->account->damaged, 1);
}

static apr_status_t meet(part_t *part)
{
    unsigned index;

    MPROC_TRY(mproc_barrier_wait(part->barrier, &index, LONG_PATIENCE));
    atomic_fetch_add(&part->account->indices, index);
    return APR_SUCCESS;
}

static void change(part_t *part)
{
    expect(part, atomic_load(&part->account->one) == atomic_load(&part->account->other));
    atomic_fetch_add(&part->account->one, 1);
    atomic_fetch_add(&part->account->other, 1);
}

static apr_status_t change_under_lock(part_t *part)
{
    MPROC_TRY(mproc_lock_acquire(part->lock, LONG_PATIENCE));
    change(part);
    return mproc_lock_release(part->lock);
}

/* Its two items are the same whenever nobody is at them. */
static apr_status_t change_array(part_t *part)
{
    long *items = mproc_array_data(part->array);

    MPROC_TRY(mproc_lock_acquire(mproc_array_lock(part->array), LONG_PATIENCE));
    expect(part, items[0] == items[1]);
    items[0]++;
    items[1]++;
    return mproc_lock_release(mproc_array_lock(part->array));
}

static apr_status_t use_unit(part_t *part)
{
    MPROC_TRY(mproc_semaphore_acquire(part->semaphore, LONG_PATIENCE));
    expect(part, atomic_fetch_add(&part->account->users, 1) < UNITS);
    atomic_fetch_sub(&part->account->users, 1);
    return mproc_semaphore_release(part->semaphore);
}

static apr_status_t read_once(part_t *part)
{
    MPROC_TRY(mproc_rwlock_acquire_read(part->rwlock, LONG_PATIENCE));
    expect(part, atomic_load(&part->account->one) == atomic_load(&part->account->other));
    return mproc_rwlock_release(part->rwlock);
}

static apr_status_t write_once(part_t *part)
{
    MPROC_TRY(mproc_rwlock_acquire_write(part->rwlock, LONG_PATIENCE));
    change(part);
    return mproc_rwlock_release(part->rwlock);
}

static int is_notified(void *data)
{
    return (int)atomic_load(&((part_t *)data)->account->is_notified);
}

static apr_status_t await_notify(part_t *part)
{
    MPROC_TRY(mproc_condition_acquire(part->condition, LONG_PATIENCE));
    MPROC_TRY(mproc_condition_wait_for(part->condition, is_notified, part, LONG_PATIENCE));
    return mproc_condition_release(part->condition);
}

/* All do each of these at the same time; who comes in between is at the barrier. */
static apr_status_t use_all(part_t *part)
{
    int round;

    for (round = 0; round < ROUNDS; round++)
        MPROC_TRY(change_under_lock(part));
    for (round = 0; round < ROUNDS; round++)
        MPROC_TRY(use_unit(part));
    for (round = 0; round < ROUNDS; round++)
        MPROC_TRY(change_array(part));
    MPROC_TRY(meet(part));
    for (round = 0; round < ROUNDS; round++)
        MPROC_TRY(round == 0 ? write_once(part) : read_once(part));
    return meet(part);
}

static apr_status_t user(mproc_task_t *task)
{
    part_t part = {NULL};
    const char *path;
    size_t memory;

    MPROC_TRY(MPROC_UNPACK(task, &part.lock, &part.semaphore, &part.event, &part.condition,
                           &part.barrier, &part.rwlock, &part.array, &path));
    part.account = shared_memory(path, sizeof *part.account, mproc_task_mem(task));
    if (part.account == NULL)
        return APR_EGENERAL;
    MPROC_TRY(meet(&part));
    MPROC_TRY(mproc_event_wait(part.event, LONG_PATIENCE));
    MPROC_TRY(await_notify(&part));
    memory = resident_memory();
    MPROC_TRY(use_all(&part));
    expect(&part, resident_memory() < memory + SOME_MEMORY);
    return APR_SUCCESS;
}

static apr_status_t come_too_late(mproc_task_t *task)
{
    mproc_lock_t *lock;

    return MPROC_UNPACK(task, &lock);
}

static const mproc_target_t targets[] = {MPROC_TARGET(user), MPROC_TARGET(come_too_late),
                                         MPROC_TARGETS_END};

/* -- The parent, who is one of them ---------------------------------------------------------- */

static void make_all(part_t *part, const char **path, unsigned processes, apr_pool_t *mem)
{
    mproc_semaphore_options_t semaphore_options = MPROC_SEMAPHORE_OPTIONS;
    mproc_array_options_t array_options = MPROC_ARRAY_OPTIONS;
    mproc_lock_options_t lock_options = MPROC_LOCK_OPTIONS;
    mproc_event_options_t options = MPROC_EVENT_OPTIONS;

    lock_options.processes = semaphore_options.processes = array_options.processes =
        options.processes = processes;
    part->account = share_memory(path, sizeof *part->account, mem);
    assert_success(mproc_lock_create(&part->lock, &lock_options, mem));
    assert_success(
        mproc_bounded_semaphore_create(&part->semaphore, UNITS, &semaphore_options, mem));
    assert_success(mproc_event_create(&part->event, &options, mem));
    assert_success(mproc_condition_create(&part->condition, &options, mem));
    assert_success(mproc_barrier_create(&part->barrier, processes, &options, mem));
    assert_success(mproc_rwlock_create(&part->rwlock, &options, mem));
    assert_success(mproc_array_create_with(&part->array, 2, sizeof(long), &array_options, mem));
}

static void let_all_go(part_t *part)
{
    assert_success(mproc_event_set(part->event));
    assert_success(mproc_condition_acquire(part->condition, LONG_PATIENCE));
    atomic_store(&part->account->is_notified, 1);
    assert_success(mproc_condition_notify_all(part->condition));
    assert_success(mproc_condition_release(part->condition));
}

static void assert_accounts(const part_t *part, uint32_t processes)
{
    const long *items = mproc_array_data(part->array);
    const account_t *account = part->account;
    unsigned value;

    assert_int_equal(atomic_load(&account->damaged), 0);
    assert_int_equal(atomic_load(&account->one), processes * (ROUNDS + 1));
    assert_int_equal(atomic_load(&account->other), processes * (ROUNDS + 1));
    assert_int_equal(items[0], processes * ROUNDS);
    assert_int_equal(items[1], processes * ROUNDS);
    assert_int_equal(atomic_load(&account->indices), 3 * (processes * (processes - 1) / 2));
    assert_success(mproc_semaphore_get_value(part->semaphore, &value));
    assert_int_equal(value, UNITS);
}

static void assert_one_more_is_refused(const part_t *part, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, come_too_late, MPROC_PACK(part->lock), NULL, mem));
    assert_success(mproc_process_join(process, LONG_PATIENCE));
    assert_status(mproc_process_status(process), MPROC_ETOOMANY);
}

static void all_places_are_taken_and_all_get_on(void **state)
{
    unsigned count = test_scale() >= ALL_OF_THEM ? VERY_MANY : A_FEW, i;
    mproc_process_t **processes = apr_palloc(*state, count * sizeof(mproc_process_t *));
    apr_time_t begin = apr_time_now(), began;
    const char *path;
    part_t part;
    size_t memory;

    allow_many_handles();
    make_all(&part, &path, count, *state);
    memory = resident_memory();
    for (i = 1; i < count; i++)
        assert_success(
            mproc_process_start(&processes[i], user,
                                MPROC_PACK(part.lock, part.semaphore, part.event, part.condition,
                                           part.barrier, part.rwlock, part.array, path),
                                NULL, *state));
    memory = (resident_memory() - memory) / count;
    assert_success(meet(&part));
    assert_one_more_is_refused(&part, *state);
    let_all_go(&part);
    began = apr_time_now();
    assert_success(use_all(&part));
    for (i = 1; i < count; i++) {
        assert_success(mproc_process_join(processes[i], LONG_PATIENCE));
        assert_success(mproc_process_status(processes[i]));
    }
    print_message("  %u processes: started in %ld ms, done in %ld ms; %lu bytes here for each\n",
                  count, (long)apr_time_as_msec(began - begin),
                  (long)apr_time_as_msec(apr_time_now() - began), (unsigned long)memory);
    assert_accounts(&part, count);
    assert_true(memory < MEMORY_OF_A_CHILD);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(all_places_are_taken_and_all_get_on),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
