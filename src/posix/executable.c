/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where this process's own executable is.  A path that always means it (such as
 * /proc/self/exe, which survives chdir() and the replacing of the file) is the
 * best; without one, what the shell must have found for argv[0].
 */

#include "internal.h"

#include <apr_strings.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_program(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
}

/* Empty entries of PATH mean the current directory; a program must not be picked up from there. */
static const char *search_path(const char *name, apr_pool_t *mem)
{
    const char *path = getenv("PATH");
    char *rest = apr_pstrdup(mem, path != NULL ? path : "/usr/bin:/bin"), *folder;

    while ((folder = strsep(&rest, ":")) != NULL) {
        const char *candidate = apr_pstrcat(mem, folder, "/", name, NULL);
        if (folder[0] != '\0' && is_program(candidate))
            return candidate;
    }
    return NULL;
}

static apr_status_t absolute(const char **path, const char *found, apr_pool_t *mem)
{
    char *real = realpath(found, NULL);

    if (real == NULL)
        return APR_FROM_OS_ERROR(errno);
    *path = apr_pstrdup(mem, real);
    free(real);
    return APR_SUCCESS;
}

apr_status_t port_executable(const char **path, const char *argv0, apr_pool_t *mem)
{
    const char *image = posix_own_image();
    const char *found;

    if (image != NULL) {
        *path = image;
        return APR_SUCCESS;
    }
    found = strchr(argv0, '/') != NULL ? argv0 : search_path(argv0, mem);
    if (found == NULL || !is_program(found))
        return APR_ENOENT;
    return absolute(path, found, mem);
}
