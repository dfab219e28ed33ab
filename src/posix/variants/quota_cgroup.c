/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: what this process's control group may have of CPU time and of memory, as
 * a container or a service manager has set it.  What the files mean is in cgroups.c.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE ((size_t)4096)

/* What the kernel makes up has no size before it is read; the list of mounts may be long. */
static ssize_t read_to_end(char **text, int file)
{
    size_t size = 0;
    ssize_t got;

    *text = NULL;
    do {
        char *larger = realloc(*text, size + PIECE);

        if (larger == NULL)
            return -1;
        *text = larger;
        do
            got = read(file, *text + size, PIECE - 1);
        while (got < 0 && errno == EINTR);
        size += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    (*text)[size] = '\0';
    return got;
}

static char *read_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char *text;

    if (file < 0)
        return NULL;
    if (read_to_end(&text, file) < 0) {
        free(text);
        text = NULL;
    }
    close(file);
    return text;
}

int posix_quota_cpus(void)
{
    return posix_cgroup_cpus(read_file);
}

long long posix_quota_memory(void)
{
    return posix_cgroup_memory(read_file);
}
