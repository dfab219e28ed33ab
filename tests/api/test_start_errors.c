/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starts that fail in the parent: each gives a status, words that name what was
 * wrong, an untouched variable, and nothing that stays behind.
 */

#include "claims.h"
#include "system.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

static const char *own_path;

/* -- What the children do ------------------------------------------------------ */

static apr_status_t unlisted(mproc_task_t *task)
{
    (void)task;
    return APR_SUCCESS;
}

static apr_status_t double_item(const void *item, void *result, mproc_task_t *task)
{
    (void)task;
    memcpy(result, item, sizeof(int));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(double_item), MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Each failed start leaves nothing, and the next one works ------------------------- */

static int setup(void **state)
{
    return count_and_make_memory(state);
}

static int teardown(void **state)
{
    mproc_process_t *process;
    int result;

    mproc_set_executable(NULL);
    result = destroy_and_count(state);
    if (make_memory(state) != 0 || mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, *state) != APR_SUCCESS ||
        mproc_process_join(process, PATIENCE) != APR_SUCCESS || mproc_process_status(process) != APR_SUCCESS) {
        print_error("the next start fails: %s\n", mproc_error_message());
        return -1;
    }
    return destroy_memory(state) || result;
}

#define claim_of_a_failed_start(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* That a start with these options fails; *why is the message. */
static apr_status_t failed_start(const mproc_process_options_t *options, const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_process_t *untouched = (mproc_process_t *)mem, *process = untouched;
    int handles = count_open_handles();
    apr_status_t rv = mproc_process_start(&process, succeed, args, options, mem);

    assert_true(rv != APR_SUCCESS);
    assert_true(process == untouched);
    assert_int_equal(count_open_handles(), handles);
    return rv;
}

static apr_status_t failed_start_of(const char *executable, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_SPAWN; /* which alone runs an executable */
    assert_success(mproc_set_executable(executable));
    return failed_start(&options, MPROC_NO_ARGS, mem);
}

/* -- The target ---------------------------------------------------------------------------- */

static void assert_target_refused(mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_process_t *process = NULL;

    assert_refused(mproc_process_start(&process, target, MPROC_NO_ARGS, NULL, mem), MPROC_ETARGET, "MPROC_TARGET(");
    assert_words(mproc_error_message(), "MPROC_TARGETS_END");
    assert_null(process);
}

static void a_target_that_is_null_is_refused(void **state)
{
    assert_target_refused(NULL, *state);
}

static void a_target_that_is_not_in_the_table_is_refused(void **state)
{
    assert_target_refused(unlisted, *state);
}

/* It is in the table, as something that a process cannot run. */
static void a_target_of_a_map_is_refused(void **state)
{
    assert_target_refused((mproc_target_fn *)(void (*)(void))double_item, *state);
}

/* -- The arguments of the call ------------------------------------------------------------------ */

static void null_for_the_process_or_its_memory_is_refused(void **state)
{
    mproc_process_t *process = NULL;

    assert_status(mproc_process_start(NULL, succeed, MPROC_NO_ARGS, NULL, *state), APR_EINVAL);
    assert_status(mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, NULL), APR_EINVAL);
    assert_null(process);
}

static void options_without_the_initializer_are_refused(void **state)
{
    mproc_process_options_t options;

    memset(&options, 0, sizeof options);
    assert_refused(failed_start(&options, MPROC_NO_ARGS, *state), APR_EINVAL, "MPROC_PROCESS_OPTIONS");
}

static void an_empty_name_is_refused(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.name = "";
    assert_refused(failed_start(&options, MPROC_NO_ARGS, *state), APR_EINVAL, "name");
}

static void an_empty_working_directory_is_refused(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.working_directory = "";
    assert_refused(failed_start(&options, MPROC_NO_ARGS, *state), APR_EINVAL, "working directory");
}

static void a_variable_without_a_name_is_refused(void **state)
{
    static const char *const without[] = {"GOOD=1", "=value", NULL}, *const empty[] = {"", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.environment = without;
    assert_refused(failed_start(&options, MPROC_NO_ARGS, *state), APR_EINVAL, "\"=value\"");
    options.environment = empty;
    assert_refused(failed_start(&options, MPROC_NO_ARGS, *state), APR_EINVAL, "environment");
}

/* More than any system gives to a program; a fork runs none. */
static void a_variable_that_is_too_long_is_refused(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    size_t length = 4 << 20;
    char *variable = apr_pcalloc(*state, length + 1);
    const char *const changes[] = {variable, NULL};

    memset(variable, 'x', length);
    variable[4] = '=';
    options.environment = changes;
    options.start_method = MPROC_SPAWN;
    failed_start(&options, MPROC_NO_ARGS, *state);
    assert_words(mproc_error_message(), "cannot start Process-");
}

static void daemonic_and_detached_at_once_is_refused(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.daemon = options.detached = 1;
    assert_refused(failed_start(&options, MPROC_NO_ARGS, *state), APR_EINVAL, "choose one");
}

/* -- The packed arguments --------------------------------------------------------------------------- */

static void a_closed_connection_is_refused(void **state)
{
    mproc_connection_t *here, *there;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_connection_close(there));
    assert_refused(failed_start(NULL, MPROC_PACK(1, there), *state), MPROC_ECLOSED, "closed");
}

