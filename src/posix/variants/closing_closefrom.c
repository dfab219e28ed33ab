/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The BSDs, and glibc from 2.34 on: one call, which a forked child may make,
 * closes all that is open (closefrom(3)).
 */

#include "internal.h"

#include <unistd.h>

int posix_close_from(int lowest)
{
    closefrom(lowest);
    return 0;
}
