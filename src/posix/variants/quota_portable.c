/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: none has a limit of the CPU time of a group that could be asked for.
 */

#include "internal.h"

int posix_quota_cpus(void)
{
    return 0;
}
