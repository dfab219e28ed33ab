/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that a test shares with its children.
 */

#include "shared.h"

#include "claims.h"

#include <apr_file_io.h>
#include <apr_mmap.h>
#include <apr_strings.h>

#define FLAGS (APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_BINARY)

typedef struct temporary_t {
    const char *path;
    apr_pool_t *mem;
} temporary_t;

static apr_status_t remove_file(void *data)
{
    temporary_t *temporary = data;

    return apr_file_remove(temporary->path, temporary->mem);
}

static apr_status_t map(void **memory, apr_file_t *file, size_t size, apr_pool_t *mem)
{
    apr_mmap_t *map;

    MPROC_TRY(apr_mmap_create(&map, file, 0, size, APR_MMAP_READ | APR_MMAP_WRITE, mem));
    *memory = map->mm;
    return APR_SUCCESS;
}

/* Registered first, the removal comes last: a file that is open or mapped stays on some systems. */
void *share_memory(const char **path, size_t size, apr_pool_t *mem)
{
    temporary_t *temporary = apr_palloc(mem, sizeof *temporary);
    const char *folder;
    void *memory = NULL;
    apr_file_t *file;
    char *name;

    assert_success(apr_temp_dir_get(&folder, mem));
    name = apr_psprintf(mem, "%s/mproc-XXXXXX", folder);
    temporary->path = name;
    temporary->mem = mem;
    apr_pool_cleanup_register(mem, temporary, remove_file, apr_pool_cleanup_null);
    assert_success(apr_file_mktemp(&file, name, FLAGS | APR_FOPEN_CREATE | APR_FOPEN_EXCL, mem));
    assert_success(apr_file_trunc(file, (apr_off_t)size));
    assert_success(map(&memory, file, size, mem));
    *path = name;
    return memory;
}

void *shared_memory(const char *path, size_t size, apr_pool_t *mem)
{
    apr_file_t *file;
    void *memory;

    if (apr_file_open(&file, path, FLAGS, APR_FPROT_OS_DEFAULT, mem) != APR_SUCCESS ||
        map(&memory, file, size, mem) != APR_SUCCESS)
        return NULL;
    return memory;
}
