/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Solaris, the GNU C library and musl: __fpurge(3) empties a stream's buffer.
 * What is in it was put there by another thread since the parent flushed.
 */

#include "internal.h"

#include <stdio.h>
#include <stdio_ext.h>

void posix_forget_streams(void)
{
    __fpurge(stdin);
    __fpurge(stdout);
    __fpurge(stderr);
}
