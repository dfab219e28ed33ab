/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pool: four workers square ten numbers.  Each takes a tenth of a second, and
 * all of them together less than half of one.
 */

#include <mproc.h>

#include <apr_time.h>

#include <stdio.h>

#define COUNT 10

static apr_status_t square(const void *item, void *result, mproc_task_t *task)
{
    int number = *(const int *)item;

    (void)task;
    apr_sleep(apr_time_from_msec(100)); /* stands for something that takes time */
    *(int *)result = number * number;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(square), MPROC_TARGETS_END};

static void print_list(const char *title, const int *numbers)
{
    int i;

    printf("%s: [%d", title, numbers[0]);
    for (i = 1; i < COUNT; i++)
        printf(", %d", numbers[i]);
    printf("]\n");
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_pool_t *workers;
    int numbers[COUNT], squared[COUNT], i;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a worker goes no further */

    printf("Main process: Using a Pool to square numbers.\n");
    for (i = 0; i < COUNT; i++)
        numbers[i] = i;
    MPROC_CHECK(mproc_pool_create(&workers, 4, NULL, mem));
    MPROC_CHECK(mproc_pool_map(workers, square, numbers, sizeof *numbers, squared, sizeof *squared,
                               COUNT, MPROC_FOREVER));
    MPROC_CHECK(mproc_pool_join(workers, MPROC_FOREVER));
    print_list("Original numbers", numbers);
    print_list("Squared results", squared);
    printf("Main process: Pool operations complete.\n");
    apr_pool_destroy(mem);
    return 0;
}
