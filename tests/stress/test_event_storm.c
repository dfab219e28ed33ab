/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that wait for each other by events, conditions, barriers and rwlocks are killed at
 * random, and replaced, or stopped for a while: what they guard is whole, and the others go on.
 */

#include "claims.h"
#include "shared.h"
#include "unrest.h"

#include <stdatomic.h>

/* Of each storm at scale 1. */
#define TIME apr_time_from_msec(1500)

/* Tokens that there may be at a time. */
#define TOKENS 4

enum { PARTS = 6, PROCESSES = 16 };

/* Of a round at the barrier. */
typedef struct round_t {
    _Atomic uint64_t deaths;  /* as they were counted when all had come */
    _Atomic uint32_t indexes; /* a bit for that of each who went on */
} round_t;

enum { ROUNDS = 4, ALL_INDEXES = (1 << PARTS) - 1 };

/* In shared memory. */
typedef struct account_t {
    _Atomic uint32_t is_over;
    _Atomic uint32_t damaged;
    _Atomic uint64_t progress;
    _Atomic uint32_t tokens, twins; /* the same number, but in the middle of a change */
    _Atomic uint64_t deaths;        /* twice as many; odd while one is being killed */
    _Atomic uint64_t rounds;        /* at the barrier in which all have come */
    round_t last[ROUNDS];           /* of them */
} account_t;

typedef struct part_t {
    mproc_event_t *wanted; /* set while there is room for tokens */
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    account_t *account;
} part_t;

static apr_status_t read_part(part_t *part, mproc_task_t *task)
{
    const char *path;

    MPROC_TRY(
        MPROC_UNPACK(task, &part->wanted, &part->condition, &part->barrier, &part->rwlock, &path));
    part->account = shared_memory(path, sizeof *part->account, mproc_task_mem(task));
    return part->account != NULL ? APR_SUCCESS : APR_EGENERAL;
}

static int is_over(const part_t *part)
{
    return atomic_load(&part->account->is_over) != 0;
}

/* By one more or less; who is killed in between leaves twins that differ. */
static void change(account_t *account, uint32_t by)
{
    if (atomic_load(&account->tokens) != atomic_load(&account->twins))
        atomic_fetch_add(&account->damaged, 1);
    atomic_fetch_add(&account->tokens, by);
    atomic_fetch_add(&account->twins, by);
    atomic_fetch_add(&account->progress, 1);
}

/* -- Event and condition: producers and consumers ------------------------------------------ */

static apr_status_t tell_what_is_wanted(const part_t *part)
{
    return atomic_load(&part->account->tokens) < TOKENS || is_over(part)
               ? mproc_event_set(part->wanted)
               : mproc_event_clear(part->wanted);
}

/* What the call has returned, which holds the condition now. */
static apr_status_t repair_if_needed(const part_t *part, apr_status_t rv)
{
    if (rv != MPROC_EOWNERDEAD)
        return rv;
    atomic_store(&part->account->twins, atomic_load(&part->account->tokens));
    MPROC_TRY(tell_what_is_wanted(part));
    return mproc_condition_notify_all(part->condition);
}

static apr_status_t acquire(const part_t *part)
{
    return repair_if_needed(part, mproc_condition_acquire(part->condition, MPROC_FOREVER));
}

static apr_status_t produce(const part_t *part)
{
    MPROC_TRY(mproc_event_wait(part->wanted, MPROC_FOREVER));
    MPROC_TRY(acquire(part));
    if (atomic_load(&part->account->tokens) < TOKENS)
        change(part->account, 1);
    MPROC_TRY(tell_what_is_wanted(part));
    MPROC_TRY(mproc_condition_notify(part->condition, 1));
    return mproc_condition_release(part->condition);
}

static int has_tokens(void *data)
{
    const part_t *part = data;

    return atomic_load(&part->account->tokens) > 0 || is_over(part);
}

