/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The guard: what it takes away, what nothing works without, and what it says to
 * a mark that is none.  This program does on purpose what users do by mistake:
 * main() tries to start processes above the guard, in every child again.
 */

#include "claims.h"
#include "run.h"
#include "threads.h"
#include "workers.h"

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What main() has seen above the guard, and what the guard has left. */
static int count_above, count_below;
static const char *const *words_above, *const *words_below;
static apr_status_t rv_above;

/* Starting from a thread, tried above the guard and on until it is no longer refused. */
static struct {
    work_t work;
    apr_uint32_t tries;
} impatient;

/* -- What the children do ------------------------------------------------------ */

static apr_status_t tell_above(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return mproc_connection_send(line, MPROC_PACK(rv_above, count_above, words_above[1], count_below,
                                                  MPROC_BOOL(words_below[count_below] == NULL)), PATIENCE);
}

/* Joins the impatient thread: it ends with the first status that is not MPROC_EBOOTSTRAP. */
static apr_status_t wait_for_impatient(mproc_task_t *task)
{
    (void)task;
    MPROC_TRY(end_thread(&impatient.work));
    return apr_atomic_read32(&impatient.tries) > 0 ? APR_SUCCESS
                                                   : mproc_error_set(APR_EGENERAL, "it was not refused even once");
}

/* Prints its arguments above the guard, and lets a child do the same. */
static apr_status_t print_words(mproc_task_t *task)
{
    mproc_process_t *process;
    int depth, i;

    MPROC_TRY(MPROC_UNPACK(task, &depth));
    printf("%d:", depth);
    for (i = 1; i < count_above; i++)
        printf(" [%s]", strncmp(words_above[i], "--mproc-child=", 14) == 0 ? "mark" : words_above[i]);
    printf("\n");
    if (depth == 2)
        return APR_SUCCESS;
    MPROC_TRY(mproc_process_start(&process, print_words, MPROC_PACK(depth + 1), NULL, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, MPROC_FOREVER));
    return mproc_process_status(process);
}

static const mproc_target_t targets[] = {MPROC_TARGET(tell_above), MPROC_TARGET(wait_for_impatient),
                                         MPROC_TARGET(print_words), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- Above the guard ------------------------------------------------------------------- */

static apr_status_t try_to_start(apr_pool_t *mem)
{
    static const char *const patient[] = {"MPROC_TEST_IMPATIENT", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.environment = patient; /* if it works, once is enough */
    return mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, mem);
}

static apr_status_t start_until_allowed(void *mem)
{
    apr_status_t rv;

    while ((rv = try_to_start(mem)) == MPROC_EBOOTSTRAP)
        apr_atomic_inc32(&impatient.tries);
    return rv;
}

static void do_what_users_do_above_the_guard(int argc, const char *const *argv)
{
    apr_pool_t *mem;

    apr_initialize();
    apr_pool_create(&mem, NULL);
    count_above = argc;
    words_above = argv;
    rv_above = try_to_start(mem);
    if (getenv("MPROC_TEST_IMPATIENT") == NULL)
        return;
    start_thread(&impatient.work, start_until_allowed, mem, mem);
    while (apr_atomic_read32(&impatient.tries) == 0)
        apr_thread_yield();
}

/* -- Without the guard --------------------------------------------------------------------- */

static void without_the_guard_nothing_works_and_the_message_says_why(void **state)
{
    const char *const arguments[] = {UNGUARDED_PROGRAM, NULL};
    ran_t ran;

    run_program(&ran, arguments, *state);
    assert_int_equal(ran.exitcode, 0);
    assert_words(ran.output, "mproc_process_start: MPROC_EBOOTSTRAP");
    assert_words(ran.output, "mproc_pipe: MPROC_EBOOTSTRAP");
    assert_words(ran.output, "mproc_active_children: MPROC_EBOOTSTRAP");
    assert_words(ran.output, "mproc_set_executable: MPROC_EBOOTSTRAP");
    assert_words(ran.output, "bootstrapping phase");
    assert_words(ran.output, "mproc_init(&mem, &argc, &argv, targets);");
}

static void above_the_guard_the_program_can_start_nothing(void **state)
{
    (void)state;
    assert_status(rv_above, MPROC_EBOOTSTRAP);
}

typedef struct above_t {
    apr_status_t rv;
    const char *first_word;
    int count_above, count_below;
    _Bool is_ended_by_null;
} above_t;

static above_t above_in_a_child(apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    above_t above;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(status_of(&process, tell_above, MPROC_PACK(there), NULL, mem));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &above.rv, &above.count_above, &above.first_word, &above.count_below,
                                &above.is_ended_by_null));
    return above;
}

/* If it could, it would start one that could too, without end. */
static void above_the_guard_a_child_can_start_nothing(void **state)
{
    assert_status(above_in_a_child(*state).rv, MPROC_EBOOTSTRAP);
}

