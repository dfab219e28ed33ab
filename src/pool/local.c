/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The engine of processes on this machine: the workers.
 */

#include "local.h"

#include "../queue.h"
#include "status.h"
#include "worker.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <stdlib.h>

/* How long to wait before what has failed is tried again. */
#define MOMENT apr_time_from_msec(50)

/* So often at least the supervisor looks around by itself. */
#define LOOK_AROUND apr_time_from_sec(1)

/* And so often at least who waits for a result, as a wake may be lost where parks are not futexes. */
#define GLANCE apr_time_from_msec(100)

/* -- The whole ---------------------------------------------------------------------------- */

static apr_status_t make_queue(mproc_queue_t **queue, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.processes = MPROC__PLACES;
    return mproc_queue_create(queue, &options, mem);
}

static apr_status_t make_board(mproc__engine_t *engine)
{
    mproc__board_t *board;

    MPROC_TRY(mproc__shared_memory_create(&engine->board_memory,
                                          sizeof *board + MPROC_WORKERS_MAX * sizeof(mproc__slot_t),
                                          engine->mem));
    board = engine->board = mproc__shared_memory_data(engine->board_memory);
    board->maxtasks = engine->config.maxtasks;
    board->max_rss = engine->config.max_rss;
    board->keeps_time = engine->config.keeps_time != 0;
    board->soft_timeout = engine->config.soft_timeout;
    return APR_SUCCESS;
}

static apr_status_t free_rooms(void *data)
{
    mproc__engine_t *engine = data;
    unsigned i;

    free(engine->outgoing);
    free(engine->incoming);
    free(engine->waitables);
    engine->outgoing = engine->incoming = NULL;
    engine->waitables = NULL;
    for (i = 1; i <= engine->most; i++) {
        free(engine->hands[i].untold);
        engine->hands[i].untold = NULL;
        engine->hands[i].nuntold = engine->hands[i].untold_room = 0;
    }
    return APR_SUCCESS;
}

static apr_status_t make_rooms(mproc__engine_t *engine)
{
    engine->outgoing = malloc(sizeof(mproc__order_t) + MPROC__INLINE_MAX);
    engine->incoming_size = 16 * (sizeof(mproc__reply_t) + MPROC__INLINE_MAX);
    engine->incoming = malloc(engine->incoming_size);
    engine->waitables = calloc(MPROC_WORKERS_MAX + 1, sizeof *engine->waitables);
    apr_pool_cleanup_register(engine->mem, engine, free_rooms, apr_pool_cleanup_null);
    return engine->outgoing != NULL && engine->incoming != NULL && engine->waitables != NULL
               ? APR_SUCCESS
               : mproc_error_set(APR_ENOMEM, "no memory for a pool");
}

/* The first tickets are given out first, so that few cache lines are touched. */
static void make_tickets(mproc__engine_t *engine)
{
    apr_uint32_t i;

    for (i = 0; i < MPROC__TICKETS; i++) {
        engine->free_tickets[i] = MPROC__TICKETS - 1 - i;
        atomic_store(&engine->board->tickets[i], MPROC__WITHDRAWN);
    }
    engine->nfree = MPROC__TICKETS;
}

