/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a process: what the child gets, what it does not get, and what is
 * said when it cannot be started.
 */

#include "spawned.h"

#include <apr_file_io.h>

#include <string.h>

#define BOTH (PORT_READ | PORT_WRITE)

/* Start a child with a command, hear a word from it, and see it exit with 0. */
static const char *ask_child(child_t *child, const char *command, const char *argument,
                             apr_pool_t *mem)
{
    const char *const words[] = {command, argument, NULL};
    const char *answer;

    child->words = words;
    assert_success(start_child(child, mem));
    answer = hear(child->control, mem);
    end_child(child, PORT_EXITED, 0);
    return answer;
}

static void a_child_knows_its_token(void **state)
{
    child_t child = {0};

    assert_string_equal(ask_child(&child, SAY_TOKEN, NULL, *state), TOKEN);
}

static void a_child_knows_its_parent(void **state)
{
    child_t child = {0};

    assert_int_equal(apr_atoi64(ask_child(&child, SAY_PARENT, NULL, *state)), port_pid());
}

static void a_child_has_a_number_of_its_own(void **state)
{
    const char *const words[] = {EXIT, "0", NULL};
    child_t child = {.words = words};

    assert_success(start_child(&child, *state));
    assert_true(port_process_pid(child.process) > 0);
    assert_true(port_process_pid(child.process) != port_pid());
    end_child(&child, PORT_EXITED, 0);
}

static void arguments_arrive_as_they_were_given(void **state)
{
    static const char *const words[] = {SAY_WORDS,
                                        "",
                                        " ",
                                        "a b",
                                        "a\tb",
                                        "a\nb",
                                        "a\r\nb",
                                        "a\vb",
                                        "\"",
                                        "a\"b",
                                        "\"a b\"",
                                        "\\",
                                        "a\\",
                                        "a b\\",
                                        "a b\\\\",
                                        "\\\\srv\\share\\",
                                        "a\\\"b",
                                        "a\\\\\"b c",
                                        "--x=\"y z\"\\",
                                        "%PATH%",
                                        "^&|<>()!",
                                        "a;b,c=d",
                                        "*.c",
                                        "'a b'",
                                        "\xc3\xa9\xe4\xb8\xad \xf0\x9f\x98\x80",
                                        "a\"\"b",
                                        "/?",
                                        "@file",
                                        "\x7f\x01",
                                        PORT_CHILD_MARK "1:x",
                                        NULL};
    child_t child = {.words = words};
    const char *const *word;

    assert_success(start_child(&child, *state));
    for (word = words + 1; *word != NULL; word++)
        assert_string_equal(hear(child.control, *state), *word);
    assert_string_equal(hear(child.control, *state), ".");
    end_child(&child, PORT_EXITED, 0);
}

static void a_long_argument_arrives_whole(void **state)
{
    char *word = apr_pcalloc(*state, 4001);
    child_t child = {0};

    memset(word, 'x', 4000);
    assert_string_equal(ask_child(&child, SAY_WORDS, word, *state), word);
}

static void an_environment_is_given(void **state)
{
    const char *const changes[] = {"MPROC_TEST_GIVEN=a \xc3\xa9 value", NULL};
    child_t child = {0};

    assert_success(port_environment_merge(&child.environment, changes, *state));
    assert_string_equal(ask_child(&child, SAY_VARIABLE, "MPROC_TEST_GIVEN", *state),
                        "a \xc3\xa9 value");
    assert_string_equal(ask_child(&child, SAY_VARIABLE, "MPROC_TEST_NOT_GIVEN", *state), "(none)");
}

/* Whoever started it was careless: what it merges has the name once, as it sees it itself. */
static void a_name_that_a_child_has_twice_is_merged_once(void **state)
{
    static const char *const words[] = {SAY_MERGED, "MPROC_TEST_TWICE", NULL};
    static const char *const no_changes[] = {NULL};
    child_t child = {.words = words};
    const char *const *merged;
    const char **careless;
    const char *seen;
    size_t count = 0;

    assert_success(port_environment_merge(&merged, no_changes, *state));
    while (merged[count] != NULL)
        count++;
    careless = apr_pcalloc(*state, (count + 3) * sizeof *careless);
    memcpy(careless, merged, count * sizeof *careless);
    careless[count] = "MPROC_TEST_TWICE=one";
    careless[count + 1] = "MPROC_TEST_TWICE=another";
    child.environment = careless;
    assert_success(start_child(&child, *state));
    seen = hear(child.control, *state);
    assert_string_equal(hear(child.control, *state),
                        apr_pstrcat(*state, "MPROC_TEST_TWICE=", seen, NULL));
    assert_string_equal(hear(child.control, *state), ".");
    end_child(&child, PORT_EXITED, 0);
}

