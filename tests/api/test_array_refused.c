/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What shared arrays refuse: each by a status and a sentence, and with nothing changed.
 */

#include "claims.h"
#include "queues.h"
#include "system.h"
#include "workers.h"

#include <string.h>

/* What creating an array gave before the guard was called. */
static apr_status_t before_the_guard;
static char words_before_the_guard[200];

/* A child has this only if it was forked. */
static mproc_array_t *of_the_parent;

/* Whether it can use what it was not given. */
static apr_status_t look_at_the_parents(mproc_task_t *task)
{
    (void)task;
    if (mproc_array_data(of_the_parent) != NULL || mproc_array_count(of_the_parent) != 0)
        return mproc_error_set(APR_EGENERAL, "it is there");
    return mproc_error_set(MPROC_EFOREIGN, "%s", mproc_error_message());
}

static const mproc_target_t targets[] = {MPROC_TARGET(look_at_the_parents),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static mproc_array_t *make_array(apr_pool_t *mem)
{
    mproc_array_t *array;

    assert_success(mproc_array_create(&array, 10, sizeof(long), mem));
    return array;
}

/* -- Creating ----------------------------------------------------------------- */

static void before_the_guard_there_are_no_arrays(void **state)
{
    (void)state;
    assert_int_equal(before_the_guard, MPROC_EBOOTSTRAP);
    assert_words(words_before_the_guard, "mproc_init has not been called");
}

static void assert_size_refused(size_t count, size_t item_size, apr_status_t expected,
                                const char *words, apr_pool_t *mem)
{
    mproc_array_t *untouched = (mproc_array_t *)mem, *array = untouched;

    assert_refused(mproc_array_create(&array, count, item_size, mem), expected, words);
    assert_true(array == untouched);
}

static void an_array_of_nothing_is_refused(void **state)
{
    assert_size_refused(0, 8, APR_EINVAL, "an array of 0 items", *state);
    assert_size_refused(8, 0, APR_EINVAL, "items of 0 bytes", *state);
    assert_size_refused(0, 0, APR_EINVAL, "an array of 0 items", *state);
}

static void an_array_beyond_memory_is_refused(void **state)
{
    size_t large = (size_t)1 << (4 * sizeof(size_t)); /* its square is 0 */

    assert_size_refused(large, large, APR_ENOMEM, "more memory than there is", *state);
    assert_size_refused(SIZE_MAX, 1, APR_ENOMEM, "1 bytes are more memory than there is", *state);
    assert_size_refused(1, SIZE_MAX, APR_ENOMEM, "more memory than there is", *state);
    assert_size_refused(SIZE_MAX, SIZE_MAX, APR_ENOMEM, "more memory than there is", *state);
    assert_size_refused(SIZE_MAX / 8, 1, APR_ENOMEM, "more memory than there is", *state);
}

/* At once: nothing of it is taken. */
static void an_array_beyond_the_memory_of_this_machine_is_refused(void **state)
{
    size_t memory = machine_memory(), taken = resident_memory();

    assert_true(memory > 0);
    assert_size_refused(memory, 1, APR_ENOMEM, "more memory than there is", *state);
    assert_size_refused(2 * (memory / 8), 8, APR_ENOMEM, "more memory than there is", *state);
    assert_size_refused(1, 4 * memory, APR_ENOMEM, "more memory than there is", *state);
    assert_true(resident_memory() < taken + ((size_t)1 << 20));
}

static void null_for_the_array_or_its_memory_is_refused(void **state)
{
    mproc_array_t *array = NULL;

    assert_refused(mproc_array_create(NULL, 1, 1, *state), APR_EINVAL, "is NULL");
    assert_refused(mproc_array_create(&array, 1, 1, NULL), APR_EINVAL, "is NULL");
    assert_null(array);
}

static void assert_options_refused(const mproc_array_options_t *options, const char *words,
                                   apr_pool_t *mem)
{
    mproc_array_t *array = NULL;

    assert_refused(mproc_array_create_with(&array, 1, 1, options, mem), APR_EINVAL, words);
    assert_null(array);
}

static void bad_options_are_refused(void **state)
{
    mproc_array_options_t options;

    memset(&options, 0, sizeof options);
    assert_options_refused(&options, "MPROC_ARRAY_OPTIONS", *state);
    options = (mproc_array_options_t)MPROC_ARRAY_OPTIONS;
    options.processes = 0;
    assert_options_refused(&options, "for 0 processes", *state);
    options.processes = 4097;
    assert_options_refused(&options, "for 4097 processes; it is for 1 to 4096", *state);
}

static void the_most_processes_are_accepted(void **state)
{
    mproc_array_options_t options = MPROC_ARRAY_OPTIONS;
    mproc_array_t *array;

    options.processes = 4096;
    assert_success(mproc_array_create_with(&array, 1, 1, &options, *state));
    *(char *)mproc_array_data(array) = 'x';
}

/* -- Travelling ------------------------------------------------------------------------------ */

static void a_queue_refuses_it(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_refused(mproc_queue_put(queue, MPROC_PACK(make_array(*state)), 0), MPROC_ENOTSHAREABLE,
                   "a shared array or value cannot");
    assert_true(mproc_queue_empty(queue));
}

static void an_array_is_no_queue(void **state)
{
    mproc_connection_t *line, *there;
    mproc_values_t *values = mproc_values_create(*state);
    mproc_queue_t *queue = NULL;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_connection_send(line, MPROC_PACK(make_array(*state)), PATIENCE));
    assert_success(mproc_connection_recv(there, values, PATIENCE));
    assert_refused(MPROC_UNPACK(values, &queue), MPROC_ETYPE, "a shared array or value");
    assert_null(queue);
}

