/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Joinable queues: who joins waits for all tasks, and is told of those that went with
 * a process.
 */

#include "claims.h"
#include "queues.h"
#include "sleepers.h"
#include "threads.h"
#include "workers.h"

#include <string.h>

#define NJOINING 3

/* -- What the children do ------------------------------------------------------ */

static apr_status_t take(mproc_queue_t *queue, int count)
{
    unsigned char buffer[IN_PIECES];
    size_t size;

    for (; count > 0; count--)
        MPROC_TRY(mproc_queue_get_bytes(queue, buffer, sizeof buffer, &size, PATIENCE));
    return APR_SUCCESS;
}

static apr_status_t finish(mproc_queue_t *queue, int count)
{
    for (; count > 0; count--)
        MPROC_TRY(mproc_queue_task_done(queue));
    return APR_SUCCESS;
}

/* What it is told: whether there is more to do. */
static int obey(const char *word, mproc_queue_t *queue, mproc_connection_t *line)
{
    apr_status_t rv = APR_EGENERAL;

    if (strcmp(word, "take") == 0)
        rv = take(queue, 1);
    else if (strcmp(word, "finish") == 0)
        rv = finish(queue, 1);
    else if (strcmp(word, "put") == 0)
        rv = put_word(queue, "word");
    else if (strcmp(word, "join") == 0)
        rv = mproc_queue_join(queue, PATIENCE);
    else if (strcmp(word, "close") == 0)
        rv = mproc_queue_close(queue);
    return say(line, rv == APR_SUCCESS ? "yes" : "no") == APR_SUCCESS;
}

/* Takes so many tasks, finishes so many, says "ready", and does what it is told until "leave". */
static apr_status_t work_on(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    int taken, finished;
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line, &taken, &finished));
    MPROC_TRY(take(queue, taken));
    MPROC_TRY(finish(queue, finished));
    MPROC_TRY(say(line, "ready"));
    do
        word = hear(line, mproc_task_mem(task));
    while (strcmp(word, "leave") != 0 && word[0] != '(' && obey(word, queue, line));
    return APR_SUCCESS;
}

/* Does all that it gets, and waits for more until the queue is shut down. */
static apr_status_t work_to_the_end(mproc_task_t *task)
{
    mproc_queue_t *queue;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    do {
        rv = take(queue, 1);
        if (rv == APR_SUCCESS)
            rv = mproc_queue_task_done(queue);
    } while (rv == APR_SUCCESS);
    return rv == MPROC_ESHUTDOWN ? APR_SUCCESS : rv;
}

/* Lets a child of its own do all there is. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_process_t *process;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(mproc_process_start(&process, work_to_the_end, MPROC_PACK(queue), NULL,
                                  mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* The queue comes through the connection. */
static apr_status_t receive_and_work(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &queue));
    MPROC_TRY(take(queue, 1));
    return finish(queue, 1);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(work_on),          MPROC_TARGET(work_to_the_end),    MPROC_TARGET(hand_on),
    MPROC_TARGET(receive_and_work), MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- The parent's side ------------------------------------------------------------------ */

static mproc_queue_t *make_with_places(unsigned processes, int count, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = SMALL_RING;
    options.processes = processes;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, mem));
    for (; count > 0; count--)
        assert_success(put_word(queue, "word"));
    return queue;
}

/* With so many messages. */
static mproc_queue_t *make_with(int count, apr_pool_t *mem)
{
    return make_with_places(256, count, mem);
}

typedef struct worker_t {
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_pool_t *mem;
} worker_t;

