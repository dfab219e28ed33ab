/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several messages at once: mproc_queue_put_many() and mproc_queue_get_many().
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define MANY 300

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Helpers ------------------------------------------------------------------ */

static mproc_bytes_t word(const char *text)
{
    mproc_bytes_t made = {text, strlen(text)};

    return made;
}

static int is_word(const mproc_bytes_t *message, const char *text)
{
    return message->size == strlen(text) && memcmp(message->data, text, message->size) == 0;
}

/* Messages of the sizes 0, 1, 2 ..., each with the pattern from its size on. */
static mproc_bytes_t *make_messages(size_t count, apr_pool_t *mem)
{
    mproc_bytes_t *messages = apr_palloc(mem, count * sizeof *messages);
    size_t i;

    for (i = 0; i < count; i++) {
        unsigned char *bytes = apr_palloc(mem, i + 1);
        fill_pattern(bytes, i, i);
        messages[i].data = bytes;
        messages[i].size = i;
    }
    return messages;
}

static void assert_is_number(const mproc_bytes_t *message, size_t number)
{
    assert_int_equal(message->size, number);
    assert_int_equal(count_pattern(message->data, number, number), number);
}

/* -- Putting ---------------------------------------------------------------------- */

static void many_are_put_in_their_order(void **state)
{
    mproc_queue_t *queue = make_queue((size_t)1 << 20, 0, *state);
    mproc_bytes_t *messages = make_messages(MANY, *state);
    size_t put = 0, i;

    assert_success(mproc_queue_put_many(queue, messages, MANY, &put, 0));
    assert_int_equal(put, MANY);
    assert_int_equal(count_messages(queue), MANY);
    for (i = 0; i < MANY; i++)
        assert_success(get_pattern(queue, i, i, 0));
}

static void as_many_are_put_as_there_is_room_for(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 2, *state);
    mproc_bytes_t messages[] = {word("one"), word("two"), word("three")};
    size_t put = 77;

    assert_status(mproc_queue_put_many(queue, messages, 3, &put, 0), APR_TIMEUP);
    assert_int_equal(put, 2);
    assert_status(mproc_queue_put_many(queue, messages + 2, 1, &put, A_MOMENT), APR_TIMEUP);
    assert_int_equal(put, 0);
    assert_string_equal(look_for_word(queue, *state), "one");
    assert_string_equal(look_for_word(queue, *state), "two");
    assert_string_equal(look_for_word(queue, *state), "(none)");
}

static void none_is_as_good_as_put(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t put = 77;

    assert_success(mproc_queue_put_many(queue, NULL, 0, &put, 0));
    assert_int_equal(put, 0);
    assert_true(mproc_queue_empty(queue));
}

/* And none of the others is put. */
static void a_bad_one_is_named_by_its_place(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_bytes_t messages[] = {word("one"), {NULL, 3}, word("three")};
    mproc_queue_t *queue;
    size_t put = 77;

    options.max_message_size = 4;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_refused(mproc_queue_put_many(queue, messages, 3, &put, 0), APR_EINVAL, "messages[1]: ");
    assert_int_equal(put, 0);
    assert_refused(mproc_queue_put_many(queue, NULL, 3, &put, 0), APR_EINVAL, "no messages");
    messages[1] = word("two");
    assert_refused(mproc_queue_put_many(queue, messages, 3, &put, 0), MPROC_ETOOLARGE,
                   "messages[2]: ");
    assert_status(mproc_queue_put_many(queue, messages, 3, NULL, 0), APR_EINVAL);
    assert_true(mproc_queue_empty(queue));
}

/* -- Getting ----------------------------------------------------------------------- */

static void many_are_got_at_once_each_aligned(void **state)
{
    mproc_queue_t *queue = make_queue((size_t)1 << 20, 0, *state);
    mproc_bytes_t *messages = make_messages(MANY, *state), got[MANY];
    unsigned char *buffer = malloc(MANY * MANY);
    size_t count, i;

    assert_success(mproc_queue_put_many(queue, messages, MANY, &count, 0));
    assert_success(mproc_queue_get_many(queue, buffer, MANY * MANY, got, MANY, &count, 0));
    assert_int_equal(count, MANY);
    for (i = 0; i < MANY; i++) {
        assert_is_number(&got[i], i);
        assert_int_equal(((const unsigned char *)got[i].data - buffer) % 8, 0);
    }
    assert_true(mproc_queue_empty(queue));
    free(buffer);
}

static void no_more_are_got_than_were_asked_for(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_bytes_t messages[] = {word("one"), word("two"), word("three")}, got[3];
    char buffer[64];
    size_t count;

    assert_success(mproc_queue_put_many(queue, messages, 3, &count, 0));
    assert_success(mproc_queue_get_many(queue, buffer, sizeof buffer, got, 2, &count, 0));
    assert_int_equal(count, 2);
    assert_true(is_word(&got[0], "one") && is_word(&got[1], "two"));
    assert_success(mproc_queue_get_many(queue, buffer, sizeof buffer, got, 2, &count, 0));
    assert_int_equal(count, 1);
    assert_true(is_word(&got[0], "three"));
}

