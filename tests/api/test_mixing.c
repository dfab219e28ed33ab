/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Start methods mixed: what is made in a child of one method goes to a child of another, and on to a
 * child of a third; one object of each kind, and all three use them together.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <apr_strings.h>

#include <string.h>

/* One of each kind. */
typedef struct objects_t {
    mproc_connection_t *line;
    mproc_queue_t *queue;
    mproc_lock_t *lock;
    mproc_semaphore_t *semaphore;
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    mproc_array_t *array; /* one long, which counts who has used them */
} objects_t;

#define PACK(objects)                                                                              \
    MPROC_PACK((objects)->line, (objects)->queue, (objects)->lock, (objects)->semaphore,           \
               (objects)->event, (objects)->condition, (objects)->barrier, (objects)->rwlock,      \
               (objects)->array)

static apr_status_t unpack(mproc_values_t *values, objects_t *objects)
{
    return MPROC_UNPACK(values, &objects->line, &objects->queue, &objects->lock,
                        &objects->semaphore, &objects->event, &objects->condition,
                        &objects->barrier, &objects->rwlock, &objects->array);
}

/* -- What all of them do ----------------------------------------------------------- */

static apr_status_t count_me(const objects_t *objects)
{
    MPROC_TRY(mproc_lock_acquire(objects->lock, PATIENCE));
    MPROC_TRY(mproc_rwlock_acquire_write(objects->rwlock, PATIENCE));
    *(long *)mproc_array_data(objects->array) += 1;
    MPROC_TRY(mproc_rwlock_release(objects->rwlock));
    return mproc_lock_release(objects->lock);
}

static apr_status_t must_be(const char *word, const char *expected)
{
    return strcmp(word, expected) == 0
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "\"%s\" came, and not \"%s\"", word, expected);
}

/* -- The last ---------------------------------------------------------------------- */

/* Does what its grandparent waits for. */
static apr_status_t use_all(mproc_task_t *task)
{
    objects_t objects;

    MPROC_TRY(unpack(mproc_task_args(task), &objects));
    MPROC_TRY(count_me(&objects));
    MPROC_TRY(say(objects.line, "through the line"));
    MPROC_TRY(put_word(objects.queue, "through the queue"));
    MPROC_TRY(mproc_semaphore_release(objects.semaphore));
    MPROC_TRY(mproc_condition_acquire(objects.condition, PATIENCE));
    MPROC_TRY(mproc_event_set(objects.event));
    MPROC_TRY(mproc_condition_notify_all(objects.condition));
    MPROC_TRY(mproc_condition_release(objects.condition));
    return mproc_barrier_wait(objects.barrier, NULL, PATIENCE);
}

/* -- The one between ---------------------------------------------------------------- */

