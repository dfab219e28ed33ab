/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_CONNECTION_H
#define MPROC_CONNECTION_H

/**
 * @file connection.h
 * Pipes: messages between two processes, in order, of any size.
 *
 *     MPROC_CHECK(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
 *     MPROC_CHECK(mproc_process_start(&process, answer, MPROC_PACK(there), NULL, mem));
 *     mproc_connection_close(there);       // so that its end is seen when the child's copy closes
 *     MPROC_CHECK(mproc_connection_send(here, MPROC_PACK("hello", 42), MPROC_FOREVER));
 *     MPROC_CHECK(mproc_connection_recv(here, message, MPROC_FOREVER));
 *
 * For one writer and one reader; for many, use a queue.  Give an end to a child
 * in its arguments, or send it through another connection to a process that runs
 * already: that process then has a copy, with what has arrived and was not
 * received yet, and the end is closed when the last copy is.  So close yours once it
 * has been sent:
 *
 *     MPROC_CHECK(mproc_connection_send(worker, MPROC_PACK("serve", client), MPROC_FOREVER));
 *     mproc_connection_close(client);
 *
 *     MPROC_CHECK(mproc_connection_recv(boss, message, MPROC_FOREVER));    // in the worker
 *     MPROC_CHECK(MPROC_UNPACK(message, &word, &client));
 *
 * A connection that was received lives in the memory of the values that brought it,
 * also when these are refilled, until it is closed.  One that is on its way is closed
 * when nobody is left to receive it; on POSIX it arrives whatever becomes of its sender, on
 * Windows its sender must live until then.  Any may be sent through any, also an end
 * through itself.
 *
 * On the wire a message is what CPython's multiprocessing.connection sends: its
 * size as a big-endian int32 and its bytes; from 2 GiB on, -1, the size as a
 * big-endian uint64, and the bytes.  Before one with connections in it goes what only
 * mproc reads.
 *
 * Threads: one may send and one may receive on an end at the same time; a
 * second one of either gets MPROC_EINUSE.  None may while it is given to a child or
 * sent through another connection.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/** Which way a pipe goes. */
typedef enum mproc_duplex_t {
    MPROC_ONE_WAY, /**< the first end reads, the second one writes */
    MPROC_DUPLEX   /**< both ends read and write */
} mproc_duplex_t;

/**
 * Make a pipe: two ends that are connected.
 *
 * It has no name, and no other process can reach it, but those that get an end.
 *
 * @param here    set to one end; of a one-way pipe, the end that reads
 * @param there   set to the other; of a one-way pipe, the end that writes
 * @param duplex  MPROC_DUPLEX or MPROC_ONE_WAY
 * @param mem     both live until it is destroyed, which closes them
 *
 * @return APR_SUCCESS       both are set
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return APR_EINVAL        an argument is bad
 * @return another           what the system said, as when there are no descriptors left
 */
MPROC_DECLARE(apr_status_t)
mproc_pipe(mproc_connection_t **here, mproc_connection_t **there, mproc_duplex_t duplex,
           apr_pool_t *mem);

/**
 * Send packed values.
 *
 * @param connection  an end that writes
 * @param pack        the values; MPROC_NO_ARGS is an empty message.  Connections in it stay
 *                    the caller's, to be used or closed as ever: the other end gets copies;
 *                    256 are the most
 * @param timeout     microseconds to wait for room; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS          all of it is on its way: the other end will get it even if
 *                              this process ends now
 * @return APR_TIMEUP           there was no room; nothing was sent
 * @return MPROC_ETORN          time ran out in the middle of the message: this end can send no
 *                              more, and the other gets MPROC_ETORN when it is closed
 * @return APR_EPIPE            the other end is closed
 * @return MPROC_EDIRECTION, MPROC_EINUSE, MPROC_ECLOSED, APR_EINVAL  of this connection, or of
 *                              one in the pack: see the message
 * @return another              what the system said, as when too many connections are on their way
 */
MPROC_DECLARE(apr_status_t)
mproc_connection_send(mproc_connection_t *connection, const mproc_pack_t *pack,
                      apr_interval_time_t timeout);

