/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a process: everything that can be made or computed is, here, before
 * the program is launched, so that the new process only has to move descriptors
 * and run.  What the child is given lies in it at 3 and up, and nothing lies
 * behind: that is simpler to be sure of than closing what was open in between.
 */

#include "internal.h"

#include <apr_strings.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

extern char **environ;

/* What a start holds until it is done; every descriptor that is not -1 is closed again. */
typedef struct preparation_t {
    int lifeline[2]; /* the child's end, this process's end */
    int null_device;
    int *descriptors; /* for the child, in the order of the request, then its lifeline */
    int *copies;      /* those of them that are only for this start */
    int count;
} preparation_t;

static int child_number(int index)
{
    return FIRST_DESCRIPTOR + index;
}

static int first_free_number(const preparation_t *prepared)
{
    return child_number(prepared->count);
}

/* A source that lies where another will be put would be overwritten: copy it above them all. */
static apr_status_t place_descriptor(preparation_t *prepared, int index, int source)
{
    prepared->descriptors[index] = source;
    if (source >= first_free_number(prepared))
        return APR_SUCCESS;
    prepared->copies[index] = fcntl(source, F_DUPFD_CLOEXEC, first_free_number(prepared));
    if (prepared->copies[index] < 0)
        return APR_FROM_OS_ERROR(errno);
    prepared->descriptors[index] = prepared->copies[index];
    return APR_SUCCESS;
}

static apr_status_t place_descriptors(preparation_t *prepared, const port_spawn_t *request)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < (int)request->nhandles; i++)
        rv = place_descriptor(prepared, i, (int)request->handles[i]);
    if (rv == APR_SUCCESS)
        rv = place_descriptor(prepared, i, prepared->lifeline[0]);
    return rv;
}

static void start_preparation(preparation_t *prepared, const port_spawn_t *request, apr_pool_t *mem)
{
    int i;

    prepared->lifeline[0] = prepared->lifeline[1] = prepared->null_device = -1;
    prepared->count = (int)request->nhandles + 1;
    prepared->descriptors = apr_pcalloc(mem, (size_t)prepared->count * sizeof(int));
    prepared->copies = apr_palloc(mem, (size_t)prepared->count * sizeof(int));
    for (i = 0; i < prepared->count; i++)
        prepared->copies[i] = -1;
}

/* The child has its copies now, or there is no child. */
static void end_preparation(const preparation_t *prepared)
{
    int i;

    for (i = 0; i < prepared->count; i++)
        posix_close_if_open(prepared->copies[i]);
    posix_close_if_open(prepared->lifeline[0]);
    posix_close_if_open(prepared->null_device);
}

static apr_status_t prepare_handles(preparation_t *prepared, const port_spawn_t *request)
{
    apr_status_t rv = posix_pipe(prepared->lifeline);

    if (rv == APR_SUCCESS)
        rv = posix_open_null_device(&prepared->null_device);
    if (rv == APR_SUCCESS)
        rv = place_descriptors(prepared, request);
    return rv;
}

/* Read by port_birth(). */
static char *make_mark(const preparation_t *prepared, const port_spawn_t *request, apr_pool_t *mem)
{
    return apr_psprintf(mem, PORT_CHILD_MARK "%d,%d,%s:%s", child_number(0),
                        child_number(prepared->count - 1),
                        request->is_detached ? "detached" : "tied", request->token);
}

static char **insert_mark(const char *const *arguments, char *mark, apr_pool_t *mem)
{
    size_t count = 0, i;
    char **marked;

    while (arguments[count] != NULL)
        count++;
    marked = apr_palloc(mem, (count + 2) * sizeof *marked);
    marked[0] = apr_pstrdup(mem, arguments[0]);
    marked[1] = mark;
    for (i = 1; i < count; i++)
        marked[i + 1] = apr_pstrdup(mem, arguments[i]);
    marked[count + 1] = NULL;
    return marked;
}

/* The system would look for a relative path in the child's folder. */
static apr_status_t absolute_path(const char **path, const char *executable, apr_pool_t *mem)
{
    char folder[4096];

    *path = executable;
    if (executable[0] == '/')
        return APR_SUCCESS;
    if (getcwd(folder, sizeof folder) == NULL)
        return APR_FROM_OS_ERROR(errno);
    *path = apr_pstrcat(mem, folder, "/", executable, NULL);
    return APR_SUCCESS;
}

static int is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) != -1;
}

static apr_status_t launch(pid_t *pid, const preparation_t *prepared, const port_spawn_t *request,
                           port_stage_t *stage, apr_pool_t *mem)
{
    posix_launch_t request_in_full = {
        .arguments = insert_mark(request->arguments, make_mark(prepared, request, mem), mem),
        .environment = request->environment != NULL ? (char *const *)request->environment : environ,
        .folder = request->folder,
        .descriptors = prepared->descriptors,
        .ndescriptors = prepared->count,
        .standard = {prepared->null_device,
                     is_open(STDOUT_FILENO) ? STDOUT_FILENO : prepared->null_device,
                     is_open(STDERR_FILENO) ? STDERR_FILENO : prepared->null_device},
        .is_session_leader = request->is_detached,
        .holds_interrupt = request->ignores_interrupt,
    };
    apr_status_t rv;

    *stage = PORT_STAGE_PROGRAM;
    rv = absolute_path(&request_in_full.path, request->executable, mem);
    if (rv == APR_SUCCESS)
        rv = posix_launch(pid, &request_in_full, stage);
    return rv;
}

static void number_handles(port_handle_t *child_handles, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        child_handles[i] = child_number((int)i);
}

apr_status_t port_spawn(port_process_t **process, port_handle_t *child_handles,
                        const port_spawn_t *request, port_stage_t *stage, apr_pool_t *mem)
{
    preparation_t prepared;
    port_process_t started = {.sentinel = -1, .teller = -1, .told = -1};
    apr_status_t rv;

    assert(request->nhandles > 0 && request->arguments[0] != NULL);
    *stage = PORT_STAGE_HANDLES;
    start_preparation(&prepared, request, mem);
    rv = prepare_handles(&prepared, request);
    if (rv == APR_SUCCESS)
        rv = launch(&started.pid, &prepared, request, stage, mem);
    if (rv == APR_SUCCESS) {
        *stage = PORT_STAGE_HANDLES;
        rv = posix_process_watch(&started);
    }
    end_preparation(&prepared);
    if (rv != APR_SUCCESS) {
        posix_close_if_open(prepared.lifeline[1]);
        return rv;
    }
    started.lifeline = prepared.lifeline[1];
    *process = apr_pmemdup(mem, &started, sizeof started);
    number_handles(child_handles, request->nhandles);
    return APR_SUCCESS;
}
