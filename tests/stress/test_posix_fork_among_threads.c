/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: processes that fork while their threads are in the middle of everything.  What a child
 * is given works in it, what it was not given is refused there, and nothing hangs, is damaged, or
 * happens twice.
 */

#include "claims.h"
#include "pools.h"
#include "queues.h"
#include "run.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NTHREADS 8
#define NOTHERS 4
#define FORKS 30
#define COPIES 25
#define PROGRAMS 20
#define FORKS_A_PROGRAM 20

/* Seconds after which a copy by fork(2) is taken to hang. */
#define HANGS_AFTER 60

static const char *own_path;

/* What the threads use, and all children have in their memory. */
typedef struct objects_t {
    mproc_queue_t *queue;
    mproc_lock_t *lock;
    mproc_semaphore_t *semaphore; /* one unit */
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_rwlock_t *rwlock;
    mproc_array_t *array;     /* a long under `lock` */
    mproc_barrier_t *barrier; /* of two; a child and its parent meet at it, and no thread */
    mproc_connection_t *here, *there;
    mproc_connection_t *asks, *answers; /* idle, but when a child is asked */
    mproc_process_t *sibling;
    mproc_connection_t *line; /* the sibling's */
    mproc_pool_t *workers;
} objects_t;

static objects_t not_given;
static _Atomic long is_over, counted, put, got;

/* -- What is refused -------------------------------------------------------------------- */

#define MUST_BE_FOREIGN(call)                                                                      \
    do {                                                                                           \
        if ((call) != MPROC_EFOREIGN)                                                              \
            return mproc_error_set(APR_EGENERAL, "%s is not refused", #call);                      \
    } while (0)

static apr_status_t refuse_queue(void)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(not_given.queue)};
    void *block;
    size_t size;
    char byte;

    MUST_BE_FOREIGN(mproc_queue_put(not_given.queue, MPROC_PACK(1), PATIENCE));
    MUST_BE_FOREIGN(mproc_queue_put_bytes(not_given.queue, "x", 1, PATIENCE));
    MUST_BE_FOREIGN(mproc_queue_get_bytes(not_given.queue, &byte, 1, &size, PATIENCE));
    MUST_BE_FOREIGN(mproc_queue_reserve(not_given.queue, 1, &block, PATIENCE));
    MUST_BE_FOREIGN(mproc_queue_acquire(not_given.queue, &block, &size, PATIENCE));
    MUST_BE_FOREIGN(mproc_queue_qsize(not_given.queue, &size));
    MUST_BE_FOREIGN(mproc_queue_shutdown(not_given.queue, MPROC_AT_ONCE));
    MUST_BE_FOREIGN(mproc_wait(what, 1, PATIENCE));
    return APR_SUCCESS;
}

static apr_status_t refuse_locks(void)
{
    unsigned units;

    MUST_BE_FOREIGN(mproc_lock_acquire(not_given.lock, PATIENCE));
    MUST_BE_FOREIGN(mproc_lock_release(not_given.lock));
    MUST_BE_FOREIGN(mproc_semaphore_acquire(not_given.semaphore, PATIENCE));
    MUST_BE_FOREIGN(mproc_semaphore_release(not_given.semaphore));
    MUST_BE_FOREIGN(mproc_semaphore_get_value(not_given.semaphore, &units));
    MUST_BE_FOREIGN(mproc_rwlock_acquire_read(not_given.rwlock, PATIENCE));
    MUST_BE_FOREIGN(mproc_rwlock_acquire_write(not_given.rwlock, PATIENCE));
    MUST_BE_FOREIGN(mproc_rwlock_release(not_given.rwlock));
    return mproc_array_data(not_given.array) == NULL && mproc_array_lock(not_given.array) == NULL
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "the array is there");
}

static apr_status_t refuse_events(void)
{
    MUST_BE_FOREIGN(mproc_event_wait(not_given.event, PATIENCE));
    MUST_BE_FOREIGN(mproc_event_set(not_given.event));
    MUST_BE_FOREIGN(mproc_event_clear(not_given.event));
    MUST_BE_FOREIGN(mproc_condition_acquire(not_given.condition, PATIENCE));
    MUST_BE_FOREIGN(mproc_condition_wait(not_given.condition, PATIENCE));
    MUST_BE_FOREIGN(mproc_condition_notify_all(not_given.condition));
    MUST_BE_FOREIGN(mproc_condition_release(not_given.condition));
    MUST_BE_FOREIGN(mproc_barrier_wait(not_given.barrier, NULL, PATIENCE));
    MUST_BE_FOREIGN(mproc_barrier_abort(not_given.barrier));
    MUST_BE_FOREIGN(mproc_barrier_reset(not_given.barrier));
    return APR_SUCCESS;
}

