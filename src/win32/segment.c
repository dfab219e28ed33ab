/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that processes share: a section backed by the paging file, without a
 * name.  A segment is known to another process by its handles, in one order: the
 * section, the bell, which is an event, and the parks, which are semaphores.
 *
 * WaitOnAddress() would need no handles, but wakes the threads of one process only.
 */

#include "internal.h"

#include <apr_strings.h>

#include <assert.h>
#include <stdatomic.h>

enum { MEMORY, BELL, FIRST_PARK, HANDLES = FIRST_PARK + PORT_PARKS };

_Static_assert(HANDLES == WIN32_SEGMENT_HANDLES, "the type has room for them");

/* Wakes that nobody has taken yet; ReleaseSemaphore() refuses more, and then enough are there. */
#define WAKES_MAX 4096

/* More than there can be is refused, by the commit limit ("Reserving and Committing Memory"). */
static apr_status_t check_size(size_t size)
{
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};

    return GlobalMemoryStatusEx(&memory) && size > memory.ullTotalPageFile ? APR_ENOMEM
                                                                           : APR_SUCCESS;
}

static apr_status_t memory_error(void)
{
    DWORD error = GetLastError();

    return error == ERROR_COMMITMENT_LIMIT || error == ERROR_NOT_ENOUGH_MEMORY
               ? APR_ENOMEM
               : win32_status(error);
}

/* Pages of a section that is only reserved are there when they are committed ("VirtualAlloc"). */
static apr_status_t open_memory(port_segment_t *segment, DWORD how)
{
    segment->handles[MEMORY] =
        CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | how,
                           (DWORD)((uint64_t)segment->size >> 32), (DWORD)segment->size, NULL);
    return segment->handles[MEMORY] != NULL ? APR_SUCCESS : memory_error();
}

static apr_status_t open_bell(port_segment_t *segment)
{
    segment->handles[BELL] = CreateEventW(NULL, TRUE, FALSE, NULL);
    return segment->handles[BELL] != NULL ? APR_SUCCESS : win32_last_error();
}

static apr_status_t open_parks(port_segment_t *segment)
{
    int i;

    for (i = FIRST_PARK; i < HANDLES; i++) {
        segment->handles[i] = CreateSemaphoreW(NULL, 0, WAKES_MAX, NULL);
        if (segment->handles[i] == NULL)
            return win32_last_error();
    }
    return APR_SUCCESS;
}

/*
 * Whole pages, and as many in every process; the first of them are there, and the others may be
 * reserved (VirtualQuery()).
 */
static apr_status_t find_size(port_segment_t *segment)
{
    const char *memory = segment->memory;
    MEMORY_BASIC_INFORMATION about;

    if (VirtualQuery(memory, &about, sizeof about) == 0)
        return win32_last_error();
    if (about.State != MEM_COMMIT)
        return APR_EBADF;
    segment->size = 0;
    do
        segment->size += about.RegionSize;
    while (VirtualQuery(memory + segment->size, &about, sizeof about) != 0 &&
           about.State != MEM_FREE && about.AllocationBase == segment->memory);
    return APR_SUCCESS;
}

static apr_status_t commit(const port_segment_t *segment, size_t from, size_t to)
{
    return from == to || VirtualAlloc((char *)segment->memory + from, to - from, MEM_COMMIT,
                                      PAGE_READWRITE) != NULL
               ? APR_SUCCESS
               : memory_error();
}

/* `size` bytes are to be there. */
static apr_status_t map(port_segment_t *segment, size_t size)
{
    apr_status_t rv;

    segment->memory =
        MapViewOfFile(segment->handles[MEMORY], FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0);
    if (segment->memory == NULL)
        return memory_error();
    rv = commit(segment, 0, size);
    if (rv == APR_SUCCESS)
        rv = find_size(segment);
    if (rv != APR_SUCCESS)
        UnmapViewOfFile(segment->memory);
    return rv;
}

static void close_handles(const port_segment_t *segment)
{
    int i;

    for (i = 0; i < HANDLES; i++)
        if (segment->handles[i] != NULL)
            CloseHandle(segment->handles[i]);
}

static apr_status_t open_all(port_segment_t *segment, size_t size)
{
    int grows = size < segment->size;
    apr_status_t rv = open_memory(segment, grows ? SEC_RESERVE : SEC_COMMIT);

    if (rv == APR_SUCCESS)
        rv = open_bell(segment);
    if (rv == APR_SUCCESS)
        rv = open_parks(segment);
    return rv == APR_SUCCESS ? map(segment, grows ? size : 0) : rv;
}

