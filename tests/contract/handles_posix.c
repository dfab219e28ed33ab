/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors, for tests that count them and for tests that mishandle them.
 */

#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int count_open_handles(void)
{
    int descriptor, count = 0;

    for (descriptor = 0; descriptor < 1024; descriptor++)
        count += fcntl(descriptor, F_GETFD) != -1;
    return count;
}

void make_inheritable(port_handle_t handle)
{
    fcntl((int)handle, F_SETFD, 0);
}

int is_inheritable(port_handle_t handle)
{
    return (fcntl((int)handle, F_GETFD) & FD_CLOEXEC) == 0;
}

void close_copy(port_handle_t handle)
{
    close(dup((int)handle));
}

/* msync(2): "The indicated memory (or part of it) was not mapped." */
int is_mapped(void *page)
{
    return msync(page, 1, MS_ASYNC) == 0 || errno != ENOMEM;
}
