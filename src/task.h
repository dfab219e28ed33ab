/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TASK_H
#define MPROC_TASK_H

/*
 * A task: what a target is called with, in a process of its own and in a worker of a pool.
 */

#include "buffer.h"
#include "port.h"

#include <mproc/init.h>

struct mproc_task_t {
    apr_pool_t *mem;
    int is_mem_used; /* somebody has asked for it */
    const mproc_target_t *target;
    const char *method;
    mproc_values_t *args; /* an item function has none */
    const unsigned char
        *message; /* what a process's args point into, also for a leak checker after exit() */
    mproc__buffer_t *returned; /* packed, for who called; NULL: nobody waits for it */
    port_deadline_t overdue;   /* when it has taken too long */
};

#endif
