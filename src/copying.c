/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The beginning and the end of a copy of a process.  It lets go of the list of children,
 * connections, exit hooks, and what the other process was to its own parent.  No memory of the
 * other's is freed here.
 */

#include "copying.h"

#include "belongings.h"
#include "child.h"
#include "ending.h"
#include "exit_hooks.h"
#include "program.h"

#include <mproc/status.h>

#include <stdatomic.h>
#include <stdlib.h>

static atomic_flag is_leaving = ATOMIC_FLAG_INIT;
static _Thread_local int is_leaving_here;

/* A hook that calls exit() ends what is left; another thread that does so waits for the end. */
static void wait_for_another_thread(void)
{
    while (!is_leaving_here && atomic_flag_test_and_set(&is_leaving))
        apr_sleep(apr_time_from_sec(1));
    is_leaving_here = 1;
}

void mproc__copy_leave(int code)
{
    if (mproc__program_is_foreign())
        _Exit(code == PORT_CODE_UNKNOWN ? 1 : code);
    wait_for_another_thread();
    if (code == PORT_CODE_UNKNOWN) {
        mproc__child_lost_code();
        code = mproc__child_exitcode();
    }
    mproc__leave();
    port_fork_flush_last();
    _Exit(code);
}

void mproc__copy_begin(apr_pool_t *mem)
{
    atomic_flag_clear(&is_leaving);
    is_leaving_here = 0;
    mproc__belongings_give_up();
    mproc__exit_hooks_forget();
    mproc__program_forked(mem);
}

apr_status_t mproc__copy_check_birth(apr_status_t rv)
{
    char text[120];

    return rv == APR_SUCCESS || APR_STATUS_IS_EOF(rv)
               ? rv
               : mproc_error_set(rv, "the forked process could not be set up: %s",
                                 mproc_strerror(rv, text, sizeof text));
}
