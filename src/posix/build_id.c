/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which build of the program this is: the linker's note in the loaded image,
 * else the size and the time of the executable file.
 */

#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static apr_status_t file_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable)
{
    struct stat about;
    apr_int64_t parts[2];

    if (stat(executable, &about) != 0)
        return APR_FROM_OS_ERROR(errno);
    parts[0] = (apr_int64_t)about.st_size;
    parts[1] = (apr_int64_t)about.st_mtime;
    memset(id, 0, PORT_BUILD_ID_SIZE);
    memcpy(id, parts, sizeof parts);
    return APR_SUCCESS;
}

apr_status_t port_build_id(unsigned char id[PORT_BUILD_ID_SIZE], const char *executable)
{
    if (posix_image_build_id(id) == APR_SUCCESS)
        return APR_SUCCESS;
    return file_build_id(id, executable);
}
