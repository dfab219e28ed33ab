// SPDX-License-Identifier: Apache-2.0

// Code that must compile in C++ as it does in C: compile.cmake compiles it once
// with each of the macros below.

#include <mproc.h>

enum colour { RED, GREEN };

const mproc_pack_t *pack(apr_pool_t *mem, colour what);
apr_status_t unpack(mproc_values_t *values);

const mproc_pack_t *pack(apr_pool_t *mem, colour what)
{
    (void)what;
#if defined(A_PACK_ALONE_IN_A_PACK)
    return mproc_pack(mem, MPROC_PACK(MPROC_PACK(7)));
#elif defined(PACKING_AN_ENUMERATION)
    return mproc_pack(mem, what);
#elif defined(PACKING_BITS_AND_CONSTANTS)
    struct bits { unsigned some : 3; } bits = {5};
    const volatile long constant = 7;
    return mproc_pack(mem, +bits.some, constant, 'c', L'w', u'x', sizeof bits, 1 == 2);
#else
    return mproc_pack(mem, MPROC_BOOL(true), MPROC_NONE);
#endif
}

apr_status_t unpack(mproc_values_t *values)
{
    std::size_t size;
    wchar_t wide;
    bool truth;

    return MPROC_UNPACK(values, &size, &wide, &truth);
}
