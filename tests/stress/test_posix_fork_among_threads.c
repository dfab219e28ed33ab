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

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NTHREADS 8
#define FORKS 50
#define PROGRAMS 20
#define FORKS_A_PROGRAM 20

static const char *own_path;

/* What the threads use, and all children have in their memory. */
typedef struct objects_t {
    mproc_queue_t *queue;
    mproc_lock_t *lock;
    mproc_semaphore_t *semaphore; /* one unit */
    mproc_event_t *event;
    mproc_condition_t *condition;
    mproc_barrier_t *barrier;
    mproc_rwlock_t *rwlock;
    mproc_array_t *array; /* a long under `lock` */
    mproc_connection_t *here, *there;
    mproc_pool_t *workers;
} objects_t;

static objects_t not_given;
static _Atomic long is_over, counted, put, got;

/* -- The children --------------------------------------------------------------------- */

#define MUST_BE_FOREIGN(call)                                                                      \
    do {                                                                                           \
        if ((call) != MPROC_EFOREIGN)                                                              \
            return mproc_error_set(APR_EGENERAL, "%s is not refused", #call);                      \
    } while (0)

static apr_status_t use_what_was_not_given(void)
{
    char byte;
    size_t size;

    MUST_BE_FOREIGN(mproc_queue_put_bytes(not_given.queue, "x", 1, PATIENCE));
    MUST_BE_FOREIGN(mproc_queue_get_bytes(not_given.queue, &byte, 1, &size, PATIENCE));
    MUST_BE_FOREIGN(mproc_lock_acquire(not_given.lock, PATIENCE));
    MUST_BE_FOREIGN(mproc_lock_release(not_given.lock));
    MUST_BE_FOREIGN(mproc_semaphore_acquire(not_given.semaphore, PATIENCE));
    MUST_BE_FOREIGN(mproc_event_wait(not_given.event, PATIENCE));
    MUST_BE_FOREIGN(mproc_condition_acquire(not_given.condition, PATIENCE));
    MUST_BE_FOREIGN(mproc_barrier_wait(not_given.barrier, NULL, PATIENCE));
    MUST_BE_FOREIGN(mproc_rwlock_acquire_read(not_given.rwlock, PATIENCE));
    MUST_BE_FOREIGN(mproc_connection_send_bytes(not_given.here, "x", 1, PATIENCE));
    MUST_BE_FOREIGN(mproc_connection_recv_bytes(not_given.there, &byte, 1, &size, PATIENCE));
    MUST_BE_FOREIGN(mproc_pool_apply(not_given.workers, tell_pid, MPROC_NO_ARGS, NULL, PATIENCE));
    return APR_SUCCESS;
}

static apr_status_t count_me(mproc_lock_t *lock, mproc_array_t *array)
{
    MPROC_TRY(mproc_lock_acquire(lock, PATIENCE));
    *(long *)mproc_array_data(array) += 1;
    return mproc_lock_release(lock);
}

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

/* It puts one more, and gets one: which, is all the same. */
static apr_status_t take_part(mproc_task_t *task)
{
    mproc_queue_t *queue;
    mproc_lock_t *lock;
    mproc_array_t *array;
    apr_uint64_t number;
    size_t size;

    MPROC_TRY(use_what_was_not_given());
    MPROC_TRY(MPROC_UNPACK(task, &queue, &lock, &array));
    number = (apr_uint64_t)getpid();
    MPROC_TRY(mproc_queue_put_bytes(queue, &number, sizeof number, PATIENCE));
    MPROC_TRY(count_me(lock, array));
    MPROC_TRY(mproc_queue_get_bytes(queue, &number, sizeof number, &size, PATIENCE));
    if (size != sizeof number)
        return mproc_error_set(APR_EGENERAL, "a message of %u bytes came", (unsigned)size);
    MPROC_TRY(make_things(task));
    return use_what_was_not_given();
}

static const mproc_target_t targets[] = {MPROC_TARGET(take_part), MPROC_TARGETS_OF(pool_targets),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- The threads ------------------------------------------------------------------------- */

static apr_status_t put_and_get(void)
{
    apr_uint64_t number = 4711;
    size_t size;

    MPROC_TRY(mproc_queue_put_bytes(not_given.queue, &number, sizeof number, PATIENCE));
    atomic_fetch_add(&put, 1);
    MPROC_TRY(mproc_queue_get_bytes(not_given.queue, &number, sizeof number, &size, PATIENCE));
    atomic_fetch_add(&got, 1);
    return size == sizeof number ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t hold_locks(void)
{
    MPROC_TRY(count_me(not_given.lock, not_given.array));
    atomic_fetch_add(&counted, 1);
    MPROC_TRY(mproc_semaphore_acquire(not_given.semaphore, PATIENCE));
    MPROC_TRY(mproc_condition_acquire(not_given.condition, PATIENCE));
    MPROC_TRY(mproc_event_set(not_given.event));
    MPROC_TRY(mproc_condition_notify_all(not_given.condition));
    MPROC_TRY(mproc_condition_release(not_given.condition));
    MPROC_TRY(mproc_semaphore_release(not_given.semaphore));
    MPROC_TRY(mproc_rwlock_acquire_write(not_given.rwlock, PATIENCE));
    return mproc_rwlock_release(not_given.rwlock);
}

static apr_status_t put_and_get_and_lock(void *data)
{
    (void)data;
    while (!atomic_load(&is_over)) {
        MPROC_TRY(put_and_get());
        MPROC_TRY(hold_locks());
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
    not_given.queue = make_queue(SMALL_RING, 0, mem);
    assert_success(mproc_lock_create(&not_given.lock, NULL, mem));
    assert_success(mproc_semaphore_create(&not_given.semaphore, 1, NULL, mem));
    assert_success(mproc_event_create(&not_given.event, NULL, mem));
    assert_success(mproc_condition_create(&not_given.condition, NULL, mem));
    assert_success(mproc_barrier_create(&not_given.barrier, 2, NULL, mem));
    assert_success(mproc_rwlock_create(&not_given.rwlock, NULL, mem));
    assert_success(mproc_array_create(&not_given.array, 1, sizeof(long), mem));
    assert_success(mproc_pipe(&not_given.here, &not_given.there, MPROC_DUPLEX, mem));
}

/* Five put, get and lock. */
static void start_threads(work_t work[NTHREADS], apr_pool_t *mem)
{
    static work_fn *const others[] = {use_pool, talk, set_all};
    int i;

    atomic_store(&is_over, 0);
    atomic_store(&counted, 0);
    atomic_store(&put, 0);
    atomic_store(&got, 0);
    for (i = 0; i < NTHREADS; i++) {
        apr_pool_t *own;

        assert_success(apr_pool_create(&own, mem));
        assert_success(start_thread(&work[i], i < 3 ? others[i] : put_and_get_and_lock, NULL, own));
    }
}

static void end_threads(work_t work[NTHREADS])
{
    int i;

    atomic_store(&is_over, 1);
    for (i = 0; i < NTHREADS; i++)
        assert_success(end_thread(&work[i]));
}

/* -- The tests ------------------------------------------------------------------------------- */

/*
 * The children have the queue, the lock and the array twice: as their parent's, which are refused, and
 * as their own, with which they take part.
 */
static void children_take_part_with_what_they_are_given_and_have_nothing_else(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    work_t work[NTHREADS];
    int i, forks = FORKS * test_scale();

    make_all(*state);
    start_threads(work, *state);
    options.start_method = MPROC_FORK;
    for (i = 0; i < forks; i++) {
        apr_pool_t *mem;
        mproc_process_t *process;

        assert_success(apr_pool_create(&mem, *state));
        assert_success(status_of(&process, take_part,
                                 MPROC_PACK(not_given.queue, not_given.lock, not_given.array),
                                 &options, mem));
        apr_pool_destroy(mem);
    }
    end_threads(work);
    assert_int_equal(*(long *)mproc_array_data(not_given.array), atomic_load(&counted) + forks);
    assert_int_equal(count_messages(not_given.queue), atomic_load(&put) - atomic_load(&got));
    assert_success(mproc_pool_close(not_given.workers));
    assert_joins(not_given.workers);
}

/* Three threads fork at once, beside one that makes and ends what has locks of its own. */
static apr_status_t fork_some(void *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    int i;

    options.start_method = MPROC_FORK;
    for (i = 0; i < FORKS * test_scale() / 4; i++) {
        mproc_process_t *process;

        MPROC_TRY(mproc_process_start(&process, take_part,
                                      MPROC_PACK(not_given.queue, not_given.lock, not_given.array),
                                      &options, mem));
        MPROC_TRY(mproc_process_join(process, PATIENCE));
        MPROC_TRY(mproc_process_status(process));
        MPROC_TRY(mproc_process_close(process));
    }
    return APR_SUCCESS;
}

static void threads_that_fork_do_not_get_into_each_others_way(void **state)
{
    work_t work[NTHREADS], forking[3];
    int i;

    make_all(*state);
    start_threads(work, *state);
    for (i = 0; i < 3; i++) {
        apr_pool_t *own;

        assert_success(apr_pool_create(&own, *state));
        assert_success(start_thread(&forking[i], fork_some, own, own));
    }
    for (i = 0; i < 3; i++)
        assert_success(end_thread(&forking[i]));
    end_threads(work);
    assert_success(mproc_pool_close(not_given.workers));
    assert_joins(not_given.workers);
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
