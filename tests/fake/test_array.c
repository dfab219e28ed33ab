/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared arrays, when what they call fails.
 */

#include "walk.h"

#include "values.h"

#include <apr_general.h>

enum { ITEMS = 10 };

/* The array of the scene that is walked. */
static mproc_array_t *array;

static void set_up_array(scene_t *scene)
{
    assert_success(mproc_array_create(&array, ITEMS, sizeof(int), scene->mem));
}

/* -- Making one -------------------------------------------------------------------------- */

static apr_status_t make_array(scene_t *scene)
{
    return mproc_array_create((mproc_array_t **)&scene->made[0], ITEMS, sizeof(int), scene->mem);
}

static void check_made(scene_t *scene)
{
    int *numbers = mproc_array_data(scene->made[0]);

    assert_non_null(numbers);
    assert_int_equal(mproc_array_count(scene->made[0]), ITEMS);
    assert_int_equal(numbers[ITEMS - 1], 0);
    numbers[ITEMS - 1] = 1;
}

static void an_array_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing, .call = make_array, .check = check_made};

    (void)state;
    take_walk(&walk);
}

/* -- Being done with it -------------------------------------------------------------------- */

static apr_status_t close_array(scene_t *scene)
{
    (void)scene;
    return mproc_array_close(array);
}

static void check_closed(scene_t *scene)
{
    (void)scene;
    assert_null(mproc_array_data(array));
    assert_int_equal(fake_open().handles, 0);
}

static void nothing_can_fail_where_an_array_is_closed(void **state)
{
    static const walk_t walk = {.set_up = set_up_array, .call = close_array, .check = check_closed};

    (void)state;
    take_short_walk(&walk);
}

/* -- Giving it to a child ------------------------------------------------------------------ */

static void set_up_array_and_idle(scene_t *scene)
{
    set_up_array(scene);
    fake_children_act(fake_is_idle, 0);
}

static apr_status_t start_with_array(scene_t *scene, const char *method)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;

    options.start_method = method;
    return mproc_process_start((mproc_process_t **)&scene->made[0], work, MPROC_PACK(array),
                               &options, scene->mem);
}

static apr_status_t spawn_with_array(scene_t *scene)
{
    return start_with_array(scene, MPROC_SPAWN);
}

static apr_status_t fork_with_array(scene_t *scene)
{
    return start_with_array(scene, MPROC_FORK);
}

static void check_given(scene_t *scene)
{
    (void)scene;
    assert_int_equal(fake_last_child()->nhandles, 2);
    assert_non_null(mproc_array_data(array));
}

static void an_array_goes_to_the_child_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_array_and_idle, .call = spawn_with_array, .check = check_given};

    (void)state;
    take_walk(&walk);
}

static void an_array_goes_to_the_copy_and_stays_here(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_array_and_idle, .call = fork_with_array, .check = check_given};

    (void)state;
    take_walk(&walk);
}

/* -- Taking it over ------------------------------------------------------------------------ */

static void set_up_packed(scene_t *scene)
{
    set_up_array(scene);
    scene->values = mproc_values_create(scene->mem);
}

/* The bytes of the packed array, and a handle of its own to go with them. */
static void pack_array(mproc__handles_t *handles, scene_t *scene)
{
    handles->count = 0;
    scene->values->buffer.size = 0;
    assert_success(mproc__pack_encode(&scene->values->buffer, handles, MPROC_PACK(array)));
    assert_int_equal(handles->count, 1);
    handles->handles[0] = fake_handle_copy(handles->handles[0]);
}

/* What was not taken over is still the caller's. */
static apr_status_t take_over(scene_t *scene)
{
    mproc__handles_t handles;
    mproc_array_t *taken;
    apr_status_t rv;

    fake_pause();
    pack_array(&handles, scene);
    fake_resume();
    rv = mproc__values_decode(scene->values, 0, handles.handles, handles.count);
    if (rv == APR_SUCCESS) {
        assert_success(MPROC_UNPACK(scene->values, &taken));
        scene->made[0] = taken;
    } else {
        assert_int_not_equal(handles.handles[0], PORT_NO_HANDLE);
        port_handle_close(handles.handles[0]);
    }
    return rv;
}

static void check_taken_over(scene_t *scene)
{
    int *here = mproc_array_data(array), *there = mproc_array_data(scene->made[0]);

    here[ITEMS - 1] = 42;
    assert_int_equal(there[ITEMS - 1], 42);
    assert_int_equal(mproc_array_count(scene->made[0]), ITEMS);
    assert_int_equal(mproc_array_item_size(scene->made[0]), sizeof(int));
}

static void an_array_is_taken_over_or_its_handles_are_left(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_packed, .call = take_over, .check = check_taken_over};

    (void)state;
    take_walk(&walk);
}

/* -- What is no array ---------------------------------------------------------------------- */

/* The array as it is packed, with another size where the size of an item is: two from the end. */
static apr_status_t take_over_with_item_size(scene_t *scene, apr_uint64_t item_size)
{
    mproc__handles_t handles;
    apr_status_t rv;

    pack_array(&handles, scene);
    memcpy(scene->values->buffer.bytes + scene->values->buffer.size - 2 * sizeof item_size,
           &item_size, sizeof item_size);
    rv = mproc__values_decode(scene->values, 0, handles.handles, handles.count);
    if (rv != APR_SUCCESS)
        port_handle_close(handles.handles[0]);
    return rv;
}

static void items_of_no_size_are_refused(void **state)
{
    scene_t scene = {.mem = fake_program_begin(walk_targets)};

    (void)state;
    set_up_packed(&scene);
    assert_int_equal(take_over_with_item_size(&scene, 0), MPROC_ECORRUPT);
    assert_int_equal(take_over_with_item_size(&scene, (apr_uint64_t)-1), MPROC_ECORRUPT);
    assert_success(take_over_with_item_size(&scene, sizeof(int)));
}

/* Whatever the size of one is said to be, all of them lie in the memory that there is. */
static void there_are_no_more_items_than_fit(void **state)
{
    static const apr_uint64_t sizes[] = {1, 3, 7, 40, 41, 4096, PTRDIFF_MAX};
    scene_t scene = {.mem = fake_program_begin(walk_targets)};
    mproc_array_t *taken;
    size_t i;

    (void)state;
    set_up_packed(&scene);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_success(take_over_with_item_size(&scene, sizes[i]));
        assert_success(MPROC_UNPACK(scene.values, &taken));
        assert_int_equal(mproc_array_count(taken), ITEMS * sizeof(int) / sizes[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(an_array_is_made_whole_or_not_at_all),
        claim(nothing_can_fail_where_an_array_is_closed),
        claim(an_array_goes_to_the_child_and_stays_here),
        claim(an_array_goes_to_the_copy_and_stays_here),
        claim(an_array_is_taken_over_or_its_handles_are_left),
        claim(items_of_no_size_are_refused),
        claim(there_are_no_more_items_than_fit),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
