/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a process, when what that calls fails.
 */

#include "walk.h"

#include "forkserver.h"

#include <apr_general.h>

/* -- What comes of a start -------------------------------------------------------------- */

static apr_status_t start_with(scene_t *scene, const mproc_pack_t *args,
                               const mproc_process_options_t *options)
{
    return mproc_process_start((mproc_process_t **)&scene->made[0], work, args, options,
                               scene->mem);
}

/* The child that obeys comes to its end, and the object tells of it. */
static void check_started(scene_t *scene)
{
    mproc_process_t *process = scene->made[0];

    assert_success(mproc_process_join(process, MPROC_FOREVER));
    assert_success(mproc_process_status(process));
    assert_success(mproc_process_close(process));
}

/* -- By spawn ----------------------------------------------------------------------------- */

static void set_up_obeying(scene_t *scene)
{
    (void)scene;
    fake_children_act(fake_obeys, 0);
}

static apr_status_t start_plainly(scene_t *scene)
{
    return start_with(scene, MPROC_NO_ARGS, NULL);
}

static void a_start_leaves_a_process_or_nothing(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_obeying, .call = start_plainly, .check = check_started};

    (void)state;
    take_walk(&walk);
}

static apr_status_t start_with_all_options(scene_t *scene)
{
    static const char *const environment[] = {"COLOUR=green", "SIZE", NULL};
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.name = "one";
    options.daemon = 1;
    options.ignore_interrupt = 1;
    options.environment = environment;
    options.working_directory = "/fake/folder";
    return start_with(scene, MPROC_PACK("some", 3, "arguments"), &options);
}

static void a_start_with_all_options_leaves_a_process_or_nothing(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_obeying, .call = start_with_all_options, .check = check_started};

    (void)state;
    take_walk(&walk);
}

/* Without a pool for it, its home is the memory of the caller itself. */
static apr_status_t start_detached(scene_t *scene)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.detached = 1;
    return start_with(scene, MPROC_NO_ARGS, &options);
}

static void a_detached_start_leaves_a_process_or_nothing(void **state)
{
    static const char *const harmless[] = {"fake_pool_create", NULL};
    static const walk_t walk = {.set_up = set_up_obeying,
                                .call = start_detached,
                                .check = check_started,
                                .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

/* -- With a connection ---------------------------------------------------------------------- */

static void set_up_pipe_and_idle(scene_t *scene)
{
    set_up_pipe(scene);
    fake_children_act(fake_is_idle, 0);
}

static apr_status_t start_with_connection(scene_t *scene)
{
    return start_with(scene, MPROC_PACK(scene->there), NULL);
}

/* The child has the other end as long as it runs; this process has both ends still. */
static void check_connected(scene_t *scene)
{
    fake_child_t *child = fake_last_child();

    assert_int_equal(child->nhandles, 2);
    assert_success(mproc_connection_send_bytes(scene->here, "x", 1, 0));
    assert_success(mproc_connection_poll(scene->there, 0));
}

static void a_connection_goes_to_the_child_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pipe_and_idle, .call = start_with_connection, .check = check_connected};

    (void)state;
    take_walk(&walk);
}

/* -- A child that does not hear -------------------------------------------------------------- */

static void set_up_silent(scene_t *scene)
{
    (void)scene;
    fake_children_act(fake_is_silent, 0);
}

/* More than its control channel holds. */
static apr_status_t start_with_more_than_it_reads(scene_t *scene)
{
    static const char much[100000];

    return start_with(scene, MPROC_PACK(MPROC_BYTES(much, sizeof much)), NULL);
}

/* If it cannot be killed, closing what stands for it ends it all the same. */
static const char *const ways_to_end_it[] = {"port_process_stop", "port_process_wait",
                                             "port_process_reap", "port_channel_read",
                                             "fake_pool_create",  NULL};

static void a_child_that_does_not_read_is_killed(void **state)
{
    static const walk_t walk = {.set_up = set_up_silent,
                                .call = start_with_more_than_it_reads,
                                .expected = APR_TIMEUP,
                                .harmless = ways_to_end_it};

    (void)state;
    take_walk(&walk);
}

