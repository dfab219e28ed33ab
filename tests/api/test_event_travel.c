/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events, conditions, barriers and rwlocks that are given to children: by every start method, on
 * to grandchildren, and through connections; but not through queues.
 */

#include "claims.h"
#include "workers.h"

#include <string.h>

/* One of each kind. */
typedef struct objects_t {
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
} objects_t;

#define PACK(objects)                                                                              \
    MPROC_PACK((objects)->event, (objects)->condition, (objects)->barrier, (objects)->rwlock)

static apr_status_t unpack(mproc_values_t *values, objects_t *objects)
{
    return MPROC_UNPACK(values, &objects->event, &objects->condition, &objects->barrier,
                        &objects->rwlock);
}

/* -- What the children do ------------------------------------------------------ */

/* Meets its parent at the barrier and in all the others. */
static apr_status_t use_all(const objects_t *objects)
{
    MPROC_TRY(mproc_rwlock_acquire_write(objects->rwlock, PATIENCE));
    MPROC_TRY(mproc_rwlock_release(objects->rwlock));
    MPROC_TRY(mproc_condition_acquire(objects->condition, PATIENCE));
    MPROC_TRY(mproc_event_set(objects->event));
    MPROC_TRY(mproc_condition_notify_all(objects->condition));
    MPROC_TRY(mproc_condition_release(objects->condition));
    return mproc_barrier_wait(objects->barrier, NULL, PATIENCE);
}

/* Hands them on to one more for each method but the last, and uses them in the end. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_values_t *packed, *methods;
    mproc_process_t *process;
    objects_t objects;
    const char *method;

    MPROC_TRY(MPROC_UNPACK(task, &packed, &methods));
    MPROC_TRY(unpack(packed, &objects));
    if (mproc_values_count(methods) == 0)
        return use_all(&objects);
    MPROC_TRY(MPROC_UNPACK(methods, &method));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(&process, hand_on, MPROC_PACK(PACK(&objects), MPROC_NO_ARGS),
                                  &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* Uses what comes through a connection. */
static apr_status_t receive(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    objects_t objects;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(unpack(values, &objects));
    return use_all(&objects);
}

static const mproc_target_t targets[] = {MPROC_TARGET(hand_on), MPROC_TARGET(receive),
                                         MPROC_TARGETS_END};

static void make_all(objects_t *objects, apr_pool_t *mem)
{
    assert_success(mproc_event_create(&objects->event, NULL, mem));
    assert_success(mproc_condition_create(&objects->condition, NULL, mem));
    assert_success(mproc_barrier_create(&objects->barrier, 2, NULL, mem));
    assert_success(mproc_rwlock_create(&objects->rwlock, NULL, mem));
}

static int is_event_set(void *event)
{
    return mproc_event_is_set(event);
}

static void assert_met(const objects_t *objects)
{
    assert_success(mproc_condition_acquire(objects->condition, PATIENCE));
    assert_success(
        mproc_condition_wait_for(objects->condition, is_event_set, objects->event, PATIENCE));
    assert_success(mproc_condition_release(objects->condition));
    assert_success(mproc_barrier_wait(objects->barrier, NULL, PATIENCE));
}

/* -- Claims ------------------------------------------------------------------------------ */

static void they_go_to_children(void **state)
{
    mproc_process_t *process;
    objects_t objects;

    make_all(&objects, *state);
    assert_success(mproc_process_start(&process, hand_on, MPROC_PACK(PACK(&objects), MPROC_NO_ARGS),
                                       NULL, *state));
    assert_met(&objects);
    assert_ended(process, 0);
}

static void they_go_to_grandchildren_by_any_start_method(void **state)
{
    const char *const *methods = mproc_get_all_start_methods();
    size_t i;

    for (i = 0; methods[i] != NULL; i++) {
        mproc_process_t *process;
        objects_t objects;

        make_all(&objects, *state);
        assert_success(mproc_process_start(
            &process, hand_on, MPROC_PACK(PACK(&objects), MPROC_PACK(methods[i])), NULL, *state));
        assert_met(&objects);
        assert_ended(process, 0);
    }
}

static void they_go_through_connections(void **state)
{
    mproc_connection_t *line, *there;
    mproc_process_t *process;
    objects_t objects;

    make_all(&objects, *state);
    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, receive, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_send(line, PACK(&objects), PATIENCE));
    assert_met(&objects);
    assert_ended(process, 0);
}

static void they_do_not_go_through_queues(void **state)
{
    mproc_queue_t *queue;
    objects_t objects;

    make_all(&objects, *state);
    assert_success(mproc_queue_create(&queue, NULL, *state));
    assert_refused(mproc_queue_put(queue, MPROC_PACK(objects.event), 0), MPROC_ENOTSHAREABLE,
                   "an event");
    assert_refused(mproc_queue_put(queue, MPROC_PACK(objects.condition), 0), MPROC_ENOTSHAREABLE,
                   "a condition");
    assert_refused(mproc_queue_put(queue, MPROC_PACK(objects.barrier), 0), MPROC_ENOTSHAREABLE,
                   "a barrier");
    assert_refused(mproc_queue_put(queue, MPROC_PACK(objects.rwlock), 0), MPROC_ENOTSHAREABLE,
                   "a lock for readers and writers");
    assert_true(mproc_queue_empty(queue));
}

static void closed_ones_do_not_go(void **state)
{
    mproc_process_t *process;
    objects_t objects;

    make_all(&objects, *state);
    assert_success(mproc_event_close(objects.event));
    assert_refused(mproc_process_start(&process, receive, MPROC_PACK(objects.event), NULL, *state),
                   MPROC_ECLOSED, "the event is closed");
    assert_success(mproc_barrier_close(objects.barrier));
    assert_refused(
        mproc_process_start(&process, receive, MPROC_PACK(objects.barrier), NULL, *state),
        MPROC_ECLOSED, "the barrier is closed");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(they_go_to_children),
        claim_leaving_nothing(they_go_to_grandchildren_by_any_start_method),
        claim_leaving_nothing(they_go_through_connections),
        claim_leaving_nothing(they_do_not_go_through_queues),
        claim_leaving_nothing(closed_ones_do_not_go),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
