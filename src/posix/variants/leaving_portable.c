/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any POSIX system: a handler of exit() is not told the code.
 */

#include "internal.h"

#include <stdlib.h>

static void (*chosen)(int);

/* Again for what calls exit() meanwhile: what comes after this handler is never to be reached. */
static void leave(void)
{
    posix_leave_by(chosen);
    chosen(PORT_CODE_UNKNOWN);
}

apr_status_t posix_leave_by(void (*leave_with)(int code))
{
    chosen = leave_with;
    return atexit(leave) == 0 ? APR_SUCCESS : APR_ENOMEM;
}
