/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAKE_H
#define MPROC_TESTS_FAKE_H

/*
 * A port without a system: src/port.h in memory, for tests of everything above it.
 *
 * There are no processes, and no time passes: a "child" is a record that the test
 * plays, and the clock jumps to the deadline of whoever waits for nothing.  Any
 * call that can fail on a real system can be made to fail here; what is open is
 * counted.  For the test's thread, and one that the library starts: they take turns.
 */

#include "port.h"

#include <mproc/init.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* -- Failing ------------------------------------------------------------------ */

/* Count from here on, and let the n-th call that can fail do so, once; with 0 none does. */
void fake_fail(int n, apr_status_t status);

/* The same, with all that follow. */
void fake_fail_from(int n, apr_status_t status);

/* Count no more, and let nothing fail. */
void fake_relent(void);

/* Calls since fake_fail() that could fail. */
int fake_calls(void);

/* The function that has failed first since fake_fail(), or NULL. */
const char *fake_failed(void);

/* In between, what the test itself does is neither counted nor fails.  They nest. */
void fake_pause(void);
void fake_resume(void);

/* -- What is open --------------------------------------------------------------- */

typedef struct fake_open_t {
    int handles;   /* this process's */
    int processes; /* port_process_t's that are not closed */
    int running;   /* children */
    int unreaped;  /* children that have ended, and nobody has asked how */
    int blocks;    /* of memory, by malloc() and the like */
    int pools;
    int holds; /* signals are held */
} fake_open_t;

fake_open_t fake_open(void);

/* -- The surroundings ------------------------------------------------------------ */

/* Everything as at the beginning. */
void fake_reset(void);

/* Nothing is copied, and so it lasts as long as what is given. */
void fake_environment_set(const char *name, const char *value);
void fake_threads_set(int count);
void fake_fork_refuse(const char *why);

/*
 * The same for fork servers; so many of them have ended when they are asked for a copy, or before they
 * served; and they are stopped, and do not tell how copies end.
 */
void fake_forkserver_refuse(const char *why);
void fake_forkservers_die(int count);
void fake_forkservers_die_early(int count);
void fake_forkservers_stop(int are_stopped);

/*
 * What the next fork server is asked for: this process becomes the copy, and has these handles, which
 * are its own.  The first is its end of the control channel.  Until then nothing is counted or fails.
 */
void fake_forkserver_is_asked(const port_handle_t *handles, size_t nhandles, const char *token);

/*
 * What port_life_has_let_go() says, asking this function; and what port_life_renew() returns.  At
 * first, and after NULL: that nobody has, and APR_SUCCESS.
 */
void fake_lives_let_go(int (*has_let_go)(unsigned place));
void fake_renewals_return(apr_status_t status);

/* -- Children to play ------------------------------------------------------------- */

/* What a child does when somebody waits: whether it did something. */
struct fake_child_t;
typedef int fake_act_fn(struct fake_child_t *child);

enum { FAKE_HANDLES_MAX = 16 };

typedef struct fake_child_t {
    int number; /* from 1; whose handles are whose */
    int is_running;
    int is_reaped;
    int is_detached;
    int is_copy;                             /* by fork */
    int is_served;                           /* by a fork server */
    int is_stubborn;                         /* does not end when it is asked to */
    int signal;                              /* that it was sent last, or 0 */
    port_exit_t how;                         /* when it has ended */
    char token[64];                          /* of one that is no copy */
    port_handle_t handles[FAKE_HANDLES_MAX]; /* its own numbers for them */
    size_t nhandles;
    fake_act_fn *act;
    unsigned char heard[16384]; /* on its control channel */
    size_t nheard;
    int has_spoken; /* it has said that it is ready */
} fake_child_t;

/* What children do that are started from now on, and whether they are stubborn. */
void fake_children_act(fake_act_fn *act, int is_stubborn);

/* The one that was started last, or NULL. */
fake_child_t *fake_last_child(void);

/* Ways to act. */
fake_act_fn fake_obeys;     /* runs a target that returns APR_SUCCESS */
fake_act_fn fake_fails;     /* the target returns APR_EGENERAL, with words */
fake_act_fn fake_exits;     /* the target calls exit(3) */
fake_act_fn fake_dies;      /* of signal 11, without a word */
fake_act_fn fake_refuses;   /* does not agree with its start message */
fake_act_fn fake_is_idle;   /* is ready, and runs for ever */
fake_act_fn fake_is_silent; /* does nothing at all */

/* Let all act until they have nothing more to do. */
void fake_let_all_act(void);

/*
 * From here on this process is that child for what it does to memory that processes share, until
 * NULL makes it itself again.
 */
void fake_act_as(const fake_child_t *child);

/*
 * The child calls a function, and dies at its n-th failpoint (see failpoint.h; going to sleep is one
 * too), if it comes to so many: whether it did.  What it has written until then stays.
 */
int fake_child_dies_at(fake_child_t *child, int n, void (*function)(void *data), void *data);

/* The same of one that is stopped there, and does not go on. */
int fake_child_stops_at(fake_child_t *child, int n, void (*function)(void *data), void *data);

/* The target of a child returns a status, with words, and the child ends. */
void fake_child_returns(fake_child_t *child, apr_status_t status, const char *words);

/* What a child writes on its control channel, and its end. */
void fake_child_say(const fake_child_t *child, const void *data, size_t size);
void fake_child_end(fake_child_t *child, port_ending_t ending, apr_int64_t code);

/* -- Programs, which come and go ---------------------------------------------------- */

/* What fake_run() returns when nobody has called exit(). */
#define FAKE_CAME_BACK (-1)

/* Run a function, in which exit() ends nothing but the function: the code. */
int fake_run(void (*function)(void *data), void *data);

/* From here on this process is a copy of itself, if it forks; see port_fork(). */
void fake_be_the_copy(void);

/* The end of the control channel at which the parent of that copy is. */
port_channel_t *fake_parents_end(apr_pool_t *mem);

/* The guard, which must not fail: the program's memory. */
apr_pool_t *fake_program_begin(const mproc_target_t *targets);

/* Take the program back, whatever it has come to: its memory, and what the library knows of it. */
void fake_program_end(void);

/* An argument that marks this process as a child with a copy of this end of its control channel. */
const char *fake_mark(const char *token, const port_channel_t *end, apr_pool_t *mem);

/* Another handle of this process for the same end. */
port_handle_t fake_handle_copy(port_handle_t handle);

#endif
