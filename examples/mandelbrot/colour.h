/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLOUR_H
#define COLOUR_H

/* Red, green and blue of a pixel of a picture of this size that shows the Mandelbrot set. */
void colour_pixel(unsigned char rgb[3], int x, int y, int width, int height);

#endif
