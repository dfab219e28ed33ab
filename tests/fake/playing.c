/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Workers that are played: src/pool/orders.h from the other side, in this process.  Memory of the
 * pool lies where the pool has it, and of its line a worker has the handle alone.
 */

#include "playing.h"

#include "internal.h"
#include "sharing.h"

#include "connection.h"

#include <string.h>

/* Numbers that workers get in tests. */
enum { WORKERS = 16 };

/* A worker's own; by its number. */
typedef struct player_t {
    const fake_child_t *child;
    mproc_queue_t *orders, *replies;
} player_t;

static mproc_pool_t *pool;
static play_how_t how;
static player_t players[WORKERS];
static unsigned char large_results;
static apr_pool_t *mem;

void play(mproc_pool_t *workers)
{
    if (mem != NULL)
        apr_pool_destroy(mem);
    mem = NULL;
    memset(players, 0, sizeof players);
    pool = workers;
    how = PLAY_WELL;
    if (workers != NULL)
        assert_success(apr_pool_create(&mem, NULL));
}

void play_how(play_how_t as)
{
    how = as;
}

unsigned char last_large_result(void)
{
    return large_results;
}

static mproc__engine_t *engine(void)
{
    return pool->engine;
}

static unsigned number_of(const fake_child_t *child)
{
    unsigned i;

    for (i = 1; i <= mproc__engine_most(engine()) && i < WORKERS; i++)
        if (mproc__engine_pid(engine(), i) == fake_child_pid(child))
            return i;
    return 0;
}

/* -- Replies ------------------------------------------------------------------------------- */

static void put(mproc_queue_t *queue, const mproc__reply_t *reply, const void *payload, size_t size)
{
    unsigned char message[sizeof *reply + MPROC__INLINE_MAX];

    assert_true(size <= MPROC__INLINE_MAX);
    memcpy(message, reply, sizeof *reply);
    if (size > 0)
        memcpy(message + sizeof *reply, payload, size);
    assert_success(mproc_queue_put_bytes(queue, message, sizeof *reply + size, 0));
}

void put_reply(mproc_pool_t *workers, const mproc__reply_t *reply, const void *payload, size_t size)
{
    put(workers->engine->replies, reply, payload, size);
}

static void say_ready(const player_t *player, unsigned number)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_READY, .worker = number};

    put(player->replies, &reply, NULL, 0);
}

/* As a connection of the child's own sends it: through an end of which there is another handle. */
static size_t send_large(const fake_child_t *child)
{
    static unsigned char bytes[LARGE_RESULT];
    mproc__buffer_t packed = {NULL, 0, 0};
    port_channel_t line = {child->handles[child->nhandles - 2]}; /* before the board */
    mproc_connection_t connection = {.channel = &line, .directions = PORT_READ | PORT_WRITE};
    mproc__shared_memory_t *memory;
    apr_pool_t *own;
    size_t size;

    bytes[0] = ++large_results;
    assert_success(apr_pool_create(&own, NULL));
    assert_success(mproc__pack_encode(&packed, NULL, MPROC_PACK(MPROC_BYTES(bytes, LARGE_RESULT))));
    size = packed.size;
    assert_success(mproc__shared_memory_create(&memory, size, own));
    memcpy(mproc__shared_memory_data(memory), packed.bytes, size);
    assert_success(
        mproc_connection_send(&connection, MPROC_PACK(mproc__shared_memory_value(memory)), 0));
    mproc__buffer_free(&connection.outgoing);
    mproc__buffer_free(&packed);
    apr_pool_destroy(own);
    return size;
}

/* -- Orders -------------------------------------------------------------------------------- */

static unsigned char *area(const mproc__area_t *area)
{
    const mproc__memory_t *each = engine()->memories;

    while (each != NULL && each->number != area->memory)
        each = each->next;
    assert_non_null(each);
    return each->data + area->offset;
}

static void do_items(const mproc__order_t *order, const unsigned char *items,
                     unsigned char *results, apr_uint64_t count)
{
    apr_uint64_t i;

    for (i = 0; i < count; i++)
        twice(items + i * order->item_size, results + i * order->result_size, NULL);
}

static void do_chunks(const mproc__order_t *order)
{
    mproc__chunks_t *chunks = (mproc__chunks_t *)(void *)area(&order->chunks);
    apr_uint64_t count = (order->end + order->chunksize - 1) / order->chunksize;
    apr_uint64_t chunk;

    while ((chunk = atomic_fetch_add(&chunks->next, 1)) < count) {
        apr_uint64_t first = chunk * order->chunksize, left = order->end - first;

        atomic_store(&chunks->taken[chunk], 1);
        do_items(order, area(&order->items) + first * order->item_size,
                 area(&order->results) + first * order->result_size,
                 left < order->chunksize ? left : order->chunksize);
    }
}

