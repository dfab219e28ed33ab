/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_BENCH_H
#define MPROC_BENCH_H

/*
 * What the benchmarks share: runs of us and a peer in turn, and rows of results.
 *
 * The machine's speed drifts while a benchmark runs, so ours and the peer's are
 * measured alternately, and only their ratio is worth quoting.
 */

#include <mproc.h>

#include <stdio.h>

/* Do an operation `count` times, and return how long all of them took, in nanoseconds; < 0: it failed. */
typedef double bench_run_t(int count, void *data);

typedef struct bench_case_t {
    const char *name; /* of the case: "0 MiB" */
    const char *unit; /* of the times: "us", "ns" */
    double unit_nanoseconds;
    int count;  /* operations a run */
    int rounds; /* runs of each, alternating; an odd number */
    bench_run_t *ours;
    const char *peer_name;
    bench_run_t *peer;
    int peer_count; /* operations a run of the peer; 0: as ours */
    void *data;
} bench_case_t;

/* Start a suite whose rows go to stdout as a table, and to a file as JSON. */
void bench_begin(const char *suite, const char *json_path);

/* Measure a case and add its row. */
void bench_case(const bench_case_t *what);

/* One of those that are measured in a group. */
typedef struct bench_side_t {
    const char *name;
    bench_run_t *run;
    void *data;
    int count;           /* operations a run; 0: as many as take the group's time */
    int rounds;          /* 0: as many as the group has */
    const char *missing; /* not NULL: why it cannot be measured, in words */
} bench_side_t;

#define BENCH_PEERS_MAX 16

/* We and several peers, in turn: a round measures each once. */
typedef struct bench_group_t {
    const char *name; /* of the case */
    const char *unit;
    double unit_nanoseconds;
    double run_nanoseconds; /* what a run is to take, where no count is given */
    int rounds;             /* an odd number */
    bench_side_t ours;
    bench_side_t peers[BENCH_PEERS_MAX];
    size_t npeers;
} bench_group_t;

/* Measure a group and add a row for each peer; one that is missing gets a row without a ratio. */
void bench_group(const bench_group_t *what);

/* End the suite; returns main's exit code. */
int bench_end(void);

/* Nanoseconds of a monotonic clock. */
double bench_clock(void);

/* Run a Python peer: PEERS/<script> <count> <argument>, which prints nanoseconds for all; < 0: it failed. */
double bench_python(const char *script, int count, long argument);

/* The same with any arguments: PEERS/<script> <arguments>. */
double bench_python_with(const char *script, const char *arguments);

#endif
