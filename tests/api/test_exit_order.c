/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The order in which a child ends, as in Python: its target, what it has given to
 * atexit(), the exit hooks by priority, its daemonic children terminated and its
 * others joined, the hooks with negative priorities, stdio flushed.  A child tells
 * each step over a pipe as it comes; what is printed is seen by running this
 * program again.
 */

#include "claims.h"
#include "run.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *own_path;

/* -- A child that has all that ends with it ----------------------------------------- */

static mproc_connection_t *teller;

static void tell(void *word)
{
    say(teller, word);
}

static void tell_by_atexit(void)
{
    tell("atexit");
}

/* Registered while the hooks are called. */
static void tell_and_have_another_told(void *mem)
{
    tell("5, which adds 3");
    mproc_at_exit(tell, "3", 3, mem);
}

/* Ends when it hears so; says that it does. */
static apr_status_t wait_and_tell(mproc_task_t *task)
{
    mproc_connection_t *line, *told;

    MPROC_TRY(MPROC_UNPACK(task, &line, &told));
    MPROC_TRY(say(line, "born"));
    answer_on(line);
    return say(told, "a child has ended");
}

/* Lets the child end that is joined. */
static void let_the_child_go(void *line)
{
    tell("0, which lets a child end");
    say(line, "leave");
}

static apr_status_t start_waiting(mproc_connection_t **line, int is_daemon, mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *there;
    mproc_process_t *process;

    options.daemon = is_daemon;
    MPROC_TRY(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_process_start(&process, wait_and_tell, MPROC_PACK(there, teller), &options, mem));
    MPROC_TRY(mproc_connection_close(there));
    return strcmp(hear(*line, mem), "born") == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* A daemonic child that would never end, and one that ends when a hook lets it. */
static apr_status_t have_all_that_ends(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task), *gone;
    mproc_connection_t *daemon, *other;

    MPROC_TRY(MPROC_UNPACK(task, &teller));
    MPROC_TRY(start_waiting(&daemon, 1, task));
    MPROC_TRY(start_waiting(&other, 0, task));
    MPROC_TRY(mproc_at_exit(tell, "-1", -1, mem));
    MPROC_TRY(mproc_at_exit(tell_and_have_another_told, mem, 5, mem));
    MPROC_TRY(mproc_at_exit(tell, "10", 10, mem));
    MPROC_TRY(mproc_at_exit(tell, "-100", -100, mem));
    MPROC_TRY(mproc_at_exit(let_the_child_go, other, 0, mem));
    MPROC_TRY(mproc_at_exit(tell, "10 again", 10, mem));
    MPROC_TRY(apr_pool_create(&gone, mem));
    MPROC_TRY(mproc_at_exit(tell, "never: its memory is gone", 7, gone));
    apr_pool_destroy(gone);
    atexit(tell_by_atexit);
    return say(teller, "target");
}

static apr_status_t have_all_that_ends_and_exit(mproc_task_t *task)
{
    MPROC_TRY(have_all_that_ends(task));
    exit(0);
}

/* Ends the child by another way, in the middle of its end. */
static void tell_and_exit(void *word)
{
    tell(word);
    exit(4);
}

static apr_status_t have_a_hook_that_exits(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);

    MPROC_TRY(MPROC_UNPACK(task, &teller));
    MPROC_TRY(mproc_at_exit(tell, "-1", -1, mem));
    MPROC_TRY(mproc_at_exit(tell_and_exit, "2", 2, mem));
    MPROC_TRY(mproc_at_exit(tell, "1", 1, mem));
    return APR_SUCCESS;
}

/* -- A child that prints --------------------------------------------------------------- */

static void print_line(void *line)
{
    printf("%s: %s\n", mproc_process_name(mproc_current_process()), (const char *)line);
}

static void print_at_exit(void)
{
    print_line("atexit");
}

static apr_status_t print_and_register(mproc_task_t *task)
{
    print_line("target");
    atexit(print_at_exit);
    MPROC_TRY(mproc_at_exit(print_line, "hook", 1, mproc_task_mem(task)));
    printf("%s: not ended by a newline", mproc_process_name(mproc_current_process()));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(wait_and_tell), MPROC_TARGET(have_all_that_ends), MPROC_TARGET(have_all_that_ends_and_exit),
    MPROC_TARGET(print_and_register), MPROC_TARGET(have_a_hook_that_exits), MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* The parent has both kinds of its own, and a line that it has not ended. */
static int be_printing_parent(apr_pool_t *mem)
{
    mproc_process_t *child;

    atexit(print_at_exit);
    MPROC_CHECK(mproc_at_exit(print_line, "hook", 1, mem));
    printf("MainProcess: pending, ");
    MPROC_CHECK(mproc_process_start(&child, print_and_register, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_status(child));
    printf("\n");
    print_line("joined");
    return 0;
}

/* -- The tests ------------------------------------------------------------------------------ */

static const char *const all_steps[] = {"target", "atexit", "10 again", "10", "5, which adds 3", "3",
                                        "0, which lets a child end", "a child has ended", "-1", "-100", "(end)", NULL};

static void assert_told(const char *const *steps, mproc_target_fn *target, apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&process, target, MPROC_PACK(there), NULL, mem));
    assert_success(mproc_connection_close(there));
    for (; *steps != NULL; steps++)
        assert_string_equal(hear(here, mem), *steps);
    assert_success(mproc_process_join(process, PATIENCE));
}

static void a_child_that_returns_ends_in_order(void **state)
{
    assert_told(all_steps, have_all_that_ends, *state);
}

static void a_child_that_calls_exit_ends_in_order(void **state)
{
    assert_told(all_steps, have_all_that_ends_and_exit, *state);
}

static void a_hook_that_exits_keeps_nothing_else_from_ending(void **state)
{
    static const char *const steps[] = {"2", "1", "-1", "(end)", NULL};

    assert_told(steps, have_a_hook_that_exits, *state);
}

static void handlers_run_once_and_in_their_own_process_and_nothing_is_printed_twice(void **state)
{
    ran_t ran;
    const char *const arguments[] = {own_path, "print", NULL};

    run_program(&ran, arguments, *state);
    assert_string_equal(ran.errors, "");
    assert_string_equal(ran.output, "MainProcess: pending, Process-1: target\n"
                                    "Process-1: not ended by a newlineProcess-1: atexit\n"
                                    "Process-1: hook\n"
                                    "\n"
                                    "MainProcess: joined\n"
                                    "MainProcess: atexit\n"
                                    "MainProcess: hook\n");
    assert_int_equal(ran.exitcode, 0);
}

static void null_for_the_function_or_its_memory_is_refused(void **state)
{
    assert_refused(mproc_at_exit(NULL, NULL, 0, *state), APR_EINVAL, "NULL");
    assert_refused(mproc_at_exit(tell, NULL, 0, NULL), APR_EINVAL, "NULL");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_child_that_returns_ends_in_order),
        claim_leaving_nothing(a_child_that_calls_exit_ends_in_order),
        claim_leaving_nothing(a_hook_that_exits_keeps_nothing_else_from_ending),
        claim(handlers_run_once_and_in_their_own_process_and_nothing_is_printed_twice),
        claim(null_for_the_function_or_its_memory_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    own_path = argv[0];
    if (argc > 1 && strcmp(argv[1], "print") == 0)
        return be_printing_parent(mem);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
