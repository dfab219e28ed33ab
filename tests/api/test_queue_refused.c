/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What queues refuse: each by a status and a sentence, and with nothing changed.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <string.h>

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* What creating a queue gave before the guard was called. */
static apr_status_t before_the_guard;
static char words_before_the_guard[200];

/* -- Creating ----------------------------------------------------------------- */

static void before_the_guard_there_are_no_queues(void **state)
{
    (void)state;
    assert_int_equal(before_the_guard, MPROC_EBOOTSTRAP);
    assert_words(words_before_the_guard, "mproc_init has not been called");
}

static void assert_options_refused(const mproc_queue_options_t *options, apr_status_t expected,
                                   const char *words, apr_pool_t *mem)
{
    mproc_queue_t *untouched = (mproc_queue_t *)mem, *queue = untouched;

    assert_refused(mproc_queue_create(&queue, options, mem), expected, words);
    assert_true(queue == untouched);
}

static void options_without_the_initializer_are_refused(void **state)
{
    mproc_queue_options_t options;

    memset(&options, 0, sizeof options);
    assert_options_refused(&options, APR_EINVAL, "MPROC_QUEUE_OPTIONS", *state);
}

static void null_for_the_queue_or_its_memory_is_refused(void **state)
{
    mproc_queue_t *queue = NULL;

    assert_refused(mproc_queue_create(NULL, NULL, *state), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_create(&queue, NULL, NULL), APR_EINVAL, "is NULL");
    assert_null(queue);
}

static void a_capacity_that_is_none_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.capacity = 0;
    assert_options_refused(&options, APR_EINVAL, "a capacity of 0 bytes", *state);
    options.capacity = ((size_t)1 << 32) + 1;
    assert_options_refused(&options, APR_EINVAL, "a capacity of 4294967297 bytes", *state);
    options.capacity = SIZE_MAX;
    assert_options_refused(&options, APR_EINVAL, "4 GiB are the most", *state);
}

static void a_maxsize_beyond_counting_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.maxsize = (size_t)UINT32_MAX + 1;
    assert_options_refused(&options, APR_EINVAL, "a maxsize of 4294967296 messages", *state);
}

static void a_number_of_processes_that_is_none_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.processes = 0;
    assert_options_refused(&options, APR_EINVAL, "a queue for 0 processes", *state);
    options.processes = 4097;
    assert_options_refused(&options, APR_EINVAL, "a queue for 4097 processes; it is for 1 to 4096",
                           *state);
}

/* A capacity is rounded up; no limit is one; all processes that there may be. */
static void the_least_and_the_most_of_each_option_work(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = options.max_message_size = options.processes = 1;
    options.maxsize = UINT32_MAX;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(put_word(queue, "1"));
    assert_string_equal(get_word(queue, *state), "1");
    options.capacity = SMALL_RING + 1;
    options.max_message_size = SIZE_MAX;
    options.processes = 4096;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(put_pattern(queue, 2 * WHOLE_MAX + 8, 0, 0));
    assert_success(get_pattern(queue, 2 * WHOLE_MAX + 8, 0, 0));
}

/* -- Messages ----------------------------------------------------------------------- */

static void a_message_beyond_its_largest_size_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.max_message_size = 24;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_refused(put_word(queue, "one more than twenty-four"), MPROC_ETOOLARGE, "allows 24");
    assert_words(mproc_error_message(),
                 "a message of 25 bytes; the queue's option `max_message_size`");
    assert_success(put_word(queue, "as many as twenty and 4."));
    assert_success(mproc_queue_put(queue, MPROC_PACK(1), 0)); /* a count, a header and a number */
    assert_status(mproc_queue_put(queue, MPROC_PACK(1, 2), 0), MPROC_ETOOLARGE);
    assert_int_equal(count_messages(queue), 2);
}

static void objects_are_refused(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state),
                  *other = make_queue(SMALL_RING, 0, *state);
    mproc_connection_t *here, *there;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_refused(mproc_queue_put(queue, MPROC_PACK(1, here), 0), MPROC_ENOTSHAREABLE,
                   "a connection cannot");
    assert_refused(mproc_queue_put(queue, MPROC_PACK(other), 0), MPROC_ENOTSHAREABLE,
                   "a queue cannot");
    assert_refused(mproc_queue_put(queue, MPROC_PACK(MPROC_PACK(queue)), 0), MPROC_ENOTSHAREABLE,
                   "arguments");
    assert_true(mproc_queue_empty(queue));
    assert_success(mproc_queue_put(queue, MPROC_PACK("values"), 0));
}

static void data_without_a_place_or_beyond_memory_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_refused(mproc_queue_put_bytes(queue, NULL, 1, 0), APR_EINVAL, "no data");
    assert_refused(mproc_queue_put_bytes(queue, "", (size_t)-1, 0), APR_EINVAL, "negative");
    assert_refused(mproc_queue_put(queue, MPROC_PACK((const char *)NULL), 0), APR_EINVAL,
                   "value 1 is NULL");
    assert_true(mproc_queue_empty(queue));
}

