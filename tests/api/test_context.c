/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which start method is used: by the start's own option, by the program's choice,
 * by the environment, or by default; and that what one method has made works with
 * the others.  Here MPROC_START_METHOD says what is expected, as the tests of this
 * folder are run once for each method.
 */

#include "claims.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define METHODS_MAX 8

static const char *default_method(void)
{
    const char *method = getenv("MPROC_START_METHOD");

    return method != NULL && method[0] != '\0' ? method : MPROC_SPAWN;
}

static int has(const char *method)
{
    const char *const *methods;

    for (methods = mproc_get_all_start_methods(); *methods != NULL; methods++)
        if (strcmp(*methods, method) == 0)
            return 1;
    return 0;
}

static mproc_process_options_t by(const char *method)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = method;
    return options;
}

/* -- What the children do ------------------------------------------------------ */

/* Tells how it was started, and how its own children would be: "fork, then spawn". */
static apr_status_t tell_methods(mproc_task_t *task)
{
    const char *set = mproc_get_start_method(1);
    mproc_connection_t *line;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    return mproc_connection_send(line, MPROC_PACK(mproc_task_start_method(task), set != NULL ? set : "(none)"),
                                 PATIENCE);
}

static const char *method_of(char letter)
{
    if (letter == 's')
        return MPROC_SPAWN;
    return letter == 'f' ? MPROC_FORK : MPROC_FORKSERVER;
}

/*
 * Hands a connection on to a child by the first of these methods, which does so by the next; the last one answers.
 * "sfv" is spawn, then fork, then forkserver.
 */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_process_options_t options;
    mproc_process_t *process;
    const char *methods;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line, &methods));
    if (methods[0] == '\0')
        return answer_on(line);
    options = by(method_of(methods[0]));
    MPROC_TRY(mproc_process_start(&process, hand_on, MPROC_PACK(line, methods + 1), &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_close(line));
    MPROC_TRY(mproc_process_join(process, MPROC_FOREVER));
    rv = mproc_process_status(process);
    return rv == APR_SUCCESS ? rv : mproc_error_set(rv, "%s", mproc_process_error(process));
}

static const mproc_target_t targets[] = {MPROC_TARGET(tell_methods), MPROC_TARGET(hand_on),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Helpers ------------------------------------------------------------------------ */

static int go_back_to_the_default(void **state)
{
    mproc_set_start_method(NULL, 1);
    return destroy_memory(state);
}

#define claim_of_a_choice(test) cmocka_unit_test_setup_teardown(test, make_memory, go_back_to_the_default)

/* That a child started with these options was started by `method`, and would use `its_own`. */
static void assert_started(const mproc_process_options_t *options, const char *method, const char *its_own,
                           apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_values_t *values = mproc_values_create(mem);
    mproc_process_t *process;
    const char *by_which, *set;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(status_of(&process, tell_methods, MPROC_PACK(there), options, mem));
    assert_success(mproc_connection_recv(here, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &by_which, &set));
    assert_string_equal(by_which, method);
    assert_string_equal(set, its_own);
}

/* -- The tests ------------------------------------------------------------------------ */

static void spawn_is_the_first_of_all_methods(void **state)
{
    const char *const *methods = mproc_get_all_start_methods();
    int count = 0;

    (void)state;
    assert_string_equal(methods[0], MPROC_SPAWN);
    while (methods[count] != NULL)
        count++;
    assert_true(count <= METHODS_MAX);
    assert_int_equal(has(MPROC_FORK), count > 1);
    assert_int_equal(has(MPROC_FORKSERVER), count > 1);
}

static void the_environment_says_what_is_used_by_default(void **state)
{
    assert_null(mproc_get_start_method(1));
    assert_started(NULL, default_method(), default_method(), *state);
}

static void asking_fixes_the_default(void **state)
{
    (void)state;
    assert_null(mproc_get_start_method(1));
    assert_string_equal(mproc_get_start_method(0), default_method());
    assert_string_equal(mproc_get_start_method(1), default_method());
    assert_refused(mproc_set_start_method(MPROC_SPAWN, 0), MPROC_ECONTEXT, default_method());
}

static void a_start_fixes_the_default(void **state)
{
    mproc_process_t *process;

    assert_success(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state));
    assert_refused(mproc_set_start_method(MPROC_SPAWN, 0), MPROC_ECONTEXT, "already been set");
}

static void a_start_by_a_method_of_its_own_does_not(void **state)
{
    mproc_process_options_t options = by(MPROC_SPAWN);
    mproc_process_t *process;

    assert_success(status_of(&process, succeed, MPROC_NO_ARGS, &options, *state));
    assert_null(mproc_get_start_method(1));
}

static void a_program_chooses_once_unless_forced(void **state)
{
    assert_success(mproc_set_start_method(MPROC_SPAWN, 0));
    assert_refused(mproc_set_start_method(MPROC_SPAWN, 0), MPROC_ECONTEXT, "spawn");
    assert_started(NULL, MPROC_SPAWN, MPROC_SPAWN, *state);
    assert_success(mproc_set_start_method(default_method(), 1));
    assert_started(NULL, default_method(), default_method(), *state);
    assert_success(mproc_set_start_method(NULL, 1));
    assert_null(mproc_get_start_method(1));
}

