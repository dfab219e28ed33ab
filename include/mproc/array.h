/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_ARRAY_H
#define MPROC_ARRAY_H

/**
 * @file array.h
 * Shared arrays: memory that several processes read and write where it lies.  A shared value is an
 * array of one.
 *
 *     MPROC_CHECK(mproc_array_create(&shared, 1000, sizeof *points, mem));
 *     MPROC_CHECK(mproc_process_start(&process, target, MPROC_PACK(shared), NULL, mem));
 *     points = mproc_array_data(shared);
 *     rv = mproc_lock_acquire(mproc_array_lock(shared), MPROC_FOREVER);
 *     if (rv == APR_SUCCESS || rv == MPROC_EOWNERDEAD) {
 *         points[0].x += 1;
 *         mproc_lock_release(mproc_array_lock(shared));
 *     }
 *
 * Take it for what is read or changed in place.  What is handed over, and not kept, goes through a
 * queue or a pipe, which also say that it is there.
 *
 * **Its lock.**  Reading a number, adding to it and writing it are three steps, and another process
 * can come in between.  So each array has a lock (lock.h), which travels with it; the array does not
 * use it by itself, and it guards what all who have the array agree on.  Its owner can acquire it again.
 * What an owner that died has left half done is told by MPROC_EOWNERDEAD.  Who needs no lock, as each
 * process has its own part of the items or atomic operations are enough, need not touch it; or makes
 * the array raw, so that nobody can.
 *
 * **From Python.**  Value(type) is an array of one, and Array(type, n) one of n; RawValue and RawArray
 * are those that are raw.  There are no getters and setters that lock for one access: they make people
 * believe that `v.value += 1` were one step.
 *
 * A map of a pool (pool.h) whose items or results lie in an array reads and writes them where they
 * lie: nothing is copied.  Its workers have the memory until a map ends after the array was closed, or
 * until the pool ends.
 *
 * **What may lie in it.**  Numbers, and structs of them.  Pointers mean nothing in another process:
 * take indexes instead.  It lies at another address in each process.
 *
 * **Who has it.**  An array goes to a child in its arguments, by any start method, and from there on
 * to grandchildren, and it can be sent through a connection.  Each process that has it takes one
 * place of `processes`; a dead one's is given away again.  The memory is there as long as some
 * process has the array, and has no name.
 *
 * Threads: any number may use an array at once, but for mproc_array_close(), during which no other
 * thread may be in a call on it or at its items.  Fork: a child that was forked by mproc uses the
 * arrays in its arguments; all else gives MPROC_EFOREIGN there, and its items are not there.
 */

#include <mproc/args.h>
#include <mproc/declare.h>

MPROC_BEGIN_C

/** What an array is to be.  Begin with MPROC_ARRAY_OPTIONS. */
typedef struct mproc_array_options_t {
    /** Of this struct, so that it can grow; set by the initializer. */
    size_t size;
    /** The most processes that have it at a time, up to 4,096.  The initializer says 256. */
    unsigned processes;
    /** Not 0: it has no lock. */
    int raw;
} mproc_array_options_t;

/** The initializer of mproc_array_options_t. */
#define MPROC_ARRAY_OPTIONS                                                                        \
    {                                                                                              \
        sizeof(mproc_array_options_t), 256, 0                                                      \
    }

/**
 * Make an array, all 0.
 *
 * All of its memory is taken at once, so that writing to it cannot fail later; but where a system
 * does not let shared memory be written to by pwrite(2), as macOS and some BSDs, it is only
 * promised.
 *
 * @param array      set to it
 * @param count      items, at least 1
 * @param item_size  bytes of an item, at least 1
 * @param mem        the array is closed in this process when it is destroyed, and may not be used
 *                   any more
 *
 * @return APR_SUCCESS       it is there
 * @return MPROC_EBOOTSTRAP  mproc_init() has not been called
 * @return APR_EINVAL        an argument is bad; the message names it
 * @return APR_ENOMEM        it would be larger than the memory of this machine, or than Linux lets
 *                           the control group of this process have, as in a container.  What others
 *                           have of it is not looked at: Linux ends a process when it is all in use
 * @return another           what the system said
 */
MPROC_DECLARE(apr_status_t)
mproc_array_create(mproc_array_t **array, size_t count, size_t item_size, apr_pool_t *mem);

/**
 * The same with options.
 *
 * @param options  NULL for the defaults
 *
 * @return as mproc_array_create(); APR_EINVAL also when an option is bad
 */
MPROC_DECLARE(apr_status_t)
mproc_array_create_with(mproc_array_t **array, size_t count, size_t item_size,
                        const mproc_array_options_t *options, apr_pool_t *mem);

/**
 * Where the items lie in this process, one behind the other.
 *
 * @return the first of them, at a multiple of 128 bytes: valid until the array is closed here; or
 *         NULL, and mproc_error_message() says why: the array is NULL, closed, or the parent's
 */
MPROC_DECLARE(void *) mproc_array_data(const mproc_array_t *array);

/** How many items there are; 0 where mproc_array_data() is NULL. */
MPROC_DECLARE(size_t) mproc_array_count(const mproc_array_t *array);

/** How many bytes an item has; 0 where mproc_array_data() is NULL. */
MPROC_DECLARE(size_t) mproc_array_item_size(const mproc_array_t *array);

/**
 * The lock of an array, to be acquired and released as any other (lock.h): it is there as long as the
 * array is, and goes to other processes with it, not by itself.
 *
 * @return the lock; or NULL, and mproc_error_message() says why: the array is raw, NULL, closed, or
 *         the parent's.  Calls on a lock that is NULL say APR_EINVAL
 */
MPROC_DECLARE(mproc_lock_t *) mproc_array_lock(mproc_array_t *array);

/**
 * Be done with an array in this process; others that have it go on.
 *
 * Its items are no more here.  Closing it again does nothing, and so does closing it in a child that
 * was forked from its process.  Calls on a closed array say MPROC_ECLOSED.
 *
 * @return APR_SUCCESS   it is closed
 * @return MPROC_EINUSE  this process holds its lock, or a thread waits for it
 * @return APR_EINVAL    @a array is NULL
 */
MPROC_DECLARE(apr_status_t) mproc_array_close(mproc_array_t *array);

MPROC_END_C

#endif
