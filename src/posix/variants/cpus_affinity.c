/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: the CPUs on which this process may run (sched_getaffinity(2)).
 */

#include "internal.h"

#include <sched.h>
#include <unistd.h>

int posix_usable_cpus(void)
{
    cpu_set_t usable;
    long online;

    if (sched_getaffinity(0, sizeof usable, &usable) == 0)
        return CPU_COUNT(&usable);
    /* A machine with more CPUs than the set has room for. */
    online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
