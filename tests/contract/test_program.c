/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a program can ask about itself.
 */

#include "contract.h"

#include <apr_env.h>
#include <apr_file_io.h>
#include <apr_lib.h>

#include <stdlib.h>
#include <string.h>

static int main_argc;
static char **main_argv;

static void the_arguments_are_those_of_main(void **state)
{
    const char *const *argv = (const char *const *)main_argv;
    int argc = main_argc, i;

    assert_success(port_arguments(&argc, &argv, *state));
    assert_int_equal(argc, main_argc);
    for (i = 0; i < argc; i++)
        assert_string_equal(argv[i], main_argv[i]);
    assert_null(argv[argc]);
    assert_ptr_not_equal(argv, main_argv);
}

static void the_executable_is_a_file(void **state)
{
    const char *path;
    apr_file_t *file;

    assert_success(port_executable(&path, main_argv[0], *state));
    assert_success(apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, *state));
    assert_success(apr_file_close(file));
}

static void the_executable_is_found_from_another_folder(void **state)
{
    const char *path, *other_folder;
    char *own_folder;
    apr_finfo_t about;

    assert_success(apr_filepath_get(&own_folder, 0, *state));
    assert_success(apr_temp_dir_get(&other_folder, *state));
    assert_success(port_executable(&path, main_argv[0], *state));
    assert_success(apr_filepath_set(other_folder, *state));
    assert_success(apr_stat(&about, path, APR_FINFO_SIZE, *state));
    assert_success(apr_filepath_set(own_folder, *state));
    assert_true(about.size > 0);
}

/* A file of the program's name, to which nobody should fall, is the current folder's business. */
static void make_decoy(const char *name, apr_pool_t *mem)
{
    apr_file_t *file;

    assert_success(apr_file_open(&file, name, APR_FOPEN_CREATE | APR_FOPEN_WRITE | APR_FOPEN_EXCL,
                                 APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, mem));
    assert_success(apr_file_write_full(file, "decoy", 5, NULL));
    assert_success(apr_file_close(file));
}

/* An empty entry of PATH means the current folder. */
static void the_executable_is_not_taken_from_the_current_folder(void **state)
{
    const char *name = apr_filepath_name_get(main_argv[0]), *path, *folder;
    char *start, *own_folder, *before = NULL;
    apr_finfo_t own, found;

    assert_success(apr_filepath_get(&start, 0, *state));
    assert_success(apr_stat(&own, main_argv[0], APR_FINFO_SIZE, *state));
    own_folder = apr_pstrmemdup(*state, main_argv[0], (apr_size_t)(name - main_argv[0]));
    assert_success(apr_filepath_merge(&own_folder, start, own_folder, 0, *state));
    assert_success(apr_temp_dir_get(&folder, *state));
    folder = apr_psprintf(*state, "%s/mproc-%d", folder, (int)port_pid());
    assert_success(apr_dir_make(folder, APR_FPROT_OS_DEFAULT, *state));
    assert_success(apr_filepath_set(folder, *state));
    make_decoy(name, *state);
    apr_env_get(&before, "PATH", *state);
    assert_success(apr_env_set("PATH", apr_pstrcat(*state, ":", own_folder, NULL), *state));
    assert_success(port_executable(&path, name, *state));
    assert_success(apr_stat(&found, path, APR_FINFO_SIZE, *state));
    assert_success(apr_env_set("PATH", before, *state));
    assert_success(apr_file_remove(name, *state));
    assert_success(apr_filepath_set(start, *state));
    assert_success(apr_dir_remove(folder, *state));
    assert_true(found.size == own.size);
}

static void the_build_id_stays_the_same_and_is_not_empty(void **state)
{
    static const unsigned char nothing[PORT_BUILD_ID_SIZE];
    unsigned char first[PORT_BUILD_ID_SIZE], second[PORT_BUILD_ID_SIZE];
    const char *path;

    assert_success(port_executable(&path, main_argv[0], *state));
    memset(first, 1, sizeof first);
    memset(second, 2, sizeof second);
    assert_success(port_build_id(first, path));
    assert_success(port_build_id(second, path));
    assert_memory_equal(first, second, sizeof first);
    assert_memory_not_equal(first, nothing, sizeof first);
}

static void there_is_a_cpu(void **state)
{
    (void)state;
    assert_in_range(port_cpu_count(), 1, 65536);
}

/* Each page of a block of memory has something in it, and so is there. */
static char *touch(size_t size)
{
    char *block = malloc(size);
    size_t place;

    assert_non_null(block);
    for (place = 0; place < size; place += 1024)
        block[place] = (char)(place >> 10 | 1);
    return block;
}

/*
 * The first block goes beyond the most that the process ever had, which is all that some systems
 * tell; some have it from the program that started this one.  Under ThreadSanitizer each byte has four
 * more beside it.
 */
static void what_is_touched_is_resident(void **state)
{
    const size_t size = (size_t)64 << 20, slack = (size_t)16 << 20;
    size_t before = 0, after = 0;
    char *first = touch(2 * size), *second;

    (void)state;
    assert_success(port_resident_size(&before));
    second = touch(size);
    assert_success(port_resident_size(&after));
    assert_true(first[0] == second[0]);
    free(second);
    free(first);
    assert_true(before >= 2 * size);
    assert_in_range(after - before, size - slack, 5 * size + slack);
}

static void this_process_has_a_number(void **state)
{
    (void)state;
    assert_true(port_pid() > 0);
    assert_true(port_pid() == port_pid());
}

static void do_nothing(void)
{
}

static void functions_around_forks_are_accepted(void **state)
{
    (void)state;
    assert_success(port_at_fork(do_nothing, do_nothing, do_nothing));
}

static void interrupts_can_be_ignored(void **state)
{
    (void)state;
    assert_success(port_interrupt_ignore());
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        claim(the_arguments_are_those_of_main),
        claim(the_executable_is_a_file),
        claim(the_executable_is_found_from_another_folder),
        claim(the_executable_is_not_taken_from_the_current_folder),
        claim(the_build_id_stays_the_same_and_is_not_empty),
        claim(there_is_a_cpu),
        claim(what_is_touched_is_resident),
        claim(this_process_has_a_number),
        claim(functions_around_forks_are_accepted),
        claim(interrupts_can_be_ignored),
    };

    main_argc = argc;
    main_argv = argv;
    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
