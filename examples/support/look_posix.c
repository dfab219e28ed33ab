/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX, with what Linux has beside it: /proc/self (proc(5)).
 */

#include "look.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sum of the lines of /proc/self/smaps_rollup that begin with a word, in bytes. */
static size_t sum_of(const char *word)
{
    char line[256];
    size_t kilobytes = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, word, strlen(word)) == 0)
            kilobytes += strtoull(strchr(line, ':') + 1, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kilobytes * 1024;
}

/* Elsewhere: the most that it ever was, which a child that has just begun has not left yet. */
size_t look_resident(void)
{
    size_t resident = sum_of("Rss:");
    struct rusage usage;

    if (resident > 0 || getrusage(RUSAGE_SELF, &usage) != 0)
        return resident;
    return (size_t)usage.ru_maxrss * 1024;
}

size_t look_private(void)
{
    return sum_of("Private_");
}

/* Entries of a folder but "." and ".."; the one that lists it is open too, and not counted. */
static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2;

    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

int look_handles(void)
{
    int count = count_entries("/proc/self/fd");

    if (count == 0)
        count = count_entries("/dev/fd");
    return count > 0 ? count - 1 : 0;
}

int look_threads(void)
{
    return count_entries("/proc/self/task");
}

/* The system looks whether it can read what it is to write into the pipe: else EFAULT (write(2)). */
int look_is_readable(const void *address)
{
    int ends[2], result;

    if (pipe(ends) != 0)
        return 0;
    result = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return result;
}

/* Whole pages alone can be named: madvise(2). */
void look_refuse_huge_pages(void *memory, size_t size)
{
#ifdef MADV_NOHUGEPAGE
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (page - (uintptr_t)memory % page) % page;

    if (size > before + page)
        madvise((char *)memory + before, (size - before) / page * page, MADV_NOHUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

intptr_t look_handle_of(FILE *file)
{
    return fileno(file);
}

int look_read(intptr_t handle, char *text, size_t size)
{
    struct stat about;
    ssize_t got;

    if (fstat((int)handle, &about) != 0 || !S_ISREG(about.st_mode))
        return -1;
    got = pread((int)handle, text, size - 1, 0);
    if (got < 0)
        return -1;
    text[got] = '\0';
    return (int)got;
}

long long look_parent(void)
{
    return getppid();
}

void look_kill(long long process)
{
    kill((pid_t)process, SIGKILL);
}

void look_die(void)
{
    raise(SIGKILL);
}