static worker_t start_worker(mproc_queue_t *queue, int taken, int finished, apr_pool_t *mem)
{
    worker_t worker = {NULL, NULL, mem};
    mproc_connection_t *there;

    assert_success(mproc_pipe(&worker.line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&worker.process, work_on,
                                       MPROC_PACK(queue, there, taken, finished), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(worker.line, mem), "ready");
    return worker;
}

static void tell(const worker_t *worker, const char *word, const char *answer)
{
    assert_success(say(worker->line, word));
    assert_string_equal(hear(worker->line, worker->mem), answer);
}

static void kill_worker(const worker_t *worker)
{
    assert_success(mproc_process_kill(worker->process));
    assert_ended(worker->process, -9);
}

static void dismiss(const worker_t *worker)
{
    assert_success(say(worker->line, "leave"));
    assert_ended(worker->process, 0);
}

static void assert_tasks(mproc_queue_t *queue, size_t unfinished, size_t lost)
{
    size_t left = 77, gone = 77;

    assert_success(mproc_queue_tasks(queue, &left, &gone));
    assert_int_equal(left, unfinished);
    assert_int_equal(gone, lost);
}

static apr_status_t join_for_ever(void *queue)
{
    return mproc_queue_join(queue, MPROC_FOREVER);
}

/* A thread that sleeps until the tasks are done; asserts that it does. */
static void start_joining(work_t *work, mproc_queue_t *queue, unsigned nth, apr_pool_t *mem)
{
    assert_success(start_thread(work, join_for_ever, queue, mem));
    await_joining(queue, nth);
}

/* -- Joining --------------------------------------------------------------------------- */

static void where_nothing_was_put_there_is_nothing_to_wait_for(void **state)
{
    mproc_queue_t *queue = make_with(0, *state);

    assert_success(mproc_queue_join(queue, MPROC_FOREVER));
    assert_success(mproc_queue_join(queue, 0));
    assert_success(mproc_queue_join(queue, -1));
    assert_tasks(queue, 0, 0);
}

static void join_times_out_until_what_was_put_is_got_and_done(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);

    assert_refused(mproc_queue_join(queue, 0), APR_TIMEUP, "not all tasks were done");
    assert_tasks(queue, 2, 0);
    assert_success(take(queue, 2));
    assert_status(mproc_queue_join(queue, A_MOMENT), APR_TIMEUP);
    assert_success(mproc_queue_task_done(queue));
    assert_tasks(queue, 1, 0);
    assert_status(mproc_queue_join(queue, 0), APR_TIMEUP);
    assert_success(mproc_queue_task_done(queue));
    assert_success(mproc_queue_join(queue, 0));
}

static void the_last_task_wakes_all_who_join(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);
    work_t joining[NJOINING];
    unsigned i;

    assert_success(take(queue, 2));
    for (i = 0; i < NJOINING; i++)
        start_joining(&joining[i], queue, i + 1, *state);
    assert_success(finish(queue, 2));
    for (i = 0; i < NJOINING; i++)
        assert_success(end_thread(&joining[i]));
}

static void processes_do_what_another_puts_and_joins(void **state)
{
    mproc_queue_t *queue = make_with(0, *state);
    mproc_process_t *processes[2];
    int round, i;

    for (i = 0; i < 2; i++)
        assert_success(
            mproc_process_start(&processes[i], work_to_the_end, MPROC_PACK(queue), NULL, *state));
    for (round = 0; round < 10; round++) {
        for (i = 0; i < 50; i++)
            assert_success(put_word(queue, "word"));
        assert_success(mproc_queue_join(queue, PATIENCE));
        assert_tasks(queue, 0, 0);
    }
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    for (i = 0; i < 2; i++)
        assert_ended(processes[i], 0);
}

static void another_process_joins(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);
    worker_t worker = start_worker(queue, 1, 0, *state),
             joining = start_worker(queue, 0, 0, *state);

    assert_success(say(joining.line, "join"));
    tell(&worker, "finish", "yes");
    assert_string_equal(hear(joining.line, *state), "yes");
    dismiss(&joining);
    dismiss(&worker);
}

static void a_task_that_is_put_by_another_task_is_waited_for(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);
    worker_t worker = start_worker(queue, 1, 0, *state);

    tell(&worker, "put", "yes");
    tell(&worker, "finish", "yes");
    assert_status(mproc_queue_join(queue, A_MOMENT), APR_TIMEUP);
    tell(&worker, "take", "yes");
    tell(&worker, "finish", "yes");
    assert_success(mproc_queue_join(queue, PATIENCE));
    dismiss(&worker);
}

static void each_message_of_a_batch_is_a_task(void **state)
{
    mproc_queue_t *queue = make_with(4, *state);
    mproc_bytes_t messages[3];
    char buffer[64];
    size_t got;

    assert_success(mproc_queue_get_many(queue, buffer, sizeof buffer, messages, 3, &got, 0));
    assert_int_equal(got, 3);
    assert_success(finish(queue, 3));
    assert_status(mproc_queue_task_done(queue), MPROC_EOVERRELEASE);
    assert_tasks(queue, 1, 0);
    assert_success(take(queue, 1));
    assert_success(finish(queue, 1));
    assert_success(mproc_queue_join(queue, 0));
}

static void a_message_in_pieces_is_one_task(void **state)
{
    mproc_queue_t *queue = make_with(0, *state);
    worker_t worker = start_worker(queue, 0, 0, *state);

    assert_success(say(worker.line, "take"));
    assert_success(put_pattern(queue, IN_PIECES, 0, PATIENCE));
    assert_string_equal(hear(worker.line, *state), "yes");
    assert_tasks(queue, 1, 0);
    tell(&worker, "finish", "yes");
    assert_success(mproc_queue_join(queue, 0));
    dismiss(&worker);
}

