/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a process ended: exit code, status and words for each way to go.
 */

#include "claims.h"
#include "system.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

/* A code of the program's own that does not fit the 8 bits of an exit code. */
#define OWN_STATUS (APR_OS_START_USERERR + 3100 + 512)

/* -- What the children do ------------------------------------------------------ */

static apr_status_t return_status(mproc_task_t *task)
{
    int status;

    MPROC_TRY(MPROC_UNPACK(task, &status));
    return status;
}

static apr_status_t return_with_words(mproc_task_t *task)
{
    const char *words;
    int status;

    MPROC_TRY(MPROC_UNPACK(task, &status, &words));
    return mproc_error_set(status, "%s", words);
}

static apr_status_t fail_in_a_call(mproc_task_t *task)
{
    (void)task;
    return mproc_connection_close(NULL);
}

static apr_status_t leave_by_exit(mproc_task_t *task)
{
    int code;

    MPROC_TRY(MPROC_UNPACK(task, &code));
    exit(code);
}

static apr_status_t leave_without_a_word(mproc_task_t *task)
{
    int code;

    MPROC_TRY(MPROC_UNPACK(task, &code));
    _Exit(code);
}

static apr_status_t leave_by_abort(mproc_task_t *task)
{
    (void)task;
    abort();
}

static apr_status_t leave_by_crash(mproc_task_t *task)
{
    (void)task;
    crash();
    return APR_SUCCESS;
}

static void exit_otherwise(void)
{
    _Exit(9);
}

/* What exit() runs before mproc's own handler. */
static apr_status_t return_into_a_handler(mproc_task_t *task)
{
    (void)task;
    return atexit(exit_otherwise) == 0 ? APR_SUCCESS : APR_ENOMEM;
}

static int is_to_crash_late;

/* A handler that comes after mproc's own, as it is registered above the guard. */
static void crash_late(void)
{
    if (is_to_crash_late)
        abort();
}

static apr_status_t return_and_crash_late(mproc_task_t *task)
{
    (void)task;
    is_to_crash_late = 1;
    return APR_SUCCESS;
}

/* A failure that was none, and later another, about which nothing was said. */
static apr_status_t fail_after_another_failure(mproc_task_t *task)
{
    mproc_connection_t *here, *there;

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mproc_task_mem(task)));
    return mproc_connection_poll(here, 0) == APR_TIMEUP ? APR_ENOENT : APR_EGENERAL;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(return_and_crash_late), MPROC_TARGET(fail_after_another_failure),
    MPROC_TARGET(return_status),  MPROC_TARGET(return_with_words),     MPROC_TARGET(fail_in_a_call),
    MPROC_TARGET(leave_by_exit),  MPROC_TARGET(leave_without_a_word),  MPROC_TARGET(leave_by_abort),
    MPROC_TARGET(leave_by_crash), MPROC_TARGET(return_into_a_handler), MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Helpers ------------------------------------------------------------------- */

static mproc_process_t *ended_with(const mproc_process_options_t *options, mproc_target_fn *target,
                                   const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, target, args, options, mem));
    assert_success(mproc_process_join(process, PATIENCE));
    return process;
}

static mproc_process_t *ended(mproc_target_fn *target, const mproc_pack_t *args, apr_pool_t *mem)
{
    return ended_with(NULL, target, args, mem);
}

/* Not every system tells a forked child the code that exit() was given, and it has not its own handlers alone. */
static mproc_process_t *spawned_and_ended(mproc_target_fn *target, const mproc_pack_t *args, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_SPAWN;
    return ended_with(&options, target, args, mem);
}

/* -- A target that returns ------------------------------------------------------- */

static void success_is_exit_code_0_without_words(void **state)
{
    mproc_process_t *process = ended(succeed, MPROC_NO_ARGS, *state);

    assert_ended(process, 0);
    assert_success(mproc_process_status(process));
    assert_string_equal(mproc_process_error(process), "");
}

