/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Arguments: on Windows a program gets one line of text, and its C runtime cuts
 * it up.  Here the line is cut up as UTF-16, and made so that every argument
 * comes out again as it went in ("Parsing C command-line arguments",
 * CommandLineToArgvW()).
 */

#include "internal.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <assert.h>
#include <shellapi.h>

/* CreateProcess(): "maximum length 32,767 characters, including the terminating null". */
#define LINE_UNITS_MAX 32767

static void put(apr_array_header_t *line, char character, size_t times)
{
    while (times-- > 0)
        APR_ARRAY_PUSH(line, char) = character;
}

/*
 * The program's name follows rules of its own: it ends at the second quote, and
 * backslashes mean nothing in it.  So a quote cannot be a part of it.
 */
static apr_status_t put_program(apr_array_header_t *line, const char *name)
{
    if (strchr(name, '"') != NULL)
        return APR_EINVAL;
    put(line, '"', 1);
    while (*name != '\0')
        put(line, *name++, 1);
    put(line, '"', 1);
    return APR_SUCCESS;
}

/* Backslashes are taken literally, but for those in front of a quote: they are doubled. */
static void put_quoted(apr_array_header_t *line, const char *argument)
{
    size_t backslashes = 0;

    put(line, '"', 1);
    for (; *argument != '\0'; argument++) {
        if (*argument == '"')
            put(line, '\\', backslashes + 1);
        backslashes = *argument == '\\' ? backslashes + 1 : 0;
        put(line, *argument, 1);
    }
    put(line, '\\', backslashes);
    put(line, '"', 1);
}

/*
 * Line feeds and the like separate nothing for Microsoft's runtime, but they do
 * for others'.  An empty argument is lost without quotes.
 */
static void put_argument(apr_array_header_t *line, const char *argument)
{
    put(line, ' ', 1);
    if (*argument == '\0' || strpbrk(argument, " \t\n\v\f\r\"") != NULL)
        put_quoted(line, argument);
    else
        while (*argument != '\0')
            put(line, *argument++, 1);
}

apr_status_t win32_command_line(WCHAR **line, const char *const *arguments, const char *mark,
                                apr_pool_t *mem)
{
    apr_array_header_t *text = apr_array_make(mem, 256, sizeof(char));
    apr_status_t rv;
    WCHAR *wide;

    assert(arguments[0] != NULL);
    rv = put_program(text, arguments[0]);
    if (rv != APR_SUCCESS)
        return rv;
    if (mark != NULL)
        put_argument(text, mark);
    while (*++arguments != NULL)
        put_argument(text, *arguments);
    put(text, '\0', 1);
    rv = win32_utf16(&wide, text->elts, mem);
    if (rv == APR_SUCCESS && wcslen(wide) >= LINE_UNITS_MAX)
        rv = win32_status(ERROR_FILENAME_EXCED_RANGE);
    if (rv == APR_SUCCESS)
        *line = wide;
    return rv;
}

apr_status_t port_arguments(int *argc, const char *const **argv, apr_pool_t *mem)
{
    int i, count;
    const char **list;
    WCHAR **wide = CommandLineToArgvW(GetCommandLineW(), &count);

    if (wide == NULL)
        return win32_last_error();
    list = apr_palloc(mem, ((size_t)count + 1) * sizeof *list);
    for (i = 0; i < count; i++)
        list[i] = win32_utf8(wide[i], mem);
    list[count] = NULL;
    LocalFree(wide);
    *argc = count;
    *argv = list;
    return APR_SUCCESS;
}