static apr_status_t refuse_processes(void)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(not_given.sibling)};
    apr_int64_t pids[4];
    size_t count;

    MUST_BE_FOREIGN(mproc_process_join(not_given.sibling, PATIENCE));
    MUST_BE_FOREIGN(mproc_process_kill(not_given.sibling));
    MUST_BE_FOREIGN(mproc_process_close(not_given.sibling));
    MUST_BE_FOREIGN(mproc_wait(what, 1, PATIENCE));
    MUST_BE_FOREIGN(mproc_pool_apply(not_given.workers, tell_pid, MPROC_NO_ARGS, NULL, PATIENCE));
    MUST_BE_FOREIGN(mproc_pool_pids(not_given.workers, pids, 4, &count));
    MUST_BE_FOREIGN(mproc_pool_resize(not_given.workers, 1));
    MUST_BE_FOREIGN(mproc_pool_close(not_given.workers));
    MUST_BE_FOREIGN(mproc_pool_terminate(not_given.workers));
    MUST_BE_FOREIGN(mproc_pool_join(not_given.workers, PATIENCE));
    return APR_SUCCESS;
}

static apr_status_t refuse_all(void)
{
    MPROC_TRY(refuse_queue());
    MPROC_TRY(refuse_locks());
    MPROC_TRY(refuse_events());
    return refuse_processes();
}

/* A copy by fork(2) has them as it has any descriptor. */
static apr_status_t refuse_connections(void)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(not_given.there)};
    char byte;
    size_t size;

    MUST_BE_FOREIGN(mproc_connection_send_bytes(not_given.here, "x", 1, PATIENCE));
    MUST_BE_FOREIGN(mproc_connection_recv_bytes(not_given.there, &byte, 1, &size, PATIENCE));
    MUST_BE_FOREIGN(mproc_connection_poll(not_given.there, PATIENCE));
    MUST_BE_FOREIGN(mproc_wait(what, 1, PATIENCE));
    return APR_SUCCESS;
}

/* For this process; the parent and its threads go on. */
static apr_status_t close_all(void)
{
    MPROC_TRY(mproc_queue_close(not_given.queue));
    MPROC_TRY(mproc_lock_close(not_given.lock));
    MPROC_TRY(mproc_semaphore_close(not_given.semaphore));
    MPROC_TRY(mproc_event_close(not_given.event));
    MPROC_TRY(mproc_condition_close(not_given.condition));
    MPROC_TRY(mproc_rwlock_close(not_given.rwlock));
    MPROC_TRY(mproc_array_close(not_given.array));
    return mproc_barrier_close(not_given.barrier);
}

/* -- What the threads and the children do ------------------------------------------------ */

static apr_status_t count_me(const objects_t *objects)
{
    MPROC_TRY(mproc_lock_acquire(objects->lock, PATIENCE));
    *(long *)mproc_array_data(objects->array) += 1;
    return mproc_lock_release(objects->lock);
}

static apr_status_t hold_locks(const objects_t *objects)
{
    MPROC_TRY(count_me(objects));
    MPROC_TRY(mproc_semaphore_acquire(objects->semaphore, PATIENCE));
    MPROC_TRY(mproc_condition_acquire(objects->condition, PATIENCE));
    MPROC_TRY(mproc_event_set(objects->event));
    MPROC_TRY(mproc_condition_notify_all(objects->condition));
    MPROC_TRY(mproc_condition_release(objects->condition));
    MPROC_TRY(mproc_semaphore_release(objects->semaphore));
    MPROC_TRY(mproc_rwlock_acquire_write(objects->rwlock, PATIENCE));
    return mproc_rwlock_release(objects->rwlock);
}

/* One is put and one is got: which, is all the same. */
static apr_status_t put_one(const objects_t *objects)
{
    apr_uint64_t number = (apr_uint64_t)getpid();

    return mproc_queue_put_bytes(objects->queue, &number, sizeof number, PATIENCE);
}

static apr_status_t get_one(const objects_t *objects)
{
    apr_uint64_t number;
    size_t size;

    MPROC_TRY(mproc_queue_get_bytes(objects->queue, &number, sizeof number, &size, PATIENCE));
    return size == sizeof number
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "a message of %u bytes came", (unsigned)size);
}

