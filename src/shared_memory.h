/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_SHARED_MEMORY_H
#define MPROC_SHARED_MEMORY_H

/*
 * Memory without a name that travels to other processes as a value: in the arguments of a child,
 * and through connections.
 */

#include "belongings.h"
#include "port.h"

#include <mproc/args.h>

typedef struct mproc__shared_memory_t {
    port_segment_t *segment; /* NULL when closed */
    unsigned generation;     /* of the process that has it: see mproc__program_t */
    mproc__belonging_t belonging;
} mproc__shared_memory_t;

/* `size` bytes, all 0: APR_SUCCESS, or a status and a message.  Closed with `mem`. */
apr_status_t mproc__shared_memory_create(mproc__shared_memory_t **memory, size_t size,
                                         apr_pool_t *mem);

/* Where it lies in this process. */
static inline void *mproc__shared_memory_data(const mproc__shared_memory_t *memory)
{
    return port_segment_memory(memory->segment);
}

/* Its bytes; may be more than were asked for. */
static inline size_t mproc__shared_memory_size(const mproc__shared_memory_t *memory)
{
    return port_segment_size(memory->segment);
}

/* It is no more in this process. */
void mproc__shared_memory_close(mproc__shared_memory_t *memory);

/* As a value to pack, and as a variable to unpack into. */
mproc_value_t mproc__shared_memory_value(mproc__shared_memory_t *memory);
mproc_slot_t mproc__shared_memory_slot(mproc__shared_memory_t **memory);

/* It can be packed from now on.  Before there are threads. */
void mproc__shared_memory_register(void);

#endif
