/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ending an actor at each of its failpoints.
 */

#include "failing.h"

#include "claims.h"
#include "ends.h"
#include "failpoint.h"
#include "system.h"

#include <apr_strings.h>

#include <stdlib.h>

/* In the environment of an actor: at which failpoint it ends, counted from 1 on. */
#define POINT "MPROC_TEST_FAILPOINT"

/* The same, counted from its birth on. */
#define POINT_FROM_BIRTH "MPROC_TEST_FAILPOINT_FROM_BIRTH"

/* One in so many at scale 1, others each time; from this scale on all. */
#define SOME_OF_THEM 3
#define ALL_OF_THEM 20

void (*at_failpoint)(void) = end_this_process;

/* Failpoints to go; 0: they do not count.  The actor alone has any, and one thread. */
static long left;

void mproc__failpoint(void)
{
    if (left > 0 && --left == 0)
        at_failpoint();
}

static void count_from(const char *variable)
{
    const char *text = getenv(variable);

    left = text != NULL ? atol(text) : left;
}

void begin_failing(void)
{
    count_from(POINT);
}

void begin_failing_at_birth(void)
{
    count_from(POINT_FROM_BIRTH);
}

/* Also who comes to his end is killed there. */
void end_failing(void)
{
    end_this_process();
}

void await_failed(mproc_process_t *actor)
{
    mproc_sentinel_t sentinel;

    assert_success(mproc_process_sentinel(actor, &sentinel));
    assert_true(is_ready(sentinel, PATIENCE));
}

static int play_once(failing_play_fn *play, const void *scene, const char *variable, long point,
                     apr_pool_t *mem)
{
    const char *environment[2] = {NULL, NULL};
    apr_pool_t *own;
    int was_met;

    assert_success(apr_pool_create(&own, mem));
    environment[0] = apr_psprintf(own, "%s=%ld", variable, point);
    was_met = play(scene, environment, own);
    apr_pool_destroy(own);
    return was_met;
}

void end_at_each_failpoint(failing_play_fn *play, const void *scene, const char *name,
                           int from_birth, apr_pool_t *mem)
{
    const char *variable = from_birth ? POINT_FROM_BIRTH : POINT;
    long stride = test_scale() >= ALL_OF_THEM ? 1 : SOME_OF_THEM;
    long second = 2 + (long)(apr_time_now() % stride), kills = 1, point;

    assert_true(play_once(play, scene, variable, 1, mem));
    for (point = second; play_once(play, scene, variable, point, mem); point += stride)
        kills++;
    print_message("  %-44s killed at %ld failpoints: 1, and from %ld on each %ld.\n", name, kills,
                  second, stride);
}

long meet_failpoints(failing_play_fn *play, const void *scene, long first, long stride,
                     apr_pool_t *mem)
{
    long met = 0, point;

    for (point = first; play_once(play, scene, POINT, point, mem); point += stride)
        met++;
    return met;
}
