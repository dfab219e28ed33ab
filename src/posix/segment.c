/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that processes share: a mapped file without a name.  A segment is known
 * to another process by its descriptors, in one order: the memory, the file of
 * signs of life, what the bell needs, and what the parks need.
 */

#include "internal.h"

#include <apr_strings.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMORY, LIVES, BELL };

static size_t first_park(void)
{
    return BELL + posix_bell_descriptors;
}

static size_t count_descriptors(void)
{
    return first_park() + posix_park_descriptors;
}

/* To ask for the limit of a group takes longer than to make what is smaller, which none forbids. */
#define LARGE ((size_t)16 << 20)

static int is_beyond_quota(size_t size)
{
    long long limit = size >= LARGE ? posix_quota_memory() : 0;

    return limit > 0 && size > (unsigned long long)limit;
}

/*
 * More than there is would be found out only when it is too late to refuse it, and a file larger
 * than the process may make ends it: SIGXFSZ (setrlimit(2)).
 */
static apr_status_t check_size(size_t size)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGESIZE);
    struct rlimit limit;

    if (size > PTRDIFF_MAX)
        return APR_ENOMEM;
    if (pages > 0 && page_size > 0 && (size - 1) / (size_t)page_size >= (size_t)pages)
        return APR_ENOMEM;
    if (is_beyond_quota(size))
        return APR_ENOMEM;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        size > limit.rlim_cur)
        return APR_FROM_OS_ERROR(EFBIG);
    return APR_SUCCESS;
}

/* Some systems round it up to whole pages, and then all processes say so. */
static apr_status_t find_size(port_segment_t *segment)
{
    struct stat about;

    if (fstat(segment->descriptors[MEMORY], &about) != 0)
        return APR_FROM_OS_ERROR(errno);
    segment->size = (size_t)about.st_size;
    return APR_SUCCESS;
}

static apr_status_t map(port_segment_t *segment)
{
    apr_status_t rv = find_size(segment);

    if (rv != APR_SUCCESS)
        return rv;
    segment->memory = mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                           segment->descriptors[MEMORY], 0);
    return segment->memory != MAP_FAILED ? APR_SUCCESS : APR_FROM_OS_ERROR(errno);
}

static void close_descriptors(const port_segment_t *segment)
{
    size_t i;

    for (i = 0; i < count_descriptors(); i++)
        posix_close_if_open(segment->descriptors[i]);
}

static apr_status_t open_all(port_segment_t *segment, size_t size)
{
    apr_status_t rv = posix_memory_open(&segment->descriptors[MEMORY], size, segment->size);

    if (rv == APR_SUCCESS)
        rv = posix_lives_open(&segment->descriptors[LIVES]);
    if (rv == APR_SUCCESS)
        rv = posix_bell_open(segment->descriptors + BELL);
    if (rv == APR_SUCCESS)
        rv = posix_parks_open(segment->descriptors + first_park());
    return rv == APR_SUCCESS ? map(segment) : rv;
}