static void an_option_goes_over_the_choice(void **state)
{
    const char *const *method;

    assert_success(mproc_set_start_method(MPROC_SPAWN, 0));
    for (method = mproc_get_all_start_methods(); *method != NULL; method++) {
        mproc_process_options_t options = by(*method);

        assert_started(&options, *method, MPROC_SPAWN, *state);
    }
}

static void an_unknown_method_is_refused_by_name(void **state)
{
    mproc_process_options_t options = by("frok");
    mproc_process_t *process = NULL;

    assert_refused(mproc_set_start_method("frok", 0), APR_EINVAL, "\"frok\"");
    assert_words(mproc_error_message(), "spawn");
    assert_refused(mproc_set_start_method("", 1), APR_EINVAL, "\"\"");
    assert_refused(mproc_set_start_method(NULL, 0), APR_EINVAL, "force");
    assert_refused(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, *state), APR_EINVAL, "\"frok\"");
    assert_null(process);
}

/* Where there is no fork, it is refused with the reason and a way out; elsewhere it works. */
static void fork_works_or_is_refused_with_a_reason(void **state)
{
    mproc_process_options_t options = by(MPROC_FORK);
    mproc_process_t *process = NULL;

    if (has(MPROC_FORK)) {
        assert_success(mproc_set_start_method(MPROC_FORK, 1));
        assert_started(NULL, MPROC_FORK, MPROC_FORK, *state);
        return;
    }
    assert_refused(mproc_set_start_method(MPROC_FORK, 1), APR_ENOTIMPL, "cannot copy");
    assert_words(mproc_error_message(), "use spawn");
    assert_refused(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, *state), APR_ENOTIMPL, "use spawn");
    assert_null(process);
    assert_started(NULL, MPROC_SPAWN, MPROC_SPAWN, *state);
}

/* The same; and what only it has is refused too. */
static void forkserver_works_or_is_refused_with_a_reason(void **state)
{
    mproc_process_options_t options = by(MPROC_FORKSERVER);
    mproc_process_t *process = NULL;

    if (has(MPROC_FORKSERVER)) {
        assert_success(mproc_set_start_method(MPROC_FORKSERVER, 1));
        assert_success(mproc_forkserver_ensure_running());
        assert_started(NULL, MPROC_FORKSERVER, MPROC_FORKSERVER, *state);
        return;
    }
    assert_refused(mproc_set_start_method(MPROC_FORKSERVER, 1), APR_ENOTIMPL, "no fork for a server");
    assert_words(mproc_error_message(), "use spawn");
    assert_refused(mproc_process_start(&process, succeed, MPROC_NO_ARGS, &options, *state), APR_ENOTIMPL, "use spawn");
    assert_null(process);
    assert_refused(mproc_forkserver_ensure_running(), APR_ENOTIMPL, "use spawn");
    assert_started(NULL, MPROC_SPAWN, MPROC_SPAWN, *state);
}

/* Each of three generations by each method, and the last one talks to the first. */
static void what_one_method_made_goes_through_children_of_all(void **state)
{
    static const char *const ways[] = {"s",   "ss",  "f",   "sf",  "fs",  "ff",  "sfs", "fsf", "ffs", "ssf", "fff",
                                       "v",   "vv",  "vs",  "sv",  "vf",  "fv",  "vsv", "svs", "vfv", "fvf", "vvv"};
    size_t i;

    for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        mproc_process_options_t options = by(method_of(ways[i][0]));
        mproc_connection_t *here, *there;
        mproc_process_t *process;

        if (strpbrk(ways[i], "fv") != NULL && !has(MPROC_FORK))
            continue;
        assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
        assert_success(mproc_process_start(&process, hand_on, MPROC_PACK(there, ways[i] + 1), &options, *state));
        assert_success(mproc_connection_close(there));
        assert_success(say(here, ways[i]));
        assert_string_equal(hear(here, *state), ways[i]);
        assert_success(say(here, "leave"));
        assert_string_equal(hear(here, *state), "(end)");
        assert_ended(process, 0);
        assert_success(mproc_process_status(process));
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_of_a_choice(spawn_is_the_first_of_all_methods),
        claim_of_a_choice(the_environment_says_what_is_used_by_default),
        claim_of_a_choice(asking_fixes_the_default),
        claim_of_a_choice(a_start_fixes_the_default),
        claim_of_a_choice(a_start_by_a_method_of_its_own_does_not),
        claim_of_a_choice(a_program_chooses_once_unless_forced),
        claim_of_a_choice(an_option_goes_over_the_choice),
        claim_of_a_choice(an_unknown_method_is_refused_by_name),
        claim_of_a_choice(fork_works_or_is_refused_with_a_reason),
        claim_of_a_choice(forkserver_works_or_is_refused_with_a_reason),
        claim_of_a_choice(what_one_method_made_goes_through_children_of_all),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
