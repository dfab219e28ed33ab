/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starting a process, when what that calls fails.
 */

#include "walk.h"

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
        claim(a_system_without_fork_says_so),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
