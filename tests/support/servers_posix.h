/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_SERVERS_POSIX_H
#define MPROC_TESTS_SERVERS_POSIX_H

/*
 * Fork servers: children that tell which server made them, and what befalls a server.  Targets go
 * into a test's own table by MPROC_TARGETS_OF(server_targets).
 */

#include <mproc.h>

#include <sys/types.h>

extern const mproc_target_t server_targets[];

/* A child that answers words, as answer() does, and who made it: as the system sees it, its parent. */
typedef struct served_t {
    mproc_process_t *process;
    mproc_connection_t *line;
    pid_t server;
} served_t;

mproc_process_options_t by(const char *method);

/* Whether a child of a server has a pidfd, which tells of its end also when the server does not. */
int has_pidfds(void);

/* Says through `line` the number of the process that made this one; for targets. */
apr_status_t say_server(mproc_connection_t *line);

/* Below: for the tests' own side, as they assert. */

/* With options or NULL for one by the fork server. */
void start_served(served_t *served, const mproc_process_options_t *options, apr_pool_t *mem);

/* It answers still. */
void assert_answers(const served_t *served, apr_pool_t *mem);

/* It is told to leave, and ends. */
void let_leave(const served_t *served);

/* The number of this process's server, which is started if there is none. */
pid_t server_now(apr_pool_t *mem);

/* Kill the server that this process has started; it is dead when this returns. */
void kill_server(pid_t server);

/* Stop it; it does nothing more when this returns. */
void stop_server(pid_t server);

#endif