/* -- The children --------------------------------------------------------------------- */

/* Memory, a pipe and a child of its own: what would need a lock that a thread held. */
static apr_status_t make_things(mproc_task_t *task)
{
    apr_pool_t *mem;
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    MPROC_TRY(apr_pool_create(&mem, mproc_task_mem(task)));
    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_set_forkserver_preload(NULL));
    MPROC_TRY(mproc_set_executable(NULL));
    MPROC_TRY(mproc_set_start_method(NULL, 1));
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    apr_pool_destroy(mem);
    return APR_SUCCESS;
}

/* What the threads of the parent do comes here. */
static apr_status_t be_notified(const objects_t *objects)
{
    MPROC_TRY(mproc_event_clear(objects->event));
    MPROC_TRY(mproc_event_wait(objects->event, PATIENCE));
    MPROC_TRY(mproc_condition_acquire(objects->condition, PATIENCE));
    MPROC_TRY(mproc_condition_wait(objects->condition, PATIENCE));
    MPROC_TRY(mproc_condition_release(objects->condition));
    MPROC_TRY(mproc_rwlock_acquire_read(objects->rwlock, PATIENCE));
    return mproc_rwlock_release(objects->rwlock);
}

/* By an end that is asked now and then, and always by the same word. */
static apr_status_t answer_once(mproc_connection_t *answers, apr_pool_t *mem)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(answers)};

    MPROC_TRY(mproc_wait(what, 1, PATIENCE));
    MPROC_TRY(mproc_connection_poll(answers, 0));
    return strcmp(hear(answers, mem), "who?") == 0
               ? say(answers, "it is me")
               : mproc_error_set(APR_EGENERAL, "another word came");
}

static apr_status_t take_part(mproc_task_t *task)
{
    objects_t given;

    MPROC_TRY(refuse_all());
    MPROC_TRY(refuse_connections());
    MPROC_TRY(MPROC_UNPACK(task, &given.queue, &given.lock, &given.semaphore, &given.event,
                           &given.condition, &given.rwlock, &given.array, &given.barrier,
                           &given.answers));
    MPROC_TRY(put_one(&given));
    MPROC_TRY(hold_locks(&given));
    MPROC_TRY(get_one(&given));
    MPROC_TRY(be_notified(&given));
    MPROC_TRY(answer_once(given.answers, mproc_task_mem(task)));
    MPROC_TRY(make_things(task));
    MPROC_TRY(refuse_all());
    MPROC_TRY(close_all());
    return mproc_barrier_wait(given.barrier, NULL, PATIENCE);
}

