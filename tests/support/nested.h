/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_NESTED_H
#define MPROC_TESTS_NESTED_H

/*
 * A child that starts a child, for tests of what becomes of it.  The grandchild
 * alone holds the other end of `line`, so that its end is heard there.
 */

#include <mproc.h>

typedef struct nested_t {
    mproc_process_t *parent;
    mproc_connection_t *control; /* to the parent */
    mproc_connection_t *line;    /* to the grandchild */
} nested_t;

/* What a nesting target is called with. */
typedef struct nesting_t {
    mproc_connection_t *line;
    mproc_connection_t *control;
} nesting_t;

/*
 * Start a target that unpacks a nesting_t, gives its line to a child that says
 * "born", and says "ready"; hear both.
 */
void start_nested(nested_t *nested, mproc_target_fn *target, apr_pool_t *mem);

/* Below: for such targets. */

apr_status_t unpack_nesting(nesting_t *nesting, mproc_task_t *task);

/* Start a child with the line, close the line here, and say "ready". */
apr_status_t nest(const nesting_t *nesting, mproc_target_fn *target, const mproc_process_options_t *options,
                  mproc_task_t *task);

/* The same, and then wait until this process is ended. */
apr_status_t nest_and_stay(mproc_task_t *task, mproc_target_fn *target, const mproc_process_options_t *options);

/* Kill the parent, and hear the grandchild's end; prints how long that took. */
void assert_ends_with_its_parent(nested_t *nested, apr_pool_t *mem);

#endif
