/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that are larger than a quarter of the ring, and larger than all of it:
 * they pass through it in pieces.
 */

#include "claims.h"
#include "queues.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* Of a piece's payload. */
#define PIECE (SMALL_RING / 8 - 8)

#define NPUTTERS 3
#define NGETTERS 3
#define MIXED_MAX 10000

/* -- What the children do ------------------------------------------------------ */

static apr_status_t get_one(mproc_task_t *task)
{
    mproc_queue_t *queue;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &size));
    return get_pattern(queue, size, size, 4 * PATIENCE);
}

/* A size for each number, most of them small. */
static size_t mixed_size(int number)
{
    return number % 5 == 0 ? (size_t)number * 7919 % MIXED_MAX : (size_t)number % 300;
}

/* Every message is the pattern from its number on; the first four bytes say whose it is, and the number. */
static apr_status_t put_mixed(mproc_task_t *task)
{
    unsigned char *bytes = malloc(MIXED_MAX + 8);
    mproc_queue_t *queue;
    apr_status_t rv;
    int who, count, i;

    rv = MPROC_UNPACK(task, &queue, &who, &count);
    for (i = 0; rv == APR_SUCCESS && i < count; i++) {
        fill_pattern(bytes + 8, mixed_size(i), (size_t)i);
        memcpy(bytes, &who, 4);
        memcpy(bytes + 4, &i, 4);
        rv = mproc_queue_put_bytes(queue, bytes, 8 + mixed_size(i), PATIENCE);
    }
    free(bytes);
    return rv;
}

static apr_status_t check_mixed(const unsigned char *bytes, size_t size, int *numbers, int *sums)
{
    int who, number;

    memcpy(&who, bytes, 4);
    memcpy(&number, bytes + 4, 4);
    if (who < 0 || who >= NPUTTERS || number < numbers[who] || size != 8 + mixed_size(number) ||
        count_pattern(bytes + 8, size - 8, (size_t)number) != size - 8)
        return mproc_error_set(APR_EGENERAL, "message %d of %d is not as it was put", number, who);
    numbers[who] = number + 1;
    sums[who] += number;
    return APR_SUCCESS;
}

/* Until there is no more; then says the sums of the numbers of each putter. */
static apr_status_t get_mixed(mproc_task_t *task)
{
    int numbers[NPUTTERS] = {0}, sums[NPUTTERS] = {0};
    unsigned char *bytes = malloc(MIXED_MAX + 8);
    mproc_connection_t *line;
    mproc_queue_t *queue;
    size_t size;
    apr_status_t rv;

    rv = MPROC_UNPACK(task, &queue, &line);
    while (rv == APR_SUCCESS) {
        rv = mproc_queue_get_bytes(queue, bytes, MIXED_MAX + 8, &size, PATIENCE);
        if (rv == APR_SUCCESS)
            rv = check_mixed(bytes, size, numbers, sums);
    }
    free(bytes);
    if (rv != MPROC_ESHUTDOWN)
        return rv;
    return mproc_connection_send(line, MPROC_PACK(sums[0], sums[1], sums[2]), PATIENCE);
}

static const mproc_target_t targets[] = {MPROC_TARGET(get_one), MPROC_TARGET(put_mixed),
                                         MPROC_TARGET(get_mixed), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- Sizes ---------------------------------------------------------------------------- */

/* A thread that puts one message. */
typedef struct putter_t {
    mproc_queue_t *queue;
    size_t size;
    apr_interval_time_t timeout;
    work_t work;
} putter_t;

static apr_status_t put(void *data)
{
    putter_t *putter = data;

    return put_pattern(putter->queue, putter->size, putter->size, putter->timeout);
}

static void start_putter(putter_t *putter, mproc_queue_t *queue, size_t size, apr_pool_t *mem)
{
    putter->queue = queue;
    putter->size = size;
    putter->timeout = PATIENCE;
    assert_success(start_thread(&putter->work, put, putter, mem));
}

static void messages_around_each_limit_arrive_unchanged(void **state)
{
    static const size_t sizes[] = {WHOLE_MAX,      2 * PIECE,  3 * PIECE,
                                   SMALL_RING - 8, SMALL_RING, 10 * SMALL_RING};
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t i, size;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size = sizes[i] - 9; size <= sizes[i] + 9; size++) {
            putter_t putter;
            start_putter(&putter, queue, size, *state);
            assert_success(get_pattern(queue, size, size, PATIENCE));
            assert_success(end_thread(&putter.work));
        }
    assert_true(mproc_queue_empty(queue));
}

