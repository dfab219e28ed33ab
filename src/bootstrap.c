/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start message and the report, as bytes and back.  Pure: no system call is
 * made here, and nothing that arrives is believed.
 */

#include "bootstrap.h"

#include <mproc/status.h>

#include <apr_strings.h>

#include <string.h>

static const char magic[8] = "mproc 1\n";

static apr_status_t append_number(mproc__buffer_t *buffer, apr_uint64_t number)
{
    unsigned char bytes[8];

    mproc__put_u64(bytes, number);
    return mproc__buffer_append(buffer, bytes, sizeof bytes);
}

/* How many handles there are is known once the pack is written: it is written aside first. */
static apr_status_t assemble(mproc__buffer_t *buffer, const mproc__buffer_t *pack, size_t nhandles)
{
    size_t i;

    MPROC_TRY(mproc__buffer_append(buffer, magic, sizeof magic));
    MPROC_TRY(append_number(buffer, pack->size));
    MPROC_TRY(append_number(buffer, nhandles));
    for (i = 0; i < nhandles; i++)
        MPROC_TRY(append_number(buffer, 0));
    return mproc__buffer_append(buffer, pack->bytes, pack->size);
}

apr_status_t mproc__start_encode(mproc__buffer_t *buffer, mproc__handles_t *handles,
                                 const mproc__start_t *start)
{
    mproc__buffer_t pack = {NULL, 0, 0};
    apr_status_t rv = mproc__pack_encode_around(
        &pack, handles,
        MPROC_PACK(start->token, MPROC_BYTES(start->build_id.data, start->build_id.size),
                   start->fingerprint, start->target, start->target_name, start->name,
                   start->identity, start->parent_name, start->parent_pid, start->is_daemon,
                   start->ignores_interrupt, start->method, start->context, start->args),
        1);

    if (rv == APR_SUCCESS && assemble(buffer, &pack, handles->count) != APR_SUCCESS)
        rv = mproc_error_set(APR_ENOMEM, "the arguments are larger than the memory there is");
    mproc__buffer_free(&pack);
    return rv;
}

void mproc__start_number(mproc__buffer_t *buffer, const port_handle_t *child_handles, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        mproc__put_u64(buffer->bytes + MPROC__START_HEADER + 8 * i, (apr_uint64_t)child_handles[i]);
}

static apr_status_t refuse(const char *what)
{
    return mproc_error_set(MPROC_EPROTOCOL, "the start message is %s", what);
}

apr_status_t mproc__start_rest(size_t *rest, const unsigned char header[MPROC__START_HEADER])
{
    apr_uint64_t size = mproc__get_u64(header + 8), nhandles = mproc__get_u64(header + 16);

    if (memcmp(header, magic, sizeof magic) != 0)
        return refuse("not mproc's, or another version's");
    if (nhandles > sizeof((mproc__handles_t *)0)->handles / sizeof(port_handle_t) ||
        size > PTRDIFF_MAX / 2)
        return refuse("of an absurd size");
    *rest = (size_t)(size + 8 * nhandles);
    return APR_SUCCESS;
}

static apr_status_t read_handles(mproc__handles_t *handles, const mproc_values_t *values)
{
    size_t rest, i;

    if (values->buffer.size < MPROC__START_HEADER)
        return refuse("cut off");
    MPROC_TRY(mproc__start_rest(&rest, values->buffer.bytes));
    if (rest != values->buffer.size - MPROC__START_HEADER)
        return refuse("cut off");
    handles->count = (size_t)mproc__get_u64(values->buffer.bytes + 16);
    for (i = 0; i < handles->count; i++)
        handles->handles[i] =
            (port_handle_t)mproc__get_u64(values->buffer.bytes + MPROC__START_HEADER + 8 * i);
    return APR_SUCCESS;
}

apr_status_t mproc__start_decode(mproc__start_t *start, mproc_values_t *values)
{
    mproc__start_t read = {0};
    mproc__handles_t handles;

    MPROC_TRY(read_handles(&handles, values));
    MPROC_TRY(mproc__values_decode(values, MPROC__START_HEADER + 8 * handles.count, handles.handles,
                                   handles.count));
    MPROC_TRY(MPROC_UNPACK(values, &read.token, &read.build_id, &read.fingerprint, &read.target,
                           &read.target_name, &read.name, &read.identity, &read.parent_name,
                           &read.parent_pid, &read.is_daemon, &read.ignores_interrupt, &read.method,
                           &read.context, &read.arguments));
    *start = read;
    return APR_SUCCESS;
}

apr_status_t mproc__report_encode(mproc__buffer_t *buffer, const mproc__report_t *report)
{
    char words[MPROC__REPORT_MAX];

    apr_cpystrn(words, report->words, sizeof words);
    MPROC_TRY(append_number(buffer, 0));
    MPROC_TRY(
        mproc__pack_encode(buffer, NULL, MPROC_PACK((int)report->outcome, report->status, words)));
    mproc__put_u64(buffer->bytes, buffer->size - 8);
    return APR_SUCCESS;
}

apr_status_t mproc__report_decode(mproc__report_t *report, mproc_values_t *values)
{
    mproc__report_t read;
    int outcome;

    if (values->buffer.size < 8 || mproc__get_u64(values->buffer.bytes) != values->buffer.size - 8)
        return mproc_error_set(MPROC_EPROTOCOL, "the report is cut off");
    MPROC_TRY(mproc__values_decode(values, 8, NULL, 0));
    MPROC_TRY(MPROC_UNPACK(values, &outcome, &read.status, &read.words));
    if (outcome < MPROC__RETURNED || outcome > MPROC__REFUSED)
        return mproc_error_set(MPROC_EPROTOCOL, "the report has an unknown outcome");
    read.outcome = (mproc__outcome_t)outcome;
    *report = read;
    return APR_SUCCESS;
}
