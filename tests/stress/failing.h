/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAILING_H
#define MPROC_TESTS_FAILING_H

/*
 * Ending an actor at each of its failpoints, one further each time it acts; or something else that
 * comes upon it there.
 */

#include <mproc.h>

/*
 * Play a scene once, with an actor that is started with this environment: whether it was ended
 * before it had done its part.
 */
typedef int failing_play_fn(const void *scene, const char *const *environment, apr_pool_t *mem);

/*
 * Play a scene until its actor comes to its end: killed at its first failpoint and some others, at
 * scale 20 at all.  They are counted where the actor begins to act, or from its birth on.
 */
void end_at_each_failpoint(failing_play_fn *play, const void *scene, const char *name,
                           int from_birth, apr_pool_t *mem);

/* The same at each `stride`-th from `first` on, where something else than its end is to come: how many. */
long meet_failpoints(failing_play_fn *play, const void *scene, long first, long stride,
                     apr_pool_t *mem);

/* In the actor: what comes upon it at its failpoint.  At first, its end. */
extern void (*at_failpoint)(void);

/* In the actor: its failpoints count from now on; it is to be at its birth; it has come to its end. */
void begin_failing(void);
void begin_failing_at_birth(void);
void end_failing(void);

/* Wait until an actor has been ended. */
void await_failed(mproc_process_t *actor);

#endif