static apr_status_t consume(part_t *part)
{
    apr_status_t rv;

    MPROC_TRY(acquire(part));
    rv = mproc_condition_wait_for(part->condition, has_tokens, part, MPROC_FOREVER);
    MPROC_TRY(repair_if_needed(part, rv));
    if (atomic_load(&part->account->tokens) > 0)
        change(part->account, (uint32_t)-1);
    MPROC_TRY(tell_what_is_wanted(part));
    return mproc_condition_release(part->condition);
}

static apr_status_t producer(mproc_task_t *task)
{
    part_t part;

    MPROC_TRY(read_part(&part, task));
    while (!is_over(&part))
        MPROC_TRY(produce(&part));
    return APR_SUCCESS;
}

static apr_status_t consumer(mproc_task_t *task)
{
    part_t part;

    MPROC_TRY(read_part(&part, task));
    while (!is_over(&part))
        MPROC_TRY(consume(&part));
    return APR_SUCCESS;
}

/* -- Barrier, and rwlock ------------------------------------------------------------------- */

/*
 * The last to come: those of the round before have come again, so all of them went on, but for who
 * died since the round before that, and was of it or not.
 */
static apr_status_t act(void *data)
{
    account_t *account = data;
    uint64_t rounds = atomic_load(&account->rounds), deaths = atomic_load(&account->deaths);
    round_t *new = &account->last[(rounds + 1) % ROUNDS];

    if (rounds > 1 && deaths % 2 == 0 &&
        atomic_load(&account->last[(rounds - 1) % ROUNDS].deaths) == deaths &&
        atomic_load(&account->last[rounds % ROUNDS].indexes) != ALL_INDEXES)
        atomic_fetch_add(&account->damaged, 1);
    atomic_store(&new->deaths, deaths);
    atomic_store(&new->indexes, 0);
    atomic_fetch_add(&account->rounds, 1);
    return APR_SUCCESS;
}

/* Who goes on when no round was completed since he came is damage too. */
static void note_pass(account_t *account, uint64_t rounds_before, unsigned index)
{
    uint64_t rounds = atomic_load(&account->rounds);

    if (rounds == rounds_before || index >= PARTS)
        atomic_fetch_add(&account->damaged, 1);
    else
        atomic_fetch_or(&account->last[rounds % ROUNDS].indexes, 1u << index);
    atomic_fetch_add(&account->progress, 1);
}

static apr_status_t party(mproc_task_t *task)
{
    part_t part;

    MPROC_TRY(read_part(&part, task));
    while (!is_over(&part)) {
        uint64_t rounds = atomic_load(&part.account->rounds);
        unsigned index = PARTS;
        apr_status_t rv =
            mproc_barrier_wait_with(part.barrier, act, part.account, &index, MPROC_FOREVER);

        if (rv == APR_SUCCESS)
            note_pass(part.account, rounds, index);
        else if (rv != MPROC_EBROKEN)
            return rv;
    }
    return APR_SUCCESS;
}

static apr_status_t writer(mproc_task_t *task)
{
    apr_status_t rv;
    part_t part;

    MPROC_TRY(read_part(&part, task));
    while (!is_over(&part)) {
        rv = mproc_rwlock_acquire_write(part.rwlock, MPROC_FOREVER);
        if (rv == MPROC_EOWNERDEAD)
            atomic_store(&part.account->twins, atomic_load(&part.account->tokens));
        else
            MPROC_TRY(rv);
        change(part.account, 1);
        MPROC_TRY(mproc_rwlock_release(part.rwlock));
    }
    return APR_SUCCESS;
}

/* Nobody writes while this reads: what it sees is whole, unless somebody has died. */
static void look(account_t *account, apr_status_t rv)
{
    if (rv == APR_SUCCESS && atomic_load(&account->tokens) != atomic_load(&account->twins))
        atomic_fetch_add(&account->damaged, 1);
    atomic_fetch_add(&account->progress, 1);
}