/* -- Whose task it is ---------------------------------------------------------------------- */

static void done_too_many_times_is_an_error(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);

    assert_refused(mproc_queue_task_done(queue), MPROC_EOVERRELEASE, "called too many times");
    assert_success(take(queue, 1));
    assert_success(mproc_queue_task_done(queue));
    assert_refused(mproc_queue_task_done(queue), MPROC_EOVERRELEASE, "called too many times");
    assert_tasks(queue, 0, 0);
}

static void what_another_process_got_can_be_done_here(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);
    worker_t worker = start_worker(queue, 2, 0, *state);

    assert_success(mproc_queue_task_done(queue));
    tell(&worker, "finish", "yes");
    assert_success(mproc_queue_join(queue, 0));
    tell(&worker, "finish", "no");
    dismiss(&worker);
}

/* The living one's is done first: the other's can still be told of. */
static void what_a_living_process_got_is_done_before_a_dead_ones(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);
    worker_t dead = start_worker(queue, 1, 0, *state), living = start_worker(queue, 1, 0, *state);

    kill_worker(&dead);
    assert_success(mproc_queue_task_done(queue));
    assert_refused(mproc_queue_join(queue, 0), MPROC_EWORKERDIED,
                   "1 task was not done: who had taken it has died");
    dismiss(&living);
}

/* Who handed it on has died meanwhile, and nobody has joined since. */
static void what_a_dead_process_had_handed_on_can_be_done(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);
    worker_t worker = start_worker(queue, 1, 0, *state);

    kill_worker(&worker);
    assert_success(mproc_queue_task_done(queue));
    assert_success(mproc_queue_join(queue, 0));
    assert_tasks(queue, 0, 0);
}

static apr_status_t work_in_a_thread(void *queue)
{
    int i;

    for (i = 0; i < 100; i++) {
        MPROC_TRY(take(queue, 1));
        MPROC_TRY(finish(queue, 1));
    }
    return APR_SUCCESS;
}

static void threads_of_one_process_share_its_tasks(void **state)
{
    mproc_queue_t *queue = make_with(0, *state);
    work_t work[NJOINING], joining;
    int i;

    for (i = 0; i < NJOINING; i++)
        assert_success(start_thread(&work[i], work_in_a_thread, queue, *state));
    for (i = 0; i < NJOINING * 100; i++)
        assert_success(put_word(queue, "word"));
    assert_success(start_thread(&joining, join_for_ever, queue, *state));
    for (i = 0; i < NJOINING; i++)
        assert_success(end_thread(&work[i]));
    assert_success(end_thread(&joining));
    assert_status(mproc_queue_task_done(queue), MPROC_EOVERRELEASE);
}

static void a_grandchild_does_the_tasks(void **state)
{
    mproc_queue_t *queue = make_with(5, *state);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, hand_on, MPROC_PACK(queue), NULL, *state));
    assert_success(mproc_queue_join(queue, PATIENCE));
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_ended(process, 0);
}

static void a_queue_that_was_sent_counts_tasks_too(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);
    mproc_connection_t *line, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(
        mproc_process_start(&process, receive_and_work, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_send(line, MPROC_PACK(queue), PATIENCE));
    assert_success(mproc_queue_join(queue, PATIENCE));
    assert_ended(process, 0);
}

/* -- Death ----------------------------------------------------------------------------------- */

static void tasks_of_a_dead_process_are_told_once_with_their_number(void **state)
{
    mproc_queue_t *queue = make_with(3, *state);
    worker_t worker = start_worker(queue, 3, 1, *state);

    assert_tasks(queue, 2, 0);
    kill_worker(&worker);
    assert_refused(mproc_queue_join(queue, MPROC_FOREVER), MPROC_EWORKERDIED,
                   "2 tasks were not done: who had taken them has died");
    assert_tasks(queue, 0, 2);
    assert_success(mproc_queue_join(queue, 0));
    assert_status(mproc_queue_task_done(queue), MPROC_EOVERRELEASE);
}

static void who_died_without_a_task_is_not_told_of(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);
    worker_t worker = start_worker(queue, 2, 2, *state);

    kill_worker(&worker);
    assert_success(mproc_queue_join(queue, MPROC_FOREVER));
    assert_tasks(queue, 0, 0);
}

