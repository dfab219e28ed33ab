/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who a process is: its name, its number, its parent, its arguments and its
 * output, seen from both sides.
 */

#include "claims.h"
#include "run.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *own_path;
static int was_anybody_above_the_guard;

/* -- What the children do ------------------------------------------------------ */

/* Tells what it knows of itself and of its parent. */
static apr_status_t introduce(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_t *self = mproc_current_process(), *parent = mproc_parent_process();

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return mproc_connection_send(line,
                                 MPROC_PACK(mproc_process_name(self), mproc_process_pid(self),
                                            mproc_process_daemon(self), mproc_process_name(parent),
                                            mproc_process_pid(parent), mproc_process_is_alive(parent),
                                            mproc_process_is_alive(self), mproc_task_target(task)),
                                 PATIENCE);
}

/* Starts two children, one after the other, and tells their names. */
static apr_status_t tell_names_of_children(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_t *one, *two;
    apr_pool_t *mem = mproc_task_mem(task);

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_process_start(&one, succeed, MPROC_NO_ARGS, NULL, mem));
    MPROC_TRY(mproc_process_start(&two, succeed, MPROC_NO_ARGS, NULL, mem));
    return mproc_connection_send(line, MPROC_PACK(mproc_process_name(one), mproc_process_name(two)), PATIENCE);
}

static apr_status_t start_one(mproc_task_t *task)
{
    mproc_process_t *process = NULL;

    return mproc_process_start(&process, succeed, MPROC_NO_ARGS, NULL, mproc_task_mem(task));
}

/* Sends back what it was given, through the last of it. */
static apr_status_t send_back(mproc_task_t *task)
{
    mproc_values_t *numbers, *others, *nothing;
    mproc_connection_t *line;
    long long smallest;
    unsigned long long largest;
    _Bool yes, no;
    double real;
    const char *string;
    mproc_bytes_t bytes;

    MPROC_TRY(MPROC_UNPACK(task, &numbers, &others, &nothing, &line));
    MPROC_TRY(MPROC_UNPACK(numbers, &smallest, &largest, &yes, &no, &real));
    MPROC_TRY(MPROC_UNPACK(others, &string, &bytes));
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(smallest, largest, yes, no, real), PATIENCE));
    return mproc_connection_send(line, MPROC_PACK(string, MPROC_BYTES(bytes.data, bytes.size),
                                                  MPROC_BOOL(mproc_values_is_none(nothing, 0))), PATIENCE);
}

static apr_status_t take_two(mproc_task_t *task)
{
    const char *word;
    int number;

    return MPROC_UNPACK(task, &number, &word);
}

static apr_status_t print_word(mproc_task_t *task)
{
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &word));
    printf("%s\n", word);
    return APR_SUCCESS;
}

static apr_status_t tell_variables(mproc_task_t *task)
{
    mproc_connection_t *line;
    const char *set = getenv("MPROC_TEST_SET"), *out = getenv("MPROC_TEST_OUT"), *kept = getenv("PATH");

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return mproc_connection_send(line, MPROC_PACK(set != NULL ? set : "(none)", out != NULL ? out : "(none)",
                                                  MPROC_BOOL(kept != NULL)), PATIENCE);
}

static apr_status_t tell_input(mproc_task_t *task)
{
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return say(line, getchar() == EOF ? "nothing" : "something");
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(introduce),  MPROC_TARGET(tell_names_of_children), MPROC_TARGET(start_one),
    MPROC_TARGET(send_back),  MPROC_TARGET(print_word),             MPROC_TARGET(tell_variables),
    MPROC_TARGET(tell_input), MPROC_TARGET(take_two),               MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Helpers ------------------------------------------------------------------- */

/* Start a target with an end of a pipe, hear one message of values, and see it end well. */
static mproc_values_t *values_from(mproc_process_t **process, mproc_target_fn *target,
                                   const mproc_process_options_t *options, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *here, *there;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, target, MPROC_PACK(there), options, mem));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_ended(*process, 0);
    return values;
}

typedef struct introduction_t {
    const char *name, *parent_name, *target;
    apr_int64_t pid, parent_pid;
    int daemon, is_parent_alive, is_alive;
} introduction_t;

static introduction_t introduction_of(mproc_process_t **process, const mproc_process_options_t *options,
                                      apr_pool_t *mem)
{
    introduction_t of;
    mproc_values_t *values = values_from(process, introduce, options, mem);

    assert_success(MPROC_UNPACK(values, &of.name, &of.pid, &of.daemon, &of.parent_name, &of.parent_pid,
                                &of.is_parent_alive, &of.is_alive, &of.target));
    return of;
}

/* -- Names --------------------------------------------------------------------- */

