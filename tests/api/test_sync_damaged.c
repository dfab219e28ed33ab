/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, semaphores, events, conditions, barriers and rwlocks in memory that another process has
 * damaged: each call returns, with a status that can be, and nothing beside is touched.
 *
 * A lock word that names a living process makes everybody wait for it: that alone is left out.
 */

#include "claims.h"
#include "semaphore_object.h"
#include "shared_object.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

/* So few places that each word can be damaged in turn. */
#define PROCESSES 3

enum { UNITS = 2, PARTIES = 2, KINDS = 7 };

#define PAGE ((size_t)4096)

/* -- What is called of each kind -------------------------------------------------------- */

typedef struct objects_t {
    mproc_lock_t *lock;
    mproc_semaphore_t *bounded, *signals;
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
} objects_t;

/* Whatever it is, there are words for it, or it has gone well. */
static apr_status_t check_may_be(apr_status_t rv)
{
    if (rv == APR_SUCCESS)
        return rv;
    if (!APR_STATUS_IS_TIMEUP(rv) && rv != MPROC_EOWNERDEAD && rv != MPROC_ECORRUPT &&
        rv != MPROC_EBROKEN && rv != MPROC_ENOTOWNER && rv != MPROC_EOVERRELEASE)
        assert_success(rv);
    assert_true(mproc_error_message()[0] != '\0');
    return rv;
}

static int is_held(apr_status_t rv)
{
    check_may_be(rv);
    return rv == APR_SUCCESS || rv == MPROC_EOWNERDEAD;
}

static void use_lock(mproc_lock_t *lock)
{
    (void)mproc_lock_locked(lock);
    if (is_held(mproc_lock_acquire(lock, 0)))
        check_may_be(mproc_lock_release(lock));
}

static void use_semaphore(mproc_semaphore_t *semaphore)
{
    unsigned value = 0;

    if (is_held(mproc_semaphore_acquire(semaphore, 0)))
        check_may_be(mproc_semaphore_release(semaphore));
    if (check_may_be(mproc_semaphore_get_value(semaphore, &value)) == APR_SUCCESS)
        assert_true(value <= MPROC_SEMAPHORE_MAX);
}

static void use_event(mproc_event_t *event)
{
    check_may_be(mproc_event_set(event));
    check_may_be(mproc_event_wait(event, 0));
    check_may_be(mproc_event_clear(event));
    check_may_be(mproc_event_wait(event, 0));
}

static void use_condition(mproc_condition_t *condition)
{
    if (!is_held(mproc_condition_acquire(condition, 0)))
        return;
    check_may_be(mproc_condition_notify(condition, 1));
    check_may_be(mproc_condition_wait(condition, 0));
    check_may_be(mproc_condition_notify_all(condition));
    check_may_be(mproc_condition_release(condition));
}

static void use_barrier(mproc_barrier_t *barrier)
{
    unsigned index = 0;

    if (check_may_be(mproc_barrier_wait(barrier, &index, 0)) == APR_SUCCESS)
        assert_true(index < PARTIES);
    check_may_be(mproc_barrier_wait(barrier, NULL, 0));
    (void)mproc_barrier_n_waiting(barrier);
    check_may_be(mproc_barrier_abort(barrier));
    check_may_be(mproc_barrier_reset(barrier));
    check_may_be(mproc_barrier_wait(barrier, NULL, 0));
    check_may_be(mproc_barrier_reset(barrier));
    assert_int_equal(mproc_barrier_parties(barrier), PARTIES);
}

static void use_rwlock(mproc_rwlock_t *rwlock)
{
    if (is_held(mproc_rwlock_acquire_read(rwlock, 0)))
        check_may_be(mproc_rwlock_release(rwlock));
    if (is_held(mproc_rwlock_acquire_write(rwlock, 0)))
        check_may_be(mproc_rwlock_release(rwlock));
}

static void use(mproc__shared_object_t *object)
{
    switch (object->kind->type) {
    case MPROC_TYPE_LOCK: use_lock((void *)object); break;
    case MPROC_TYPE_SEMAPHORE: use_semaphore((void *)object); break;
    case MPROC_TYPE_EVENT: use_event((void *)object); break;
    case MPROC_TYPE_CONDITION: use_condition((void *)object); break;
    case MPROC_TYPE_BARRIER: use_barrier((void *)object); break;
    default: use_rwlock((void *)object); break;
    }
}

/* -- Making them --------------------------------------------------------------------------- */

