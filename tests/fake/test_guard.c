/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The guard and the end of a program, when what they call fails.
 */

#include "walk.h"

#include "ending.h"
#include "exit_hooks.h"
#include "program.h"

#include <apr_general.h>

/* -- The guard -------------------------------------------------------------------------- */

static void pass_guard(void *data)
{
    static const char *const arguments[] = {"program", NULL};
    const char *const *argv = arguments;
    int argc = 1;

    mproc_init(data, &argc, &argv, walk_targets);
}

/* Whether it was passed; if not, the program has ended with words for it. */
static int has_passed(int n)
{
    apr_pool_t *mem = NULL;
    int code;

    mproc_error_set(APR_SUCCESS, "%s", "");
    fake_fail(n, APR_EMFILE);
    code = fake_run(pass_guard, &mem);
    fake_relent();
    if (code == FAKE_CAME_BACK) {
        assert_non_null(mem);
        return 1;
    }
    assert_int_equal(code, 1);
    assert_null(mem);
    if (mproc_error_message()[0] == '\0')
        fail_msg("%s failed, and there are no words for it", fake_failed());
    return 0;
}

/* Without the path of its own executable a program can do all but start processes. */
static void a_guard_that_fails_ends_the_program_with_words(void **state)
{
    int n, calls;

    (void)state;
    assert_true(has_passed(0));
    calls = fake_calls();
    fake_program_end();
    assert_true(calls > 0);
    for (n = 1; n <= calls; n++) {
        int passed = has_passed(n);

        assert_non_null(fake_failed());
        assert_int_equal(passed, strcmp(fake_failed(), "port_executable") == 0);
        fake_program_end();
    }
}

static void without_its_executable_a_program_starts_nothing(void **state)
{
    mproc_process_t *process;
    apr_pool_t *mem = fake_program_begin(walk_targets);

    (void)state;
    mproc__program.own_executable = NULL;
    assert_int_equal(mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, mem), APR_ENOENT);
    assert_success(mproc_set_executable("/fake/other"));
    assert_success(mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, mem));
}

static apr_status_t name_executable(scene_t *scene)
{
    (void)scene;
    return mproc_set_executable("/fake/other");
}

static void check_named(scene_t *scene)
{
    assert_non_null(strstr(mproc__program.executable, "other"));
    start(scene, fake_obeys, NULL);
    assert_success(mproc_set_executable(NULL));
    assert_null(mproc__program.executable);
}

static void nothing_can_fail_where_an_executable_is_named(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_nothing, .call = name_executable, .check = check_named};

    (void)state;
    take_short_walk(&walk);
}

/* -- Handlers --------------------------------------------------------------------------- */

static int handled;

static void count(void *data)
{
    (void)data;
    handled++;
}

static void set_up_handler(scene_t *scene)
{
    (void)scene;
    handled = 0;
}

static apr_status_t register_handler(scene_t *scene)
{
    return mproc_at_exit(count, NULL, 0, scene->mem);
}

/* A call that failed has registered nothing. */
static void check_handler(scene_t *scene)
{
    (void)scene;
    mproc__exit_hooks_run(0);
    assert_int_equal(handled, 1);
    handled = 0;
}

static void a_handler_is_registered_by_the_next_call(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_handler, .call = register_handler, .check = check_handler};

    (void)state;
    take_walk(&walk);
}

/* -- The end of a program --------------------------------------------------------------- */

static void set_up_children(scene_t *scene)
{
    mproc_process_options_t daemonic = MPROC_PROCESS_OPTIONS;

    daemonic.daemon = 1;
    start(scene, fake_is_idle, &daemonic);
    fake_last_child()->is_stubborn = 1;
    start(scene, fake_obeys, NULL);
    set_up_handler(scene);
    assert_success(register_handler(scene));
}

static apr_status_t leave(scene_t *scene)
{
    (void)scene;
    mproc__leave();
    return APR_SUCCESS;
}

/* In any case neither child is there any more, and the handler was called. */
static void check_left(scene_t *scene)
{
    (void)scene;
    assert_int_equal(fake_open().running, 0);
    assert_int_equal(handled, 1);
}

static void a_program_ends_whatever_fails_at_its_end(void **state)
{
    static const char *const anything[] = {"port_process_wait",
                                           "port_process_stop",
                                           "port_process_reap",
                                           "port_channel_read",
                                           "fake_pool_create",
                                           "fake_realloc",
                                           NULL};
    static const walk_t walk = {
        .set_up = set_up_children, .call = leave, .check = check_left, .harmless = anything};

    (void)state;
    take_walk(&walk);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_guard_that_fails_ends_the_program_with_words),
        claim(without_its_executable_a_program_starts_nothing),
        claim(nothing_can_fail_where_an_executable_is_named),
        claim(a_handler_is_registered_by_the_next_call),
        claim(a_program_ends_whatever_fails_at_its_end),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