/* The first test of all, as the names count the starts. */
static void children_are_named_by_their_number(void **state)
{
    mproc_process_t *one, *two;

    assert_success(status_of(&one, succeed, MPROC_NO_ARGS, NULL, *state));
    assert_success(status_of(&two, succeed, MPROC_NO_ARGS, NULL, *state));
    assert_string_equal(mproc_process_name(one), "Process-1");
    assert_string_equal(mproc_process_name(two), "Process-2");
}

static void a_child_knows_its_name(void **state)
{
    mproc_process_t *process;
    introduction_t child = introduction_of(&process, NULL, *state);

    assert_string_equal(child.name, mproc_process_name(process));
}

static void grandchildren_are_named_after_their_parent(void **state)
{
    mproc_process_t *process;
    mproc_values_t *values = values_from(&process, tell_names_of_children, NULL, *state);
    const char *one, *two;

    assert_success(MPROC_UNPACK(values, &one, &two));
    assert_string_equal(one, apr_pstrcat(*state, mproc_process_name(process), ":1", NULL));
    assert_string_equal(two, apr_pstrcat(*state, mproc_process_name(process), ":2", NULL));
}

static void an_own_name_does_not_change_the_names_of_children(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    mproc_values_t *values;
    const char *one, *two;

    options.name = "reader";
    values = values_from(&process, tell_names_of_children, &options, *state);
    assert_success(MPROC_UNPACK(values, &one, &two));
    assert_memory_equal(one, "Process-", 8);
    assert_string_equal(strchr(one, ':'), ":1");
}

static void the_name_in_the_options_is_copied(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    char name[] = "r\xC3\xA9sum\xC3\xA9 reader";
    mproc_process_t *process;
    introduction_t child;

    options.name = name;
    child = introduction_of(&process, &options, *state);
    memset(name, 'x', sizeof name - 1);
    assert_string_equal(mproc_process_name(process), "r\xC3\xA9sum\xC3\xA9 reader");
    assert_string_equal(child.name, "r\xC3\xA9sum\xC3\xA9 reader");
}

static void a_task_knows_the_name_of_its_target(void **state)
{
    mproc_process_t *process;

    assert_string_equal(introduction_of(&process, NULL, *state).target, "introduce");
}

/* -- Relations ------------------------------------------------------------------ */

static void a_child_is_another_process(void **state)
{
    mproc_process_t *process;
    introduction_t child = introduction_of(&process, NULL, *state);

    assert_true(mproc_process_pid(process) != mproc_process_pid(mproc_current_process()));
    assert_int_equal(child.pid, mproc_process_pid(process));
    assert_int_equal(child.is_alive, 1);
}

static void a_child_knows_its_parent(void **state)
{
    mproc_process_t *process;
    introduction_t child = introduction_of(&process, NULL, *state);

    assert_string_equal(child.parent_name, "MainProcess");
    assert_int_equal(child.parent_pid, mproc_process_pid(mproc_current_process()));
    assert_int_equal(child.is_parent_alive, 1);
}

static void the_program_is_the_main_process_without_a_parent(void **state)
{
    mproc_process_t *self = mproc_current_process();

    (void)state;
    assert_string_equal(mproc_process_name(self), "MainProcess");
    assert_int_equal(mproc_process_daemon(self), 0);
    assert_int_equal(mproc_process_is_alive(self), 1);
    assert_null(mproc_parent_process());
}

static void nobody_is_there_above_the_guard(void **state)
{
    (void)state;
    assert_false(was_anybody_above_the_guard);
}

static void daemon_is_known_on_both_sides(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    assert_int_equal(introduction_of(&process, NULL, *state).daemon, 0);
    assert_int_equal(mproc_process_daemon(process), 0);
    options.daemon = 2;
    assert_int_equal(introduction_of(&process, &options, *state).daemon, 1);
    assert_int_equal(mproc_process_daemon(process), 1);
}

static void a_daemonic_process_may_not_have_children(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    assert_success(status_of(&process, start_one, MPROC_NO_ARGS, &options, *state));
    options.daemon = 1;
    assert_status(status_of(&process, start_one, MPROC_NO_ARGS, &options, *state), MPROC_EDAEMON);
    assert_words(mproc_process_error(process), "daemonic");
}

/* -- What a child gets ----------------------------------------------------------- */

static void arguments_of_every_type_arrive(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    long long smallest;
    unsigned long long largest;
    _Bool yes, no, is_none;
    double real;
    const char *string;
    mproc_bytes_t bytes;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(
        &process, send_back,
        MPROC_PACK(MPROC_PACK((long long)INT64_MIN, (unsigned long long)UINT64_MAX, MPROC_BOOL(7), MPROC_BOOL(0), -0.1),
                   MPROC_PACK("\xE4\xB8\xAD and \xF0\x9F\x98\x80", MPROC_BYTES("a\0b", 4)), MPROC_PACK(MPROC_NONE), there),
        NULL, *state));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &smallest, &largest, &yes, &no, &real));
    assert_true(smallest == INT64_MIN && largest == UINT64_MAX && yes && !no && real == -0.1);
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &string, &bytes, &is_none));
    assert_true(is_none);
    assert_string_equal(string, "\xE4\xB8\xAD and \xF0\x9F\x98\x80");
    assert_int_equal(bytes.size, 4);
    assert_memory_equal(bytes.data, "a\0b", 4);
    assert_ended(process, 0);
}

