/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PROGRAM_H
#define MPROC_PROGRAM_H

/*
 * What this process knows of itself: set by the guard, read by all that starts
 * processes.  The library's only mutable state, with the list of children.
 */

#include "port.h"

#include <mproc/init.h>
#include <mproc/process.h>

#include <apr_thread_mutex.h>

#include <stdatomic.h>

typedef enum mproc__phase_t {
    MPROC__UNGUARDED, /* the guard has not been called */
    MPROC__READY      /* processes can be started */
} mproc__phase_t;

typedef struct mproc__program_t {
    _Atomic int phase;          /* mproc__phase_t; released when the rest is set */
    apr_int64_t pid;            /* whose state this is: a forked child has a copy */
    unsigned generation;        /* another in a fork of this process than in it */
    apr_pool_t *mem;            /* the library's own; the program's is under it */
    apr_thread_mutex_t *lock;   /* NULL before the guard, and when APR has ended */
    const char *executable;     /* by mproc_set_executable() or MPROC_EXECUTABLE, or NULL */
    const char *own_executable; /* or NULL when the system cannot say */
    const char *const *argv;    /* without the mark of a child */
    const mproc_target_t *targets;
    apr_uint64_t fingerprint; /* of the targets */
    unsigned char build_id[PORT_BUILD_ID_SIZE];
    const char *identity;      /* "" in the program itself, "1:2" in a child's child */
    _Atomic unsigned children; /* how many were named */
    mproc_process_t *self;
    mproc_process_t *parent; /* or NULL */
} mproc__program_t;

extern mproc__program_t mproc__program;

/*
 * Whether this process may start others: APR_SUCCESS; MPROC_EBOOTSTRAP, with a
 * message that shows the right main; or MPROC_EFOREIGN in a forked child.
 */
apr_status_t mproc__program_check(void);

/* Whether this is a fork of the process that the guard has seen. */
int mproc__program_is_foreign(void);

/*
 * For what is small and rarely touched: the executable, the exit hooks.  Free, and without
 * effect, once APR has ended.
 */
void mproc__program_lock(void);
void mproc__program_unlock(void);

/* The executable to start: APR_SUCCESS, or APR_ENOENT and a message. */
apr_status_t mproc__program_executable(const char **path, apr_pool_t *mem);

/*
 * All of it but phase, self, parent and identity; APR must be ready.  On failure there
 * is a message.
 */
apr_status_t mproc__program_set(const mproc_target_t *targets, const char *const *argv,
                                apr_pool_t *mem);

/* What the environment says of the start method and the log: APR_SUCCESS, or a message. */
apr_status_t mproc__read_environment(apr_pool_t *mem);

/* In any fork of this process: the parent is this one's alone, and so is what tells of the two. */
void mproc__program_abandon_parent(void);

/* In a forked child of mproc's: this is a process of its own, and `mem` is its memory. */
void mproc__program_forked(apr_pool_t *mem);

#endif
