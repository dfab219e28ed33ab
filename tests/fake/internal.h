/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAKE_INTERNAL_H
#define MPROC_TESTS_FAKE_INTERNAL_H

/*
 * What the files of the fake port share.
 */

#include "fake.h"

#include "failpoint.h"

#include <mproc/status.h>

#include <assert.h>

/* -- Failing: calls.c ---------------------------------------------------------- */

/* At the head of whatever can fail: MPROC_TRY(fake_call()). */
#define fake_call() fake_call_in(__func__)

apr_status_t fake_call_in(const char *function);

/* -- Handles: handle.c ----------------------------------------------------------- */

/* Whose a handle is: this process's, a child's by its number, of the parent of a copy, or nobody's. */
enum { FAKE_THIS_PROCESS = 0, FAKE_PARENT = -1, FAKE_ON_THE_WAY = -2 };

/* One end of a channel, as the system has it; it is open as long as a handle names it. */
typedef struct fake_end_t {
    struct fake_end_t *peer;
    int directions;
    int handles;
    unsigned char *bytes; /* that have come, and nobody has read */
    size_t size;
    int is_ringing; /* of a segment */
} fake_end_t;

/* A handle of that process for an end; the table has room for all that tests open. */
port_handle_t fake_handle_open(fake_end_t *end, int owner);

/* What a handle names, or NULL. */
fake_end_t *fake_handle_end(port_handle_t handle);

void fake_handle_close(port_handle_t handle);
void fake_handles_close_of(int owner);

/* A copy of this process has copies of all handles: those stay here, these go to `owner`. */
void fake_handles_copy(int owner);

int fake_handles_count(int owner);

/* -- Channels: channel.c ----------------------------------------------------------- */

struct port_channel_t {
    port_handle_t handle;
};

/* Two ends that no handle names yet. */
void fake_ends_make(fake_end_t *ends[2], int directions);

/* What goes to the other end: how much of it has room. */
size_t fake_end_put(const fake_end_t *end, const void *data, size_t size);

/* What has come: how much. */
size_t fake_end_take(fake_end_t *end, void *buffer, size_t size);

/* -- Time: clock.c ------------------------------------------------------------------ */

/*
 * Something is waited for that is not there: children act.  APR_SUCCESS if one did anything, so
 * that it is worth another look; else the clock jumps, and it is APR_TIMEUP.
 */
apr_status_t fake_let_time_pass(port_deadline_t deadline);

void fake_clock_reset(void);

/* -- Another thread: thread.c ---------------------------------------------------------- */

/* Whether this is the one that the library has started. */
int fake_is_other_thread(void);

/* It waits: the test's thread goes on, until it waits too. */
void fake_other_waits(port_deadline_t deadline);

/*
 * The test's thread waits: whether there is another that could go on, and has; 0 when both have
 * waited several times and nothing was done.
 */
int fake_other_has_had_turn(void);

/* Something was, so that both look again. */
void fake_something_was_done(void);

/* When the other is to go on, at the latest. */
port_deadline_t fake_other_deadline(void);

/* -- Segments: segment.c ------------------------------------------------------------ */

int fake_bell_is_ringing(const port_segment_t *segment);

/* -- Processes: process.c ------------------------------------------------------------- */

struct port_process_t {
    fake_child_t *child; /* NULL: the parent, which runs */
};

port_process_t *fake_process_open(fake_child_t *child, apr_pool_t *mem);
int fake_processes_count(void);
void fake_processes_reset(void);

/* The number of a child as a process, and the child of a number, or NULL. */
apr_int64_t fake_child_pid(const fake_child_t *child);
const fake_child_t *fake_child_of_pid(apr_int64_t pid);

/* -- Children: child.c ------------------------------------------------------------------ */

/* A child that runs, and has handles of its own for these. */
fake_child_t *fake_child_begin(const port_handle_t *handles, size_t nhandles);

/* Let each act: whether any did something. */
int fake_children_have_acted(void);

/* By its number, from 1; NULL if there is none. */
const fake_child_t *fake_child_at(apr_int64_t number);

void fake_children_count(int *running, int *unreaped);
void fake_children_reset(void);

/* -- The rest ------------------------------------------------------------------------------ */

void fake_environment_reset(void);
void fake_surroundings_reset(void);
void fake_fork_reset(void);
void fake_forkserver_reset(void);

/* Whether it is not told how copies ended. */
int fake_forkservers_are_stopped(void);
int fake_signals_are_held(void);
void fake_pid_set(apr_int64_t number); /* 1 at first */

/* Around a fork: what was given to port_at_fork(). */
void fake_at_fork_before(void);
void fake_at_fork_in_parent(void);
void fake_at_fork_in_child(void);

/* Instead of what exit() does, in a copy: calls port_fork_t.leave.  Elsewhere it returns. */
void fake_copy_leave(int code);
void fake_copy_leaves_by(void (*leave)(int code));

/* Memory and exit(): hooks.c */
int fake_blocks_count(void);
int fake_pools_count(void);
void fake_pools_destroy(void);
void fake_hooks_reset(void);

#endif
