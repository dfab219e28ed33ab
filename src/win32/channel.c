/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A channel is one end of a byte-mode named pipe, as an anonymous one has
 * neither two directions nor timeouts.  The name is only needed for the moment
 * in which both ends are made, and then nobody can use it: the pipe has one
 * instance, and that is connected.
 *
 * All input and output is overlapped, and is over when a function here returns:
 * the system knows of no buffer and no OVERLAPPED of ours after that.
 */

#include "internal.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <assert.h>

#define BUFFER_SIZE 65536

/* A single huge read or write would need as much of the kernel's memory at once. */
#define PIECE_SIZE ((size_t)1 << 20)

/* 128 random bits: who could guess a name could make the pipe before us, or connect to it. */
static apr_status_t make_name(WCHAR **name, apr_pool_t *mem)
{
    uint32_t random[4];
    apr_status_t rv = apr_generate_random_bytes((unsigned char *)random, sizeof random);

    if (rv != APR_SUCCESS)
        return rv;
    return win32_utf16(name,
                       apr_psprintf(mem, "\\\\.\\pipe\\mproc-%08x%08x%08x%08x", random[0],
                                    random[1], random[2], random[3]),
                       mem);
}

static HANDLE create_server(const WCHAR *name, int directions)
{
    DWORD mode = (directions & PORT_WRITE) != 0 ? PIPE_ACCESS_DUPLEX : PIPE_ACCESS_INBOUND;
    win32_privacy_t privacy;

    if (!win32_make_private(&privacy))
        return INVALID_HANDLE_VALUE;
    return CreateNamedPipeW(name, mode | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
                                PIPE_REJECT_REMOTE_CLIENTS,
                            1, BUFFER_SIZE, BUFFER_SIZE, 0, &privacy.attributes);
}

/* A handle that only writes needs FILE_READ_ATTRIBUTES to be asked about (GetNamedPipeInfo()). */
static HANDLE open_client(const WCHAR *name, int directions)
{
    DWORD access = GENERIC_WRITE | FILE_READ_ATTRIBUTES;

    if ((directions & PORT_READ) != 0)
        access |= GENERIC_READ;
    return CreateFileW(name, access, 0, NULL, OPEN_EXISTING,
                       FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
                       NULL);
}

/*
 * Of a pipe that goes one way, the server is the reading end.  A client that
 * comes before ConnectNamedPipe() is called has "a good connection" already.
 */
static apr_status_t connect_pair(HANDLE *server, HANDLE *client, int is_duplex, apr_pool_t *mem)
{
    WCHAR *name;
    HANDLE first, second;
    apr_status_t rv = make_name(&name, mem);

    if (rv != APR_SUCCESS)
        return rv;
    first = create_server(name, is_duplex ? PORT_READ | PORT_WRITE : PORT_READ);
    if (first == INVALID_HANDLE_VALUE)
        return win32_last_error();
    second = open_client(name, is_duplex ? PORT_READ | PORT_WRITE : PORT_WRITE);
    if (second == INVALID_HANDLE_VALUE) {
        rv = win32_last_error();
        CloseHandle(first);
        return rv;
    }
    *server = first;
    *client = second;
    return APR_SUCCESS;
}

static port_channel_t *make_channel(HANDLE pipe, apr_pool_t *mem)
{
    port_channel_t *channel = apr_pcalloc(mem, sizeof *channel);

    channel->pipe = pipe;
    return channel;
}

/*
 * GetOverlappedResult() asks for an event that stays set; reading and writing at once, for one
 * each.
 */
static apr_status_t begin(OVERLAPPED *operation, HANDLE *event)
{
    if (*event == NULL)
        *event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (*event == NULL)
        return win32_last_error();
    memset(operation, 0, sizeof *operation);
    operation->hEvent = *event;
    return APR_SUCCESS;
}

/*
 * Wait for an operation; at the deadline cancel it, and then it is still the
 * system's until it has said how it ended: it may have succeeded in between
 * (CancelIoEx()).
 */
static apr_status_t end(HANDLE pipe, OVERLAPPED *operation, BOOL is_done, port_deadline_t deadline,
                        DWORD *bytes)
{
    *bytes = 0;
    if (!is_done && GetLastError() != ERROR_IO_PENDING)
        return win32_last_error();
    if (!is_done && win32_wait(operation->hEvent, deadline) != APR_SUCCESS)
        CancelIoEx(pipe, operation);
    if (GetOverlappedResult(pipe, operation, bytes, TRUE))
        return APR_SUCCESS;
    return GetLastError() == ERROR_OPERATION_ABORTED ? APR_TIMEUP : win32_last_error();
}

