/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process from inside: reading the mark by which a child knows itself, and
 * tying its life to its parent's.  The mark may have been typed by a person, so
 * everything it names is looked at before it is used.
 */

#include "internal.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct mark_t {
    int control;
    int lifeline;
    int is_detached;
    const char *token;
} mark_t;

static int read_number(int *number, const char **text)
{
    char *end;
    long value;

    if (**text < '0' || **text > '9')
        return 0;
    errno = 0;
    value = strtol(*text, &end, 10);
    if (errno != 0 || value < FIRST_DESCRIPTOR || value > 0x7fffffff ||
        (*end != ',' && *end != ':'))
        return 0;
    *number = (int)value;
    *text = end + 1;
    return 1;
}

static int read_word(const char *word, const char **text)
{
    size_t length = strlen(word);

    if (strncmp(*text, word, length) != 0)
        return 0;
    *text += length;
    return 1;
}

static int read_mark(mark_t *mark, const char *text)
{
    if (!read_number(&mark->control, &text) || !read_number(&mark->lifeline, &text))
        return 0;
    mark->is_detached = read_word("detached:", &text);
    mark->token = text;
    return mark->is_detached || (read_word("tied:", &text) && (mark->token = text) != NULL);
}

static int is_lifeline(int descriptor)
{
    struct stat about;

    return fstat(descriptor, &about) == 0 && S_ISFIFO(about.st_mode) &&
           (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

static int is_control(int descriptor)
{
    struct stat about;

    return fstat(descriptor, &about) == 0 && S_ISSOCK(about.st_mode);
}

/* A program that this process runs must not hold them. */
static apr_status_t keep_private(const mark_t *mark)
{
    if (fcntl(mark->control, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(mark->lifeline, F_SETFD, FD_CLOEXEC) != 0)
        return APR_FROM_OS_ERROR(errno);
    return APR_SUCCESS;
}

apr_status_t posix_tie_to_parent(int lifeline)
{
    apr_status_t rv = posix_lifeline_arm(lifeline);

    if (rv != APR_SUCCESS)
        return rv;
    /* The parent may have ended before the line was armed; then nothing will pull it. */
    return posix_poll(lifeline, POLLIN, PORT_NOW) == APR_TIMEUP ? APR_SUCCESS : APR_EOF;
}

/* Nothing is ever written into the lifeline, so it is readable when its other end is closed. */
port_process_t *posix_parent_process(int lifeline, apr_pool_t *mem)
{
    port_process_t *parent = apr_palloc(mem, sizeof *parent);

    parent->pid = getppid();
    parent->sentinel = lifeline;
    parent->lifeline = parent->teller = parent->told = -1;
    return parent;
}

apr_status_t port_birth(port_birth_t *birth, const char *mark, const char *argv0, apr_pool_t *mem)
{
    mark_t read;
    apr_status_t rv;

    if (!read_mark(&read, mark) || !is_control(read.control) || !is_lifeline(read.lifeline))
        return APR_EINVAL;
    rv = keep_private(&read);
    if (rv == APR_SUCCESS && !read.is_detached)
        rv = posix_tie_to_parent(read.lifeline);
    if (rv != APR_SUCCESS)
        return rv;
    posix_name_process(argv0);
    birth->token = apr_pstrdup(mem, read.token);
    birth->control = read.control;
    birth->parent = posix_parent_process(read.lifeline, mem);
    return APR_SUCCESS;
}
