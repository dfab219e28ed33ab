/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: a bell is one eventfd(2), which polls readable while it is not 0.
 */

#include "internal.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

const size_t posix_bell_descriptors = 1;

apr_status_t posix_bell_open(int *descriptors)
{
    int opened = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    apr_status_t rv;

    if (opened < 0)
        return APR_FROM_OS_ERROR(errno);
    rv = posix_above_stdio(&opened);
    if (rv == APR_SUCCESS)
        descriptors[0] = opened;
    else
        close(opened);
    return rv;
}
