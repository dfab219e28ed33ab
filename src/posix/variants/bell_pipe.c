/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a bell is a pipe, which polls readable while there is
 * something in it.
 */

#include "internal.h"

const size_t posix_bell_descriptors = 2;

apr_status_t posix_bell_open(int *descriptors)
{
    return posix_open_ready_pipe(descriptors);
}

int posix_is_bell(const int *descriptors)
{
    return posix_is_ready_pipe(descriptors);
}