static void a_status_comes_back_whole_with_exit_code_1(void **state)
{
    static const int statuses[] = {1, 255, 256, APR_EOF, MPROC_EDAEMON, OWN_STATUS, INT32_MAX, -1};
    size_t i;

    for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        mproc_process_t *process = ended(return_status, MPROC_PACK(statuses[i]), *state);

        assert_status(mproc_process_status(process), statuses[i]);
        assert_ended(process, 1);
    }
}

static void the_words_of_a_status_come_back(void **state)
{
    mproc_process_t *process = ended(return_with_words, MPROC_PACK(OWN_STATUS, "no r\xC3\xA9sum\xC3\xA9: 100%s"), *state);

    assert_status(mproc_process_status(process), OWN_STATUS);
    assert_string_equal(mproc_process_error(process), "no r\xC3\xA9sum\xC3\xA9: 100%s");
    assert_string_equal(mproc_error_message(), "no r\xC3\xA9sum\xC3\xA9: 100%s");
}

static void long_words_are_cut_at_1023_bytes(void **state)
{
    char words[5000];
    mproc_process_t *process;

    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    process = ended(return_with_words, MPROC_PACK(OWN_STATUS, (const char *)words), *state);
    assert_int_equal(strlen(mproc_process_error(process)), 1023);
    assert_memory_equal(mproc_process_error(process), words, 1023);
}

static void the_words_of_a_call_that_failed_come_back(void **state)
{
    mproc_process_t *process = ended(fail_in_a_call, MPROC_NO_ARGS, *state);

    assert_status(mproc_process_status(process), APR_EINVAL);
    assert_words(mproc_process_error(process), "the connection is NULL");
}

static void a_status_without_words_names_the_target(void **state)
{
    mproc_process_t *process = ended(return_status, MPROC_PACK(MPROC_ETORN), *state);

    assert_words(mproc_process_error(process), "return_status");
}

/* -- A target that leaves otherwise ------------------------------------------------ */

static void the_words_of_an_earlier_failure_are_not_taken_for_the_cause(void **state)
{
    mproc_process_t *process = ended(fail_after_another_failure, MPROC_NO_ARGS, *state);

    assert_status(mproc_process_status(process), APR_ENOENT);
    assert_words(mproc_process_error(process), "fail_after_another_failure returned: ");
}

static void a_crash_after_the_target_has_returned_is_no_success(void **state)
{
    mproc_process_t *process = spawned_and_ended(return_and_crash_late, MPROC_NO_ARGS, *state);

    assert_status(mproc_process_status(process), MPROC_EDIED);
    assert_words(mproc_process_error(process), "after its target had returned");
}

static void exit_0_is_success(void **state)
{
    mproc_process_t *process = spawned_and_ended(leave_by_exit, MPROC_PACK(0), *state);

    assert_ended(process, 0);
    assert_success(mproc_process_status(process));
    assert_string_equal(mproc_process_error(process), "");
}

static void exit_with_another_code_is_told(void **state)
{
    mproc_process_t *process = spawned_and_ended(leave_by_exit, MPROC_PACK(3), *state);

    assert_ended(process, 3);
    assert_status(mproc_process_status(process), MPROC_EEXIT);
    assert_words(mproc_process_error(process), "leave_by_exit called exit(3)");
}

/* Windows says 259 of a process that runs, too; POSIX keeps 8 bits of it. */
static void exit_259_is_not_taken_for_running(void **state)
{
    mproc_process_t *process = spawned_and_ended(leave_by_exit, MPROC_PACK(259), *state);
    apr_int64_t code;

    assert_success(mproc_process_exitcode(process, &code));
    assert_true(code == 259 || code == 3);
    assert_status(mproc_process_status(process), MPROC_EEXIT);
}

static void leaving_without_exit_is_dying(void **state)
{
    static const int codes[] = {0, 5};
    size_t i;

    for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        mproc_process_t *process = ended(leave_without_a_word, MPROC_PACK(codes[i]), *state);

        assert_ended(process, codes[i]);
        assert_status(mproc_process_status(process), MPROC_EDIED);
        assert_words(mproc_process_error(process), mproc_process_name(process));
        assert_words(mproc_process_error(process), "exit code");
    }
}

