/* SPDX-License-Identifier: Apache-2.0 */

/*
 * glibc 2.32: the library notes when a second thread is made, as its own locks cost less until then
 * (__libc_single_threaded in the manual of glibc).  To look there costs nothing, where a look into
 * /proc makes the system put a folder together.
 */

#include "internal.h"

#include <sys/single_threaded.h>

int posix_is_single_threaded(void)
{
    return __libc_single_threaded != 0;
}
