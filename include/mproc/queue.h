/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_QUEUE_H
#define MPROC_QUEUE_H

/**
 * @file queue.h
 * Queues: messages from any number of processes to any number of others, first in,
 * first out, in shared memory.
 *
 *     MPROC_CHECK(mproc_queue_create(&queue, NULL, mem));
 *     MPROC_CHECK(mproc_process_start(&process, consumer, MPROC_PACK(queue), NULL, mem));
 *     MPROC_CHECK(mproc_queue_put(queue, MPROC_PACK("data", 1), MPROC_FOREVER));
 *     MPROC_CHECK(mproc_queue_put(queue, MPROC_PACK(MPROC_NONE), MPROC_FOREVER));
 *
 * Each message goes to one getter.  When a put has returned, its message is in the
 * queue, whatever becomes of the putter: there is no thread in between, and nothing
 * to flush.  A full queue is a wait or APR_TIMEUP.
 *
 * **Death.**  Any process may be killed at any instruction.  What was put is not
 * lost and does not come twice, and the others go on, at the latest when one that
 * waits looks again (20 milliseconds for a lock, up to a second for an idle getter).
 * A message that a process had taken goes with it; mproc_queue_lost() names it.  A
 * process that is stopped (SIGSTOP) while it is inside a call delays the others of
 * its side for as long; one that is stopped while it has a block delays nobody.
 *
 * **Who has it.**  A queue goes to a child in its arguments, by any start method, and
 * from there on to grandchildren, and it can be sent through a connection.  Each
 * process that has it takes one place of `processes`; a dead one's is given away again.
 * The memory is there as long as some process has the queue, and has no name.
 *
 * Who waits for bytes to put into is woken when half of the capacity is free, and looks
 * for them within a second; who waits because of `maxsize` is woken by the next get.
 *
 * Messages are copied into the queue and out of it, but for blocks.  Those that are larger than a
 * quarter of its capacity pass through it in pieces, and may be larger than all of it.
 *
 * **In place.**  A queue with blocks (see the option `blocks`) has room in shared memory
 * that one process writes and another reads, so that a large message costs what a small
 * one does:
 *
 *     MPROC_CHECK(mproc_queue_reserve(queue, size, &block, MPROC_FOREVER));
 *     fill(block, size);
 *     MPROC_CHECK(mproc_queue_commit(queue, block, MPROC_FOREVER));
 *     ...
 *     MPROC_CHECK(mproc_queue_acquire(queue, &block, &size, MPROC_FOREVER));
 *     use(block, size);
 *     MPROC_CHECK(mproc_queue_release(queue, block));
 *
 * A block that was committed is a message as others are: it has its place in their order, counts
 * for `maxsize`, and can be got by mproc_queue_get_bytes() and the like, which copy it out and
 * give its room back.  Likewise any message can be acquired.
 *
 * The design is that of a ring under two locks that know their owners, with one word
 * whose store makes a message visible; docs/queue.md describes it.
 *
 * Threads: any number may use a queue at once, but for mproc_queue_close(), during
 * which no other thread may be in a call on it.  Fork: a child that was forked by mproc
 * uses the queues in its arguments; all else gives MPROC_EFOREIGN there.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/** What a queue is to be.  Begin with MPROC_QUEUE_OPTIONS. */
typedef struct mproc_queue_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /**
     * Bytes for messages: 1 byte to 4 GiB (1 GiB on 32 bits), rounded up to a power of two, and to
     * 4 KiB.  A message takes its size, 8 bytes, and padding to a multiple of 8.  The initializer says
     * 1 MiB.
     */
    size_t capacity;
    /** The most messages in it at a time, up to 4,294,967,295; 0: as many as fit. */
    size_t maxsize;
    /** The most bytes of one message; 0: any. */
    size_t max_message_size;
    /** The most processes that have it at a time, up to 4,096.  The initializer says 256. */
    unsigned processes;
    /** Not 0: it counts what becomes of its messages, for mproc_queue_join(). */
    int joinable;
    /**
     * Bytes of blocks at a time, at most (see mproc_queue_reserve()): up to 1 TiB (1 GiB on 32 bits);
     * 0: the queue has none.  Rounded up to units of 4 KiB, or above 256 MiB of the next power of two
     * with which there are at most 65,536 units; a block takes whole units.  Memory for them is taken
     * as they are reserved, and then kept.
     */
    size_t blocks;
} mproc_queue_options_t;

