/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The start methods of this system in one table: what a child costs, and what it
 * sees of its parent.  With --allocate the parent has that much memory first.
 */

#include <mproc.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "look.h"

#define RUNS 15 /* odd, so that one of them is in the middle */
#define METHODS_MAX 4
#define PATH "start_methods.tmp"
#define WORDS "words in the parent's file"

static const char usage[] = "usage: start_methods [--allocate SIZE]\n"
                            "The parent first allocates SIZE and writes to all of it. SIZE is a "
                            "number of bytes, or with a\n"
                            "K, M or G after it of KiB, MiB or GiB: 4096, 64K, 512M, 1G.\n";

enum { METHOD, TIME, RESIDENT, PRIVATE, SHARED, GLOBAL, HANDLES, OPENED, THREADS, ROWS };

static const char *const labels[ROWS] = {
    [METHOD] = "what a child costs and sees",
    [TIME] = "time to start and join it",
    [RESIDENT] = "memory at hand (resident)",
    [PRIVATE] = "its own of that (private)",
    [SHARED] = "shared with other processes",
    [GLOBAL] = "the global variable",
    [HANDLES] = "open handles",
    [OPENED] = "the parent's file",
    [THREADS] = "threads",
};

static int global = 0; /* set below the guard */

/* -- In a child ---------------------------------------------------------------- */

