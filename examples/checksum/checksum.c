/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The SHA-256 of every file below a folder, in the lines of sha256sum.  The
 * results are printed in order, each as soon as it is there.
 */

#include <mproc.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

#include "print_line.h"
#include "sha256.h"
#include "walk.h"

/* Text travels to workers in a record of a fixed size; a path that fills it may have been cut. */
typedef struct job_t {
    char path[APR_PATH_MAX + 1];
} job_t;

/* -- In a worker --------------------------------------------------------------- */

static apr_status_t add_file(sha256_t *sha256, const char *path, apr_pool_t *mem)
{
    static char piece[1 << 16];
    apr_file_t *file;
    apr_size_t size = sizeof piece;
    apr_status_t rv = apr_file_open(&file, path, APR_READ | APR_BINARY, APR_OS_DEFAULT, mem);

    for (; rv == APR_SUCCESS; size = sizeof piece) {
        rv = apr_file_read(file, piece, &size);
        if (rv == APR_SUCCESS)
            rv = sha256_add(sha256, piece, size);
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

static apr_status_t checksum_file(const void *item, void *result, mproc_task_t *task)
{
    const job_t *job = item;
    sha256_t *sha256;

    if (strlen(job->path) == APR_PATH_MAX)
        return APR_ENAMETOOLONG;
    MPROC_TRY(sha256_begin(&sha256, mproc_task_mem(task)));
    MPROC_TRY(add_file(sha256, job->path, mproc_task_mem(task)));
    return sha256_end(sha256, result);
}

static const mproc_target_t targets[] = {MPROC_TARGET(checksum_file), MPROC_TARGETS_END};

/* -- In the program ------------------------------------------------------------ */

/* What the pool calls for its next item: takes it from the list of paths. */
static apr_status_t next_job(void *item, void *data)
{
    const char *const **path = data;

    if (**path == NULL)
        return APR_EOF;
    apr_cpystrn(((job_t *)item)->path, *(*path)++, sizeof(job_t));
    return APR_SUCCESS;
}

/* Returns how many files could not be read. */
static int print_checksums(const char *const *paths, apr_pool_t *mem)
{
    mproc_pool_t *workers;
    mproc_imap_t *it;
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    const char *const *next = paths;
    unsigned char checksum[SHA256_SIZE];
    size_t index;
    apr_status_t rv;
    int failures = 0;

    options.source = next_job;
    options.source_data = &next;
    MPROC_CHECK(mproc_pool_create(&workers, 0, NULL, mem));
    MPROC_CHECK(mproc_pool_imap(&it, workers, checksum_file, NULL, sizeof(job_t), sizeof checksum,
                                0, &options, mem));
    while ((rv = mproc_imap_next(it, &index, checksum, MPROC_FOREVER)) != APR_EOF) {
        if (rv == APR_SUCCESS) {
            print_line(checksum, paths[index]);
        } else {
            fprintf(stderr, "checksum: %s: %s\n", paths[index], mproc_error_message());
            failures++;
        }
    }
    return failures;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    const char *const *paths;
    int failures = 0;

    mproc_init(&mem, &argc, &argv, targets);
    if (argc != 2) {
        fprintf(stderr, "usage: checksum FOLDER\n");
        return 2;
    }
    paths = walk(argv[1], &failures, mem);
    failures += print_checksums(paths, mem);
    apr_pool_destroy(mem);
    return failures > 0;
}
