/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Start methods mixed: what is made in a child of one method goes to a child of another, and on to a
 * child of a third; objects of each kind and variant, and all three use them together.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <apr_strings.h>

#include <string.h>

/* One of each way in which a kind can be made otherwise. */
typedef struct variants_t {
    mproc_connection_t *reads, *writes; /* the ends of two pipes in one direction */
    mproc_queue_t *joinable, *blocks;
    mproc_lock_t *rlock;
    mproc_semaphore_t *bounded; /* one unit, and never more */
    mproc_array_t *raw;         /* one long under `rlock`, which counts as `array` does */
    mproc_array_t *locked;      /* the same under its own lock */
} variants_t;

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
    variants_t variants;
} objects_t;

/* The other ends, which their maker keeps. */
typedef struct ends_t {
    mproc_connection_t *line, *reads, *writes;
} ends_t;

#define PACK_VARIANTS(variants)                                                                    \
    MPROC_PACK((variants)->reads, (variants)->writes, (variants)->joinable, (variants)->blocks,    \
               (variants)->rlock, (variants)->bounded, (variants)->raw, (variants)->locked)

#define PACK(objects)                                                                              \
    MPROC_PACK((objects)->line, (objects)->queue, (objects)->lock, (objects)->semaphore,           \
               (objects)->event, (objects)->condition, (objects)->barrier, (objects)->rwlock,      \
               (objects)->array, PACK_VARIANTS(&(objects)->variants))

static apr_status_t unpack(mproc_values_t *values, objects_t *objects)
{
    variants_t *variants = &objects->variants;
    mproc_values_t *packed;

    MPROC_TRY(MPROC_UNPACK(values, &objects->line, &objects->queue, &objects->lock,
                           &objects->semaphore, &objects->event, &objects->condition,
                           &objects->barrier, &objects->rwlock, &objects->array, &packed));
    return MPROC_UNPACK(packed, &variants->reads, &variants->writes, &variants->joinable,
                        &variants->blocks, &variants->rlock, &variants->bounded, &variants->raw,
                        &variants->locked);
}

/* -- What all of them do ----------------------------------------------------------- */

