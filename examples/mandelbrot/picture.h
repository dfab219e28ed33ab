/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PICTURE_H
#define PICTURE_H

/*
 * Pictures in a file.  The format is what could be had: CMake chooses picture_png.c or picture_ppm.c.
 */

#include <apr_pools.h>

#include <stddef.h>

/* Pixels are three bytes each, row after row: red, green, blue. */
apr_status_t picture_save(const char *path, const unsigned char *pixels, int width, int height,
                          apr_pool_t *mem);

/* What a file of the format is called behind the dot. */
extern const char picture_format[];

/* Sets `data` to the bytes of such a file, in memory of `mem`. */
apr_status_t picture_encode(void **data, size_t *size, const unsigned char *pixels, int width,
                            int height, apr_pool_t *mem);

#endif
