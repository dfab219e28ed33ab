/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_WIN32_INTERNAL_H
#define MPROC_WIN32_INTERNAL_H

/*
 * What the files of this folder share: the bodies of the port's types, and the
 * helpers that turn the port's terms (UTF-8, microseconds, APR statuses) into
 * Windows' own (UTF-16, milliseconds, GetLastError()).  Windows 10 or later.
 */

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef UNICODE
#define UNICODE
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif

#include <windows.h>

#include "port.h"
#include "port_forkserver.h"

/* Handles that were sent, and what they are for was not yet; see passing.c. */
struct win32_parcel_t;

struct port_channel_t {
    HANDLE pipe;
    struct win32_parcel_t *parcels;
    HANDLE has_read;    /* events, made when first needed: an end that is given to a child */
    HANDLE has_written; /* needs none here */
};

struct port_process_t {
    HANDLE process;
    HANDLE job; /* NULL for a detached child and for the parent */
    DWORD pid;
    int is_stopped; /* by port_process_stop() */
};

#define WIN32_SEGMENT_HANDLES (2 + PORT_PARKS)

/* handles[]: see segment.c; NULL where there is none. */
struct port_segment_t {
    void *memory;
    size_t size;
    HANDLE handles[WIN32_SEGMENT_HANDLES];
};

static inline apr_status_t win32_status(DWORD error)
{
    return APR_FROM_OS_ERROR((apr_status_t)error);
}

static inline apr_status_t win32_last_error(void)
{
    return win32_status(GetLastError());
}

/* -- clock.c -- */

/* The time until a deadline, rounded up; 0 only when it has passed. */
DWORD win32_milliseconds(port_deadline_t deadline);

/* Wait until an object is signalled: APR_TIMEUP when it is not by then. */
apr_status_t win32_wait(HANDLE object, port_deadline_t deadline);

/* The same for at least one of several, up to 64; none is waited on like a thing that never comes. */
apr_status_t win32_wait_any(const HANDLE *objects, DWORD count, port_deadline_t deadline);

/* -- channel.c -- */

/* Prepare an operation that reads. */
apr_status_t win32_begin_read(port_channel_t *channel, OVERLAPPED *operation);

/* -- segment.c -- */

/* Set while a segment's bell rings. */
HANDLE win32_bell(const port_segment_t *segment);

/* -- passing.c -- */

/* Take back what was sent and not committed. */
void win32_drop_parcels(port_channel_t *channel);

/* -- program.c -- */

/* A lone surrogate, which file names may have, becomes three bytes, and these become it again. */
const char *win32_utf8(const WCHAR *text, apr_pool_t *mem);

/* Fails with ERROR_NO_UNICODE_TRANSLATION when `text` is not UTF-8. */
apr_status_t win32_utf16(WCHAR **wide, const char *text, apr_pool_t *mem);

/* As many of the active CPUs as a job's limit is worth, rounded up; 0: it has none. */
int win32_rate_cpus(const JOBOBJECT_CPU_RATE_CONTROL_INFORMATION *limit, int active);

/* -- handle.c -- */

/*
 * Whether a value can be a handle of this process, and not one of the constants that stand for
 * one.
 */
int win32_is_handle(HANDLE handle);

/* Whether a handle is of an object of the kind that the system has this name for. */
int win32_is_of_kind(HANDLE handle, const WCHAR *kind);

/* Whether a handle is an end of a byte-mode pipe. */
int win32_is_pipe(HANDLE handle);

/* As an access: the one that the handle has. */
#define SAME_ACCESS 0

/* A copy that children inherit; see spawn.c on how long one may live. */
apr_status_t win32_copy_inheritable(HANDLE *copy, HANDLE handle, DWORD access);

/* The null device, inheritable too. */
apr_status_t win32_open_null_device(HANDLE *device, DWORD access);

/* A security descriptor that allows everything to one user and nothing to others. */
typedef struct win32_privacy_t {
    SECURITY_ATTRIBUTES attributes;
    SECURITY_DESCRIPTOR descriptor;
    union {
        TOKEN_USER user;
        BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } owner;
    union {
        ACL acl;
        BYTE room[sizeof(ACL) + sizeof(ACCESS_ALLOWED_ACE) + SECURITY_MAX_SID_SIZE];
    } list;
} win32_privacy_t;

/* Fill in `attributes`, which points into the rest; sets the last error when it fails. */
BOOL win32_make_private(win32_privacy_t *privacy);

/* -- arguments.c -- */

/*
 * The command line from which a program gets these arguments, `mark` being argv[1].
 * Writes to nothing but `mem`; `mark` may be NULL.
 */
apr_status_t win32_command_line(WCHAR **line, const char *const *arguments, const char *mark,
                                apr_pool_t *mem);

/* -- executable.c -- */

/* The absolute path of a program that CreateProcess() may be given. */
apr_status_t win32_program_path(WCHAR **full, const char *path, apr_pool_t *mem);

/* The absolute path of a directory that a process may be started in. */
apr_status_t win32_folder_path(WCHAR **full, const char *path, apr_pool_t *mem);

/* -- environment.c -- */

/* What CreateProcess() takes with CREATE_UNICODE_ENVIRONMENT. */
apr_status_t win32_environment_block(WCHAR **block, const char *const *environment,
                                     apr_pool_t *mem);

#endif
