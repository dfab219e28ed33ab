/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory that processes share, and that grows in place: what was promised is there
 * when it is grown, in every process, and what was there before stays.
 */

#include "spawned.h"

#include <stdatomic.h>
#include <string.h>

#define PAGE ((size_t)4096)
#define SIZE (3 * PAGE)
#define MOST ((size_t)1 << 20)

/* Where the second part begins that is grown, and where it ends. */
#define BEGIN (64 * PAGE)
#define END (80 * PAGE)

static unsigned char *bytes_of(const port_segment_t *segment)
{
    return port_segment_memory(segment);
}

static size_t count_zeros(const port_segment_t *segment, size_t from, size_t to)
{
    size_t count = 0;

    while (from + count < to && bytes_of(segment)[from + count] == 0)
        count++;
    return count;
}

/* -- Children ----------------------------------------------------------------- */

/* Says what it finds at the end of what was grown before it had the segment, and after; leaves words. */
static int follow(life_t *life)
{
    char *early = (char *)bytes_of(life->segment) + SIZE;
    char *late = (char *)bytes_of(life->segment) + END - 100;

    if (port_segment_follow(life->segment, SIZE, 4 * PAGE) != APR_SUCCESS)
        return 1;
    say(life->control, early);
    if (strcmp(hear(life->control, life->mem), "grown") != 0 ||
        port_segment_follow(life->segment, 4 * PAGE, END) != APR_SUCCESS)
        return 2;
    say(life->control, late);
    strcpy(late, "by the child");
    return 0;
}

/* Grows it, and says so. */
static int grow(life_t *life)
{
    if (port_segment_grow(life->segment, SIZE, END) != APR_SUCCESS)
        return 1;
    strcpy((char *)bytes_of(life->segment) + END - 100, "by the child");
    say(life->control, "grown");
    return 0;
}

/* -- Claims -------------------------------------------------------------------- */

static void it_has_the_size_that_it_may_have(void **state)
{
    port_segment_t *segment;

    assert_success(port_segment_create_growing(&segment, SIZE, MOST, *state));
    assert_int_equal(port_segment_size(segment), MOST);
    assert_int_equal((uintptr_t)port_segment_memory(segment) % PAGE, 0);
    assert_int_equal(count_zeros(segment, 0, SIZE), SIZE);
    memset(port_segment_memory(segment), 0xFF, SIZE);
    port_segment_close(segment);
}

static void what_is_grown_is_zeros_and_what_was_there_stays(void **state)
{
    port_segment_t *segment;

    assert_success(port_segment_create_growing(&segment, SIZE, MOST, *state));
    memset(port_segment_memory(segment), 0xFF, SIZE);
    assert_success(port_segment_grow(segment, SIZE, SIZE + PAGE));
    assert_int_equal(count_zeros(segment, SIZE, SIZE + PAGE), PAGE);
    memset(bytes_of(segment) + SIZE, 1, PAGE);
    assert_success(port_segment_grow(segment, SIZE + PAGE, MOST));
    assert_int_equal(count_zeros(segment, SIZE + PAGE, MOST), MOST - SIZE - PAGE);
    assert_int_equal(bytes_of(segment)[SIZE - 1], 0xFF);
    assert_int_equal(bytes_of(segment)[SIZE], 1);
    assert_int_equal(bytes_of(segment)[SIZE + PAGE - 1], 1);
    port_segment_close(segment);
}

static void parts_are_grown_in_any_order(void **state)
{
    port_segment_t *segment;

    assert_success(port_segment_create_growing(&segment, SIZE, MOST, *state));
    assert_success(port_segment_grow(segment, BEGIN, END));
    memset(bytes_of(segment) + BEGIN, 1, END - BEGIN);
    assert_success(port_segment_grow(segment, SIZE, BEGIN));
    assert_int_equal(count_zeros(segment, SIZE, BEGIN), BEGIN - SIZE);
    assert_int_equal(bytes_of(segment)[BEGIN], 1);
    assert_success(port_segment_grow(segment, END, END));
    port_segment_close(segment);
}

