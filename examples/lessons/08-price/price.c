/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 8: what does a child cost?
 *
 * Its time and memory, by the size of the parent.  Drawn here, and in a picture.
 */

#include <mproc.h>

#include <stdlib.h>

#include "look.h"
#include "plot.h"

#define RUNS 9  /* odd, so that one of them is in the middle */
#define SIZES 4 /* of parents */

static const char *const sizes[SIZES] = {"0 MiB", "64 MiB", "256 MiB", "512 MiB"};
static double times[SIZES], resident[SIZES], own[SIZES]; /* of a child: ms, MiB, MiB */
static volatile char *block = NULL;                      /* the parent's memory */
static size_t block_size = 0;

/* The system gives a page of memory (4096 bytes or more) only when something is written there. */
static void write_to_every_page(void)
{
    size_t i;

    for (i = 0; i < block_size; i += 4096)
        block[i] = 1;
}

static apr_status_t do_nothing(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static apr_status_t measure(mproc_task_t *task)
{
    double all = (double)look_resident() / (1 << 20), alone = (double)look_private() / (1 << 20);
    mproc_connection_t *there;

    MPROC_TRY(MPROC_UNPACK(task, &there));
    return mproc_connection_send(there, MPROC_PACK(all, alone), MPROC_FOREVER);
}

static const mproc_target_t targets[] = {MPROC_TARGET(do_nothing), MPROC_TARGET(measure),
                                         MPROC_TARGETS_END};

static void run(mproc_target_fn *target, const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_process_t *child;

    MPROC_CHECK(mproc_process_start(&child, target, args, NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(child));
}

/* The median, the middle one of several runs: if one is disturbed, it may take any time. */
static double median_time(apr_pool_t *mem)
{
    double sorted[RUNS], time;
    apr_time_t begin;
    int i, j;

    for (i = 0; i < RUNS; i++) {
        begin = apr_time_now();
        run(do_nothing, MPROC_NO_ARGS, mem);
        time = (double)(apr_time_now() - begin) / 1000;
        for (j = i; j > 0 && sorted[j - 1] > time; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = time;
    }
    return sorted[RUNS / 2];
}

static void draw(void)
{
    plot_t plot;
    int i;

    plot_begin(&plot, "price_" START_METHOD ".svg", "Started by " START_METHOD, "parent", 2, SIZES);
    plot_axis(&plot, "time to start and join a child, in ms", NULL, NULL, 0.75);
    for (i = 0; i < SIZES; i++)
        plot_bar(&plot, sizes[i], times[i], times[i], "%.1f ms", times[i]);
    plot_axis(&plot, "memory of the child, in MiB", "its own", "shared", 12.5);
    for (i = 0; i < SIZES; i++)
        plot_bar(&plot, sizes[i], own[i], resident[i], "%.0f MiB, %.1f own", resident[i], own[i]);
    plot_end(&plot);
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_values_t *message;
    mproc_connection_t *here, *there;
    int i;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));
    message = mproc_values_create(mem);
    MPROC_CHECK(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    for (i = 0; i < SIZES; i++) {
        block_size = (size_t)atoi(sizes[i]) << 20;
        block = malloc(block_size + 1);
        MPROC_CHECK(block != NULL ? APR_SUCCESS : APR_ENOMEM);
        look_refuse_huge_pages((void *)block, block_size);
        write_to_every_page();
        times[i] = median_time(mem);
        run(measure, MPROC_PACK(there), mem);
        MPROC_CHECK(mproc_connection_recv(here, message, MPROC_FOREVER));
        MPROC_CHECK(MPROC_UNPACK(message, &resident[i], &own[i]));
        free((void *)block);
    }
    draw();
    apr_pool_destroy(mem);
    return 0;
}
