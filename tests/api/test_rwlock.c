/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Locks for readers and writers, among processes and threads.
 */

#include "claims.h"
#include "sleepers.h"
#include "threads.h"
#include "workers.h"

/* -- What the children do ------------------------------------------------------ */

static apr_status_t hold(mproc_task_t *task,
                         apr_status_t (*acquire)(mproc_rwlock_t *, apr_interval_time_t))
{
    mproc_connection_t *line;
    mproc_rwlock_t *rwlock;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &rwlock, &line));
    MPROC_TRY(say(line, "born"));
    rv = acquire(rwlock, MPROC_FOREVER);
    if (rv != APR_SUCCESS && rv != MPROC_EOWNERDEAD)
        return rv;
    MPROC_TRY(say(line, rv == APR_SUCCESS ? "held" : "held after a death"));
    hear(line, mproc_task_mem(task));
    return mproc_rwlock_release(rwlock);
}

/* Says "born", and "held" when it has it; releases it when it hears a word. */
static apr_status_t hold_to_read(mproc_task_t *task)
{
    return hold(task, mproc_rwlock_acquire_read);
}

static apr_status_t hold_to_write(mproc_task_t *task)
{
    return hold(task, mproc_rwlock_acquire_write);
}

static const mproc_target_t targets[] = {MPROC_TARGET(hold_to_read), MPROC_TARGET(hold_to_write),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static mproc_rwlock_t *make_rwlock(apr_pool_t *mem)
{
    mproc_rwlock_t *rwlock;

    assert_success(mproc_rwlock_create(&rwlock, NULL, mem));
    return rwlock;
}

typedef struct holder_t {
    mproc_process_t *process;
    mproc_connection_t *line;
} holder_t;

static void start(holder_t *holder, mproc_target_fn *target, mproc_rwlock_t *rwlock,
                  apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(&holder->line, &there, MPROC_DUPLEX, mem));
    assert_success(
        mproc_process_start(&holder->process, target, MPROC_PACK(rwlock, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(holder->line, mem), "born");
}

static void start_holding(holder_t *holder, mproc_target_fn *target, mproc_rwlock_t *rwlock,
                          apr_pool_t *mem)
{
    start(holder, target, rwlock, mem);
    assert_string_equal(hear(holder->line, mem), "held");
}

static void let_go(const holder_t *holder)
{
    assert_success(say(holder->line, "release"));
    assert_ended(holder->process, 0);
}

static void kill_it(const holder_t *holder)
{
    assert_success(mproc_process_kill(holder->process));
    assert_success(mproc_process_join(holder->process, PATIENCE));
}

static void assert_free(mproc_rwlock_t *rwlock)
{
    assert_success(mproc_rwlock_acquire_write(rwlock, 0));
    assert_success(mproc_rwlock_release(rwlock));
    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    assert_success(mproc_rwlock_release(rwlock));
    assert_status(mproc_rwlock_release(rwlock), MPROC_ENOTOWNER);
}

/* -- Having it ------------------------------------------------------------------------------ */

static void readers_have_it_together(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t one, two;

    start_holding(&one, hold_to_read, rwlock, *state);
    start_holding(&two, hold_to_read, rwlock, *state);
    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    assert_refused(mproc_rwlock_acquire_write(rwlock, 0), APR_TIMEUP, "not released in time");
    let_go(&one);
    assert_success(mproc_rwlock_release(rwlock));
    assert_success(mproc_rwlock_release(rwlock));
    assert_status(mproc_rwlock_acquire_write(rwlock, A_MOMENT), APR_TIMEUP);
    let_go(&two);
    assert_free(rwlock);
}

static void a_writer_has_it_alone(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t writer, waiting;

    start_holding(&writer, hold_to_write, rwlock, *state);
    assert_status(mproc_rwlock_acquire_read(rwlock, 0), APR_TIMEUP);
    assert_status(mproc_rwlock_acquire_write(rwlock, A_MOMENT), APR_TIMEUP);
    assert_status(mproc_rwlock_release(rwlock), MPROC_ENOTOWNER);
    start(&waiting, hold_to_write, rwlock, *state);
    await_sleepers(rwlock, IN_RWLOCK, 1);
    let_go(&writer);
    assert_string_equal(hear(waiting.line, *state), "held");
    assert_status(mproc_rwlock_acquire_read(rwlock, A_MOMENT), APR_TIMEUP);
    let_go(&waiting);
    assert_free(rwlock);
}

static void all_readers_come_in_when_a_writer_has_left(void **state)
{
    enum { MANY = 50 };
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t readers[MANY];
    int i;

    assert_success(mproc_rwlock_acquire_write(rwlock, 0));
    for (i = 0; i < MANY; i++)
        start(&readers[i], hold_to_read, rwlock, *state);
    await_sleepers(rwlock, IN_RWLOCK, MANY);
    assert_success(mproc_rwlock_release(rwlock));
    for (i = 0; i < MANY; i++)
        assert_string_equal(hear(readers[i].line, *state), "held");
    for (i = 0; i < MANY; i++)
        let_go(&readers[i]);
    assert_free(rwlock);
}

static void while_a_writer_waits_no_new_reader_comes_in(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t writer;

    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    start(&writer, hold_to_write, rwlock, *state);
    await_sleepers(rwlock, IN_RWLOCK, 1);
    assert_status(mproc_rwlock_acquire_read(rwlock, A_MOMENT), APR_TIMEUP);
    assert_success(mproc_rwlock_release(rwlock));
    assert_string_equal(hear(writer.line, *state), "held");
    let_go(&writer);
    assert_free(rwlock);
}

static void a_writer_whose_time_is_up_lets_readers_in(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t reader;

    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    assert_status(mproc_rwlock_acquire_write(rwlock, A_MOMENT), APR_TIMEUP);
    start_holding(&reader, hold_to_read, rwlock, *state);
    let_go(&reader);
    assert_success(mproc_rwlock_release(rwlock));
    assert_free(rwlock);
}

/* -- Death ---------------------------------------------------------------------------------- */

static void what_a_dead_reader_held_is_taken_back(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t dead, living;

    start_holding(&dead, hold_to_read, rwlock, *state);
    start_holding(&living, hold_to_read, rwlock, *state);
    kill_it(&dead);
    assert_status(mproc_rwlock_acquire_write(rwlock, A_MOMENT), APR_TIMEUP);
    let_go(&living);
    assert_success(mproc_rwlock_acquire_write(rwlock, PATIENCE));
    assert_success(mproc_rwlock_release(rwlock));
    assert_free(rwlock);
}

static void all_who_read_after_a_dead_writer_learn_it_until_one_writes(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t writer;

    start_holding(&writer, hold_to_write, rwlock, *state);
    kill_it(&writer);
    assert_refused(mproc_rwlock_acquire_read(rwlock, 0), MPROC_EOWNERDEAD, "has died");
    assert_status(mproc_rwlock_acquire_read(rwlock, 0), MPROC_EOWNERDEAD);
    assert_status(mproc_rwlock_acquire_write(rwlock, 0), APR_TIMEUP);
    assert_success(mproc_rwlock_release(rwlock));
    assert_success(mproc_rwlock_release(rwlock));
    assert_status(mproc_rwlock_acquire_write(rwlock, 0), MPROC_EOWNERDEAD);
    assert_success(mproc_rwlock_release(rwlock));
    assert_free(rwlock);
}

static void who_writes_after_a_dead_writer_learns_it(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t writer;

    start_holding(&writer, hold_to_write, rwlock, *state);
    kill_it(&writer);
    assert_refused(mproc_rwlock_acquire_write(rwlock, 0), MPROC_EOWNERDEAD, "has died");
    assert_status(mproc_rwlock_acquire_read(rwlock, 0), MPROC_EDEADLOCK);
    assert_success(mproc_rwlock_release(rwlock));
    assert_free(rwlock);
}

static void who_waits_for_a_writer_that_dies_gets_it(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t writer, waiting;

    start_holding(&writer, hold_to_write, rwlock, *state);
    start(&waiting, hold_to_write, rwlock, *state);
    await_sleepers(rwlock, IN_RWLOCK, 1);
    kill_it(&writer);
    assert_string_equal(hear(waiting.line, *state), "held after a death");
    let_go(&waiting);
    assert_free(rwlock);
}

static void a_dead_writer_that_waited_keeps_no_reader_out(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    holder_t writer, reader;

    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    start(&writer, hold_to_write, rwlock, *state);
    await_sleepers(rwlock, IN_RWLOCK, 1);
    start(&reader, hold_to_read, rwlock, *state);
    await_sleepers(rwlock, IN_RWLOCK, 2);
    kill_it(&writer);
    assert_string_equal(hear(reader.line, *state), "held");
    let_go(&reader);
    assert_success(mproc_rwlock_release(rwlock));
    assert_free(rwlock);
}

/* Its hold lies at a place that the next process takes. */
static void who_takes_a_dead_readers_place_does_not_take_its_hold(void **state)
{
    mproc_rwlock_options_t options = MPROC_RWLOCK_OPTIONS;
    mproc_rwlock_t *rwlock;
    holder_t dead, next;

    options.processes = 2;
    assert_success(mproc_rwlock_create(&rwlock, &options, *state));
    start_holding(&dead, hold_to_read, rwlock, *state);
    kill_it(&dead);
    start_holding(&next, hold_to_read, rwlock, *state);
    let_go(&next);
    assert_free(rwlock);
}

/* -- Threads ------------------------------------------------------------------------------- */

typedef struct counter_t {
    mproc_rwlock_t *rwlock;
    volatile long count; /* under it */
} counter_t;

enum { THREADS = 4, INCREMENTS = 2000 };

static apr_status_t count_and_look(void *data)
{
    counter_t *counter = data;
    int i;

    for (i = 0; i < INCREMENTS; i++) {
        MPROC_TRY(mproc_rwlock_acquire_write(counter->rwlock, PATIENCE));
        counter->count++;
        MPROC_TRY(mproc_rwlock_release(counter->rwlock));
        MPROC_TRY(mproc_rwlock_acquire_read(counter->rwlock, PATIENCE));
        if (counter->count <= i)
            return APR_EGENERAL;
        MPROC_TRY(mproc_rwlock_release(counter->rwlock));
    }
    return APR_SUCCESS;
}

static void threads_keep_each_other_out(void **state)
{
    counter_t counter = {make_rwlock(*state), 0};
    work_t work[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        assert_success(start_thread(&work[i], count_and_look, &counter, *state));
    for (i = 0; i < THREADS; i++)
        assert_success(end_thread(&work[i]));
    assert_int_equal(counter.count, THREADS * INCREMENTS);
    assert_free(counter.rwlock);
}

/* -- What is refused ----------------------------------------------------------------------- */

static apr_status_t release_in_a_thread(void *rwlock)
{
    return mproc_rwlock_release(rwlock);
}

static void only_who_holds_it_releases_it(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);
    work_t work;

    assert_refused(mproc_rwlock_release(rwlock), MPROC_ENOTOWNER, "has not acquired the rwlock");
    assert_success(mproc_rwlock_acquire_write(rwlock, 0));
    assert_success(start_thread(&work, release_in_a_thread, rwlock, *state));
    assert_status(end_thread(&work), MPROC_ENOTOWNER);
    assert_refused(mproc_rwlock_acquire_write(rwlock, 0), MPROC_EDEADLOCK, "would wait for itself");
    assert_success(mproc_rwlock_release(rwlock));
    assert_free(rwlock);
}

static void one_that_is_held_is_not_closed(void **state)
{
    mproc_rwlock_t *rwlock = make_rwlock(*state);

    assert_success(mproc_rwlock_acquire_read(rwlock, 0));
    assert_refused(mproc_rwlock_close(rwlock), MPROC_EINUSE, "is held in this process");
    assert_success(mproc_rwlock_release(rwlock));
    assert_success(mproc_rwlock_acquire_write(rwlock, 0));
    assert_refused(mproc_rwlock_close(rwlock), MPROC_EINUSE, "is held in this process");
    assert_success(mproc_rwlock_release(rwlock));
    assert_success(mproc_rwlock_close(rwlock));
}

static void bad_arguments_are_refused(void **state)
{
    mproc_rwlock_options_t unset = {0, 1};
    mproc_rwlock_t *rwlock;

    assert_refused(mproc_rwlock_create(NULL, NULL, *state), APR_EINVAL, "variable");
    assert_refused(mproc_rwlock_create(&rwlock, &unset, *state), APR_EINVAL,
                   "MPROC_RWLOCK_OPTIONS");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(readers_have_it_together),
        claim_leaving_nothing(a_writer_has_it_alone),
        claim(all_readers_come_in_when_a_writer_has_left),
        claim_leaving_nothing(while_a_writer_waits_no_new_reader_comes_in),
        claim_leaving_nothing(a_writer_whose_time_is_up_lets_readers_in),
        claim_leaving_nothing(what_a_dead_reader_held_is_taken_back),
        claim_leaving_nothing(all_who_read_after_a_dead_writer_learn_it_until_one_writes),
        claim_leaving_nothing(who_writes_after_a_dead_writer_learns_it),
        claim_leaving_nothing(who_waits_for_a_writer_that_dies_gets_it),
        claim_leaving_nothing(a_dead_writer_that_waited_keeps_no_reader_out),
        claim_leaving_nothing(who_takes_a_dead_readers_place_does_not_take_its_hold),
        claim_leaving_nothing(threads_keep_each_other_out),
        claim_leaving_nothing(only_who_holds_it_releases_it),
        claim_leaving_nothing(one_that_is_held_is_not_closed),
        claim_leaving_nothing(bad_arguments_are_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