static void leaving_in_a_handler_of_exit_is_dying(void **state)
{
    mproc_process_t *process = ended(return_into_a_handler, MPROC_NO_ARGS, *state);

    assert_ended(process, 9);
    assert_status(mproc_process_status(process), MPROC_EDIED);
}

static void abort_is_dying(void **state)
{
    mproc_process_t *process = ended(leave_by_abort, MPROC_NO_ARGS, *state);
    apr_int64_t code = 0;

    assert_success(mproc_process_exitcode(process, &code));
    assert_true(code == -6 || code == 3); /* SIGABRT; what Windows' abort() gives to exit */
    assert_status(mproc_process_status(process), MPROC_EDIED);
    assert_words(mproc_process_error(process), mproc_process_name(process));
}

static void a_crash_is_dying_and_its_code_is_told(void **state)
{
    mproc_process_t *process = ended(leave_by_crash, MPROC_NO_ARGS, *state);
    apr_int64_t code = 0;

    assert_success(mproc_process_exitcode(process, &code));
    assert_true(code < 0 || code >= 0xC0000000);
    assert_status(mproc_process_status(process), MPROC_EDIED);
    assert_words(mproc_process_error(process), code < 0 ? "signal" : "crashed with code 0x");
}

/* -- A process that is ended -------------------------------------------------------- */

static void terminate_reads_as_15(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, compute, NULL, *state);
    assert_success(mproc_process_terminate(process));
    assert_ended(process, -15);
    assert_status(mproc_process_status(process), MPROC_EDIED);
    assert_words(mproc_process_error(process), "signal 15");
}

static void kill_reads_as_9(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, compute, NULL, *state);
    assert_success(mproc_process_kill(process));
    assert_ended(process, -9);
    assert_status(mproc_process_status(process), MPROC_EDIED);
    assert_words(mproc_process_error(process), "signal 9");
}

static void a_waiting_process_can_be_ended_too(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, answer, NULL, *state);
    assert_success(mproc_process_terminate(process));
    assert_ended(process, -15);
}

static void ending_what_has_ended_changes_nothing(void **state)
{
    mproc_process_t *process = ended(return_status, MPROC_PACK(APR_EGENERAL), *state);

    assert_ended(process, 1);
    assert_success(mproc_process_terminate(process));
    assert_success(mproc_process_kill(process));
    assert_ended(process, 1);
}

static void ending_twice_is_no_error(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    int i;

    start_born(&process, &line, compute, NULL, *state);
    for (i = 0; i < 100; i++)
        assert_success(mproc_process_kill(process));
    assert_ended(process, -9);
}

/* -- A process that runs --------------------------------------------------------------- */

static void a_running_process_has_no_exit_code_yet(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_int64_t code = 4711;

    start_born(&process, &line, answer, NULL, *state);
    assert_status(mproc_process_exitcode(process, &code), MPROC_ERUNNING);
    assert_int_equal(code, 4711);
    assert_status(mproc_process_status(process), MPROC_ERUNNING);
    assert_string_equal(mproc_process_error(process), "");
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(success_is_exit_code_0_without_words),
        claim(a_status_comes_back_whole_with_exit_code_1),
        claim(the_words_of_a_status_come_back),
        claim(long_words_are_cut_at_1023_bytes),
        claim(the_words_of_a_call_that_failed_come_back),
        claim(a_status_without_words_names_the_target),
        claim(the_words_of_an_earlier_failure_are_not_taken_for_the_cause),
        claim(a_crash_after_the_target_has_returned_is_no_success),
        claim(exit_0_is_success),
        claim(exit_with_another_code_is_told),
        claim(exit_259_is_not_taken_for_running),
        claim(leaving_without_exit_is_dying),
        claim(leaving_in_a_handler_of_exit_is_dying),
        claim(abort_is_dying),
        claim(a_crash_is_dying_and_its_code_is_told),
        claim(terminate_reads_as_15),
        claim(kill_reads_as_9),
        claim(a_waiting_process_can_be_ended_too),
        claim(ending_what_has_ended_changes_nothing),
        claim(ending_twice_is_no_error),
        claim(a_running_process_has_no_exit_code_yet),
    };
    apr_pool_t *mem;

    atexit(crash_late);
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
