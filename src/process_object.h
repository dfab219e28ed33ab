/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PROCESS_OBJECT_H
#define MPROC_PROCESS_OBJECT_H

/*
 * The process object, and what starting, ending and the list of children do with it.
 */

#include "port.h"

#include <mproc/process.h>

#include <apr_thread_mutex.h>

typedef enum mproc__role_t { MPROC__CHILD, MPROC__SELF, MPROC__PARENT } mproc__role_t;

struct mproc_process_t {
    /* Set when it is made, and never changed. */
    mproc__role_t role;
    apr_pool_t *mem;  /* a child's is its own */
    apr_pool_t *home; /* of a detached child: ends with the memory that it was started in */
    const char *name;
    const char *target;
    apr_int64_t pid;
    apr_int64_t owner; /* the pid of the process whose object this is */
    unsigned number;   /* of this process's children, from 1 */
    int is_daemon;
    int is_detached;
    int is_served; /* a fork server made it, and tells how it ended */

    /* Under the lock. */
    apr_thread_mutex_t *lock;
    port_process_t *port;    /* NULL once nobody needs the system's part any more */
    port_channel_t *control; /* NULL once its report was read */
    int is_being_told;       /* a start uses `control` without the lock: nobody settles it */
    char first_word;         /* of those on it; 0 until it was read */
    int waiters;             /* threads that wait on `port` without the lock */
    port_deadline_t overdue; /* when how it ended is lost, if untold; 0: its end was not seen */
    int has_ended;
    int is_sentinel_given; /* then `port` stays until the object is closed */
    int is_closed;
    port_exit_t how;
    apr_status_t status; /* when has_ended */
    const char *words;

    /* Under the lock of the list of children. */
    mproc_process_t *next;
    int is_held; /* the end of the program is waiting for it */
};

/* A process object without a process. */
apr_status_t mproc__process_create(mproc_process_t **process, mproc__role_t role, apr_pool_t *mem);

/*
 * Wait until a child has ended and is reaped, or until a deadline: APR_SUCCESS or APR_TIMEUP.
 * Checks nothing, sets no message.
 */
apr_status_t mproc__process_wait(mproc_process_t *process, port_deadline_t deadline);

/*
 * Say why waiting for it returned `rv`: the status `running` if it runs or is untold, else what the system said.
 */
apr_status_t mproc__process_not_ended(mproc_process_t *process, apr_status_t rv,
                                      apr_status_t running);

/*
 * Whether it can be waited for here: a child or the parent, of this process and not closed.
 * APR_SUCCESS, or a status and a message.
 */
apr_status_t mproc__process_check(const mproc_process_t *process);

/*
 * Begin to wait without the lock on what the system has of a process, which stays meanwhile; or
 * NULL if it has ended.
 */
port_process_t *mproc__process_enter(mproc_process_t *process);

/*
 * In between, when the system says that it has ended: wait until it is known how, or never will be.
 * APR_SUCCESS or APR_TIMEUP.
 */
apr_status_t mproc__process_hear_end(mproc_process_t *process, const port_process_t *port,
                                     port_deadline_t deadline);

/* In between, when its end was seen: from when on how it ended is lost, if nobody has told it. */
port_deadline_t mproc__process_overdue(mproc_process_t *process);

/* Be done with it, its end heard or not. */
void mproc__process_leave(mproc_process_t *process, int has_ended);

/* Reap a child if it has ended: whether it has, and the system's part of it is given back. */
int mproc__process_is_over(mproc_process_t *process);

/* How a child is made to end. */
#define MPROC__ASK 15
#define MPROC__FORCE 9

/* Make a child end if it has not: MPROC__ASK or MPROC__FORCE. */
apr_status_t mproc__process_stop(mproc_process_t *process, int signal);

/*
 * Make a child end, whatever it does, and wait for that.  One that cannot be ended or waited for is
 * closed, which ends it if it is not detached, and is lost.
 */
void mproc__process_force(mproc_process_t *process);

/* It cannot be waited for: the same as the last resort. */
void mproc__process_lose(mproc_process_t *process);

/*
 * Whether it is a child of this process that is not closed: APR_SUCCESS, or a status and a
 * message.
 */
apr_status_t mproc__process_check_child(const mproc_process_t *process);

/*
 * Close a child that has ended, and give back what the system holds for it: APR_SUCCESS, or
 * MPROC_EINUSE while threads wait for it.
 */
apr_status_t mproc__process_shut(mproc_process_t *process);

/* The start has said what there was to say, or is at it. */
void mproc__process_told(mproc_process_t *process);
int mproc__process_is_being_told(mproc_process_t *process);

/*
 * Before others have the process, or under its lock: wait for what a child says first.  APR_SUCCESS,
 * APR_TIMEUP, or APR_EOF when it will say nothing.
 */
apr_status_t mproc__process_hear_first_word(mproc_process_t *process, port_deadline_t deadline);

/* Under the lock, when it has ended: set its status and words by what it has left behind. */
void mproc__process_read_last_words(mproc_process_t *process);

#endif
