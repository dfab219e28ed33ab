/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: the second number of /proc/self/statm (proc(5)) is of pages that are
 * resident.  The kernel counts them a CPU at a time, so that it may be some
 * pages late.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

apr_status_t posix_resident_size(size_t *bytes)
{
    char text[128];
    unsigned long pages;
    ssize_t got;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return APR_FROM_OS_ERROR(errno);
    got = read(file, text, sizeof text - 1);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    if (sscanf(text, "%*u %lu", &pages) != 1)
        return APR_ENOTIMPL;
    *bytes = pages * (size_t)sysconf(_SC_PAGESIZE);
    return APR_SUCCESS;
}
