/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux whose libc has no closefrom(): close_range(2), or where a kernel or a
 * filter refuses that, what proc(5) lists as open.  readdir() would allocate,
 * which a forked child must not do: the call below it, getdents64(2), does not.
 */

#include "internal.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Younger than some headers; the number is the same on every architecture. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* As getdents64(2) describes it; the libc has its own. */
typedef struct entry_t {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
} entry_t;

static int close_range_from(int lowest)
{
    return (int)syscall(SYS_close_range, (unsigned)lowest, ~0U, 0U);
}

/* "." and ".." are no numbers. */
static int read_number(const char *name)
{
    int number = 0;

    if (*name < '0' || *name > '9')
        return -1;
    for (; *name != '\0'; name++)
        number = number * 10 + (*name - '0');
    return number;
}

/* To close while one reads is safe: the place in this folder is the next number. */
static void close_entries(const char *entries, size_t size, int list, int lowest)
{
    size_t place;
    uint16_t entry_size;

    for (place = 0; place < size; place += entry_size) {
        int number = read_number(entries + place + offsetof(entry_t, name));

        memcpy(&entry_size, entries + place + offsetof(entry_t, size), sizeof entry_size);
        if (number >= lowest && number != list)
            close(number);
    }
}

static int close_listed(int lowest)
{
    char entries[2048];
    int list = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size;

    if (list < 0)
        return -1;
    while ((size = syscall(SYS_getdents64, list, entries, sizeof entries)) > 0)
        close_entries(entries, (size_t)size, list, lowest);
    close(list);
    return size == 0 ? 0 : -1;
}

int posix_close_from(int lowest)
{
    return close_range_from(lowest) == 0 ? 0 : close_listed(lowest);
}