/* -- By fork ---------------------------------------------------------------------------------- */

static apr_status_t start_copy(scene_t *scene)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_FORK;
    options.working_directory = "/fake/folder";
    return start_with(scene, MPROC_PACK("some", 3, "arguments"), &options);
}

static void a_fork_leaves_a_process_or_nothing(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_obeying, .call = start_copy, .check = check_started};

    (void)state;
    take_walk(&walk);
}

static void set_up_threads(scene_t *scene)
{
    (void)scene;
    fake_threads_set(2);
}

static void a_fork_beside_threads_leaves_a_process_or_nothing(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_threads, .call = start_copy, .check = check_started};

    (void)state;
    take_walk(&walk);
}

static void set_up_hanging(scene_t *scene)
{
    set_up_threads(scene);
    set_up_silent(scene);
}

static void a_copy_that_hangs_is_killed(void **state)
{
    static const walk_t walk = {.set_up = set_up_hanging,
                                .call = start_copy,
                                .expected = APR_TIMEUP,
                                .harmless = ways_to_end_it};

    (void)state;
    take_walk(&walk);
}

/* -- By the fork server ------------------------------------------------------------------------- */

static apr_status_t start_by_server(scene_t *scene)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_FORKSERVER;
    options.working_directory = "/fake/folder";
    return start_with(scene, MPROC_PACK("some", 3, "arguments"), &options);
}

/* What could not be written at once is written when nothing is held any more. */
static const char *const writing_at_once[] = {"port_channel_write", "fake_pool_create", NULL};

/* It would live as long as the program. */
static void end_server(void)
{
    assert_success(mproc_forkserver_ensure_running());
    mproc__forkserver_lock();
    mproc__forkserver_forget();
    mproc__forkserver_unlock();
}

static void a_start_by_the_fork_server_leaves_a_process_or_nothing(void **state)
{
    static const walk_t walk = {.set_up = set_up_obeying,
                                .call = start_by_server,
                                .check = check_started,
                                .harmless = writing_at_once,
                                .tear_down = end_server};

    (void)state;
    take_walk(&walk);
}

static void set_up_pipe_and_obeying(scene_t *scene)
{
    set_up_pipe(scene);
    set_up_obeying(scene);
}

static apr_status_t start_by_server_with_connection(scene_t *scene)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = MPROC_FORKSERVER;
    options.detached = 1;
    return start_with(scene, MPROC_PACK(scene->there), &options);
}

static void a_detached_start_by_it_leaves_a_process_or_nothing(void **state)
{
    static const walk_t walk = {.set_up = set_up_pipe_and_obeying,
                                .call = start_by_server_with_connection,
                                .check = check_started,
                                .harmless = writing_at_once,
                                .tear_down = end_server};

    (void)state;
    take_walk(&walk);
}

static apr_status_t start_by_another_server(scene_t *scene)
{
    fake_forkservers_die(1);
    return start_by_server(scene);
}

static apr_status_t start_by_the_third_server(scene_t *scene)
{
    fake_forkservers_die(2);
    return start_by_server(scene);
}

static apr_status_t start_by_none_of_three_servers(scene_t *scene)
{
    fake_forkservers_die(3);
    return start_by_server(scene);
}

/* Once while it is waited for, and once when it is asked. */
static apr_status_t start_by_a_server_after_two_deaths(scene_t *scene)
{
    fake_forkservers_die_early(1);
    fake_forkservers_die(1);
    return start_by_server(scene);
}

static apr_status_t start_by_none_that_has_served(scene_t *scene)
{
    fake_forkservers_die_early(3);
    return start_by_server(scene);
}

/* Why a server has ended is asked so that it is told; if it is not known, another may do better. */
static const char *const questions_to_the_dead[] = {"port_process_wait",
                                                    "port_process_reap",
                                                    "port_process_stop",
                                                    "port_channel_read",
                                                    "port_channel_write",
                                                    "fake_pool_create",
                                                    NULL};