/**
 * Receive packed values.
 *
 * Memory is taken as the message arrives, whatever size it announces: no more than 1 MiB, or
 * twice what has arrived.
 *
 * @param values   refilled; what was unpacked from them before is no longer valid, but for
 *                 connections, which stay as long as the values' memory.  Untouched on
 *                 failure, but for MPROC_EPROTOCOL, which leaves them empty
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS      a message is in @a values
 * @return APR_TIMEUP       none has arrived whole; what has is kept for the next call
 * @return APR_EOF          the other end is closed, and every message was received
 * @return MPROC_ETORN      the other end was closed in the middle of a message; or half of one
 *                          was lost, as there was no memory to keep it: nothing can follow it
 * @return MPROC_EPROTOCOL  what arrived is not packed values, or has an absurd size
 * @return MPROC_EDIED      a connection in the message cannot be had any more, as the process
 *                          that sent it has ended (Windows); the message is lost
 * @return APR_EMFILE       this process has no room for a connection in the message; it is lost
 * @return MPROC_ETOOMANY   an object in the message is had by as many processes as its option
 *                          `processes` allows; the message is lost
 * @return APR_ENOMEM       the message is larger than the memory there is
 * @return MPROC_EDIRECTION, MPROC_EINUSE, MPROC_ECLOSED, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_connection_recv(mproc_connection_t *connection, mproc_values_t *values,
                      apr_interval_time_t timeout);

/**
 * Send bytes as one message.
 *
 * @param data  @a size bytes; may be NULL when @a size is 0, which is a message too
 *
 * @return as mproc_connection_send()
 */
MPROC_DECLARE(apr_status_t)
mproc_connection_send_bytes(mproc_connection_t *connection, const void *data, size_t size,
                            apr_interval_time_t timeout);

/**
 * Receive one message as bytes.  Connections in it are closed.
 *
 * @param buffer    filled with the message
 * @param capacity  its size in bytes
 * @param size      set to the size of the message, also when the buffer is too small
 * @param timeout   microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS     the message is in @a buffer
 * @return MPROC_EMSGSIZE  it is larger than @a capacity; it stays, and @a size says how large
 * @return the others      as mproc_connection_recv(); after APR_TIMEUP the bytes in @a buffer
 *                         mean nothing
 */
MPROC_DECLARE(apr_status_t)
mproc_connection_recv_bytes(mproc_connection_t *connection, void *buffer, size_t capacity,
                            size_t *size, apr_interval_time_t timeout);

/**
 * Receive one message as bytes behind what a buffer has already.
 *
 * @param buffer    filled with the message from @a offset on; what lies before it is untouched
 * @param capacity  the size of the whole buffer in bytes
 * @param offset    where the message goes: 0 to @a capacity
 * @param size      set to the size of the message, also when there is too little room for it
 * @param timeout   microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS     the message is in @a buffer, @a size bytes from @a offset on
 * @return MPROC_EMSGSIZE  it does not fit behind @a offset; it stays, and @a size says how large
 *                         it is
 * @return APR_EINVAL      @a offset is larger than @a capacity, or an argument is NULL
 * @return the others      as mproc_connection_recv_bytes()
 */
MPROC_DECLARE(apr_status_t)
mproc_connection_recv_bytes_into(mproc_connection_t *connection, void *buffer, size_t capacity,
                                 size_t offset, size_t *size, apr_interval_time_t timeout);

/**
 * Whether a receiving call would find something: a message has begun to arrive,
 * or the other end is closed.  Takes nothing away.
 *
 * @param timeout  microseconds to wait for it; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS  receive now
 * @return APR_TIMEUP   there is nothing
 * @return MPROC_EDIRECTION, MPROC_EINUSE, MPROC_ECLOSED, APR_EINVAL, MPROC_EPROTOCOL
 */
MPROC_DECLARE(apr_status_t)
mproc_connection_poll(mproc_connection_t *connection, apr_interval_time_t timeout);

/**
 * Close an end.  The other end gets APR_EOF once it has read all, and APR_EPIPE
 * when it sends, as soon as no process has a copy of this one.
 *
 * @return APR_SUCCESS   closed, also when it was before
 * @return MPROC_EINUSE  another thread is sending or receiving on it
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_connection_close(mproc_connection_t *connection);

/** Whether an end receives: 1 or 0. */
MPROC_DECLARE(int) mproc_connection_readable(const mproc_connection_t *connection);

/** Whether an end sends: 1 or 0. */
MPROC_DECLARE(int) mproc_connection_writable(const mproc_connection_t *connection);

MPROC_END_C

#endif
