/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The GNU C library, and others: on_exit(3) gives a handler the code that exit()
 * was called with.
 */

#include "internal.h"

#include <stdlib.h>

static void leave_with(int code, void *data)
{
    void (*const *leave)(int) = data;

    (*leave)(code);
}

apr_status_t posix_leave_by(void (*leave)(int code))
{
    static void (*chosen)(int);

    chosen = leave;
    return on_exit(leave_with, &chosen) == 0 ? APR_SUCCESS : APR_ENOMEM;
}
