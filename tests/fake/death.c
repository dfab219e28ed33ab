/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Children that do something to shared memory themselves, and die or are stopped there
 * at a given point: this process acts for them, and does not come back to where they were.
 */

#include "internal.h"

#include <stddef.h>

static apr_int64_t own_pid; /* while this process acts as another; else 0 */
static jmp_buf *end;        /* of the one that is to end, or NULL */
static int left, has_come_to_it;

void fake_act_as(const fake_child_t *child)
{
    if (own_pid == 0)
        own_pid = port_pid();
    fake_pid_set(child != NULL ? fake_child_pid(child) : own_pid);
    if (child == NULL)
        own_pid = 0;
}

void mproc__failpoint(void)
{
    if (end == NULL || --left != 0)
        return;
    has_come_to_it = 1;
    longjmp(*end, 1);
}

int fake_child_stops_at(fake_child_t *child, int n, void (*function)(void *data), void *data)
{
    jmp_buf here;

    assert_true(child->is_running);
    left = n;
    has_come_to_it = 0;
    end = &here;
    fake_act_as(child);
    if (setjmp(here) == 0)
        function(data);
    fake_act_as(NULL);
    end = NULL;
    return has_come_to_it;
}

int fake_child_dies_at(fake_child_t *child, int n, void (*function)(void *data), void *data)
{
    if (!fake_child_stops_at(child, n, function, data))
        return 0;
    fake_child_end(child, PORT_SIGNALED, 9);
    return 1;
}
