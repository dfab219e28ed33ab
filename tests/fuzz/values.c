/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Packed values, as they come through a pipe, which brings no handles, and as they lie in a start
 * message, which may.
 */

#include "fuzz.h"

static mproc_values_t *decode(const unsigned char *bytes, size_t size, port_handle_t *handles,
                              size_t nhandles, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    apr_status_t rv;

    fill(values, bytes, size);
    rv = mproc__values_decode(values, 0, handles, nhandles);
    if (rv == APR_SUCCESS)
        return values;
    assert_int_equal(rv, MPROC_EPROTOCOL);
    assert_refused(rv);
    assert_int_equal(mproc_values_count(values), 0);
    return NULL;
}

void try_decoder(const unsigned char *bytes, size_t size, apr_pool_t *mem)
{
    port_handle_t handles[] = {5, 6, 7};
    mproc_values_t *without = decode(bytes, size, NULL, 0, mem);
    mproc_values_t *with = decode(bytes, size, handles, 3, mem);

    if (with != NULL)
        assert_sound(with, mem);
    if (without == NULL)
        return;
    assert_non_null(with);
    assert_same_values(without, with);
    assert_sound(without, mem);
}
