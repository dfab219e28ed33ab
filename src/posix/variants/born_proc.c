/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Linux: proc(5) says when a process was born, and whether only its exit code is
 * left of it.
 */

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From field 3 on: the name before it, in parentheses, may have spaces and parentheses itself. */
static const char *read_fields(char *text, size_t size, pid_t pid)
{
    char path[40];
    ssize_t got;
    int file;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    got = read(file, text, size - 1);
    close(file);
    if (got <= 0)
        return NULL;
    text[got] = '\0';
    text = strrchr(text, ')');
    return text != NULL && text[1] == ' ' ? text + 2 : NULL;
}

static const char *find_field(const char *fields, int number)
{
    for (number -= 3; fields != NULL && number > 0; number--) {
        fields = strchr(fields, ' ');
        if (fields != NULL)
            fields++;
    }
    return fields;
}

/* Field 22, in ticks since the system was started: two processes with one number differ in it. */
static uint32_t birth_time(const char *fields)
{
    const char *start = find_field(fields, 22);

    return start != NULL ? (uint32_t)strtoull(start, NULL, 10) : 0;
}

uint32_t posix_birth_time(pid_t pid)
{
    char text[1024];
    const char *fields = read_fields(text, sizeof text, pid);

    return fields != NULL ? birth_time(fields) : 0;
}

/* A process whose first thread has ended goes by that thread's state, as long as others run. */
static int is_dead(const char *fields)
{
    const char *threads = find_field(fields, 20);

    return fields[0] == 'X' ||
           (fields[0] == 'Z' && threads != NULL && strtol(threads, NULL, 10) <= 1);
}

int posix_has_ended(pid_t pid, uint32_t born)
{
    char text[1024];
    const char *fields;

    if (kill(pid, 0) != 0 && errno == ESRCH)
        return 1;
    fields = read_fields(text, sizeof text, pid);
    if (fields == NULL)
        return 0;
    return is_dead(fields) || (born != 0 && birth_time(fields) != born);
}
