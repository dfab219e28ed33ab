/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handles: what can be one, what kind it is, who may open what it stands for,
 * and the inheritable ones that a start makes for a moment.
 */

#include "internal.h"

#include <string.h>
#include <winternl.h>

/*
 * Small negative numbers mean this process, this thread, their tokens, and "none";
 * DuplicateHandle() would turn them into real handles with all rights.  The low
 * two bits are never set in a handle (consoles before Windows 8 set them).
 */
int win32_is_handle(HANDLE handle)
{
    return (intptr_t)handle > 0 && ((intptr_t)handle & 3) == 0;
}

/* NtQueryObject() is the one call that asks, and changes nothing. */
int win32_is_of_kind(HANDLE handle, const WCHAR *kind)
{
    union {
        PUBLIC_OBJECT_TYPE_INFORMATION type;
        WCHAR room[256];
    } about = {0};
    size_t length = wcslen(kind);

    return win32_is_handle(handle) &&
           NT_SUCCESS(NtQueryObject(handle, ObjectTypeInformation, &about, sizeof about, NULL)) &&
           about.type.TypeName.Length == length * sizeof *kind &&
           memcmp(about.type.TypeName.Buffer, kind, length * sizeof *kind) == 0;
}

/* GetFileType() says "pipe" of a socket too; GetNamedPipeInfo() does not. */
int win32_is_pipe(HANDLE handle)
{
    DWORD flags;

    return win32_is_handle(handle) && GetFileType(handle) == FILE_TYPE_PIPE &&
           GetNamedPipeInfo(handle, &flags, NULL, NULL, NULL) && (flags & PIPE_TYPE_MESSAGE) == 0;
}

apr_status_t win32_copy_inheritable(HANDLE *copy, HANDLE handle, DWORD access)
{
    HANDLE self = GetCurrentProcess();
    DWORD options = access == SAME_ACCESS ? DUPLICATE_SAME_ACCESS : 0;

    return DuplicateHandle(self, handle, self, copy, access, TRUE, options) ? APR_SUCCESS
                                                                            : win32_last_error();
}

apr_status_t win32_open_null_device(HANDLE *device, DWORD access)
{
    SECURITY_ATTRIBUTES inheritable = {sizeof inheritable, NULL, TRUE};
    HANDLE opened = CreateFileW(L"\\\\.\\NUL", access, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                &inheritable, OPEN_EXISTING, 0, NULL);

    if (opened == INVALID_HANDLE_VALUE)
        return win32_last_error();
    *device = opened;
    return APR_SUCCESS;
}

static BOOL find_user(win32_privacy_t *privacy)
{
    DWORD size;
    HANDLE token;
    BOOL is_found;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return FALSE;
    is_found = GetTokenInformation(token, TokenUser, &privacy->owner, sizeof privacy->owner, &size);
    CloseHandle(token);
    return is_found;
}

/*
 * Without a descriptor of its own everybody could read a pipe ("Named Pipe Security and Access
 * Rights").
 */
BOOL win32_make_private(win32_privacy_t *privacy)
{
    privacy->attributes.nLength = sizeof privacy->attributes;
    privacy->attributes.lpSecurityDescriptor = &privacy->descriptor;
    privacy->attributes.bInheritHandle = FALSE;
    return find_user(privacy) &&
           InitializeAcl(&privacy->list.acl, sizeof privacy->list, ACL_REVISION) &&
           AddAccessAllowedAce(&privacy->list.acl, ACL_REVISION, GENERIC_ALL,
                               privacy->owner.user.User.Sid) &&
           InitializeSecurityDescriptor(&privacy->descriptor, SECURITY_DESCRIPTOR_REVISION) &&
           SetSecurityDescriptorDacl(&privacy->descriptor, TRUE, &privacy->list.acl, FALSE);
}
