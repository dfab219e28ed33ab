/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SHARED_OBJECT_H
#define MPROC_SHARED_OBJECT_H

/*
 * Objects that processes share as members: locks and what is made of them.  Each has a segment of
 * its own, with a state of its kind, event counts to sleep at, and a place for each process; and
 * travels like every object.
 *
 * The segment, each part beginning on a page of its own:
 *
 *     header, event counts, state, members and their places
 */

#include "belongings.h"
#include "members.h"
#include "port.h"

#include <mproc/args.h>

/* A kind of them; there is one for each type. */
typedef struct mproc__shared_kind_t {
    mproc_type_t type;
    const char *name; /* for messages: "the lock" */
    size_t state_size; /* bytes of the state; it may grow by what an object wants: see below */
} mproc__shared_kind_t;

/* As one process has it; begins the object of each kind. */
typedef struct mproc__shared_object_t {
    const mproc__shared_kind_t *kind;
    port_segment_t *segment; /* NULL when closed */
    unsigned generation;     /* of the process that has it: see mproc__program_t */
    mproc__belonging_t belonging;
    mproc__member_t member;
    void *state;        /* in the segment */
    size_t state_size;  /* with what the object has more than its kind; checked */
    _Atomic int waiters; /* threads that are in a call which may wait */
} mproc__shared_object_t;

/*
 * Make one, whose state is all 0: APR_SUCCESS, or a status and a message.
 *
 * `size` is that of the whole object of this process, which begins with an mproc__shared_object_t
 * and is all 0 behind it; `more` are bytes of the state beyond its kind's; `processes` is 1 to
 * MPROC__MEMBERS_MAX.
 */
apr_status_t mproc__shared_object_create(mproc__shared_object_t **object,
                                         const mproc__shared_kind_t *kind, size_t size, size_t more,
                                         unsigned processes, apr_pool_t *mem);

/* Whether this process can use it: APR_SUCCESS, or a status and a message. */
apr_status_t mproc__shared_object_refuse(const mproc__shared_object_t *object,
                                         const mproc__shared_kind_t *kind);

/* Be done with it in this process: APR_SUCCESS, or MPROC_EINUSE and a message. */
apr_status_t mproc__shared_object_close(mproc__shared_object_t *object);

/* For share() and adopt() of its kind: see mproc__object_kind_t. */
struct mproc__shared_t;
apr_status_t mproc__shared_object_share(mproc__shared_object_t *object,
                                        const mproc__shared_kind_t *kind,
                                        struct mproc__shared_t *shared);
apr_status_t mproc__shared_object_adopt(mproc__shared_object_t **object,
                                        const mproc__shared_kind_t *kind, size_t size,
                                        const struct mproc__shared_t *shared, apr_pool_t *mem);

#endif
