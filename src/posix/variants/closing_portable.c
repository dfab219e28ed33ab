/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: nothing that a forked child may call tells what is open.
 */

#include "internal.h"

int posix_close_from(int lowest)
{
    (void)lowest;
    return -1;
}
