/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must hold of values, whatever they were decoded from.
 */

#include "fuzz.h"

#include <stdlib.h>

static void set_up(void)
{
    static int is_done;

    if (is_done)
        return;
    apr_initialize();
    register_stand_ins();
    is_done = 1;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    apr_pool_t *mem;

    set_up();
    assert_success(apr_pool_create(&mem, NULL));
    hush();
    try_decoder(bytes, size, mem);
    apr_pool_destroy(mem);
    return 0;
}

void assert_refused(apr_status_t rv)
{
    assert_true(rv == MPROC_EPROTOCOL || rv == MPROC_ECOUNT || rv == MPROC_ETYPE ||
                rv == MPROC_ERANGE);
    assert_string_not_equal(mproc_error_message(), "");
}

/* -- Unpacking ------------------------------------------------------------------ */

static size_t size_of_variable(mproc_type_t type)
{
    switch (type) {
    case MPROC_TYPE_BOOL: return sizeof(_Bool);
    case MPROC_TYPE_BYTES: return sizeof(mproc_bytes_t);
    case MPROC_TYPE_STRING:
    case MPROC_TYPE_PACK:
    case MPROC_TYPE_CONNECTION:
    case MPROC_TYPE_QUEUE:
    case MPROC_TYPE_SHARED_MEMORY: return sizeof(void *);
    default: return 8;
    }
}

/* Each variable is a block of its own: a sanitizer sees what is written beside it. */
static void make_slot(mproc_slot_t *slot, mproc_type_t type, size_t size)
{
    slot->type = type;
    slot->size = size;
    slot->variable = calloc(1, size);
    assert_non_null(slot->variable);
}

static void free_slots(mproc_slot_t *slots, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        free(slots[i].variable);
}

static void unpack_into_variables_of_their_types(mproc_values_t *values)
{
    mproc_slot_t slots[MPROC_PACK_MAX];
    size_t i;

    for (i = 0; i < values->count; i++) {
        mproc_type_t type = values->values[i].type;
        make_slot(&slots[i], type, size_of_variable(type));
    }
    assert_success(mproc_unpack(values, slots, values->count));
    free_slots(slots, values->count);
}

/* Most do not fit, and are refused. */
static void unpack_into_small_numbers(mproc_values_t *values, mproc_type_t type, size_t size)
{
    mproc_slot_t slots[MPROC_PACK_MAX];
    apr_status_t rv;
    size_t i;

    for (i = 0; i < values->count; i++)
        make_slot(&slots[i], type, size);
    rv = mproc_unpack(values, slots, values->count);
    if (rv != APR_SUCCESS)
        assert_refused(rv);
    free_slots(slots, values->count);
}

static void unpack(mproc_values_t *values)
{
    signed char number;
    const char *text;

    unpack_into_variables_of_their_types(values);
    unpack_into_small_numbers(values, MPROC_TYPE_INTEGER, 1);
    unpack_into_small_numbers(values, MPROC_TYPE_UNSIGNED, 2);
    unpack_into_small_numbers(values, MPROC_TYPE_INTEGER, 4);
    unpack_into_small_numbers(values, MPROC_TYPE_REAL, sizeof(float));
    if (values->count != 2)
        assert_int_equal(MPROC_UNPACK(values, &number, &text), MPROC_ECOUNT);
}

/* -- Sending again -------------------------------------------------------------- */

const mproc_pack_t *pack_again(const mproc_values_t *values, apr_pool_t *mem)
{
    mproc_pack_t *pack = apr_pcalloc(mem, sizeof *pack);
    mproc_value_t *copies = apr_pmemdup(mem, values->values, sizeof values->values);
    size_t i;

    for (i = 0; i < values->count; i++)
        if (copies[i].type == MPROC_TYPE_PACK)
            copies[i].as.pack = pack_again(values->inner[i], mem);
    pack->count = values->count;
    pack->values = copies;
    return pack;
}

static void assert_same_bytes(const mproc_bytes_t *bytes, const mproc_bytes_t *others)
{
    assert_int_equal(bytes->size, others->size);
    if (bytes->size > 0)
        assert_memory_equal(bytes->data, others->data, bytes->size);
}

static void assert_same_object(const stand_in_t *object, const stand_in_t *other)
{
    assert_true(object->handle == other->handle && object->detail == other->detail &&
                object->size == other->size);
    assert_memory_equal(object->data, other->data, sizeof object->data);
}

static void assert_same_value(const mproc_value_t *value, const mproc_value_t *other)
{
    switch (value->type) {
    case MPROC_TYPE_BOOL: assert_true(value->as.integer == other->as.integer); break;
    case MPROC_TYPE_INTEGER:
    case MPROC_TYPE_UNSIGNED:
        assert_true(value->as.unsigned_integer == other->as.unsigned_integer);
        break;
    /* What is no number is not equal to itself. */
    case MPROC_TYPE_REAL: assert_memory_equal(&value->as.real, &other->as.real, 8); break;
    case MPROC_TYPE_STRING: assert_string_equal(value->as.string, other->as.string); break;
    case MPROC_TYPE_BYTES: assert_same_bytes(&value->as.bytes, &other->as.bytes); break;
    case MPROC_TYPE_NONE:
    case MPROC_TYPE_PACK: break;
    default: assert_same_object(value->as.object, other->as.object); break;
    }
}

void assert_same_values(const mproc_values_t *values, const mproc_values_t *others)
{
    size_t i;

    assert_int_equal(values->count, others->count);
    for (i = 0; i < values->count; i++) {
        assert_int_equal(values->values[i].type, others->values[i].type);
        assert_same_value(&values->values[i], &others->values[i]);
        if (values->values[i].type == MPROC_TYPE_PACK)
            assert_same_values(values->inner[i], others->inner[i]);
    }
}

/* The reader takes a pack that lies one deeper than what a program sends: see READ_DEPTH_MAX. */
static void send_again(const mproc_values_t *values, apr_pool_t *mem)
{
    mproc_values_t *others = mproc_values_create(mem);
    mproc__handles_t handles = {{0}, 0};

    assert_success(
        mproc__pack_encode_around(&others->buffer, &handles, pack_again(values, mem), 1));
    assert_success(mproc__values_decode(others, 0, handles.handles, handles.count));
    assert_same_values(values, others);
}

void assert_sound(mproc_values_t *values, apr_pool_t *mem)
{
    size_t i;

    unpack(values);
    for (i = 0; i < values->count; i++)
        if (values->values[i].type == MPROC_TYPE_PACK)
            unpack(values->inner[i]);
    send_again(values, mem);
}
