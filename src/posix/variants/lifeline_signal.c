/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: the kernel itself kills this process when the line closes.  F_SETSIG
 * (fcntl(2)) makes SIGKILL the signal of asynchronous input, so that neither a
 * busy loop nor a blocked signal stands in its way, and no thread is needed.
 * PR_SET_PDEATHSIG would do so when the *thread* that started us ends.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

apr_status_t posix_lifeline_arm(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFL);

    if (flags < 0 || fcntl(descriptor, F_SETOWN, getpid()) != 0 ||
        fcntl(descriptor, F_SETSIG, SIGKILL) != 0 ||
        fcntl(descriptor, F_SETFL, flags | O_ASYNC) != 0)
        return APR_FROM_OS_ERROR(errno);
    return APR_SUCCESS;
}
