/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counts the words of the files named on the command line, as wc -w does in the
 * C locale: a pool counts them, and each call returns the count of a file.
 */

#include <mproc.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <stdio.h>

/* -- In a worker --------------------------------------------------------------- */

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int is_printable(char c)
{
    return c > ' ' && c <= '~';
}

/* A word is a run of characters without white space, one of which can be printed. */
static apr_int64_t words_in(const char *text, apr_size_t size, int *in_word)
{
    apr_int64_t words = 0;
    apr_size_t i;

    for (i = 0; i < size; i++) {
        if (is_space(text[i])) {
            *in_word = 0;
        } else if (is_printable(text[i]) && !*in_word) {
            *in_word = 1;
            words++;
        }
    }
    return words;
}

static apr_status_t count_words(const char *path, apr_int64_t *words, apr_pool_t *mem)
{
    static char piece[1 << 16];
    apr_file_t *file;
    apr_size_t size = sizeof piece;
    int in_word = 0;
    apr_status_t rv = apr_file_open(&file, path, APR_READ | APR_BINARY, APR_OS_DEFAULT, mem);

    for (*words = 0; rv == APR_SUCCESS; size = sizeof piece) {
        rv = apr_file_read(file, piece, &size);
        if (rv == APR_SUCCESS)
            *words += words_in(piece, size, &in_word);
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

static apr_status_t count_file(mproc_task_t *task)
{
    const char *path;
    apr_int64_t words;
    char why[120];
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    rv = count_words(path, &words, mproc_task_mem(task));
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "%s: %s", path, mproc_strerror(rv, why, sizeof why));
    return mproc_task_return(task, MPROC_PACK(words));
}

static const mproc_target_t targets[] = {MPROC_TARGET(count_file), MPROC_TARGETS_END};

/* -- In the program ------------------------------------------------------------ */

/* Waits for the count of a file, prints it, and returns whether it has failed. */
static int finish(mproc_result_t *count, const char *path, apr_int64_t *total)
{
    apr_int64_t words;

    if (mproc_result_get(count, MPROC_FOREVER) != APR_SUCCESS) {
        fprintf(stderr, "wordcount: %s\n", mproc_result_error(count));
        return 1;
    }
    MPROC_CHECK(MPROC_UNPACK(count, &words));
    printf("%8lld %s\n", (long long)words, path);
    *total += words;
    return 0;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_pool_t *workers;
    mproc_result_t **counts;
    apr_int64_t total = 0;
    int i, failed = 0;

    mproc_init(&mem, &argc, &argv, targets);
    if (argc < 2) {
        fprintf(stderr, "usage: wordcount FILE...\n");
        return 2;
    }
    counts = apr_palloc(mem, (apr_size_t)argc * sizeof *counts);
    MPROC_CHECK(mproc_pool_create(&workers, 0, NULL, mem));
    for (i = 1; i < argc; i++)
        MPROC_CHECK(mproc_pool_apply_async(&counts[i], workers, count_file, MPROC_PACK(argv[i]),
                                           NULL, mem));
    for (i = 1; i < argc; i++)
        failed |= finish(counts[i], argv[i], &total);
    printf("%8lld total\n", (long long)total);
    apr_pool_destroy(mem);
    return failed;
}
