/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pools, when what they call fails: in the caller's thread, or in the supervisor.
 */

#include "playing.h"

#include <apr_general.h>

enum { WORKERS = 2, ITEMS = 10 };

static int items[ITEMS], results[ITEMS];

static int end_pool(void **state)
{
    end_program(state);
    play(NULL);
    return 0;
}

#define pool_claim(test) cmocka_unit_test_teardown(test, end_pool)

/* With workers that are ready, as far as the supervisor has not heard of it. */
static void set_up_pool_with(scene_t *scene, const mproc_pool_options_t *options)
{
    size_t i;

    for (i = 0; i < ITEMS; i++) {
        items[i] = (int)i;
        results[i] = -1;
    }
    play(NULL);
    fake_children_act(fake_works, 0);
    assert_success(mproc_pool_create(&scene->workers, WORKERS, options, scene->mem));
    play(scene->workers);
    fake_let_all_act();
    scene->values = mproc_values_create(scene->mem);
}

static void set_up_pool(scene_t *scene)
{
    set_up_pool_with(scene, NULL);
}

/*
 * What the supervisor does once more in its next round, or what only costs time; and a worker that
 * cannot be told of memory is ended, and another does its work.
 */
static const char *const of_the_supervisor[] = {"port_wait",    "port_park",          "fake_calloc",
                                                "fake_realloc", "port_channel_write", NULL};

static void check_doubled(void)
{
    size_t i;

    for (i = 0; i < ITEMS; i++)
        assert_int_equal(results[i], 2 * items[i]);
}

/* -- Making one, and its end ------------------------------------------------------------------- */

static apr_status_t make_pool(scene_t *scene)
{
    return mproc_pool_create((mproc_pool_t **)&scene->made[0], WORKERS, NULL, scene->mem);
}

static void set_up_children(scene_t *scene)
{
    (void)scene;
    play(NULL);
    fake_children_act(fake_works, 0);
}

static void check_made(scene_t *scene)
{
    size_t count;

    assert_success(mproc_pool_pids(scene->made[0], NULL, 0, &count));
    assert_int_equal(count, WORKERS);
    assert_success(mproc_pool_terminate(scene->made[0]));
}

