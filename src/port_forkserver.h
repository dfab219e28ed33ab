/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PORT_FORKSERVER_H
#define MPROC_PORT_FORKSERVER_H

/*
 * The part of the contract in port.h about fork servers: processes that copy themselves when others
 * ask for it, and tell them how the copies ended.
 *
 * A client asks over a channel to the server that any number of processes share.  It is
 * the port's to see that they do not get into each other's way, that a client which stops or dies
 * in the middle of asking stops nobody else, and that a copy gets what its own client sends.
 */

#include "port.h"

/* NULL if this system can have a fork server; else a sentence that says why not, and what to use. */
const char *port_forkserver_refusal(void);

/* Bytes of the key by which a server knows its clients. */
#define PORT_FORKSERVER_KEY_SIZE 16

/* -- The client ------------------------------------------------------------------- */

/* What the copy is to be. */
typedef struct port_ask_t {
    const unsigned char *key;       /* PORT_FORKSERVER_KEY_SIZE bytes */
    const char *token;              /* printable */
    const char *const *environment; /* ended by NULL; NULL: this process's */
    const char *folder;             /* NULL: this process's */
    const port_handle_t *handles;   /* what the copy gets; [0] is its end of the control channel */
    size_t nhandles;                /* at least 1 */
    int is_detached;                /* not 0: outlives this process */
} port_ask_t;

/*
 * Wait until a server serves: it has written a byte to its end of the channel, which nobody reads.
 *
 * Errors: APR_EOF when it is gone; APR_TIMEUP.
 * Blocks: until `deadline`; signals do not end it.  Threads: any number at once.
 */
apr_status_t port_forkserver_await_service(const port_channel_t *server, port_deadline_t deadline);

/*
 * Ask a server for a copy of itself.
 *
 * Post: the copy has stdin from the null device, this process's stdout and stderr (the null device
 * where this process has none), and the listed handles, beside what the server itself had.  It begins
 * when this process says something over the control channel, where nothing may be said before.  It
 * ends when this process ends, unless detached.  The process is not this one's child: how it ended is
 * known as long as the server lives, else it is PORT_LOST; that it ended is known all the same.
 * What goes wrong in the copy is told to `live`, see below; one without the key ends at once.
 * Errors: APR_EOF when the server is gone, or ends before it has told of a copy; APR_TIMEUP; what the
 * system said to this process or to the server, and *stage.  Then no copy is left, or it ends.
 * Blocks: until `deadline`.
 * Threads: any, with a `mem` each.
 */
apr_status_t port_forkserver_ask(port_process_t **process, port_channel_t *server,
                                 const port_ask_t *ask, port_stage_t *stage,
                                 port_deadline_t deadline, apr_pool_t *mem);

/*
 * Wait until the server has told how a copy ended, or cannot any more.
 *
 * Pre: port_process_wait() has returned APR_SUCCESS for the copy.
 * Errors: APR_TIMEUP.
 * Blocks: until `deadline`.  Threads: any number at once.
 */
apr_status_t port_forkserver_await_end(const port_process_t *copy, port_deadline_t deadline);

/*
 * A copy of what keeps a server that this process has started alive: it ends when nobody has one
 * any more.
 */
apr_status_t port_process_lifeline(port_handle_t *copy, const port_process_t *server);

/* -- The server ------------------------------------------------------------------- */

/* How a copy begins, and how it leaves. */
typedef struct port_serving_t {
    const unsigned char *key; /* PORT_FORKSERVER_KEY_SIZE bytes */
    /*
     * The copy runs this, once it has all that was asked for and something was said to it over the
     * control channel, and does not come back from it.
     * `rv` says whether it is whole; `handles` are its own.  Its signals are held.
     */
    void (*live)(apr_status_t rv, const port_birth_t *birth, const port_handle_t *handles,
                 size_t nhandles, void *data);
    void (*leave)(int code); /* as in port_fork_t */
    void *data;
    apr_pool_t *copy_mem; /* the copies': the server does not use it */
} port_serving_t;

/*
 * Be a server: copy this process for everybody who asks over the channel, until nobody is left who
 * could.  A copy has nothing of what the server holds for its siblings.
 *
 * Pre: port_forkserver_refusal() is NULL; this process ignores Ctrl-C, and a copy does not.
 * Post: the channel is closed.
 * Errors: what the system said when it cannot wait for clients.
 * Blocks: until its last client is gone.
 */
apr_status_t port_forkserver_serve(port_channel_t *server, const port_serving_t *serving);

#endif
