/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_LIVING_H
#define MPROC_TESTS_LIVING_H

/*
 * Children that give a sign of life at a place of a segment, for the tests that
 * look at it.
 */

#include "spawned.h"

#define PLACES 4

port_segment_t *make_places(apr_pool_t *mem);

/* The life that was begun at a place, in whatever process; 0 if none was. */
port_life_t life_at(const port_segment_t *segment, unsigned place);

/* Begin one in this process. */
apr_status_t begin_life(port_segment_t *segment, unsigned place);

/* Whether the one that was begun there is over. */
int is_over(port_segment_t *segment, unsigned place);

/* Close copies of all handles of a segment, which takes signs of life away in some systems. */
void lose_life(const port_segment_t *segment);

/* The command of a child that lives at the place that follows; see live(). */
#define LIVE "live"

/* Lives there, says "born", and does as it is told: "lose", "renew" or "end" it, or leave. */
int live(life_t *life);

/* Start one, which is there when this returns. */
void start_living(child_t *child, port_segment_t *segment, const char *place, apr_pool_t *mem);

/* Tell it what to do; it has done it when this returns. */
void tell(const child_t *child, const char *word, apr_pool_t *mem);

/* It leaves by itself, and everything of it is gone. */
void let_leave(child_t *child);

/* It is killed, and everything of it is gone. */
void kill_child(child_t *child);

#endif