static void make_all(objects_t *objects, apr_pool_t *mem)
{
    mproc_semaphore_options_t semaphore_options = MPROC_SEMAPHORE_OPTIONS;
    mproc_lock_options_t lock_options = MPROC_LOCK_OPTIONS;
    mproc_event_options_t options = MPROC_EVENT_OPTIONS;

    lock_options.processes = semaphore_options.processes = options.processes = PROCESSES;
    assert_success(mproc_lock_create(&objects->lock, &lock_options, mem));
    assert_success(
        mproc_bounded_semaphore_create(&objects->bounded, UNITS, &semaphore_options, mem));
    assert_success(mproc_semaphore_create(&objects->signals, 0, &semaphore_options, mem));
    assert_success(mproc_event_create(&objects->event, &options, mem));
    assert_success(mproc_condition_create(&objects->condition, &options, mem));
    assert_success(mproc_barrier_create(&objects->barrier, PARTIES, &options, mem));
    assert_success(mproc_rwlock_create(&objects->rwlock, &options, mem));
}

static void list_all(mproc__shared_object_t *list[KINDS], const objects_t *objects)
{
    void *all[KINDS] = {objects->lock,      objects->bounded, objects->signals, objects->event,
                        objects->condition, objects->barrier, objects->rwlock};

    memcpy(list, all, sizeof all);
}

static void use_all(const objects_t *objects)
{
    mproc__shared_object_t *list[KINDS];
    int i;

    list_all(list, objects);
    for (i = 0; i < KINDS; i++)
        use(list[i]);
}

/* -- Damage ---------------------------------------------------------------------------------- */

/* The lock words lie first in each state but that of an event. */
static int is_lock_word(const mproc__shared_object_t *object, const volatile apr_uint64_t *word)
{
    return object->kind->type != MPROC_TYPE_EVENT && (const volatile void *)word == object->state;
}

/* Behind the state, up to the end of its page, there is nothing, and nothing is written. */
static void assert_nothing_beside(const mproc__shared_object_t *object)
{
    const unsigned char *state = object->state;
    size_t i;

    for (i = object->state_size; i % PAGE != 0; i++)
        assert_int_equal(state[i], 0);
}

static const apr_uint64_t values[] = {0,
                                      1,
                                      PROCESSES + 1, /* a name of nobody */
                                      (apr_uint64_t)1 << 16 | (PROCESSES + 7),
                                      (apr_uint64_t)7 << 16 | 1, /* of who never was there */
                                      UINT32_MAX,
                                      (apr_uint64_t)1 << 32,
                                      (apr_uint64_t)UINT32_MAX << 32,
                                      (apr_uint64_t)2 << 32 | 2,
                                      (apr_uint64_t)1 << 63,
                                      UINT64_MAX};

/* Each word of the state in turn gets each value; then all of it is as it was. */
static void damage_each_word(mproc__shared_object_t *object)
{
    apr_uint64_t *state = object->state, *sound = malloc(object->state_size);
    size_t words = object->state_size / sizeof *state, word, i;

    memcpy(sound, state, object->state_size);
    for (word = 0; word < words; word++)
        for (i = 0; i < sizeof values / sizeof values[0]; i++) {
            state[word] = values[i];
            use(object);
            assert_nothing_beside(object);
            memcpy(state, sound, object->state_size);
        }
    free(sound);
}

static void each_word_may_be_anything(void **state)
{
    mproc__shared_object_t *list[KINDS];
    objects_t objects;
    int i;

    make_all(&objects, *state);
    list_all(list, &objects);
    for (i = 0; i < KINDS; i++)
        damage_each_word(list[i]);
    use_all(&objects);
    assert_success(mproc_lock_acquire(objects.lock, 0));
    assert_success(mproc_rwlock_acquire_write(objects.rwlock, 0));
    assert_success(mproc_semaphore_acquire(objects.bounded, 0));
}

/* -- Damage while it is held -------------------------------------------------------------------- */

typedef struct holding_t {
    mproc__shared_object_t *object;
    apr_status_t (*hold)(void *object);
    apr_status_t (*release)(void *object);
} holding_t;

static apr_status_t hold_lock(void *lock)
{
    return mproc_lock_acquire(lock, 0);
}

static apr_status_t release_lock(void *lock)
{
    return mproc_lock_release(lock);
}

static apr_status_t hold_unit(void *semaphore)
{
    return mproc_semaphore_acquire(semaphore, 0);
}

static apr_status_t release_unit(void *semaphore)
{
    return mproc_semaphore_release(semaphore);
}