/* Those who were started are ended: nothing runs afterwards. */
static void a_pool_is_made_whole_or_not_at_all(void **state)
{
    static const char *const harmless[] = {"port_process_wait", NULL};
    static const walk_t walk = {
        .set_up = set_up_children, .call = make_pool, .check = check_made, .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

static apr_status_t join_pool(scene_t *scene)
{
    return mproc_pool_join(scene->workers, A_WHILE);
}

static void a_pool_is_joined_whatever_fails(void **state)
{
    static const char *const harmless[] = {"port_wait",    "port_park",         "fake_pool_create",
                                           "fake_calloc",  "port_process_wait", "port_process_reap",
                                           "fake_realloc", "port_channel_read", NULL};
    static const walk_t walk = {.set_up = set_up_pool, .call = join_pool, .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

static apr_status_t terminate_pool(scene_t *scene)
{
    return mproc_pool_terminate(scene->workers);
}

static void a_pool_is_terminated_whatever_fails(void **state)
{
    static const char *const harmless[] = {"port_wait",         "port_park",
                                           "fake_pool_create",  "fake_calloc",
                                           "port_process_wait", "port_process_reap",
                                           "fake_realloc",      "port_channel_read",
                                           "port_process_stop", NULL};
    static const walk_t walk = {
        .set_up = set_up_pool, .call = terminate_pool, .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

/* -- Calls ------------------------------------------------------------------------------------- */

static apr_status_t apply(scene_t *scene)
{
    return mproc_pool_apply(scene->workers, work, MPROC_PACK(7), scene->values, A_WHILE);
}

static void an_apply_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pool, .call = apply, .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

/* More than travels with an order. */
static apr_status_t apply_to_much(scene_t *scene)
{
    return mproc_pool_apply(scene->workers, work, MPROC_PACK(MPROC_BYTES(scene->much, MUCH)), NULL,
                            A_WHILE);
}

static void an_apply_with_much_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pool, .call = apply_to_much, .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

static apr_status_t apply_async(scene_t *scene)
{
    return mproc_pool_apply_async((mproc_result_t **)&scene->made[0], scene->workers, work,
                                  MPROC_PACK(7), NULL, scene->mem);
}

static void check_result(scene_t *scene)
{
    assert_success(mproc_result_get(scene->made[0], A_WHILE));
}

static void a_result_is_there_or_it_is_said_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_pool, .call = apply_async, .check = check_result};

    (void)state;
    take_walk(&walk);
}

static apr_status_t starmap(scene_t *scene)
{
    const mproc_pack_t *args[] = {MPROC_PACK(1), MPROC_PACK(2)};

    return mproc_pool_starmap((mproc_result_t **)&scene->made[0], scene->workers, work, args, 2,
                              A_WHILE, scene->mem);
}

static void a_starmap_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_pool,
                                .call = starmap,
                                .check = check_result,
                                .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

static apr_status_t starmap_async(scene_t *scene)
{
    const mproc_pack_t *args[] = {MPROC_PACK(1), MPROC_PACK(2)};

    return mproc_pool_starmap_async((mproc_result_t **)&scene->made[0], scene->workers, work, args,
                                    2, NULL, scene->mem);
}

static void results_are_there_or_it_is_said_why_not(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pool, .call = starmap_async, .check = check_result};

    (void)state;
    take_walk(&walk);
}

static void set_up_large(scene_t *scene)
{
    set_up_pool(scene);
    play_how(PLAY_LARGE);
}

static apr_status_t apply_for_much(scene_t *scene)
{
    return mproc_pool_apply(scene->workers, work, MPROC_NO_ARGS, scene->values, A_WHILE);
}

static void check_much(scene_t *scene)
{
    mproc_bytes_t bytes;

    assert_success(MPROC_UNPACK(scene->values, &bytes));
    assert_int_equal(bytes.size, LARGE_RESULT);
    assert_int_equal(((const unsigned char *)bytes.data)[0], last_large_result());
}

/*
 * One that was lost is not taken for the next.  When its worker cannot be ended for it, the next is
 * lost too.
 */
static void a_large_result_is_there_or_it_is_said_why_not(void **state)
{
    static const char *const harmless[] = {"port_wait",    "port_park",        "fake_calloc",
                                           "fake_realloc", "fake_pool_create", NULL};
    static const walk_t walk = {.set_up = set_up_large,
                                .call = apply_for_much,
                                .check = check_much,
                                .harmless = harmless,
                                .afterwards = {MPROC_ECORRUPT}};

    (void)state;
    take_walk(&walk);
}

/* -- Items ------------------------------------------------------------------------------------- */

static apr_status_t map(scene_t *scene)
{
    return mproc_pool_map(scene->workers, twice, items, sizeof *items, results, sizeof *results,
                          ITEMS, A_WHILE);
}

static void check_mapped(scene_t *scene)
{
    (void)scene;
    check_doubled();
}

static void a_map_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pool, .call = map, .check = check_mapped, .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

static apr_status_t map_async(scene_t *scene)
{
    return mproc_pool_map_async((mproc_result_t **)&scene->made[0], scene->workers, twice, items,
                                sizeof *items, results, sizeof *results, ITEMS, NULL, scene->mem);
}

/* What runs short of memory when it was given to the pool already says so in its result. */
static void check_map_result(scene_t *scene)
{
    apr_status_t rv = mproc_result_get(scene->made[0], A_WHILE);

    if (fake_failed() != NULL && rv == APR_ENOMEM) {
        assert_string_not_equal(mproc_result_error(scene->made[0]), "");
        return;
    }
    assert_success(rv);
    check_doubled();
}

static void a_map_result_is_there_or_it_is_said_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_pool,
                                .call = map_async,
                                .check = check_map_result,
                                .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

static apr_status_t take_results(mproc_imap_t *it)
{
    int result[ITEMS];
    size_t index, i;

    for (i = 0; i < ITEMS; i++) {
        MPROC_TRY(mproc_imap_next(it, &index, &result[i], A_WHILE));
        assert_int_equal(index, i);
    }
    memcpy(results, result, sizeof results);
    return mproc_imap_next(it, NULL, result, A_WHILE);
}

static apr_status_t imap_all(scene_t *scene)
{
    mproc_imap_t *it;
    apr_status_t rv;

    MPROC_TRY(mproc_pool_imap(&it, scene->workers, twice, items, sizeof *items, sizeof *results,
                              ITEMS, NULL, scene->mem));
    rv = take_results(it);
    mproc_imap_close(it);
    return rv;
}

/* What cannot be sent for lack of memory comes out behind the results. */
static void an_imap_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_pool,
                                .call = imap_all,
                                .expected = APR_EOF,
                                .check = check_mapped,
                                .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

static apr_status_t alloc(scene_t *scene)
{
    return mproc_pool_alloc(&scene->made[0], scene->workers, sizeof items);
}

static void check_memory(scene_t *scene)
{
    memcpy(scene->made[0], items, sizeof items);
    assert_success(mproc_pool_map(scene->workers, twice, scene->made[0], sizeof *items, results,
                                  sizeof *results, ITEMS, A_WHILE));
    check_doubled();
    assert_success(mproc_pool_free(scene->workers, scene->made[0]));
}

static void memory_is_there_or_it_is_said_why_not(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_pool, .call = alloc, .check = check_memory, .harmless = of_the_supervisor};

    (void)state;
    take_walk(&walk);
}

/* -- Shared arrays ------------------------------------------------------------------------- */

static mproc_array_t *array;

static void set_up_array(scene_t *scene)
{
    set_up_pool(scene);
    assert_success(mproc_array_create(&array, ITEMS, sizeof *items, scene->mem));
    memcpy(mproc_array_data(array), items, sizeof items);
}

static apr_status_t map_array(scene_t *scene)
{
    return mproc_pool_map(scene->workers, twice, mproc_array_data(array), sizeof *items, results,
                          sizeof *results, ITEMS, A_WHILE);
}

/* Values that get no memory of their own are made in that which they were to be under. */
static void an_array_is_taken_up_or_it_is_said_why_not(void **state)
{
    static const char *const harmless[] = {"port_wait",    "port_park",          "fake_calloc",
                                           "fake_realloc", "port_channel_write", "fake_pool_create",
                                           NULL};
    static const walk_t walk = {
        .set_up = set_up_array, .call = map_array, .check = check_mapped, .harmless = harmless};

    (void)state;
    take_walk(&walk);
}

/* -- Workers that die -------------------------------------------------------------------------- */

/* What fails here delays a new worker, or costs one that would have been in its place. */
static const char *const of_a_new_worker[] = {"port_wait",
                                              "port_park",
                                              "port_process_wait",
                                              "port_process_reap",
                                              "port_process_stop",
                                              "port_spawn",
                                              "port_channel_read",
                                              "port_channel_write",
                                              "port_channel_pair",
                                              "port_channel_adopt",
                                              "port_random",
                                              "port_executable",
                                              "fake_malloc",
                                              "fake_calloc",
                                              "fake_realloc",
                                              "fake_pool_create",
                                              "fake_mutex_create",
                                              "fake_cond_create",
                                              "port_environment_get",
                                              "port_life_begin",
                                              "port_segment_adopt",
                                              "port_segment_create",
                                              "port_channel_take_handles",
                                              NULL};

/* What comes of it when memory is gone for good: no worker is left. */
#define OF_A_BROKEN_POOL                                                                           \
    {                                                                                              \
        APR_ENOMEM, MPROC_EWORKERDIED                                                              \
    }

static void set_up_dying(scene_t *scene)
{
    mproc_pool_options_t options = MPROC_POOL_OPTIONS;

    options.retries = 1;
    set_up_pool_with(scene, &options);
    play_how(PLAY_DYING_ONCE);
}

static void a_call_whose_worker_dies_is_tried_again_or_says_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_dying,
                                .call = apply,
                                .harmless = of_a_new_worker,
                                .afterwards = OF_A_BROKEN_POOL};

    (void)state;
    take_walk(&walk);
}

