/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process from inside: reading the mark by which a child knows itself.  Its
 * life is tied to its parent's by the job that it was started in; what is left
 * is to look whether the parent still is there.  The mark may have been typed by
 * a person, so everything it names is looked at before it is used.
 *
 * The mark: <0 or 1: detached>,<parent>,<control channel>[,<handle> ...]:<token>
 * with handles in hexadecimal; see spawn.c.
 */

#include "internal.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <assert.h>

typedef struct mark_t {
    const uint64_t *numbers;
    int count;
    const char *token;
} mark_t;

enum { MARK_DETACHED, MARK_PARENT, MARK_CONTROL, MARK_LEAST };

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Up to eight digits: "64-bit versions of Windows use 32-bit handles for interoperability". */
static int read_number(uint64_t *number, const char **text)
{
    int digits;

    *number = 0;
    for (digits = 0; digit_value(**text) >= 0; digits++, (*text)++)
        *number = *number << 4 | (uint64_t)digit_value(**text);
    return digits >= 1 && digits <= 8;
}

static int read_mark(mark_t *mark, const char *text, apr_pool_t *mem)
{
    apr_array_header_t *numbers = apr_array_make(mem, 8, sizeof(uint64_t));

    do
        if (!read_number(apr_array_push(numbers), &text))
            return 0;
    while (*text++ == ',');
    mark->numbers = (const uint64_t *)(void *)numbers->elts;
    mark->count = numbers->nelts;
    mark->token = text;
    return text[-1] == ':' && *text != '\0' && mark->count >= MARK_LEAST &&
           mark->numbers[MARK_DETACHED] <= 1;
}

static HANDLE marked_handle(const mark_t *mark, int index)
{
    return (HANDLE)(uintptr_t)mark->numbers[index];
}

/* The parent's handle is good for waiting and for asking its number, and this is not its own. */
static int is_parent(HANDLE process)
{
    DWORD pid = win32_is_handle(process) ? GetProcessId(process) : 0;

    return pid != 0 && pid != GetCurrentProcessId();
}

static int is_mark_true(const mark_t *mark)
{
    DWORD flags;
    int i;

    if (!is_parent(marked_handle(mark, MARK_PARENT)) ||
        !win32_is_pipe(marked_handle(mark, MARK_CONTROL)))
        return 0;
    for (i = MARK_LEAST; i < mark->count; i++)
        if (!GetHandleInformation(marked_handle(mark, i), &flags))
            return 0;
    return 1;
}

/* They came by inheritance, and would go on to whatever this process starts. */
static apr_status_t keep_private(const mark_t *mark)
{
    int i;

    for (i = MARK_PARENT; i < mark->count; i++)
        if (!SetHandleInformation(marked_handle(mark, i), HANDLE_FLAG_INHERIT, 0))
            return win32_last_error();
    return APR_SUCCESS;
}

static apr_status_t look_for_parent(const mark_t *mark)
{
    if (mark->numbers[MARK_DETACHED])
        return APR_SUCCESS;
    switch (WaitForSingleObject(marked_handle(mark, MARK_PARENT), 0)) {
    case WAIT_TIMEOUT: return APR_SUCCESS;
    case WAIT_OBJECT_0: return APR_EOF;
    default: return win32_last_error();
    }
}

/*
 * A parent that ignores Ctrl-C hands this on (SetConsoleCtrlHandler()); a new process starts
 * without.
 */
static void hear_interrupt(void)
{
    SetConsoleCtrlHandler(NULL, FALSE);
}

static port_process_t *parent_process(HANDLE process, apr_pool_t *mem)
{
    port_process_t *parent = apr_pcalloc(mem, sizeof *parent);

    parent->process = process;
    parent->pid = GetProcessId(process);
    return parent;
}

apr_status_t port_birth(port_birth_t *birth, const char *mark, const char *argv0, apr_pool_t *mem)
{
    mark_t read;
    apr_status_t rv;

    (void)argv0; /* a process goes by its executable's name here */
    if (!read_mark(&read, mark, mem) || !is_mark_true(&read))
        return APR_EINVAL;
    rv = keep_private(&read);
    if (rv == APR_SUCCESS)
        rv = look_for_parent(&read);
    if (rv != APR_SUCCESS)
        return rv;
    hear_interrupt();
    birth->token = apr_pstrdup(mem, read.token);
    birth->control = (port_handle_t)marked_handle(&read, MARK_CONTROL);
    birth->parent = parent_process(marked_handle(&read, MARK_PARENT), mem);
    return APR_SUCCESS;
}
