/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared arrays: making them, looking at them, and how they travel.
 *
 * The state of the shared object is the lock, and behind it the items.  How large one is travels
 * beside it, and how many they are follows from what there is, so that nothing that another process
 * could change says where they end.
 */

#include "array.h"

#include "mutex.h"
#include "values.h"

#include <mproc/connection.h>
#include <mproc/status.h>

#include <stdatomic.h>
#include <string.h>

/* As it travels. */
typedef struct shape_t {
    apr_uint64_t item_size;
    apr_uint64_t is_raw;
} shape_t;

struct mproc_array_t {
    mproc_lock_t lock; /* first of all, and with the shared object; not used when it is raw */
    shape_t shape;
    size_t count;
    mproc__array_number_t number;
};

/* Of one whose state has no items yet: these begin on a cache line that the lock's is apart from. */
static const mproc__shared_kind_t array_kind = {MPROC_TYPE_ARRAY, "the array",
                                                sizeof(mproc__mutex_state_t)};

_Static_assert(sizeof(mproc__mutex_state_t) % MPROC__APART == 0, "items are as aligned as it is");

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

/* The lock is recursive, as that of Python's arrays is. */
static mproc_array_t *array_of(mproc__shared_object_t *object, const shape_t *shape)
{
    mproc_array_t *array = (mproc_array_t *)(void *)object;

    array->lock.is_recursive = 1;
    array->shape = *shape;
    array->number = atomic_fetch_add(&numbers, 1) + 1;
    array->count = (object->state_size - array_kind.state_size) / (size_t)shape->item_size;
    return array;
}

apr_status_t mproc_array_create_with(mproc_array_t **array, size_t count, size_t item_size,
                                     const mproc_array_options_t *options, apr_pool_t *mem)
{
    static const mproc_array_options_t defaults = MPROC_ARRAY_OPTIONS;
    mproc__shared_object_t *object;
    shape_t shape;

    if (options == NULL)
        options = &defaults;
    MPROC_TRY(check(array, count, item_size, options, mem));
    MPROC_TRY(mproc__shared_object_create(&object, &array_kind, sizeof **array, count * item_size,
                                          options->processes, mem));
    shape = (shape_t){item_size, options->raw != 0};
    *array = array_of(object, &shape);
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
    return is_here(array) ? (char *)array->lock.shared.state + array_kind.state_size : NULL;
}

size_t mproc_array_count(const mproc_array_t *array)
{
    return is_here(array) ? array->count : 0;
}

size_t mproc_array_item_size(const mproc_array_t *array)
{
    return is_here(array) ? (size_t)array->shape.item_size : 0;
}

mproc_lock_t *mproc_array_lock(mproc_array_t *array)
{
    if (!is_here(array))
        return NULL;
    if (!array->shape.is_raw)
        return &array->lock;
    mproc_error_set(APR_EINVAL, "the array is raw, and has no lock");
    return NULL;
}

apr_status_t mproc_array_close(mproc_array_t *array)
{
    if (array == NULL)
        return mproc_error_set(APR_EINVAL, "the array is NULL");
    if (is_here(array) && mproc__mutex_is_held(&array->lock))
        return mproc_error_set(MPROC_EINUSE, "this process holds the lock of the array");
    return mproc__shared_object_close(&array->lock.shared);
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
    mproc__shared_memory_t memory = {.segment = array->lock.shared.segment,
                                     .generation = array->lock.shared.generation};

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
    return port_segment_memory(array->lock.shared.segment);
}

/* -- Travelling --------------------------------------------------------------------- */

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    mproc_array_t *array = object;

    MPROC_TRY(mproc__shared_object_share(&array->lock.shared, &array_kind, shared));
    shared->data.data = &array->shape;
    shared->data.size = sizeof array->shape;
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    mproc__shared_object_t *made;
    shape_t shape = {0, 0};

    if (shared->data.size == sizeof shape)
        memcpy(&shape, shared->data.data, sizeof shape);
    if (shape.item_size == 0 || shape.item_size > PTRDIFF_MAX)
        return mproc_error_set(MPROC_ECORRUPT, "an array that arrived has items of no size");
    MPROC_TRY(mproc__shared_object_adopt(&made, &array_kind, sizeof(mproc_array_t), shared, mem));
    *object = array_of(made, &shape);
    return APR_SUCCESS;
}

void mproc__array_register(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_ARRAY, &kind);
}
