/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues in one process: what goes in comes out, in its order, as often as there
 * is room.
 */

#include "claims.h"
#include "queues.h"
#include "threads.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A message of 8 bytes takes 16, and 8 always stay free. */
#define EIGHTS_THAT_FIT (SMALL_RING / 16 - 1)

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Order, sizes and places --------------------------------------------------- */

static void messages_come_out_in_the_order_they_were_put(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);

    assert_success(put_word(queue, "one"));
    assert_success(put_word(queue, "two"));
    assert_string_equal(look_for_word(queue, *state), "one");
    assert_success(put_word(queue, "three"));
    assert_string_equal(look_for_word(queue, *state), "two");
    assert_string_equal(look_for_word(queue, *state), "three");
    assert_string_equal(look_for_word(queue, *state), "(none)");
}

static void bytes_of_every_size_arrive_unchanged(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t size;

    for (size = 0; size <= WHOLE_MAX; size++) {
        assert_success(put_pattern(queue, size, size, 0));
        assert_success(get_pattern(queue, size, size, 0));
    }
    assert_int_equal(count_messages(queue), 0);
}

/* An empty message moves the next one by 8 bytes, once around a ring of 512 places. */
static void a_message_may_lie_across_the_end_at_every_place(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t size = WHOLE_MAX - 3, place;

    for (place = 0; place < SMALL_RING / 8; place++) {
        assert_success(mproc_queue_put_bytes(queue, NULL, 0, 0));
        assert_success(put_pattern(queue, size, place, 0));
        assert_success(get_pattern(queue, 0, 0, 0));
        assert_success(get_pattern(queue, size, place, 0));
    }
}

static void a_message_without_bytes_is_one(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t size = 4711;

    assert_success(mproc_queue_put_bytes(queue, NULL, 0, 0));
    assert_success(mproc_queue_put_bytes(queue, "", 0, 0));
    assert_int_equal(count_messages(queue), 2);
    assert_success(mproc_queue_get_bytes(queue, NULL, 0, &size, 0));
    assert_int_equal(size, 0);
    assert_string_equal(look_for_word(queue, *state), "");
    assert_string_equal(look_for_word(queue, *state), "(none)");
}

static void too_small_a_buffer_leaves_the_message_and_tells_its_size(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    char buffer[] = "unchanged.";
    size_t size = 0;

    assert_success(put_word(queue, "0123456789"));
    assert_success(put_word(queue, "next"));
    assert_refused(mproc_queue_get_bytes(queue, buffer, 9, &size, 0), MPROC_EMSGSIZE,
                   "10 bytes, and the buffer has 9");
    assert_int_equal(size, 10);
    assert_string_equal(buffer, "unchanged.");
    assert_status(mproc_queue_get_bytes(queue, NULL, 0, &size, 0), MPROC_EMSGSIZE);
    assert_int_equal(count_messages(queue), 2);
    assert_success(mproc_queue_get_bytes(queue, buffer, 10, &size, 0));
    assert_string_equal(buffer, "0123456789");
    assert_string_equal(look_for_word(queue, *state), "next");
}

/* -- Values --------------------------------------------------------------------- */

static void values_arrive_as_they_were_packed(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_values_t *values = mproc_values_create(*state);
    const char *word;
    int number;
    double real;

    assert_success(mproc_queue_put(queue, MPROC_PACK("word", -7, 2.5), 0));
    assert_success(mproc_queue_put(queue, MPROC_PACK(MPROC_NONE), 0));
    assert_success(mproc_queue_put(queue, MPROC_NO_ARGS, 0));
    assert_success(mproc_queue_get(queue, values, 0));
    assert_success(MPROC_UNPACK(values, &word, &number, &real));
    assert_string_equal(word, "word");
    assert_true(number == -7 && real == 2.5);
    assert_success(mproc_queue_get(queue, values, 0));
    assert_true(mproc_values_is_none(values, 0));
    assert_success(mproc_queue_get(queue, values, 0));
    assert_int_equal(mproc_values_count(values), 0);
}

