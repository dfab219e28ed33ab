/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: files that never had a name (memfd_create(2)).
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static apr_status_t open_file(int *descriptor, const char *name)
{
    int opened = memfd_create(name, MFD_CLOEXEC);
    apr_status_t rv;

    if (opened < 0)
        return APR_FROM_OS_ERROR(errno);
    rv = posix_above_stdio(&opened);
    if (rv == APR_SUCCESS)
        *descriptor = opened;
    else
        close(opened);
    return rv;
}

/* Pages that are only promised could be missing when they are written to: SIGBUS. */
static apr_status_t reserve(int descriptor, size_t size)
{
    int error;

    do
        error = posix_fallocate(descriptor, 0, (off_t)size);
    while (error == EINTR);
    return error == 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(error);
}

apr_status_t posix_memory_open(int *descriptor, size_t size)
{
    apr_status_t rv = open_file(descriptor, "mproc-memory");

    return rv == APR_SUCCESS ? reserve(*descriptor, size) : rv;
}

apr_status_t posix_lives_open(int *descriptor)
{
    return open_file(descriptor, "mproc-lives");
}
