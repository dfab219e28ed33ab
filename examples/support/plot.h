/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLOT_H
#define PLOT_H

/*
 * Bars, printed in the terminal and drawn in a picture (SVG) at the same time.
 */

#include <stdio.h>

#define PLOT_COLUMNS 48 /* of a bar in the terminal */

typedef struct plot_t {
    FILE *picture;
    const char *labels; /* what they name */
    int bars;           /* below each axis */
    double unit;        /* what a column stands for */
    int y;              /* where the next thing is drawn in the picture */
} plot_t;

/*
 * Begin a picture in a file of this name: its title, what the labels of the bars name, how many
 * axes it has, and how many bars each. One that cannot be written ends the program, here or in
 * plot_end().
 */
void plot_begin(plot_t *plot, const char *path, const char *title, const char *labels, int axes,
                int bars);

/* An axis of 48 units, and what the two parts of a bar are: NULL if it has but one. */
void plot_axis(plot_t *plot, const char *title, const char *part, const char *rest, double unit);

/*
 * A bar of this length, of which the first part is marked, and a note as printf() writes it. One
 * that is longer than the axis is cut, and shows '>' there.
 */
void plot_bar(plot_t *plot, const char *label, double part, double all, const char *format, ...);

void plot_end(plot_t *plot);

#endif
