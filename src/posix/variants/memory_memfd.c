/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: files that never had a name (memfd_create(2)).
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Reserved in some tens of microseconds. */
#define PIECE_SIZE ((size_t)256 << 10)

static apr_status_t open_file(int *descriptor, const char *name, unsigned flags)
{
    int opened = memfd_create(name, MFD_CLOEXEC | flags);
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

/*
 * Pages that are only promised could be missing when they are written to: SIGBUS.  Piece by piece,
 * as a signal takes away what the call has reserved (posix_fallocate(3)), and where signals come
 * in time after time the whole would never be done.
 */
apr_status_t posix_memory_reserve(int descriptor, size_t from, size_t to)
{
    while (from < to) {
        size_t piece = to - from < PIECE_SIZE ? to - from : PIECE_SIZE;
        int error = posix_fallocate(descriptor, (off_t)from, (off_t)piece);

        if (error == 0)
            from += piece;
        else if (error != EINTR)
            return APR_FROM_OS_ERROR(error);
    }
    return APR_SUCCESS;
}

/* Who cuts pages off would end whoever touches them by SIGBUS; so nobody can any more. */
static apr_status_t seal(int descriptor)
{
    return fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) == 0
               ? APR_SUCCESS
               : APR_FROM_OS_ERROR(errno);
}

int posix_is_lasting(int descriptor)
{
    int seals = fcntl(descriptor, F_GET_SEALS);

    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

apr_status_t posix_memory_open(int *descriptor, size_t size, size_t most)
{
    apr_status_t rv = open_file(descriptor, "mproc-memory", MFD_ALLOW_SEALING);

    if (rv == APR_SUCCESS && ftruncate(*descriptor, (off_t)most) != 0)
        rv = APR_FROM_OS_ERROR(errno);
    if (rv == APR_SUCCESS)
        rv = posix_memory_reserve(*descriptor, 0, size);
    return rv == APR_SUCCESS ? seal(*descriptor) : rv;
}

apr_status_t posix_lives_open(int *descriptor)
{
    return open_file(descriptor, "mproc-lives", 0);
}