/* What the reply says, and what follows it: how much. */
static size_t obey(const fake_child_t *child, const mproc__order_t *order,
                   const unsigned char *payload, mproc__reply_t *reply, unsigned char *results)
{
    if (order->payload.memory != 0)
        payload = area(&order->payload);
    if (how == PLAY_FAILING) {
        reply->status = APR_EGENERAL;
    } else if (order->kind == MPROC__CHUNKS) {
        do_chunks(order);
    } else if (order->kind == MPROC__RANGE) {
        do_items(order, area(&order->items) + order->first * order->item_size,
                 area(&order->results) + order->first * order->result_size,
                 order->end - order->first);
    } else if (order->kind == MPROC__ITEMS) {
        do_items(order, payload, results, order->end - order->first);
        return (size_t)((order->end - order->first) * order->result_size);
    } else if (how == PLAY_LARGE) {
        reply->size = send_large(child);
        reply->is_in_memory = 1;
    }
    return 0;
}

static void do_order(fake_child_t *child, const player_t *player, unsigned number,
                     const mproc__order_t *order)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_DONE,
                            .ticket = order->ticket,
                            .index = order->index,
                            .worker = number};
    unsigned char results[MPROC__INLINE_MAX];
    size_t size = obey(child, order, (const unsigned char *)(order + 1), &reply, results);

    if (!reply.is_in_memory)
        reply.size = size;
    put(player->replies, &reply, results, size);
}

static int take(const mproc__order_t *order, unsigned number)
{
    apr_uint64_t expected = order->ticket;

    return atomic_compare_exchange_strong(&engine()->board->tickets[order->index], &expected,
                                          order->ticket | number);
}

/* The queue was shut down, or is damaged; or it was told to. */
static void leave(fake_child_t *child, apr_status_t rv)
{
    fake_act_as(NULL);
    fake_child_returns(child, rv == MPROC_ESHUTDOWN ? APR_SUCCESS : rv, "");
}

static void die(fake_child_t *child)
{
    if (how == PLAY_DYING_ONCE)
        how = PLAY_WELL;
    fake_act_as(NULL);
    fake_child_end(child, PORT_SIGNALED, 11);
}

/* Whether there was one, or it was told to end. */
static int work_as(fake_child_t *child, const player_t *player, unsigned number)
{
    static _Alignas(
        mproc__order_t) unsigned char incoming[sizeof(mproc__order_t) + MPROC__INLINE_MAX];
    mproc__order_t *order = (mproc__order_t *)(void *)incoming;
    size_t size;
    apr_status_t rv = APR_TIMEUP;

    if (how != PLAY_SILENT)
        rv = mproc_queue_get_bytes(player->orders, incoming, sizeof incoming, &size, 0);
    if (rv == APR_TIMEUP)
        return 0;
    if (rv == APR_SUCCESS && !take(order, number))
        return 1;
    if (rv != APR_SUCCESS || order->kind == MPROC__QUIT)
        leave(child, rv);
    else if (how == PLAY_DYING || how == PLAY_DYING_ONCE)
        die(child);
    else
        do_order(child, player, number, order);
    return 1;
}

static void join(player_t *player, const fake_child_t *child)
{
    player->child = child;
    player->orders = share_queue(child, engine()->orders, mem);
    player->replies = share_queue(child, engine()->replies, mem);
}

int fake_works(fake_child_t *child)
{
    unsigned number;
    int has_acted = 1;

    if (fake_is_idle(child))
        return 1;
    if (!child->has_spoken || pool == NULL || (number = number_of(child)) == 0)
        return 0;
    if (players[number].child != child) {
        join(&players[number], child);
        fake_act_as(child);
        say_ready(&players[number], number);
    } else {
        fake_act_as(child);
        has_acted = work_as(child, &players[number], number);
    }
    fake_act_as(NULL);
    return has_acted;
}

mproc__order_t take_order(mproc_pool_t *workers, unsigned number)
{
    unsigned char incoming[sizeof(mproc__order_t) + MPROC__INLINE_MAX];
    mproc__order_t order;
    size_t size;

    assert_success(
        mproc_queue_get_bytes(workers->engine->orders, incoming, sizeof incoming, &size, 0));
    assert_true(size >= sizeof order);
    memcpy(&order, incoming, sizeof order);
    atomic_store(&workers->engine->board->tickets[order.index], order.ticket | number);
    return order;
}
