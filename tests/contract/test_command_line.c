/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Windows only: the command line that is made from arguments, checked by taking
 * it apart with the system's own function, and text in UTF-8 and UTF-16.
 */

#include "contract.h"
#include "win32/internal.h"

#include <shellapi.h>

/* An argument, and what it must look like in the line. */
static const struct {
    const char *argument, *token;
} cases[] = {
    {"", "\"\""},
    {" ", "\" \""},
    {"a b", "\"a b\""},
    {"a\tb", "\"a\tb\""},
    {"a\nb", "\"a\nb\""},
    {"a\r\nb", "\"a\r\nb\""},
    {"a\vb", "\"a\vb\""},
    {"\"", "\"\\\"\""},
    {"a\"b", "\"a\\\"b\""},
    {"\"a b\"", "\"\\\"a b\\\"\""},
    {"\\", "\\"},
    {"a\\", "a\\"},
    {"a b\\", "\"a b\\\\\""},
    {"a b\\\\", "\"a b\\\\\\\\\""},
    {"\\\\srv\\share\\", "\\\\srv\\share\\"},
    {"a\\\"b", "\"a\\\\\\\"b\""},
    {"a\\\\\"b c", "\"a\\\\\\\\\\\"b c\""},
    {"--x=\"y z\"\\", "\"--x=\\\"y z\\\"\\\\\""},
    {"%PATH%", "%PATH%"},
    {"^&|<>()!", "^&|<>()!"},
    {"a;b,c=d", "a;b,c=d"},
    {"*.c", "*.c"},
    {"'a b'", "\"'a b'\""},
    {"\xc3\xa9\xe4\xb8\xad", "\xc3\xa9\xe4\xb8\xad"},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    {"a\"\"b", "\"a\\\"\\\"b\""},
    {"/?", "/?"},
    {"@file", "@file"},
    {"\x7f\x01", "\x7f\x01"},
};

#define NCASES (sizeof cases / sizeof cases[0])

static void check_parsed(const WCHAR *line, const char *const *arguments, apr_pool_t *mem)
{
    int i, count;
    WCHAR **parsed = CommandLineToArgvW(line, &count);

    assert_non_null(parsed);
    for (i = 0; i < count; i++) {
        assert_non_null(arguments[i]);
        assert_string_equal(win32_utf8(parsed[i], mem), arguments[i]);
    }
    assert_null(arguments[count]);
    LocalFree(parsed);
}

static void every_argument_becomes_its_token(void **state)
{
    WCHAR *line;
    size_t i;

    for (i = 0; i < NCASES; i++) {
        const char *const arguments[] = {"name", cases[i].argument, NULL};
        assert_success(win32_command_line(&line, arguments, NULL, *state));
        assert_string_equal(win32_utf8(line, *state),
                            apr_pstrcat(*state, "\"name\" ", cases[i].token, NULL));
        check_parsed(line, arguments, *state);
    }
}

static void all_arguments_come_apart_again(void **state)
{
    const char *arguments[NCASES + 2] = {"C:\\a folder\\name.exe"};
    WCHAR *line;
    size_t i;

    for (i = 0; i < NCASES; i++)
        arguments[i + 1] = cases[i].argument;
    assert_success(win32_command_line(&line, arguments, NULL, *state));
    check_parsed(line, arguments, *state);
}

static void the_mark_stands_after_the_name(void **state)
{
    const char *const arguments[] = {"name", "first", NULL}, *const marked[] = {"name", "a mark",
                                                                                "first", NULL};
    WCHAR *line;

    assert_success(win32_command_line(&line, arguments, "a mark", *state));
    check_parsed(line, marked, *state);
}

static void a_name_may_end_with_a_backslash(void **state)
{
    const char *const arguments[] = {"C:\\a folder\\", "b", NULL};
    WCHAR *line;

    assert_success(win32_command_line(&line, arguments, NULL, *state));
    check_parsed(line, arguments, *state);
}

static void a_name_with_a_quote_is_refused(void **state)
{
    const char *const arguments[] = {"a\"b", NULL};
    WCHAR *line = NULL;

    assert_int_equal(win32_command_line(&line, arguments, NULL, *state), APR_EINVAL);
    assert_null(line);
}

/* "n" with quotes, a space, and the end leave 32,762 of 32,767. */
static void a_line_is_as_long_as_the_system_allows_and_no_longer(void **state)
{
    char *word = apr_pcalloc(*state, 32764);
    const char *const arguments[] = {"n", word, NULL};
    WCHAR *line = NULL;

    memset(word, 'x', 32763);
    assert_int_equal(win32_command_line(&line, arguments, NULL, *state),
                     APR_FROM_OS_ERROR(ERROR_FILENAME_EXCED_RANGE));
    assert_null(line);
    word[32762] = '\0';
    assert_success(win32_command_line(&line, arguments, NULL, *state));
    assert_int_equal(wcslen(line), 32766);
    check_parsed(line, arguments, *state);
}

