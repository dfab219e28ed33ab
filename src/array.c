/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared arrays: making them, looking at them, and how they travel.
 *
 * The items are the state of a shared object.  How large one is travels beside it, and how many
 * they are follows from what there is, so that nothing that another process could change says
 * where they end.
 */

#include "array.h"

#include "program.h"
#include "shared_object.h"
#include "values.h"

#include <mproc/connection.h>
#include <mproc/status.h>

#include <stdatomic.h>
#include <string.h>

struct mproc_array_t {
    mproc__shared_object_t object; /* first of all */
    apr_uint64_t item_size;        /* as it travels */
    size_t count;
    mproc__array_number_t number;
};

static const mproc__shared_kind_t array_kind = {MPROC_TYPE_ARRAY, "the array", 0};

static _Atomic mproc__array_number_t numbers; /* that were given */

/* -- Making one -------------------------------------------------------------------- */

static apr_status_t check_options(const mproc_array_options_t *options)
{
    if (options->size != sizeof *options)
        return mproc_error_set(APR_EINVAL, "the options were not set by MPROC_ARRAY_OPTIONS");
    return APR_SUCCESS;
}

static apr_status_t check_size(size_t count, size_t item_size)
{
    if (count == 0)
        return mproc_error_set(APR_EINVAL, "an array of 0 items; it has 1 at least");
    if (item_size == 0)
        return mproc_error_set(APR_EINVAL, "an array of items of 0 bytes; they have 1 at least");
    if (count > PTRDIFF_MAX / 2 / item_size)
        return mproc_error_set(APR_ENOMEM, "%llu items of %llu bytes are more memory than there is",
                               (unsigned long long)count, (unsigned long long)item_size);
    return APR_SUCCESS;
}