static void the_environment_is_the_parents_with_changes(void **state)
{
    static const char *const changes[] = {"MPROC_TEST_SET=a=b c", "MPROC_TEST_OUT=x", "MPROC_TEST_OUT", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    mproc_values_t *values;
    const char *set, *out;
    _Bool is_rest_kept;

    options.environment = changes;
    values = values_from(&process, tell_variables, &options, *state);
    assert_success(MPROC_UNPACK(values, &set, &out, &is_rest_kept));
    assert_string_equal(set, "a=b c");
    assert_string_equal(out, "(none)");
    assert_true(is_rest_kept);
}

static void stdin_is_empty_in_a_child(void **state)
{
    mproc_connection_t *here, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, tell_input, MPROC_PACK(there), NULL, *state));
    assert_string_equal(hear(here, *state), "nothing");
    assert_ended(process, 0);
}

/* -- Arguments that do not fit the target -------------------------------------------- */

static void assert_refused_in_child(const mproc_pack_t *args, apr_status_t expected,
                                    const char *words, apr_pool_t *mem)
{
    mproc_process_t *process;

    assert_status(status_of(&process, take_two, args, NULL, mem), expected);
    assert_words(mproc_process_error(process), words);
    assert_ended(process, 1);
}

static void too_few_arguments_come_back_as_a_status(void **state)
{
    assert_refused_in_child(MPROC_PACK(1), MPROC_ECOUNT, "1 values arrived for 2 variables", *state);
}

static void too_many_arguments_come_back_as_a_status(void **state)
{
    assert_refused_in_child(MPROC_PACK(1, "two", 3), MPROC_ECOUNT,
                            "3 values arrived for 2 variables", *state);
}

static void an_argument_of_another_type_comes_back_as_a_status(void **state)
{
    assert_refused_in_child(MPROC_PACK(1, 2), MPROC_ETYPE,
                            "value 2 is an integer, and its variable is for a string", *state);
}

/* -- Output ----------------------------------------------------------------------- */

/* As a program of its own: printed into a pipe, nothing is flushed by itself. */
static int print_in_turn(void)
{
    mproc_process_t *process;
    apr_pool_t *mem;

    apr_pool_create(&mem, NULL);
    printf("first\n");
    fprintf(stderr, "an error\n");
    MPROC_CHECK(mproc_process_start(&process, print_word, MPROC_PACK("second"), NULL, mem));
    MPROC_CHECK(mproc_process_join(process, MPROC_FOREVER));
    MPROC_CHECK(mproc_process_close(process));
    printf("third\n");
    apr_pool_destroy(mem);
    return 0;
}

static void lines_come_in_the_order_one_expects(void **state)
{
    const char *const arguments[] = {own_path, "print-in-turn", NULL};
    ran_t ran;

    run_program(&ran, arguments, *state);
    assert_string_equal(ran.output, "first\nsecond\nthird\n");
    assert_string_equal(ran.errors, "an error\n");
    assert_int_equal(ran.exitcode, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(children_are_named_by_their_number),
        claim(a_child_knows_its_name),
        claim(grandchildren_are_named_after_their_parent),
        claim(an_own_name_does_not_change_the_names_of_children),
        claim(the_name_in_the_options_is_copied),
        claim(a_task_knows_the_name_of_its_target),
        claim(a_child_is_another_process),
        claim(a_child_knows_its_parent),
        claim(the_program_is_the_main_process_without_a_parent),
        claim(nobody_is_there_above_the_guard),
        claim(daemon_is_known_on_both_sides),
        claim(a_daemonic_process_may_not_have_children),
        claim(arguments_of_every_type_arrive),
        claim(too_few_arguments_come_back_as_a_status),
        claim(too_many_arguments_come_back_as_a_status),
        claim(an_argument_of_another_type_comes_back_as_a_status),
        claim(the_environment_is_the_parents_with_changes),
        claim(stdin_is_empty_in_a_child),
        claim(lines_come_in_the_order_one_expects),
    };
    apr_pool_t *mem;

    was_anybody_above_the_guard = mproc_current_process() != NULL || mproc_parent_process() != NULL;
    mproc_init(&mem, &argc, &argv, targets);
    if (argc > 1 && strcmp(argv[1], "print-in-turn") == 0)
        return print_in_turn();
    own_path = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
