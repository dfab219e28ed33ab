/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors: keeping our own above those that mean stdin, stdout and stderr.
 * A program may run with some of these closed, and then the next descriptor
 * made is one of them.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

apr_status_t posix_above_stdio(int *descriptor)
{
    int moved;

    if (*descriptor >= FIRST_DESCRIPTOR)
        return APR_SUCCESS;
    moved = fcntl(*descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    if (moved < 0)
        return APR_FROM_OS_ERROR(errno);
    close(*descriptor);
    *descriptor = moved;
    return APR_SUCCESS;
}

apr_status_t posix_open_null_device(int *descriptor)
{
    int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
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

apr_status_t posix_keep_private(int descriptor)
{
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);
}

/* The open file is nobody's but those processes' who share what it belongs to. */
apr_status_t posix_open_ready_pipe(int pair[2])
{
    int made[2];
    apr_status_t rv = posix_pipe(made);

    if (rv != APR_SUCCESS)
        return rv;
    if (fcntl(made[0], F_SETFL, O_NONBLOCK) != 0 || fcntl(made[1], F_SETFL, O_NONBLOCK) != 0) {
        posix_close_pair(made);
        return APR_FROM_OS_ERROR(errno);
    }
    pair[0] = made[0];
    pair[1] = made[1];
    return APR_SUCCESS;
}

int posix_is_open_for(int descriptor, int flags)
{
    int has = fcntl(descriptor, F_GETFL);

    return has >= 0 && (has & O_ACCMODE) == (flags & O_ACCMODE) && (has & flags) == flags;
}

int posix_is_ready_pipe(const int pair[2])
{
    struct stat about[2];

    return posix_is_open_for(pair[0], O_RDONLY | O_NONBLOCK) &&
           posix_is_open_for(pair[1], O_WRONLY | O_NONBLOCK) && fstat(pair[0], &about[0]) == 0 &&
           fstat(pair[1], &about[1]) == 0 && S_ISFIFO(about[0].st_mode) &&
           S_ISFIFO(about[1].st_mode);
}

void posix_close_if_open(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

void posix_close_pair(const int pair[2])
{
    int error = errno;

    close(pair[0]);
    close(pair[1]);
    errno = error;
}

apr_status_t posix_pair_above_stdio(int pair[2], const int made[2])
{
    int moved[2] = {made[0], made[1]};
    apr_status_t rv = posix_above_stdio(&moved[0]);

    if (rv == APR_SUCCESS)
        rv = posix_above_stdio(&moved[1]);
    if (rv != APR_SUCCESS) {
        posix_close_pair(moved);
        return rv;
    }
    pair[0] = moved[0];
    pair[1] = moved[1];
    return APR_SUCCESS;
}