static apr_status_t open_all(mproc__engine_t *engine)
{
    if (apr_pool_create(&engine->fetched_mem, engine->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for a pool");
    MPROC_TRY(make_rooms(engine));
    MPROC_TRY(make_board(engine));
    make_tickets(engine);
    MPROC_TRY(make_queue(&engine->orders, engine->mem));
    return make_queue(&engine->replies, engine->mem);
}

apr_status_t mproc__engine_open(mproc__engine_t **engine, const mproc__engine_config_t *config,
                                apr_pool_t *mem)
{
    mproc__engine_t *made;
    apr_pool_t *own;
    apr_status_t rv;

    if (apr_pool_create(&own, mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for a pool");
    made = apr_pcalloc(own, sizeof *made);
    made->mem = own;
    made->config = *config;
    rv = open_all(made);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return rv;
    }
    *engine = made;
    return APR_SUCCESS;
}

/* Killed at once, and then waited for: one that could not be killed must not be waited for for ever. */
void mproc__engine_stop(mproc__engine_t *engine)
{
    unsigned i;

    for (i = 1; i <= engine->most; i++)
        mproc__engine_kill(engine, i);
    for (i = 1; i <= engine->most; i++)
        while (engine->hands[i].is_here &&
               mproc_process_join(engine->hands[i].process, MOMENT) == APR_TIMEUP)
            mproc__engine_kill(engine, i);
}

void mproc__engine_close(mproc__engine_t *engine)
{
    unsigned i;

    for (i = 1; i <= engine->most; i++) {
        if (!engine->hands[i].is_here)
            continue;
        engine->hands[i].is_here = 0;
        apr_pool_destroy(engine->hands[i].mem);
    }
    mproc_queue_close(engine->orders);
    mproc_queue_close(engine->replies);
    mproc__memories_close(engine);
    free_rooms(engine);
}

/* -- Starting one --------------------------------------------------------------------------- */

unsigned mproc__engine_reserve(mproc__engine_t *engine)
{
    unsigned i;

    for (i = 1; i <= MPROC_WORKERS_MAX; i++) {
        if (!engine->hands[i].is_reserved) {
            engine->hands[i].is_reserved = 1;
            engine->most = i > engine->most ? i : engine->most;
            return i;
        }
    }
    return 0;
}

static void clear_slot(mproc__slot_t *slot)
{
    atomic_store(&slot->chunk, 0);
    atomic_store(&slot->item, MPROC__NO_ITEM);
    atomic_store(&slot->ticket, 0);
    atomic_store(&slot->began, 0);
    atomic_store(&slot->heard, 0);
    atomic_store(&slot->announced, 0);
    atomic_store(&slot->fetched, 0);
}

static apr_status_t start_process(mproc__engine_t *engine, unsigned number,
                                  mproc_connection_t *there)
{
    static const mproc_pack_t nothing = {0, NULL};
    mproc__hand_t *hand = &engine->hands[number];
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    const mproc_pack_t *initargs = engine->config.initargs;

    options.name = apr_psprintf(hand->mem, "PoolWorker-%u", number);
    options.daemon = 1;
    options.ignore_interrupt = 1;
    options.start_method = engine->config.start_method;
    return mproc_process_start(&hand->process, mproc__pool_worker,
                               MPROC_PACK(number, engine->orders, engine->replies, there,
                                          mproc__shared_memory_value(engine->board_memory),
                                          engine->config.initializer,
                                          initargs != NULL ? initargs : &nothing),
                               &options, hand->mem);
}

static apr_status_t start(mproc__engine_t *engine, unsigned number)
{
    mproc__hand_t *hand = &engine->hands[number];
    mproc_connection_t *there;
    apr_status_t rv;

    MPROC_TRY(mproc_pipe(&hand->line, &there, MPROC_DUPLEX, hand->mem));
    rv = start_process(engine, number, there);
    mproc_connection_close(there);
    return rv;
}

apr_status_t mproc__engine_start(mproc__engine_t *engine, unsigned number)
{
    mproc__hand_t *hand = &engine->hands[number];
    apr_status_t rv;

    clear_slot(&engine->board->slots[number - 1]);
    hand->is_ready = hand->has_ended = hand->is_out_of_step = 0;
    hand->nuntold = 0;
    if (apr_pool_create(&hand->mem, engine->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for a worker");
    rv = start(engine, number);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(hand->mem);
        hand->is_reserved = 0;
    }
    return rv;
}

void mproc__engine_admit(mproc__engine_t *engine, unsigned number)
{
    engine->hands[number].is_here = 1;
    mproc__hand_note_all(engine, number);
}

/* -- What can be asked of one --------------------------------------------------------------- */

/* Who gives up a result keeps the message that says why, also when its worker cannot be ended. */
static void kill_hand(const mproc__hand_t *hand)
{
    apr_status_t status = mproc__error_status();
    char words[1024];

    apr_cpystrn(words, mproc_error_message(), sizeof words);
    if (mproc_process_kill(hand->process) != APR_SUCCESS)
        mproc_error_set(status, "%s", words);
}

void mproc__engine_kill(mproc__engine_t *engine, unsigned number)
{
    if (engine->hands[number].is_here)
        kill_hand(&engine->hands[number]);
}

apr_int64_t mproc__engine_pid(const mproc__engine_t *engine, unsigned number)
{
    const mproc__hand_t *hand = &engine->hands[number];

    return number <= engine->most && hand->is_here ? mproc_process_pid(hand->process) : 0;
}

/* What is read one after the other may not belong together; who ends a worker for it looks again. */
port_deadline_t mproc__engine_began(const mproc__engine_t *engine, unsigned number,
                                    mproc__parcel_t **parcel, apr_uint64_t *item)
{
    mproc__slot_t *slot = &engine->board->slots[number - 1];
    apr_uint32_t index = atomic_load(&slot->index);
    port_deadline_t began = atomic_load(&slot->began);

    *parcel =
        engine->hands[number].is_here && index < MPROC__TICKETS ? engine->parcels[index] : NULL;
    *item = atomic_load(&slot->item);
    if (*parcel == NULL || mproc__engine_holder(engine, *parcel) != number)
        return 0;
    return atomic_load(&slot->began) == began ? began : 0;
}

unsigned mproc__engine_most(const mproc__engine_t *engine)
{
    return engine->most;
}

void mproc__engine_dismiss(mproc__engine_t *engine)
{
    mproc_queue_shutdown(engine->orders, MPROC_DRAIN);
}

/* -- Waiting ------------------------------------------------------------------------------------ */

static void add_waitable(mproc__engine_t *engine, size_t *count, mproc_waitable_t waitable)
{
    engine->waitables[(*count)++] = waitable;
}

/* In the same order in which they were waited for. */
static void note_ended(mproc__engine_t *engine)
{
    size_t place = 1;
    unsigned i;

    for (i = 1; i <= engine->most; i++)
        if (engine->hands[i].is_here)
            engine->hands[i].has_ended = engine->waitables[place++].ready;
}

/* What cannot be waited for now, for lack of memory perhaps, is looked at again in a moment. */
static void wait_a_moment(mproc__engine_t *engine)
{
    mproc__engine_sleep(engine, mproc__engine_results(engine), port_clock() + MOMENT);
}

/* A nudge does not get through while a worker is stopped in the middle of a reply. */
static apr_interval_time_t time_until(port_deadline_t deadline)
{
    port_deadline_t now = port_clock();

    if (deadline <= now)
        return 0;
    return deadline - now < LOOK_AROUND ? deadline - now : LOOK_AROUND;
}

void mproc__engine_wait(mproc__engine_t *engine, port_deadline_t deadline)
{
    mproc_waitable_t replies = MPROC_WAITABLE(engine->replies);
    size_t count = 0;
    apr_status_t rv;
    unsigned i;

    add_waitable(engine, &count, replies);
    for (i = 1; i <= engine->most; i++) {
        if (engine->hands[i].is_here) {
            mproc_waitable_t process = MPROC_WAITABLE(engine->hands[i].process);
            add_waitable(engine, &count, process);
        }
    }
    rv = mproc_wait(engine->waitables, count, time_until(deadline));
    if (rv == APR_SUCCESS)
        note_ended(engine);
    else if (rv != APR_TIMEUP)
        wait_a_moment(engine);
}

void mproc__engine_nudge(mproc__engine_t *engine)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_NUDGE};

    if (mproc_queue_put_bytes(engine->replies, &reply, sizeof reply, 0) != APR_SUCCESS)
        port_bell_ring(engine->replies->segment);
}

apr_uint32_t mproc__engine_results(const mproc__engine_t *engine)
{
    return atomic_load(&engine->board->results);
}

/* All who wait sleep in one park, where one that is not waiting for what is there may take two wakes. */
void mproc__engine_sleep(mproc__engine_t *engine, apr_uint32_t seen, port_deadline_t deadline)
{
    port_deadline_t glance = port_clock() + GLANCE;

    port_park(engine->board_memory->segment, MPROC__PARK_RESULTS, &engine->board->results, seen,
              deadline < glance ? deadline : glance);
}

void mproc__engine_wake(mproc__engine_t *engine, unsigned sleepers)
{
    atomic_fetch_add(&engine->board->results, 1);
    if (sleepers > 0)
        port_unpark(engine->board_memory->segment, MPROC__PARK_RESULTS, &engine->board->results,
                    sleepers);
}
