/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_WAIT_H
#define MPROC_WAIT_H

/**
 * @file wait.h
 * Waiting on many things at once: connections, queues and processes, in any mix.
 *
 *     mproc_waitable_t what[] = {MPROC_WAITABLE(line), MPROC_WAITABLE(process)};
 *
 *     rv = mproc_wait(what, 2, apr_time_from_sec(5));
 *     if (rv == APR_SUCCESS && what[0].ready)
 *         rv = mproc_connection_recv(line, message, 0);
 *     if (rv == APR_SUCCESS && what[1].ready)
 *         rv = mproc_process_status(process);
 *
 * It is multiprocessing.connection.wait() of Python.
 */

#include <mproc/args.h>
#include <mproc/declare.h>
#include <mproc/process.h>

MPROC_BEGIN_C

/** What can be waited on.  Made by MPROC_WAITABLE; not an interface. */
typedef enum mproc_waitable_kind_t {
    MPROC_WAITABLE_CONNECTION = 1,
    MPROC_WAITABLE_PROCESS,
    MPROC_WAITABLE_QUEUE
} mproc_waitable_kind_t;

/** One thing to wait on. */
typedef struct mproc_waitable_t {
    mproc_waitable_kind_t kind;
    void *object;
    int ready; /**< set by mproc_wait(): 1 or 0 */
} mproc_waitable_t;

#ifndef __cplusplus

/** A connection that reads, a queue, or a process: a child, or mproc_parent_process(). */
#define MPROC_WAITABLE(what)                                                                       \
    {_Generic((what), mproc_connection_t *: MPROC_WAITABLE_CONNECTION,                             \
              mproc_process_t *: MPROC_WAITABLE_PROCESS,                                           \
              mproc_queue_t *: MPROC_WAITABLE_QUEUE),                                              \
     (what), 0}

#else

MPROC_END_C
namespace mproc_detail {
inline mproc_waitable_t waitable(mproc_connection_t *connection)
{
    return {MPROC_WAITABLE_CONNECTION, connection, 0};
}
inline mproc_waitable_t waitable(mproc_process_t *process)
{
    return {MPROC_WAITABLE_PROCESS, process, 0};
}
inline mproc_waitable_t waitable(mproc_queue_t *queue)
{
    return {MPROC_WAITABLE_QUEUE, queue, 0};
}
} // namespace mproc_detail
MPROC_BEGIN_C
#define MPROC_WAITABLE(what) mproc_detail::waitable(what)

#endif

/**
 * Wait until at least one of several things is ready, and say which all are.
 *
 * A connection is ready when a receiving call would find something: a message has
 * begun to arrive, or the other end is closed.  A queue is ready when there is a
 * message in it, or one has begun to pass through it in pieces, or it was shut down;
 * another process may be faster to get it, and who puts one in pieces may give it up.
 * A process is ready when it has ended.  Nothing is taken away: what is ready stays
 * so until it is received.
 *
 * @param what     connections, queues and processes, each once; `ready` is set in all of them,
 *                 also in those that are not
 * @param count    at least 1; there is no limit (of 64 or another)
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS       at least one is ready
 * @return APR_TIMEUP        none is
 * @return MPROC_ECLOSED     one of them is closed
 * @return MPROC_EDIRECTION  a connection only writes
 * @return MPROC_EINUSE      another thread receives on a connection, or it was named twice
 * @return MPROC_EFOREIGN    one belongs to the parent of this forked process
 * @return APR_EINVAL        @a what or something in it is NULL, or @a count is 0
 * @return another           what the system said
 *
 * Messages name the place in @a what, from 0.  On every failure but APR_TIMEUP
 * nothing in @a what is changed.
 *
 * Threads: any; meanwhile no other thread may receive on these connections.
 */
MPROC_DECLARE(apr_status_t)
mproc_wait(mproc_waitable_t *what, size_t count, apr_interval_time_t timeout);

MPROC_END_C

#endif