static void a_thread_from_above_the_guard_can_start_nothing_before_the_target_runs(void **state)
{
    static const char *const impatience[] = {"MPROC_TEST_IMPATIENT=1", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.environment = impatience;
    assert_success(status_of(&process, wait_for_impatient, MPROC_NO_ARGS, &options, *state));
}

/* -- The mark ----------------------------------------------------------------------------------- */

static void above_the_guard_a_child_sees_one_argument_more(void **state)
{
    above_t above = above_in_a_child(*state);

    assert_int_equal(above.count_above, count_above + 1);
    assert_memory_equal(above.first_word, "--mproc-child=", 14);
}

static void the_guard_takes_the_mark_out_of_argc_and_argv(void **state)
{
    above_t above = above_in_a_child(*state);

    assert_int_equal(above.count_below, count_below);
    assert_true(above.is_ended_by_null);
}

static void the_mark_never_reaches_a_grandchild(void **state)
{
    const char *const arguments[] = {words_below[0], "print-words", "x y", "", "--mproc-childish", NULL};
    ran_t ran;

    run_program(&ran, arguments, *state);
    assert_string_equal(ran.output, "1: [mark] [print-words] [x y] [] [--mproc-childish]\n"
                                    "2: [mark] [print-words] [x y] [] [--mproc-childish]\n");
    assert_string_equal(ran.errors, "");
    assert_int_equal(ran.exitcode, 0);
}

/* For POSIX, for Windows, and for nobody. */
static void a_mark_that_was_typed_ends_with_a_clear_message(void **state)
{
    static const char *const marks[] = {
        "",
        "3:abc",
        "9999,9999,tied:x",
        "3,4,tied:x",
        "3,4,detached:",
        "0,1,tied:x",
        "-3,4,tied:x",
        "99999999999999999999,4,tied:x",
        "0,4,8:x",
        "0,ffffffff,ffffffff:x",
        "1,0,0:x",
        ":",
        ",,,",
        "%s%n,%s:\xC3\xA9",
    };
    size_t i;

    for (i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const char *const arguments[] = {words_below[0], apr_pstrcat(*state, "--mproc-child=", marks[i], NULL), NULL};
        ran_t ran;

        run_program(&ran, arguments, *state);
        assert_words(ran.errors, "mproc: this child cannot start: ");
        assert_words(ran.errors, "is for mproc alone");
        assert_string_equal(ran.output, "");
        assert_int_equal(ran.exitcode, MPROC_EXIT_HANDSHAKE);
    }
}

static void only_the_first_argument_can_be_a_mark(void **state)
{
    const char *const arguments[] = {words_below[0], "count", "--mproc-child=3:abc", "--mproc-child", NULL};
    ran_t ran;

    run_program(&ran, arguments, *state);
    assert_string_equal(ran.output, "4\n");
    assert_int_equal(ran.exitcode, 0);
}

/* -- A guard that is misused ------------------------------------------------------------------------ */

static void assert_guard_refuses(const char *misuse, const char *why, apr_pool_t *mem)
{
    const char *const arguments[] = {words_below[0], misuse, NULL};
    ran_t ran;

    run_program(&ran, arguments, mem);
    assert_words(ran.errors, "mproc_init failed");
    assert_words(ran.errors, why);
    assert_string_equal(ran.output, "");
    assert_int_equal(ran.exitcode, 1);
}

static void a_second_guard_is_refused(void **state)
{
    assert_guard_refuses("twice", "called before", *state);
}

static void a_guard_without_a_table_is_refused(void **state)
{
    assert_guard_refuses("no-table", "the table of targets is NULL", *state);
}

static void a_guard_without_arguments_is_refused(void **state)
{
    assert_guard_refuses("no-arguments", "argc and argv", *state);
}

/* As a program of its own. */
static int misuse(const char *how, apr_pool_t *mem)
{
    if (strcmp(how, "count") == 0)
        printf("%d\n", count_below);
    else if (strcmp(how, "print-words") == 0)
        MPROC_CHECK(mproc_process_start(&(mproc_process_t *){NULL}, print_words, MPROC_PACK(1), NULL, mem));
    else
        mproc_init(&mem, &count_below, &words_below, targets);
    return 0;
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(without_the_guard_nothing_works_and_the_message_says_why),
        claim_leaving_nothing(above_the_guard_the_program_can_start_nothing),
        claim_leaving_nothing(above_the_guard_a_child_can_start_nothing),
        claim_leaving_nothing(a_thread_from_above_the_guard_can_start_nothing_before_the_target_runs),
        claim_leaving_nothing(above_the_guard_a_child_sees_one_argument_more),
        claim_leaving_nothing(the_guard_takes_the_mark_out_of_argc_and_argv),
        claim_leaving_nothing(the_mark_never_reaches_a_grandchild),
        claim_leaving_nothing(a_mark_that_was_typed_ends_with_a_clear_message),
        claim_leaving_nothing(only_the_first_argument_can_be_a_mark),
        claim_leaving_nothing(a_second_guard_is_refused),
        claim_leaving_nothing(a_guard_without_a_table_is_refused),
        claim_leaving_nothing(a_guard_without_arguments_is_refused),
    };
    apr_pool_t *mem;

    do_what_users_do_above_the_guard(argc, argv);
    count_below = argc;
    words_below = argv;
    if (argc > 1 && strcmp(argv[1], "no-table") == 0)
        mproc_init(&mem, &count_below, &words_below, NULL);
    if (argc > 1 && strcmp(argv[1], "no-arguments") == 0)
        mproc_init(&mem, NULL, &words_below, targets);
    mproc_init(&mem, &count_below, &words_below, targets);
    return count_below > 1 ? misuse(words_below[1], mem) : cmocka_run_group_tests(tests, NULL, NULL);
}
