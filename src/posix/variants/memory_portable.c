/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a shared memory object whose name is taken away at once, and
 * for the signs of life, which are locks that such an object need not have, a
 * file of which the same is true.
 */

#include "internal.h"

#include <apr_general.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* macOS takes no longer names than 31 characters. */
static apr_status_t make_name(char name[24])
{
    unsigned char random[8];
    apr_status_t rv = apr_generate_random_bytes(random, sizeof random);
    size_t i;

    if (rv != APR_SUCCESS)
        return rv;
    snprintf(name, 24, "/mproc-");
    for (i = 0; i < sizeof random; i++)
        snprintf(name + 7 + 2 * i, 3, "%02x", (unsigned)random[i]);
    return APR_SUCCESS;
}

static apr_status_t keep(int *descriptor, int opened)
{
    apr_status_t rv = posix_keep_private(opened);

    if (rv == APR_SUCCESS)
        rv = posix_above_stdio(&opened);
    if (rv == APR_SUCCESS)
        *descriptor = opened;
    else
        close(opened);
    return rv;
}

static int is_no_room(int error)
{
    return error == ENOSPC || error == EDQUOT || error == ENOMEM || error == EFBIG || error == EIO;
}

/*
 * Pages that are only promised could be missing when they are written to: SIGBUS.  An object
 * that cannot be written with write() is none of those that lie in a file system of small size.
 */
apr_status_t posix_memory_reserve(int descriptor, size_t from, size_t to)
{
    static const char zeros[65536];

    while (from < to) {
        size_t piece = to - from < sizeof zeros ? to - from : sizeof zeros;
        ssize_t written = pwrite(descriptor, zeros, piece, (off_t)from);

        if (written > 0)
            from += (size_t)written;
        else if (written < 0 && is_no_room(errno))
            return APR_FROM_OS_ERROR(errno);
        else if (written < 0 && errno != EINTR)
            return APR_SUCCESS;
    }
    return APR_SUCCESS;
}

/* No call tells. */
int posix_is_lasting(int descriptor)
{
    (void)descriptor;
    return 1;
}

apr_status_t posix_memory_open(int *descriptor, size_t size, size_t most)
{
    char name[24];
    int opened;
    apr_status_t rv = make_name(name);

    if (rv != APR_SUCCESS)
        return rv;
    opened = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (opened < 0)
        return APR_FROM_OS_ERROR(errno);
    shm_unlink(name);
    rv = keep(descriptor, opened);
    if (rv == APR_SUCCESS && ftruncate(*descriptor, (off_t)most) != 0)
        rv = APR_FROM_OS_ERROR(errno);
    return rv == APR_SUCCESS ? posix_memory_reserve(*descriptor, 0, size) : rv;
}

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder != NULL && folder[0] == '/' ? folder : "/tmp";
}

apr_status_t posix_lives_open(int *descriptor)
{
    char path[4096];
    int opened;

    snprintf(path, sizeof path, "%s/mproc-XXXXXX", temporary_folder());
    opened = mkstemp(path);
    if (opened < 0)
        return APR_FROM_OS_ERROR(errno);
    unlink(path);
    return keep(descriptor, opened);
}