static void without_an_environment_it_is_this_one(void **state)
{
    child_t child = {0};
    const char *path = NULL;

    assert_success(port_environment_get(&path, "PATH", *state));
    assert_string_equal(ask_child(&child, SAY_VARIABLE, "PATH", *state), path);
}

/* Where the last name of a path begins. */
static size_t name_place(const char *path)
{
    size_t place = strlen(path);

    while (place > 0 && path[place - 1] != '/' && path[place - 1] != '\\')
        place--;
    return place;
}

/* Folders have several spellings, so it is asked as which this process knows it. */
static const char *go_to(const char *folder, apr_pool_t *mem)
{
    char *name = NULL;

    assert_success(apr_filepath_set(folder, mem));
    assert_success(apr_filepath_get(&name, 0, mem));
    return name;
}

static void a_child_starts_in_its_folder(void **state)
{
    char *start;
    const char *wanted;
    child_t child = {0};

    assert_success(apr_filepath_get(&start, 0, *state));
    assert_success(apr_temp_dir_get(&child.folder, *state));
    wanted = go_to(child.folder, *state);
    go_to(start, *state);
    assert_string_equal(ask_child(&child, SAY_FOLDER, NULL, *state), wanted);
    child.folder = NULL;
    assert_string_equal(ask_child(&child, SAY_FOLDER, NULL, *state), start);
}

static void a_relative_executable_is_looked_for_here_and_not_in_the_folder(void **state)
{
    const char *path = own_name();
    char *start;
    child_t child = {0};

    assert_true(name_place(path) > 0); /* a test is started by its path */
    assert_success(apr_filepath_get(&start, 0, *state));
    assert_success(apr_temp_dir_get(&child.folder, *state));
    go_to(apr_pstrmemdup(*state, path, name_place(path)), *state);
    child.executable = apr_pstrcat(*state, "./", path + name_place(path), NULL);
    assert_string_equal(ask_child(&child, SAY_TOKEN, NULL, *state), TOKEN);
    go_to(start, *state);
}

static apr_status_t fail_to_start(child_t *child, port_stage_t stage, apr_pool_t *mem)
{
    const char *const words[] = {SAY_TOKEN, NULL};
    int before = count_open_handles();
    apr_status_t rv;

    child->words = words;
    rv = start_child(child, mem);
    assert_int_not_equal(rv, APR_SUCCESS);
    assert_int_equal(child->stage, stage);
    assert_null(child->process);
    assert_int_equal(count_open_handles(), before);
    return rv;
}

static void a_missing_executable_is_reported_with_its_stage(void **state)
{
    child_t child = {.executable = "no-such-program"};

    assert_true(APR_STATUS_IS_ENOENT(fail_to_start(&child, PORT_STAGE_PROGRAM, *state)));
}

static void a_missing_folder_is_reported_with_its_stage(void **state)
{
    child_t child = {.folder = "no-such-folder"};

    assert_true(APR_STATUS_IS_ENOENT(fail_to_start(&child, PORT_STAGE_FOLDER, *state)));
}

static void a_file_is_no_folder(void **state)
{
    child_t child = {0};

    child.folder = own_executable(*state);
    assert_true(APR_STATUS_IS_ENOTDIR(fail_to_start(&child, PORT_STAGE_FOLDER, *state)));
}

static void a_folder_is_no_executable(void **state)
{
    child_t child = {0};

    assert_success(apr_temp_dir_get(&child.executable, *state));
    fail_to_start(&child, PORT_STAGE_PROGRAM, *state);
}

/* A system that guesses would give it to a shell, for which it is a good program. */
static void a_file_that_is_no_program_is_refused(void **state)
{
    child_t child = {0};
    const char *folder;
    char *name;
    apr_file_t *file;

    assert_success(apr_temp_dir_get(&folder, *state));
    name = apr_pstrcat(*state, folder, "/mproc-XXXXXX", NULL);
    assert_success(apr_file_mktemp(
        &file, name, APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL, *state));
    assert_success(apr_file_write_full(file, "exit 0\n", 7, NULL));
    assert_success(apr_file_close(file));
    apr_file_perms_set(name, APR_FPROT_UREAD | APR_FPROT_UEXECUTE); /* where there are any */
    child.executable = name;
    fail_to_start(&child, PORT_STAGE_PROGRAM, *state);
    assert_success(apr_file_remove(name, *state));
}