static void a_child_has_no_array_that_it_was_not_given(void **state)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    const char *const *method;
    mproc_process_t *process;

    of_the_parent = make_array(*state);
    for (method = mproc_get_all_start_methods(); *method != NULL; method++) {
        options.start_method = *method;
        assert_status(status_of(&process, look_at_the_parents, MPROC_NO_ARGS, &options, *state),
                      MPROC_EFOREIGN);
        assert_words(mproc_process_error(process), strcmp(*method, MPROC_FORK) == 0
                                                       ? "the array is the parent's"
                                                       : "the array is NULL");
    }
    of_the_parent = NULL;
}

/* -- What is not there ------------------------------------------------------------------------- */

static void assert_is_not_there(const mproc_array_t *array, const char *words)
{
    assert_null(mproc_array_data(array));
    assert_words(mproc_error_message(), words);
    assert_int_equal(mproc_array_count(array), 0);
    assert_int_equal(mproc_array_item_size(array), 0);
}

static void no_array_has_no_items(void **state)
{
    (void)state;
    assert_is_not_there(NULL, "the array is NULL");
    assert_refused(mproc_array_close(NULL), APR_EINVAL, "the array is NULL");
}

static void a_closed_array_has_no_items(void **state)
{
    mproc_array_t *array = make_array(*state);

    assert_success(mproc_array_close(array));
    assert_is_not_there(array, "the array is closed");
    assert_success(mproc_array_close(array));
}

static void a_closed_array_cannot_be_given_away(void **state)
{
    mproc_array_t *array = make_array(*state);
    mproc_process_t *process = NULL;

    assert_success(mproc_array_close(array));
    assert_refused(mproc_process_start(&process, succeed, MPROC_PACK(array), NULL, *state),
                   MPROC_ECLOSED, "the array is closed");
    assert_null(process);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(before_the_guard_there_are_no_arrays),
        claim_leaving_nothing(an_array_of_nothing_is_refused),
        claim_leaving_nothing(an_array_beyond_memory_is_refused),
        claim_leaving_nothing(an_array_beyond_the_memory_of_this_machine_is_refused),
        claim_leaving_nothing(null_for_the_array_or_its_memory_is_refused),
        claim_leaving_nothing(bad_options_are_refused),
        claim_leaving_nothing(the_most_processes_are_accepted),
        claim_leaving_nothing(a_queue_refuses_it),
        claim_leaving_nothing(an_array_is_no_queue),
        claim_leaving_nothing(a_child_has_no_array_that_it_was_not_given),
        claim_leaving_nothing(no_array_has_no_items),
        claim_leaving_nothing(a_closed_array_has_no_items),
        claim_leaving_nothing(a_closed_array_cannot_be_given_away),
    };
    mproc_array_t *array;
    apr_pool_t *mem;

    before_the_guard = mproc_array_create(&array, 1, 1, NULL);
    strncpy(words_before_the_guard, mproc_error_message(), sizeof words_before_the_guard - 1);
    mproc_init(&mem, &argc, &argv, targets);
    use_all_start_methods();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