static apr_status_t check(mproc_array_t **array, size_t count, size_t item_size,
                          const mproc_array_options_t *options, const apr_pool_t *mem)
{
    if (!mproc__object_kind_is_registered(MPROC_TYPE_ARRAY))
        return mproc_error_set(MPROC_EBOOTSTRAP,
                               "mproc_init has not been called; it comes first of all in main");
    if (array == NULL || mem == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the array or its memory is NULL");
    MPROC_TRY(check_size(count, item_size));
    return check_options(options);
}

static mproc_array_t *array_of(mproc__shared_object_t *object, size_t item_size)
{
    mproc_array_t *array = (mproc_array_t *)(void *)object;

    array->item_size = item_size;
    array->number = atomic_fetch_add(&numbers, 1) + 1;
    array->count = (object->state_size - array_kind.state_size) / item_size;
    return array;
}

apr_status_t mproc_array_create_with(mproc_array_t **array, size_t count, size_t item_size,
                                     const mproc_array_options_t *options, apr_pool_t *mem)
{
    static const mproc_array_options_t defaults = MPROC_ARRAY_OPTIONS;
    mproc__shared_object_t *object;

    if (options == NULL)
        options = &defaults;
    MPROC_TRY(check(array, count, item_size, options, mem));
    MPROC_TRY(mproc__shared_object_create(&object, &array_kind, sizeof **array, count * item_size,
                                          options->processes, mem));
    *array = array_of(object, item_size);
    return APR_SUCCESS;
}

apr_status_t mproc_array_create(mproc_array_t **array, size_t count, size_t item_size,
                                apr_pool_t *mem)
{
    return mproc_array_create_with(array, count, item_size, NULL, mem);
}

/* -- Looking at it, and being done with it ----------------------------------------------- */

static int is_here(const mproc_array_t *array)
{
    return mproc__shared_object_refuse((const mproc__shared_object_t *)array, &array_kind) ==
           APR_SUCCESS;
}

void *mproc_array_data(const mproc_array_t *array)
{
    return is_here(array) ? (char *)array->object.state + array_kind.state_size : NULL;
}

size_t mproc_array_count(const mproc_array_t *array)
{
    return is_here(array) ? array->count : 0;
}

size_t mproc_array_item_size(const mproc_array_t *array)
{
    return is_here(array) ? (size_t)array->item_size : 0;
}

apr_status_t mproc_array_close(mproc_array_t *array)
{
    if (array == NULL)
        return mproc_error_set(APR_EINVAL, "the array is NULL");
    return mproc__shared_object_close(&array->object);
}

/* -- For pools, whose workers use it where it lies ------------------------------------------ */

typedef struct bytes_t {
    const unsigned char *first;
    size_t size;
} bytes_t;

static int has_bytes(const mproc__shared_object_t *object, const void *data)
{
    const unsigned char *items = (unsigned char *)object->state + array_kind.state_size;
    size_t size = object->state_size - array_kind.state_size;
    const bytes_t *bytes = data;

    return bytes->first >= items && bytes->first < items + size &&
           bytes->size <= (size_t)(items + size - bytes->first);
}

static int has_number(const mproc__shared_object_t *object, const void *data)
{
    return ((const mproc_array_t *)(const void *)object)->number ==
           *(const mproc__array_number_t *)data;
}

/* Most programs that use pools have no arrays: they do not pay for the search. */
mproc_array_t *mproc__array_find(const void *bytes, size_t size)
{
    bytes_t wanted = {bytes, size};

    if (atomic_load_explicit(&numbers, memory_order_relaxed) == 0)
        return NULL;
    return (mproc_array_t *)(void *)mproc__shared_object_find(&array_kind, has_bytes, &wanted);
}

mproc__array_number_t mproc__array_number(const mproc_array_t *array)
{
    return array->number;
}

int mproc__array_is_here(mproc__array_number_t number)
{
    return mproc__shared_object_find(&array_kind, has_number, &number) != NULL;
}

static apr_status_t pass(mproc_values_t *values, mproc_connection_t *reader,
                         mproc_connection_t *writer, const mproc_array_t *array)
{
    mproc__shared_memory_t memory = {.segment = array->object.segment,
                                     .generation = array->object.generation};

    MPROC_TRY(mproc_connection_send(writer, MPROC_PACK(mproc__shared_memory_value(&memory)),
                                    MPROC_FOREVER));
    return mproc_connection_recv(reader, values, MPROC_FOREVER);
}

/* This process sends it to itself, as that gives handles of their own on every system. */
apr_status_t mproc__array_memory(mproc__shared_memory_t **memory, const mproc_array_t *array,
                                 apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_slot_t slot = mproc__shared_memory_slot(memory);
    mproc_connection_t *reader, *writer;
    apr_status_t rv;

    MPROC_TRY(mproc_pipe(&reader, &writer, MPROC_ONE_WAY, mem));
    rv = pass(values, reader, writer, array);
    mproc_connection_close(writer);
    mproc_connection_close(reader);
    return rv == APR_SUCCESS ? mproc_unpack(values, &slot, 1) : rv;
}

unsigned char *mproc__array_memory_data(const mproc_array_t *array)
{
    return port_segment_memory(array->object.segment);
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    mproc_array_t *array = object;

    MPROC_TRY(mproc__shared_object_share(&array->object, &array_kind, shared));
    shared->data.data = &array->item_size;
    shared->data.size = sizeof array->item_size;
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    apr_uint64_t item_size = 0;

    if (shared->data.size == sizeof item_size)
        memcpy(&item_size, shared->data.data, sizeof item_size);
    if (item_size == 0 || item_size > PTRDIFF_MAX)
        return mproc_error_set(MPROC_ECORRUPT, "an array that arrived has items of no size");
    MPROC_TRY(mproc__shared_object_adopt(&made, &array_kind, sizeof(mproc_array_t), shared, mem));
    *object = array_of(made, (size_t)item_size);
    return APR_SUCCESS;
}

void mproc__array_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_ARRAY, &kind);
}
