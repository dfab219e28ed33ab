/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Taking values apart into variables, and copying packs to where they live longer.
 */

#include "values.h"

#include <apr_strings.h>

#include <limits.h>
#include <string.h>

/* -- Copying ------------------------------------------------------------------ */

static mproc_value_t copy_value(apr_pool_t *mem, mproc_value_t value)
{
    if (value.type == MPROC_TYPE_STRING && value.as.string != NULL)
        value.as.string = apr_pstrdup(mem, value.as.string);
    else if (value.type == MPROC_TYPE_BYTES && value.as.bytes.data != NULL)
        value.as.bytes.data = apr_pmemdup(mem, value.as.bytes.data, value.as.bytes.size);
    else if (value.type == MPROC_TYPE_PACK)
        value.as.pack = mproc_pack_copy(mem, value.as.pack);
    return value;
}

const mproc_pack_t *mproc_pack_copy(apr_pool_t *mem, const mproc_pack_t *pack)
{
    mproc_pack_t *copy = apr_pcalloc(mem, sizeof *copy);
    mproc_value_t *values;
    size_t i;

    if (pack == NULL || pack->count == 0)
        return copy;
    values = apr_palloc(mem, pack->count * sizeof *values);
    for (i = 0; i < pack->count; i++)
        values[i] = copy_value(mem, pack->values[i]);
    copy->count = pack->count;
    copy->values = values;
    return copy;
}

/* -- Unpacking ---------------------------------------------------------------- */

static int is_integer(mproc_type_t type)
{
    return type == MPROC_TYPE_INTEGER || type == MPROC_TYPE_UNSIGNED;
}

static apr_int64_t signed_maximum(size_t size)
{
    return INT64_MAX >> (64 - 8 * size);
}

static apr_uint64_t unsigned_maximum(size_t size)
{
    return UINT64_MAX >> (64 - 8 * size);
}

/* A truth value counts as 0 or 1, as in C. */
static int fits_integer(const mproc_value_t *value, const mproc_slot_t *slot)
{
    if (value->type == MPROC_TYPE_UNSIGNED)
        return slot->type == MPROC_TYPE_UNSIGNED &&
               value->as.unsigned_integer <= unsigned_maximum(slot->size);
    if (slot->type == MPROC_TYPE_UNSIGNED)
        return value->as.integer >= 0 && value->as.unsigned_integer <= unsigned_maximum(slot->size);
    return value->as.integer <= signed_maximum(slot->size) &&
           value->as.integer >= -signed_maximum(slot->size) - 1;
}

static int is_wanted(const mproc_value_t *value, const mproc_slot_t *slot)
{
    if (is_integer(slot->type))
        return is_integer(value->type) || value->type == MPROC_TYPE_BOOL;
    return value->type == slot->type;
}

static apr_status_t check_slot(const mproc_value_t *value, const mproc_slot_t *slot, int position)
{
    if (slot->variable == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for value %d is NULL", position);
    if (!is_wanted(value, slot))
        return mproc_error_set(MPROC_ETYPE, "value %d is %s, and its variable is for %s", position,
                               mproc__type_name(value->type), mproc__type_name(slot->type));
    if (!is_integer(slot->type) || fits_integer(value, slot))
        return APR_SUCCESS;
    if (value->type == MPROC_TYPE_UNSIGNED)
        return mproc_error_set(MPROC_ERANGE, "value %d is %llu, which does not fit %d bits",
                               position, (unsigned long long)value->as.unsigned_integer,
                               (int)slot->size * 8);
    return mproc_error_set(MPROC_ERANGE, "value %d is %lld, which does not fit %d %s bits",
                           position, (long long)value->as.integer, (int)slot->size * 8,
                           slot->type == MPROC_TYPE_UNSIGNED ? "unsigned" : "signed");
}

/* Checked before: it fits, so that its low bytes are the number in two's complement. */
static void write_integer(const mproc_slot_t *slot, apr_uint64_t bits)
{
    apr_byte_t one = (apr_byte_t)bits;
    apr_uint16_t two = (apr_uint16_t)bits;
    apr_uint32_t four = (apr_uint32_t)bits;

    switch (slot->size) {
    case 1: memcpy(slot->variable, &one, sizeof one); break;
    case 2: memcpy(slot->variable, &two, sizeof two); break;
    case 4: memcpy(slot->variable, &four, sizeof four); break;
    default: memcpy(slot->variable, &bits, sizeof bits); break;
    }
}

static void write_real(const mproc_slot_t *slot, double real)
{
    if (slot->size == sizeof(float))
        *(float *)slot->variable = (float)real;
    else
        *(double *)slot->variable = real;
}

static void write_slot(mproc_values_t *values, size_t index, const mproc_slot_t *slot)
{
    const mproc_value_t *value = &values->values[index];

    switch (slot->type) {
    case MPROC_TYPE_BOOL: *(_Bool *)slot->variable = value->as.integer != 0; break;
    case MPROC_TYPE_INTEGER:
    case MPROC_TYPE_UNSIGNED: write_integer(slot, value->as.unsigned_integer); break;
    case MPROC_TYPE_REAL: write_real(slot, value->as.real); break;
    case MPROC_TYPE_STRING: *(const char **)slot->variable = value->as.string; break;
    case MPROC_TYPE_BYTES: *(mproc_bytes_t *)slot->variable = value->as.bytes; break;
    case MPROC_TYPE_PACK: *(mproc_values_t **)slot->variable = values->inner[index]; break;
    case MPROC_TYPE_NONE: break;
    /* All pointers to structs look alike (C11, 6.2.5). */
    default: memcpy(slot->variable, &value->as.object, sizeof value->as.object); break;
    }
}

apr_status_t mproc_unpack(mproc_values_t *values, const mproc_slot_t *slots, size_t count)
{
    size_t i;

    if (values == NULL)
        return mproc_error_set(APR_EINVAL, "there are no values to unpack: NULL was given");
    if (values->count != count)
        return mproc_error_set(MPROC_ECOUNT, "%d values arrived for %d variables",
                               (int)values->count, (int)count);
    for (i = 0; i < count; i++)
        MPROC_TRY(check_slot(&values->values[i], &slots[i], (int)i + 1));
    for (i = 0; i < count; i++)
        write_slot(values, i, &slots[i]);
    return APR_SUCCESS;
}
