/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copying this process: what can fail is done before the fork, where a failure is
 * a status; what is left for the child is to tie its life to its parent's and to
 * keep its parent's streams and exit handlers out of its own.
 */

#include "internal.h"

#include <apr_strings.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* What a fork holds until it is done; every descriptor that is not -1 is closed again. */
typedef struct preparation_t {
    int lifeline[2]; /* the child's end, this process's end */
    int null_device;
    port_handle_t *copies; /* the child's own numbers for its handles */
    size_t ncopies;
} preparation_t;

const char *port_fork_refusal(void)
{
    return NULL;
}

/* -- Before -------------------------------------------------------------------- */

/*
 * A thread that waits for input keeps the lock of its stream for as long as it waits, and
 * fflush(NULL) wants the locks of all.  Where threads cannot be counted, stdin is looked at.
 */
static int is_alone(void)
{
    int threads = posix_is_single_threaded() ? 1 : posix_count_threads();

    if (threads > 0)
        return threads == 1;
    if (ftrylockfile(stdin) != 0)
        return 0;
    funlockfile(stdin);
    return 1;
}

static void flush_output(void)
{
    fflush(stdout);
    fflush(stderr);
}

/*
 * By the last fork of this process, and so, in a copy, by the one that made it.  Atomic, as threads
 * may fork at once; then none of them is alone, and all say the same.
 */
static atomic_int is_all_flushed;

void port_fork_flush(void)
{
    int flushes_all = is_alone();

    atomic_store(&is_all_flushed, flushes_all);
    if (flushes_all)
        fflush(NULL);
    else
        flush_output();
}

void port_fork_flush_last(void)
{
    flush_output();
    if (atomic_load(&is_all_flushed) && is_alone())
        posix_flush_others();
}

apr_status_t posix_check_folder(const char *folder)
{
    struct stat about;

    if (folder == NULL)
        return APR_SUCCESS;
    if (stat(folder, &about) != 0)
        return APR_FROM_OS_ERROR(errno);
    if (!S_ISDIR(about.st_mode))
        return APR_FROM_OS_ERROR(ENOTDIR);
    return faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) == 0 ? APR_SUCCESS
                                                              : APR_FROM_OS_ERROR(errno);
}

static apr_status_t copy_handles(preparation_t *prepared, const port_fork_t *request,
                                 apr_pool_t *mem)
{
    prepared->copies = apr_palloc(mem, request->nhandles * sizeof *prepared->copies);
    for (; prepared->ncopies < request->nhandles; prepared->ncopies++) {
        int copy =
            fcntl((int)request->handles[prepared->ncopies], F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
        if (copy < 0)
            return APR_FROM_OS_ERROR(errno);
        prepared->copies[prepared->ncopies] = copy;
    }
    return APR_SUCCESS;
}

static apr_status_t prepare(preparation_t *prepared, const port_fork_t *request, apr_pool_t *mem)
{
    apr_status_t rv = posix_pipe(prepared->lifeline);

    if (rv == APR_SUCCESS)
        rv = posix_open_null_device(&prepared->null_device);
    if (rv == APR_SUCCESS)
        rv = copy_handles(prepared, request, mem);
    return rv;
}

static void end_preparation(const preparation_t *prepared)
{
    size_t i;

    for (i = 0; i < prepared->ncopies; i++)
        close((int)prepared->copies[i]);
    posix_close_if_open(prepared->lifeline[0]);
    posix_close_if_open(prepared->null_device);
}

/* -- In the child -------------------------------------------------------------- */

/*
 * What is in the buffer is the parent's; another thread may have put it there since it flushed.
 * There is no portable way to empty a buffer but to write it: here, to nowhere.
 */
static void forget_output(FILE *stream, int null_device)
{
    int descriptor = fileno(stream);
    int kept = descriptor >= 0 ? fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) : -1;

    if (kept < 0)
        return;
    if (dup2(null_device, descriptor) >= 0) {
        fflush(stream);
        dup2(kept, descriptor);
    }
    close(kept);
}

/* fflush() of a stream that reads forgets what was read ahead, and moves no one's place any more. */
static apr_status_t be_alone_with_streams(const preparation_t *prepared)
{
    apr_status_t rv = APR_SUCCESS;

    if (dup2(prepared->null_device, STDIN_FILENO) < 0)
        rv = APR_FROM_OS_ERROR(errno);
    fflush(stdin);
    forget_output(stdout, prepared->null_device);
    forget_output(stderr, prepared->null_device);
    close(prepared->null_device);
    return rv;
}

static apr_status_t tie_to_parent(const preparation_t *prepared, const port_fork_t *request)
{
    close(prepared->lifeline[1]);
    if (!request->is_detached)
        return posix_tie_to_parent(prepared->lifeline[0]);
    setsid();
    return APR_SUCCESS;
}

static apr_status_t go_to_folder(const char *folder)
{
    return folder == NULL || chdir(folder) == 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);
}

/*
 * The tie comes first, as one that hangs in what follows must end with its parent.  Also one that
 * is not whole has an end, and then its streams must be its own.
 */
static apr_status_t become_a_child(const preparation_t *prepared, const port_fork_t *request)
{
    apr_status_t tied = tie_to_parent(prepared, request), rv;

    /* Without it exit() would do the parent's business. */
    if (posix_leave_by(request->leave) != APR_SUCCESS)
        _exit(127);
    rv = be_alone_with_streams(prepared);
    if (tied != APR_SUCCESS)
        return tied;
    return rv == APR_SUCCESS ? go_to_folder(request->folder) : rv;
}

static _Noreturn void live(const preparation_t *prepared, const port_fork_t *request)
{
    port_birth_t birth = {.control = prepared->copies[0]};
    apr_status_t rv = become_a_child(prepared, request);

    birth.parent = posix_parent_process(prepared->lifeline[0], request->child_mem);
    if (request->environment != NULL)
        environ = (char **)(uintptr_t)request->environment;
    request->live(rv, &birth, prepared->copies, request->data);
    _exit(127);
}

/* -- In both ------------------------------------------------------------------- */

static apr_status_t copy_process(pid_t *pid, const preparation_t *prepared,
                                 const port_fork_t *request)
{
    *pid = fork();
    if (*pid == 0)
        live(prepared, request);
    return *pid > 0 ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);
}

apr_status_t port_fork(port_process_t **process, const port_fork_t *request, port_stage_t *stage,
                       apr_pool_t *mem)
{
    preparation_t prepared = {.lifeline = {-1, -1}, .null_device = -1};
    port_process_t started = {.sentinel = -1, .teller = -1, .told = -1};
    apr_status_t rv;

    assert(request->nhandles > 0);
    *stage = PORT_STAGE_FOLDER;
    rv = posix_check_folder(request->folder);
    if (rv != APR_SUCCESS)
        return rv;
    *stage = PORT_STAGE_HANDLES;
    rv = prepare(&prepared, request, mem);
    if (rv == APR_SUCCESS) {
        *stage = PORT_STAGE_FORK;
        rv = copy_process(&started.pid, &prepared, request);
    }
    if (rv == APR_SUCCESS)
        rv = posix_process_watch(&started);
    end_preparation(&prepared);
    if (rv != APR_SUCCESS) {
        posix_close_if_open(prepared.lifeline[1]);
        return rv;
    }
    started.lifeline = prepared.lifeline[1];
    *process = apr_pmemdup(mem, &started, sizeof started);
    return APR_SUCCESS;
}
