/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The engine of processes on this machine: orders out, replies in.
 */

#include "local.h"

#include "../queue.h"
#include "failpoint.h"

#include <mproc/status.h>

#include <string.h>

/* Replies that are taken in at a time. */
#define BATCH 256

/* -- Orders --------------------------------------------------------------------------------- */

static apr_uint64_t turn_of(const mproc__parcel_t *parcel)
{
    return parcel->order.ticket >> MPROC__HOLDER_BITS;
}

static void take_ticket(mproc__engine_t *engine, mproc__parcel_t *parcel)
{
    apr_uint32_t index = engine->free_tickets[--engine->nfree];

    parcel->order.index = index;
    parcel->order.ticket = ++engine->turns[index] << MPROC__HOLDER_BITS;
    engine->parcels[index] = parcel;
    atomic_store(&engine->board->tickets[index], parcel->order.ticket);
    mproc__failpoint();
}

void mproc__engine_retire(mproc__engine_t *engine, mproc__parcel_t *parcel)
{
    apr_uint32_t index = parcel->order.index;

    atomic_store(&engine->board->tickets[index], parcel->order.ticket | MPROC__WITHDRAWN);
    mproc__failpoint();
    engine->parcels[index] = NULL;
    engine->free_tickets[engine->nfree++] = index;
    parcel->is_sent = 0;
}

/* With the message's number, by which it is known if a worker dies with it in its hands. */
static int put(mproc__engine_t *engine, mproc__parcel_t *parcel, const mproc_bytes_t *message)
{
    apr_status_t rv = mproc_queue_put_bytes(engine->orders, message->data, message->size, 0);

    if (rv == MPROC_ECORRUPT) {
        engine->is_damaged = 1;
        mproc__engine_nudge(engine);
    }
    if (rv != APR_SUCCESS)
        return 0;
    parcel->number = atomic_load(mproc__member_note(&engine->orders->view.member, MPROC__LAST_PUT));
    return 1;
}

void mproc__engine_return_all(mproc__engine_t *engine, const mproc__listener_t *listener)
{
    mproc__parcel_t *parcel;
    apr_uint32_t i;

    for (i = 0; i < MPROC__TICKETS; i++) {
        parcel = engine->parcels[i];
        if (parcel == NULL)
            continue;
        mproc__engine_retire(engine, parcel);
        listener->returned(listener->data, parcel);
    }
}

int mproc__engine_send(mproc__engine_t *engine, mproc__parcel_t *parcel)
{
    mproc_bytes_t message = {&parcel->order, sizeof parcel->order};

    if (engine->nfree == 0)
        return 0;
    take_ticket(engine, parcel);
    if (parcel->payload != NULL && parcel->order.size > 0) {
        memcpy(engine->outgoing, &parcel->order, sizeof parcel->order);
        memcpy(engine->outgoing + sizeof parcel->order, parcel->payload,
               (size_t)parcel->order.size);
        message.data = engine->outgoing;
        message.size += (size_t)parcel->order.size;
    }
    parcel->is_sent = 1;
    if (put(engine, parcel, &message))
        return 1;
    mproc__engine_retire(engine, parcel);
    return 0;
}

int mproc__engine_recall(mproc__engine_t *engine, mproc__parcel_t *parcel)
{
    apr_uint64_t expected = parcel->order.ticket;

    return atomic_compare_exchange_strong(&engine->board->tickets[parcel->order.index], &expected,
                                          parcel->order.ticket | MPROC__WITHDRAWN);
}

unsigned mproc__engine_holder(const mproc__engine_t *engine, const mproc__parcel_t *parcel)
{
    apr_uint64_t word = atomic_load(&engine->board->tickets[parcel->order.index]);

    return word >> MPROC__HOLDER_BITS == turn_of(parcel) &&
                   (word & MPROC__HOLDER_MASK) <= engine->most
               ? (unsigned)(word & MPROC__HOLDER_MASK)
               : 0;
}

/* -- Replies ---------------------------------------------------------------------------------- */

static int is_known(const mproc__engine_t *engine, apr_uint32_t worker)
{
    return worker > 0 && worker <= engine->most && engine->hands[worker].is_here;
}

/* What makes no sense comes from a worker that has lost its mind: what it has goes to others. */
static void distrust(mproc__engine_t *engine, const mproc__reply_t *reply)
{
    if (is_known(engine, reply->worker))
        mproc__engine_kill(engine, reply->worker);
}

/* The parcel that a reply is for, if it is on its way. */
static mproc__parcel_t *parcel_of(const mproc__engine_t *engine, const mproc__reply_t *reply)
{
    mproc__parcel_t *parcel = reply->index < MPROC__TICKETS ? engine->parcels[reply->index] : NULL;

    return parcel != NULL && parcel->order.ticket == reply->ticket ? parcel : NULL;
}

static void tell_done(mproc__engine_t *engine, const mproc__listener_t *listener,
                      const mproc__reply_t *reply, const void *payload)
{
    mproc__parcel_t *parcel = parcel_of(engine, reply);

    if (parcel == NULL) {
        distrust(engine, reply);
        return;
    }
    mproc__engine_retire(engine, parcel);
    listener->done(listener->data, parcel, reply, payload);
}

