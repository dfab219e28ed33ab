/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One number that several processes count up: without a lock the count is wrong, and with one it
 * is right.
 *
 * To add 1 is to read a number, to add, and to write the sum.  When another process reads in between,
 * both have seen the same number and write the same sum: one of the two additions is lost.  A compiler
 * may make one instruction of it, and even that is three steps to the other CPUs.
 */

#include <mproc.h>

#include <apr_thread_proc.h>

#include <stdio.h>

#define PROCESSES 4
#define TIMES 100000

/* What they share: an array of one of these. */
typedef struct tally_t {
    int ready; /* processes that are there */
    long count;
} tally_t;

/* The steps can be seen here.  Now and then another process is let in between, which any may be. */
static void add_1(volatile tally_t *tally, int i)
{
    long seen = tally->count;

    if (i % 100 == 0)
        apr_thread_yield();
    tally->count = seen + 1;
}

/* Or the first would be done before the last is there. */
static apr_status_t begin_together(mproc_array_t *shared)
{
    volatile tally_t *tally = mproc_array_data(shared);

    MPROC_TRY(mproc_lock_acquire(mproc_array_lock(shared), MPROC_FOREVER));
    tally->ready++;
    MPROC_TRY(mproc_lock_release(mproc_array_lock(shared)));
    while (tally->ready < PROCESSES)
        apr_thread_yield();
    return APR_SUCCESS;
}

static apr_status_t add_without_a_lock(mproc_task_t *task)
{
    mproc_array_t *shared;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &shared));
    MPROC_TRY(begin_together(shared));
    for (i = 0; i < TIMES; i++)
        add_1(mproc_array_data(shared), i);
    return APR_SUCCESS;
}

/* The lock came with the array. */
static apr_status_t add_with_the_lock(mproc_task_t *task)
{
    mproc_array_t *shared;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &shared));
    MPROC_TRY(begin_together(shared));
    for (i = 0; i < TIMES; i++) {
        MPROC_TRY(mproc_lock_acquire(mproc_array_lock(shared), MPROC_FOREVER));
        add_1(mproc_array_data(shared), i);
        MPROC_TRY(mproc_lock_release(mproc_array_lock(shared)));
    }
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(add_without_a_lock),
                                         MPROC_TARGET(add_with_the_lock), MPROC_TARGETS_END};

/* What several processes have counted that ran the same target. */
static long count(mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_process_t *processes[PROCESSES];
    mproc_array_t *shared;
    int i;

    MPROC_CHECK(mproc_array_create(&shared, 1, sizeof(tally_t), mem));
    for (i = 0; i < PROCESSES; i++)
        MPROC_CHECK(mproc_process_start(&processes[i], target, MPROC_PACK(shared), NULL, mem));
    for (i = 0; i < PROCESSES; i++) {
        MPROC_CHECK(mproc_process_join(processes[i], MPROC_FOREVER));
        MPROC_CHECK(mproc_process_status(processes[i]));
    }
    return ((const tally_t *)mproc_array_data(shared))->count;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a child goes no further */

    printf("Main process: %d processes add 1 to a shared number, %d times each.\n", PROCESSES,
           TIMES);
    printf("Without a lock: %ld\n", count(add_without_a_lock, mem));
    printf("With the lock:  %ld\n", count(add_with_the_lock, mem));
    printf("Main process: %d is right.\n", PROCESSES * TIMES);
    return 0;
}