/** The initializer of mproc_queue_options_t. */
#define MPROC_QUEUE_OPTIONS                                                                        \
    {                                                                                              \
        sizeof(mproc_queue_options_t), (size_t)1 << 20, 0, 0, 256, 0, 0                            \
    }

/**
 * Make a queue.
 *
 * All of its memory is taken at once, so that a put cannot run out of it later; but for that of
 * blocks, which is taken before one is reserved.  Where a system does not let shared memory be
 * written to by pwrite(2), as macOS and some BSDs, neither can be taken before it is used: there is
 * no APR_ENOSPC then, and who writes when memory has run out fares as with any other that was
 * promised.
 *
 * @param queue    set to it
 * @param options  NULL for the defaults
 * @param mem      the queue is closed in this process when it is destroyed, and may not be used
 *                 any more
 *
 * @return APR_SUCCESS       it is there, and empty
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return APR_EINVAL        an argument or an option is bad; the message names it
 * @return APR_ENOMEM        the capacity, with the blocks, is beyond the memory of this machine, or
 *                           beyond what Linux lets the control group of this process have, as in a
 *                           container.  What others have of it is not looked at
 * @return another           what the system said
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_create(mproc_queue_t **queue, const mproc_queue_options_t *options, apr_pool_t *mem);

/**
 * Put packed values.
 *
 * @param pack     the values; objects in it (connections, queues) are refused
 * @param timeout  microseconds to wait for room; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS          the message is in the queue
 * @return APR_TIMEUP           there was no room in time; nothing was put.  Of a message that
 *                              passes in pieces, what had been put is taken back
 * @return MPROC_ENOTSHAREABLE  an object in the pack cannot travel through a queue: send it
 *                              through a connection, or give it to a child in its arguments
 * @return MPROC_ETOOLARGE      the message is larger than `max_message_size`
 * @return MPROC_ESHUTDOWN      the queue was shut down
 * @return MPROC_ECORRUPT       another process has damaged the queue: nothing can be put or got
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL, APR_ENOMEM  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_put(mproc_queue_t *queue, const mproc_pack_t *pack, apr_interval_time_t timeout);

/**
 * Get packed values.
 *
 * @param values   refilled; what was unpacked from them before is no longer valid.
 *                 Untouched on failure, but for MPROC_EPROTOCOL, which leaves them empty
 * @param timeout  microseconds to wait for a message to begin; MPROC_FOREVER, or 0 to look once.
 *                 One that passes in pieces is then followed to its end
 *
 * @return APR_SUCCESS      a message is in @a values
 * @return APR_TIMEUP       there is none
 * @return MPROC_ESHUTDOWN  the queue was shut down, and there is none
 * @return MPROC_EPROTOCOL  the message is not packed values, and is gone
 * @return MPROC_ECORRUPT   another process has damaged the queue
 * @return APR_ENOMEM       the message is larger than the memory there is; it stays
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_get(mproc_queue_t *queue, mproc_values_t *values, apr_interval_time_t timeout);

/**
 * Put bytes as one message.
 *
 * @param data  @a size bytes; may be NULL when @a size is 0, which is a message too
 *
 * @return as mproc_queue_put()
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_put_bytes(mproc_queue_t *queue, const void *data, size_t size,
                      apr_interval_time_t timeout);

/**
 * Get one message as bytes.
 *
 * @param buffer    filled with the message
 * @param capacity  its size in bytes
 * @param size      set to the size of the message, also when the buffer is too small
 * @param timeout   as for mproc_queue_get()
 *
 * @return APR_SUCCESS     the message is in @a buffer
 * @return MPROC_EMSGSIZE  it is larger than @a capacity; it stays, and @a size says how large
 * @return the others      as mproc_queue_get(); the bytes in @a buffer then mean nothing
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_get_bytes(mproc_queue_t *queue, void *buffer, size_t capacity, size_t *size,
                      apr_interval_time_t timeout);

/**
 * Put several messages, in their order and without another's in between as far as they
 * fit at once: one lock and one commit for as many as there is room for.
 *
 * @param messages  @a count of them, each as for mproc_queue_put_bytes()
 * @param put       set to how many are in the queue, also on failure: those come first
 * @param timeout   microseconds for all of them
 *
 * @return as mproc_queue_put_bytes(); APR_SUCCESS when all are in the queue
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_put_many(mproc_queue_t *queue, const mproc_bytes_t *messages, size_t count, size_t *put,
                     apr_interval_time_t timeout);

/**
 * Get several messages at once: as many as there are, up to @a max and to the end of the
 * buffer, but at least one.
 * One that passes in pieces, or is a block, comes by itself.
 *
 * @param buffer    filled with the messages, each aligned to 8 bytes
 * @param capacity  its size in bytes
 * @param messages  set to where each lies in @a buffer, @a max at most
 * @param max       1 to 65,535
 * @param got       set to how many came; on MPROC_EMSGSIZE to 0, and messages[0].size to the
 *                  size of the first, which stays
 * @param timeout   microseconds to wait for the first
 *
 * @return as mproc_queue_get_bytes()
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_get_many(mproc_queue_t *queue, void *buffer, size_t capacity, mproc_bytes_t *messages,
                     size_t max, size_t *got, apr_interval_time_t timeout);

/**
 * Reserve room for a message that is to be written in place.
 *
 * The room is this process's until it is committed or cancelled, or until the process leaves the queue
 * or dies: then it is given back.  Meanwhile nobody waits for this process but who wants that very
 * room.  What is in it means nothing.
 *
 * @param size     bytes of the message, from 0 on
 * @param block    set to where it lies, aligned to 64 bytes
 * @param timeout  microseconds to wait until others give room back; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS      @a block is this process's to write
 * @return APR_TIMEUP       so much room was not free, in one piece, in time
 * @return APR_ENOSPC       it would be, but there is no memory for it
 * @return MPROC_ETOOLARGE  @a size is larger than all blocks may be, or than `max_message_size`
 * @return MPROC_ESHUTDOWN  the queue was shut down
 * @return MPROC_ECORRUPT   another process has damaged the queue
 * @return APR_EINVAL       an argument is bad, or the queue has no blocks; the message says which
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, another  see the message; another is what the system said
 *
 * Threads: any; also another than the one that commits it.
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_reserve(mproc_queue_t *queue, size_t size, void **block, apr_interval_time_t timeout);

/**
 * Put a block that was reserved: it is a message from now on, and no longer this process's.
 *
 * @param block    as mproc_queue_reserve() has set it
 * @param timeout  microseconds to wait until there is room for one more message, of 16 bytes
 *
 * @return APR_SUCCESS      the message is in the queue
 * @return APR_TIMEUP       there was no room in time; the block is still reserved, as after all below
 * @return MPROC_ESHUTDOWN  the queue was shut down
 * @return MPROC_ECORRUPT   another process has damaged the queue
 * @return APR_EINVAL       it is no block of this queue, or not reserved by this process, or was
 *                          committed or cancelled before; the message says which
 * @return MPROC_ECLOSED, MPROC_EFOREIGN  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_commit(mproc_queue_t *queue, void *block, apr_interval_time_t timeout);

/**
 * Give the room of a block back that was reserved and is not to be put.  Also when the queue was shut
 * down.
 *
 * @return APR_SUCCESS  it is given back, and must not be touched any more
 * @return APR_EINVAL, MPROC_ECLOSED, MPROC_EFOREIGN  as mproc_queue_commit()
 */
