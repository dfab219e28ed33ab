/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The GNU C library, and others: on_exit(3) gives a handler the code that exit()
 * was called with.
 */

#include "internal.h"

#include <stdlib.h>

static void (*chosen)(int);

/* Again for what calls exit() meanwhile: what comes after this handler is never to be reached. */
static void leave_with(int code, void *data)
{
    (void)data;
    posix_leave_by(chosen);
    chosen(code);
}

apr_status_t posix_leave_by(void (*leave)(int code))
{
    chosen = leave;
    return on_exit(leave_with, NULL) == 0 ? APR_SUCCESS : APR_ENOMEM;
}
