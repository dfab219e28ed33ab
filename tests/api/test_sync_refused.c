/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What locks, semaphores, events, conditions, barriers and rwlocks refuse alike, by a table of them
 * and of all their calls.  What one of them alone refuses is in its own tests; so are arrays.
 */

#include "claims.h"
#include "workers.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <string.h>

/* -- All calls, of any object ------------------------------------------------------------ */

#define UNTOUCHED 77

/* What a call would set. */
static unsigned number;

/* What a call would call: it would succeed then. */
static apr_status_t never_locked(apr_status_t acquired, void *context)
{
    (void)acquired;
    (void)context;
    return APR_SUCCESS;
}

static int never_asked(void *context)
{
    (void)context;
    return 1;
}

static apr_status_t never_acting(void *context)
{
    (void)context;
    return APR_SUCCESS;
}

typedef apr_status_t call_fn(void *object);

#define CALL(name, call)                                                                           \
    static apr_status_t name(void *object)                                                         \
    {                                                                                              \
        return call;                                                                               \
    }

CALL(acquire_lock, mproc_lock_acquire(object, 0))
CALL(release_lock, mproc_lock_release(object))
CALL(call_under_lock, mproc_lock_call(object, 0, never_locked, NULL))
CALL(close_lock, mproc_lock_close(object))

CALL(acquire_semaphore, mproc_semaphore_acquire(object, 0))
CALL(release_semaphore, mproc_semaphore_release(object))
CALL(get_value, mproc_semaphore_get_value(object, &number))
CALL(close_semaphore, mproc_semaphore_close(object))

CALL(set_event, mproc_event_set(object))
CALL(clear_event, mproc_event_clear(object))
CALL(wait_for_event, mproc_event_wait(object, 0))
CALL(close_event, mproc_event_close(object))

CALL(acquire_condition, mproc_condition_acquire(object, 0))
CALL(release_condition, mproc_condition_release(object))
CALL(wait_for_notify, mproc_condition_wait(object, 0))
CALL(wait_until_true, mproc_condition_wait_for(object, never_asked, NULL, 0))
CALL(notify_one, mproc_condition_notify(object, 1))
CALL(notify_all, mproc_condition_notify_all(object))
CALL(close_condition, mproc_condition_close(object))

CALL(wait_at_barrier, mproc_barrier_wait(object, &number, 0))
CALL(wait_and_act, mproc_barrier_wait_with(object, never_acting, NULL, &number, 0))
CALL(abort_barrier, mproc_barrier_abort(object))
CALL(reset_barrier, mproc_barrier_reset(object))
CALL(close_barrier, mproc_barrier_close(object))

CALL(acquire_read, mproc_rwlock_acquire_read(object, 0))
CALL(acquire_write, mproc_rwlock_acquire_write(object, 0))
CALL(release_rwlock, mproc_rwlock_release(object))
CALL(close_rwlock, mproc_rwlock_close(object))

/* -- All kinds --------------------------------------------------------------------------- */

typedef apr_status_t create_fn(void **object, unsigned processes, apr_pool_t *mem);

#define CREATE(name, kind, KIND, call)                                                             \
    static apr_status_t name(void **object, unsigned processes, apr_pool_t *mem)                   \
    {                                                                                              \
        mproc_##kind##_options_t options = MPROC_##KIND##_OPTIONS;                                 \
        mproc_##kind##_t *made = NULL;                                                             \
        apr_status_t rv;                                                                           \
                                                                                                   \
        options.processes = processes;                                                             \
        rv = call;                                                                                 \
        *object = made;                                                                            \
        return rv;                                                                                 \
    }

CREATE(create_lock, lock, LOCK, mproc_lock_create(&made, &options, mem))
CREATE(create_rlock, lock, LOCK, mproc_rlock_create(&made, &options, mem))
CREATE(create_semaphore, semaphore, SEMAPHORE, mproc_semaphore_create(&made, 1, &options, mem))
CREATE(create_bounded, semaphore, SEMAPHORE,
       mproc_bounded_semaphore_create(&made, 1, &options, mem))
CREATE(create_event, event, EVENT, mproc_event_create(&made, &options, mem))
CREATE(create_condition, condition, CONDITION, mproc_condition_create(&made, &options, mem))
CREATE(create_barrier, barrier, BARRIER, mproc_barrier_create(&made, 1, &options, mem))
CREATE(create_rwlock, rwlock, RWLOCK, mproc_rwlock_create(&made, &options, mem))

#define CALLS_MAX 6

