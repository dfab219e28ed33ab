/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Blocks of a queue, when what they call fails.
 */

#include "walk.h"

#include "queue.h"

#include <apr_general.h>

/* A block, all of them, and a message that is none. */
enum { SOME = 5000, ALL = 65536, LITTLE = 900 };

/* -- Setting up ----------------------------------------------------------------------- */

static apr_status_t make_queue(scene_t *scene)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.capacity = SMALL;
    options.processes = 2;
    options.blocks = ALL;
    return mproc_queue_create((mproc_queue_t **)&scene->made[0], &options, scene->mem);
}

static void set_up_queue_with_blocks(scene_t *scene)
{
    assert_success(make_queue(scene));
    scene->queue = scene->made[0];
}

static void put_block(scene_t *scene)
{
    void *block;

    assert_success(mproc_queue_reserve(scene->queue, SOME, &block, 0));
    memset(block, 'x', SOME);
    assert_success(mproc_queue_commit(scene->queue, block, 0));
}

static void set_up_block(scene_t *scene)
{
    set_up_queue_with_blocks(scene);
    put_block(scene);
}

/* As if another process had got the memory for it, and this one not known of it. */
static void set_up_block_of_another(scene_t *scene)
{
    set_up_block(scene);
    atomic_store(&scene->queue->blocks.known, 0);
}

static void check_all_is_free(scene_t *scene)
{
    void *block;

    assert_success(mproc_queue_reserve(scene->queue, ALL, &block, 0));
    assert_success(mproc_queue_cancel(scene->queue, block));
}

/* -- Making one -------------------------------------------------------------------------- */

static void check_made(scene_t *scene)
{
    scene->queue = scene->made[0];
    check_all_is_free(scene);
}

static void a_queue_with_blocks_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing, .call = make_queue, .check = check_made};

    (void)state;
    take_walk(&walk);
}

/* -- Writing ------------------------------------------------------------------------------ */

static apr_status_t reserve(scene_t *scene)
{
    return mproc_queue_reserve(scene->queue, SOME, &scene->made[0], 0);
}

static void check_reserved(scene_t *scene)
{
    memset(scene->made[0], 'x', SOME);
    assert_success(mproc_queue_cancel(scene->queue, scene->made[0]));
    check_all_is_free(scene);
}

static void what_is_reserved_has_memory_or_is_not_reserved(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_queue_with_blocks, .call = reserve, .check = check_reserved};

    (void)state;
    take_walk(&walk);
}

/* Somewhat more memory is asked for than is needed; where there is not as much, what is needed. */
static void set_up_used(scene_t *scene)
{
    void *block;

    set_up_queue_with_blocks(scene);
    assert_success(mproc_queue_reserve(scene->queue, ALL / 2, &block, 0));
    scene->made[1] = block;
}

static apr_status_t reserve_more(scene_t *scene)
{
    void *block;

    MPROC_TRY(mproc_queue_reserve(scene->queue, SOME, &block, 0));
    return mproc_queue_cancel(scene->queue, block);
}

static void memory_that_is_only_wished_for_may_be_missing(void **state)
{
    static const char *const wished_for[] = {"port_segment_grow", NULL};
    static const walk_t walk = {
        .set_up = set_up_used, .call = reserve_more, .harmless = wished_for};

    (void)state;
    take_walk(&walk);
}

static void assert_no_memory(scene_t *scene, int n, apr_status_t status)
{
    void *block = NULL;

    fake_fail(n, status);
    assert_int_equal(mproc_queue_reserve(scene->queue, SOME, &block, 0), APR_ENOSPC);
    fake_relent();
    assert_string_equal(fake_failed(), "port_segment_grow");
    assert_non_null(strstr(mproc_error_message(), "no memory for the block"));
    assert_null(block);
}

static void where_memory_is_missing_there_is_no_space(void **state)
{
    scene_t scene = {.mem = fake_program_begin(walk_targets)};

    (void)state;
    set_up_queue_with_blocks(&scene);
    assert_no_memory(&scene, 1, APR_ENOSPC);
    assert_no_memory(&scene, 1, APR_ENOMEM);
    check_all_is_free(&scene);
}

static void set_up_reserved(scene_t *scene)
{
    set_up_queue_with_blocks(scene);
    scene->number = 0;
}

static apr_status_t reserve_commit_and_cancel(scene_t *scene)
{
    void *one, *two;

    fake_pause();
    assert_success(mproc_queue_reserve(scene->queue, SOME, &one, 0));
    assert_success(mproc_queue_reserve(scene->queue, SOME, &two, 0));
    fake_resume();
    MPROC_TRY(mproc_queue_cancel(scene->queue, two));
    return mproc_queue_commit(scene->queue, one, A_WHILE);
}

