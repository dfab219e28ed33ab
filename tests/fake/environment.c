/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An environment of the test's own: this machine's is not looked at.
 */

#include "internal.h"

#include <apr_strings.h>

#include <string.h>

enum { VARIABLES = 8 };

static struct {
    const char *name, *value;
} variables[VARIABLES];
static int count;

void fake_environment_reset(void)
{
    count = 0;
}

void fake_environment_set(const char *name, const char *value)
{
    assert_true(count < VARIABLES);
    variables[count].name = name;
    variables[count++].value = value;
}

static const char *value_of(const char *name)
{
    int i;

    for (i = 0; i < count; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].value;
    return NULL;
}

apr_status_t port_environment_get(const char **value, const char *name, apr_pool_t *mem)
{
    MPROC_TRY(fake_call());
    *value = apr_pstrdup(mem, value_of(name));
    return APR_SUCCESS;
}

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static int is_named_in(const char *const *changes, const char *entry)
{
    for (; *changes != NULL; changes++)
        if (name_length(*changes) == name_length(entry) &&
            strncmp(*changes, entry, name_length(entry)) == 0)
            return 1;
    return 0;
}

apr_status_t port_environment_merge(const char *const **environment, const char *const *changes,
                                    apr_pool_t *mem)
{
    const char **merged;
    size_t n = 0, nchanges = 0;
    int i;

    MPROC_TRY(fake_call());
    while (changes[nchanges] != NULL)
        nchanges++;
    merged = apr_pcalloc(mem, ((size_t)count + nchanges + 1) * sizeof *merged);
    for (i = 0; i < count; i++)
        if (!is_named_in(changes, variables[i].name))
            merged[n++] = apr_pstrcat(mem, variables[i].name, "=", variables[i].value, NULL);
    for (; *changes != NULL; changes++)
        if (strchr(*changes, '=') != NULL && !is_named_in(changes + 1, *changes))
            merged[n++] = *changes;
    *environment = merged;
    return APR_SUCCESS;
}
