/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: the library does not say whether there ever was another thread.
 */

#include "internal.h"

int posix_is_single_threaded(void)
{
    return 0;
}