static apr_status_t fetch(mproc__engine_t *engine, const mproc__reply_t *reply, void **data)
{
    const mproc__parcel_t *parcel = parcel_of(engine, reply);

    if (!is_known(engine, reply->worker) ||
        (parcel != NULL && mproc__engine_holder(engine, parcel) != reply->worker))
        return mproc_error_set(MPROC_ECORRUPT,
                               "a large result is of a worker that has no such order");
    return mproc__hand_fetch(engine, reply->worker, data, reply->size);
}

/*
 * A result that cannot be had is a failure of its task.  But on some systems what a worker has handed
 * over is gone when it dies: then its task is lost with it, as is found out next.
 */
static void tell_large(mproc__engine_t *engine, const mproc__listener_t *listener,
                       mproc__reply_t *reply)
{
    void *data = NULL;
    const char *words = "";
    apr_status_t rv = fetch(engine, reply, &data);

    if (rv != APR_SUCCESS) {
        words = mproc_error_message();
        reply->status = rv;
        reply->size = strlen(words);
    }
    if (rv != MPROC_EDIED)
        tell_done(engine, listener, reply, rv == APR_SUCCESS ? data : words);
    apr_pool_clear(engine->fetched_mem);
}

/* Words, ended as a string. */
static const char *words_of(unsigned char *payload, apr_uint64_t size, char *room, size_t capacity)
{
    size_t length = size < capacity - 1 ? (size_t)size : capacity - 1;

    memcpy(room, payload, length);
    room[length] = '\0';
    return room;
}

static void tell_item_failed(mproc__engine_t *engine, const mproc__listener_t *listener,
                             const mproc__reply_t *reply, const char *words)
{
    mproc__parcel_t *parcel = parcel_of(engine, reply);

    if (parcel != NULL && mproc__order_has_item(&parcel->order, reply->item))
        listener->item_failed(listener->data, parcel, reply->item, reply->status, words);
    else
        distrust(engine, reply);
}

static void tell_ready(mproc__engine_t *engine, const mproc__listener_t *listener,
                       const mproc__reply_t *reply)
{
    if (!is_known(engine, reply->worker))
        return;
    engine->hands[reply->worker].is_ready = 1;
    listener->ready(listener->data, reply->worker);
}

static void tell(mproc__engine_t *engine, const mproc__listener_t *listener, mproc__reply_t *reply,
                 unsigned char *payload)
{
    char words[1100];

    if (reply->kind == MPROC__REPLY_NUDGE) {
        return;
    } else if (reply->kind == MPROC__REPLY_READY) {
        tell_ready(engine, listener, reply);
    } else if (reply->kind == MPROC__REPLY_BROKEN) {
        listener->broken(listener->data, reply->worker, reply->status,
                         words_of(payload, reply->size, words, sizeof words));
    } else if (reply->kind == MPROC__REPLY_ITEM_FAILED) {
        tell_item_failed(engine, listener, reply,
                         words_of(payload, reply->size, words, sizeof words));
    } else if (reply->is_in_memory) {
        tell_large(engine, listener, reply);
    } else {
        tell_done(engine, listener, reply, payload);
    }
}

static void tell_message(mproc__engine_t *engine, const mproc__listener_t *listener,
                         const mproc_bytes_t *message)
{
    mproc__reply_t reply;

    if (message->size < sizeof reply)
        return;
    memcpy(&reply, message->data, sizeof reply);
    if (mproc__reply_is_sound(&reply, message->size))
        tell(engine, listener, &reply, (unsigned char *)message->data + sizeof reply);
    else
        distrust(engine, &reply);
}

size_t mproc__replies_receive(mproc__engine_t *engine, const mproc__listener_t *listener)
{
    mproc_bytes_t messages[BATCH];
    size_t count, i, all = 0;
    apr_status_t rv;

    while ((rv = mproc_queue_get_many(engine->replies, engine->incoming, engine->incoming_size,
                                      messages, BATCH, &count, 0)) == APR_SUCCESS) {
        for (i = 0; i < count; i++)
            tell_message(engine, listener, &messages[i]);
        all += count;
    }
    /* No reply is so large, and none could come behind it. */
    if (rv == MPROC_ECORRUPT || rv == MPROC_EMSGSIZE)
        engine->is_damaged = 1;
    return all;
}

/* One that has ended has no line any more, whatever it was to be told. */
static void tell_hands(mproc__engine_t *engine)
{
    unsigned i;

    for (i = 1; i <= engine->most; i++)
        if (engine->hands[i].is_here && engine->hands[i].nuntold > 0)
            mproc__hand_tell(engine, i);
}

size_t mproc__engine_receive(mproc__engine_t *engine, const mproc__listener_t *listener)
{
    size_t count = mproc__replies_receive(engine, listener);

    tell_hands(engine);
    count += mproc__hands_reap(engine, listener);
    if (engine->is_damaged)
        listener->damaged(listener->data);
    return count;
}