static void join_tells_when_the_living_are_done(void **state)
{
    mproc_queue_t *queue = make_with(3, *state);
    worker_t dead = start_worker(queue, 1, 0, *state), living = start_worker(queue, 1, 0, *state);

    kill_worker(&dead);
    assert_status(mproc_queue_join(queue, A_MOMENT), APR_TIMEUP);
    tell(&living, "finish", "yes");
    assert_status(mproc_queue_join(queue, A_MOMENT), APR_TIMEUP); /* it may take the third */
    tell(&living, "take", "yes");
    tell(&living, "finish", "yes");
    assert_refused(mproc_queue_join(queue, PATIENCE), MPROC_EWORKERDIED, "1 task was not done");
    assert_success(mproc_queue_join(queue, 0));
    dismiss(&living);
}

static void join_ends_where_nobody_is_left_to_get_the_rest(void **state)
{
    mproc_queue_t *queue = make_with(5, *state);
    worker_t worker = start_worker(queue, 2, 0, *state);

    kill_worker(&worker);
    assert_refused(mproc_queue_join(queue, MPROC_FOREVER), MPROC_EWORKERDIED,
                   "2 tasks were not done");
    assert_words(mproc_error_message(), "gets the 3 in the queue");
    assert_status(mproc_queue_join(queue, A_MOMENT), APR_TIMEUP);
    worker = start_worker(queue, 3, 3, *state);
    assert_success(mproc_queue_join(queue, 0));
    dismiss(&worker);
}

static void a_death_ends_joins_that_are_under_way_and_all_are_told(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);
    worker_t worker = start_worker(queue, 2, 0, *state);
    work_t joining[NJOINING];
    unsigned i;

    for (i = 0; i < NJOINING; i++)
        start_joining(&joining[i], queue, i + 1, *state);
    kill_worker(&worker);
    for (i = 0; i < NJOINING; i++)
        assert_status(end_thread(&joining[i]), MPROC_EWORKERDIED);
    assert_tasks(queue, 0, 2);
    assert_success(mproc_queue_join(queue, 0));
}

static void who_closes_the_queue_or_ends_leaves_its_tasks(void **state)
{
    mproc_queue_t *queue = make_with(3, *state);
    worker_t closes = start_worker(queue, 1, 0, *state), ends = start_worker(queue, 2, 0, *state);

    tell(&closes, "close", "yes");
    assert_tasks(queue, 2, 1);
    dismiss(&ends);
    assert_refused(mproc_queue_join(queue, MPROC_FOREVER), MPROC_EWORKERDIED,
                   "3 tasks were not done");
    dismiss(&closes);
}

/* There are two places: each but the first has that of a dead one. */
static void who_takes_the_place_of_a_dead_process_has_its_own_tasks(void **state)
{
    mproc_queue_t *queue = make_with_places(2, 9, *state);
    worker_t worker;
    int i;

    for (i = 0; i < 3; i++) {
        worker = start_worker(queue, 2, 1, *state);
        kill_worker(&worker);
    }
    worker = start_worker(queue, 3, 0, *state);
    assert_tasks(queue, 3, 3);
    for (i = 0; i < 3; i++)
        tell(&worker, "finish", "yes");
    tell(&worker, "finish", "no");
    assert_refused(mproc_queue_join(queue, PATIENCE), MPROC_EWORKERDIED, "3 tasks were not done");
    dismiss(&worker);
    assert_success(mproc_queue_join(queue, 0));
}

static void only_who_died_with_a_task_has_lost_a_message(void **state)
{
    mproc_queue_t *queue = make_with(3, *state);
    worker_t done = start_worker(queue, 1, 1, *state), not_done = start_worker(queue, 2, 1, *state);
    mproc_lost_t lost[3];
    size_t count;

    kill_worker(&done);
    kill_worker(&not_done);
    assert_status(mproc_queue_join(queue, 0), MPROC_EWORKERDIED);
    assert_success(mproc_queue_lost(queue, lost, 3, &count));
    assert_int_equal(count, 1);
    assert_int_equal(lost[0].number, 3);
    assert_int_equal(lost[0].pid, mproc_process_pid(not_done.process));
}

/* -- Shutting down ------------------------------------------------------------------------------ */

static void what_is_shut_down_at_once_is_no_task_any_more(void **state)
{
    mproc_queue_t *queue = make_with(3, *state);
    work_t joining;

    start_joining(&joining, queue, 1, *state);
    assert_success(mproc_queue_shutdown(queue, MPROC_AT_ONCE));
    assert_success(end_thread(&joining));
    assert_tasks(queue, 0, 0);
}

static void what_was_got_before_a_shutdown_is_still_to_be_done(void **state)
{
    mproc_queue_t *queue = make_with(3, *state);

    assert_success(take(queue, 1));
    assert_success(mproc_queue_shutdown(queue, MPROC_AT_ONCE));
    assert_status(mproc_queue_join(queue, 0), APR_TIMEUP);
    assert_tasks(queue, 1, 0);
    assert_success(mproc_queue_task_done(queue));
    assert_success(mproc_queue_join(queue, MPROC_FOREVER));
}

