/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks, semaphores, events, conditions, barriers and rwlocks, when what they call fails: each
 * claim is made of each of them.
 */

#include "walk.h"

#include "values.h"

#include <apr_general.h>

typedef struct kind_t {
    mproc_type_t type;
    apr_status_t (*make)(void **object, apr_pool_t *mem);
    apr_status_t (*use)(void *object); /* nobody else has it */
    apr_status_t (*close)(void *object);
    apr_status_t (*occupy)(void *object); /* so that another must wait; or NULL */
    apr_status_t (*wait)(void *object, apr_interval_time_t); /* for somebody who does not come */
    apr_status_t waited;                                     /* what that returns */
} kind_t;

/* -- Each kind ---------------------------------------------------------------------------- */

static apr_status_t make_lock(void **object, apr_pool_t *mem)
{
    return mproc_lock_create((mproc_lock_t **)object, NULL, mem);
}

static apr_status_t make_rlock(void **object, apr_pool_t *mem)
{
    return mproc_rlock_create((mproc_lock_t **)object, NULL, mem);
}

static apr_status_t use_lock(void *lock)
{
    MPROC_TRY(mproc_lock_acquire(lock, MPROC_FOREVER));
    return mproc_lock_release(lock);
}

static apr_status_t close_lock(void *lock)
{
    return mproc_lock_close(lock);
}

static apr_status_t occupy_lock(void *lock)
{
    return mproc_lock_acquire(lock, 0);
}

static apr_status_t wait_for_lock(void *lock, apr_interval_time_t timeout)
{
    return mproc_lock_acquire(lock, timeout);
}

static apr_status_t make_semaphore(void **object, apr_pool_t *mem)
{
    return mproc_semaphore_create((mproc_semaphore_t **)object, 1, NULL, mem);
}

static apr_status_t make_bounded(void **object, apr_pool_t *mem)
{
    return mproc_bounded_semaphore_create((mproc_semaphore_t **)object, 1, NULL, mem);
}

static apr_status_t use_semaphore(void *semaphore)
{
    unsigned value;

    MPROC_TRY(mproc_semaphore_acquire(semaphore, MPROC_FOREVER));
    MPROC_TRY(mproc_semaphore_get_value(semaphore, &value));
    assert_int_equal(value, 0);
    return mproc_semaphore_release(semaphore);
}

static apr_status_t close_semaphore(void *semaphore)
{
    return mproc_semaphore_close(semaphore);
}

static apr_status_t occupy_semaphore(void *semaphore)
{
    return mproc_semaphore_acquire(semaphore, 0);
}

static apr_status_t wait_for_unit(void *semaphore, apr_interval_time_t timeout)
{
    return mproc_semaphore_acquire(semaphore, timeout);
}

static apr_status_t make_event(void **object, apr_pool_t *mem)
{
    return mproc_event_create((mproc_event_t **)object, NULL, mem);
}

static apr_status_t use_event(void *event)
{
    MPROC_TRY(mproc_event_set(event));
    MPROC_TRY(mproc_event_wait(event, MPROC_FOREVER));
    return mproc_event_clear(event);
}

static apr_status_t close_event(void *event)
{
    return mproc_event_close(event);
}

static apr_status_t wait_for_event(void *event, apr_interval_time_t timeout)
{
    return mproc_event_wait(event, timeout);
}

static apr_status_t make_condition(void **object, apr_pool_t *mem)
{
    return mproc_condition_create((mproc_condition_t **)object, NULL, mem);
}

static apr_status_t use_condition(void *condition)
{
    MPROC_TRY(mproc_condition_acquire(condition, MPROC_FOREVER));
    MPROC_TRY(mproc_condition_notify_all(condition));
    return mproc_condition_release(condition);
}

static apr_status_t close_condition(void *condition)
{
    return mproc_condition_close(condition);
}

static apr_status_t occupy_condition(void *condition)
{
    return mproc_condition_acquire(condition, 0);
}

static apr_status_t wait_for_condition(void *condition, apr_interval_time_t timeout)
{
    return mproc_condition_acquire(condition, timeout);
}

static apr_status_t wait_for_notify(void *condition, apr_interval_time_t timeout)
{
    apr_status_t rv;

    MPROC_TRY(mproc_condition_acquire(condition, 0));
    rv = mproc_condition_wait(condition, timeout);
    assert_success(mproc_condition_release(condition));
    return rv;
}

static apr_status_t make_barrier(void **object, apr_pool_t *mem)
{
    return mproc_barrier_create((mproc_barrier_t **)object, 2, NULL, mem);
}

static apr_status_t use_barrier(void *barrier)
{
    MPROC_TRY(mproc_barrier_abort(barrier));
    assert_int_equal(mproc_barrier_broken(barrier), 1);
    return mproc_barrier_reset(barrier);
}

