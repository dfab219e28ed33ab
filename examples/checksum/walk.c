/* SPDX-License-Identifier: Apache-2.0 */

#include "walk.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void complain(const char *path, apr_status_t rv)
{
    char why[120];

    fprintf(stderr, "checksum: %s: %s\n", path, apr_strerror(rv, why, sizeof why));
}

/* Adds the paths of the entries of a folder: files here, and folders there, to be read later. */
static apr_status_t add_entries(const char *folder, apr_array_header_t *files,
                                apr_array_header_t *folders, apr_pool_t *mem)
{
    apr_dir_t *dir;
    apr_finfo_t entry;
    apr_status_t rv = apr_dir_open(&dir, folder, mem);
    const char *path;

    if (rv != APR_SUCCESS)
        return rv;
    while ((rv = apr_dir_read(&entry, APR_FINFO_NAME | APR_FINFO_TYPE, dir)) == APR_SUCCESS) {
        path = apr_pstrcat(mem, folder, "/", entry.name, NULL);
        if (entry.filetype == APR_REG)
            APR_ARRAY_PUSH(files, const char *) = path;
        else if (entry.filetype == APR_DIR && strcmp(entry.name, ".") != 0 &&
                 strcmp(entry.name, "..") != 0)
            APR_ARRAY_PUSH(folders, const char *) = path;
    }
    apr_dir_close(dir);
    return APR_STATUS_IS_ENOENT(rv) ? APR_SUCCESS : rv; /* there are no more */
}

static int compare(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

const char *const *walk(const char *folder, int *failures, apr_pool_t *mem)
{
    apr_array_header_t *files = apr_array_make(mem, 64, sizeof(const char *));
    apr_array_header_t *folders = apr_array_make(mem, 8, sizeof(const char *));
    const char *next;
    apr_status_t rv;

    APR_ARRAY_PUSH(folders, const char *) = folder;
    while (folders->nelts > 0) {
        next = *(const char **)apr_array_pop(folders);
        rv = add_entries(next, files, folders, mem);
        if (rv != APR_SUCCESS) {
            complain(next, rv);
            ++*failures;
        }
    }
    qsort(files->elts, (size_t)files->nelts, sizeof(const char *), compare);
    APR_ARRAY_PUSH(files, const char *) = NULL;
    return (const char *const *)files->elts;
}
