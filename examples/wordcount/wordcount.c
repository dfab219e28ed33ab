/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counts the words of the files named on the command line, as wc -w does in the
 * C locale: one child a file, at most as many at once as there are CPUs, and
 * each sends its count back through a pipe.
 */

#include <mproc.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

typedef struct job_t {
    const char *path;
    mproc_process_t *process;
    mproc_connection_t *counts;
} job_t;

/* -- In a child ---------------------------------------------------------------- */

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
    mproc_connection_t *counts;
    apr_int64_t words;
    char why[120];
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &path, &counts));
    rv = count_words(path, &words, mproc_task_mem(task));
    if (rv != APR_SUCCESS)
        return mproc_error_set(rv, "%s: %s", path, mproc_strerror(rv, why, sizeof why));
    return mproc_connection_send(counts, MPROC_PACK(words), MPROC_FOREVER);
}

static const mproc_target_t targets[] = {MPROC_TARGET(count_file), MPROC_TARGETS_END};

/* -- In the program ------------------------------------------------------------ */

static void start(job_t *job, apr_pool_t *mem)
{
    mproc_connection_t *there;

    MPROC_CHECK(mproc_pipe(&job->counts, &there, MPROC_ONE_WAY, mem));
    MPROC_CHECK(
        mproc_process_start(&job->process, count_file, MPROC_PACK(job->path, there), NULL, mem));
    MPROC_CHECK(mproc_connection_close(there));
}

/* A child that fails sends nothing: its end of the pipe closes, and its status says why. */
static int finish(job_t *job, mproc_values_t *message, apr_int64_t *total)
{
    apr_int64_t words;
    apr_status_t rv = mproc_connection_recv(job->counts, message, MPROC_FOREVER);

    MPROC_CHECK(mproc_process_join(job->process, MPROC_FOREVER));
    if (rv != APR_SUCCESS || mproc_process_status(job->process) != APR_SUCCESS) {
        fprintf(stderr, "wordcount: %s\n", mproc_process_error(job->process));
        return 1;
    }
    MPROC_CHECK(MPROC_UNPACK(message, &words));
    printf("%8lld %s\n", (long long)words, job->path);
    *total += words;
    return 0;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    mproc_values_t *message;
    apr_int64_t total = 0;
    int files, started = 0, done, failed = 0;
    job_t *jobs;

    mproc_init(&mem, &argc, &argv, targets);
    files = argc - 1;
    if (files == 0) {
        fprintf(stderr, "usage: wordcount FILE...\n");
        return 2;
    }
    message = mproc_values_create(mem);
    jobs = apr_pcalloc(mem, (apr_size_t)files * sizeof *jobs);
    for (done = 0; done < files; done++) {
        for (; started < files && started < done + mproc_cpu_count(); started++) {
            jobs[started].path = argv[started + 1];
            start(&jobs[started], mem);
        }
        failed += finish(&jobs[done], message, &total);
        mproc_connection_close(jobs[done].counts);
    }
    printf("%8lld total\n", (long long)total);
    apr_pool_destroy(mem);
    return failed > 0;
}