static apr_status_t do_nothing(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

/* The number may stand for another file here: the words tell. */
static int has_file(apr_int64_t handle)
{
    char text[sizeof WORDS];

    return look_read((intptr_t)handle, text, sizeof text) > 0 && strcmp(text, WORDS) == 0;
}

static apr_status_t look_around(mproc_task_t *task)
{
    mproc_connection_t *there;
    apr_int64_t handle;

    MPROC_TRY(MPROC_UNPACK(task, &handle, &there));
    return mproc_connection_send(there,
                                 MPROC_PACK(look_resident(), look_private(), global, look_handles(),
                                            has_file(handle), look_threads()),
                                 MPROC_FOREVER);
}

static const mproc_target_t targets[] = {MPROC_TARGET(do_nothing), MPROC_TARGET(look_around),
                                         MPROC_TARGETS_END};

/* -- In the program: a column for each start method ---------------------------- */

static void run(mproc_target_fn *target, const mproc_pack_t *args, const char *method,
                apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *child;

    options.start_method = method;
    MPROC_CHECK(mproc_process_start(&child, target, args, &options, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(child));
}

/* The median, the middle one of several runs: if one is disturbed, it may take any time. */
static double median_time(const char *method, apr_pool_t *mem)
{
    double sorted[RUNS], time;
    apr_time_t begin;
    int i, j;

    for (i = 0; i < RUNS; i++) {
        begin = apr_time_now();
        run(do_nothing, MPROC_NO_ARGS, method, mem);
        time = (double)(apr_time_now() - begin) / 1000;
        for (j = i; j > 0 && sorted[j - 1] > time; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = time;
    }
    return sorted[RUNS / 2];
}

/* 0 is what the system does not tell; on Windows more can be private than is at hand. */
static const char *in_mib(apr_int64_t bytes, apr_pool_t *mem)
{
    return bytes > 0 ? apr_psprintf(mem, "%.1f MiB", (double)bytes / (1 << 20)) : "not known";
}

static const char *count(int things, apr_pool_t *mem)
{
    return things > 0 ? apr_itoa(mem, things) : "not known";
}

static void fill(const char **cells, const char *method, FILE *file, apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_values_t *message = mproc_values_create(mem);
    apr_int64_t resident, own;
    int seen, handles, is_open, threads;

    MPROC_CHECK(mproc_pipe(&here, &there, MPROC_ONE_WAY, mem));
    run(look_around, MPROC_PACK((apr_int64_t)look_handle_of(file), there), method, mem);
    MPROC_CHECK(mproc_connection_recv(here, message, MPROC_FOREVER));
    MPROC_CHECK(MPROC_UNPACK(message, &resident, &own, &seen, &handles, &is_open, &threads));
    MPROC_CHECK(mproc_connection_close(here));
    MPROC_CHECK(mproc_connection_close(there));
    cells[METHOD] = method;
    cells[TIME] = apr_psprintf(mem, "%.2f ms", median_time(method, mem));
    cells[RESIDENT] = in_mib(resident, mem);
    cells[PRIVATE] = in_mib(own, mem);
    cells[SHARED] = in_mib(own > 0 ? resident - own : 0, mem);
    cells[GLOBAL] = apr_itoa(mem, seen);
    cells[HANDLES] = count(handles, mem);
    cells[OPENED] = is_open ? "open" : "not open";
    cells[THREADS] = count(threads, mem);
}

static void print_table(FILE *file, apr_pool_t *mem)
{
    const char *const *methods = mproc_get_all_start_methods();
    const char *cells[METHODS_MAX][ROWS];
    int row, column, columns;

    for (columns = 0; columns < METHODS_MAX && methods[columns] != NULL; columns++)
        fill(cells[columns], methods[columns], file, mem);
    for (row = 0; row < ROWS; row++) {
        printf("%-28s", labels[row]);
        for (column = 0; column < columns; column++)
            printf("%14s", cells[column][row]);
        printf("\n");
    }
}

/* Where one is no start method, asking for it says why. */
static void print_refusals(void)
{
    static const char *const others[] = {MPROC_FORK, MPROC_FORKSERVER};
    size_t i;

    for (i = 0; i < sizeof others / sizeof *others; i++)
        if (mproc_set_start_method(others[i], 1) != APR_SUCCESS)
            printf("\n%s\n", mproc_error_message());
}

/* -- In the program: what there is to see -------------------------------------- */

/* Bytes, as in 4096, 64K, 512M or 1G; -1 if it is no such size. */
static apr_int64_t parse_size(const char *text)
{
    char *end;
    apr_int64_t size = apr_strtoi64(text, &end, 10), most = (apr_int64_t)(SIZE_MAX / 2);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

    if (shift > 0)
        end++;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && size < most >> shift ? size << shift
                                                                                    : -1;
}

static void refuse(const char *reason, const char *argument)
{
    fprintf(stderr, "start_methods: ");
    fprintf(stderr, reason, argument);
    fprintf(stderr, "\n%s", usage);
    exit(2);
}

/* Does not return when there is nothing to do. */
static size_t parse_arguments(int argc, const char *const *argv)
{
    apr_int64_t size;

    if (argc == 1)
        return 0;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("%s", usage);
        exit(0);
    }
    if (strcmp(argv[1], "--allocate") != 0)
        refuse("unknown argument '%s'", argv[1]);
    if (argc == 2)
        refuse("%s needs a size", argv[1]);
    if (argc > 3)
        refuse("unknown argument '%s'", argv[3]);
    size = parse_size(argv[2]);
    if (size < 0)
        refuse("'%s' is not a size", argv[2]);
    return (size_t)size;
}

/* Only when a page is written to does the system give memory for it. */
static void allocate(size_t size)
{
    static volatile char *block; /* not freed: it is there as long as the program */
    size_t i;

    block = malloc(size + 1);
    if (block == NULL) {
        fprintf(stderr, "start_methods: there is no memory for %llu bytes; allocate less\n",
                (unsigned long long)size);
        exit(1);
    }
    look_refuse_huge_pages((void *)block, size);
    for (i = 0; i < size; i += 4096)
        block[i] = 1;
}

static FILE *open_file(void)
{
    FILE *file = fopen(PATH, "w+");

    if (file == NULL || fputs(WORDS, file) == EOF || fflush(file) != 0) {
        fprintf(stderr, "start_methods: " PATH " cannot be written in this folder\n");
        exit(1);
    }
    return file;
}

/* A thread that waits as long as the program holds the lock. */
static void *APR_THREAD_FUNC wait_for(apr_thread_t *thread, void *lock)
{
    apr_thread_mutex_lock(lock);
    apr_thread_mutex_unlock(lock);
    apr_thread_exit(thread, APR_SUCCESS); /* without it a join fails on Windows */
    return NULL;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    apr_thread_t *thread;
    apr_thread_mutex_t *lock;
    apr_status_t ended;
    FILE *file;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    allocate(parse_arguments(argc, argv));
    global = 42;
    file = open_file();
    MPROC_CHECK(apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, mem));
    MPROC_CHECK(apr_thread_mutex_lock(lock));
    MPROC_CHECK(apr_thread_create(&thread, NULL, wait_for, lock, mem));

    printf("The parent has %s threads and %s of memory at hand.\n\n", count(look_threads(), mem),
           in_mib((apr_int64_t)look_resident(), mem));
    print_table(file, mem);
    print_refusals();

    MPROC_CHECK(apr_thread_mutex_unlock(lock));
    MPROC_CHECK(apr_thread_join(&ended, thread));
    fclose(file);
    remove(PATH);
    apr_pool_destroy(mem);
    return 0;
}