MPROC_DECLARE(apr_status_t) mproc_queue_cancel(mproc_queue_t *queue, void *block);

/**
 * Take the next message, to be read in place.
 *
 * A message that was put as a block is not copied.  Any other is copied once, into memory of this
 * process, so that who acquires need not know how a message was put.  Either is this process's, which may
 * write to it too, until it is released, or until the process leaves the queue or dies: then its room
 * is given back, and mproc_queue_lost() names the message if its process got no other after it.
 *
 * @param block    set to where it lies, aligned to 64 bytes; not NULL, also if @a size is 0
 * @param size     set to its size
 * @param timeout  as for mproc_queue_get()
 *
 * @return APR_SUCCESS      both are set
 * @return APR_TIMEUP       there is none
 * @return MPROC_ESHUTDOWN  the queue was shut down, and there is none
 * @return MPROC_ECORRUPT   another process has damaged the queue
 * @return APR_ENOMEM       the message is larger than the memory there is; it stays
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_acquire(mproc_queue_t *queue, void **block, size_t *size, apr_interval_time_t timeout);

/**
 * Be done with a message that was acquired, and give its room back.  Also when the queue was shut
 * down.
 *
 * @param block  as mproc_queue_acquire() has set it
 *
 * @return APR_SUCCESS  it is given back, and must not be touched any more
 * @return APR_EINVAL   this process has not acquired it, or has released it before; the message says
 *                      so
 * @return MPROC_ECLOSED, MPROC_EFOREIGN  see the message
 *
 * Threads: any; also another than the one that acquired it.
 */