/*
 * A file in place of a standard stream, with `text` in it; *kept gets the stream back
 * afterwards.
 */
static apr_file_t *replace_stream(apr_file_t *stream, apr_file_t **kept, const char *text,
                                  apr_pool_t *mem)
{
    const char *folder;
    apr_file_t *file;
    apr_off_t start = 0;

    assert_success(apr_temp_dir_get(&folder, mem));
    assert_success(apr_file_mktemp(&file, apr_pstrcat(mem, folder, "/mproc-XXXXXX", NULL), 0, mem));
    assert_success(apr_file_write_full(file, text, strlen(text), NULL));
    assert_success(apr_file_seek(file, APR_SET, &start));
    assert_success(apr_file_dup(kept, stream, mem));
    assert_success(apr_file_dup2(stream, file, mem));
    return file;
}

static void stdin_is_the_null_device(void **state)
{
    apr_file_t *input, *kept, *file;
    child_t child = {0};
    const char *answer;

    assert_success(apr_file_open_stdin(&input, *state));
    file = replace_stream(input, &kept, "something to read", *state);
    answer = ask_child(&child, SAY_INPUT, NULL, *state);
    assert_success(apr_file_dup2(input, kept, *state));
    apr_file_close(file);
    assert_string_equal(answer, "end");
}

static void stdout_is_that_of_this_process(void **state)
{
    apr_file_t *output, *kept, *file;
    child_t child = {0};
    const char *answer;
    char text[100] = "";
    apr_off_t start = 0;
    apr_size_t size = sizeof text - 1;

    assert_success(apr_file_open_stdout(&output, *state));
    file = replace_stream(output, &kept, "", *state);
    answer = ask_child(&child, PRINT, "printed", *state);
    assert_success(apr_file_dup2(output, kept, *state));
    assert_success(apr_file_seek(file, APR_SET, &start));
    assert_success(apr_file_read(file, text, &size));
    apr_file_close(file);
    assert_string_equal(answer, "0");
    assert_memory_equal(text, "printed", 7);
}

static void stdout_is_the_null_device_where_this_process_has_none(void **state)
{
    child_t child = {0};

    assert_string_equal(ask_child(&child, PRINT_NOWHERE, NULL, *state), "0");
}

static void a_listed_handle_reaches_the_child(void **state)
{
    static const char *const words[] = {SAY_THROUGH, NULL};
    port_channel_t *here, *there;
    child_t child = {.words = words};

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    child.given = there;
    assert_success(start_child(&child, *state));
    port_channel_close(there);
    assert_string_equal(hear(here, *state), "through");
    assert_string_equal(hear(here, *state), "(end)");
    end_child(&child, PORT_EXITED, 0);
    port_channel_close(here);
}

/* Were it open in the child, its end would not come while the child runs. */
static void only_the_listed_handles_reach_the_child(void **state)
{
    static const char *const words[] = {WAIT, NULL};
    port_channel_t *here, *there;
    child_t child = {.words = words};

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    make_inheritable(port_channel_handle(there));
    assert_success(start_child(&child, *state));
    port_channel_close(there);
    assert_string_equal(hear(child.control, *state), "born");
    assert_string_equal(hear(here, *state), "(end)");
    port_channel_close(here);
    port_channel_close(child.control);
    assert_success(port_process_wait(child.process, in_good_time()));
    port_process_close(child.process);
}

static void a_start_leaves_the_given_handle_as_it_was(void **state)
{
    static const char *const words[] = {SAY_THROUGH, NULL};
    port_channel_t *here, *there;
    child_t child = {.words = words};

    assert_success(port_channel_pair(&here, &there, BOTH, *state));
    assert_false(is_inheritable(port_channel_handle(there)));
    child.given = there;
    assert_success(start_child(&child, *state));
    assert_false(is_inheritable(port_channel_handle(there)));
    assert_string_equal(hear(here, *state), "through");
    end_child(&child, PORT_EXITED, 0);
    port_channel_close(here);
    port_channel_close(there);
}

