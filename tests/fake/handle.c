/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The handles of all processes that there are, in one table.
 */

#include "internal.h"

#include <stdlib.h>

enum { HANDLES = 256 };

/* No handle is 0 or 1: a number that was never given is noticed. */
#define FIRST 100

static struct {
    fake_end_t *end; /* NULL: this number is free */
    int owner;
} table[HANDLES];

port_handle_t fake_handle_open(fake_end_t *end, int owner)
{
    int i = 0;

    while (i < HANDLES && table[i].end != NULL)
        i++;
    assert_true(i < HANDLES);
    table[i].end = end;
    table[i].owner = owner;
    end->handles++;
    return FIRST + i;
}

fake_end_t *fake_handle_end(port_handle_t handle)
{
    return handle >= FIRST && handle < FIRST + HANDLES ? table[handle - FIRST].end : NULL;
}

/* The bytes of an end that is closed may still be read: at the other one's are the peer's. */
static void free_if_closed(fake_end_t *end)
{
    if (end->handles > 0 || end->peer->handles > 0)
        return;
    free(end->peer->bytes);
    free(end->peer);
    free(end->bytes);
    free(end);
}

void fake_handle_close(port_handle_t handle)
{
    fake_end_t *end = fake_handle_end(handle);

    assert_non_null(end); /* nothing is closed twice */
    table[handle - FIRST].end = NULL;
    end->handles--;
    free_if_closed(end);
}

void fake_handles_close_of(int owner)
{
    int i;

    for (i = 0; i < HANDLES; i++)
        if (table[i].end != NULL && table[i].owner == owner)
            fake_handle_close(FIRST + i);
}

port_handle_t fake_handle_copy(port_handle_t handle)
{
    return fake_handle_open(fake_handle_end(handle), FAKE_THIS_PROCESS);
}

void fake_handles_copy(int owner)
{
    fake_end_t *ends[HANDLES];
    int i, count = 0;

    for (i = 0; i < HANDLES; i++)
        if (table[i].end != NULL && table[i].owner == FAKE_THIS_PROCESS)
            ends[count++] = table[i].end;
    while (count > 0)
        fake_handle_open(ends[--count], owner);
}

int fake_handles_count(int owner)
{
    int i, count = 0;

    for (i = 0; i < HANDLES; i++)
        count += table[i].end != NULL && table[i].owner == owner;
    return count;
}