typedef struct kind_t {
    mproc_type_t type;
    const char *name; /* as messages say it */
    create_fn *create;
    call_fn *close;
    call_fn *calls[CALLS_MAX]; /* the others; NULL where there is none */
} kind_t;

#define LOCK_CALLS                                                                                 \
    {                                                                                              \
        acquire_lock, release_lock, call_under_lock                                                \
    }
#define SEMAPHORE_CALLS                                                                            \
    {                                                                                              \
        acquire_semaphore, release_semaphore, get_value                                            \
    }

static const kind_t kinds[] = {
    {MPROC_TYPE_LOCK, "the lock", create_lock, close_lock, LOCK_CALLS},
    {MPROC_TYPE_LOCK, "the lock", create_rlock, close_lock, LOCK_CALLS},
    {MPROC_TYPE_SEMAPHORE, "the semaphore", create_semaphore, close_semaphore, SEMAPHORE_CALLS},
    {MPROC_TYPE_SEMAPHORE, "the semaphore", create_bounded, close_semaphore, SEMAPHORE_CALLS},
    {MPROC_TYPE_EVENT,
     "the event",
     create_event,
     close_event,
     {set_event, clear_event, wait_for_event}},
    {MPROC_TYPE_CONDITION,
     "the condition",
     create_condition,
     close_condition,
     {acquire_condition, release_condition, wait_for_notify, wait_until_true, notify_one,
      notify_all}},
    {MPROC_TYPE_BARRIER,
     "the barrier",
     create_barrier,
     close_barrier,
     {wait_at_barrier, wait_and_act, abort_barrier, reset_barrier}},
    {MPROC_TYPE_RWLOCK,
     "the rwlock",
     create_rwlock,
     close_rwlock,
     {acquire_read, acquire_write, release_rwlock}},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static void *make(const kind_t *kind, unsigned processes, apr_pool_t *mem)
{
    void *object;

    assert_success(kind->create(&object, processes, mem));
    return object;
}

static mproc_value_t value_of(const kind_t *kind, void *object)
{
    return mproc__value_object(kind->type, object);
}

/* Whether a call has failed as it is to, and has said of what, and why. */
static apr_status_t check_refusal(apr_status_t rv, apr_status_t expected, const char *what,
                                  const char *why)
{
    const char *message = mproc_error_message();

    if (rv == expected && strstr(message, what) != NULL && strstr(message, why) != NULL)
        return APR_SUCCESS;
    return mproc_error_set(APR_EGENERAL, "a call on %s gave status %d: %s", what, rv, message);
}

/* Each call but that which closes.  In children too. */
static apr_status_t check_refusals(const kind_t *kind, void *object, apr_status_t expected,
                                   const char *why)
{
    size_t i;

    number = UNTOUCHED;
    for (i = 0; i < CALLS_MAX && kind->calls[i] != NULL; i++)
        MPROC_TRY(check_refusal(kind->calls[i](object), expected, kind->name, why));
    return number == UNTOUCHED ? APR_SUCCESS
                               : mproc_error_set(APR_EGENERAL, "a call has set a number");
}

/* -- What the child does ------------------------------------------------------------------- */

/* A child has these only if it was forked. */
static void *of_the_parent[KINDS];

/* Touches what it was not given; closing that is nothing. */
static apr_status_t use_the_parents(mproc_task_t *task)
{
    const char *why;
    int expected;
    size_t i;

    MPROC_TRY(MPROC_UNPACK(task, &expected, &why));
    for (i = 0; i < KINDS; i++) {
        MPROC_TRY(check_refusals(&kinds[i], of_the_parent[i], expected, why));
        if (of_the_parent[i] != NULL)
            MPROC_TRY(kinds[i].close(of_the_parent[i]));
    }
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(use_the_parents),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Making them --------------------------------------------------------------------------- */

/* What that gave before the guard was called. */
static apr_status_t before_the_guard[KINDS];

static void make_all_before_the_guard(void)
{
    apr_pool_t *mem;
    void *object;
    size_t i;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    for (i = 0; i < KINDS; i++)
        before_the_guard[i] = check_refusal(kinds[i].create(&object, 256, mem), MPROC_EBOOTSTRAP,
                                            "mproc_init", "has not been called");
    apr_pool_destroy(mem);
}

static void before_the_guard_there_are_none(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < KINDS; i++)
        assert_success(before_the_guard[i]);
}

static void assert_not_made(const kind_t *kind, unsigned processes, apr_pool_t *mem)
{
    const char *why = apr_psprintf(mem, "for %u processes; it is for 1 to 4096", processes);
    void *object;

    assert_success(
        check_refusal(kind->create(&object, processes, mem), APR_EINVAL, kind->name, why));
    assert_null(object);
}

static void each_is_for_1_to_4096_processes(void **state)
{
    size_t i;

    for (i = 0; i < KINDS; i++) {
        assert_not_made(&kinds[i], 0, *state);
        make(&kinds[i], 1, *state);
        make(&kinds[i], 4096, *state);
        assert_not_made(&kinds[i], 4097, *state);
    }
}

static void one_process_more_than_there_are_places_for_is_refused(void **state)
{
    mproc_process_t *process;
    size_t i;

    for (i = 0; i < KINDS; i++) {
        void *object = make(&kinds[i], 1, *state);
        assert_status(
            status_of(&process, succeed, MPROC_PACK(value_of(&kinds[i], object)), NULL, *state),
            MPROC_ETOOMANY);
        assert_words(
            mproc_process_error(process),
            apr_psprintf(*state, "%s is for 1 processes, and as many have it", kinds[i].name));
    }
}

/* -- Using what is not there ----------------------------------------------------------------- */

static void no_call_is_for_nothing(void **state)
{
    void *object;
    size_t i;

    (void)state;
    for (i = 0; i < KINDS; i++) {
        assert_refused(kinds[i].create(&object, 1, NULL), APR_EINVAL, kinds[i].name);
        assert_success(check_refusals(&kinds[i], NULL, APR_EINVAL, "is NULL"));
        assert_refused(kinds[i].close(NULL), APR_EINVAL, kinds[i].name);
    }
}

/* What gives no status. */
static void assert_nothing_seen_of(mproc_lock_t *lock, mproc_event_t *event,
                                   mproc_barrier_t *barrier)
{
    assert_false(mproc_lock_locked(lock));
    assert_false(mproc_event_is_set(event));
    assert_int_equal(mproc_barrier_parties(barrier), 0);
    assert_int_equal(mproc_barrier_n_waiting(barrier), 0);
    assert_true(mproc_barrier_broken(barrier));
}

static void nothing_is_to_be_seen_of_what_is_not_there(void **state)
{
    mproc_barrier_t *barrier;
    mproc_event_t *event;

    assert_nothing_seen_of(NULL, NULL, NULL);
    assert_success(mproc_event_create(&event, NULL, *state));
    assert_success(mproc_event_set(event));
    assert_success(mproc_event_close(event));
    assert_success(mproc_barrier_create(&barrier, 1, NULL, *state));
    assert_success(mproc_barrier_close(barrier));
    assert_nothing_seen_of(NULL, event, barrier);
}

static void one_that_is_closed_can_only_be_closed_again(void **state)
{
    mproc_process_t *process;
    size_t i;

    for (i = 0; i < KINDS; i++) {
        void *object = make(&kinds[i], 1, *state);
        assert_success(kinds[i].close(object));
        assert_success(kinds[i].close(object));
        assert_success(check_refusals(&kinds[i], object, MPROC_ECLOSED, "is closed"));
        assert_refused(mproc_process_start(&process, succeed,
                                           MPROC_PACK(value_of(&kinds[i], object)), NULL, *state),
                       MPROC_ECLOSED, kinds[i].name);
    }
}

static void a_child_uses_none_that_it_was_not_given(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    const char *const *method;
    mproc_process_t *process;
    size_t i;

    for (i = 0; i < KINDS; i++)
        of_the_parent[i] = make(&kinds[i], 256, *state);
    for (method = mproc_get_all_start_methods(); *method != NULL; method++) {
        int is_forked = strcmp(*method, MPROC_FORK) == 0;
        options.start_method = *method;
        assert_success(status_of(&process, use_the_parents,
                                 MPROC_PACK(is_forked ? MPROC_EFOREIGN : APR_EINVAL,
                                            is_forked ? "is the parent's" : "is NULL"),
                                 &options, *state));
    }
    for (i = 0; i < KINDS; i++)
        assert_success(kinds[i].calls[0](of_the_parent[i])); /* who was given it can */
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(before_the_guard_there_are_none),
        claim_leaving_nothing(each_is_for_1_to_4096_processes),
        claim_leaving_nothing(one_process_more_than_there_are_places_for_is_refused),
        claim_leaving_nothing(no_call_is_for_nothing),
        claim_leaving_nothing(nothing_is_to_be_seen_of_what_is_not_there),
        claim_leaving_nothing(one_that_is_closed_can_only_be_closed_again),
        claim_leaving_nothing(a_child_uses_none_that_it_was_not_given),
    };
    apr_pool_t *mem;

    make_all_before_the_guard();
    mproc_init(&mem, &argc, &argv, targets);
    use_all_start_methods();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