static void a_map_whose_worker_dies_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_dying,
                                .call = map,
                                .check = check_mapped,
                                .harmless = of_a_new_worker,
                                .afterwards = OF_A_BROKEN_POOL};

    (void)state;
    take_walk(&walk);
}

static void an_imap_whose_worker_dies_goes_well_or_says_why_not(void **state)
{
    static const walk_t walk = {.set_up = set_up_dying,
                                .call = imap_all,
                                .expected = APR_EOF,
                                .check = check_mapped,
                                .harmless = of_a_new_worker,
                                .afterwards = OF_A_BROKEN_POOL};

    (void)state;
    take_walk(&walk);
}

/* -- Workers that cannot be started ------------------------------------------------------------ */

static void begin(scene_t *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->mem = fake_program_begin(walk_targets);
    set_up_pool(scene);
}

static void end_workers(void)
{
    fake_child_t *child = fake_last_child();
    int i;

    for (i = 0; i < WORKERS; i++)
        fake_child_end(child - i, PORT_SIGNALED, 11);
}

static void a_pool_breaks_when_three_starts_in_a_row_have_failed(void **state)
{
    int first;
    scene_t scene;

    (void)state;
    begin(&scene);
    first = fake_last_child()->number;
    fake_children_act(fake_refuses, 0);
    end_workers();
    assert_int_equal(apply(&scene), MPROC_EBUILD);
    assert_non_null(strstr(mproc_error_message(), "another build"));
    assert_int_equal(fake_last_child()->number, first + 2 * WORKERS); /* in two rounds */
    assert_int_equal(mproc_pool_join(scene.workers, A_WHILE), MPROC_EBUILD);
    assert_int_equal(apply(&scene), MPROC_EBUILD);
    assert_int_equal(fake_open().running, 0);
}