static void following_changes_nothing(void **state)
{
    port_segment_t *segment;

    assert_success(port_segment_create_growing(&segment, SIZE, MOST, *state));
    assert_success(port_segment_grow(segment, SIZE, END));
    memset(port_segment_memory(segment), 7, END);
    assert_success(port_segment_follow(segment, 0, END));
    assert_success(port_segment_follow(segment, SIZE, BEGIN));
    assert_int_equal(bytes_of(segment)[0], 7);
    assert_int_equal(bytes_of(segment)[SIZE], 7);
    assert_int_equal(bytes_of(segment)[END - 1], 7);
    port_segment_close(segment);
}

static void who_has_it_follows_what_was_grown_before_and_after(void **state)
{
    static const char *const words[] = {"follow", NULL};
    child_t child = {.words = words};
    char *memory;

    assert_success(port_segment_create_growing(&child.segment, SIZE, MOST, *state));
    memory = port_segment_memory(child.segment);
    assert_success(port_segment_grow(child.segment, SIZE, 4 * PAGE));
    strcpy(memory + SIZE, "early");
    assert_success(start_child(&child, *state));
    assert_string_equal(hear(child.control, *state), "early");
    assert_success(port_segment_grow(child.segment, 4 * PAGE, END));
    strcpy(memory + END - 100, "late");
    say(child.control, "grown");
    assert_string_equal(hear(child.control, *state), "late");
    end_child(&child, PORT_EXITED, 0);
    assert_string_equal(memory + END - 100, "by the child");
    port_segment_close(child.segment);
}

static void what_a_child_has_grown_outlives_it(void **state)
{
    static const char *const words[] = {"grow", NULL};
    child_t child = {.words = words};

    assert_success(port_segment_create_growing(&child.segment, SIZE, MOST, *state));
    assert_success(start_child(&child, *state));
    assert_string_equal(hear(child.control, *state), "grown");
    end_child(&child, PORT_EXITED, 0);
    assert_success(port_segment_follow(child.segment, SIZE, END));
    assert_string_equal((char *)bytes_of(child.segment) + END - 100, "by the child");
    port_segment_close(child.segment);
}

static void an_adopted_one_has_the_same_size(void **state)
{
    port_segment_t *segment, *adopted;
    port_handle_t handles[PORT_SEGMENT_HANDLES_MAX];
    size_t count;

    assert_success(port_segment_create_growing(&segment, SIZE, MOST, *state));
    count = port_segment_handles(segment, handles);
    assert_success(port_segment_adopt(&adopted, handles, count, *state));
    assert_int_equal(port_segment_size(adopted), MOST);
    assert_success(port_segment_grow(adopted, SIZE, MOST));
    bytes_of(adopted)[MOST - 1] = 5;
    assert_success(port_segment_follow(segment, SIZE, MOST));
    assert_int_equal(bytes_of(segment)[MOST - 1], 5);
    port_segment_forget(segment);
    port_segment_close(adopted);
}

static void what_no_machine_has_cannot_be_promised(void **state)
{
    port_segment_t *segment = NULL;
    int before = count_open_handles();

    assert_int_equal(port_segment_create_growing(&segment, SIZE, SIZE_MAX / 2 + 1, *state),
                     APR_ENOMEM);
    assert_int_equal(
        port_segment_create_growing(&segment, SIZE, (SIZE_MAX / 4) & ~(PAGE - 1), *state),
        APR_ENOMEM);
    assert_null(segment);
    assert_int_equal(count_open_handles(), before);
}

int main(int argc, char **argv)
{
    static const command_t commands[] = {{"follow", follow}, {"grow", grow}, {NULL, NULL}};
    static const struct CMUnitTest tests[] = {
        claim(it_has_the_size_that_it_may_have),
        claim(what_is_grown_is_zeros_and_what_was_there_stays),
        claim(parts_are_grown_in_any_order),
        claim(following_changes_nothing),
        claim(who_has_it_follows_what_was_grown_before_and_after),
        claim(what_a_child_has_grown_outlives_it),
        claim(an_adopted_one_has_the_same_size),
        claim(what_no_machine_has_cannot_be_promised),
    };

    run_if_child_of(commands, argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
