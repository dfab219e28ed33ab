/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared memory: making it, closing it, and how it travels.
 */

#include "shared_memory.h"

#include "program.h"
#include "values.h"

#include <mproc/status.h>

/* -- One process's part of it ------------------------------------------------------ */

static mproc__shared_memory_t *memory_of(mproc__belonging_t *belonging)
{
    return (mproc__shared_memory_t *)(void *)((char *)belonging -
                                              offsetof(mproc__shared_memory_t, belonging));
}

/* In a forked child that was not given it. */
static void give_up(mproc__belonging_t *belonging)
{
    mproc__shared_memory_t *memory = memory_of(belonging);

    port_segment_close(memory->segment);
    memory->segment = NULL;
}

static const mproc__belonging_kind_t belonging_kind = {give_up, NULL, NULL, NULL, NULL};

/* Under the lock of belongings: other objects of this process may mind that handles are closed. */
static void detach(mproc__shared_memory_t *memory)
{
    mproc__belongings_remove(&memory->belonging);
    mproc__belongings_begin_closing();
    port_segment_close(memory->segment);
    mproc__belongings_end_closing();
    memory->segment = NULL;
}

void mproc__shared_memory_close(mproc__shared_memory_t *memory)
{
    mproc__belongings_lock();
    if (memory->segment != NULL && memory->generation == mproc__program.generation)
        detach(memory);
    mproc__belongings_unlock();
}

static apr_status_t destroy(void *data)
{
    mproc__shared_memory_close(data);
    return APR_SUCCESS;
}

/* Under the lock of belongings. */
static void attach(mproc__shared_memory_t **memory, port_segment_t *segment, apr_pool_t *mem)
{
    mproc__shared_memory_t *made = apr_pcalloc(mem, sizeof *made);

    made->segment = segment;
    made->generation = mproc__program.generation;
    mproc__belongings_add(&made->belonging, &belonging_kind);
    apr_pool_cleanup_register(mem, made, destroy, apr_pool_cleanup_null);
    *memory = made;
}

apr_status_t mproc__shared_memory_create(mproc__shared_memory_t **memory, size_t size,
                                         apr_pool_t *mem)
{
    port_segment_t *segment;
    char text[120];
    apr_status_t rv;

    mproc__belongings_lock();
    rv = port_segment_create(&segment, size, mem);
    if (rv == APR_SUCCESS)
        attach(memory, segment, mem);
    mproc__belongings_unlock();
    if (rv == APR_ENOMEM)
        return mproc_error_set(rv, "%llu bytes are more memory than there is to share",
                               (unsigned long long)size);
    return rv == APR_SUCCESS ? rv
                             : mproc_error_set(rv, "cannot make shared memory: %s",
                                               mproc_strerror(rv, text, sizeof text));
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    const mproc__shared_memory_t *memory = object;

    if (memory->generation != mproc__program.generation)
        return mproc_error_set(MPROC_EFOREIGN, "the shared memory is the parent's");
    if (memory->segment == NULL)
        return mproc_error_set(MPROC_ECLOSED, "the shared memory is closed");
    shared->nhandles = port_segment_handles(memory->segment, shared->handles);
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_memory_t *memory;
    port_segment_t *segment;
    apr_status_t rv = port_segment_adopt(&segment, shared->handles, shared->nhandles, mem);

    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "what arrived as shared memory is none");
    mproc__belongings_lock();
    attach(&memory, segment, mem);
    mproc__belongings_unlock();
    *object = memory;
    return APR_SUCCESS;
}

mproc_value_t mproc__shared_memory_value(mproc__shared_memory_t *memory)
{
    mproc_value_t value = {.type = MPROC_TYPE_SHARED_MEMORY, .as = {.object = memory}};

    return value;
}

mproc_slot_t mproc__shared_memory_slot(mproc__shared_memory_t **memory)
{
    mproc_slot_t slot = {MPROC_TYPE_SHARED_MEMORY, sizeof(void *), memory};

    return slot;
}

void mproc__shared_memory_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_SHARED_MEMORY, &kind);
}