static void check_put(scene_t *scene)
{
    unsigned char got[SOME];
    size_t size;

    assert_success(mproc_queue_get_bytes(scene->queue, got, SOME, &size, 0));
    assert_int_equal(size, SOME);
    check_all_is_free(scene);
}

static void nothing_can_fail_where_a_block_is_put_or_cancelled(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_reserved, .call = reserve_commit_and_cancel, .check = check_put};

    (void)state;
    take_short_walk(&walk);
}

/* Who sleeps may be woken for no reason. */
static const char *const waking[] = {"port_park", NULL};

static void set_up_all_out(scene_t *scene)
{
    set_up_queue_with_blocks(scene);
    assert_success(mproc_queue_reserve(scene->queue, ALL, (void **)&scene->made[0], 0));
}

static apr_status_t reserve_in_vain(scene_t *scene)
{
    return mproc_queue_reserve(scene->queue, 1, &scene->made[1], A_WHILE);
}

static void room_that_does_not_come_is_waited_for(void **state)
{
    static const walk_t walk = {.set_up = set_up_all_out,
                                .call = reserve_in_vain,
                                .expected = APR_TIMEUP,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

/* -- Reading ------------------------------------------------------------------------------ */

static apr_status_t acquire(scene_t *scene)
{
    return mproc_queue_acquire(scene->queue, &scene->made[0], &scene->size, A_WHILE);
}

static void check_acquired(scene_t *scene)
{
    assert_int_equal(scene->size, SOME);
    assert_int_equal(((char *)scene->made[0])[SOME - 1], 'x');
    assert_success(mproc_queue_release(scene->queue, scene->made[0]));
    assert_true(mproc_queue_empty(scene->queue));
    check_all_is_free(scene);
}

static void nothing_can_fail_where_a_block_is_known(void **state)
{
    static const walk_t walk = {.set_up = set_up_block, .call = acquire, .check = check_acquired};

    (void)state;
    take_short_walk(&walk);
}

static void a_block_whose_memory_is_not_here_stays(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_block_of_another, .call = acquire, .check = check_acquired};

    (void)state;
    take_walk(&walk);
}

static apr_status_t get_copy(scene_t *scene)
{
    return mproc_queue_get_bytes(scene->queue, scene->much, MUCH, &scene->size, A_WHILE);
}

static void check_copied(scene_t *scene)
{
    assert_int_equal(scene->size, SOME);
    assert_int_equal(scene->much[SOME - 1], 'x');
    assert_true(mproc_queue_empty(scene->queue));
    check_all_is_free(scene);
}

static void one_that_is_to_be_copied_stays_too(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_block_of_another, .call = get_copy, .check = check_copied};

    (void)state;
    take_walk(&walk);
}

static void set_up_message(scene_t *scene)
{
    set_up_queue_with_blocks(scene);
    assert_success(mproc_queue_put_bytes(scene->queue, scene->much, LITTLE, 0));
}

static void check_copy_acquired(scene_t *scene)
{
    assert_int_equal(scene->size, LITTLE);
    assert_memory_equal(scene->made[0], scene->much, LITTLE);
    assert_success(mproc_queue_release(scene->queue, scene->made[0]));
    assert_true(mproc_queue_empty(scene->queue));
}

static void a_message_without_memory_for_a_copy_stays(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_message, .call = acquire, .check = check_copy_acquired};

    (void)state;
    take_walk(&walk);
}

/* What is out when the memory of the queue is destroyed is gone with it. */
static void check_nothing(scene_t *scene)
{
    (void)scene;
}

static void what_is_not_released_is_gone_with_the_queue(void **state)
{
    static const walk_t walk = {.set_up = set_up_message, .call = acquire, .check = check_nothing};

    (void)state;
    take_walk(&walk);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_queue_with_blocks_is_made_whole_or_not_at_all),
        claim(what_is_reserved_has_memory_or_is_not_reserved),
        claim(memory_that_is_only_wished_for_may_be_missing),
        claim(where_memory_is_missing_there_is_no_space),
        claim(nothing_can_fail_where_a_block_is_put_or_cancelled),
        claim(room_that_does_not_come_is_waited_for),
        claim(nothing_can_fail_where_a_block_is_known),
        claim(a_block_whose_memory_is_not_here_stays),
        claim(one_that_is_to_be_copied_stays_too),
        claim(a_message_without_memory_for_a_copy_stays),
        claim(what_is_not_released_is_gone_with_the_queue),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
