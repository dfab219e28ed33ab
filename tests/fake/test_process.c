/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that run or have ended, when what is called on them fails.
 */

#include "walk.h"

#include <apr_general.h>

/* -- Waiting ------------------------------------------------------------------------------- */

static void set_up_running(scene_t *scene)
{
    start(scene, fake_obeys, NULL);
}

/* Nobody is told that it runs who could not find out. */
static apr_status_t honest(apr_status_t rv)
{
    if (rv != APR_SUCCESS && rv != APR_TIMEUP && rv != MPROC_ERUNNING)
        assert_null(strstr(mproc_error_message(), "still running"));
    assert_int_not_equal(rv, MPROC_ERUNNING);
    return rv;
}

static apr_status_t join(scene_t *scene)
{
    return honest(mproc_process_join(scene->process, A_WHILE));
}

static void check_joined(scene_t *scene)
{
    assert_int_equal(mproc_process_is_alive(scene->process), 0);
}

/*
 * What came of it is read when its end is seen: that may fail, and then it says that it has ended
 * without a word, or that its code was lost.
 */
static const char *const reading_of_last_words[] = {"fake_pool_create", "port_process_reap",
                                                    "port_channel_read", "fake_realloc", NULL};

/* Who looks only takes it for one that runs when it cannot be told. */
static const char *const seeing_of_its_end[] = {"port_process_wait", "port_process_reap",
                                                "port_channel_read", "fake_pool_create",
                                                "fake_realloc",      NULL};

static void its_end_is_seen_by_the_next_join(void **state)
{
    static const walk_t walk = {.set_up = set_up_running,
                                .call = join,
                                .check = check_joined,
                                .harmless = reading_of_last_words};

    (void)state;
    take_walk(&walk);
}

static void set_up_idle(scene_t *scene)
{
    start(scene, fake_is_idle, NULL);
}

static void a_join_that_failed_has_not_timed_out(void **state)
{
    static const walk_t walk = {.set_up = set_up_idle, .call = join, .expected = APR_TIMEUP};

    (void)state;
    take_walk(&walk);
}

static apr_status_t wait_for_it(scene_t *scene)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(scene->process)};
    apr_status_t rv;

    what[0].ready = 7;
    rv = mproc_wait(what, 1, A_WHILE);
    assert_int_equal(what[0].ready, rv == APR_SUCCESS ? 1 : 7);
    return rv;
}

static void its_end_is_seen_by_the_next_wait(void **state)
{
    static const walk_t walk = {.set_up = set_up_running,
                                .call = wait_for_it,
                                .check = check_joined,
                                .harmless = reading_of_last_words};

    (void)state;
    take_walk(&walk);
}

static apr_status_t list_children(scene_t *scene)
{
    mproc_process_t **children;
    apr_status_t rv = mproc_active_children(&children, &scene->size, scene->mem);

    if (rv == APR_SUCCESS)
        scene->made[0] = scene->size > 0 ? children[0] : NULL;
    return rv;
}

static void check_is_listed(scene_t *scene)
{
    assert_int_equal(scene->size, 1);
    assert_ptr_equal(scene->made[0], scene->process);
    assert_int_equal(mproc_process_is_alive(scene->process), 1);
}