static void half_a_surrogate_pair_is_carried_through(void **state)
{
    static const WCHAR halves[] = {'a', 0xD800, 'b', 0xDC00, 0xD83D, 0xDE00, 0xDBFF, 0};
    WCHAR *wide;

    assert_success(win32_utf16(&wide, win32_utf8(halves, *state), *state));
    assert_memory_equal(wide, halves, sizeof halves);
}

static void what_is_not_utf8_is_refused(void **state)
{
    static const char *const texts[] = {"\xff",
                                        "\x80",
                                        "a\xc3",
                                        "\xc3(",
                                        "\xc0\x80",
                                        "\xe0\x80\x80",
                                        "\xf0\x80\x80\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf8\x88\x80\x80\x80",
                                        "\xe4\xb8"};
    WCHAR *wide = NULL;
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(win32_utf16(&wide, texts[i], *state),
                         APR_FROM_OS_ERROR(ERROR_NO_UNICODE_TRANSLATION));
    assert_null(wide);
}

static void an_environment_block_ends_with_two_zeros(void **state)
{
    static const char *const none[] = {NULL}, *const two[] = {"A=1", "B=2", NULL};
    WCHAR *block;

    assert_success(win32_environment_block(&block, none, *state));
    assert_memory_equal(block, L"\0", 2 * sizeof *block);
    assert_success(win32_environment_block(&block, two, *state));
    assert_memory_equal(block, L"A=1\0B=2\0", 9 * sizeof *block);
}

/* Without regard to case, and as if all were upper case: an underscore comes after the letters. */
static void a_merged_environment_is_sorted_as_windows_wants_it(void **state)
{
    static const char *const changes[] = {"mproc_b=1",      "MPROC_A=2", "=R:=R:\\", "MPROCa=3",
                                          "=Q:=Q:\\folder", "MPROC=4",   NULL};
    static const char *const sorted[] = {"=Q:=Q:\\folder", "=R:=R:\\",  "MPROC=4",
                                         "MPROCa=3",       "MPROC_A=2", "mproc_b=1"};
    const char *const *environment;
    size_t found = 0;

    for (assert_success(port_environment_merge(&environment, changes, *state));
         *environment != NULL; environment++)
        if (found < 6 && strcmp(*environment, sorted[found]) == 0)
            found++;
    assert_int_equal(found, 6);
}

static void a_variable_is_as_long_as_the_system_allows_and_no_longer(void **state)
{
    char *variable = apr_pcalloc(*state, 32768);
    const char *const changes[] = {variable, NULL};
    const char *const *environment = NULL;

    memset(variable, 'x', 32767);
    variable[4] = '=';
    assert_int_equal(port_environment_merge(&environment, changes, *state),
                     APR_FROM_OS_ERROR(ERROR_FILENAME_EXCED_RANGE));
    assert_null(environment);
    variable[32766] = '\0';
    assert_success(port_environment_merge(&environment, changes, *state));
}

/* Neither is there; of the longer one that is not even asked. */
static void a_folder_is_as_long_as_the_system_allows_and_no_longer(void **state)
{
    char path[260] = "C:\\";
    WCHAR *full = NULL;

    memset(path + 3, 'x', 256);
    assert_int_equal(win32_folder_path(&full, path, *state),
                     APR_FROM_OS_ERROR(ERROR_FILENAME_EXCED_RANGE));
    path[258] = '\0';
    assert_true(APR_STATUS_IS_ENOENT(win32_folder_path(&full, path, *state)));
    assert_null(full);
}

static void batch_files_are_refused(void **state)
{
    static const char *const paths[] = {"a.bat", "C:\\b.CMD", "c.Bat. .", "d.cmd   "};
    WCHAR *full = NULL;
    size_t i;

    for (i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(win32_program_path(&full, paths[i], *state), APR_EINVAL);
    assert_null(full);
    assert_success(win32_program_path(&full, "bat.exe", *state));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(every_argument_becomes_its_token),
        claim(all_arguments_come_apart_again),
        claim(the_mark_stands_after_the_name),
        claim(a_name_may_end_with_a_backslash),
        claim(a_name_with_a_quote_is_refused),
        claim(a_line_is_as_long_as_the_system_allows_and_no_longer),
        claim(half_a_surrogate_pair_is_carried_through),
        claim(what_is_not_utf8_is_refused),
        claim(an_environment_block_ends_with_two_zeros),
        claim(a_merged_environment_is_sorted_as_windows_wants_it),
        claim(a_variable_is_as_long_as_the_system_allows_and_no_longer),
        claim(a_folder_is_as_long_as_the_system_allows_and_no_longer),
        claim(batch_files_are_refused),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
