/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: a bell is one eventfd(2), which polls readable while it is not 0.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
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

/* What lies in no file system has no type (fstat(2)). */
int posix_is_bell(const int *descriptors)
{
    struct stat about;

    return posix_is_open_for(descriptors[0], O_RDWR | O_NONBLOCK) &&
           fstat(descriptors[0], &about) == 0 && (about.st_mode & S_IFMT) == 0;
}