apr_status_t port_segment_create_growing(port_segment_t **segment, size_t size, size_t most,
                                         apr_pool_t *mem)
{
    port_segment_t made = {.size = most};
    apr_status_t rv = check_size(most);

    assert(size > 0 && size <= most);
    if (rv == APR_SUCCESS)
        rv = open_all(&made, size);
    if (rv != APR_SUCCESS) {
        close_handles(&made);
        return rv;
    }
    *segment = apr_pmemdup(mem, &made, sizeof made);
    return APR_SUCCESS;
}

apr_status_t port_segment_create(port_segment_t **segment, size_t size, apr_pool_t *mem)
{
    return port_segment_create_growing(segment, size, size, mem);
}

apr_status_t port_segment_grow(port_segment_t *segment, size_t from, size_t to)
{
    assert(from <= to && to <= segment->size);
    return commit(segment, from, to);
}

/* Wine wants each view's pages to be committed; where another has done so, that changes nothing. */
apr_status_t port_segment_follow(port_segment_t *segment, size_t from, size_t to)
{
    assert(from <= to && to <= segment->size);
    return commit(segment, from, to);
}

size_t port_segment_handles(const port_segment_t *segment,
                            port_handle_t handles[PORT_SEGMENT_HANDLES_MAX])
{
    int i;

    for (i = 0; i < HANDLES; i++)
        handles[i] = (port_handle_t)segment->handles[i];
    return HANDLES;
}

static const WCHAR *kind_of(int index)
{
    return index == MEMORY ? L"Section" : index == BELL ? L"Event" : L"Semaphore";
}

static int is_among(HANDLE handle, const HANDLE *handles, int count)
{
    int i;

    for (i = 0; i < count; i++)
        if (handles[i] == handle)
            return 1;
    return 0;
}

/* Numbers, each once, of what a segment has in this order: they may come from anybody. */
static int are_those_of_a_segment(HANDLE *own, const port_handle_t *handles, size_t nhandles)
{
    int i;

    if (nhandles != HANDLES)
        return 0;
    for (i = 0; i < HANDLES; i++) {
        own[i] = (HANDLE)handles[i];
        if (!win32_is_of_kind(own[i], kind_of(i)) || is_among(own[i], own, i))
            return 0;
    }
    return 1;
}

apr_status_t port_segment_adopt(port_segment_t **segment, const port_handle_t *handles,
                                size_t nhandles, apr_pool_t *mem)
{
    port_segment_t adopted = {.size = 0};
    apr_status_t rv;

    if (!are_those_of_a_segment(adopted.handles, handles, nhandles))
        return APR_EBADF;
    rv = map(&adopted, 0);
    if (rv == APR_SUCCESS)
        *segment = apr_pmemdup(mem, &adopted, sizeof adopted);
    return rv;
}

void *port_segment_memory(const port_segment_t *segment)
{
    return segment->memory;
}

size_t port_segment_size(const port_segment_t *segment)
{
    return segment->size;
}

void port_segment_forget(port_segment_t *segment)
{
    UnmapViewOfFile(segment->memory);
    segment->memory = NULL;
}

void port_segment_close(port_segment_t *segment)
{
    port_segment_forget(segment);
    close_handles(segment);
}

/* A wake that came for another who did not wait any more makes this one return for no reason. */
void port_park(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, uint32_t seen,
               port_deadline_t deadline)
{
    assert(park < PORT_PARKS);
    if (atomic_load(word) == seen)
        win32_wait(segment->handles[FIRST_PARK + park], deadline);
}

unsigned port_unpark(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, unsigned count)
{
    LONG left = count < WAKES_MAX ? (LONG)count : WAKES_MAX;

    assert(park < PORT_PARKS);
    (void)word;
    while (left > 0 && !ReleaseSemaphore(segment->handles[FIRST_PARK + park], left, NULL))
        left /= 2;
    return (unsigned)left;
}

void port_bell_ring(port_segment_t *segment)
{
    SetEvent(segment->handles[BELL]);
}

void port_bell_still(port_segment_t *segment)
{
    ResetEvent(segment->handles[BELL]);
}

HANDLE win32_bell(const port_segment_t *segment)
{
    return segment->handles[BELL];
}

void port_yield(void)
{
    SwitchToThread();
}

void port_pause(void)
{
    YieldProcessor();
}
