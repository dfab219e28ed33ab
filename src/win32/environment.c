/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Environment variables.  Windows compares their names without regard to case
 * and wants a block sorted that way ("Changing Environment Variables").  Names
 * that begin with an equals sign ("=C:") are cmd.exe's notes of the current
 * directory of each drive, and are passed on as any other.
 */

#include "internal.h"

#include <apr_tables.h>
#include <assert.h>
#include <stdlib.h>

/* "Environment Variables": "32,767 characters", the name, the equals sign and the end included. */
#define ENTRY_UNITS_MAX 32767

typedef struct entry_t {
    const WCHAR *text;
    int name_length;
    int order; /* of entries with one name, the highest counts */
} entry_t;

static void add_entry(apr_array_header_t *entries, const WCHAR *text, int order)
{
    entry_t *entry = apr_array_push(entries);
    const WCHAR *equals = wcschr(text + 1, L'=');

    entry->text = text;
    entry->name_length = (int)(equals != NULL ? (size_t)(equals - text) : wcslen(text));
    entry->order = order;
}

static int compare_names(const entry_t *a, const entry_t *b)
{
    return CompareStringOrdinal(a->text, a->name_length, b->text, b->name_length, TRUE) -
           CSTR_EQUAL;
}

static int compare_entries(const void *left, const void *right)
{
    const entry_t *a = left, *b = right;
    int difference = compare_names(a, b);

    return difference != 0 ? difference : (a->order > b->order) - (a->order < b->order);
}

/* A process started by something careless may have a name twice; the first is the one it sees. */
static void add_block(apr_array_header_t *entries, const WCHAR *block)
{
    int order = 0;

    for (; *block != 0; block += wcslen(block) + 1)
        add_entry(entries, block, --order);
}

static apr_status_t add_changes(apr_array_header_t *entries, const char *const *changes,
                                apr_pool_t *mem)
{
    WCHAR *wide;
    apr_status_t rv;
    int order = 0;

    for (; *changes != NULL; changes++) {
        assert(**changes != '\0');
        rv = win32_utf16(&wide, *changes, mem);
        if (rv == APR_SUCCESS && wcslen(wide) >= ENTRY_UNITS_MAX)
            rv = win32_status(ERROR_FILENAME_EXCED_RANGE);
        if (rv != APR_SUCCESS)
            return rv;
        add_entry(entries, wide, ++order);
    }
    return APR_SUCCESS;
}

static const char *const *pick_entries(apr_array_header_t *entries, apr_pool_t *mem)
{
    const char **picked = apr_palloc(mem, ((size_t)entries->nelts + 1) * sizeof *picked);
    const char **out = picked;
    const entry_t *entry = (const entry_t *)(void *)entries->elts;
    const entry_t *end = entry + entries->nelts;

    qsort(entries->elts, (size_t)entries->nelts, sizeof *entry, compare_entries);
    for (; entry < end; entry++) {
        int is_replaced = entry + 1 < end && compare_names(entry, entry + 1) == 0;
        int is_taken_out = entry->text[entry->name_length] == 0;

        if (!is_replaced && !is_taken_out)
            *out++ = win32_utf8(entry->text, mem);
    }
    *out = NULL;
    return picked;
}

/* Two zeros end a block, also an empty one. */
apr_status_t win32_environment_block(WCHAR **block, const char *const *environment, apr_pool_t *mem)
{
    apr_array_header_t *units = apr_array_make(mem, 4096, sizeof(WCHAR));
    int is_empty = *environment == NULL;
    apr_status_t rv;
    WCHAR *wide;

    for (; *environment != NULL; environment++) {
        rv = win32_utf16(&wide, *environment, mem);
        if (rv != APR_SUCCESS)
            return rv;
        do
            APR_ARRAY_PUSH(units, WCHAR) = *wide;
        while (*wide++ != 0);
    }
    if (is_empty)
        APR_ARRAY_PUSH(units, WCHAR) = 0;
    APR_ARRAY_PUSH(units, WCHAR) = 0;
    *block = (WCHAR *)(void *)units->elts;
    return APR_SUCCESS;
}

/* Another thread may make the value longer between two calls, hence the loop. */
apr_status_t port_environment_get(const char **value, const char *name, apr_pool_t *mem)
{
    WCHAR *wide_name, *wide = NULL;
    DWORD size = 0, length;
    apr_status_t rv = win32_utf16(&wide_name, name, mem);

    if (rv != APR_SUCCESS)
        return rv;
    for (;;) {
        SetLastError(ERROR_SUCCESS); /* an empty value gives 0 without an error */
        length = GetEnvironmentVariableW(wide_name, wide, size);
        if (length < size || length == 0)
            break;
        size = length;
        wide = apr_palloc(mem, size * sizeof *wide);
    }
    if (length == 0 && GetLastError() != ERROR_SUCCESS && GetLastError() != ERROR_ENVVAR_NOT_FOUND)
        return win32_last_error();
    if (length > 0)
        *value = win32_utf8(wide, mem);
    else
        *value = GetLastError() == ERROR_ENVVAR_NOT_FOUND ? NULL : "";
    return APR_SUCCESS;
}

apr_status_t port_environment_merge(const char *const **environment, const char *const *changes,
                                    apr_pool_t *mem)
{
    apr_array_header_t *entries = apr_array_make(mem, 64, sizeof(entry_t));
    WCHAR *block = GetEnvironmentStringsW();
    apr_status_t rv;

    if (block == NULL)
        return win32_last_error();
    add_block(entries, block);
    rv = add_changes(entries, changes, mem);
    if (rv == APR_SUCCESS)
        *environment = pick_entries(entries, mem);
    FreeEnvironmentStringsW(block);
    return rv;
}
