/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAKE_WALK_H
#define MPROC_TESTS_FAKE_WALK_H

/*
 * The walk: a call is made once, and what it calls that can fail is counted; then it
 * is made again and again, and each time another one of those fails.
 *
 * After each failure there is a status and a message, outputs are untouched, the
 * same call on the same objects works or says that it does not, and when the memory
 * is destroyed nothing is open that was not before.
 */

#include "fake.h"

#include <mproc.h>

#include <string.h>

/* A test that leaves nothing to the next one, also when it fails. */
#define claim(test) cmocka_unit_test_teardown(test, end_program)

int end_program(void **state);

#define assert_success(call) assert_int_equal((call), APR_SUCCESS)

/* A timeout that passes, when nothing comes before it. */
#define A_WHILE apr_time_from_sec(5)

/* What the message must be of: larger than one piece of a channel, smaller than a channel. */
enum { MUCH = 20000 };

/* Capacity of a queue through which that passes in pieces, and for which it is too much. */
enum { SMALL = 4096 };

/* All that a call may use, in memory of its own. */
typedef struct scene_t {
    apr_pool_t *mem;
    apr_pool_t *childs; /* under it: of what set_up() starts */
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    mproc_queue_t *queue;
    mproc_pool_t *workers;
    mproc_result_t *result;
    mproc_imap_t *it;
    mproc_values_t *values;
    unsigned char much[MUCH];

    /* What the call writes on success; poison before. */
    void *made[2];
    apr_int64_t number;
    size_t size;
} scene_t;

/* One call, and what is promised of it. */
typedef struct walk_t {
    void (*set_up)(scene_t *scene);
    apr_status_t (*call)(scene_t *scene);
    apr_status_t expected; /* when nothing fails */
    /* After a call that has ended as expected: that it is true.  May be NULL. */
    void (*check)(scene_t *scene);
    /* Functions, ended by NULL, after whose failure the call may yet end as expected; may be NULL. */
    const char *const *harmless;
    /* What the same call may return, once it has failed, but for what is expected; ended by 0. */
    apr_status_t afterwards[4];
    /* Ends what the program would keep, when the memory is destroyed; may be NULL. */
    void (*tear_down)(void);
} walk_t;

/* In a program whose targets are `work` and `twice`. */
void take_walk(const walk_t *walk);

/* The same for a call under which nothing can fail. */
void take_short_walk(const walk_t *walk);

mproc_target_fn work;
mproc_item_fn twice; /* an int */
extern const mproc_target_t walk_targets[];

/* Setting up. */
void set_up_nothing(scene_t *scene);
void set_up_pipe(scene_t *scene);
void set_up_queue(scene_t *scene); /* of SMALL bytes */

/* Start a child that acts in this way, from scene->childs: scene->process. */
void start(scene_t *scene, fake_act_fn *act, const mproc_process_options_t *options);

/* That the outputs have been written, or not. */
int is_poison(const void *made);

#endif
