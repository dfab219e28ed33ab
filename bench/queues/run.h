/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BENCH_RUN_H
#define MPROC_BENCH_RUN_H

/*
 * Runs of a queue: the same loops for every kind.  Each message begins with a number,
 * and the sum of what the getters got must be that of what was put.
 */

#include "../bench.h"
#include "queues.h"

/* Where a side runs: on a CPU, or each process of it on the next one. */
#define EVERY_CPU (-1)

/* What a run is; the data of run_stream() and run_round_trip(). */
typedef struct run_t {
    const queue_kind_t *kind;
    queue_use_t use;
    int first_cpu, second_cpu; /* of the putters, and of the getters */
} run_t;

/* A queue that is there already, and `depth` messages in it; the data of run_alone(). */
typedef struct alone_t {
    const queue_kind_t *kind;
    queue_use_t use;
    size_t depth;
    void *queue;
    uint64_t put, got;
    unsigned char *message;
} alone_t;

/* Memory for what is of mproc's, set by run_begin(). */
extern apr_pool_t *run_mem;

/* To be called once, and before all else. */
void run_begin(apr_pool_t *mem);

/* The targets of its processes, for mproc_init(). */
extern const mproc_target_t run_targets[];

/* `count` messages from the putters to the getters.  A bench_run_t on a run_t. */
double run_stream(int count, void *data);

/* `count` messages to another process, each of which comes back.  A bench_run_t on a run_t. */
double run_round_trip(int count, void *data);

/* Make the queue, fill it to its depth, and send as much through it as it can hold; 0: it failed. */
int alone_open(alone_t *alone);

/* `count` messages put and got by this process.  A bench_run_t on an alone_t. */
double run_alone(int count, void *data);

void alone_close(alone_t *alone);

/* How many system calls a run makes: the data of run_system_calls(). */
typedef struct traced_t {
    bench_run_t *run;
    void *data;
} traced_t;

/* Returns their number.  A bench_run_t on a traced_t. */
double run_system_calls(int count, void *data);

#endif
