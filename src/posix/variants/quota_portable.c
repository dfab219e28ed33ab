/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: none has a limit of what a group may have that could be asked for.
 */

#include "internal.h"

int posix_quota_cpus(void)
{
    return 0;
}

long long posix_quota_memory(void)
{
    return 0;
}