static apr_status_t close_barrier(void *barrier)
{
    return mproc_barrier_close(barrier);
}

/* Who waited in vain has broken it. */
static apr_status_t wait_at_barrier(void *barrier, apr_interval_time_t timeout)
{
    apr_status_t rv = mproc_barrier_wait(barrier, NULL, timeout);

    assert_int_equal(mproc_barrier_n_waiting(barrier), 0);
    return rv;
}

static apr_status_t make_rwlock(void **object, apr_pool_t *mem)
{
    return mproc_rwlock_create((mproc_rwlock_t **)object, NULL, mem);
}

static apr_status_t use_rwlock(void *rwlock)
{
    MPROC_TRY(mproc_rwlock_acquire_read(rwlock, MPROC_FOREVER));
    MPROC_TRY(mproc_rwlock_release(rwlock));
    MPROC_TRY(mproc_rwlock_acquire_write(rwlock, MPROC_FOREVER));
    return mproc_rwlock_release(rwlock);
}

static apr_status_t close_rwlock(void *rwlock)
{
    return mproc_rwlock_close(rwlock);
}

static apr_status_t occupy_to_write(void *rwlock)
{
    return mproc_rwlock_acquire_write(rwlock, 0);
}

static apr_status_t occupy_to_read(void *rwlock)
{
    return mproc_rwlock_acquire_read(rwlock, 0);
}

static apr_status_t wait_to_read(void *rwlock, apr_interval_time_t timeout)
{
    return mproc_rwlock_acquire_read(rwlock, timeout);
}

static apr_status_t wait_to_write(void *rwlock, apr_interval_time_t timeout)
{
    return mproc_rwlock_acquire_write(rwlock, timeout);
}

static const kind_t kinds[] = {
    {MPROC_TYPE_LOCK, make_lock, use_lock, close_lock, occupy_lock, wait_for_lock, APR_TIMEUP},
    {MPROC_TYPE_LOCK, make_rlock, use_lock, close_lock, occupy_lock, wait_for_lock, APR_TIMEUP},
    {MPROC_TYPE_SEMAPHORE, make_semaphore, use_semaphore, close_semaphore, occupy_semaphore,
     wait_for_unit, APR_TIMEUP},
    {MPROC_TYPE_SEMAPHORE, make_bounded, use_semaphore, close_semaphore, occupy_semaphore,
     wait_for_unit, APR_TIMEUP},
    {MPROC_TYPE_EVENT, make_event, use_event, close_event, NULL, wait_for_event, APR_TIMEUP},
    {MPROC_TYPE_CONDITION, make_condition, use_condition, close_condition, occupy_condition,
     wait_for_condition, APR_TIMEUP},
    {MPROC_TYPE_CONDITION, make_condition, use_condition, close_condition, NULL, wait_for_notify,
     APR_TIMEUP},
    {MPROC_TYPE_BARRIER, make_barrier, use_barrier, close_barrier, NULL, wait_at_barrier,
     MPROC_EBROKEN},
    {MPROC_TYPE_RWLOCK, make_rwlock, use_rwlock, close_rwlock, occupy_to_write, wait_to_read,
     APR_TIMEUP},
    {MPROC_TYPE_RWLOCK, make_rwlock, use_rwlock, close_rwlock, occupy_to_read, wait_to_write,
     APR_TIMEUP},
};

/* That of the walk, and the object of its scene. */
static const kind_t *kind;
static void *object;

static void walk_for_all(void (*take)(const walk_t *walk), const walk_t *walk)
{
    for (kind = kinds; kind < kinds + sizeof kinds / sizeof kinds[0]; kind++)
        take(walk);
}

static void set_up_object(scene_t *scene)
{
    assert_success(kind->make(&object, scene->mem));
}

/* -- Making one -------------------------------------------------------------------------- */

static apr_status_t make(scene_t *scene)
{
    return kind->make(&scene->made[0], scene->mem);
}

static void check_made(scene_t *scene)
{
    assert_success(kind->use(scene->made[0]));
}

static void each_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing, .call = make, .check = check_made};

    (void)state;
    walk_for_all(take_walk, &walk);
}

/* -- Using it, and being done with it -------------------------------------------------------- */

static apr_status_t use(scene_t *scene)
{
    (void)scene;
    return kind->use(object);
}

static void nothing_can_fail_where_nobody_waits(void **state)
{
    static const walk_t walk = {.set_up = set_up_object, .call = use};

    (void)state;
    walk_for_all(take_short_walk, &walk);
}

static apr_status_t close_it(scene_t *scene)
{
    (void)scene;
    return kind->close(object);
}

static void check_closed(scene_t *scene)
{
    (void)scene;
    assert_int_not_equal(kind->use(object), APR_SUCCESS);
    assert_int_equal(fake_open().handles, 0);
    assert_success(kind->close(object));
}

