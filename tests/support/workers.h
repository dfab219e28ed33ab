/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_WORKERS_H
#define MPROC_TESTS_WORKERS_H

/*
 * Children that many tests use, and talking to them.  They go into a test's own
 * table by MPROC_TARGETS_OF(worker_targets).
 *
 * Talk is in bytes, a word a message; say() and hear() do no more than a child
 * may do too, and assert nothing.
 */

#include <mproc.h>

extern const mproc_target_t worker_targets[];

/* Returns APR_SUCCESS at once; takes no arguments. */
apr_status_t succeed(mproc_task_t *task);

/*
 * Says "born" through the connection that it gets; then answers every word with
 * the same, until it hears "leave" or the other end is closed.
 */
apr_status_t answer(mproc_task_t *task);

/* Says "born" through the connection that it gets, and computes for ever. */
apr_status_t compute(mproc_task_t *task);

apr_status_t say(mproc_connection_t *connection, const char *word);

/* What came in time: a word; or "(end)", "(torn)", "(late)" or "(failed)". */
const char *hear(mproc_connection_t *connection, apr_pool_t *mem);

/* What answer() does after its birth: for targets that have said more first. */
apr_status_t answer_on(mproc_connection_t *line);

/* -- Below: for the tests' own side, as they assert. -- */

/* Start a target with the other end of *line as its only argument, and hear "born". */
void start_born(mproc_process_t **process, mproc_connection_t **line, mproc_target_fn *target,
                const mproc_process_options_t *options, apr_pool_t *mem);

/*
 * Start a target with the other end of *line, an object and a number, and hear "holds": it has the
 * object as often, or so many of its units.
 */
void start_holder(mproc_process_t **process, mproc_connection_t **line, mproc_target_fn *target,
                  mproc_value_t object, int number, apr_pool_t *mem);

/* Kill a child, and wait for its end. */
void kill_child(mproc_process_t *process);

/* Start a target, wait for its end, and return what mproc_process_status() says. */
apr_status_t status_of(mproc_process_t **process, mproc_target_fn *target, const mproc_pack_t *args,
                       const mproc_process_options_t *options, apr_pool_t *mem);

/* Wait for the end of a child, and assert that its exit code is this one. */
void assert_ended(mproc_process_t *process, apr_int64_t exitcode);

#endif
