/* SPDX-License-Identifier: Apache-2.0 */

/*
 * PNG, by libpng.
 */

#include "picture.h"

#include <mproc/status.h>

#include <png.h>

const char picture_format[] = "png";

apr_status_t picture_encode(void **data, size_t *size, const unsigned char *pixels, int width,
                            int height, apr_pool_t *mem)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    png_alloc_size_t bytes;

    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    image.format = PNG_FORMAT_RGB;
    bytes = PNG_IMAGE_PNG_SIZE_MAX(image); /* or less */
    *data = apr_palloc(mem, bytes);
    if (!png_image_write_to_memory(&image, *data, &bytes, 0, pixels, 0, NULL))
        return mproc_error_set(APR_EGENERAL, "libpng: %s", image.message);
    *size = bytes;
    return APR_SUCCESS;
}
