/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_MUTEX_H
#define MPROC_MUTEX_H

/*
 * The lock of users as a process has it: a lock word in a shared object, and the thread
 * that holds it here.  The word names the process alone, as it is all that can be seen dead.
 */

#include "lock.h"
#include "program.h"
#include "shared_object.h"

#include <mproc/lock.h>

/* The event at which its waiters sleep. */
#define MPROC__FREED 0

/* In the segment. */
typedef struct mproc__mutex_state_t {
    mproc__lock_t lock;
    uint32_t is_recursive; /* written before anybody else has it */
} mproc__mutex_state_t;

struct mproc_lock_t {
    mproc__shared_object_t shared;
    int is_recursive;            /* as it was when it came here */
    _Atomic apr_uint64_t holder; /* thread of this process; 0: none */
    unsigned depth;              /* how often it has it; of the holder alone */
};

/* Locks can be packed from now on.  Before there are threads. */
void mproc__mutex_register(void);

#endif
