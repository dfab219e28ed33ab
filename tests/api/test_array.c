/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Shared arrays: what one process writes all others read that have it; and how they travel.
 */

#include "claims.h"
#include "workers.h"

#include <string.h>

#define LARGE ((size_t)100 << 20)

typedef struct point_t {
    double x, y;
    char name[11];
} point_t;

/* -- What the children do ------------------------------------------------------ */

/* Adds so much to each of the integers. */
static apr_status_t add(mproc_task_t *task)
{
    mproc_array_t *array;
    long *numbers, more;
    size_t i;

    MPROC_TRY(MPROC_UNPACK(task, &array, &more));
    numbers = mproc_array_data(array);
    for (i = 0; i < mproc_array_count(array); i++)
        numbers[i] += more;
    return APR_SUCCESS;
}

/* Says what the first number is each time that it hears a word, and then counts it up. */
static apr_status_t count_up(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *line;
    mproc_array_t *array;
    long *number;

    MPROC_TRY(MPROC_UNPACK(task, &line, &array));
    number = mproc_array_data(array);
    while (strcmp(hear(line, mem), "count") == 0) {
        *number += 1;
        MPROC_TRY(say(line, "counted"));
    }
    return APR_SUCCESS;
}

static apr_status_t mirror(mproc_task_t *task)
{
    mproc_array_t *array;
    point_t *points;
    size_t i;

    MPROC_TRY(MPROC_UNPACK(task, &array));
    if (mproc_array_item_size(array) != sizeof *points)
        return mproc_error_set(APR_EGENERAL, "items of %u bytes",
                               (unsigned)mproc_array_item_size(array));
    points = mproc_array_data(array);
    for (i = 0; i < mproc_array_count(array); i++) {
        points[i].x = -points[i].x;
        points[i].name[0] = 'm';
    }
    return APR_SUCCESS;
}

/* Finds one pattern from end to end, and leaves another. */
static apr_status_t change_pattern(mproc_task_t *task)
{
    mproc_array_t *array;
    unsigned char *bytes;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &array));
    bytes = mproc_array_data(array);
    size = mproc_array_count(array) * mproc_array_item_size(array);
    if (size != LARGE || count_pattern(bytes, size, 1) != size)
        return mproc_error_set(APR_EGENERAL, "the pattern is not there");
    fill_pattern(bytes, size, 2);
    return APR_SUCCESS;
}

/* Starts the next of a chain, by the first of the methods; each adds 1. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;
    mproc_values_t *methods;
    mproc_array_t *array;
    const char *method, *rest;

    MPROC_TRY(MPROC_UNPACK(task, &array, &methods));
    *(long *)mproc_array_data(array) += 1;
    if (mproc_values_count(methods) == 0)
        return APR_SUCCESS;
    MPROC_TRY(mproc_values_count(methods) == 1 ? MPROC_UNPACK(methods, &method)
                                               : MPROC_UNPACK(methods, &method, &rest));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(
        &process, hand_on,
        MPROC_PACK(array, mproc_values_count(methods) == 1 ? MPROC_NO_ARGS : MPROC_PACK(rest)),
        &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* Takes an array out of a connection, and writes into it. */
static apr_status_t receive_one(mproc_task_t *task)
{
    mproc_values_t *values = mproc_values_create(mproc_task_mem(task));
    mproc_connection_t *line;
    mproc_array_t *array;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(mproc_connection_recv(line, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &array));
    *(long *)mproc_array_data(array) += 1;
    return APR_SUCCESS;
}

/* Makes an array, sends it away, and ends when it has arrived. */
static apr_status_t make_and_leave(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *line;
    mproc_array_t *array;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_array_create(&array, 3, sizeof(long), mem));
    ((long *)mproc_array_data(array))[2] = 42;
    MPROC_TRY(mproc_connection_send(line, MPROC_PACK(array), PATIENCE));
    return strcmp(hear(line, mem), "it is here") == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* What is written by one handle of an array is read by the other, also when the first is closed. */
static apr_status_t use_both(mproc_task_t *task)
{
    mproc_array_t *one, *other;
    long *here, *there;

    MPROC_TRY(MPROC_UNPACK(task, &one, &other));
    here = mproc_array_data(one);
    there = mproc_array_data(other);
    *here += 1;
    MPROC_TRY(mproc_array_close(one));
    *there += 1;
    return one != other ? APR_SUCCESS : APR_EGENERAL;
}

