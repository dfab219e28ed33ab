/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: there is no path that always means the running file; the
 * program is found by argv[0], and listings show its name.
 */

#include "internal.h"

const char *posix_own_image(void)
{
    return NULL;
}

void posix_name_process(const char *argv0)
{
    (void)argv0;
}
