/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The normal end of a program: whatever it has done with its memory, with APR
 * and with its threads by then, it ends as quietly as it would without mproc.
 * Each test runs this program again, which ends in the way that it is told.
 */

#include "claims.h"
#include "run.h"
#include "threads.h"
#include "workers.h"

#include <apr_atomic.h>
#include <apr_general.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *own_path;

static apr_status_t terminate_apr(mproc_task_t *task)
{
    (void)task;
    atexit(apr_terminate);
    return mproc_error_set(MPROC_ETORN, "heard all the same");
}

static const mproc_target_t targets[] = {MPROC_TARGET(terminate_apr), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- Ends ---------------------------------------------------------------------- */

/* What most programs have at their end: a connection, and a child that still runs. */
typedef struct busy_t {
    mproc_connection_t *line;
    mproc_process_t *process;
    apr_uint32_t is_working;
} busy_t;

static busy_t busy;

static void get_busy(apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *there;
    char word[8];
    size_t size;

    options.daemon = 1;
    MPROC_CHECK(mproc_pipe(&busy.line, &there, MPROC_DUPLEX, mem));
    MPROC_CHECK(mproc_process_start(&busy.process, answer, MPROC_PACK(there), &options, mem));
    MPROC_CHECK(mproc_connection_close(there));
    MPROC_CHECK(mproc_connection_recv_bytes(busy.line, word, sizeof word, &size, PATIENCE));
}

static void end_with_a_child(apr_pool_t *mem)
{
    get_busy(mem);
}

static void end_without_memory(apr_pool_t *mem)
{
    get_busy(mem);
    apr_pool_destroy(mem);
}

static void end_with_memory_emptied(apr_pool_t *mem)
{
    get_busy(mem);
    apr_pool_clear(mem);
}

/* The usual last line of a program that uses APR. */
static void end_with_apr_terminated(apr_pool_t *mem)
{
    get_busy(mem);
    apr_terminate();
}

/* The usual first line, but for the guard; it runs before mproc's own handler. */
static void end_with_apr_terminated_by_exit(apr_pool_t *mem)
{
    atexit(apr_terminate);
    get_busy(mem);
}

/* To itself: nothing that ends before the program ends this. */
static apr_status_t talk(void *mem)
{
    mproc_connection_t *here, *there;
    apr_status_t rv = mproc_pipe(&here, &there, MPROC_DUPLEX, mem);
    char word[8];
    size_t size;

    while (rv == APR_SUCCESS) {
        say(here, "word");
        rv = mproc_connection_recv_bytes(there, word, sizeof word, &size, PATIENCE);
        apr_atomic_set32(&busy.is_working, 1);
    }
    return rv;
}

static apr_status_t wait_for_the_child(void *mem)
{
    (void)mem;
    apr_atomic_set32(&busy.is_working, 1);
    return mproc_process_join(busy.process, MPROC_FOREVER);
}

static void end_with_a_thread(work_fn *work, apr_pool_t *mem)
{
    static work_t thread;

    get_busy(mem);
    MPROC_CHECK(start_thread(&thread, work, mem, mem));
    while (apr_atomic_read32(&busy.is_working) == 0)
        apr_thread_yield();
}

static void end_with_a_thread_that_talks(apr_pool_t *mem)
{
    end_with_a_thread(talk, mem);
}

static void end_with_a_thread_that_waits(apr_pool_t *mem)
{
    end_with_a_thread(wait_for_the_child, mem);
}

/* Children that take a moment, ended by the memory that goes. */
static apr_status_t start_and_destroy(void *mem)
{
    for (;;) {
        mproc_process_t *process;
        apr_pool_t *own;
        apr_status_t rv = apr_pool_create(&own, mem);

        if (rv == APR_SUCCESS)
            rv = mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, own);
        if (rv != APR_SUCCESS)
            return rv;
        apr_atomic_set32(&busy.is_working, 1);
        apr_pool_destroy(own);
    }
}

