/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: the CPUs that are switched on.
 */

#include "internal.h"

#include <unistd.h>

int posix_usable_cpus(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    return online > 0 ? (int)online : 1;
}