static const mproc_target_t targets[] = {MPROC_TARGET(take_part), MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- The threads ------------------------------------------------------------------------- */

static apr_status_t put_and_get_and_lock(void *data)
{
    (void)data;
    while (!atomic_load(&is_over)) {
        MPROC_TRY(put_one(&not_given));
        atomic_fetch_add(&put, 1);
        MPROC_TRY(get_one(&not_given));
        atomic_fetch_add(&got, 1);
        MPROC_TRY(hold_locks(&not_given));
        atomic_fetch_add(&counted, 1);
    }
    return APR_SUCCESS;
}

static apr_status_t use_pool(void *data)
{
    (void)data;
    while (!atomic_load(&is_over))
        MPROC_TRY(apply_deed(not_given.workers, SQUARE, 3));
    return APR_SUCCESS;
}

/* What is under a lock of the library's own for a moment. */
static apr_status_t set_all(void *data)
{
    (void)data;
    while (!atomic_load(&is_over)) {
        MPROC_TRY(mproc_set_forkserver_preload(NULL));
        MPROC_TRY(mproc_set_executable(NULL));
        MPROC_TRY(mproc_set_start_method(NULL, 1));
    }
    return APR_SUCCESS;
}

/* What is on the list of this process's belongings for a moment. */
static apr_status_t make_and_end(void *mem)
{
    while (!atomic_load(&is_over)) {
        mproc_connection_t *here, *there;
        mproc_lock_t *lock;
        apr_pool_t *own;

        MPROC_TRY(apr_pool_create(&own, mem));
        MPROC_TRY(mproc_lock_create(&lock, NULL, own));
        MPROC_TRY(mproc_pipe(&here, &there, MPROC_ONE_WAY, own));
        apr_pool_destroy(own);
    }
    return APR_SUCCESS;
}

/* What comes to one end went in at the other, and in order. */
static apr_status_t talk(void *data)
{
    char word[32], heard[32];
    size_t size;
    int i;

    (void)data;
    for (i = 0; !atomic_load(&is_over); i++) {
        snprintf(word, sizeof word, "word %d", i);
        MPROC_TRY(say(not_given.here, word));
        MPROC_TRY(
            mproc_connection_recv_bytes(not_given.there, heard, sizeof heard, &size, PATIENCE));
        if (size != strlen(word) || memcmp(word, heard, size) != 0)
            return mproc_error_set(APR_EGENERAL, "%s was heard by another", word);
    }
    return APR_SUCCESS;
}

static void make_all(apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.start_method = MPROC_SPAWN;
    not_given.workers = make_workers(2, &options, mem);
    start_born(&not_given.sibling, &not_given.line, answer, NULL, mem);
    not_given.queue = make_queue(SMALL_RING, 0, mem);
    assert_success(mproc_lock_create(&not_given.lock, NULL, mem));
    assert_success(mproc_semaphore_create(&not_given.semaphore, 1, NULL, mem));
    assert_success(mproc_event_create(&not_given.event, NULL, mem));
    assert_success(mproc_condition_create(&not_given.condition, NULL, mem));
    assert_success(mproc_barrier_create(&not_given.barrier, 2, NULL, mem));
    assert_success(mproc_rwlock_create(&not_given.rwlock, NULL, mem));
    assert_success(mproc_array_create(&not_given.array, 1, sizeof(long), mem));
    assert_success(mproc_pipe(&not_given.here, &not_given.there, MPROC_DUPLEX, mem));
    assert_success(mproc_pipe(&not_given.asks, &not_given.answers, MPROC_DUPLEX, mem));
}

/* In memory of its own, which it may use as it likes. */
static void start_with_memory(work_t *work, work_fn *function, apr_pool_t *mem)
{
    apr_pool_t *own;

    assert_success(apr_pool_create(&own, mem));
    assert_success(start_thread(work, function, own, own));
}

/* Eight put, get and hold locks, beside others. */
static void start_threads(work_t work[NTHREADS + NOTHERS], apr_pool_t *mem)
{
    static work_fn *const others[NOTHERS] = {use_pool, talk, set_all, make_and_end};
    int i;

    atomic_store(&is_over, 0);
    atomic_store(&counted, 0);
    atomic_store(&put, 0);
    atomic_store(&got, 0);
    for (i = 0; i < NTHREADS; i++)
        start_with_memory(&work[i], put_and_get_and_lock, mem);
    for (i = 0; i < NOTHERS; i++)
        start_with_memory(&work[NTHREADS + i], others[i], mem);
}

static void end_threads(work_t work[NTHREADS + NOTHERS])
{
    int i;

    atomic_store(&is_over, 1);
    for (i = 0; i < NTHREADS + NOTHERS; i++)
        assert_success(end_thread(&work[i]));
}

/* Nothing was lost or happened twice, and what was refused to children works. */
static void assert_unharmed(long children, apr_pool_t *mem)
{
    assert_int_equal(*(long *)mproc_array_data(not_given.array), atomic_load(&counted) + children);
    assert_int_equal(count_messages(not_given.queue), atomic_load(&put) - atomic_load(&got));
    assert_int_equal(mproc_barrier_broken(not_given.barrier), 0);
    assert_success(say(not_given.line, "still there?"));
    assert_string_equal(hear(not_given.line, mem), "still there?");
    assert_success(mproc_pool_close(not_given.workers));
    assert_joins(not_given.workers);
}

/* -- Children of the fork method ------------------------------------------------------------- */

static apr_status_t ask(mproc_connection_t *asks, apr_pool_t *mem)
{
    const char *answer;

    MPROC_TRY(say(asks, "who?"));
    answer = hear(asks, mem);
    return strcmp(answer, "it is me") == 0
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "the answer is \"%s\"", answer);
}

/* The child has all of it twice: as its parent's, which is refused, and as its own. */
static apr_status_t fork_one(const objects_t *objects, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    apr_status_t rv;

    options.start_method = MPROC_FORK;
    MPROC_TRY(mproc_process_start(&process, take_part,
                                  MPROC_PACK(objects->queue, objects->lock, objects->semaphore,
                                             objects->event, objects->condition, objects->rwlock,
                                             objects->array, objects->barrier, objects->answers),
                                  &options, mem));
    rv = ask(objects->asks, mem);
    if (rv == APR_SUCCESS)
        rv = mproc_barrier_wait(objects->barrier, NULL, PATIENCE);
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    MPROC_TRY(mproc_process_status(process));
    MPROC_TRY(mproc_process_close(process));
    return rv;
}