static void a_server_that_has_died_is_replaced(void **state)
{
    static walk_t walk = {.set_up = set_up_obeying,
                          .check = check_started,
                          .harmless = questions_to_the_dead,
                          .tear_down = end_server};

    (void)state;
    walk.call = start_by_another_server;
    take_walk(&walk);
    walk.call = start_by_the_third_server;
    take_walk(&walk);
    walk.call = start_by_a_server_after_two_deaths;
    take_walk(&walk);
}

static void a_start_gives_up_when_three_servers_have_died(void **state)
{
    static walk_t walk = {.set_up = set_up_obeying,
                          .expected = MPROC_EDIED,
                          .harmless = questions_to_the_dead,
                          .tear_down = end_server};

    (void)state;
    walk.call = start_by_none_of_three_servers;
    take_walk(&walk);
    walk.call = start_by_none_that_has_served;
    take_walk(&walk);
}

static void set_up_failing(scene_t *scene)
{
    (void)scene;
    fake_children_act(fake_fails, 0);
}

/* What it has said is why no other is tried; if that is not heard, the next one says it. */
static void a_server_that_could_not_go_on_is_not_replaced(void **state)
{
    static walk_t walk = {.set_up = set_up_failing,
                          .expected = APR_EGENERAL,
                          .harmless = questions_to_the_dead,
                          .tear_down = end_server};

    (void)state;
    walk.call = start_by_none_of_three_servers;
    take_walk(&walk);
    walk.call = start_by_none_that_has_served;
    take_walk(&walk);
}

static apr_status_t ensure_server(scene_t *scene)
{
    (void)scene;
    return mproc_forkserver_ensure_running();
}

static void a_server_is_started_ahead_or_not_at_all(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_obeying, .call = ensure_server, .tear_down = end_server};

    (void)state;
    take_walk(&walk);
}

/* -- What needs no walk -------------------------------------------------------------------------- */

static void a_system_without_fork_says_so(void **state)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    (void)state;
    fake_fork_refuse("nothing can be copied here");
    options.start_method = MPROC_FORK;
    assert_int_equal(mproc_process_start(&process, work, MPROC_NO_ARGS, &options, mem),
                     APR_ENOTIMPL);
    assert_non_null(strstr(mproc_error_message(), "nothing can be copied here"));
    assert_int_equal(mproc_set_start_method(MPROC_FORK, 0), APR_ENOTIMPL);
}

static void a_system_without_fork_servers_says_so(void **state)
{
    apr_pool_t *mem = fake_program_begin(walk_targets);
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    (void)state;
    fake_forkserver_refuse("nothing can be asked for copies here");
    options.start_method = MPROC_FORKSERVER;
    assert_int_equal(mproc_process_start(&process, work, MPROC_NO_ARGS, &options, mem),
                     APR_ENOTIMPL);
    assert_non_null(strstr(mproc_error_message(), "nothing can be asked"));
    assert_int_equal(mproc_set_start_method(MPROC_FORKSERVER, 0), APR_ENOTIMPL);
    assert_int_equal(mproc_forkserver_ensure_running(), APR_ENOTIMPL);
    assert_non_null(strstr(mproc_error_message(), "nothing can be asked"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_start_leaves_a_process_or_nothing),
        claim(a_start_with_all_options_leaves_a_process_or_nothing),
        claim(a_detached_start_leaves_a_process_or_nothing),
        claim(a_connection_goes_to_the_child_and_stays_here),
        claim(a_child_that_does_not_read_is_killed),
        claim(a_fork_leaves_a_process_or_nothing),
        claim(a_fork_beside_threads_leaves_a_process_or_nothing),
        claim(a_copy_that_hangs_is_killed),
        claim(a_start_by_the_fork_server_leaves_a_process_or_nothing),
        claim(a_detached_start_by_it_leaves_a_process_or_nothing),
        claim(a_server_that_has_died_is_replaced),
        claim(a_start_gives_up_when_three_servers_have_died),
        claim(a_server_that_could_not_go_on_is_not_replaced),
        claim(a_server_is_started_ahead_or_not_at_all),
        claim(a_system_without_fork_says_so),
        claim(a_system_without_fork_servers_says_so),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