/* Who is told of a death must not repair anything, as others read too; the next writer will. */
static apr_status_t reader(mproc_task_t *task)
{
    apr_status_t rv;
    part_t part;

    MPROC_TRY(read_part(&part, task));
    while (!is_over(&part)) {
        rv = mproc_rwlock_acquire_read(part.rwlock, MPROC_FOREVER);
        if (rv != MPROC_EOWNERDEAD)
            MPROC_TRY(rv);
        look(part.account, rv);
        MPROC_TRY(mproc_rwlock_release(part.rwlock));
    }
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(producer), MPROC_TARGET(consumer),
                                         MPROC_TARGET(party),    MPROC_TARGET(writer),
                                         MPROC_TARGET(reader),   MPROC_TARGETS_END};

/* -- The parent ---------------------------------------------------------------------------- */

typedef struct storm_t {
    unrest_t unrest;
    part_t part;
    const char *path;
} storm_t;

static void mend_barrier(void *data)
{
    const part_t *part = data;

    if (mproc_barrier_broken(part->barrier))
        assert_success(mproc_barrier_reset(part->barrier));
}

/* What they wait for comes, or is said to be over. */
static void end_all(storm_t *storm)
{
    const part_t *part = &storm->part;

    atomic_store(&part->account->is_over, 1);
    assert_success(acquire(part));
    assert_success(mproc_event_set(part->wanted));
    assert_success(mproc_condition_notify_all(part->condition));
    assert_success(mproc_condition_release(part->condition));
    assert_success(mproc_barrier_abort(part->barrier));
    await_ends(&storm->unrest);
}

static void make_all(part_t *part, const char **path, apr_pool_t *mem)
{
    mproc_event_options_t options = MPROC_EVENT_OPTIONS;

    options.processes = PROCESSES;
    assert_success(mproc_event_create(&part->wanted, &options, mem));
    assert_success(mproc_condition_create(&part->condition, &options, mem));
    assert_success(mproc_barrier_create(&part->barrier, PARTS, &options, mem));
    assert_success(mproc_rwlock_create(&part->rwlock, &options, mem));
    part->account = share_memory(path, sizeof *part->account, mem);
    assert_success(mproc_event_set(part->wanted));
}

/* In the storm they may never all have been there: they get on once when nobody is killed any more. */
static void play(mproc_target_fn *role, mproc_target_fn *other, int stops, apr_pool_t *mem)
{
    storm_t storm = {
        .unrest = {.roles = {role, other}, .count = PARTS, .stops = stops, .mem = mem}};
    part_t *part = &storm.part;

    make_all(part, &storm.path, mem);
    storm.unrest.progress = &part->account->progress;
    storm.unrest.deaths = &part->account->deaths;
    storm.unrest.mend = mend_barrier;
    storm.unrest.data = part;
    storm.unrest.args =
        MPROC_PACK(part->wanted, part->condition, part->barrier, part->rwlock, storm.path);
    cause_unrest(&storm.unrest, TIME * test_scale());
    await_progress(&storm.unrest);
    end_all(&storm);
    print_message("  %lu steps, %d killed, %d stopped; longest without one %ld ms\n",
                  (unsigned long)atomic_load(&part->account->progress), storm.unrest.kills,
                  storm.unrest.held_up, (long)apr_time_as_msec(storm.unrest.longest));
    assert_int_equal(atomic_load(&part->account->damaged), 0);
}

static void producers_and_consumers_are_killed(void **state)
{
    play(producer, consumer, 0, *state);
}

static void some_who_meet_at_a_barrier_are_killed(void **state)
{
    play(party, party, 0, *state);
}

static void readers_and_writers_are_killed(void **state)
{
    play(reader, writer, 0, *state);
}

static void some_producers_are_stopped_and_some_are_killed(void **state)
{
    play(producer, consumer, 1, *state);
}

static void some_at_a_barrier_are_stopped_and_some_are_killed(void **state)
{
    play(party, party, 1, *state);
}

static void some_readers_are_stopped_and_some_are_killed(void **state)
{
    play(reader, writer, 1, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(producers_and_consumers_are_killed),
        claim(some_who_meet_at_a_barrier_are_killed),
        claim(readers_and_writers_are_killed),
        claim(some_producers_are_stopped_and_some_are_killed),
        claim(some_at_a_barrier_are_stopped_and_some_are_killed),
        claim(some_readers_are_stopped_and_some_are_killed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