/* A child of which it cannot be told whether it runs is among those that do. */
static void a_child_that_may_run_is_active(void **state)
{
    static const char *const harmless[] = {"port_process_wait", NULL};
    static const walk_t walk = {.set_up = set_up_idle,
                                .call = list_children,
                                .check = check_is_listed,
                                .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

static apr_status_t count_children(scene_t *scene)
{
    mproc_process_t **children;

    return mproc_active_children(&children, &scene->size, scene->mem);
}

static void set_up_ended(scene_t *scene)
{
    set_up_running(scene);
    fake_let_all_act();
}

static int could_not_be_asked(void)
{
    return fake_failed() != NULL && strcmp(fake_failed(), "port_process_wait") == 0;
}

static void check_counted(scene_t *scene)
{
    assert_true(scene->size == 0 || could_not_be_asked());
}

static void a_child_that_has_ended_is_not_active(void **state)
{
    static const walk_t walk = {.set_up = set_up_ended,
                                .call = count_children,
                                .check = check_counted,
                                .harmless = seeing_of_its_end};

    (void)state;
    take_walk(&walk);
}

static apr_status_t ask_whether_it_is_alive(scene_t *scene)
{
    scene->number = mproc_process_is_alive(scene->process);
    return APR_SUCCESS;
}

static void check_is_alive(scene_t *scene)
{
    assert_int_equal(scene->number, 1);
}

static void check_is_not_alive(scene_t *scene)
{
    assert_int_equal(scene->number, could_not_be_asked());
}

static void a_child_that_runs_is_alive(void **state)
{
    static const char *const harmless[] = {"port_process_wait", NULL};
    static const walk_t walk = {.set_up = set_up_idle,
                                .call = ask_whether_it_is_alive,
                                .check = check_is_alive,
                                .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

/* One of which it cannot be told may run. */
static void a_child_that_has_ended_is_not_alive(void **state)
{
    static const walk_t walk = {.set_up = set_up_ended,
                                .call = ask_whether_it_is_alive,
                                .check = check_is_not_alive,
                                .harmless = seeing_of_its_end};

    (void)state;
    take_walk(&walk);
}

static apr_status_t ask_sentinel(scene_t *scene)
{
    mproc_sentinel_t sentinel;

    MPROC_TRY(mproc_process_sentinel(scene->process, &sentinel));
    scene->number = (apr_int64_t)sentinel;
    return APR_SUCCESS;
}

/* It stays as long as the object, also when the child has ended. */
static void check_sentinel(scene_t *scene)
{
    apr_int64_t number = scene->number;

    assert_success(mproc_process_kill(scene->process));
    assert_success(mproc_process_join(scene->process, 0));
    assert_success(ask_sentinel(scene));
    assert_int_equal(scene->number, number);
}

static void nothing_can_fail_where_a_sentinel_is_asked_for(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_idle, .call = ask_sentinel, .check = check_sentinel};

    (void)state;
    take_short_walk(&walk);
}

/* -- How it ended ------------------------------------------------------------------------------ */

static apr_status_t ask_status(scene_t *scene)
{
    return honest(mproc_process_status(scene->process));
}

static apr_status_t ask_words(scene_t *scene)
{
    scene->made[0] = (void *)(uintptr_t)mproc_process_error(scene->process);
    return APR_SUCCESS;
}

/* Words for a child that has ended, or none when it cannot be told whether it has. */
static void check_words(scene_t *scene)
{
    const char *words = scene->made[0];

    assert_int_equal(words[0] == '\0', could_not_be_asked());
}

static void set_up_exited(scene_t *scene)
{
    start(scene, fake_exits, NULL);
    fake_let_all_act();
}

static void words_are_never_missing_where_something_failed(void **state)
{
    static const walk_t walk = {.set_up = set_up_exited,
                                .call = ask_words,
                                .check = check_words,
                                .harmless = seeing_of_its_end};

    (void)state;
    take_walk(&walk);
}

static void set_up_failed(scene_t *scene)
{
    start(scene, fake_fails, NULL);
    fake_let_all_act();
}

static void check_status(scene_t *scene)
{
    assert_string_equal(mproc_process_error(scene->process), "it was no good day");
}

/*
 * What a child reports needs no exit code, and can be read into other memory.  Where it cannot be
 * read, that is told, and never that all went well.
 */
static void what_cannot_be_read_is_no_success(void **state)
{
    static const char *const harmless[] = {"port_process_reap", "fake_pool_create", NULL};
    static const walk_t walk = {.set_up = set_up_failed,
                                .call = ask_status,
                                .expected = APR_EGENERAL,
                                .check = check_status,
                                .harmless = harmless,
                                .afterwards = {APR_EMFILE, APR_ENOMEM}};

    (void)state;
    take_walk(&walk);
}

static apr_status_t ask_exitcode(scene_t *scene)
{
    return honest(mproc_process_exitcode(scene->process, &scene->number));
}

static void check_exitcode(scene_t *scene)
{
    assert_int_equal(scene->number, 3);
}

/* The code is the system's, and needs nothing that the child has said. */
static void an_exit_code_that_is_lost_stays_so(void **state)
{
    static const char *const harmless[] = {"fake_pool_create", "port_channel_read", "fake_realloc",
                                           NULL};
    static const walk_t walk = {.set_up = set_up_exited,
                                .call = ask_exitcode,
                                .check = check_exitcode,
                                .harmless = harmless,
                                .afterwards = {MPROC_ELOST}};

    (void)state;
    take_walk(&walk);
}

/* -- Ending it ---------------------------------------------------------------------------------- */

static apr_status_t terminate(scene_t *scene)
{
    return mproc_process_terminate(scene->process);
}

static void check_terminated(scene_t *scene)
{
    assert_int_equal(fake_last_child()->signal, 15);
    assert_success(mproc_process_join(scene->process, 0));
}

static void a_child_that_could_not_be_asked_is_asked_by_the_next_call(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_idle, .call = terminate, .check = check_terminated};

    (void)state;
    take_walk(&walk);
}

static apr_status_t kill_it(scene_t *scene)
{
    return mproc_process_kill(scene->process);
}

static void check_killed(scene_t *scene)
{
    assert_int_equal(fake_last_child()->signal, 9);
    assert_success(mproc_process_join(scene->process, 0));
}

static void a_child_that_could_not_be_killed_is_killed_by_the_next_call(void **state)
{
    static const walk_t walk = {.set_up = set_up_idle, .call = kill_it, .check = check_killed};

    (void)state;
    take_walk(&walk);
}

static apr_status_t close_it(scene_t *scene)
{
    return honest(mproc_process_close(scene->process));
}

static void a_child_that_has_ended_is_closed_by_the_next_call(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_ended, .call = close_it, .harmless = reading_of_last_words};

    (void)state;
    take_walk(&walk);
}

/* -- Destroying its memory -------------------------------------------------------------------------- */

static apr_status_t destroy(scene_t *scene)
{
    if (scene->childs != NULL)
        apr_pool_destroy(scene->childs);
    scene->childs = NULL;
    return APR_SUCCESS;
}

static void check_over(scene_t *scene)
{
    (void)scene;
    assert_int_equal(fake_open().running, 0);
    assert_int_equal(fake_open().processes, 0);
}

static const char *const anything[] = {"port_process_wait",
                                       "port_process_stop",
                                       "port_process_reap",
                                       "port_channel_read",
                                       "fake_pool_create",
                                       "fake_realloc",
                                       NULL};

static void its_memory_takes_it_along(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_idle, .call = destroy, .check = check_over, .harmless = anything};

    (void)state;
    take_walk(&walk);
}

