/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Descriptors, for tests that count them and for tests that mishandle them.
 */

#include "contract.h"

#include <fcntl.h>

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
