/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The least that there is to start: one child, which returns at once.  Its system
 * calls are recorded in docs/createprocess-fork-exec.md.  MPROC_START_METHOD in
 * the environment chooses how it starts.
 */

#include <mproc.h>

static apr_status_t return_at_once(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(return_at_once), MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *child;

    mproc_init(&mem, &argc, &argv, targets);
    MPROC_CHECK(mproc_process_start(&child, return_at_once, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    return 0;
}