static void values_stay_when_nothing_comes(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_values_t *values = mproc_values_create(*state);
    const char *word;

    assert_success(mproc_queue_put(queue, MPROC_PACK("word"), 0));
    assert_success(mproc_queue_get(queue, values, 0));
    assert_success(MPROC_UNPACK(values, &word));
    assert_status(mproc_queue_get(queue, values, 0), APR_TIMEUP);
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_status(mproc_queue_get(queue, values, 0), MPROC_ESHUTDOWN);
    assert_int_equal(mproc_values_count(values), 1);
    assert_string_equal(word, "word");
}

static void bytes_that_are_no_values_are_refused_and_gone(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_values_t *values = mproc_values_create(*state);

    assert_success(mproc_queue_put(queue, MPROC_PACK("word"), 0));
    assert_success(put_word(queue, "no values"));
    assert_success(mproc_queue_put_bytes(queue, NULL, 0, 0));
    assert_success(mproc_queue_get(queue, values, 0));
    assert_refused(mproc_queue_get(queue, values, 0), MPROC_EPROTOCOL, "not packed values");
    assert_int_equal(mproc_values_count(values), 0);
    assert_refused(mproc_queue_get(queue, values, 0), MPROC_EPROTOCOL, "not packed values");
    assert_status(mproc_queue_get(queue, values, 0), APR_TIMEUP);
}

/* -- Room ------------------------------------------------------------------------- */

/* At each number of messages "full" says just whether one more of 8 bytes is refused. */
static size_t fill_with_eights(mproc_queue_t *queue)
{
    size_t count = 0;

    for (;;) {
        int is_full = mproc_queue_full(queue);
        apr_status_t rv = mproc_queue_put_bytes(queue, &count, 8, 0);

        assert_int_equal(is_full, rv != APR_SUCCESS);
        if (rv != APR_SUCCESS) {
            assert_refused(rv, APR_TIMEUP, "no room in the queue in time");
            return count;
        }
        assert_int_equal(count_messages(queue), ++count);
    }
}

static void empty_it(mproc_queue_t *queue, size_t count)
{
    size_t i, got, size;

    for (i = 0; i < count; i++) {
        assert_int_equal(count_messages(queue), count - i);
        assert_false(mproc_queue_empty(queue));
        assert_success(mproc_queue_get_bytes(queue, &got, sizeof got, &size, 0));
        assert_int_equal(got, i);
    }
    assert_true(mproc_queue_empty(queue));
}

static void a_ring_is_full_when_its_bytes_are_used(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    int round;

    assert_true(mproc_queue_empty(queue));
    for (round = 0; round < 20; round++) {
        assert_int_equal(fill_with_eights(queue), EIGHTS_THAT_FIT);
        empty_it(queue, EIGHTS_THAT_FIT);
    }
}

static void maxsize_is_kept_exactly(void **state)
{
    static const size_t sizes[] = {1, 2, 7, 100, EIGHTS_THAT_FIT, EIGHTS_THAT_FIT + 1, 1000000};
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        mproc_queue_t *queue = make_queue(SMALL_RING, sizes[i], *state);
        size_t most = sizes[i] < EIGHTS_THAT_FIT ? sizes[i] : EIGHTS_THAT_FIT;
        assert_int_equal(fill_with_eights(queue), most);
        empty_it(queue, most);
        assert_int_equal(fill_with_eights(queue), most);
    }
}

static void what_is_got_makes_room(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 1, *state);

    assert_success(try_to_put(queue, "one"));
    assert_status(try_to_put(queue, "two"), APR_TIMEUP);
    assert_string_equal(look_for_word(queue, *state), "one");
    assert_success(try_to_put(queue, "two"));
    assert_string_equal(look_for_word(queue, *state), "two");
}

static apr_status_t put_for_ever(void *queue)
{
    return mproc_queue_put_bytes(queue, "01234567", 8, MPROC_FOREVER);
}

