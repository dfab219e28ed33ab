/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two processes: the first program of every lesson on multiprocessing.  Both
 * children compute at the same time, each on a CPU of its own if there are two.
 */

#include <mproc.h>

#include <stdio.h>

static apr_status_t cpu_bound_task(mproc_task_t *task)
{
    const char *name;
    apr_int64_t iterations, i, result = 0;

    MPROC_TRY(MPROC_UNPACK(task, &name, &iterations));
    printf("Process %s: Starting CPU-bound task...\n", name);
    for (i = 0; i < iterations; i++)
        result = (result + i % 1000 * (i % 1000)) % 1000;
    printf("Process %s: Finished. Result (partial): %d\n", name, (int)result);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(cpu_bound_task), MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_process_t *one, *two;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a child goes no further */

    printf("Main process: Starting child processes.\n");
    MPROC_CHECK(mproc_process_start(&one, cpu_bound_task, MPROC_PACK("One", 10000000), NULL, mem));
    MPROC_CHECK(mproc_process_start(&two, cpu_bound_task, MPROC_PACK("Two", 10000000), NULL, mem));
    MPROC_CHECK(mproc_process_join(one, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_join(two, MPROC_FOREVER));
    printf("Main process: All child processes finished.\n");
    return 0;
}
