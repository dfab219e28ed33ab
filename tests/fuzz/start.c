/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start message, from its fixed beginning to the arguments in it.
 */

#include "fuzz.h"

#include "bootstrap.h"

/* What a child reads first, and by which it knows how much to read. */
static void try_beginning(const unsigned char *bytes, size_t size)
{
    size_t rest = 77;
    apr_status_t rv;

    if (size < MPROC__START_HEADER)
        return;
    rv = mproc__start_rest(&rest, bytes);
    if (rv == APR_SUCCESS)
        return;
    assert_refused(rv);
    assert_int_equal(rest, 77);
}

static void assert_same_start(const mproc__start_t *start, const mproc__start_t *other)
{
    assert_string_equal(start->token, other->token);
    assert_int_equal(start->build_id.size, other->build_id.size);
    assert_memory_equal(start->build_id.data, other->build_id.data, start->build_id.size);
    assert_true(start->fingerprint == other->fingerprint && start->target == other->target);
    assert_string_equal(start->target_name, other->target_name);
    assert_string_equal(start->name, other->name);
    assert_string_equal(start->identity, other->identity);
    assert_string_equal(start->parent_name, other->parent_name);
    assert_true(start->parent_pid == other->parent_pid);
    assert_int_equal(start->is_daemon, other->is_daemon);
    assert_int_equal(start->ignores_interrupt, other->ignores_interrupt);
    assert_string_equal(start->method, other->method);
    assert_string_equal(start->context, other->context);
    assert_same_values(start->arguments, other->arguments);
}

static void send_again(mproc__start_t *start, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__handles_t handles = {{0}, 0};
    mproc__start_t other;

    start->args = pack_again(start->arguments, mem);
    assert_success(mproc__start_encode(&values->buffer, &handles, start));
    mproc__start_number(&values->buffer, handles.handles, handles.count);
    assert_success(mproc__start_decode(&other, values));
    assert_same_start(start, &other);
}

void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc__start_t start = {.target = 77};
    apr_status_t rv;

    fill(values, bytes, size);
    try_beginning(values->buffer.bytes, size);
    rv = mproc__start_decode(&start, values);
    if (rv == APR_SUCCESS) {
        assert_sound(start.arguments, mem);
        send_again(&start, mem);
        return;
    }
    assert_refused(rv);
    assert_true(start.target == 77 && start.name == NULL && start.arguments == NULL);
}
