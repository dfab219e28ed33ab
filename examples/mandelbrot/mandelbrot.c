/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Draws the Mandelbrot set: a pool draws the bands of the picture, straight into
 * memory that all the workers share, and a bar shows how far it has come.
 */

#include <mproc.h>

#include <apr_getopt.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>

#include "colour.h"
#include "picture.h"

#define BAND_ROWS 8
#define SIDE_MAX 20000

typedef struct band_t {
    int first_row, width, height; /* of the whole picture, these two */
} band_t;

typedef struct settings_t {
    int workers, width, height;
    const char *path;
} settings_t;

/* -- In a worker --------------------------------------------------------------- */

/* The last band may reach below the picture; what it draws there is not looked at. */
static apr_status_t draw_band(const void *item, void *result, mproc_task_t *task)
{
    const band_t *band = item;
    unsigned char *pixel = result;
    int x, y;

    (void)task;
    for (y = band->first_row; y < band->first_row + BAND_ROWS; y++) {
        for (x = 0; x < band->width; x++, pixel += 3)
            colour_pixel(pixel, x, y, band->width, band->height);
    }
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(draw_band), MPROC_TARGETS_END};

/* -- In the program ------------------------------------------------------------ */

static unsigned char *draw(const settings_t *settings, apr_pool_t *mem)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;
    mproc_async_options_t one_by_one = MPROC_ASYNC_OPTIONS;
    mproc_pool_t *workers;
    mproc_result_t *drawn;
    size_t nbands = (size_t)(settings->height + BAND_ROWS - 1) / BAND_ROWS, i;
    size_t band_size = (size_t)settings->width * 3 * BAND_ROWS;
    band_t *bands = apr_palloc(mem, nbands * sizeof *bands);
    void *pixels;

    for (i = 0; i < nbands; i++) {
        bands[i].first_row = (int)i * BAND_ROWS;
        bands[i].width = settings->width;
        bands[i].height = settings->height;
    }
    options.progress = mproc_progress_bar;
    MPROC_CHECK(mproc_pool_create(&workers, settings->workers, &options, mem));
    MPROC_CHECK(mproc_pool_alloc(&pixels, workers, nbands * band_size));
    one_by_one.chunksize = 1; /* a band takes long, and some take much longer than others */
    MPROC_CHECK(mproc_pool_map_async(&drawn, workers, draw_band, bands, sizeof *bands, pixels,
                                     band_size, nbands, &one_by_one, mem));
    MPROC_CHECK(mproc_result_get(drawn, MPROC_FOREVER));
    MPROC_CHECK(mproc_pool_join(workers, MPROC_FOREVER));
    return pixels;
}

/* The arguments, over what stands in the settings already; whether they are any good. */
static int parse(settings_t *settings, int argc, const char *const *argv, apr_pool_t *mem)
{
    apr_getopt_t *options;
    const char *value;
    char option, rest;
    apr_status_t rv;

    MPROC_CHECK(apr_getopt_init(&options, mem, argc, argv));
    while ((rv = apr_getopt(options, "w:s:o:", &option, &value)) == APR_SUCCESS) {
        if (option == 'o')
            settings->path = value;
        else if (option == 'w' && sscanf(value, "%d%c", &settings->workers, &rest) != 1)
            return 0;
        else if (option == 's' &&
                 sscanf(value, "%dx%d%c", &settings->width, &settings->height, &rest) != 2)
            return 0;
    }
    return rv == APR_EOF && options->ind == argc && settings->workers >= 0 && settings->width > 0 &&
           settings->width <= SIDE_MAX && settings->height > 0 && settings->height <= SIDE_MAX;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    settings_t settings = {0, 1600, 1200, NULL};

    mproc_init(&mem, &argc, &argv, targets);
    settings.path = apr_pstrcat(mem, "mandelbrot.", picture_format, NULL);
    if (!parse(&settings, argc, argv, mem)) {
        fprintf(stderr, "usage: mandelbrot [-w WORKERS] [-s WIDTHxHEIGHT] [-o FILE]\n");
        return 2;
    }
    MPROC_CHECK(
        picture_save(settings.path, draw(&settings, mem), settings.width, settings.height, mem));
    printf("%s: %d x %d\n", settings.path, settings.width, settings.height);
    apr_pool_destroy(mem);
    return 0;
}