/* -- Calls that cannot be made ---------------------------------------------------------- */

/* Every call on a queue that it cannot be made on, with variables that must not change. */
static void assert_all_refused(mproc_queue_t *queue, apr_status_t expected, const char *words,
                               apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_bytes_t message = {"word", 4};
    mproc_lost_t lost = {77, 77};
    apr_uint64_t put = 77, got = 77;
    size_t size = 77, count = 77;
    char buffer[] = "unchanged";

    assert_refused(mproc_queue_put(queue, MPROC_PACK(1), 0), expected, words);
    assert_refused(mproc_queue_get(queue, values, MPROC_FOREVER), expected, words);
    assert_refused(mproc_queue_put_bytes(queue, "word", 4, 0), expected, words);
    assert_refused(mproc_queue_get_bytes(queue, buffer, sizeof buffer, &size, MPROC_FOREVER),
                   expected, words);
    assert_refused(mproc_queue_put_many(queue, &message, 1, &count, 0), expected, words);
    assert_int_equal(count, 0);
    count = 77;
    assert_refused(mproc_queue_get_many(queue, buffer, sizeof buffer, &message, 1, &count, 0),
                   expected, words);
    assert_refused(mproc_queue_qsize(queue, &size), expected, words);
    assert_refused(mproc_queue_shutdown(queue, MPROC_DRAIN), expected, words);
    assert_refused(mproc_queue_lost(queue, &lost, 1, &count), expected, words);
    assert_refused(mproc_queue_last(queue, &put, &got), expected, words);
    assert_true(mproc_queue_empty(queue) == 1 && mproc_queue_full(queue) == 1);
    assert_true(size == 77 && count == 77 && put == 77 && got == 77 && lost.pid == 77 &&
                message.size == 4);
    assert_string_equal(buffer, "unchanged");
}

static void no_queue_is_refused(void **state)
{
    assert_all_refused(NULL, APR_EINVAL, "the queue is NULL", *state);
    assert_refused(mproc_queue_close(NULL), APR_EINVAL, "the queue is NULL");
}

static void a_closed_queue_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_success(put_word(queue, "word"));
    assert_success(mproc_queue_close(queue));
    assert_all_refused(queue, MPROC_ECLOSED, "the queue is closed", *state);
    assert_success(mproc_queue_close(queue));
}

static void a_closed_queue_cannot_be_given_away(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *process = NULL;

    assert_success(mproc_queue_close(queue));
    assert_refused(mproc_process_start(&process, succeed, MPROC_PACK(queue), NULL, *state),
                   MPROC_ECLOSED, "the queue is closed");
    assert_null(process);
}

static void variables_that_are_null_are_refused(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_lost_t lost;
    size_t count = 77;
    char byte;

    assert_success(put_word(queue, "word"));
    assert_refused(mproc_queue_get(queue, NULL, 0), APR_EINVAL, "mproc_values_create");
    assert_refused(mproc_queue_get_bytes(queue, NULL, 8, &count, 0), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_get_bytes(queue, &byte, 1, NULL, 0), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_qsize(queue, NULL), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_lost(queue, NULL, 1, &count), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_lost(queue, &lost, 1, NULL), APR_EINVAL, "is NULL");
    assert_success(mproc_queue_lost(queue, NULL, 0, &count));
    assert_success(mproc_queue_last(queue, NULL, NULL));
    assert_int_equal(count, 0);
    assert_int_equal(count_messages(queue), 1);
}

static void an_unknown_way_to_shut_down_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_refused(mproc_queue_shutdown(queue, (mproc_shutdown_t)7), APR_EINVAL, "not 7");
    assert_success(put_word(queue, "word"));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(before_the_guard_there_are_no_queues),
        claim_leaving_nothing(options_without_the_initializer_are_refused),
        claim_leaving_nothing(null_for_the_queue_or_its_memory_is_refused),
        claim_leaving_nothing(a_capacity_that_is_none_is_refused),
        claim_leaving_nothing(a_maxsize_beyond_counting_is_refused),
        claim_leaving_nothing(a_number_of_processes_that_is_none_is_refused),
        claim_leaving_nothing(the_least_and_the_most_of_each_option_work),
        claim_leaving_nothing(a_message_beyond_its_largest_size_is_refused),
        claim_leaving_nothing(objects_are_refused),
        claim_leaving_nothing(data_without_a_place_or_beyond_memory_is_refused),
        claim_leaving_nothing(no_queue_is_refused),
        claim_leaving_nothing(a_closed_queue_is_refused),
        claim_leaving_nothing(a_closed_queue_cannot_be_given_away),
        claim_leaving_nothing(variables_that_are_null_are_refused),
        claim_leaving_nothing(an_unknown_way_to_shut_down_is_refused),
    };
    mproc_queue_t *queue;
    apr_pool_t *mem;

    before_the_guard = mproc_queue_create(&queue, NULL, NULL);
    strncpy(words_before_the_guard, mproc_error_message(), sizeof words_before_the_guard - 1);
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
