/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker: it takes an order, does it, replies, and takes the next.
 */

#include "worker.h"

#include "failpoint.h"
#include "program.h"
#include "../queue.h"
#include "status.h"
#include "targets.h"
#include "values.h"

#include <mproc/status.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- What it keeps to ---------------------------------------------------------------- */

void mproc__worker_begin(mproc__worker_t *worker, mproc_task_t *task)
{
    port_deadline_t now;

    if (!worker->board->keeps_time)
        return;
    now = port_clock();
    task->overdue =
        worker->board->soft_timeout > 0 ? now + worker->board->soft_timeout : PORT_NEVER;
    atomic_store(&worker->slot->began, now);
    mproc__failpoint();
}

/* Most use no memory, and clearing what nobody has used takes longer than a small item. */
void mproc__worker_finish(mproc__worker_t *worker, mproc_task_t *task)
{
    if (task->is_mem_used)
        apr_pool_clear(worker->task_mem);
    task->is_mem_used = 0;
    if (worker->board->keeps_time)
        atomic_store(&worker->slot->began, 0);
}

static int is_too_large(const mproc__worker_t *worker)
{
    size_t resident;

    return worker->board->max_rss > 0 && port_resident_size(&resident) == APR_SUCCESS &&
           resident > worker->board->max_rss;
}

int mproc__worker_count_task(mproc__worker_t *worker)
{
    worker->tasks++;
    return (worker->board->maxtasks > 0 && worker->tasks >= worker->board->maxtasks) ||
           is_too_large(worker);
}

mproc_task_t mproc__worker_task(mproc__worker_t *worker)
{
    mproc_task_t task = {.mem = worker->task_mem,
                         .target = worker->target,
                         .method = worker->method,
                         .overdue = PORT_NEVER};

    return task;
}

/* -- Replies -------------------------------------------------------------------------- */

/* A large result goes in memory of its own, through the worker's line, before the reply. */
static apr_status_t hand_over(mproc__worker_t *worker, const void *data, size_t size)
{
    mproc__shared_memory_t *memory;
    mproc_value_t value;
    mproc_pack_t pack = {1, &value};
    apr_pool_t *mem;
    apr_status_t rv = apr_pool_create(&mem, worker->mem);

    if (rv != APR_SUCCESS)
        return rv;
    rv = mproc__shared_memory_create(&memory, size, mem);
    if (rv == APR_SUCCESS) {
        memcpy(mproc__shared_memory_data(memory), data, size);
        value = mproc__shared_memory_value(memory);
        rv = mproc_connection_send(worker->line, &pack, MPROC_FOREVER);
        mproc__failpoint();
    }
    if (rv == APR_SUCCESS)
        worker->handed++;
    apr_pool_destroy(mem);
    return rv;
}

void mproc__worker_settle(mproc__worker_t *worker)
{
    mproc__slot_t *slot = worker->slot;
    apr_uint32_t fetched;

    while ((fetched = atomic_load(&slot->fetched)) != worker->handed)
        port_park(worker->board_memory->segment, MPROC__PARK_FETCHED, &slot->fetched, fetched,
                  port_clock() + apr_time_from_sec(1));
}

static apr_status_t send_reply(mproc__worker_t *worker, mproc__reply_t *reply, const void *data,
                         size_t size)
{
    mproc__buffer_t *buffer = &worker->outgoing;

    mproc__failpoint();
    reply->ticket = worker->order->ticket;
    reply->index = worker->order->index;
    reply->worker = worker->number;
    reply->size = size;
    buffer->size = 0;
    MPROC_TRY(mproc__buffer_append(buffer, reply, sizeof *reply));
    if (size > 0 && !reply->is_in_memory)
        MPROC_TRY(mproc__buffer_append(buffer, data, size));
    return mproc_queue_put_bytes(worker->replies, buffer->bytes, buffer->size, MPROC_FOREVER);
}

apr_status_t mproc__worker_nudge(mproc__worker_t *worker)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_NUDGE};

    return send_reply(worker, &reply, NULL, 0);
}

/* What would say of the call that waits for it that there is no more, or not yet. */
static void rename_status(mproc__reply_t *reply)
{
    char text[120], words[1024];

    if (!APR_STATUS_IS_EOF(reply->status) && !APR_STATUS_IS_TIMEUP(reply->status))
        return;
    snprintf(words, sizeof words, "%s", mproc__error_words(reply->status));
    if (words[0] == '\0')
        snprintf(words, sizeof words, "the target returned: %s",
                 mproc_strerror(reply->status, text, sizeof text));
    reply->status = mproc_error_set(MPROC_EWITHIN, "%s", words);
}

static apr_status_t send_words(mproc__worker_t *worker, mproc__reply_t *reply)
{
    const char *words;

    rename_status(reply);
    words = mproc__error_words(reply->status);
    return send_reply(worker, reply, words, strlen(words));
}