apr_status_t win32_begin_read(port_channel_t *channel, OVERLAPPED *operation)
{
    return begin(operation, &channel->has_read);
}

static apr_status_t read_piece(port_channel_t *channel, void *buffer, DWORD size,
                               port_deadline_t deadline, DWORD *bytes)
{
    OVERLAPPED operation;
    apr_status_t rv = win32_begin_read(channel, &operation);

    if (rv != APR_SUCCESS)
        return rv;
    return end(channel->pipe, &operation, ReadFile(channel->pipe, buffer, size, NULL, &operation),
               deadline, bytes);
}

static apr_status_t write_piece(port_channel_t *channel, const void *data, DWORD size,
                                port_deadline_t deadline, DWORD *bytes)
{
    OVERLAPPED operation;
    apr_status_t rv = begin(&operation, &channel->has_written);

    *bytes = 0;
    if (rv != APR_SUCCESS)
        return rv;
    return end(channel->pipe, &operation, WriteFile(channel->pipe, data, size, NULL, &operation),
               deadline, bytes);
}

/*
 * A write that is cancelled takes back what the other end has not read, and
 * nothing tells how much that was.  One byte has gone or has not: when there is a
 * deadline, the first goes alone, so that it is known whether anything went.
 */
static size_t piece_size(size_t left, int has_begun, port_deadline_t deadline)
{
    if (!has_begun && deadline != PORT_NEVER)
        return 1;
    return left < PIECE_SIZE ? left : PIECE_SIZE;
}

static int is_other_end_gone(apr_status_t rv)
{
    return rv == win32_status(ERROR_BROKEN_PIPE) || rv == win32_status(ERROR_PIPE_NOT_CONNECTED) ||
           rv == win32_status(ERROR_NO_DATA);
}

apr_status_t port_channel_pair(port_channel_t **here, port_channel_t **there, int directions,
                               apr_pool_t *mem)
{
    HANDLE server = NULL, client = NULL;
    int is_duplex = directions == (PORT_READ | PORT_WRITE);
    apr_status_t rv = connect_pair(&server, &client, is_duplex, mem);

    if (rv != APR_SUCCESS)
        return rv;
    *here = make_channel(directions == PORT_WRITE ? client : server, mem);
    *there = make_channel(directions == PORT_WRITE ? server : client, mem);
    return APR_SUCCESS;
}

apr_status_t port_channel_adopt(port_channel_t **channel, port_handle_t handle, int directions,
                                apr_pool_t *mem)
{
    HANDLE pipe = (HANDLE)handle;

    (void)directions; /* the handle has the rights for them and no others */
    if (!win32_is_pipe(pipe))
        return APR_EBADF;
    *channel = make_channel(pipe, mem);
    return APR_SUCCESS;
}

port_handle_t port_channel_handle(const port_channel_t *channel)
{
    return (port_handle_t)channel->pipe;
}

/*
 * A write of no bytes, by whatever program, gives a read of none: that is not the end
 * (ReadFile()).
 */
apr_status_t port_channel_read(port_channel_t *channel, void *buffer, size_t size,
                               port_deadline_t deadline, size_t *received)
{
    DWORD piece = (DWORD)(size < PIECE_SIZE ? size : PIECE_SIZE), bytes;
    apr_status_t rv;

    assert(size > 0);
    do
        rv = read_piece(channel, buffer, piece, deadline, &bytes);
    while (rv == APR_SUCCESS && bytes == 0);
    if (rv == APR_SUCCESS)
        *received = bytes;
    return is_other_end_gone(rv) ? APR_EOF : rv;
}

apr_status_t port_channel_write(port_channel_t *channel, const void *data, size_t size,
                                port_deadline_t deadline, size_t *sent)
{
    apr_status_t rv = APR_SUCCESS;

    *sent = 0;
    while (rv == APR_SUCCESS && *sent < size) {
        size_t piece = piece_size(size - *sent, *sent > 0, deadline);
        DWORD bytes;

        rv = write_piece(channel, (const char *)data + *sent, (DWORD)piece, deadline, &bytes);
        *sent += bytes;
    }
    return is_other_end_gone(rv) ? APR_EPIPE : rv;
}

/*
 * CloseHandle() leaves what was written to the reader; DisconnectNamedPipe() would throw it
 * away.
 */
void port_channel_close(port_channel_t *channel)
{
    win32_drop_parcels(channel);
    CloseHandle(channel->pipe);
    if (channel->has_read != NULL)
        CloseHandle(channel->has_read);
    if (channel->has_written != NULL)
        CloseHandle(channel->has_written);
    channel->pipe = channel->has_read = channel->has_written = NULL;
}