MPROC_DECLARE(apr_status_t) mproc_queue_release(mproc_queue_t *queue, void *block);

/**
 * How many messages are in the queue, at an instant during the call.
 *
 * One that is passing in pieces counts when its last piece is put, and until its last is got.
 *
 * @return APR_SUCCESS     @a messages is set
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_queue_qsize(mproc_queue_t *queue, size_t *messages);

/** Whether there is no message in the queue at an instant during the call; 1 too if it cannot be used. */
MPROC_DECLARE(int) mproc_queue_empty(mproc_queue_t *queue);

/**
 * Whether the queue has `maxsize` messages, or not the room for one of 8 bytes, at an instant
 * during the call; 1 too if it cannot be used.
 */
MPROC_DECLARE(int) mproc_queue_full(mproc_queue_t *queue);

/** What is to become of the messages in a queue that is shut down. */
typedef enum mproc_shutdown_t {
    MPROC_DRAIN,  /**< they can still be got */
    MPROC_AT_ONCE /**< they are gone */
} mproc_shutdown_t;

/**
 * Shut a queue down in all processes: nothing more can be put, and who waits for room or for a
 * message is woken.  Python's Queue.shutdown(immediate).
 *
 * When it has returned, no put succeeds; each one that has before is drained, or gone.
 *
 * @return APR_SUCCESS  it is shut down, also when it was before
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t) mproc_queue_shutdown(mproc_queue_t *queue, mproc_shutdown_t how);

/** A message that went with a process. */
typedef struct mproc_lost_t {
    apr_int64_t pid;     /**< the process that had taken it, and has died */
    apr_uint64_t number; /**< of the message: the first that was put is 1 */
} mproc_lost_t;

