/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows only: what can be a handle, who can reach the pipe under a channel, and
 * what its system calls its end.
 */

#include "contract.h"
#include "win32/internal.h"

#define BOTH (PORT_READ | PORT_WRITE)

/* -- What can be a handle ------------------------------------------------------ */

/* The small negative ones stand for this process, its thread and their tokens. */
static void what_only_stands_for_a_handle_is_none(void **state)
{
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    intptr_t constant;

    (void)state;
    for (constant = 0; constant >= -8; constant--)
        assert_false(win32_is_handle((HANDLE)constant));
    assert_false(win32_is_handle(GetCurrentProcess()));
    assert_false(win32_is_handle(GetCurrentThread()));
    assert_false(win32_is_handle((HANDLE)((intptr_t)event | 3)));
    assert_true(win32_is_handle(event));
    CloseHandle(event);
}

/* -- Who can reach a pipe ------------------------------------------------------ */

/* The name of the pipe under a channel, as who has guessed it would open it. */
static const WCHAR *name_of(const port_channel_t *channel, apr_pool_t *mem)
{
    struct {
        FILE_NAME_INFO info;
        WCHAR room[256];
    } about = {0};
    const char *name;
    WCHAR *wide;

    assert_true(GetFileInformationByHandleEx((HANDLE)port_channel_handle(channel), FileNameInfo,
                                             &about, sizeof about));
    name = win32_utf8(about.info.FileName, mem);
    assert_memory_equal(name, "\\mproc-", 7);
    assert_success(win32_utf16(&wide, apr_pstrcat(mem, "\\\\.\\pipe", name, NULL), mem));
    return wide;
}

static void nobody_can_connect_to_a_channel(void **state)
{
    port_channel_t *here, *there;
    const WCHAR *name;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    name = name_of(here, *state);
    assert_ptr_equal(
        CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL),
        INVALID_HANDLE_VALUE);
    assert_int_equal(GetLastError(), ERROR_PIPE_BUSY);
    port_channel_close(here);
    port_channel_close(there);
}

static void nobody_can_make_a_pipe_of_a_channels_name(void **state)
{
    port_channel_t *here, *there;
    const WCHAR *name;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    name = name_of(here, *state);
    assert_ptr_equal(CreateNamedPipeW(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 0, 0, 0, NULL),
                     INVALID_HANDLE_VALUE);
    port_channel_close(here);
    port_channel_close(there);
}

static void no_two_channels_have_one_name(void **state)
{
    port_channel_t *here[2], *there[2];
    int i;

    for (i = 0; i < 2; i++)
        assert_success(port_channel_pair(&here[i], &there[i], BOTH, *state));
    assert_true(wcscmp(name_of(here[0], *state), name_of(here[1], *state)) != 0);
    for (i = 0; i < 2; i++) {
        port_channel_close(here[i]);
        port_channel_close(there[i]);
    }
}

/* -- What is not its end -------------------------------------------------------- */

static void a_write_of_nothing_by_others_is_not_the_end(void **state)
{
    port_channel_t *here, *there;
    OVERLAPPED operation = {0};
    DWORD written;
    HANDLE pipe;

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    pipe = (HANDLE)port_channel_handle(there);
    operation.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    assert_true(WriteFile(pipe, "", 0, NULL, &operation) || GetLastError() == ERROR_IO_PENDING);
    say(there, "word");
    assert_string_equal(hear(here, *state), "word");
    assert_true(GetOverlappedResult(pipe, &operation, &written, TRUE));
    CloseHandle(operation.hEvent);
    port_channel_close(here);
    port_channel_close(there);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(what_only_stands_for_a_handle_is_none),       claim(nobody_can_connect_to_a_channel),
        claim(nobody_can_make_a_pipe_of_a_channels_name),   claim(no_two_channels_have_one_name),
        claim(a_write_of_nothing_by_others_is_not_the_end),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