static void one_that_the_ring_has_room_for_need_not_be_got_at_once(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    size_t place;

    for (place = 0; place < SMALL_RING / 8; place++) {
        assert_success(put_pattern(queue, SMALL_RING / 2, place, 0));
        assert_int_equal(count_messages(queue), 1);
        assert_success(get_pattern(queue, SMALL_RING / 2, place, 0));
        assert_success(mproc_queue_put_bytes(queue, NULL, 0, 0));
        assert_success(get_pattern(queue, 0, 0, 0));
    }
}

static void values_may_be_larger_than_the_ring(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_values_t *values = mproc_values_create(*state);
    unsigned char *bytes = malloc(IN_PIECES);
    mproc_process_t *process;
    mproc_bytes_t arrived;
    size_t size;

    assert_success(
        mproc_process_start(&process, get_one, MPROC_PACK(queue, (size_t)IN_PIECES), NULL, *state));
    assert_success(put_pattern(queue, IN_PIECES, IN_PIECES, PATIENCE));
    assert_ended(process, 0);
    fill_pattern(bytes, IN_PIECES, 3);
    assert_success(
        mproc_queue_put(queue, MPROC_PACK(MPROC_BYTES(bytes, SMALL_RING / 2)), PATIENCE));
    assert_success(mproc_queue_get(queue, values, PATIENCE));
    assert_success(MPROC_UNPACK(values, &arrived));
    assert_int_equal(arrived.size, SMALL_RING / 2);
    assert_int_equal(count_pattern(arrived.data, arrived.size, 3), SMALL_RING / 2);
    size = 0;
    assert_status(mproc_queue_get_bytes(queue, bytes, IN_PIECES, &size, 0), APR_TIMEUP);
    free(bytes);
}

static void assert_passes(size_t size, apr_pool_t *mem)
{
    mproc_queue_t *queue = make_queue(MIB, 0, mem);
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, get_one, MPROC_PACK(queue, size), NULL, mem));
    assert_success(put_pattern(queue, size, size, 4 * PATIENCE));
    assert_success(mproc_process_join(process, 4 * PATIENCE));
    assert_ended(process, 0);
}

static void a_huge_message_passes_through_a_small_ring(void **state)
{
    assert_passes(64 * MIB, *state);
    if (test_scale() >= 20)
        assert_passes(1024 * MIB, *state);
}

/* -- What cannot be taken ---------------------------------------------------------------- */

static void too_small_a_buffer_leaves_it_and_tells_its_size(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_bytes_t message = {NULL, 0};
    size_t size = 0, count = 77;
    putter_t putter;
    char word[8];

    start_putter(&putter, queue, IN_PIECES, *state);
    assert_status(mproc_queue_get_bytes(queue, word, sizeof word, &size, PATIENCE), MPROC_EMSGSIZE);
    assert_int_equal(size, IN_PIECES);
    assert_status(mproc_queue_get_many(queue, word, sizeof word, &message, 1, &count, 0),
                  MPROC_EMSGSIZE);
    assert_true(count == 0 && message.size == IN_PIECES);
    assert_int_equal(count_messages(queue), 0); /* its last piece is not put */
    assert_success(get_pattern(queue, IN_PIECES, IN_PIECES, PATIENCE));
    assert_success(end_thread(&putter.work));
}

/* What had been put is taken back, and its room and its number are the next one's. */
static void one_without_a_getter_is_taken_back_when_its_time_is_over(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    apr_time_t begin = apr_time_now();
    apr_uint64_t last;
    int i;

    assert_success(put_word(queue, "before"));
    assert_status(put_pattern(queue, IN_PIECES, 0, A_MOMENT), APR_TIMEUP);
    assert_true(apr_time_now() - begin >= A_MOMENT - 1000);
    assert_int_equal(count_messages(queue), 1);
    assert_false(mproc_queue_full(queue));
    for (i = 0; i < 100; i++)
        assert_success(try_to_put(queue, "after"));
    assert_success(mproc_queue_last(queue, &last, NULL));
    assert_int_equal(last, 101);
    assert_string_equal(look_for_word(queue, *state), "before");
    for (i = 0; i < 100; i++)
        assert_string_equal(look_for_word(queue, *state), "after");
    assert_string_equal(look_for_word(queue, *state), "(none)");
}

static void a_full_queue_takes_none(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 1, *state);

    assert_success(put_word(queue, "word"));
    assert_status(put_pattern(queue, IN_PIECES, 0, 0), APR_TIMEUP);
    assert_string_equal(look_for_word(queue, *state), "word");
    assert_status(put_pattern(queue, IN_PIECES, 0, 0), APR_TIMEUP);
    assert_success(put_pattern(queue, SMALL_RING / 2, 0, 0));
    assert_true(mproc_queue_full(queue));
}

