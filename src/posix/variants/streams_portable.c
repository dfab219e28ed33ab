/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: fflush() of a stream that reads forgets what it has read ahead;
 * its descriptor is the null device by now, so that no other process's place in a
 * file is moved.  The parent has flushed the others; what its other threads have
 * written since cannot be taken out.
 */

#include "internal.h"

#include <stdio.h>

void posix_forget_streams(void)
{
    fflush(stdin);
}
