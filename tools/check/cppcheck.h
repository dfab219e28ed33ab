/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Included before all else by cppcheck, whose version 2.10 loses its way in a _Generic that chooses
 * the function to call.
 */

#include <mproc/args.h>

#undef MPROC_UNPACK
#define MPROC_UNPACK(from, ...) unpack_into((from), __VA_ARGS__)
apr_status_t unpack_into(mproc_values_t *values, ...);