/**
 * What dead processes had taken last: for each that has died while it had the queue, the messages
 * of its last get.  Whether it was done with them is not known; but in a joinable queue, one whose
 * tasks were all done has lost nothing.
 *
 * A message that passes in pieces is lost once its last piece is put and gone: until then its putter
 * may give it up, and its number go to another.
 *
 * A process that closes the queue, or ends in the normal way, has lost nothing.  What a dead one
 * had can be asked for until its place is taken by another, which is the case when there is no other.
 *
 * It waits for a message in pieces that is being got, or for one who is stopped while he gets one, for
 * a tenth of a second at most.
 *
 * @param lost   filled with up to @a max of them; may be NULL if @a max is 0
 * @param count  set to how many there are, which may be more
 *
 * @return APR_SUCCESS  @a count is set
 * @return MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_lost(mproc_queue_t *queue, mproc_lost_t *lost, size_t max, size_t *count);

/**
 * The numbers of the messages that this process has put and got last, to know one by that
 * mproc_queue_lost() names.  It waits until a message in pieces that is being got has come to its end.
 *
 * @param put  set to the number of the last message that was put here, 0 if none was; may be NULL
 * @param got  the same for what was got; may be NULL
 *
 * @return APR_SUCCESS, MPROC_ECLOSED, MPROC_EFOREIGN, APR_EINVAL
 *
 * Threads: the last of any thread.
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_last(mproc_queue_t *queue, apr_uint64_t *put, apr_uint64_t *got);

/**
 * One task is done: what was to be done with one message that was got.  Python's
 * JoinableQueue.task_done().  The queue was made with the option `joinable`.
 *
 * The task is one of this process, if it has any that is unfinished; or else another's, as a message
 * may have been handed on.  In that case, who got it should live until this call, as its task is lost
 * when it does not.  A message must have been got before its task is done: what is in the queue is
 * still to come.  Also one that mproc_queue_get() refused by MPROC_EPROTOCOL was got.
 *
 * @return APR_SUCCESS         it is done, and is the last one for who joins, if no other is left
 * @return MPROC_EOVERRELEASE  no message that was got is unfinished; nothing has changed
 * @return APR_EINVAL          it is NULL, or not joinable
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN  see the message
 *
 * It makes no system call where nobody joins.  For another's task it waits until a message in pieces
 * that is being got has come to its end.
 */
MPROC_DECLARE(apr_status_t) mproc_queue_task_done(mproc_queue_t *queue);

/**
 * Wait until there is nothing in the queue, and for each message that was got from it,
 * mproc_queue_task_done() was called.  Python's JoinableQueue.join().
 *
 * The tasks of a process that dies, or closes the queue, are lost: nobody can be known to do them any
 * more.  They are told of once, to all who join at that time, and when all that can still be done is
 * done: at the end; or where other messages are in the queue, and no other process that has got any,
 * or waits for one, is left.  The next join waits for what there is then.  What was lost can be
 * known as far as mproc_queue_lost() names it.
 *
 * A queue that is shut down can be joined: by MPROC_AT_ONCE what is in it is no task any more.
 *
 * @param timeout  microseconds; MPROC_FOREVER, or 0 to look once
 *
 * @return APR_SUCCESS        there was no unfinished task at an instant during the call
 * @return MPROC_EWORKERDIED  tasks were lost that nobody was told of before; the message has their
 *                            number, and mproc_queue_tasks() the sum of all
 * @return APR_TIMEUP         some were unfinished all the time
 * @return APR_EINVAL         it is NULL, or not joinable
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_join(mproc_queue_t *queue, apr_interval_time_t timeout);

/**
 * How many tasks a joinable queue has.
 *
 * While a message in pieces is being got, or who gets one is stopped, this waits for a tenth of a second
 * at most, and then says what it finds: what is got just at that moment it may count twice, or not.
 *
 * @param unfinished  set to those that are not done: in the queue, or with a living process; may be NULL
 * @param lost        set to those that went with processes since the queue was made, whether somebody
 *                    was told of them or not; may be NULL
 *
 * @return APR_SUCCESS  they are set
 * @return APR_EINVAL   it is NULL, or not joinable
 * @return MPROC_ECORRUPT, MPROC_ECLOSED, MPROC_EFOREIGN  see the message
 */
MPROC_DECLARE(apr_status_t)
mproc_queue_tasks(mproc_queue_t *queue, size_t *unfinished, size_t *lost);

/**
 * Be done with a queue in this process.  The others go on; the messages stay.
 *
 * @return APR_SUCCESS   closed, also when it was before
 * @return MPROC_EINUSE  another thread waits in it, or is in the middle of a message; or this process
 *                       has blocks of it, which would be gone: release or cancel them first
 * @return APR_EINVAL    it is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_queue_close(mproc_queue_t *queue);

MPROC_END_C

#endif