/* Of bytes, and of a number of messages; nobody gets any more of them. */
static void who_waits_finds_the_room_that_one_get_has_made(void **state)
{
    size_t maxsize;

    for (maxsize = 0; maxsize <= EIGHTS_THAT_FIT - 1; maxsize += EIGHTS_THAT_FIT - 1) {
        mproc_queue_t *queue = make_queue(SMALL_RING, maxsize, *state);
        size_t most = fill_with_eights(queue), size;
        char word[8];
        work_t work;

        assert_success(start_thread(&work, put_for_ever, queue, *state));
        apr_sleep(A_MOMENT); /* so that most often it waits; the claim holds if it does not */
        assert_success(mproc_queue_get_bytes(queue, word, sizeof word, &size, 0));
        assert_success(end_thread(&work));
        assert_int_equal(count_messages(queue), most);
    }
}

/* -- Time -------------------------------------------------------------------------- */

static void assert_lasts_a_moment(apr_status_t rv, apr_time_t begin)
{
    assert_status(rv, APR_TIMEUP);
    assert_true(apr_time_now() - begin >= A_MOMENT - 1000);
}

static void a_call_waits_no_less_than_its_timeout(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 1, *state);
    mproc_values_t *values = mproc_values_create(*state);
    mproc_bytes_t message = {"word", 4};
    size_t count;
    char word[8];

    assert_lasts_a_moment(mproc_queue_get(queue, values, A_MOMENT), apr_time_now());
    assert_lasts_a_moment(mproc_queue_get_bytes(queue, word, sizeof word, &count, A_MOMENT),
                          apr_time_now());
    assert_lasts_a_moment(
        mproc_queue_get_many(queue, word, sizeof word, &message, 1, &count, A_MOMENT),
        apr_time_now());
    assert_success(try_to_put(queue, "word"));
    assert_lasts_a_moment(mproc_queue_put(queue, MPROC_PACK(1), A_MOMENT), apr_time_now());
    assert_lasts_a_moment(mproc_queue_put_bytes(queue, "word", 4, A_MOMENT), apr_time_now());
    assert_lasts_a_moment(mproc_queue_put_many(queue, &message, 1, &count, A_MOMENT),
                          apr_time_now());
}

static void a_timeout_below_0_looks_once(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 1, *state);
    mproc_values_t *values = mproc_values_create(*state);

    assert_status(mproc_queue_get(queue, values, -5), APR_TIMEUP);
    assert_success(mproc_queue_put(queue, MPROC_PACK(1), -5));
    assert_status(mproc_queue_put(queue, MPROC_PACK(2), -5), APR_TIMEUP);
    assert_success(mproc_queue_get(queue, values, -5));
}

/* -- Endings --------------------------------------------------------------------------- */

static void queues_leave_nothing(void **state)
{
    apr_pool_t *mem;
    int i;

    for (i = 0; i < 200 * test_scale(); i++) {
        mproc_queue_t *queue;

        assert_success(apr_pool_create(&mem, *state));
        queue = make_queue(SMALL_RING, 0, mem);
        assert_success(put_word(queue, "word"));
        if (i % 2)
            assert_success(mproc_queue_close(queue));
        apr_pool_destroy(mem);
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(messages_come_out_in_the_order_they_were_put),
        claim_leaving_nothing(bytes_of_every_size_arrive_unchanged),
        claim_leaving_nothing(a_message_may_lie_across_the_end_at_every_place),
        claim_leaving_nothing(a_message_without_bytes_is_one),
        claim_leaving_nothing(too_small_a_buffer_leaves_the_message_and_tells_its_size),
        claim_leaving_nothing(values_arrive_as_they_were_packed),
        claim_leaving_nothing(values_stay_when_nothing_comes),
        claim_leaving_nothing(bytes_that_are_no_values_are_refused_and_gone),
        claim_leaving_nothing(a_ring_is_full_when_its_bytes_are_used),
        claim_leaving_nothing(maxsize_is_kept_exactly),
        claim_leaving_nothing(what_is_got_makes_room),
        claim_leaving_nothing(who_waits_finds_the_room_that_one_get_has_made),
        claim_leaving_nothing(a_call_waits_no_less_than_its_timeout),
        claim_leaving_nothing(a_timeout_below_0_looks_once),
        claim_leaving_nothing(queues_leave_nothing),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
