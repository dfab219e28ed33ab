/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: /proc/self/exe is the running file itself, also when its name is gone
 * or means another file by now (proc(5)).
 */

#include "internal.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define OWN_IMAGE "/proc/self/exe"

const char *posix_own_image(void)
{
    return access(OWN_IMAGE, X_OK) == 0 ? OWN_IMAGE : NULL;
}

/* Listings show the last part of the path that was run, which would be "exe". */
void posix_name_process(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');

    prctl(PR_SET_NAME, slash != NULL ? slash + 1 : argv0, 0, 0, 0);
}
