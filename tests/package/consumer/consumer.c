/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A program that uses mproc from outside.
 */

#include <mproc.h>

#include <stdio.h>

static apr_status_t speak(mproc_task_t *task)
{
    const char *words;

    MPROC_TRY(MPROC_UNPACK(task, &words));
    printf("%s\n", words);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(speak), MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *process;

    mproc_init(&mem, &argc, &argv, targets);
    MPROC_CHECK(
        mproc_process_start(&process, speak, MPROC_PACK("a child of a consumer"), NULL, mem));
    MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(process));
    return 0;
}
