/* SPDX-License-Identifier: Apache-2.0 */

/*
 * PPM: a line of text, and the pixels as they are.
 */

#include "picture.h"

#include <apr_strings.h>

#include <string.h>

const char picture_format[] = "ppm";

apr_status_t picture_encode(void **data, size_t *size, const unsigned char *pixels, int width,
                            int height, apr_pool_t *mem)
{
    const char *head = apr_psprintf(mem, "P6 %d %d 255\n", width, height);
    size_t head_size = strlen(head), pixels_size = (size_t)width * (size_t)height * 3;

    *data = apr_palloc(mem, head_size + pixels_size);
    memcpy(*data, head, head_size);
    memcpy((char *)*data + head_size, pixels, pixels_size);
    *size = head_size + pixels_size;
    return APR_SUCCESS;
}