/* -- In batches ------------------------------------------------------------------------------ */

/* Small ones around a large one. */
static apr_status_t put_three(void *queue)
{
    unsigned char *large = malloc(IN_PIECES);
    mproc_bytes_t messages[] = {{"one", 3}, {large, IN_PIECES}, {"three", 5}};
    apr_status_t rv;
    size_t put;

    fill_pattern(large, IN_PIECES, 2);
    rv = mproc_queue_put_many(queue, messages, 3, &put, PATIENCE);
    free(large);
    return rv == APR_SUCCESS && put != 3 ? APR_EGENERAL : rv;
}

static void batches_keep_their_order_around_a_large_one(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    unsigned char *buffer = malloc(2 * IN_PIECES);
    mproc_bytes_t got[3];
    size_t count;
    work_t work;

    assert_success(start_thread(&work, put_three, queue, *state));
    assert_success(mproc_queue_get_many(queue, buffer, 2 * IN_PIECES, got, 3, &count, PATIENCE));
    assert_true(count == 1 && got[0].size == 3);
    assert_success(mproc_queue_get_many(queue, buffer, 2 * IN_PIECES, got, 3, &count, PATIENCE));
    assert_true(count == 1 && got[0].size == IN_PIECES);
    assert_int_equal(count_pattern(got[0].data, got[0].size, 2), IN_PIECES);
    assert_success(end_thread(&work));
    assert_success(mproc_queue_get_many(queue, buffer, 2 * IN_PIECES, got, 3, &count, 0));
    assert_true(count == 1 && got[0].size == 5);
    free(buffer);
}

static void what_comes_before_one_that_is_taken_back_stays(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    unsigned char *large = calloc(1, IN_PIECES);
    mproc_bytes_t messages[] = {{"one", 3}, {large, IN_PIECES}, {"three", 5}};
    size_t put = 77;

    assert_status(mproc_queue_put_many(queue, messages, 3, &put, A_MOMENT), APR_TIMEUP);
    assert_int_equal(put, 1);
    assert_string_equal(look_for_word(queue, *state), "one");
    assert_string_equal(look_for_word(queue, *state), "(none)");
    free(large);
}

/* -- Many at once ---------------------------------------------------------------------------- */

static void assert_sums(mproc_connection_t **lines, int count, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    int sums[NPUTTERS] = {0}, some[NPUTTERS], i, who;

    for (i = 0; i < NGETTERS; i++) {
        assert_success(mproc_connection_recv(lines[i], values, 4 * PATIENCE));
        assert_success(MPROC_UNPACK(values, &some[0], &some[1], &some[2]));
        for (who = 0; who < NPUTTERS; who++)
            sums[who] += some[who];
    }
    for (who = 0; who < NPUTTERS; who++)
        assert_int_equal(sums[who], count * (count - 1) / 2);
}

static void mixed_sizes_pass_between_many_processes(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *putters[NPUTTERS], *getters[NGETTERS];
    mproc_connection_t *lines[NGETTERS], *there;
    int count = 1000 * test_scale(), i;

    for (i = 0; i < NGETTERS; i++) {
        assert_success(mproc_pipe(&lines[i], &there, MPROC_DUPLEX, *state));
        assert_success(
            mproc_process_start(&getters[i], get_mixed, MPROC_PACK(queue, there), NULL, *state));
        assert_success(mproc_connection_close(there));
    }
    for (i = 0; i < NPUTTERS; i++)
        assert_success(
            mproc_process_start(&putters[i], put_mixed, MPROC_PACK(queue, i, count), NULL, *state));
    for (i = 0; i < NPUTTERS; i++)
        assert_ended(putters[i], 0);
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_sums(lines, count, *state);
    for (i = 0; i < NGETTERS; i++)
        assert_ended(getters[i], 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(messages_around_each_limit_arrive_unchanged),
        claim_leaving_nothing(one_that_the_ring_has_room_for_need_not_be_got_at_once),
        claim_leaving_nothing(values_may_be_larger_than_the_ring),
        claim_leaving_nothing(a_huge_message_passes_through_a_small_ring),
        claim_leaving_nothing(too_small_a_buffer_leaves_it_and_tells_its_size),
        claim_leaving_nothing(one_without_a_getter_is_taken_back_when_its_time_is_over),
        claim_leaving_nothing(a_full_queue_takes_none),
        claim_leaving_nothing(batches_keep_their_order_around_a_large_one),
        claim_leaving_nothing(what_comes_before_one_that_is_taken_back_stays),
        claim_leaving_nothing(mixed_sizes_pass_between_many_processes),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
