/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_POOLS_H
#define MPROC_TESTS_POOLS_H

/*
 * Pools for tests, and workers that do what they are told: a deed an item, or a call.  The targets
 * go into a test's own table by MPROC_TARGETS_OF(pool_targets).
 */

#include <mproc.h>

/* What a worker is to do; but for the first, those of a crew say "begun" before. */
typedef enum way_t {
    SQUARE,        /* compute, and no more */
    FAIL,          /* return MPROC_ERANGE, and words with the number */
    FAIL_SILENTLY, /* return MPROC_ERANGE, and no words */
    WAIT,          /* until a word comes through the gate, and compute then */
    SPIN,          /* until it is overdue, and compute then */
    FALL_ASLEEP,   /* and never wake up */
    GET_KILLED,
    ABORT,
    CRASH,
    EXIT_0,
    EXIT_3
} way_t;

typedef struct deed_t {
    int way;
    int number; /* to be squared */
} deed_t;

/* A pool, and two queues that its workers have got by their initializer. */
typedef struct crew_t {
    mproc_pool_t *workers;
    mproc_queue_t *news; /* words from them */
    mproc_queue_t *gate; /* a word lets one that waits go on */
} crew_t;

extern const mproc_target_t pool_targets[];

/* Items: an int and its square; a deed_t and the square of its number. */
apr_status_t square(const void *item, void *result, mproc_task_t *task);
apr_status_t do_deed(const void *item, void *result, mproc_task_t *task);

/* The process that does an item, an apr_int64_t, whatever the item is. */
apr_status_t name_worker(const void *item, void *result, mproc_task_t *task);

/* Calls: (way, number) and the square; bytes and the same bytes; nothing and the worker's process. */
apr_status_t call_deed(mproc_task_t *task);
apr_status_t echo(mproc_task_t *task);
apr_status_t tell_pid(mproc_task_t *task);

/* The initializer of a crew, for tests that call it with more before it. */
apr_status_t join_crew(mproc_task_t *task);

/* Those who have joined a crew say a word, as they do with "begun". */
apr_status_t tell_news(const char *word);

/* -- Below: for the tests' own side, as they assert. -- */

mproc_pool_t *make_workers(int processes, const mproc_pool_options_t *options, apr_pool_t *mem);

/* Options with another initializer than join_crew() get the same arguments. */
void make_crew(crew_t *crew, int processes, const mproc_pool_options_t *options, apr_pool_t *mem);

/* So many workers have said a word. */
void await_news(const crew_t *crew, const char *word, int times);

/* Let so many of those who wait go on. */
void open_gate(const crew_t *crew, int times);

/* A call of call_deed() that is under way. */
mproc_result_t *start_deed(mproc_pool_t *workers, way_t way, int number,
                           const mproc_async_options_t *options, apr_pool_t *mem);

/* Call call_deed(): what comes of it in time. */
apr_status_t apply_deed(mproc_pool_t *workers, way_t way, int number);

/* The pool does what it is given. */
void assert_works(mproc_pool_t *workers);

/* Join it in time, which its end is to be. */
void assert_joins(mproc_pool_t *workers);

/* How many workers there are. */
size_t count_workers(mproc_pool_t *workers);

/* Wait until there are so many. */
void await_workers(mproc_pool_t *workers, size_t count);

#endif
