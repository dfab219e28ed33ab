/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_FORKSERVER_H
#define MPROC_FORKSERVER_H

/*
 * The fork server that this process starts children by: a small process of this program's
 * executable, which others share.  Whoever starts the first child by it starts it; its
 * copies, and forks of a process that has a way to it, have the same way.
 */

#include "port_forkserver.h"
#include "process_object.h"

#include <mproc/init.h>

/* The way to it.  It lives as long as anybody has one. */
typedef struct mproc__forkserver_t {
    apr_pool_t *mem; /* NULL: the program's, in a copy */
    port_channel_t *channel;
    port_handle_t lifeline;
    mproc_process_t *process; /* NULL: another process has started it */
    unsigned char key[PORT_FORKSERVER_KEY_SIZE];
    int waiters;    /* threads that wait for it to serve, without the lock */
    int is_serving; /* as far as is known: it may be gone */
    int is_forgotten;
} mproc__forkserver_t;

/* What is below is under this lock; and forks are held, so that a copy finds it free. */
void mproc__forkserver_lock(void);
void mproc__forkserver_unlock(void);

/* The way to one that has been seen to serve; or NULL. */
const mproc__forkserver_t *mproc__forkserver_serving(void);

/* What waiting for it has come to: no status says it, as any may be what the server has ended with. */
typedef enum mproc__service_t {
    MPROC__SERVED,   /* it serves */
    MPROC__UNSERVED, /* it was gone and is forgotten, and another may do better; with a message */
    MPROC__UNHEARD   /* it has said nothing until the deadline */
} mproc__service_t;

/*
 * Without the lock, and with no forks or signals held: wait until the server serves, after starting
 * one if there is none.  APR_SUCCESS, and what it has come to; else a message.
 */
apr_status_t mproc__forkserver_await(mproc__service_t *service, port_deadline_t deadline);

/*
 * It was gone when it was asked: forget the way.  APR_SUCCESS when another may do better, with a
 * message that says how this one ended; else what it had to say, with a message.
 */
apr_status_t mproc__forkserver_forget(void);

/* By the guard. */
apr_status_t mproc__forkserver_set(apr_pool_t *mem);
void mproc__forkserver_register(void);

/* In a copy that the server has made: its handles are the way now.  Takes them over. */
apr_status_t mproc__forkserver_inherit(port_handle_t channel, port_handle_t lifeline,
                                       const unsigned char *key, apr_pool_t *mem);

/*
 * In the server, when this has returned: a copy that has to start another server has it call this as
 * well.
 */
void mproc__forkserver_preloaded(mproc_target_fn *target);

/* In any fork of this process: the server is another process's child, and other threads are not there. */
void mproc__forkserver_abandon(void);

/* In a fork that can start nothing, or has a session of its own: it does not keep the server alive. */
void mproc__forkserver_leave(void);

/*
 * In any fork of the server but its copies: its clients, who wait for the end of all that have its end
 * of the channel, are to see its own.
 */
void mproc__forkserver_unserve(void);

/* What runs in the server; see serving.c.  Its arguments: the channel, the key, the preload. */
mproc_target_fn mproc__forkserver;

/* Stands for no preload function. */
#define MPROC__NO_PRELOAD UINT64_MAX

#endif