/* The second begins at the next multiple of 8, and just does not fit. */
static void what_goes_beyond_the_buffer_stays(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_bytes_t messages[] = {word("one"), word("three"), word("")}, got[3];
    char buffer[13];
    size_t count;

    assert_success(mproc_queue_put_many(queue, messages, 3, &count, 0));
    assert_success(mproc_queue_get_many(queue, buffer, 12, got, 3, &count, 0));
    assert_int_equal(count, 1);
    assert_success(mproc_queue_get_many(queue, buffer, 5, got, 3, &count, 0));
    assert_int_equal(count, 1); /* no room is left to align to, though the last one needs none */
    assert_true(is_word(&got[0], "three"));
    assert_success(mproc_queue_get_many(queue, NULL, 0, got, 3, &count, 0));
    assert_true(count == 1 && got[0].size == 0);
    assert_success(mproc_queue_put_many(queue, messages, 3, &count, 0));
    assert_success(mproc_queue_get_many(queue, buffer, 13, got, 3, &count, 0));
    assert_int_equal(count, 2);
    assert_true(is_word(&got[0], "one") && is_word(&got[1], "three"));
}

static void a_first_one_that_is_too_large_tells_its_size(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_bytes_t got[2] = {{NULL, 77}, {NULL, 77}};
    char buffer[] = "unchanged";
    size_t count = 77;

    assert_success(put_word(queue, "0123456789"));
    assert_refused(mproc_queue_get_many(queue, buffer, 9, got, 2, &count, 0), MPROC_EMSGSIZE,
                   "10 bytes");
    assert_true(count == 0 && got[0].size == 10);
    assert_string_equal(buffer, "unchanged");
    assert_int_equal(count_messages(queue), 1);
}

static void nothing_is_touched_when_nothing_comes(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_bytes_t got = {NULL, 77};
    char buffer[8];
    size_t count = 77;

    assert_status(mproc_queue_get_many(queue, buffer, sizeof buffer, &got, 1, &count, 0),
                  APR_TIMEUP);
    assert_status(mproc_queue_get_many(queue, buffer, sizeof buffer, &got, 0, &count, 0),
                  APR_EINVAL);
    assert_words(mproc_error_message(), "1 to 65535");
    assert_status(mproc_queue_get_many(queue, buffer, sizeof buffer, &got, 65536, &count, 0),
                  APR_EINVAL);
    assert_status(mproc_queue_get_many(queue, NULL, 8, &got, 1, &count, 0), APR_EINVAL);
    assert_status(mproc_queue_get_many(queue, buffer, sizeof buffer, NULL, 1, &count, 0),
                  APR_EINVAL);
    assert_status(mproc_queue_get_many(queue, buffer, sizeof buffer, &got, 1, NULL, 0), APR_EINVAL);
    assert_true(count == 77 && got.size == 77);
}

/* As many as a claim has room for, and more are there. */
static void sixty_five_thousand_are_got_at_once(void **state)
{
    size_t all = 70000, most = 65535, put, count;
    mproc_queue_t *queue = make_queue((size_t)1 << 20, 0, *state);
    mproc_bytes_t *messages = calloc(all, sizeof *messages);

    assert_success(mproc_queue_put_many(queue, messages, all, &put, 0));
    assert_success(mproc_queue_get_many(queue, NULL, 0, messages, most, &count, 0));
    assert_int_equal(count, most);
    assert_success(mproc_queue_get_many(queue, NULL, 0, messages, most, &count, 0));
    assert_int_equal(count, all - most);
    free(messages);
}

/* Batches of all sizes go around the end of the ring. */
static void batches_may_lie_across_the_end(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_bytes_t *messages = make_messages(40, *state), got[40];
    char buffer[40 * 40];
    size_t round, count, i;

    for (round = 1; round <= 40 * 25; round++) {
        size_t many = round % 40 + 1;
        assert_success(mproc_queue_put_many(queue, messages, many, &count, 0));
        assert_success(mproc_queue_get_many(queue, buffer, sizeof buffer, got, 40, &count, 0));
        assert_int_equal(count, many);
        for (i = 0; i < many; i++)
            assert_is_number(&got[i], i);
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(many_are_put_in_their_order),
        claim_leaving_nothing(as_many_are_put_as_there_is_room_for),
        claim_leaving_nothing(none_is_as_good_as_put),
        claim_leaving_nothing(a_bad_one_is_named_by_its_place),
        claim_leaving_nothing(many_are_got_at_once_each_aligned),
        claim_leaving_nothing(no_more_are_got_than_were_asked_for),
        claim_leaving_nothing(what_goes_beyond_the_buffer_stays),
        claim_leaving_nothing(a_first_one_that_is_too_large_tells_its_size),
        claim_leaving_nothing(nothing_is_touched_when_nothing_comes),
        claim_leaving_nothing(sixty_five_thousand_are_got_at_once),
        claim_leaving_nothing(batches_may_lie_across_the_end),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
