/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The environment: names compare byte by byte on POSIX.
 */

#include "internal.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

extern char **environ;

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static int is_same_name(const char *a, const char *b)
{
    return name_length(a) == name_length(b) && strncmp(a, b, name_length(a)) == 0;
}

static int is_named_in(const char *const *entries, const char *entry)
{
    for (; *entries != NULL; entries++)
        if (is_same_name(*entries, entry))
            return 1;
    return 0;
}

static size_t count_entries(const char *const *entries)
{
    size_t count = 0;

    while (entries[count] != NULL)
        count++;
    return count;
}

apr_status_t port_environment_get(const char **value, const char *name, apr_pool_t *mem)
{
    const char *found = getenv(name);

    *value = found != NULL ? apr_pstrdup(mem, found) : NULL;
    return APR_SUCCESS;
}

apr_status_t port_environment_merge(const char *const **environment, const char *const *changes,
                                    apr_pool_t *mem)
{
    static const char *const nothing[] = {NULL}; /* clearenv(3) leaves environ NULL */
    const char *const *own = environ != NULL ? (const char *const *)environ : nothing;
    const char **merged =
        apr_pcalloc(mem, (count_entries(own) + count_entries(changes) + 1) * sizeof *merged);
    size_t count = 0;

    /* A process started by something careless may have a name twice; getenv() sees the first. */
    for (; *own != NULL; own++)
        if (!is_named_in(changes, *own) && !is_named_in(merged, *own))
            merged[count++] = apr_pstrdup(mem, *own);
    for (; *changes != NULL; changes++)
        if (strchr(*changes, '=') != NULL && !is_named_in(changes + 1, *changes))
            merged[count++] = apr_pstrdup(mem, *changes);
    *environment = merged;
    return APR_SUCCESS;
}
