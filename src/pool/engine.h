/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_POOL_ENGINE_H
#define MPROC_POOL_ENGINE_H

/*
 * The engine of a pool: what starts workers somewhere, carries orders to them and replies back,
 * and says what a worker had that has ended.  What is to be done, how often, and who is told, is
 * the pool's business.
 *
 * local.c and its neighbours implement it with processes of this machine.
 *
 * Everything is called under the lock of the pool, but where it says otherwise.  Only the
 * supervisor waits, receives, starts and reaps.
 */

#include "array.h"
#include "orders.h"
#include "port.h"

#include <mproc/pool.h>

typedef struct mproc__engine_t mproc__engine_t;

/* Memory that the pool and its workers share. */
typedef struct mproc__memory_t mproc__memory_t;

/* A piece of work on its way to a worker and back; lies in what the pool knows of it. */
typedef struct mproc__parcel_t {
    mproc__order_t order; /* with kind, target, size and what belongs to the kind */
    const void *payload;  /* order.size bytes, at most MPROC__INLINE_MAX, if it travels with it */
    apr_uint64_t number;  /* of its message */
    int is_sent;          /* it has a ticket */
} mproc__parcel_t;

typedef struct mproc__engine_config_t {
    const char *start_method;
    apr_int64_t initializer; /* its number in the table; negative: none */
    const mproc_pack_t *initargs;
    apr_uint32_t maxtasks;
    apr_uint64_t max_rss;
    int keeps_time;
    apr_interval_time_t soft_timeout;
} mproc__engine_config_t;

/* Without workers yet: APR_SUCCESS, or a status and a message.  Closed by mproc__engine_close(). */
apr_status_t mproc__engine_open(mproc__engine_t **engine, const mproc__engine_config_t *config,
                                apr_pool_t *mem);

/* End all workers, and wait for that.  Without the lock of the pool. */
void mproc__engine_stop(mproc__engine_t *engine);

/*
 * After that: what was for workers is given back; those who sleep can still be woken, and memory of
 * the user's stays, as does what somebody still uses.  The rest goes with the memory.
 */
void mproc__engine_close(mproc__engine_t *engine);

/* -- Workers ------------------------------------------------------------------------------ */

/* A number for a new worker, from 1, or 0 if there are as many as can be. */
unsigned mproc__engine_reserve(mproc__engine_t *engine);

/*
 * Start the worker with a reserved number: APR_SUCCESS, or a status and a message, and the number
 * is free again.  Without the lock of the pool.
 */
apr_status_t mproc__engine_start(mproc__engine_t *engine, unsigned number);

/* It is one of the workers now. */
void mproc__engine_admit(mproc__engine_t *engine, unsigned number);

/* End a worker, whatever it does; it is reported as ended. */
void mproc__engine_kill(mproc__engine_t *engine, unsigned number);

/* The process of a worker, or 0. */
apr_int64_t mproc__engine_pid(const mproc__engine_t *engine, unsigned number);

/* When a worker that keeps time began what it is at, and what that is; 0: it is at nothing. */
port_deadline_t mproc__engine_began(const mproc__engine_t *engine, unsigned number,
                                    mproc__parcel_t **parcel, apr_uint64_t *item);

/* The largest number that was ever given. */
unsigned mproc__engine_most(const mproc__engine_t *engine);

/* Workers have no more orders to wait for, and end when there are none left. */
void mproc__engine_dismiss(mproc__engine_t *engine);

/* -- Orders ------------------------------------------------------------------------------- */

/* Send a parcel: whether there was a ticket and room for it. */
int mproc__engine_send(mproc__engine_t *engine, mproc__parcel_t *parcel);

/* Call a parcel back: whether no worker has it. */
int mproc__engine_recall(mproc__engine_t *engine, mproc__parcel_t *parcel);

/* The number of the worker that has a parcel, or 0. */
unsigned mproc__engine_holder(const mproc__engine_t *engine, const mproc__parcel_t *parcel);

/* It has come back, or will not: its ticket is free. */
void mproc__engine_retire(mproc__engine_t *engine, mproc__parcel_t *parcel);

/* -- What comes back ------------------------------------------------------------------------ */