apr_status_t port_segment_create_growing(port_segment_t **segment, size_t size, size_t most,
                                         apr_pool_t *mem)
{
    port_segment_t made = {.size = most};
    apr_status_t rv = check_size(most);
    size_t i;

    assert(size > 0 && size <= most);
    for (i = 0; i < PORT_SEGMENT_HANDLES_MAX; i++)
        made.descriptors[i] = -1;
    if (rv == APR_SUCCESS)
        rv = open_all(&made, size);
    if (rv != APR_SUCCESS) {
        close_descriptors(&made);
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
    return posix_memory_reserve(segment->descriptors[MEMORY], from, to);
}

/* Every process has mapped all of it. */
apr_status_t port_segment_follow(port_segment_t *segment, size_t from, size_t to)
{
    assert(from <= to && to <= segment->size);
    (void)segment;
    (void)from;
    (void)to;
    return APR_SUCCESS;
}

size_t port_segment_handles(const port_segment_t *segment,
                            port_handle_t handles[PORT_SEGMENT_HANDLES_MAX])
{
    size_t i;

    for (i = 0; i < count_descriptors(); i++)
        handles[i] = segment->descriptors[i];
    return count_descriptors();
}

/* A file that can be read and written; macOS says no type of a shared memory object. */
static int is_file(int descriptor, struct stat *about)
{
    return posix_is_open_for(descriptor, O_RDWR) && fstat(descriptor, about) == 0 &&
           (S_ISREG(about->st_mode) || (about->st_mode & S_IFMT) == 0);
}

/* The memory is what has a size, and keeps it, and the signs of life are in a file that has none. */
static int are_files(const int *descriptors)
{
    struct stat memory, lives;

    return is_file(descriptors[MEMORY], &memory) && memory.st_size > 0 &&
           posix_is_lasting(descriptors[MEMORY]) && is_file(descriptors[LIVES], &lives) &&
           lives.st_size == 0;
}

static int is_among(int descriptor, const int *descriptors, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (descriptors[i] == descriptor)
            return 1;
    return 0;
}

/* Numbers, each once, of what a segment has in this order: they may come from anybody. */
static int are_those_of_a_segment(int *descriptors, const port_handle_t *handles, size_t nhandles)
{
    size_t i;

    if (nhandles != count_descriptors())
        return 0;
    for (i = 0; i < nhandles; i++) {
        descriptors[i] = (int)handles[i];
        if (descriptors[i] != handles[i] || is_among(descriptors[i], descriptors, i))
            return 0;
    }
    return are_files(descriptors) && posix_is_bell(descriptors + BELL) &&
           posix_are_parks(descriptors + first_park());
}

static apr_status_t keep_private(const port_segment_t *segment)
{
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    for (i = 0; rv == APR_SUCCESS && i < count_descriptors(); i++)
        rv = posix_keep_private(segment->descriptors[i]);
    return rv;
}

apr_status_t port_segment_adopt(port_segment_t **segment, const port_handle_t *handles,
                                size_t nhandles, apr_pool_t *mem)
{
    port_segment_t adopted = {.size = 0};
    apr_status_t rv;

    if (!are_those_of_a_segment(adopted.descriptors, handles, nhandles))
        return APR_EBADF;
    rv = keep_private(&adopted);
    if (rv == APR_SUCCESS)
        rv = map(&adopted);
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
    munmap(segment->memory, segment->size);
    segment->memory = NULL;
}

void port_segment_close(port_segment_t *segment)
{
    port_segment_forget(segment);
    close_descriptors(segment);
}

void port_park(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, uint32_t seen,
               port_deadline_t deadline)
{
    assert(park < PORT_PARKS);
    posix_park(segment->descriptors + first_park(), park, word, seen, deadline);
}

unsigned port_unpark(port_segment_t *segment, unsigned park, _Atomic uint32_t *word, unsigned count)
{
    assert(park < PORT_PARKS);
    return posix_unpark(segment->descriptors + first_park(), park, word,
                        count < INT_MAX ? count : INT_MAX);
}

/* Full is as good as rung. */
void port_bell_ring(port_segment_t *segment)
{
    static const uint64_t one = 1;
    ssize_t written;

    do
        written = write(segment->descriptors[BELL + posix_bell_descriptors - 1], &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

void port_bell_still(port_segment_t *segment)
{
    char rings[512];
    ssize_t got;

    do
        got = read(segment->descriptors[BELL], rings, sizeof rings);
    while (got == (ssize_t)sizeof rings || (got < 0 && errno == EINTR));
}

int posix_bell(const port_segment_t *segment)
{
    return segment->descriptors[BELL];
}

int posix_lives(const port_segment_t *segment)
{
    return segment->descriptors[LIVES];
}

void port_yield(void)
{
    sched_yield();
}

void port_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb");
#endif
}
