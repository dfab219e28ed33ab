/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A pool that is played: what shown.py reads of it is mproc_progress_bar()'s alone.
 *
 *     progress_program LABEL {DONE TOTAL MILLISECONDS}...
 *     progress_program two
 */

#include <mproc.h>

#include <apr_general.h>
#include <apr_thread_proc.h>

#include <stdlib.h>
#include <string.h>

static void play(char *label, const char *done, const char *total, const char *milliseconds)
{
    mproc_progress_t progress;

    progress.done = strtoul(done, NULL, 10);
    progress.total = strtoul(total, NULL, 10);
    progress.elapsed = strtol(milliseconds, NULL, 10) * 1000;
    mproc_progress_bar(&progress, label);
}

static void *APR_THREAD_FUNC play_another(apr_thread_t *thread, void *unused)
{
    (void)unused;
    play("another", "1", "8", "200");
    play("another", "8", "8", "400");
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* While one pool has the line, another begins and ends. */
static int play_two(apr_pool_t *mem)
{
    apr_thread_t *thread;
    apr_status_t rv;

    play("one", "0", "4", "100");
    if (apr_thread_create(&thread, NULL, play_another, NULL, mem) != APR_SUCCESS)
        return 1;
    apr_thread_join(&rv, thread);
    play("one", "0", "4", "200");
    play("one", "4", "4", "400");
    return 0;
}

int main(int argc, char **argv)
{
    int i, code = 0;
    apr_pool_t *mem;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    if (argc == 2 && strcmp(argv[1], "two") == 0)
        code = play_two(mem);
    for (i = 2; i + 2 < argc; i += 3)
        play(argv[1][0] != '\0' ? argv[1] : NULL, argv[i], argv[i + 1], argv[i + 2]);
    apr_pool_destroy(mem);
    apr_terminate();
    return code;
}