static void children_take_part_with_what_they_are_given_and_have_nothing_else(void **state)
{
    work_t work[NTHREADS + NOTHERS];
    int i, forks = FORKS * test_scale();
    apr_status_t rv = APR_SUCCESS;

    make_all(*state);
    start_threads(work, *state);
    for (i = 0; rv == APR_SUCCESS && i < forks; i++) {
        apr_pool_t *mem;

        assert_success(apr_pool_create(&mem, *state));
        rv = fork_one(&not_given, mem);
        apr_pool_destroy(mem);
    }
    end_threads(work);
    assert_success(rv);
    assert_unharmed(forks, *state);
}

/* With a barrier and a pipe of this thread's. */
static apr_status_t fork_some(void *mem)
{
    objects_t objects = not_given;
    int i;

    MPROC_TRY(mproc_barrier_create(&objects.barrier, 2, NULL, mem));
    MPROC_TRY(mproc_pipe(&objects.asks, &objects.answers, MPROC_DUPLEX, mem));
    for (i = 0; i < FORKS * test_scale() / 4; i++)
        MPROC_TRY(fork_one(&objects, mem));
    return APR_SUCCESS;
}

static void threads_that_fork_do_not_get_into_each_others_way(void **state)
{
    work_t work[NTHREADS + NOTHERS], forking[3];
    int i;

    make_all(*state);
    start_threads(work, *state);
    for (i = 0; i < 3; i++)
        start_with_memory(&forking[i], fork_some, *state);
    for (i = 0; i < 3; i++)
        assert_success(end_thread(&forking[i]));
    end_threads(work);
    assert_unharmed(3 * (FORKS * test_scale() / 4), *state);
}

/* -- Copies by fork(2) ------------------------------------------------------------------------- */

/* One of each kind, of its own: what would need a lock that a thread held. */
static apr_status_t use_own(apr_pool_t *parents)
{
    objects_t own;
    apr_pool_t *mem;

    MPROC_TRY(apr_pool_create(&mem, parents));
    MPROC_TRY(mproc_queue_create(&own.queue, NULL, mem));
    MPROC_TRY(mproc_lock_create(&own.lock, NULL, mem));
    MPROC_TRY(mproc_semaphore_create(&own.semaphore, 1, NULL, mem));
    MPROC_TRY(mproc_event_create(&own.event, NULL, mem));
    MPROC_TRY(mproc_condition_create(&own.condition, NULL, mem));
    MPROC_TRY(mproc_barrier_create(&own.barrier, 1, NULL, mem));
    MPROC_TRY(mproc_rwlock_create(&own.rwlock, NULL, mem));
    MPROC_TRY(mproc_array_create(&own.array, 1, sizeof(long), mem));
    MPROC_TRY(mproc_pipe(&own.asks, &own.answers, MPROC_DUPLEX, mem));
    MPROC_TRY(put_one(&own));
    MPROC_TRY(hold_locks(&own));
    MPROC_TRY(get_one(&own));
    MPROC_TRY(mproc_event_wait(own.event, 0));
    MPROC_TRY(mproc_barrier_wait(own.barrier, NULL, 0));
    MPROC_TRY(say(own.asks, "who?"));
    MPROC_TRY(answer_once(own.answers, mem));
    apr_pool_destroy(mem);
    return APR_SUCCESS;
}

/* A thread was in the middle of a word or was not. */
static apr_status_t close_line_of_threads(mproc_connection_t *connection)
{
    apr_status_t rv = mproc_connection_close(connection);

    return rv == MPROC_EINUSE ? APR_SUCCESS : rv;
}

static apr_status_t be_a_copy(apr_pool_t *mem)
{
    mproc_process_t *process;

    MPROC_TRY(refuse_all());
    MUST_BE_FOREIGN(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem));
    MUST_BE_FOREIGN(mproc_forkserver_ensure_running());
    MPROC_TRY(answer_once(not_given.answers, mem));
    MPROC_TRY(use_own(mem));
    MPROC_TRY(close_line_of_threads(not_given.here));
    MPROC_TRY(close_line_of_threads(not_given.there));
    MPROC_TRY(mproc_connection_close(not_given.answers));
    MPROC_TRY(close_all());
    return refuse_all();
}

/* No stream is used, as a thread may have held its lock. */
static _Noreturn void end_as_a_copy(apr_status_t rv)
{
    const char *words = mproc_error_message();

    if (rv == APR_SUCCESS)
        _exit(0);
    _exit(write(STDERR_FILENO, words, strlen(words)) > 0 ? 1 : 2);
}

