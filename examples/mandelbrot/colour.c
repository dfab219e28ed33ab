/* SPDX-License-Identifier: Apache-2.0 */

#include "colour.h"

#include <math.h>

#define ITERATIONS 500
#define FAR 1e4   /* the square of a distance from which nothing comes back */
#define SAMPLES 2 /* across a pixel, and down: their mean has soft edges */
#define CENTRE_X -0.65
#define HEIGHT 2.4 /* of what the picture shows */

/*
 * How many steps z = z * z + c takes to get far away: a fraction too, by how far it has got, so
 * that colours pass into each other.  -1 if it stays.
 */
static double steps_of(double cx, double cy)
{
    double x = 0, y = 0, xx = 0, yy = 0;
    int i;

    for (i = 0; i < ITERATIONS && xx + yy < FAR; i++) {
        y = 2 * x * y + cy;
        x = xx - yy + cx;
        xx = x * x;
        yy = y * y;
    }
    return xx + yy < FAR ? -1 : i + 1 - log2(log2(xx + yy) / 2);
}

/* Waves of the three colours, each begun somewhere else: night blue, sky, ivory, amber, and back. */
static void add_colour(double sum[3], double steps)
{
    static const double begin[3] = {0.16, 0.23, 0.32};
    double phase;
    int i;

    if (steps < 0)
        return; /* black */
    phase = 0.28 * log(steps + 1);
    for (i = 0; i < 3; i++)
        sum[i] += 0.5 + 0.5 * cos(6.283185307 * (phase + begin[i]));
}

void colour_pixel(unsigned char rgb[3], int x, int y, int width, int height)
{
    double step = HEIGHT / height / SAMPLES, sum[3] = {0, 0, 0};
    int i, j;

    for (i = 0; i < SAMPLES; i++) {
        for (j = 0; j < SAMPLES; j++)
            add_colour(sum,
                       steps_of(CENTRE_X + step * (x * SAMPLES + i + 0.5 - width * SAMPLES / 2.0),
                                step * (y * SAMPLES + j + 0.5 - height * SAMPLES / 2.0)));
    }
    for (i = 0; i < 3; i++)
        rgb[i] = (unsigned char)(255 * sum[i] / (SAMPLES * SAMPLES) + 0.5);
}
