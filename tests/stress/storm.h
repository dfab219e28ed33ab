/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_STORM_H
#define MPROC_TESTS_STORM_H

/*
 * A storm: putters and getters of one queue, any of which is killed at any time and
 * replaced, and an account of every message.
 */

#include <mproc.h>

#include <stdatomic.h>
#include <stdint.h>

/* Names of messages: as many as can be put in the time. */
#define NAMES_MAX 4000000

/* What is known of a message; in shared memory, each field written by one process. */
typedef struct entry_t {
    _Atomic uint64_t number; /* as mproc_queue_lost() would name it; 0: its put has not returned */
    _Atomic uint32_t getter; /* pid of who got it */
    _Atomic uint8_t begun, got;
} entry_t;

typedef struct account_t {
    _Atomic uint32_t next; /* the next message's name */
    _Atomic uint32_t is_over;
    _Atomic uint32_t damaged;
    _Atomic uint64_t gets;
    _Atomic uint64_t begun, done; /* tasks that getters were about to do, and have done */
    entry_t entries[NAMES_MAX];
} account_t;

typedef struct storm_t {
    const char *name;
    int putters, getters; /* 3 of each at most */
    size_t capacity, maxsize;
    size_t size_max; /* of messages */
    int stops;       /* not 0: some are stopped for a while instead */
    int is_on_one_cpu;
    int is_crowded;  /* places of the dead are taken again, and what was lost there is forgotten */
    int is_joinable; /* each message is a task, which its getter does */
    size_t blocks;   /* bytes; if any, every other message is put in place, and got there */
} storm_t;

/* Play a storm for so long; assert that every message is accounted for. */
void play_storm(const storm_t *storm, apr_interval_time_t time, apr_pool_t *mem);

/* Targets of those who take part. */
extern const mproc_target_t storm_targets[];

#endif