static apr_status_t hold_condition(void *condition)
{
    return mproc_condition_acquire(condition, 0);
}

static apr_status_t wait_and_release(void *condition)
{
    check_may_be(mproc_condition_wait(condition, 0));
    return mproc_condition_release(condition);
}

static apr_status_t read_rwlock(void *rwlock)
{
    return mproc_rwlock_acquire_read(rwlock, 0);
}

static apr_status_t write_rwlock(void *rwlock)
{
    return mproc_rwlock_acquire_write(rwlock, 0);
}

static apr_status_t release_rwlock(void *rwlock)
{
    return mproc_rwlock_release(rwlock);
}

static void damage_what_is_held(const holding_t *holding)
{
    mproc__shared_object_t *object = holding->object;
    apr_uint64_t *state = object->state, *sound = malloc(object->state_size);
    size_t words = object->state_size / sizeof *state, word, i;

    memcpy(sound, state, object->state_size);
    for (word = 0; word < words; word++)
        for (i = 0; i < sizeof values / sizeof values[0]; i++) {
            assert_success(holding->hold(object));
            state[word] = values[i];
            check_may_be(holding->release(object));
            assert_nothing_beside(object);
            memcpy(state, sound, object->state_size);
        }
    free(sound);
}

static void so_it_may_while_something_is_held(void **state)
{
    objects_t objects;
    size_t i;

    make_all(&objects, *state);
    {
        const holding_t holdings[] = {
            {(void *)objects.lock, hold_lock, release_lock},
            {(void *)objects.bounded, hold_unit, release_unit},
            {(void *)objects.condition, hold_condition, wait_and_release},
            {(void *)objects.rwlock, read_rwlock, release_rwlock},
            {(void *)objects.rwlock, write_rwlock, release_rwlock},
        };
        for (i = 0; i < sizeof holdings / sizeof holdings[0]; i++)
            damage_what_is_held(&holdings[i]);
    }
    use_all(&objects);
}

/* -- What is found ------------------------------------------------------------------------------- */

static void more_units_than_there_can_be_are_noticed(void **state)
{
    mproc_semaphore_t *semaphore;
    unsigned value;

    assert_success(mproc_bounded_semaphore_create(&semaphore, UNITS, NULL, *state));
    atomic_store(&semaphore->state->available, UNITS + 1);
    assert_refused(mproc_semaphore_acquire(semaphore, 0), MPROC_ECORRUPT, "damaged the semaphore");
    assert_refused(mproc_semaphore_release(semaphore), MPROC_ECORRUPT, "damaged the semaphore");
    assert_success(mproc_semaphore_get_value(semaphore, &value)); /* counts again */
    assert_int_equal(value, UNITS);
    assert_success(mproc_semaphore_acquire(semaphore, 0));
}

/* The bound that a process goes by is its own. */
static void a_bound_that_changes_later_is_not_believed(void **state)
{
    mproc_semaphore_t *semaphore;

    assert_success(mproc_bounded_semaphore_create(&semaphore, UNITS, NULL, *state));
    semaphore->state->bound = MPROC_SEMAPHORE_MAX;
    assert_status(mproc_semaphore_release(semaphore), MPROC_EOVERRELEASE);
}

/* Of a barrier, behind the round, the 16 rounds that ended badly, and their number. */
enum { PHASE = 2 + 2 * 16 + 1, COUNT };

static _Atomic uint32_t *number_of(mproc_barrier_t *barrier, int number)
{
    _Atomic uint32_t *numbers = ((mproc__shared_object_t *)barrier)->state;

    return numbers + MPROC__APART / sizeof *numbers + number;
}

static void more_who_have_come_than_are_wanted_are_noticed(void **state)
{
    mproc_barrier_t *barrier;

    assert_success(mproc_barrier_create(&barrier, PARTIES, NULL, *state));
    *number_of(barrier, COUNT) = PARTIES;
    assert_int_equal(mproc_barrier_n_waiting(barrier), PARTIES);
    assert_refused(mproc_barrier_wait(barrier, NULL, MPROC_FOREVER), MPROC_ECORRUPT,
                   "damaged the barrier");
    assert_success(mproc_barrier_reset(barrier));
    assert_status(mproc_barrier_wait(barrier, NULL, 0), MPROC_EBROKEN);
}