static void a_queue_that_is_drained_is_joined_when_all_is_done(void **state)
{
    mproc_queue_t *queue = make_with(2, *state);

    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_status(mproc_queue_join(queue, 0), APR_TIMEUP);
    assert_success(take(queue, 2));
    assert_success(finish(queue, 2));
    assert_success(mproc_queue_join(queue, MPROC_FOREVER));
}

/* -- What is refused ------------------------------------------------------------------------------- */

static void a_queue_without_the_option_counts_no_tasks(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t unfinished = 77;

    assert_refused(mproc_queue_task_done(queue), APR_EINVAL, "`joinable`");
    assert_refused(mproc_queue_join(queue, 0), APR_EINVAL, "`joinable`");
    assert_refused(mproc_queue_tasks(queue, &unfinished, NULL), APR_EINVAL, "`joinable`");
    assert_int_equal(unfinished, 77);
}

static void a_queue_that_cannot_be_used_is_refused(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);

    assert_refused(mproc_queue_task_done(NULL), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_join(NULL, 0), APR_EINVAL, "is NULL");
    assert_success(mproc_queue_tasks(queue, NULL, NULL));
    assert_success(mproc_queue_close(queue));
    assert_refused(mproc_queue_task_done(queue), MPROC_ECLOSED, "is closed");
    assert_refused(mproc_queue_join(queue, 0), MPROC_ECLOSED, "is closed");
    assert_refused(mproc_queue_tasks(queue, NULL, NULL), MPROC_ECLOSED, "is closed");
}

static void a_queue_in_which_somebody_joins_is_not_closed(void **state)
{
    mproc_queue_t *queue = make_with(1, *state);
    work_t joining;

    start_joining(&joining, queue, 1, *state);
    assert_status(mproc_queue_close(queue), MPROC_EINUSE);
    assert_success(take(queue, 1));
    assert_success(finish(queue, 1));
    assert_success(end_thread(&joining));
    assert_success(mproc_queue_close(queue));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(where_nothing_was_put_there_is_nothing_to_wait_for),
        claim_leaving_nothing(join_times_out_until_what_was_put_is_got_and_done),
        claim_leaving_nothing(the_last_task_wakes_all_who_join),
        claim_leaving_nothing(processes_do_what_another_puts_and_joins),
        claim_leaving_nothing(another_process_joins),
        claim_leaving_nothing(a_task_that_is_put_by_another_task_is_waited_for),
        claim_leaving_nothing(each_message_of_a_batch_is_a_task),
        claim_leaving_nothing(a_message_in_pieces_is_one_task),
        claim_leaving_nothing(done_too_many_times_is_an_error),
        claim_leaving_nothing(what_another_process_got_can_be_done_here),
        claim_leaving_nothing(what_a_living_process_got_is_done_before_a_dead_ones),
        claim_leaving_nothing(what_a_dead_process_had_handed_on_can_be_done),
        claim_leaving_nothing(threads_of_one_process_share_its_tasks),
        claim_leaving_nothing(a_grandchild_does_the_tasks),
        claim_leaving_nothing(a_queue_that_was_sent_counts_tasks_too),
        claim_leaving_nothing(tasks_of_a_dead_process_are_told_once_with_their_number),
        claim_leaving_nothing(who_died_without_a_task_is_not_told_of),
        claim_leaving_nothing(join_tells_when_the_living_are_done),
        claim_leaving_nothing(join_ends_where_nobody_is_left_to_get_the_rest),
        claim_leaving_nothing(a_death_ends_joins_that_are_under_way_and_all_are_told),
        claim_leaving_nothing(who_closes_the_queue_or_ends_leaves_its_tasks),
        claim_leaving_nothing(who_takes_the_place_of_a_dead_process_has_its_own_tasks),
        claim_leaving_nothing(only_who_died_with_a_task_has_lost_a_message),
        claim_leaving_nothing(what_is_shut_down_at_once_is_no_task_any_more),
        claim_leaving_nothing(what_was_got_before_a_shutdown_is_still_to_be_done),
        claim_leaving_nothing(a_queue_that_is_drained_is_joined_when_all_is_done),
        claim_leaving_nothing(a_queue_without_the_option_counts_no_tasks),
        claim_leaving_nothing(a_queue_that_cannot_be_used_is_refused),
        claim_leaving_nothing(a_queue_in_which_somebody_joins_is_not_closed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