static void set_up_stubborn(scene_t *scene)
{
    set_up_idle(scene);
    fake_last_child()->is_stubborn = 1;
}

static void its_memory_takes_along_one_that_resists(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_stubborn, .call = destroy, .check = check_over, .harmless = anything};

    (void)state;
    take_walk(&walk);
}

/* -- Without a walk ------------------------------------------------------------------------------------ */

static void every_end_is_told(void **state)
{
    static const struct {
        fake_act_fn *act;
        apr_status_t status;
        const char *words;
    } ends[] = {
        {fake_obeys, APR_SUCCESS, ""},
        {fake_fails, APR_EGENERAL, "it was no good day"},
        {fake_exits, MPROC_EEXIT, "work called exit(3)"},
        {fake_dies, MPROC_EDIED, "signal 11"},
        {fake_refuses, MPROC_EBUILD, "it is another build"},
    };
    apr_pool_t *mem = fake_program_begin(walk_targets);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        scene_t scene = {.mem = mem};

        start(&scene, ends[i].act, NULL);
        assert_success(mproc_process_join(scene.process, MPROC_FOREVER));
        assert_int_equal(mproc_process_status(scene.process), ends[i].status);
        assert_non_null(strstr(mproc_process_error(scene.process), ends[i].words));
    }
}

/* -- One whose end the fork server does not tell ------------------------------------------------ */

/* From when its end is first seen on, so long its code is waited for. */
#define UNTOLD_FOR apr_time_from_sec(10)

