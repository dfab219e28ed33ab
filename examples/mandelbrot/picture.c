/* SPDX-License-Identifier: Apache-2.0 */

#include "picture.h"

#include <mproc/status.h>

#include <apr_file_io.h>

static apr_status_t write_file(const char *path, const void *data, size_t size, apr_pool_t *mem)
{
    apr_file_t *file;

    MPROC_TRY(apr_file_open(&file, path, APR_WRITE | APR_CREATE | APR_TRUNCATE | APR_BINARY,
                            APR_OS_DEFAULT, mem));
    MPROC_TRY(apr_file_write_full(file, data, size, NULL));
    return apr_file_close(file);
}

apr_status_t picture_save(const char *path, const unsigned char *pixels, int width, int height,
                          apr_pool_t *mem)
{
    char why[120];
    void *data;
    size_t size;
    apr_status_t rv;

    MPROC_TRY(picture_encode(&data, &size, pixels, width, height, mem));
    rv = write_file(path, data, size, mem);
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "%s: %s", path, mproc_strerror(rv, why, sizeof why));
    return APR_SUCCESS;
}
