/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SEMAPHORE_OBJECT_H
#define MPROC_SEMAPHORE_OBJECT_H

/*
 * The semaphore as a process has it: how many units there are, and who has them, so that
 * those of the dead come back.
 */

#include "lock.h"
#include "program.h"
#include "shared_object.h"

#include <mproc/semaphore.h>

/* Events at which threads sleep: the lock is free; there is a unit. */
enum { MPROC__SEMAPHORE_FREED, MPROC__UNITS };

/* At each member's place; under the lock. */
typedef struct mproc__units_t {
    _Atomic mproc__member_id_t owner; /* whose they are: of another than is there, a dead one's */
    _Atomic apr_uint64_t count;
} mproc__units_t;

/*
 * In the segment; under the lock.  What there is follows from the limit and the units of the
 * living; `available` is that result, and is made again when somebody died with the lock.
 */
typedef struct mproc__semaphore_state_t {
    mproc__lock_t lock;
    _Atomic apr_uint64_t available; /* also read without the lock, by who thinks of sleeping */
    _Atomic apr_uint64_t limit;     /* units of all, in use or not */
    apr_uint64_t bound;             /* of what is available; written before anybody else has it */
    mproc__units_t units[];         /* a member each */
} mproc__semaphore_state_t;

struct mproc_semaphore_t {
    mproc__shared_object_t shared;
    mproc__semaphore_state_t *state; /* NULL when it came damaged */
    apr_uint64_t bound;              /* as it was when it came here; checked */
};

/* Semaphores can be packed from now on.  Before there are threads. */
void mproc__semaphore_register(void);

#endif