/* What cannot be handed over for lack of memory is a failure of this task alone. */
apr_status_t mproc__worker_reply(mproc__worker_t *worker, mproc__reply_t *reply, const void *data,
                                 size_t size)
{
    apr_status_t rv;

    if (reply->status != APR_SUCCESS)
        return send_words(worker, reply);
    if (size <= MPROC__INLINE_MAX)
        return send_reply(worker, reply, data, size);
    rv = hand_over(worker, data, size);
    if (rv != APR_SUCCESS) {
        reply->status = rv;
        return send_words(worker, reply);
    }
    reply->is_in_memory = 1;
    return send_reply(worker, reply, NULL, size);
}

apr_status_t mproc__worker_item_failed(mproc__worker_t *worker, apr_uint64_t item,
                                       apr_status_t status)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_ITEM_FAILED, .status = status, .item = item};
    apr_status_t rv = send_words(worker, &reply);

    mproc__error_forget();
    return rv;
}

/* -- A call ---------------------------------------------------------------------------- */

static apr_status_t find_payload(mproc__worker_t *worker, unsigned char **data)
{
    if (worker->order->payload.memory != 0)
        return mproc__worker_find(worker, data, &worker->order->payload, worker->order->size);
    *data = (unsigned char *)(worker->order + 1);
    return APR_SUCCESS;
}

static apr_status_t read_arguments(mproc__worker_t *worker, const unsigned char *data)
{
    worker->values->buffer.size = 0;
    if (mproc__buffer_append(&worker->values->buffer, data, (size_t)worker->order->size) !=
        APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "the arguments are larger than the memory there is");
    return mproc__values_decode(worker->values, 0, NULL, 0);
}

static apr_status_t call(mproc__worker_t *worker, const unsigned char *data)
{
    mproc_task_t task = mproc__worker_task(worker);
    apr_status_t rv = read_arguments(worker, data);

    if (rv != APR_SUCCESS)
        return rv;
    task.args = worker->values;
    task.returned = &worker->returned;
    mproc__worker_begin(worker, &task);
    mproc__failpoint();
    rv = ((mproc_target_fn *)worker->target->function)(&task);
    mproc__failpoint();
    mproc__worker_finish(worker, &task);
    return rv;
}

static apr_status_t do_call(mproc__worker_t *worker)
{
    mproc__reply_t reply = {.kind = MPROC__REPLY_DONE};
    unsigned char *data;

    MPROC_TRY(find_payload(worker, &data));
    worker->returned.size = 0;
    reply.status = call(worker, data);
    return mproc__worker_reply(worker, &reply, worker->returned.bytes, worker->returned.size);
}

/* -- Orders ------------------------------------------------------------------------------ */

/* The table is the pool's too, as both are of one build. */
static apr_status_t find_target(mproc__worker_t *worker)
{
    mproc_target_kind_t kind =
        worker->order->kind == MPROC__CALL ? MPROC_KIND_TASK : MPROC_KIND_ITEM;

    if (worker->target == NULL || worker->target_number != worker->order->target) {
        worker->target = mproc__targets_at(mproc__program.targets, worker->order->target);
        worker->target_number = worker->order->target;
    }
    return worker->target != NULL && worker->target->kind == kind
               ? APR_SUCCESS
               : mproc_error_set(MPROC_ETARGET, "an order is for a target that is not there");
}

static apr_status_t obey(mproc__worker_t *worker, int *is_enough)
{
    apr_status_t rv;

    MPROC_TRY(mproc__worker_hear(worker));
    MPROC_TRY(find_target(worker));
    mproc__error_forget();
    if (worker->order->kind == MPROC__CHUNKS)
        return mproc__worker_do_chunks(worker, is_enough);
    if (worker->order->kind == MPROC__CALL)
        rv = do_call(worker);
    else if (worker->order->kind == MPROC__ITEMS)
        rv = mproc__worker_do_items(worker);
    else
        rv = mproc__worker_do_range(worker);
    *is_enough = mproc__worker_count_task(worker);
    return rv;
}

/* Whether it is this worker's now, and not called back. */
static int take_ticket(const mproc__worker_t *worker)
{
    const mproc__order_t *order = worker->order;
    mproc__slot_t *slot = worker->slot;
    apr_uint64_t expected = order->ticket;

    mproc__failpoint();
    atomic_store_explicit(&slot->chunk, 0, memory_order_relaxed);
    mproc__failpoint();
    atomic_store_explicit(&slot->item, MPROC__NO_ITEM, memory_order_relaxed);
    mproc__failpoint();
    atomic_store_explicit(&slot->index, order->index, memory_order_relaxed);
    mproc__failpoint();
    return atomic_compare_exchange_strong(&worker->board->tickets[order->index], &expected,
                                          order->ticket | worker->number);
}

