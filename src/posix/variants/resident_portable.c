/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: getrusage() has the most that ever were resident, which does
 * not sink again.  POSIX does not ask for that member; BSDs, macOS and Linux fill
 * it in, and who does not leaves it 0.
 */

#include "internal.h"

#include <errno.h>
#include <sys/resource.h>

/* In KiB, but on macOS in bytes. */
#ifdef __APPLE__
#define UNIT ((size_t)1)
#else
#define UNIT ((size_t)1024)
#endif

apr_status_t posix_resident_size(size_t *bytes)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return APR_FROM_OS_ERROR(errno);
    if (usage.ru_maxrss <= 0)
        return APR_ENOTIMPL;
    *bytes = (size_t)usage.ru_maxrss * UNIT;
    return APR_SUCCESS;
}