#define MUST_RETURN(call, expected)                                                                \
    do {                                                                                           \
        apr_status_t is = (call);                                                                  \
        if (is != (expected))                                                                      \
            return mproc_error_set(APR_EGENERAL, "%s is %d, and not " #expected, #call, is);       \
    } while (0)

static void count_in(mproc_array_t *array)
{
    *(long *)mproc_array_data(array) += 1;
}

/* The rlock's owner acquires it again. */
static apr_status_t count_in_raw_and_locked(const variants_t *variants)
{
    mproc_lock_t *own = mproc_array_lock(variants->locked);

    MPROC_TRY(mproc_lock_acquire(variants->rlock, PATIENCE));
    MPROC_TRY(mproc_lock_acquire(variants->rlock, PATIENCE));
    count_in(variants->raw);
    MPROC_TRY(mproc_lock_acquire(own, PATIENCE));
    count_in(variants->locked);
    MPROC_TRY(mproc_lock_release(own));
    MPROC_TRY(mproc_lock_release(variants->rlock));
    return mproc_lock_release(variants->rlock);
}

/* Each is still what it was made as. */
static apr_status_t use_as_made(const variants_t *variants, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    MPROC_TRY(count_in_raw_and_locked(variants));
    MUST_RETURN(mproc_lock_release(variants->rlock), MPROC_ENOTOWNER);
    if (mproc_array_lock(variants->raw) != NULL)
        return mproc_error_set(APR_EGENERAL, "the raw array has a lock");
    MPROC_TRY(mproc_semaphore_acquire(variants->bounded, PATIENCE));
    MPROC_TRY(mproc_semaphore_release(variants->bounded));
    MUST_RETURN(mproc_semaphore_release(variants->bounded), MPROC_EOVERRELEASE);
    MUST_RETURN(say(variants->reads, "against the stream"), MPROC_EDIRECTION);
    MUST_RETURN(mproc_connection_recv(variants->writes, values, 0), MPROC_EDIRECTION);
    return APR_SUCCESS;
}

static apr_status_t count_me(const objects_t *objects, apr_pool_t *mem)
{
    MPROC_TRY(use_as_made(&objects->variants, mem));
    MPROC_TRY(mproc_lock_acquire(objects->lock, PATIENCE));
    MPROC_TRY(mproc_rwlock_acquire_write(objects->rwlock, PATIENCE));
    count_in(objects->array);
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

static apr_status_t put_in_block(mproc_queue_t *queue, const char *word)
{
    void *block;

    MPROC_TRY(mproc_queue_reserve(queue, strlen(word) + 1, &block, PATIENCE));
    memcpy(block, word, strlen(word) + 1);
    return mproc_queue_commit(queue, block, PATIENCE);
}

/* What is put to be done is done by its grandparent. */
static apr_status_t use_variants(const variants_t *variants, apr_pool_t *mem)
{
    MPROC_TRY(say(variants->writes, "one way"));
    MPROC_TRY(put_in_block(variants->blocks, "in a block"));
    MPROC_TRY(must_be(hear(variants->reads, mem), "the other way"));
    MPROC_TRY(put_word(variants->joinable, "to be done"));
    return mproc_queue_join(variants->joinable, PATIENCE);
}

/* Does what its grandparent waits for. */
static apr_status_t use_all(mproc_task_t *task)
{
    objects_t objects;

    MPROC_TRY(unpack(mproc_task_args(task), &objects));
    MPROC_TRY(count_me(&objects, mproc_task_mem(task)));
    MPROC_TRY(use_variants(&objects.variants, mproc_task_mem(task)));
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
    MPROC_TRY(count_me(&objects, mproc_task_mem(task)));
    return start_and_join(use_all, PACK(&objects), method, mproc_task_mem(task));
}

/* -- The first ----------------------------------------------------------------------- */

static apr_status_t make_queues(variants_t *variants, apr_pool_t *mem)
{
    mproc_queue_options_t joinable = MPROC_QUEUE_OPTIONS, blocks = MPROC_QUEUE_OPTIONS;

    joinable.joinable = 1;
    blocks.blocks = 65536;
    MPROC_TRY(mproc_queue_create(&variants->joinable, &joinable, mem));
    return mproc_queue_create(&variants->blocks, &blocks, mem);
}

static apr_status_t make_variants(variants_t *variants, ends_t *ends, apr_pool_t *mem)
{
    mproc_array_options_t raw = MPROC_ARRAY_OPTIONS;

    raw.raw = 1;
    MPROC_TRY(mproc_pipe(&variants->reads, &ends->writes, MPROC_ONE_WAY, mem));
    MPROC_TRY(mproc_pipe(&ends->reads, &variants->writes, MPROC_ONE_WAY, mem));
    MPROC_TRY(make_queues(variants, mem));
    MPROC_TRY(mproc_rlock_create(&variants->rlock, NULL, mem));
    MPROC_TRY(mproc_bounded_semaphore_create(&variants->bounded, 1, NULL, mem));
    MPROC_TRY(mproc_array_create_with(&variants->raw, 1, sizeof(long), &raw, mem));
    return mproc_array_create(&variants->locked, 1, sizeof(long), mem);
}

static apr_status_t make_all(objects_t *objects, ends_t *ends, apr_pool_t *mem)
{
    MPROC_TRY(make_variants(&objects->variants, ends, mem));
    MPROC_TRY(mproc_pipe(&ends->line, &objects->line, MPROC_DUPLEX, mem));
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

static apr_status_t get_from_block(mproc_queue_t *queue, const char *expected)
{
    void *block;
    size_t size;

    MPROC_TRY(mproc_queue_acquire(queue, &block, &size, PATIENCE));
    MPROC_TRY(must_be(block, expected));
    return mproc_queue_release(queue, block);
}

static apr_status_t meet_at_variants(const variants_t *variants, const ends_t *ends,
                                     apr_pool_t *mem)
{
    size_t unfinished, lost;

    MPROC_TRY(must_be(hear(ends->reads, mem), "one way"));
    MPROC_TRY(get_from_block(variants->blocks, "in a block"));
    MPROC_TRY(say(ends->writes, "the other way"));
    MPROC_TRY(must_be(get_word(variants->joinable, mem), "to be done"));
    MPROC_TRY(mproc_queue_tasks(variants->joinable, &unfinished, &lost));
    if (unfinished != 1 || lost != 0)
        return mproc_error_set(APR_EGENERAL, "%d tasks are unfinished", (int)unfinished);
    return mproc_queue_task_done(variants->joinable);
}

/* Everything that use_all() does arrives here. */
static apr_status_t meet(const objects_t *objects, const ends_t *ends, apr_pool_t *mem)
{
    MPROC_TRY(meet_at_variants(&objects->variants, ends, mem));
    MPROC_TRY(must_be(hear(ends->line, mem), "through the line"));
    MPROC_TRY(must_be(get_word(objects->queue, mem), "through the queue"));
    MPROC_TRY(mproc_semaphore_acquire(objects->semaphore, PATIENCE));
    MPROC_TRY(mproc_condition_acquire(objects->condition, PATIENCE));
    MPROC_TRY(mproc_condition_wait_for(objects->condition, is_event_set, objects->event, PATIENCE));
    MPROC_TRY(mproc_condition_release(objects->condition));
    MPROC_TRY(mproc_event_wait(objects->event, 0));
    return mproc_barrier_wait(objects->barrier, NULL, PATIENCE);
}

static apr_status_t must_count(const mproc_array_t *array, long expected)
{
    long count = *(long *)mproc_array_data(array);

    return count == expected ? APR_SUCCESS
                             : mproc_error_set(APR_EGENERAL, "%ld have used the objects, not %ld",
                                               count, expected);
}

static apr_status_t check_count(const objects_t *objects, long expected)
{
    MPROC_TRY(must_count(objects->array, expected));
    MPROC_TRY(must_count(objects->variants.raw, expected));
    return must_count(objects->variants.locked, expected);
}

static apr_status_t make_and_hand_out(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_pool_t *mem = mproc_task_mem(task);
    const char *method, *last_method;
    mproc_process_t *process;
    objects_t objects;
    ends_t ends;

    MPROC_TRY(MPROC_UNPACK(task, &method, &last_method));
    MPROC_TRY(make_all(&objects, &ends, mem));
    MPROC_TRY(count_me(&objects, mem));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(&process, hand_on, MPROC_PACK(PACK(&objects), last_method),
                                  &options, mem));
    MPROC_TRY(meet(&objects, &ends, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    MPROC_TRY(count_me(&objects, mem));
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
    MPROC_TRY(count_me(&objects, mproc_task_mem(task)));
    return start_and_join(use_all, PACK(&objects), method, mproc_task_mem(task));
}

static apr_status_t make_and_send(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *to, *from;
    const char *method, *last_method;
    mproc_process_t *process;
    objects_t objects;
    ends_t ends;

    MPROC_TRY(MPROC_UNPACK(task, &method, &last_method));
    MPROC_TRY(make_all(&objects, &ends, mem));
    MPROC_TRY(mproc_pipe(&to, &from, MPROC_DUPLEX, mem));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(&process, receive_and_use, MPROC_PACK(from), &options, mem));
    MPROC_TRY(mproc_connection_send(to, PACK(&objects), PATIENCE));
    MPROC_TRY(mproc_connection_send(to, MPROC_PACK(last_method), PATIENCE));
    MPROC_TRY(meet(&objects, &ends, mem));
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