static void starts_leave_no_handles(void **state)
{
    child_t child = {0};
    int i, before = 0;

    for (i = 0; i < 11; i++) {
        if (i == 1)
            before = count_open_handles();
        assert_string_equal(ask_child(&child, SAY_TOKEN, NULL, *state), TOKEN);
    }
    assert_int_equal(count_open_handles(), before);
}

/*
 * What a thread does: start children one after the other; each must see the end of its own
 * channel.
 */
static void start_some(int *right)
{
    static const char *const words[] = {WAIT, NULL};
    int i;
    apr_pool_t *mem;

    apr_pool_create(&mem, NULL);
    for (i = 0; i < 5; i++) {
        child_t child = {.words = words};
        port_exit_t how = {PORT_LOST, 0};

        if (start_child(&child, mem) != APR_SUCCESS)
            break;
        *right += strcmp(hear(child.control, mem), "born") == 0;
        port_channel_close(child.control);
        if (port_process_wait(child.process, in_good_time()) == APR_SUCCESS)
            port_process_reap(child.process, &how);
        *right += how.ending == PORT_EXITED && how.code == 0;
        port_process_close(child.process);
    }
    apr_pool_destroy(mem);
}

/* apr_thread_exit() leaves frames behind, and AddressSanitizer minds variables in them. */
static void *APR_THREAD_FUNC run_starter(apr_thread_t *thread, void *data)
{
    start_some(data);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void threads_start_children_at_once_and_none_gets_anothers_handles(void **state)
{
    apr_thread_t *threads[4];
    int i, right[4] = {0};
    apr_status_t rv;

    for (i = 0; i < 4; i++)
        assert_success(apr_thread_create(&threads[i], NULL, run_starter, &right[i], *state));
    for (i = 0; i < 4; i++)
        assert_success(apr_thread_join(&rv, threads[i]));
    for (i = 0; i < 4; i++)
        assert_int_equal(right[i], 10);
}

static void the_mark_typed_by_a_user_is_refused(void **state)
{
    static const char *const marks[] = {"",
                                        ":",
                                        "abc",
                                        "3:abc",
                                        "0:0",
                                        ",",
                                        "-1:x",
                                        "3,4:abc",
                                        "3,:abc",
                                        ",3:abc",
                                        "3,4,5",
                                        "0,0,0:x",
                                        "1,fffffffc,fffffff8:x",
                                        "0,ffffffff,fffffffe:x",
                                        "99999999999999999999,1:abc",
                                        "3 ,4:abc",
                                        "0x3,0x4:abc",
                                        "0,4,8:",
                                        "2,4,8:x",
                                        "1000,1001,tied:x",
                                        "1000,1001,detached:x",
                                        "0,7ffffffc,7ffffff8:x"};
    port_birth_t birth;
    size_t i;

    memset(&birth, 0, sizeof birth);
    for (i = 0; i < sizeof marks / sizeof marks[0]; i++)
        assert_int_equal(port_birth(&birth, marks[i], "name", *state), APR_EINVAL);
    assert_null(birth.token);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_child_knows_its_token),
        claim(a_child_knows_its_parent),
        claim(a_child_has_a_number_of_its_own),
        claim(arguments_arrive_as_they_were_given),
        claim(a_long_argument_arrives_whole),
        claim(an_environment_is_given),
        claim(a_name_that_a_child_has_twice_is_merged_once),
        claim(without_an_environment_it_is_this_one),
        claim(a_child_starts_in_its_folder),
        claim(a_relative_executable_is_looked_for_here_and_not_in_the_folder),
        claim(a_missing_executable_is_reported_with_its_stage),
        claim(a_missing_folder_is_reported_with_its_stage),
        claim(a_file_is_no_folder),
        claim(a_folder_is_no_executable),
        claim(a_file_that_is_no_program_is_refused),
        claim(stdin_is_the_null_device),
        claim(stdout_is_that_of_this_process),
        claim(stdout_is_the_null_device_where_this_process_has_none),
        claim(a_listed_handle_reaches_the_child),
        claim(only_the_listed_handles_reach_the_child),
        claim(a_start_leaves_the_given_handle_as_it_was),
        claim(starts_leave_no_handles),
        claim(threads_start_children_at_once_and_none_gets_anothers_handles),
        claim(the_mark_typed_by_a_user_is_refused),
    };

    run_if_child(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