/* A worker that has ended. */
typedef struct mproc__ended_t {
    unsigned number;
    int was_ready;       /* its initializer was done */
    apr_status_t status; /* APR_SUCCESS: it has left in good order */
    const char *words;   /* how it has ended, for a message */
    mproc__parcel_t *parcel; /* what it had, or NULL */
    apr_uint64_t chunk;      /* of the parcel: number + 1 of the one that it had, or 0 */
    apr_uint64_t item;       /* that it was at; MPROC__NO_ITEM: at none */
} mproc__ended_t;

/* What the supervisor is told, under the lock of the pool. */
typedef struct mproc__listener_t {
    void (*ready)(void *data, unsigned number);
    void (*broken)(void *data, unsigned number, apr_status_t status, const char *words);
    void (*done)(void *data, mproc__parcel_t *parcel, const mproc__reply_t *reply,
                 const void *payload);
    void (*item_failed)(void *data, mproc__parcel_t *parcel, apr_uint64_t item,
                        apr_status_t status, const char *words);
    void (*ended)(void *data, const mproc__ended_t *ended);
    /* A worker took it and ended before it had looked at it; it has no ticket any more. */
    void (*returned)(void *data, mproc__parcel_t *parcel);
    /* Somebody has damaged the way to the workers, or back: nothing will come any more. */
    void (*damaged)(void *data);
    void *data;
} mproc__listener_t;

/* Tell all that has happened: how many things that was. */
size_t mproc__engine_receive(mproc__engine_t *engine, const mproc__listener_t *listener);

/* Wait until something happens, or until a deadline.  Without the lock of the pool. */
void mproc__engine_wait(mproc__engine_t *engine, port_deadline_t deadline);

/* Have the supervisor look around.  With the lock or without. */
void mproc__engine_nudge(mproc__engine_t *engine);

/* After mproc__engine_stop(): parcels that are still on their way are returned. */
void mproc__engine_return_all(mproc__engine_t *engine, const mproc__listener_t *listener);

/* -- Those who wait for results ---------------------------------------------------------------- */

/* What mproc__engine_sleep() wants to know. */
apr_uint32_t mproc__engine_results(const mproc__engine_t *engine);

/*
 * Sleep until there are results that were not there; may return for no reason, and does so in a while.
 * Without the lock.
 */
void mproc__engine_sleep(mproc__engine_t *engine, apr_uint32_t seen, port_deadline_t deadline);

/* There are results: wake those who sleep, `sleepers` of them. */
void mproc__engine_wake(mproc__engine_t *engine, unsigned sleepers);

/* -- Memory --------------------------------------------------------------------------------- */

struct mproc__memory_t {
    mproc__memory_t *next;
    apr_uint64_t number;
    unsigned char *data;
    size_t size;
    int users;       /* works that use it */
    int is_the_users; /* given by mproc_pool_alloc() */
    mproc__array_number_t array; /* of the shared array that lies in it, or 0 */
    apr_pool_t *mem;
};

/* New memory, one user's: APR_SUCCESS, or a status and a message.  Without the lock. */
apr_status_t mproc__memory_create(mproc__memory_t **memory, mproc__engine_t *engine, size_t size);

/* The workers are to know it. */
void mproc__memory_announce(mproc__engine_t *engine, mproc__memory_t *memory);

/* Memory of the pool's own that nobody uses and is large enough: one user's, or NULL. */
mproc__memory_t *mproc__memory_reuse(mproc__engine_t *engine, size_t size);

/* A user less; what nobody uses is kept for the next one, within reason. */
void mproc__memory_release(mproc__engine_t *engine, mproc__memory_t *memory);

/* The memory of mproc_pool_alloc() that an array lies in, or NULL. */
mproc__memory_t *mproc__memory_find(const mproc__engine_t *engine, const void *array, size_t size);

/*
 * The same, also of memory that is a shared array's of this process, which the workers are to know
 * from now on: APR_SUCCESS, with NULL if it lies in neither; or a status and a message.
 */
apr_status_t mproc__memory_look_up(mproc__memory_t **memory, mproc__engine_t *engine,
                                   const void *array, size_t size);

/* Take it from the workers and from here. */
void mproc__memory_drop(mproc__engine_t *engine, mproc__memory_t *memory);

#endif