/* One that does not answer hangs, and maybe with its signals held. */
static apr_status_t copy_once(apr_pool_t *mem)
{
    apr_status_t rv;
    int how;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(HANGS_AFTER);
        end_as_a_copy(be_a_copy(mem));
    }
    rv = ask(not_given.asks, mem);
    if (rv != APR_SUCCESS)
        kill(pid, SIGKILL);
    while (waitpid(pid, &how, 0) != pid)
        ;
    return rv != APR_SUCCESS || how == 0
               ? rv
               : mproc_error_set(APR_EGENERAL, "a copy ended with %d", how);
}

static void a_copy_is_refused_its_parents_objects_and_makes_its_own(void **state)
{
    work_t work[NTHREADS + NOTHERS];
    apr_status_t rv = APR_SUCCESS;
    int i;

    make_all(*state);
    start_threads(work, *state);
    for (i = 0; rv == APR_SUCCESS && i < COPIES * test_scale(); i++) {
        apr_pool_t *mem;

        assert_success(apr_pool_create(&mem, *state));
        rv = copy_once(mem);
        apr_pool_destroy(mem);
    }
    end_threads(work);
    assert_success(rv);
    assert_unharmed(0, *state);
}

/* -- Initialised in a thread: this program is run again ---------------------------------------- */

static _Atomic int is_forking, is_initialised;
static int main_argc;
static const char *const *main_argv;

static apr_status_t initialise(void *data)
{
    static apr_pool_t *mem;

    (void)data;
    while (!atomic_load(&is_forking))
        ;
    mproc_init(&mem, &main_argc, &main_argv, targets);
    atomic_store(&is_initialised, 1);
    return APR_SUCCESS;
}

static int is_refusal(apr_status_t rv)
{
    return rv == MPROC_EBOOTSTRAP || rv == MPROC_EFOREIGN;
}

/* A fork(2) of a process that may be in the middle of it, at once; its own exit code says how. */
static _Noreturn void be_refused(apr_pool_t *mem)
{
    mproc_process_t *process;

    alarm(20);
    _exit(!is_refusal(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem)) +
          2 * !is_refusal(mproc_set_start_method(MPROC_SPAWN, 1)) +
          4 * !is_refusal(mproc_forkserver_ensure_running()));
}

static int fork_and_wait(apr_pool_t *mem)
{
    int how;
    pid_t pid = fork();

    if (pid == 0)
        be_refused(mem);
    while (waitpid(pid, &how, 0) != pid)
        ;
    return how;
}

/* Prints how the first child ended that did not end well. */
static int be_initialised_in_a_thread(void)
{
    mproc_process_t *process;
    apr_pool_t *mem;
    work_t work;
    int i, how = 0;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    MPROC_CHECK(start_thread(&work, initialise, NULL, mem));
    for (i = 0; how == 0 && (i < FORKS_A_PROGRAM || !atomic_load(&is_initialised)); i++) {
        atomic_store(&is_forking, 1);
        how = fork_and_wait(mem);
    }
    MPROC_CHECK(end_thread(&work));
    MPROC_CHECK(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(process, PATIENCE));
    printf("a fork ended with %d, and a child with %d", how, mproc_process_status(process));
    return 0;
}

static void a_fork_beside_a_thread_that_initialises_the_library_is_refused(void **state)
{
    const char *const arguments[] = {own_path, "initialise", NULL};
    int i;

    for (i = 0; i < PROGRAMS * test_scale(); i++) {
        apr_pool_t *mem;
        ran_t ran;

        assert_success(apr_pool_create(&mem, *state));
        run_program(&ran, arguments, mem);
        assert_string_equal(ran.errors, "");
        assert_string_equal(ran.output, "a fork ended with 0, and a child with 0");
        assert_int_equal(ran.exitcode, 0);
        apr_pool_destroy(mem);
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(children_take_part_with_what_they_are_given_and_have_nothing_else),
        claim_leaving_nothing(threads_that_fork_do_not_get_into_each_others_way),
        claim_leaving_nothing(a_copy_is_refused_its_parents_objects_and_makes_its_own),
        claim(a_fork_beside_a_thread_that_initialises_the_library_is_refused),
    };
    apr_pool_t *mem;

    main_argc = argc;
    main_argv = argv;
    if (argc > 1 && strcmp(argv[1], "initialise") == 0)
        return be_initialised_in_a_thread();
    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
