/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Passing handles: nothing in a pipe can carry one, so the receiver fetches it
 * from the process that sent it (DuplicateHandle()).  What goes at once is a
 * parcel: copies that the sender keeps for the receiver, an event that tells
 * that they were taken, and a hold on the sender's end of the pipe, to see by it
 * whether the other end is still there.  The note behind the bytes says where they
 * are.
 *
 * Only the sender closes the sender's handles: the receiver could not know whether
 * a number still means what it meant (DUPLICATE_CLOSE_SOURCE).  Once all has gone that
 * belongs to it, a thread of the system's watches the parcel (SetThreadpoolWait()), until
 * it is taken or nobody is left to take it; the end of this process closes what is left,
 * and then the receiver is told.  Two pipes whose last ends lie in each other's parcels
 * stay so until then.
 *
 * Before that the hold on the pipe would hide from the receiver that nothing more comes:
 * closing the end takes the parcel back.
 */

#include "internal.h"

#include <assert.h>
#include <stdlib.h>
#include <winternl.h>

/* How often a parcel is looked after: a pipe has no event for the end of its other end. */
#define WATCH_MILLISECONDS 100

typedef struct win32_parcel_t parcel_t;

/* What is kept for the receiver of one write. */
struct win32_parcel_t {
    parcel_t *next; /* of those that are not committed */
    HANDLE taken;
    HANDLE pipe;
    PTP_WAIT watch;
    size_t count;
    HANDLE copies[PORT_HANDLES_MAX];
};

/* The start of a note; behind it are the numbers of the copies, 64 bits each. */
typedef struct note_t {
    uint64_t pid;
    uint64_t creation; /* of that process, as a pid is used again */
    uint64_t taken;
} note_t;

size_t port_note_size(size_t count)
{
    return sizeof(note_t) + count * sizeof(uint64_t);
}

static BOOL creation_time(uint64_t *time, HANDLE process)
{
    FILETIME creation, exit, kernel, user;

    if (!GetProcessTimes(process, &creation, &exit, &kernel, &user))
        return FALSE;
    *time = (uint64_t)creation.dwHighDateTime << 32 | creation.dwLowDateTime;
    return TRUE;
}

/* -- A parcel ------------------------------------------------------------------- */

static void close_if_open(HANDLE handle)
{
    if (handle != NULL)
        CloseHandle(handle);
}

/* In its own callback too: the watch is freed when that has returned (CloseThreadpoolWait()). */
static void close_parcel(parcel_t *parcel)
{
    while (parcel->count > 0)
        CloseHandle(parcel->copies[--parcel->count]);
    close_if_open(parcel->pipe);
    close_if_open(parcel->taken);
    if (parcel->watch != NULL)
        CloseThreadpoolWait(parcel->watch);
    free(parcel);
}

static void watch_once(parcel_t *parcel)
{
    /* Negative: from now on, in units of 100 ns. */
    LARGE_INTEGER from_now = {.QuadPart = -WATCH_MILLISECONDS * 10000LL};
    FILETIME timeout = {from_now.u.LowPart, (DWORD)from_now.u.HighPart};

    SetThreadpoolWait(parcel->watch, parcel->taken, &timeout);
}

/* FILE_PIPE_LOCAL_INFORMATION and its class, which only the kit for drivers declares (ntifs.h). */
typedef struct pipe_information_t {
    ULONG NamedPipeType, NamedPipeConfiguration, MaximumInstances, CurrentInstances;
    ULONG InboundQuota, ReadDataAvailable, OutboundQuota, WriteQuotaAvailable;
    ULONG NamedPipeState, NamedPipeEnd;
} pipe_information_t;

#define PIPE_INFORMATION ((FILE_INFORMATION_CLASS)24)
#define PIPE_IS_CONNECTED 3

typedef NTSTATUS(NTAPI *query_fn)(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG, FILE_INFORMATION_CLASS);

