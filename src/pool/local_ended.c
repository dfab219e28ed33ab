/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The engine of processes on this machine: workers that have ended, and what they had.
 */

#include "local.h"

#include "../queue.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <stdio.h>

static mproc__parcel_t *held_by(const mproc__engine_t *engine, unsigned number)
{
    apr_uint32_t i;

    for (i = 0; i < MPROC__TICKETS; i++)
        if (engine->parcels[i] != NULL &&
            mproc__engine_holder(engine, engine->parcels[i]) == number)
            return engine->parcels[i];
    return NULL;
}

/* Whether it can be nobody's who is here, nor lie in the queue: then its ticket was written over. */
static int is_lost(const mproc__engine_t *engine, const mproc__parcel_t *parcel)
{
    apr_uint64_t word = atomic_load(&engine->board->tickets[parcel->order.index]);
    apr_uint64_t holder = word & MPROC__HOLDER_MASK;

    return (word ^ parcel->order.ticket) >> MPROC__HOLDER_BITS != 0 || holder > engine->most ||
           (holder > 0 && !engine->hands[holder].is_here);
}

/* What it had taken out of the queue, and not looked at. */
static void return_taken(mproc__engine_t *engine, apr_uint64_t number,
                         const mproc__listener_t *listener)
{
    mproc__parcel_t *parcel;
    apr_uint32_t i;

    for (i = 0; i < MPROC__TICKETS; i++) {
        parcel = engine->parcels[i];
        if (parcel != NULL && parcel->number == number && mproc__engine_recall(engine, parcel)) {
            mproc__engine_retire(engine, parcel);
            listener->returned(listener->data, parcel);
            return;
        }
    }
}

static void return_written_over(mproc__engine_t *engine, const mproc__listener_t *listener)
{
    apr_uint32_t i;

    for (i = 0; i < MPROC__TICKETS; i++) {
        mproc__parcel_t *parcel = engine->parcels[i];

        if (parcel == NULL || !is_lost(engine, parcel))
            continue;
        mproc__engine_retire(engine, parcel);
        listener->returned(listener->data, parcel);
    }
}

static void return_lost(mproc__engine_t *engine, apr_int64_t pid, const mproc__listener_t *listener)
{
    size_t count, i;

    if (mproc_queue_lost(engine->orders, engine->lost, MPROC__PLACES, &count) != APR_SUCCESS)
        return;
    for (i = 0; i < count && i < MPROC__PLACES; i++)
        if (engine->lost[i].pid == pid)
            return_taken(engine, engine->lost[i].number, listener);
}

/* Else places would run out, and a new worker take that of one of whom nobody was told. */
static void bury(const mproc__engine_t *engine, apr_int64_t pid)
{
    mproc__members_bury(&engine->orders->view.member, pid);
    mproc__members_bury(&engine->replies->view.member, pid);
}

/* Also one that has left in good order has done so in the middle of what it had. */
static const char *words_of(const mproc__hand_t *hand, apr_status_t status)
{
    apr_int64_t code = 0;
    char words[60];

    if (status != APR_SUCCESS && status != MPROC_EEXIT)
        return mproc_process_error(hand->process);
    mproc_process_exitcode(hand->process, &code);
    snprintf(words, sizeof words, " called exit(%lld)", (long long)code);
    return apr_pstrcat(hand->mem, mproc_process_name(hand->process), words, NULL);
}

static void tell_of(mproc__engine_t *engine, unsigned number, const mproc__listener_t *listener)
{
    mproc__hand_t *hand = &engine->hands[number];
    mproc__slot_t *slot = &engine->board->slots[number - 1];
    mproc__ended_t ended = {.number = number, .was_ready = hand->is_ready};

    ended.status = mproc_process_status(hand->process);
    ended.words = words_of(hand, ended.status);
    ended.parcel = held_by(engine, number);
    ended.chunk = atomic_load(&slot->chunk);
    ended.item = atomic_load(&slot->item);
    if (ended.status == MPROC_ECORRUPT)
        engine->is_damaged = 1; /* it has seen that, and others will */
    hand->is_here = 0;
    if (ended.parcel != NULL)
        mproc__engine_retire(engine, ended.parcel);
    listener->ended(listener->data, &ended);
    return_lost(engine, mproc_process_pid(hand->process), listener);
    return_written_over(engine, listener);
    bury(engine, mproc_process_pid(hand->process));
    apr_pool_destroy(hand->mem);
    hand->is_reserved = 0;
}

size_t mproc__hands_reap(mproc__engine_t *engine, const mproc__listener_t *listener)
{
    size_t count = 0;
    unsigned i;

    for (i = 1; i <= engine->most; i++) {
        if (!engine->hands[i].is_here || !engine->hands[i].has_ended)
            continue;
        /* All that it has said comes first. */
        mproc__replies_receive(engine, listener);
        tell_of(engine, i, listener);
        count++;
    }
    return count;
}