static void nothing_can_fail_where_it_is_closed(void **state)
{
    static const walk_t walk = {.set_up = set_up_object, .call = close_it, .check = check_closed};

    (void)state;
    walk_for_all(take_short_walk, &walk);
}

/* -- Giving it to a child ------------------------------------------------------------------ */

static void set_up_object_and_idle(scene_t *scene)
{
    set_up_object(scene);
    fake_children_act(fake_is_idle, 0);
}

static apr_status_t start_with_object(scene_t *scene, const char *method)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = method;
    return mproc_process_start((mproc_process_t **)&scene->made[0], work,
                               MPROC_PACK(mproc__value_object(kind->type, object)), &options,
                               scene->mem);
}

static apr_status_t spawn_with_object(scene_t *scene)
{
    return start_with_object(scene, MPROC_SPAWN);
}

static apr_status_t fork_with_object(scene_t *scene)
{
    return start_with_object(scene, MPROC_FORK);
}

static void check_given(scene_t *scene)
{
    (void)scene;
    assert_int_equal(fake_last_child()->nhandles, 2);
    assert_success(kind->use(object));
}

static void each_goes_to_the_child_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_object_and_idle, .call = spawn_with_object, .check = check_given};

    (void)state;
    walk_for_all(take_walk, &walk);
}

static void each_goes_to_the_copy_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_object_and_idle, .call = fork_with_object, .check = check_given};

    (void)state;
    walk_for_all(take_walk, &walk);
}

/* -- Taking it over ------------------------------------------------------------------------ */

static void set_up_packed(scene_t *scene)
{
    set_up_object(scene);
    scene->values = mproc_values_create(scene->mem);
}

/* What was packed, and a handle of its own to go with it. */
static void pack_object(mproc__handles_t *handles, scene_t *scene)
{
    handles->count = 0;
    scene->values->buffer.size = 0;
    assert_success(mproc__pack_encode(&scene->values->buffer, handles,
                                      MPROC_PACK(mproc__value_object(kind->type, object))));
    assert_int_equal(handles->count, 1);
    handles->handles[0] = fake_handle_copy(handles->handles[0]);
}

/* What was not taken over is still the caller's. */
static apr_status_t take_over(scene_t *scene)
{
    mproc__handles_t handles;
    mproc_slot_t slot = {kind->type, 0, NULL};
    void *taken;
    apr_status_t rv;

    fake_pause();
    pack_object(&handles, scene);
    fake_resume();
    rv = mproc__values_decode(scene->values, 0, handles.handles, handles.count);
    if (rv == APR_SUCCESS) {
        slot.variable = &taken;
        assert_success(mproc_unpack(scene->values, &slot, 1));
        scene->made[0] = taken;
    } else {
        assert_int_not_equal(handles.handles[0], PORT_NO_HANDLE);
        port_handle_close(handles.handles[0]);
    }
    return rv;
}

static void check_taken_over(scene_t *scene)
{
    assert_success(kind->use(object));
    assert_success(kind->use(scene->made[0]));
}

static void each_is_taken_over_or_its_handles_are_left(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_packed, .call = take_over, .check = check_taken_over};

    (void)state;
    walk_for_all(take_walk, &walk);
}

/* -- Waiting ----------------------------------------------------------------------------- */

/* Another handle of it, as another member has, who is not done with it. */
static void set_up_occupied(scene_t *scene)
{
    set_up_packed(scene);
    if (kind->occupy == NULL)
        return;
    assert_success(take_over(scene));
    assert_success(kind->occupy(scene->made[0]));
}

static apr_status_t wait_in_vain(scene_t *scene)
{
    apr_status_t rv = kind->wait(object, A_WHILE);

    (void)scene;
    return rv == kind->waited ? APR_EAGAIN : rv;
}

/* Nobody is said to wait or sleep any more, for whom it could not be closed. */
static void check_waits_no_more(scene_t *scene)
{
    (void)scene;
    assert_success(kind->close(object));
}

static void who_is_woken_for_no_reason_waits_on(void **state)
{
    static const char *const waking[] = {"port_park", NULL};
    static const walk_t walk = {.set_up = set_up_occupied,
                                .call = wait_in_vain,
                                .expected = APR_EAGAIN,
                                .check = check_waits_no_more,
                                .harmless = waking,
                                .afterwards = {MPROC_ECLOSED}};

    (void)state;
    walk_for_all(take_walk, &walk);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(each_is_made_whole_or_not_at_all),
        claim(nothing_can_fail_where_nobody_waits),
        claim(nothing_can_fail_where_it_is_closed),
        claim(each_goes_to_the_child_and_stays_here),
        claim(each_goes_to_the_copy_and_stays_here),
        claim(each_is_taken_over_or_its_handles_are_left),
        claim(who_is_woken_for_no_reason_waits_on),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
