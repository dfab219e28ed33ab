/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Paths: of this process's own executable, and of what CreateProcess() is
 * given.  All are absolute: CreateProcess() would look for others in places of
 * its own choice.
 */

#include "internal.h"

#include <assert.h>

/* The longest path that Windows has, with its end. */
#define PATH_UNITS_MAX 32768

/* SetCurrentDirectory(): "MAX_PATH - 2 characters"; \\?\ does not help here. */
#define FOLDER_UNITS_MAX (MAX_PATH - 2)

static apr_status_t make_absolute(WCHAR **full, const char *path, apr_pool_t *mem)
{
    WCHAR *wide, *absolute;
    DWORD size, length;
    apr_status_t rv = win32_utf16(&wide, path, mem);

    if (rv != APR_SUCCESS)
        return rv;
    size = GetFullPathNameW(wide, 0, NULL, NULL);
    if (size == 0)
        return win32_last_error();
    absolute = apr_palloc(mem, size * sizeof *absolute);
    length = GetFullPathNameW(wide, size, absolute, NULL);
    if (length == 0)
        return win32_last_error();
    if (length >= size) /* it grows only if the current directory has just been changed */
        return win32_status(ERROR_FILENAME_EXCED_RANGE);
    *full = absolute;
    return APR_SUCCESS;
}

/*
 * CreateProcess() runs cmd.exe for a batch file, and cmd.exe would take
 * arguments for commands: no quoting is safe from it.  Trailing dots and spaces,
 * which Windows does not see, are gone from an absolute path.
 */
static int is_batch_file(const WCHAR *path)
{
    size_t length = wcslen(path);

    return length >= 4 &&
           (CompareStringOrdinal(path + length - 4, 4, L".bat", 4, TRUE) == CSTR_EQUAL ||
            CompareStringOrdinal(path + length - 4, 4, L".cmd", 4, TRUE) == CSTR_EQUAL);
}

apr_status_t win32_program_path(WCHAR **full, const char *path, apr_pool_t *mem)
{
    WCHAR *absolute;
    apr_status_t rv = make_absolute(&absolute, path, mem);

    if (rv != APR_SUCCESS)
        return rv;
    if (is_batch_file(absolute))
        return APR_EINVAL;
    *full = absolute;
    return APR_SUCCESS;
}

/*
 * CreateProcess() has one error for all that can be wrong with a directory; here it is told
 * apart.
 */
apr_status_t win32_folder_path(WCHAR **full, const char *path, apr_pool_t *mem)
{
    WCHAR *absolute;
    DWORD attributes;
    apr_status_t rv = make_absolute(&absolute, path, mem);

    if (rv != APR_SUCCESS)
        return rv;
    if (wcslen(absolute) > FOLDER_UNITS_MAX)
        return win32_status(ERROR_FILENAME_EXCED_RANGE);
    attributes = GetFileAttributesW(absolute);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return win32_last_error();
    if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
        return win32_status(ERROR_DIRECTORY);
    *full = absolute;
    return APR_SUCCESS;
}

/* GetModuleFileName() cuts a path that is too long, and the only sign is a full buffer. */
apr_status_t port_executable(const char **path, const char *argv0, apr_pool_t *mem)
{
    DWORD size, length;
    WCHAR *wide;

    (void)argv0;
    for (size = MAX_PATH;; size = size * 2 < PATH_UNITS_MAX ? size * 2 : PATH_UNITS_MAX) {
        wide = apr_palloc(mem, size * sizeof *wide);
        length = GetModuleFileNameW(NULL, wide, size);
        if (length == 0)
            return win32_last_error();
        if (length < size)
            break;
        if (size == PATH_UNITS_MAX)
            return win32_status(ERROR_FILENAME_EXCED_RANGE);
    }
    *path = win32_utf8(wide, mem);
    return APR_SUCCESS;
}