static apr_status_t next_order(mproc__worker_t *worker)
{
    size_t size;

    MPROC_TRY(mproc_queue_get_bytes(worker->orders, worker->incoming,
                                    sizeof(mproc__order_t) + MPROC__INLINE_MAX, &size,
                                    MPROC_FOREVER));
    worker->orders->view.is_calm = 0;
    worker->order = (mproc__order_t *)(void *)worker->incoming;
    return mproc__order_is_sound(worker->order, size)
               ? APR_SUCCESS
               : mproc_error_set(MPROC_ECORRUPT, "what came is no order");
}

/* The last reply has gone when a worker ends, and what it holds is nobody's business. */
static apr_status_t work(mproc__worker_t *worker)
{
    int is_enough = 0;
    apr_status_t rv;

    while (!is_enough) {
        rv = next_order(worker);
        if (rv == MPROC_ESHUTDOWN)
            return APR_SUCCESS;
        MPROC_TRY(rv);
        /* What it has handed over may be lost with it, and then nothing else is to be. */
        mproc__worker_settle(worker);
        /* Where one lay that was called back another may follow, and nothing else says so. */
        if (!take_ticket(worker)) {
            MPROC_TRY(mproc__worker_nudge(worker));
            continue;
        }
        mproc__failpoint();
        if (worker->order->kind == MPROC__QUIT)
            return APR_SUCCESS;
        atomic_store(&worker->slot->ticket, worker->order->ticket);
        mproc__failpoint();
        rv = obey(worker, &is_enough);
        mproc__failpoint();
        atomic_store(&worker->slot->ticket, 0);
        MPROC_TRY(rv);
    }
    return APR_SUCCESS;
}

/* -- Its beginning and end ----------------------------------------------------------------- */

static apr_status_t initialize(mproc__worker_t *worker, apr_int64_t number, mproc_values_t *args)
{
    mproc_task_t task = {.mem = worker->mem, .method = worker->method, .overdue = PORT_NEVER};

    if (number < 0)
        return APR_SUCCESS;
    task.target = mproc__targets_at(mproc__program.targets, (apr_uint64_t)number);
    if (task.target == NULL)
        return mproc_error_set(MPROC_ETARGET, "the initializer is not there");
    task.args = args;
    return ((mproc_target_fn *)task.target->function)(&task);
}

static apr_status_t begin(mproc__worker_t *worker, apr_int64_t initializer, mproc_values_t *args)
{
    mproc__order_t none = {0};
    mproc__reply_t reply = {.kind = MPROC__REPLY_READY};

    worker->order = &none;
    reply.status = initialize(worker, initializer, args);
    if (reply.status == APR_SUCCESS)
        return send_reply(worker, &reply, NULL, 0);
    reply.kind = MPROC__REPLY_BROKEN;
    MPROC_TRY(send_words(worker, &reply));
    return reply.status;
}

static apr_status_t set_up(mproc__worker_t *worker, mproc_task_t *task)
{
    worker->mem = task->mem;
    worker->method = task->method;
    worker->board = mproc__shared_memory_data(worker->board_memory);
    worker->slot = &worker->board->slots[worker->number - 1];
    worker->values = mproc_values_create(worker->mem);
    worker->orders->keeps_claim = 1;
    worker->orders->view.is_calm = 1; /* while others are born, who want the CPU */
    worker->incoming = malloc(sizeof(mproc__order_t) + MPROC__INLINE_MAX);
    if (worker->incoming == NULL || apr_pool_create(&worker->task_mem, worker->mem) != APR_SUCCESS)
        return mproc_error_set(APR_ENOMEM, "no memory for a worker");
    return APR_SUCCESS;
}

static void tear_down(mproc__worker_t *worker)
{
    free(worker->incoming);
    mproc__buffer_free(&worker->returned);
    mproc__buffer_free(&worker->outgoing);
    mproc__buffer_free(&worker->apart);
}

apr_status_t mproc__pool_worker(mproc_task_t *task)
{
    mproc__worker_t worker = {.number = 0};
    apr_int64_t initializer;
    mproc_values_t *initargs;
    const mproc_slot_t slots[] = {
        MPROC__SLOT(&worker.number),  MPROC__SLOT(&worker.orders),
        MPROC__SLOT(&worker.replies), MPROC__SLOT(&worker.line),
        mproc__shared_memory_slot(&worker.board_memory),
        MPROC__SLOT(&initializer),    MPROC__SLOT(&initargs)};
    apr_status_t rv;

    MPROC_TRY(mproc_unpack(task->args, slots, sizeof slots / sizeof slots[0]));
    rv = set_up(&worker, task);
    if (rv == APR_SUCCESS)
        rv = begin(&worker, initializer, initargs);
    if (rv == APR_SUCCESS)
        rv = work(&worker);
    if (rv == APR_SUCCESS)
        mproc__worker_settle(&worker);
    tear_down(&worker);
    return rv;
}