/* Has the array until it is told to leave. */
static apr_status_t have_it(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_array_t *array;

    MPROC_TRY(MPROC_UNPACK(task, &line, &array));
    MPROC_TRY(say(line, "born"));
    return answer_on(line);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(add),
    MPROC_TARGET(count_up),
    MPROC_TARGET(mirror),
    MPROC_TARGET(change_pattern),
    MPROC_TARGET(hand_on),
    MPROC_TARGET(receive_one),
    MPROC_TARGET(make_and_leave),
    MPROC_TARGET(use_both),
    MPROC_TARGET(have_it),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Memory ----------------------------------------------------------------------------- */

static mproc_array_t *make_array(size_t count, size_t item_size, apr_pool_t *mem)
{
    mproc_array_t *array;

    assert_success(mproc_array_create(&array, count, item_size, mem));
    return array;
}

static long *numbers_of(mproc_array_t *array)
{
    return mproc_array_data(array);
}

static void a_new_array_is_all_0(void **state)
{
    mproc_array_t *array = make_array(12345, 3, *state);
    const unsigned char *bytes = mproc_array_data(array);
    size_t i, others = 0;

    for (i = 0; i < (size_t)12345 * 3; i++)
        others += bytes[i] != 0;
    assert_int_equal(others, 0);
}

static void an_array_says_what_it_is(void **state)
{
    static const size_t shapes[][2] = {{1, 1}, {1, 4096}, {4097, 1}, {1000, 24}, {7, 31}};
    size_t i;

    for (i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        mproc_array_t *array = make_array(shapes[i][0], shapes[i][1], *state);

        assert_int_equal(mproc_array_count(array), shapes[i][0]);
        assert_int_equal(mproc_array_item_size(array), shapes[i][1]);
        assert_int_equal((uintptr_t)mproc_array_data(array) % 128, 0);
    }
}

static void parent_and_child_see_what_the_other_writes(void **state)
{
    mproc_array_t *array = make_array(1000, sizeof(long), *state);
    mproc_process_t *process;
    long i;

    for (i = 0; i < 1000; i++)
        numbers_of(array)[i] = i;
    assert_success(status_of(&process, add, MPROC_PACK(array, 7), NULL, *state));
    for (i = 0; i < 1000; i++)
        assert_int_equal(numbers_of(array)[i], i + 7);
}

static void both_see_it_while_both_run(void **state)
{
    mproc_array_t *array = make_array(1, sizeof(long), *state);
    mproc_connection_t *line, *there;
    mproc_process_t *process;
    long i;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, count_up, MPROC_PACK(there, array), NULL, *state));
    assert_success(mproc_connection_close(there));
    for (i = 0; i < 10; i++) {
        numbers_of(array)[0] = 10 * i;
        assert_success(say(line, "count"));
        assert_string_equal(hear(line, *state), "counted");
        assert_int_equal(numbers_of(array)[0], 10 * i + 1);
    }
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

static void structs_lie_in_it_as_anywhere(void **state)
{
    mproc_array_t *array = make_array(50, sizeof(point_t), *state);
    point_t *points = mproc_array_data(array);
    mproc_process_t *process;
    int i;

    for (i = 0; i < 50; i++) {
        points[i].x = i;
        points[i].y = 0.5 * i;
        memcpy(points[i].name, "point", 6);
    }
    assert_success(status_of(&process, mirror, MPROC_PACK(array), NULL, *state));
    for (i = 0; i < 50; i++) {
        assert_true(points[i].x == -i && points[i].y == 0.5 * i);
        assert_string_equal(points[i].name, "moint");
    }
}

static void a_hundred_megabytes_are_shared_from_end_to_end(void **state)
{
    mproc_array_t *array = make_array(LARGE / 8, 8, *state);
    mproc_process_t *process;

    fill_pattern(mproc_array_data(array), LARGE, 1);
    assert_success(status_of(&process, change_pattern, MPROC_PACK(array), NULL, *state));
    assert_int_equal(count_pattern(mproc_array_data(array), LARGE, 2), LARGE);
}

/* -- Travelling --------------------------------------------------------------------------- */

static void assert_chain(const char *first, const mproc_pack_t *others, long links, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_array_t *array = make_array(1, sizeof(long), mem);
    mproc_process_t *process;

    options.start_method = first;
    assert_success(status_of(&process, hand_on, MPROC_PACK(array, others), &options, mem));
    assert_int_equal(*numbers_of(array), links);
}

