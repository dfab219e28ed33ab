/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory, messages and packs for the unit tests.
 */

#include "unit.h"

#include <stdlib.h>

int make_memory(void **state)
{
    apr_pool_t *mem;

    if (apr_pool_create(&mem, NULL) != APR_SUCCESS)
        return -1;
    *state = mem;
    return 0;
}

int destroy_memory(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

apr_status_t refill(mproc_values_t *values, const mproc_pack_t *pack)
{
    values->buffer.size = 0;
    MPROC_TRY(mproc__pack_encode(&values->buffer, NULL, pack));
    return mproc__values_decode(values, 0, NULL, 0);
}

mproc_values_t *travel(const mproc_pack_t *pack, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);

    assert_success(refill(values, pack));
    return values;
}

void fill(mproc_values_t *values, const unsigned char *bytes, size_t size)
{
    mproc__buffer_free(&values->buffer);
    values->buffer.bytes = malloc(size > 0 ? size : 1);
    assert_non_null(values->buffer.bytes);
    if (size > 0)
        memcpy(values->buffer.bytes, bytes, size);
    values->buffer.size = values->buffer.capacity = size;
}

void assert_said(const char *words)
{
    if (strstr(mproc_error_message(), words) == NULL)
        fail_msg("the message is \"%s\", without \"%s\"", mproc_error_message(), words);
}

void hush(void)
{
    mproc_error_set(APR_SUCCESS, "%s", "");
}

const mproc_pack_t *make_deep_pack(int depth, apr_pool_t *mem)
{
    const mproc_pack_t *pack = mproc_pack_copy(mem, MPROC_NO_ARGS);

    for (; depth > 1; depth--)
        pack = mproc_pack(mem, pack);
    return pack;
}

static apr_status_t share(void *object, mproc__shared_t *shared)
{
    const stand_in_t *stand_in = object;

    shared->handles[0] = stand_in->handle;
    shared->nhandles = 1;
    shared->detail = stand_in->detail;
    shared->data.data = stand_in->data;
    shared->data.size = stand_in->size;
    return APR_SUCCESS;
}

static apr_status_t adopt(void **object, const mproc__shared_t *shared, apr_pool_t *mem)
{
    stand_in_t *stand_in = apr_pcalloc(mem, sizeof *stand_in);

    if (shared->nhandles != 1 || shared->data.size > sizeof stand_in->data)
        return mproc_error_set(MPROC_EPROTOCOL, "the message is not packed values: not a stand-in");
    stand_in->handle = shared->handles[0];
    stand_in->detail = shared->detail;
    stand_in->size = shared->data.size;
    memcpy(stand_in->data, shared->data.data, shared->data.size);
    *object = stand_in;
    return APR_SUCCESS;
}

void register_stand_ins(void)
{
    static const mproc__object_kind_t kind = {share, adopt};

    mproc__object_kind_register(MPROC_TYPE_CONNECTION, &kind);
}

mproc_connection_t *as_object(stand_in_t *stand_in)
{
    return (mproc_connection_t *)(void *)stand_in;
}

const stand_in_t *as_stand_in(mproc_connection_t *object)
{
    return (const stand_in_t *)(const void *)object;
}
