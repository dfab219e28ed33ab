/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_STARTING_H
#define MPROC_STARTING_H

/*
 * A start on its way: what start.c has checked and made, for the way that the
 * start method goes on from there.
 */

#include "bootstrap.h"
#include "context.h"
#include "process_object.h"

/* All that one start holds. */
typedef struct mproc__starting_t {
    const mproc__method_t *method;
    const mproc_target_t *target;
    apr_uint64_t target_number;
    const mproc_process_options_t *options;
    mproc_process_t *process;
    const char *identity;
    const char *token;
    port_channel_t *here; /* the control channel's ends; NULL when they are somebody else's */
    port_channel_t *there;
    port_channel_t *control; /* the process's, to tell it what to do */
    mproc__buffer_t message;
    size_t told;              /* so much of it has gone */
    mproc__handles_t handles; /* of the arguments */
    int losses;               /* fork servers that were gone */
    int is_unprepared;        /* what was prepared is gone: the launch is worth another try */
    int is_alone;             /* this process had no other threads when it was copied */
} mproc__starting_t;

/* start_spawn.c, start_fork.c, start_forkserver.c: see mproc__method_t. */
apr_status_t mproc__prepare_by_forkserver(mproc__starting_t *starting);
apr_status_t mproc__launch_by_spawn(mproc__starting_t *starting);
apr_status_t mproc__launch_by_fork(mproc__starting_t *starting);
apr_status_t mproc__launch_by_forkserver(mproc__starting_t *starting);
apr_status_t mproc__tell_by_spawn(const mproc__starting_t *starting);
apr_status_t mproc__tell_by_fork(const mproc__starting_t *starting);

/*
 * What the child gets: its control channel first, then what the arguments hold.  With room
 * behind for as many numbers of the child's.
 */
port_handle_t *mproc__starting_handles(const mproc__starting_t *starting, size_t *count);

/* The child's environment, in `mem`; NULL for this process's: APR_SUCCESS, or a message. */
apr_status_t mproc__starting_environment(const mproc__starting_t *starting,
                                         const char *const **environment, apr_pool_t *mem);

/* There is a child: the control channel's end is its process's. */
void mproc__starting_take(mproc__starting_t *starting);

/*
 * Start a process of the library's own by spawn, in memory of its own below `mem`, with changes to
 * the environment (see mproc_process_options_t).  It ignores
 * Ctrl-C, has no number, and is not one of the children: its end is its starter's business.
 *
 * Pre: forks are held, see mproc__method_t.
 */
apr_status_t mproc__start_own(mproc_process_t **process, mproc_target_fn *target, const char *name,
                              const char *const *environment, const mproc_pack_t *args,
                              apr_pool_t *mem);

/* The child does not do its part of the agreement: it is ended. */
void mproc__starting_abort(const mproc__starting_t *starting);

/* "cannot start <name>: <doing>: <what the system said>": returns rv. */
apr_status_t mproc__starting_failed(const mproc__starting_t *starting, apr_status_t rv,
                                    const char *doing);

/* The same for what the port was doing; the executable is NULL if none was to run. */
apr_status_t mproc__starting_failed_at(const mproc__starting_t *starting, apr_status_t rv,
                                       port_stage_t stage, const char *executable);

#endif