static void an_array_goes_on_by_all_chains_of_start_methods(void **state)
{
    const char *const *all = mproc_get_all_start_methods(), *const * i, *const * j, *const * k;

    for (i = all; *i != NULL; i++) {
        assert_chain(*i, MPROC_NO_ARGS, 1, *state);
        for (j = all; *j != NULL; j++) {
            assert_chain(*i, MPROC_PACK(*j), 2, *state);
            for (k = all; *k != NULL; k++)
                assert_chain(*i, MPROC_PACK(*j, *k), 3, *state);
        }
    }
}

static void an_array_is_sent_through_a_connection(void **state)
{
    mproc_array_t *array = make_array(1, sizeof(long), *state);
    mproc_connection_t *line;
    mproc_process_t *process;

    start_born(&process, &line, receive_one, NULL, *state);
    *numbers_of(array) = 41;
    assert_success(mproc_connection_send(line, MPROC_PACK(array), PATIENCE));
    assert_ended(process, 0);
    assert_int_equal(*numbers_of(array), 42);
}

static void an_array_lives_on_without_who_made_it(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_connection_t *line, *there;
    mproc_process_t *process;
    mproc_array_t *array;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, make_and_leave, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_connection_recv(line, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &array));
    assert_success(say(line, "it is here"));
    assert_ended(process, 0);
    assert_int_equal(mproc_array_count(array), 3);
    assert_int_equal(numbers_of(array)[2], 42);
    assert_success(status_of(&process, add, MPROC_PACK(array, 1), NULL, *state));
    assert_int_equal(numbers_of(array)[2], 43);
}

static void an_array_given_twice_is_one_with_two_handles(void **state)
{
    mproc_array_t *array = make_array(1, sizeof(long), *state);
    mproc_process_t *process;

    assert_success(status_of(&process, use_both, MPROC_PACK(array, array), NULL, *state));
    assert_int_equal(*numbers_of(array), 2);
}

static void children_go_on_with_an_array_that_their_parent_has_closed(void **state)
{
    mproc_array_t *array = make_array(1, sizeof(long), *state);
    mproc_connection_t *line, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, count_up, MPROC_PACK(there, array), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_success(mproc_array_close(array));
    assert_success(say(line, "count"));
    assert_string_equal(hear(line, *state), "counted");
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

/* -- Places --------------------------------------------------------------------------------- */

static void start_having(mproc_process_t **process, mproc_connection_t **line, mproc_array_t *array,
                         apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, have_it, MPROC_PACK(there, array), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
}

static void one_process_more_than_there_are_places_for_is_refused(void **state)
{
    mproc_array_options_t options = MPROC_ARRAY_OPTIONS;
    mproc_process_t *second, *third;
    mproc_connection_t *line;
    mproc_array_t *array;

    options.processes = 2;
    assert_success(mproc_array_create_with(&array, 1, sizeof(long), &options, *state));
    start_having(&second, &line, array, *state);
    assert_status(status_of(&third, add, MPROC_PACK(array, 1), NULL, *state), MPROC_ETOOMANY);
    assert_words(mproc_process_error(third), "the array is for 2 processes, and as many have it");
    assert_success(mproc_process_kill(second));
    assert_ended(second, -9);
    assert_success(status_of(&third, add, MPROC_PACK(array, 1), NULL, *state));
    assert_int_equal(*numbers_of(array), 1);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_new_array_is_all_0),
        claim_leaving_nothing(an_array_says_what_it_is),
        claim_leaving_nothing(parent_and_child_see_what_the_other_writes),
        claim_leaving_nothing(both_see_it_while_both_run),
        claim_leaving_nothing(structs_lie_in_it_as_anywhere),
        claim_leaving_nothing(a_hundred_megabytes_are_shared_from_end_to_end),
        claim_leaving_nothing(an_array_goes_on_by_all_chains_of_start_methods),
        claim_leaving_nothing(an_array_is_sent_through_a_connection),
        claim_leaving_nothing(an_array_lives_on_without_who_made_it),
        claim_leaving_nothing(an_array_given_twice_is_one_with_two_handles),
        claim_leaving_nothing(children_go_on_with_an_array_that_their_parent_has_closed),
        claim_leaving_nothing(one_process_more_than_there_are_places_for_is_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    use_all_start_methods();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
