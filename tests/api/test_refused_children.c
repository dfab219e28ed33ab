/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starts that work, of children that do not: foreign programs, other builds,
 * other tables, and deaths before the target is reached.  This file is compiled
 * twice: the second program, with ANOTHER_BUILD, differs by a word.
 */

#include "claims.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#ifdef ANOTHER_BUILD
#define BUILD "another build"
#else
#define BUILD "this build"
#endif

static const char *own_path;

/* -- What the children do ------------------------------------------------------ */

/* Starts a child of its own by whatever executable it was told of, and returns its status. */
static apr_status_t start_one(mproc_task_t *task)
{
    mproc_process_t *process;
    apr_status_t rv;
    const char *path;

    MPROC_TRY(MPROC_UNPACK(task, &path));
    if (path[0] != '\0')
        MPROC_TRY(mproc_set_executable(path));
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    rv = mproc_process_status(process);
    return rv == APR_SUCCESS ? rv : mproc_error_set(rv, "%s", mproc_process_error(process));
}

static const mproc_target_t targets[] = {MPROC_TARGET(start_one), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* The same functions, one line moved. */
static const mproc_target_t other_targets[] = {MPROC_TARGETS_OF(worker_targets),
                                               MPROC_TARGET(start_one), MPROC_TARGETS_END};

/* -- Children that are somebody else ------------------------------------------------------ */

static int teardown(void **state)
{
    mproc_set_executable(NULL);
    return destroy_and_count(state);
}

#define claim_of_a_refused_child(test) cmocka_unit_test_setup_teardown(test, count_and_make_memory, teardown)

/* As for any child the exit code can be asked for, and the words name the process. */
static void assert_refusal(mproc_process_t *process, const char *words, apr_int64_t exitcode)
{
    assert_words(mproc_process_error(process), words);
    assert_ended(process, exitcode);
}

static void a_program_without_mproc_is_told(void **state)
{
    mproc_process_t *process;

    assert_success(mproc_set_executable(FOREIGN_PROGRAM));
    assert_status(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state), MPROC_EHANDSHAKE);
    assert_refusal(process, "mproc_init first", 7);
    assert_words(mproc_process_error(process), mproc_process_name(process));
}

/* More than a channel holds: nobody will read them. */
static void large_arguments_for_a_program_without_mproc_do_not_hang(void **state)
{
    static const char large[1 << 20];
    mproc_process_t *process;

    assert_success(mproc_set_executable(FOREIGN_PROGRAM));
    assert_status(status_of(&process, succeed, MPROC_PACK(MPROC_BYTES(large, sizeof large)), NULL, *state),
                  MPROC_EHANDSHAKE);
    assert_refusal(process, "mproc_init first", 7);
}

static void another_build_is_refused(void **state)
{
    mproc_process_t *process;

    assert_success(mproc_set_executable(OTHER_PROGRAM));
    assert_status(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state), MPROC_EBUILD);
    assert_refusal(process, "another build", MPROC_EXIT_HANDSHAKE);
}

static void another_table_is_refused(void **state)
{
    static const char *const changes[] = {"MPROC_TEST_TABLE=other", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.environment = changes;
    assert_status(status_of(&process, succeed, MPROC_NO_ARGS, &options, *state), MPROC_EBUILD);
    assert_refusal(process, "table of targets differs", MPROC_EXIT_HANDSHAKE);
}

static void death_above_the_guard_is_told(void **state)
{
    static const char *const changes[] = {"MPROC_TEST_ABOVE=abort", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    apr_int64_t code = 0;

    options.environment = changes;
    assert_status(status_of(&process, succeed, MPROC_NO_ARGS, &options, *state), MPROC_EHANDSHAKE);
    assert_success(mproc_process_exitcode(process, &code));
    assert_true(code == -6 || code == 3); /* SIGABRT; what Windows' abort() gives to exit */
    assert_words(mproc_process_error(process), "before it reached its target");
}

static void exit_0_above_the_guard_is_no_success(void **state)
{
    static const char *const changes[] = {"MPROC_TEST_ABOVE=exit", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.environment = changes;
    assert_status(status_of(&process, succeed, MPROC_NO_ARGS, &options, *state), MPROC_EHANDSHAKE);
    assert_refusal(process, "before it reached its target", 0);
}

/* -- MPROC_EXECUTABLE in the environment ------------------------------------------------------------ */

static apr_status_t status_of_a_grandchild(mproc_process_t **child, const char *environment, const char *path,
                                           apr_pool_t *mem)
{
    const char *const changes[] = {environment, NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.environment = changes;
    return status_of(child, start_one, MPROC_PACK(path), &options, mem);
}

static void the_environment_can_name_the_executable(void **state)
{
    mproc_process_t *process;

    assert_status(status_of_a_grandchild(&process, "MPROC_EXECUTABLE=" FOREIGN_PROGRAM, "", *state), MPROC_EHANDSHAKE);
    assert_words(mproc_process_error(process), "Process-");
}

static void set_executable_goes_over_the_environment(void **state)
{
    mproc_process_t *process;

    assert_success(status_of_a_grandchild(&process, "MPROC_EXECUTABLE=" FOREIGN_PROGRAM, own_path, *state));
}

static void an_empty_variable_names_no_executable(void **state)
{
    mproc_process_t *process;

    assert_success(status_of_a_grandchild(&process, "MPROC_EXECUTABLE=", "", *state));
}

/* Above the guard, as the tests want it. */
static void die_if_told_to(void)
{
    const char *how = getenv("MPROC_TEST_ABOVE");

    if (how != NULL && strcmp(how, "abort") == 0)
        abort();
    if (how != NULL)
        exit(0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_of_a_refused_child(a_program_without_mproc_is_told),
        claim_of_a_refused_child(large_arguments_for_a_program_without_mproc_do_not_hang),
        claim_of_a_refused_child(another_build_is_refused),
        claim_of_a_refused_child(another_table_is_refused),
        claim_of_a_refused_child(death_above_the_guard_is_told),
        claim_of_a_refused_child(exit_0_above_the_guard_is_no_success),
        claim_of_a_refused_child(the_environment_can_name_the_executable),
        claim_of_a_refused_child(set_executable_goes_over_the_environment),
        claim_of_a_refused_child(an_empty_variable_names_no_executable),
    };
    apr_pool_t *mem;

    die_if_told_to();
    mproc_init(&mem, &argc, &argv, getenv("MPROC_TEST_TABLE") == NULL ? targets : other_targets);
    own_path = argv[0];
    return cmocka_run_group_tests_name(BUILD, tests, NULL, NULL);
}