/* When it cannot be asked, it is there. */
static int is_other_end_there(HANDLE pipe)
{
    union {
        FARPROC found;
        query_fn query;
    } ask = {GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationFile")};
    pipe_information_t about;
    IO_STATUS_BLOCK block;

    return ask.found == NULL ||
           ask.query(pipe, &block, &about, sizeof about, PIPE_INFORMATION) < 0 ||
           about.NamedPipeState == PIPE_IS_CONNECTED;
}

/* One call a watch: whoever has it has the parcel. */
static VOID CALLBACK look_after(PTP_CALLBACK_INSTANCE instance, PVOID data, PTP_WAIT watch,
                                TP_WAIT_RESULT result)
{
    parcel_t *parcel = data;

    (void)instance;
    (void)watch;
    if (result == WAIT_TIMEOUT && is_other_end_there(parcel->pipe))
        watch_once(parcel);
    else
        close_parcel(parcel);
}

static apr_status_t copy_here(HANDLE *copy, HANDLE handle, DWORD access, DWORD options)
{
    HANDLE self = GetCurrentProcess();

    return DuplicateHandle(self, handle, self, copy, access, FALSE, options) ? APR_SUCCESS
                                                                             : win32_last_error();
}

static apr_status_t fill_parcel(parcel_t *parcel, HANDLE pipe, const port_handle_t *handles,
                                size_t count)
{
    apr_status_t rv = copy_here(&parcel->pipe, pipe, FILE_READ_ATTRIBUTES, 0);

    for (; rv == APR_SUCCESS && parcel->count < count; parcel->count++) {
        rv = copy_here(&parcel->copies[parcel->count], (HANDLE)handles[parcel->count], 0,
                       DUPLICATE_SAME_ACCESS);
        if (rv != APR_SUCCESS)
            break;
    }
    if (rv != APR_SUCCESS)
        return rv;
    parcel->taken = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (parcel->taken == NULL)
        return win32_last_error();
    parcel->watch = CreateThreadpoolWait(look_after, parcel, NULL);
    return parcel->watch != NULL ? APR_SUCCESS : win32_last_error();
}

static apr_status_t make_parcel(parcel_t **parcel, HANDLE pipe, const port_handle_t *handles,
                                size_t count)
{
    parcel_t *made = calloc(1, sizeof *made);
    apr_status_t rv;

    if (made == NULL)
        return APR_ENOMEM;
    rv = fill_parcel(made, pipe, handles, count);
    if (rv == APR_SUCCESS)
        *parcel = made;
    else
        close_parcel(made);
    return rv;
}

/* -- Sending -------------------------------------------------------------------- */

static apr_status_t write_note(unsigned char *bytes, const parcel_t *parcel)
{
    note_t note = {GetCurrentProcessId(), 0, (uint64_t)(uintptr_t)parcel->taken};
    size_t i;

    if (!creation_time(&note.creation, GetCurrentProcess()))
        return win32_last_error();
    memcpy(bytes, &note, sizeof note);
    for (i = 0; i < parcel->count; i++) {
        uint64_t number = (uint64_t)(uintptr_t)parcel->copies[i];
        memcpy(bytes + sizeof note + i * sizeof number, &number, sizeof number);
    }
    return APR_SUCCESS;
}

static apr_status_t send_parcel(port_channel_t *channel, const void *bytes, size_t size,
                                const parcel_t *parcel, port_deadline_t deadline, size_t *sent)
{
    unsigned char
        whole[PORT_HANDLES_BYTES_MAX + sizeof(note_t) + PORT_HANDLES_MAX * sizeof(uint64_t)];
    apr_status_t rv;

    assert(size <= PORT_HANDLES_BYTES_MAX);
    memcpy(whole, bytes, size);
    rv = write_note(whole + size, parcel);
    if (rv != APR_SUCCESS)
        return rv;
    return port_channel_write(channel, whole, size + port_note_size(parcel->count), deadline, sent);
}

/* What has not gone whole is never taken: no message can follow it. */
apr_status_t port_channel_send_handles(port_channel_t *channel, const void *bytes, size_t size,
                                       const port_handle_t *handles, size_t count,
                                       port_deadline_t deadline, size_t *sent)
{
    parcel_t *parcel;
    apr_status_t rv;

    *sent = 0;
    rv = make_parcel(&parcel, channel->pipe, handles, count);
    if (rv != APR_SUCCESS)
        return rv;
    rv = send_parcel(channel, bytes, size, parcel, deadline, sent);
    if (rv != APR_SUCCESS) {
        close_parcel(parcel);
        return rv;
    }
    parcel->next = channel->parcels;
    channel->parcels = parcel;
    return APR_SUCCESS;
}

static parcel_t *next_parcel(port_channel_t *channel)
{
    parcel_t *parcel = channel->parcels;

    if (parcel != NULL)
        channel->parcels = parcel->next;
    return parcel;
}

/* One that was taken meanwhile is closed at once. */
void port_channel_commit_handles(port_channel_t *channel)
{
    parcel_t *parcel;

    while ((parcel = next_parcel(channel)) != NULL)
        watch_once(parcel);
}

void win32_drop_parcels(port_channel_t *channel)
{
    parcel_t *parcel;

    while ((parcel = next_parcel(channel)) != NULL)
        close_parcel(parcel);
}

/* -- Taking --------------------------------------------------------------------- */

static int has_ended(HANDLE process)
{
    return WaitForSingleObject(process, 0) == WAIT_OBJECT_0;
}

/* A pid that no process has is ERROR_INVALID_PARAMETER (OpenProcess()). */
static apr_status_t open_sender(HANDLE *sender, const note_t *note)
{
    uint64_t creation;

    if (note->pid > MAXDWORD)
        return APR_EBADF;
    *sender = OpenProcess(PROCESS_DUP_HANDLE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE,
                          FALSE, (DWORD)note->pid);
    if (*sender == NULL)
        return GetLastError() == ERROR_INVALID_PARAMETER ? APR_EOF : win32_last_error();
    if (creation_time(&creation, *sender) && creation == note->creation && !has_ended(*sender))
        return APR_SUCCESS;
    CloseHandle(*sender);
    return APR_EOF;
}

/* The constants that stand for handles would become some with all rights, the sender itself. */
static apr_status_t fetch(HANDLE *copy, HANDLE sender, uint64_t number, DWORD access, DWORD options)
{
    HANDLE handle = (HANDLE)(uintptr_t)number;
    DWORD error;

    if (!win32_is_handle(handle))
        return APR_EBADF;
    if (DuplicateHandle(sender, handle, GetCurrentProcess(), copy, access, FALSE, options))
        return APR_SUCCESS;
    error = GetLastError();
    if (has_ended(sender))
        return APR_EOF;
    return error == ERROR_INVALID_HANDLE ? APR_EBADF : win32_status(error);
}

static apr_status_t fetch_all(port_handle_t *handles, HANDLE sender, const unsigned char *numbers,
                              size_t count)
{
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    for (i = 0; i < count; i++) {
        uint64_t number;
        HANDLE copy;

        memcpy(&number, numbers + i * sizeof number, sizeof number);
        rv = fetch(&copy, sender, number, 0, DUPLICATE_SAME_ACCESS);
        if (rv != APR_SUCCESS)
            break;
        handles[i] = (port_handle_t)copy;
    }
    while (rv != APR_SUCCESS && i > 0)
        port_handle_close(handles[--i]);
    return rv;
}

/* Also when they could not be fetched: nobody comes for them again. */
static void tell_sender(HANDLE sender, const note_t *note)
{
    HANDLE taken;

    if (fetch(&taken, sender, note->taken, EVENT_MODIFY_STATE, 0) != APR_SUCCESS)
        return;
    SetEvent(taken);
    CloseHandle(taken);
}

apr_status_t port_channel_take_handles(port_channel_t *channel, const void *note, size_t count,
                                       port_handle_t *handles)
{
    note_t head;
    HANDLE sender;
    apr_status_t rv;

    (void)channel;
    memcpy(&head, note, sizeof head);
    rv = open_sender(&sender, &head);
    if (rv != APR_SUCCESS)
        return rv;
    rv = fetch_all(handles, sender, (const unsigned char *)note + sizeof head, count);
    tell_sender(sender, &head);
    CloseHandle(sender);
    return rv;
}

/* Those that are on their way are in their notes alone. */
size_t port_channel_waiting_handles(const port_channel_t *channel, port_handle_t *handles,
                                    size_t max)
{
    (void)channel;
    (void)handles;
    (void)max;
    return 0;
}

apr_status_t port_channel_await_handles(port_channel_t *channel, const port_handle_t *handles,
                                        size_t count)
{
    (void)channel;
    (void)handles;
    return count == 0 ? APR_SUCCESS : APR_EBADF;
}

/* Handles are taken, and do not come by themselves. */
void port_at_closing(void (*before)(void), void (*after)(void))
{
    (void)before;
    (void)after;
}

void port_channel_drop_handles(port_channel_t *channel)
{
    (void)channel;
}

void port_handle_close(port_handle_t handle)
{
    CloseHandle((HANDLE)handle);
}
