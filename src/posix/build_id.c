/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which build of the program this is: the linker's note in the loaded image,
 * else a fingerprint of the executable file.  Its times and its inode would not
 * do: a copy of a build is the same build, and two builds may be of one second
 * and one size.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536

/* FNV-1a (draft-eastlake-fnv): it tells builds apart, and guards against nobody. */
static apr_uint64_t add_to_fingerprint(apr_uint64_t hash, const unsigned char *bytes, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static apr_status_t read_fingerprint(int file, unsigned char id[PORT_BUILD_ID_SIZE])
{
    unsigned char piece[PIECE];
    apr_uint64_t hash = 0xcbf29ce484222325u;
    ssize_t size;

    while ((size = read(file, piece, sizeof piece)) != 0) {
        if (size > 0)
            hash = add_to_fingerprint(hash, piece, (size_t)size);
        else if (errno != EINTR)
            return APR_FROM_OS_ERROR(errno);
    }
    memset(id, 0, PORT_BUILD_ID_SIZE);
    memcpy(id, &hash, sizeof hash);
    return APR_SUCCESS;
}

static apr_status_t file_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable)
{
    int file = open(executable, O_RDONLY | O_CLOEXEC);
    apr_status_t rv;

    if (file < 0)
        return APR_FROM_OS_ERROR(errno);
    rv = read_fingerprint(file, id);
    close(file);
    return rv;
}

apr_status_t port_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable)
{
    if (posix_image_build_id(id) == APR_SUCCESS)
        return APR_SUCCESS;
    return file_build_id(id, executable);
}