/* Nobody acts before all have come. */
static void who_comes_where_one_acts_without_the_others_does_not_wait(void **state)
{
    mproc_barrier_t *barrier;

    assert_success(mproc_barrier_create(&barrier, PARTIES, NULL, *state));
    *number_of(barrier, PHASE) = 1;
    assert_refused(mproc_barrier_wait(barrier, NULL, MPROC_FOREVER), MPROC_ECORRUPT,
                   "damaged the barrier");
}

static apr_status_t meet_for_a_moment(void *barrier)
{
    return mproc_barrier_wait(barrier, NULL, A_MOMENT);
}

/* As if it were, and nobody had ended the round. */
static void who_waits_at_a_barrier_that_is_said_to_be_broken_goes_on(void **state)
{
    mproc_barrier_t *barrier;
    work_t work;

    assert_success(mproc_barrier_create(&barrier, PARTIES, NULL, *state));
    assert_success(mproc_barrier_abort(barrier));
    *number_of(barrier, PHASE) ^= 2; /* it was 2, and nobody waits */
    assert_false(mproc_barrier_broken(barrier));
    assert_success(start_thread(&work, meet_for_a_moment, barrier, *state));
    while (mproc_barrier_n_waiting(barrier) == 0)
        apr_sleep(100);
    *number_of(barrier, PHASE) = 2;
    assert_true(mproc_barrier_broken(barrier));
    assert_status(end_thread(&work), MPROC_EBROKEN);
    assert_int_equal(mproc_barrier_n_waiting(barrier), 0);
}

/* -- Another process that goes on damaging them ------------------------------------------------- */

/* The same numbers each time (https://en.wikipedia.org/wiki/Xorshift). */
static apr_uint64_t next_number(apr_uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Any word of the state, of the event counts, or of the table of members. */
static volatile apr_uint64_t *any_word(const mproc__shared_object_t *object, apr_uint64_t number)
{
    volatile apr_uint64_t *parts[] = {object->state, (void *)object->member.events[0],
                                      (void *)object->member.members};
    const size_t sizes[] = {object->state_size, MPROC__EVENTS_MAX * sizeof(mproc__event_count_t),
                            mproc__members_size(object->member.nplaces)};
    size_t part = (size_t)(number % 3);

    return parts[part] + (number >> 8) % (sizes[part] / 8);
}

static void damage_something(mproc__shared_object_t *list[KINDS], apr_uint64_t *state)
{
    const mproc__shared_object_t *object = list[next_number(state) % KINDS];
    volatile apr_uint64_t *word = any_word(object, next_number(state));
    apr_uint64_t value = next_number(state);

    if (!is_lock_word(object, word))
        *word =
            value % 4 == 0 ? value >> 8 : values[(value >> 8) % (sizeof values / sizeof values[0])];
}

/* Says "born", and goes on until it is told to leave. */
static apr_status_t damage(mproc_task_t *task)
{
    apr_uint64_t state = 88172645463325252u;
    mproc__shared_object_t *list[KINDS];
    mproc_connection_t *line;
    objects_t objects;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &line, &objects.lock, &objects.bounded, &objects.signals,
                           &objects.event, &objects.condition, &objects.barrier, &objects.rwlock));
    list_all(list, &objects);
    MPROC_TRY(say(line, "born"));
    while (APR_STATUS_IS_TIMEUP(mproc_connection_poll(line, 0)))
        for (i = 0; i < 100; i++)
            damage_something(list, &state);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(damage), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

static void every_call_returns_while_the_memory_is_damaged(void **state)
{
    mproc_connection_t *line, *there;
    mproc_process_t *process;
    objects_t objects;
    int round;

    make_all(&objects, *state);
    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, damage,
                                       MPROC_PACK(there, objects.lock, objects.bounded,
                                                  objects.signals, objects.event, objects.condition,
                                                  objects.barrier, objects.rwlock),
                                       NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(line, *state), "born");
    for (round = 0; round < 300 * test_scale(); round++)
        use_all(&objects);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
    for (round = 0; round < 100; round++)
        use_all(&objects);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(each_word_may_be_anything),
        claim_leaving_nothing(so_it_may_while_something_is_held),
        claim_leaving_nothing(more_units_than_there_can_be_are_noticed),
        claim_leaving_nothing(a_bound_that_changes_later_is_not_believed),
        claim_leaving_nothing(more_who_have_come_than_are_wanted_are_noticed),
        claim_leaving_nothing(who_comes_where_one_acts_without_the_others_does_not_wait),
        claim_leaving_nothing(who_waits_at_a_barrier_that_is_said_to_be_broken_goes_on),
        claim_leaving_nothing(every_call_returns_while_the_memory_is_damaged),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