static void null_among_the_arguments_is_refused_with_its_place(void **state)
{
    assert_refused(failed_start(NULL, MPROC_PACK(1, (const char *)NULL), *state), APR_EINVAL, "value 2");
}

static const mproc_pack_t *packs_in_packs(int depth, apr_pool_t *mem)
{
    const mproc_pack_t *pack = mproc_pack(mem, 0);

    while (--depth > 0)
        pack = mproc_pack(mem, pack);
    return pack;
}

static void packs_too_deep_in_packs_are_refused(void **state)
{
    mproc_process_t *process;

    assert_refused(failed_start(NULL, packs_in_packs(MPROC_PACK_DEPTH_MAX + 1, *state), *state), APR_EINVAL, "deep");
    assert_success(status_of(&process, succeed, packs_in_packs(MPROC_PACK_DEPTH_MAX, *state), NULL, *state));
}

/* -- The executable and the working directory ------------------------------------------------------------- */

static void a_missing_executable_is_named(void **state)
{
    apr_status_t rv = failed_start_of("/no/such/folder/program", *state);

    assert_true(APR_STATUS_IS_ENOENT(rv) || APR_STATUS_IS_ENOTDIR(rv));
    assert_words(mproc_error_message(), "cannot start Process-");
    assert_words(mproc_error_message(), ": running ");
    assert_words(mproc_error_message(), "/no/such/folder/program");
    assert_true(APR_STATUS_IS_ENOENT(failed_start_of(apr_pstrcat(*state, own_path, ".missing", NULL), *state)));
    assert_words(mproc_error_message(), ".missing");
}

static void an_executable_that_is_a_folder_is_refused(void **state)
{
    failed_start_of(".", *state);
    assert_words(mproc_error_message(), ": running ");
}

static void an_empty_path_of_an_executable_is_refused(void **state)
{
    (void)state;
    assert_status(mproc_set_executable(""), APR_EINVAL);
}

static void null_goes_back_to_the_programs_own_executable(void **state)
{
    mproc_process_t *process;

    failed_start_of("/no/such/program", *state);
    assert_success(mproc_set_executable(NULL));
    assert_success(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state));
}

static void another_path_of_the_same_executable_works(void **state)
{
    char path[1024];
    mproc_process_t *process;

    snprintf(path, sizeof path, "%s", own_path);
    assert_success(mproc_set_executable(path));
    memset(path, 'x', strlen(path)); /* it was copied */
    assert_success(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state));
}

static void a_missing_working_directory_is_named(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_status_t rv;

    options.working_directory = "/no/such/folder";
    rv = failed_start(&options, MPROC_NO_ARGS, *state);
    assert_true(APR_STATUS_IS_ENOENT(rv) || APR_STATUS_IS_ENOTDIR(rv));
    assert_words(mproc_error_message(), "working directory /no/such/folder");
}

static void a_working_directory_that_is_a_file_is_named(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.working_directory = own_path;
    assert_true(APR_STATUS_IS_ENOTDIR(failed_start(&options, MPROC_NO_ARGS, *state)));
    assert_words(mproc_error_message(), apr_pstrcat(*state, "working directory ", own_path, NULL));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_of_a_failed_start(a_target_that_is_null_is_refused),
        claim_of_a_failed_start(a_target_that_is_not_in_the_table_is_refused),
        claim_of_a_failed_start(a_target_of_a_map_is_refused),
        claim_of_a_failed_start(null_for_the_process_or_its_memory_is_refused),
        claim_of_a_failed_start(options_without_the_initializer_are_refused),
        claim_of_a_failed_start(an_empty_name_is_refused),
        claim_of_a_failed_start(an_empty_working_directory_is_refused),
        claim_of_a_failed_start(a_variable_without_a_name_is_refused),
        claim_of_a_failed_start(a_variable_that_is_too_long_is_refused),
        claim_of_a_failed_start(daemonic_and_detached_at_once_is_refused),
        claim_of_a_failed_start(a_closed_connection_is_refused),
        claim_of_a_failed_start(null_among_the_arguments_is_refused_with_its_place),
        claim_of_a_failed_start(packs_too_deep_in_packs_are_refused),
        claim_of_a_failed_start(a_missing_executable_is_named),
        claim_of_a_failed_start(an_executable_that_is_a_folder_is_refused),
        claim_of_a_failed_start(an_empty_path_of_an_executable_is_refused),
        claim_of_a_failed_start(null_goes_back_to_the_programs_own_executable),
        claim_of_a_failed_start(another_path_of_the_same_executable_works),
        claim_of_a_failed_start(a_missing_working_directory_is_named),
        claim_of_a_failed_start(a_working_directory_that_is_a_file_is_named),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