static apr_status_t start_and_join(mproc_target_fn *target, const mproc_pack_t *args,
                                   const char *method, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.start_method = method;
    MPROC_TRY(mproc_process_start(&process, target, args, &options, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_values_t *packed;
    objects_t objects;
    const char *method;

    MPROC_TRY(MPROC_UNPACK(task, &packed, &method));
    MPROC_TRY(unpack(packed, &objects));
    MPROC_TRY(count_me(&objects));
    return start_and_join(use_all, PACK(&objects), method, mproc_task_mem(task));
}

/* -- The first ----------------------------------------------------------------------- */

static apr_status_t make_all(objects_t *objects, mproc_connection_t **line, apr_pool_t *mem)
{
    MPROC_TRY(mproc_pipe(line, &objects->line, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_queue_create(&objects->queue, NULL, mem));
    MPROC_TRY(mproc_lock_create(&objects->lock, NULL, mem));
    MPROC_TRY(mproc_semaphore_create(&objects->semaphore, 0, NULL, mem));
    MPROC_TRY(mproc_event_create(&objects->event, NULL, mem));
    MPROC_TRY(mproc_condition_create(&objects->condition, NULL, mem));
    MPROC_TRY(mproc_barrier_create(&objects->barrier, 2, NULL, mem));
    MPROC_TRY(mproc_rwlock_create(&objects->rwlock, NULL, mem));
    return mproc_array_create(&objects->array, 1, sizeof(long), mem);
}

static int is_event_set(void *event)
{
    return mproc_event_is_set(event);
}

/* Everything that use_all() does arrives here. */
static apr_status_t meet(const objects_t *objects, mproc_connection_t *line, apr_pool_t *mem)
{
    MPROC_TRY(must_be(hear(line, mem), "through the line"));
    MPROC_TRY(must_be(get_word(objects->queue, mem), "through the queue"));
    MPROC_TRY(mproc_semaphore_acquire(objects->semaphore, PATIENCE));
    MPROC_TRY(mproc_condition_acquire(objects->condition, PATIENCE));
    MPROC_TRY(mproc_condition_wait_for(objects->condition, is_event_set, objects->event, PATIENCE));
    MPROC_TRY(mproc_condition_release(objects->condition));
    MPROC_TRY(mproc_event_wait(objects->event, 0));
    return mproc_barrier_wait(objects->barrier, NULL, PATIENCE);
}

static apr_status_t check_count(const objects_t *objects, long expected)
{
    long count = *(long *)mproc_array_data(objects->array);

    return count == expected ? APR_SUCCESS
                             : mproc_error_set(APR_EGENERAL, "%ld have used the objects, not %ld",
                                               count, expected);
}

static apr_status_t make_and_hand_out(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_pool_t *mem = mproc_task_mem(task);
    const char *method, *last_method;
    mproc_connection_t *line;
    mproc_process_t *process;
    objects_t objects;

    MPROC_TRY(MPROC_UNPACK(task, &method, &last_method));
    MPROC_TRY(make_all(&objects, &line, mem));
    MPROC_TRY(count_me(&objects));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(&process, hand_on, MPROC_PACK(PACK(&objects), last_method),
                                  &options, mem));
    MPROC_TRY(meet(&objects, line, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    MPROC_TRY(count_me(&objects));
    return check_count(&objects, 4);
}

/* -- Through a connection -------------------------------------------------------------- */

/* Uses what it is sent, and not given. */
static apr_status_t receive_and_use(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *from;
    objects_t objects;
    const char *method;

    MPROC_TRY(MPROC_UNPACK(task, &from));
    MPROC_TRY(mproc_connection_recv(from, values, PATIENCE));
    MPROC_TRY(unpack(values, &objects));
    MPROC_TRY(mproc_connection_recv(from, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &method));
    MPROC_TRY(count_me(&objects));
    return start_and_join(use_all, PACK(&objects), method, mproc_task_mem(task));
}

static apr_status_t make_and_send(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *line, *to, *from;
    const char *method, *last_method;
    mproc_process_t *process;
    objects_t objects;

    MPROC_TRY(MPROC_UNPACK(task, &method, &last_method));
    MPROC_TRY(make_all(&objects, &line, mem));
    MPROC_TRY(mproc_pipe(&to, &from, MPROC_DUPLEX, mem));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(&process, receive_and_use, MPROC_PACK(from), &options, mem));
    MPROC_TRY(mproc_connection_send(to, PACK(&objects), PATIENCE));
    MPROC_TRY(mproc_connection_send(to, MPROC_PACK(last_method), PATIENCE));
    MPROC_TRY(meet(&objects, line, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    return check_count(&objects, 2);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(make_and_hand_out), MPROC_TARGET(hand_on),         MPROC_TARGET(use_all),
    MPROC_TARGET(make_and_send),     MPROC_TARGET(receive_and_use), MPROC_TARGETS_END,
};

/* -- The tests -------------------------------------------------------------------------- */

static void assert_goes(mproc_target_fn *first, const char *const methods[3], apr_pool_t *mem)
{
    apr_pool_t *own;
    apr_status_t rv;

    assert_success(apr_pool_create(&own, mem));
    rv = start_and_join(first, MPROC_PACK(methods[1], methods[2]), methods[0], own);
    if (rv != APR_SUCCESS)
        print_error("%s, %s, %s:\n", methods[0], methods[1], methods[2]);
    assert_success(rv);
    apr_pool_destroy(own);
}

static void assert_goes_by_all(mproc_target_fn *first, apr_pool_t *mem)
{
    const char *const *all = mproc_get_all_start_methods(), *const * i, *const * j, *const * k;

    for (i = all; *i != NULL; i++)
        for (j = all; *j != NULL; j++)
            for (k = all; *k != NULL; k++)
                assert_goes(first, (const char *const[]){*i, *j, *k}, mem);
}

static void what_one_child_makes_goes_to_children_and_on_by_all_methods(void **state)
{
    assert_goes_by_all(make_and_hand_out, *state);
}

static void what_one_child_sends_goes_on_by_all_methods(void **state)
{
    assert_goes_by_all(make_and_send, *state);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(what_one_child_makes_goes_to_children_and_on_by_all_methods),
        claim_leaving_nothing(what_one_child_sends_goes_on_by_all_methods),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