static mproc_process_t *start_untold(apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.start_method = MPROC_FORKSERVER;
    fake_children_act(fake_obeys, 0);
    assert_success(mproc_process_start(&process, work, MPROC_NO_ARGS, &options, mem));
    fake_let_all_act();
    fake_forkservers_stop(1);
    return process;
}

static void assert_is_lost(mproc_process_t *process)
{
    apr_int64_t code;

    assert_success(mproc_process_join(process, 0));
    assert_int_equal(mproc_process_exitcode(process, &code), MPROC_ELOST);
}

static void who_looks_does_not_wait_for_the_telling(void **state)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    mproc_process_t *process = start_untold(mem), **children;
    mproc_waitable_t what[] = {MPROC_WAITABLE(process)};
    port_deadline_t begin = port_clock();
    apr_int64_t code;
    size_t count;

    (void)state;
    assert_int_equal(mproc_process_join(process, 0), APR_TIMEUP);
    assert_non_null(strstr(mproc_error_message(), "has not told yet how"));
    assert_int_equal(mproc_wait(what, 1, 0), APR_TIMEUP);
    assert_int_equal(mproc_process_is_alive(process), 1);
    assert_int_equal(mproc_process_exitcode(process, &code), MPROC_ERUNNING);
    assert_int_equal(mproc_process_close(process), MPROC_ERUNNING);
    assert_success(mproc_active_children(&children, &count, mem));
    assert_int_equal(count, 1);
    assert_int_equal(port_clock(), begin);
    fake_forkservers_stop(0);
    assert_success(mproc_process_exitcode(process, &code));
    assert_int_equal(code, 0);
}

static void who_waits_does_so_no_longer_than_wanted_and_at_last_the_code_is_lost(void **state)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    mproc_process_t *process = start_untold(mem);
    port_deadline_t begin = port_clock();

    (void)state;
    assert_int_equal(mproc_process_join(process, A_WHILE), APR_TIMEUP);
    assert_int_equal(port_clock() - begin, A_WHILE);
    assert_success(mproc_process_join(process, MPROC_FOREVER));
    assert_int_equal(port_clock() - begin, UNTOLD_FOR);
    assert_is_lost(process);
}

static void who_waits_on_many_does_so_for_all_at_once(void **state)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    mproc_process_t *one = start_untold(mem), *two = start_untold(mem);
    mproc_waitable_t what[] = {MPROC_WAITABLE(one), MPROC_WAITABLE(two)};
    port_deadline_t begin = port_clock();

    (void)state;
    assert_int_equal(mproc_wait(what, 2, A_WHILE), APR_TIMEUP);
    assert_int_equal(port_clock() - begin, A_WHILE);
    assert_success(mproc_wait(what, 2, MPROC_FOREVER));
    assert_int_equal(port_clock() - begin, UNTOLD_FOR);
    assert_true(what[0].ready && what[1].ready);
    assert_is_lost(one);
    assert_is_lost(two);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(its_end_is_seen_by_the_next_join),
        claim(a_join_that_failed_has_not_timed_out),
        claim(its_end_is_seen_by_the_next_wait),
        claim(a_child_that_may_run_is_active),
        claim(a_child_that_has_ended_is_not_active),
        claim(a_child_that_runs_is_alive),
        claim(a_child_that_has_ended_is_not_alive),
        claim(nothing_can_fail_where_a_sentinel_is_asked_for),
        claim(words_are_never_missing_where_something_failed),
        claim(what_cannot_be_read_is_no_success),
        claim(an_exit_code_that_is_lost_stays_so),
        claim(a_child_that_could_not_be_asked_is_asked_by_the_next_call),
        claim(a_child_that_could_not_be_killed_is_killed_by_the_next_call),
        claim(a_child_that_has_ended_is_closed_by_the_next_call),
        claim(its_memory_takes_it_along),
        claim(its_memory_takes_along_one_that_resists),
        claim(every_end_is_told),
        claim(who_looks_does_not_wait_for_the_telling),
        claim(who_waits_does_so_no_longer_than_wanted_and_at_last_the_code_is_lost),
        claim(who_waits_on_many_does_so_for_all_at_once),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
