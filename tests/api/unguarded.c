/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A program that forgot the guard; prints what mproc says to everything it tries.
 */

#include <mproc.h>

#include <apr_general.h>

#include <stdio.h>

static apr_status_t work(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static void print(const char *call, apr_status_t rv)
{
    printf("%s: %s\n%s\n", call, rv == MPROC_EBOOTSTRAP ? "MPROC_EBOOTSTRAP" : "another status",
           mproc_error_message());
}

int main(void)
{
    mproc_process_t *process, **children;
    mproc_connection_t *here, *there;
    apr_pool_t *mem;
    size_t count;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    print("mproc_process_start", mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, mem));
    print("mproc_pipe", mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    print("mproc_active_children", mproc_active_children(&children, &count, mem));
    print("mproc_set_executable", mproc_set_executable("x"));
    apr_pool_destroy(mem);
    apr_terminate();
    return 0;
}
