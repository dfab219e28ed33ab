/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Orders and replies come out of memory that others share, and one of them may have damaged it: what
 * goes beyond what is there is found before anything is done by it.
 */

#include "orders.h"

#include <stddef.h>
#include <stdint.h>

/* What no array is larger than, so that sizes can be added. */
#define SIZE_TOP ((apr_uint64_t)(PTRDIFF_MAX / 4))

static int is_array(apr_uint64_t count, apr_uint64_t item_size)
{
    return item_size == 0 || count <= SIZE_TOP / item_size;
}

static int are_items_sound(const mproc__order_t *order)
{
    apr_uint64_t count = order->end - order->first;

    return order->item_size > 0 && is_array(count, order->item_size) &&
           is_array(count, order->result_size) && count * order->item_size <= order->size;
}

static int are_arrays_sound(const mproc__order_t *order)
{
    return order->item_size > 0 && is_array(order->end, order->item_size) &&
           is_array(order->end, order->result_size);
}

/* Chunks lie as the compiler has them. */
static int are_chunks_sound(const mproc__order_t *order)
{
    return order->chunksize > 0 && order->chunksize <= SIZE_TOP && order->end <= SIZE_TOP &&
           order->chunks.offset % _Alignof(mproc__chunks_t) == 0;
}

static int is_kind_sound(const mproc__order_t *order)
{
    if (order->kind == MPROC__CALL || order->kind == MPROC__QUIT)
        return 1;
    if (order->first > order->end)
        return 0;
    if (order->kind == MPROC__ITEMS)
        return are_items_sound(order);
    if (order->kind == MPROC__RANGE)
        return are_arrays_sound(order);
    return order->kind == MPROC__CHUNKS && are_arrays_sound(order) && are_chunks_sound(order);
}

int mproc__order_is_sound(const mproc__order_t *order, size_t size)
{
    if (size < sizeof *order || order->index >= MPROC__TICKETS || order->size > SIZE_TOP)
        return 0;
    if (order->payload.memory == 0 && order->kind != MPROC__RANGE && order->kind != MPROC__CHUNKS &&
        order->size > size - sizeof *order)
        return 0;
    return is_kind_sound(order);
}

int mproc__reply_is_sound(const mproc__reply_t *reply, size_t size)
{
    if (size < sizeof *reply || reply->kind > MPROC__REPLY_ITEM_FAILED)
        return 0;
    if (reply->is_in_memory)
        return reply->kind == MPROC__REPLY_DONE && reply->size <= SIZE_TOP;
    return reply->size <= size - sizeof *reply;
}

int mproc__order_has_item(const mproc__order_t *order, apr_uint64_t item)
{
    return (order->kind == MPROC__ITEMS || order->kind == MPROC__RANGE ||
            order->kind == MPROC__CHUNKS) &&
           item >= order->first && item < order->end;
}