static int refusals;

static int refuses_twice(fake_child_t *child)
{
    if (child->act == refuses_twice && refusals++ < 2)
        return fake_refuses(child);
    child->act = fake_works;
    return fake_works(child);
}

static void a_pool_goes_on_when_the_third_start_succeeds(void **state)
{
    scene_t scene;

    (void)state;
    begin(&scene);
    refusals = 0;
    fake_children_act(refuses_twice, 0);
    end_workers();
    assert_success(apply(&scene));
    assert_success(mproc_pool_join(scene.workers, A_WHILE));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        pool_claim(a_pool_is_made_whole_or_not_at_all),
        pool_claim(a_pool_is_joined_whatever_fails),
        pool_claim(a_pool_is_terminated_whatever_fails),
        pool_claim(an_apply_goes_well_or_says_why_not),
        pool_claim(an_apply_with_much_goes_well_or_says_why_not),
        pool_claim(a_result_is_there_or_it_is_said_why_not),
        pool_claim(a_starmap_goes_well_or_says_why_not),
        pool_claim(results_are_there_or_it_is_said_why_not),
        pool_claim(a_large_result_is_there_or_it_is_said_why_not),
        pool_claim(a_map_goes_well_or_says_why_not),
        pool_claim(a_map_result_is_there_or_it_is_said_why_not),
        pool_claim(an_imap_goes_well_or_says_why_not),
        pool_claim(memory_is_there_or_it_is_said_why_not),
        pool_claim(an_array_is_taken_up_or_it_is_said_why_not),
        pool_claim(a_call_whose_worker_dies_is_tried_again_or_says_why_not),
        pool_claim(a_map_whose_worker_dies_goes_well_or_says_why_not),
        pool_claim(an_imap_whose_worker_dies_goes_well_or_says_why_not),
        pool_claim(a_pool_breaks_when_three_starts_in_a_row_have_failed),
        pool_claim(a_pool_goes_on_when_the_third_start_succeeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