static void end_with_threads_that_destroy(apr_pool_t *mem)
{
    static work_t threads[3];
    size_t i;

    for (i = 0; i < 3; i++)
        MPROC_CHECK(start_thread(&threads[i], start_and_destroy, mem, mem));
    end_with_a_thread(start_and_destroy, mem);
}

typedef struct way_t {
    const char *name;
    void (*end)(apr_pool_t *mem);
} way_t;

static const way_t ways[] = {
    {"with-a-child", end_with_a_child},
    {"without-memory", end_without_memory},
    {"with-memory-emptied", end_with_memory_emptied},
    {"with-apr-terminated", end_with_apr_terminated},
    {"with-apr-terminated-by-exit", end_with_apr_terminated_by_exit},
    {"with-a-thread-that-talks", end_with_a_thread_that_talks},
    {"with-a-thread-that-waits", end_with_a_thread_that_waits},
    {"with-threads-that-destroy", end_with_threads_that_destroy},
};

/* As a program of its own. */
static int end_in_a_way(const char *name, apr_pool_t *mem)
{
    const way_t *way;

    for (way = ways; strcmp(way->name, name) != 0; way++)
        ;
    way->end(mem);
    printf("end of main\n");
    fflush(stdout); /* exit() flushes without a lock: beside a start, which flushes too, text may come twice */
    return 42;
}

/* -- The tests ----------------------------------------------------------------------- */

/* Several times, as threads are in another place each time; a child that stayed would hold stdout. */
static void assert_ends_quietly(const char *name, int times, apr_pool_t *mem)
{
    const char *const arguments[] = {own_path, name, NULL};
    ran_t ran;

    while (times-- > 0) {
        run_program(&ran, arguments, mem);
        assert_string_equal(ran.errors, "");
        assert_string_equal(ran.output, "end of main\n");
        assert_int_equal(ran.exitcode, 42);
    }
}

static void a_program_may_end_with_a_daemonic_child(void **state)
{
    assert_ends_quietly("with-a-child", 1, *state);
}

static void a_program_may_destroy_its_memory_before_it_ends(void **state)
{
    assert_ends_quietly("without-memory", 1, *state);
}

static void a_program_may_empty_its_memory_before_it_ends(void **state)
{
    assert_ends_quietly("with-memory-emptied", 1, *state);
}

static void a_program_may_terminate_apr_before_it_ends(void **state)
{
    assert_ends_quietly("with-apr-terminated", 1, *state);
}

static void a_program_may_terminate_apr_by_exit(void **state)
{
    assert_ends_quietly("with-apr-terminated-by-exit", 1, *state);
}

static void a_program_may_end_while_a_thread_talks(void **state)
{
    assert_ends_quietly("with-a-thread-that-talks", 10, *state);
}

static void a_program_may_end_while_a_thread_waits(void **state)
{
    assert_ends_quietly("with-a-thread-that-waits", 10, *state);
}

static void a_program_may_end_while_threads_destroy_processes(void **state)
{
    assert_ends_quietly("with-threads-that-destroy", 10, *state);
}

static void a_child_that_terminates_apr_is_heard(void **state)
{
    mproc_process_t *process;

    assert_status(status_of(&process, terminate_apr, MPROC_NO_ARGS, NULL, *state), MPROC_ETORN);
    assert_string_equal(mproc_process_error(process), "heard all the same");
    assert_ended(process, 1);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_program_may_end_with_a_daemonic_child),
        claim(a_program_may_destroy_its_memory_before_it_ends),
        claim(a_program_may_empty_its_memory_before_it_ends),
        claim(a_program_may_terminate_apr_before_it_ends),
        claim(a_program_may_terminate_apr_by_exit),
        claim(a_program_may_end_while_a_thread_talks),
        claim(a_program_may_end_while_a_thread_waits),
        claim(a_program_may_end_while_threads_destroy_processes),
        claim(a_child_that_terminates_apr_is_heard),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    if (argc > 1)
        return end_in_a_way(argv[1], mem);
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
