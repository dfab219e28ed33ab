/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 9: what does a worker's death cost?
 *
 * Twelve numbers are squared by a pool of three workers, who take six at a time.
 * The number 3 is deadly: it kills the worker that is at it, as long as there is
 * something in a queue of accidents.
 */

#include <mproc.h>

#include "look.h"

#include <stdio.h>

#define COUNT 12
#define CHUNK 6
#define DEADLY 3

static mproc_queue_t *accidents = NULL; /* in each worker, its end of the queue */

/* The initializer: what each worker does first of all. */
static apr_status_t get_ready(mproc_task_t *task)
{
    return MPROC_UNPACK(task, &accidents);
}

static int has_an_accident(void)
{
    char accident;
    size_t size;

    return mproc_queue_get_bytes(accidents, &accident, 1, &size, 0) == APR_SUCCESS;
}

static apr_status_t square(const void *item, void *result, mproc_task_t *task)
{
    int number = *(const int *)item;

    (void)task;
    if (number == DEADLY && has_an_accident())
        look_die();
    *(int *)result = number * number;
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(get_ready), MPROC_TARGET(square),
                                         MPROC_TARGETS_END};

static void print_all(mproc_result_t *result, const int *squares)
{
    char text[120];
    size_t i;

    printf(" ");
    for (i = 0; i < COUNT; i++) {
        if (mproc_result_item_status(result, i) == APR_SUCCESS)
            printf(" %d", squares[i]);
        else
            printf(" lost");
    }
    if (!mproc_result_successful(result))
        printf(" (%s)", mproc_strerror(mproc_result_get(result, 0), text, sizeof text));
    printf("\n");
}

static void square_all(mproc_pool_t *workers, apr_pool_t *mem)
{
    mproc_async_options_t options = MPROC_ASYNC_OPTIONS;
    int numbers[COUNT], squares[COUNT], i;
    mproc_result_t *result;

    for (i = 0; i < COUNT; i++)
        numbers[i] = i;
    options.chunksize = CHUNK;
    MPROC_CHECK(mproc_pool_map_async(&result, workers, square, numbers, sizeof *numbers, squares,
                                     sizeof *squares, COUNT, &options, mem));
    MPROC_CHECK(mproc_result_wait(result, MPROC_FOREVER));
    print_all(result, squares);
}

/* A pool of its own for each try: so many accidents happen, and so often an item is tried again. */
static void try_with(int naccidents, apr_uint32_t retries, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_queue_t *queue;
    mproc_pool_t *workers;
    int i;

    printf("accidents: %d, retries: %u\n", naccidents, retries);
    MPROC_CHECK(mproc_queue_create(&queue, NULL, mem));
    for (i = 0; i < naccidents; i++)
        MPROC_CHECK(mproc_queue_put_bytes(queue, "!", 1, MPROC_FOREVER));
    options.initializer = get_ready;
    options.initargs = mproc_pack(mem, queue);
    options.retries = retries;
    MPROC_CHECK(mproc_pool_create(&workers, 3, &options, mem));
    square_all(workers, mem);
    MPROC_CHECK(mproc_pool_join(workers, MPROC_FOREVER));
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned worker goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    try_with(0, 0, mem);
    try_with(1, 0, mem);
    try_with(1, 1, mem);
    try_with(5, 1, mem);
    apr_pool_destroy(mem);
    return 0;
}
