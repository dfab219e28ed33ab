/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages that are written and read in place: they come as others do, and their
 * room comes back.
 */

#include "claims.h"
#include "queues.h"
#include "threads.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

/* What a block takes at least, and blocks for a few. */
#define GRANULE ((size_t)4096)
#define GRANULES 16
#define BLOCKS (GRANULES * GRANULE)

/* -- Blocks for tests; in children they assert nothing ------------------------------- */

static mproc_queue_t *make_queue_with_blocks(size_t blocks, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = SMALL_RING;
    options.blocks = blocks;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

static apr_status_t put_in_place(mproc_queue_t *queue, size_t size, size_t offset,
                                 apr_interval_time_t timeout)
{
    void *block;

    MPROC_TRY(mproc_queue_reserve(queue, size, &block, timeout));
    fill_pattern(block, size, offset);
    return mproc_queue_commit(queue, block, timeout);
}

/* One that arrives in another form gives APR_EGENERAL. */
static apr_status_t get_in_place(mproc_queue_t *queue, size_t size, size_t offset,
                                 apr_interval_time_t timeout)
{
    void *block;
    size_t got;

    MPROC_TRY(mproc_queue_acquire(queue, &block, &got, timeout));
    if (got != size || count_pattern(block, got, offset) != got || (uintptr_t)block % 64 != 0)
        return mproc_error_set(APR_EGENERAL, "%d bytes at %p are not what was put", (int)got,
                               block);
    return mproc_queue_release(queue, block);
}

/* How many blocks of a size can be reserved at once; they are cancelled again. */
static size_t count_room(mproc_queue_t *queue, size_t size)
{
    void *blocks[GRANULES + 1];
    size_t count = 0, i;

    while (count <= GRANULES && mproc_queue_reserve(queue, size, &blocks[count], 0) == APR_SUCCESS)
        count++;
    for (i = 0; i < count; i++)
        assert_success(mproc_queue_cancel(queue, blocks[i]));
    return count;
}

static void assert_all_room_is_free(mproc_queue_t *queue)
{
    assert_int_equal(count_room(queue, BLOCKS), 1);
    assert_int_equal(count_room(queue, 1), GRANULES);
}

/* -- What the children do -------------------------------------------------------------- */

enum { MANY = 100 };

static size_t size_of(size_t number)
{
    return (number * 7919) % (BLOCKS / 4) + 1;
}

static apr_status_t put_many_in_place(mproc_task_t *task)
{
    mproc_queue_t *queue;
    size_t i;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    for (i = 0; i < MANY; i++)
        MPROC_TRY(put_in_place(queue, size_of(i), i, PATIENCE));
    return APR_SUCCESS;
}

/* Passes on what it gets, until it is of one byte. */
static apr_status_t pass_on_in_place(mproc_task_t *task)
{
    mproc_queue_t *from, *to;
    void *here, *there;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &from, &to));
    do {
        MPROC_TRY(mproc_queue_acquire(from, &here, &size, PATIENCE));
        MPROC_TRY(mproc_queue_reserve(to, size, &there, PATIENCE));
        memcpy(there, here, size);
        MPROC_TRY(mproc_queue_release(from, here));
        MPROC_TRY(mproc_queue_commit(to, there, PATIENCE));
    } while (size > 1);
    return APR_SUCCESS;
}

/* Each message has a size of its own, which is where its pattern begins, too. */
enum { WRITERS = 12, EACH = 25 };

static size_t size_of_writers(int writer, int number)
{
    return 1000 + (size_t)(writer * EACH + number) * 17;
}

static apr_status_t write_each(mproc_task_t *task)
{
    mproc_queue_t *queue;
    int writer, i;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &writer));
    for (i = 0; i < EACH; i++) {
        size_t size = size_of_writers(writer, i);
        MPROC_TRY(put_in_place(queue, size, size, PATIENCE));
    }
    return APR_SUCCESS;
}

/* Reserves one block and acquires another, and says so; when it answers no more, it has them yet. */
static apr_status_t hold_two(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    void *mine, *theirs;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(mproc_queue_reserve(queue, BLOCKS / 4, &mine, PATIENCE));
    MPROC_TRY(mproc_queue_acquire(queue, &theirs, &size, PATIENCE));
    MPROC_TRY(say(line, "born"));
    return answer_on(line);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(put_many_in_place), MPROC_TARGET(pass_on_in_place),   MPROC_TARGET(write_each),
    MPROC_TARGET(hold_two),          MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Order and sizes ------------------------------------------------------------------ */

static void blocks_and_other_messages_come_in_their_order(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);

    assert_success(put_word(queue, "one"));
    assert_success(put_in_place(queue, 5000, 2, 0));
    assert_success(put_word(queue, "three"));
    assert_success(put_in_place(queue, 3, 4, 0));
    assert_int_equal(count_messages(queue), 4);
    assert_string_equal(look_for_word(queue, *state), "one");
    assert_success(get_in_place(queue, 5000, 2, 0));
    assert_string_equal(look_for_word(queue, *state), "three");
    assert_success(get_in_place(queue, 3, 4, 0));
    assert_string_equal(look_for_word(queue, *state), "(none)");
    assert_all_room_is_free(queue);
}

static void blocks_of_every_size_arrive_unchanged(void **state)
{
    static const size_t sizes[] = {0,    1,       63,          64,          4095,       4096,
                                   4097, GRANULE, 3 * GRANULE, BLOCKS - 64, BLOCKS - 1, BLOCKS};
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    size_t i;

    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_success(put_in_place(queue, sizes[i], i, 0));
        assert_success(get_in_place(queue, sizes[i], i, 0));
    }
    assert_all_room_is_free(queue);
}

static void a_getter_need_not_know_that_it_is_a_block(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    size_t i;

    for (i = 0; i < 3 * GRANULES; i++) {
        assert_success(put_in_place(queue, BLOCKS / 2 + i, i, 0));
        assert_success(get_pattern(queue, BLOCKS / 2 + i, i, 0));
    }
    assert_all_room_is_free(queue);
}

static void values_in_a_block_are_values(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    mproc_values_t *values = mproc_values_create(*state);
    unsigned char packed[256];
    const char *word;
    void *block;
    size_t size;
    int number;

    assert_success(mproc_queue_put(queue, MPROC_PACK("word", 7), 0));
    assert_success(mproc_queue_get_bytes(queue, packed, sizeof packed, &size, 0));
    assert_success(mproc_queue_reserve(queue, size, &block, 0));
    memcpy(block, packed, size);
    assert_success(mproc_queue_commit(queue, block, 0));
    assert_success(mproc_queue_get(queue, values, 0));
    assert_success(MPROC_UNPACK(values, &word, &number));
    assert_string_equal(word, "word");
    assert_int_equal(number, 7);
    assert_all_room_is_free(queue);
}

static void too_small_a_buffer_leaves_the_block_and_tells_its_size(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    unsigned char buffer[99];
    mproc_bytes_t message;
    size_t size = 0, got = 7;

    assert_success(put_in_place(queue, 100, 5, 0));
    assert_refused(mproc_queue_get_bytes(queue, buffer, sizeof buffer, &size, 0), MPROC_EMSGSIZE,
                   "100 bytes, and the buffer has 99");
    assert_int_equal(size, 100);
    assert_status(mproc_queue_get_many(queue, buffer, sizeof buffer, &message, 1, &got, 0),
                  MPROC_EMSGSIZE);
    assert_int_equal(got, 0);
    assert_int_equal(message.size, 100);
    assert_int_equal(count_messages(queue), 1);
    assert_success(get_in_place(queue, 100, 5, 0));
    assert_all_room_is_free(queue);
}

/* A block ends a batch, and is one. */
static void batches_have_blocks_in_them(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    unsigned char buffer[1000];
    mproc_bytes_t messages[8];
    size_t got, all = 0;

    assert_success(put_pattern(queue, 10, 1, 0));
    assert_success(put_pattern(queue, 20, 2, 0));
    assert_success(put_in_place(queue, 300, 3, 0));
    assert_success(put_pattern(queue, 40, 4, 0));
    for (; all < 4; all += got) {
        size_t i;
        assert_success(mproc_queue_get_many(queue, buffer, sizeof buffer, messages, 8, &got, 0));
        assert_true(got > 0);
        for (i = 0; i < got; i++)
            assert_int_equal(count_pattern(messages[i].data, messages[i].size, all + i + 1),
                             all + i == 2 ? 300 : 10 * (all + i + 1));
    }
    assert_all_room_is_free(queue);
}

/* -- Acquiring what is no block -------------------------------------------------------- */

static void any_message_can_be_acquired(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(0, *state);
    size_t sizes[] = {0, 1, WHOLE_MAX}, i;

    for (i = 0; i < 3; i++) {
        assert_success(put_pattern(queue, sizes[i], i, 0));
        assert_success(get_in_place(queue, sizes[i], i, 0));
    }
    assert_status(get_in_place(queue, 0, 0, 0), APR_TIMEUP);
}

static apr_status_t put_a_large_one(void *data)
{
    return put_pattern(data, IN_PIECES, 3, PATIENCE);
}

static void one_that_passes_in_pieces_too(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    work_t putting;

    assert_success(start_thread(&putting, put_a_large_one, queue, *state));
    assert_success(get_in_place(queue, IN_PIECES, 3, PATIENCE));
    assert_success(end_thread(&putting));
    assert_all_room_is_free(queue);
}

static void several_are_out_at_once_and_released_in_any_order(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *blocks[4];
    size_t size, i;

    for (i = 0; i < 4; i++)
        assert_success(i % 2 == 0 ? put_in_place(queue, 1000 + i, i, 0)
                                  : put_pattern(queue, 500 + i, i, 0));
    for (i = 0; i < 4; i++)
        assert_success(mproc_queue_acquire(queue, &blocks[i], &size, 0));
    for (i = 0; i < 4; i++)
        assert_int_equal(count_pattern(blocks[i], 500, i), 500);
    assert_success(mproc_queue_release(queue, blocks[2]));
    assert_success(mproc_queue_release(queue, blocks[1]));
    assert_success(mproc_queue_release(queue, blocks[3]));
    assert_success(mproc_queue_release(queue, blocks[0]));
    assert_all_room_is_free(queue);
}

/* Whatever becomes of its room. */
static void what_is_acquired_is_a_task_until_it_is_said_to_be_done(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    size_t unfinished, lost;
    mproc_queue_t *queue;

    options.blocks = BLOCKS;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(put_in_place(queue, 100, 1, 0));
    assert_success(get_in_place(queue, 100, 1, 0));
    assert_success(mproc_queue_tasks(queue, &unfinished, &lost));
    assert_int_equal(unfinished, 1);
    assert_status(mproc_queue_join(queue, 0), APR_TIMEUP);
    assert_success(mproc_queue_task_done(queue));
    assert_success(mproc_queue_join(queue, 0));
}

/* -- Room -------------------------------------------------------------------------------- */

static void what_does_not_fit_is_waited_for(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block, *untouched = *state, *other = untouched;

    assert_success(mproc_queue_reserve(queue, BLOCKS - GRANULE + 1, &block, 0));
    assert_refused(mproc_queue_reserve(queue, 1, &other, 0), APR_TIMEUP, "no room for the block");
    assert_status(mproc_queue_reserve(queue, 1, &other, A_MOMENT), APR_TIMEUP);
    assert_true(other == untouched);
    assert_success(mproc_queue_cancel(queue, block));
    assert_all_room_is_free(queue);
}

static apr_status_t reserve_all(void *data)
{
    void *block;

    MPROC_TRY(mproc_queue_reserve(data, BLOCKS, &block, PATIENCE));
    return mproc_queue_cancel(data, block);
}

static void who_waits_for_room_gets_what_is_given_back(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *one, *two;
    work_t reserving;
    size_t size;

    assert_success(mproc_queue_reserve(queue, 1, &one, 0));
    assert_success(put_in_place(queue, 1, 0, 0));
    assert_success(mproc_queue_acquire(queue, &two, &size, 0));
    assert_success(start_thread(&reserving, reserve_all, queue, *state));
    assert_success(mproc_queue_cancel(queue, one));
    assert_success(mproc_queue_release(queue, two));
    assert_success(end_thread(&reserving));
}

/* Every other one is given back: no two of them side by side; then those between them. */
static void room_in_pieces_becomes_whole_again(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *blocks[GRANULES], *block;
    size_t i;

    for (i = 0; i < GRANULES; i++)
        assert_success(mproc_queue_reserve(queue, GRANULE, &blocks[i], 0));
    for (i = 0; i < GRANULES; i += 2)
        assert_success(mproc_queue_cancel(queue, blocks[i]));
    assert_status(mproc_queue_reserve(queue, GRANULE + 1, &block, 0), APR_TIMEUP);
    for (i = 1; i < GRANULES; i += 2)
        assert_success(mproc_queue_cancel(queue, blocks[i]));
    assert_all_room_is_free(queue);
}

/* The ring has room for 4096 / 16 - 1 of them. */
static void a_block_that_finds_no_room_in_the_queue_stays_reserved(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block;

    assert_success(mproc_queue_reserve(queue, 8, &block, 0));
    fill_pattern(block, 8, 1);
    while (mproc_queue_put_bytes(queue, "8 bytes.", 8, 0) == APR_SUCCESS)
        ;
    assert_refused(mproc_queue_commit(queue, block, 0), APR_TIMEUP, "no room in the queue");
    assert_status(mproc_queue_commit(queue, block, A_MOMENT), APR_TIMEUP);
    assert_string_equal(look_for_word(queue, *state), "8 bytes.");
    assert_success(mproc_queue_commit(queue, block, 0));
    while (count_messages(queue) > 1)
        assert_string_equal(look_for_word(queue, *state), "8 bytes.");
    assert_success(get_in_place(queue, 8, 1, 0));
    assert_all_room_is_free(queue);
}

static void blocks_count_for_maxsize(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;
    void *block;

    options.maxsize = 2;
    options.blocks = BLOCKS;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(put_in_place(queue, 9, 0, 0));
    assert_success(put_word(queue, "two"));
    assert_true(mproc_queue_full(queue));
    assert_success(mproc_queue_reserve(queue, 9, &block, 0));
    assert_status(mproc_queue_commit(queue, block, 0), APR_TIMEUP);
    assert_success(mproc_queue_cancel(queue, block));
    assert_success(get_in_place(queue, 9, 0, 0));
    assert_false(mproc_queue_full(queue));
    assert_string_equal(look_for_word(queue, *state), "two");
    assert_true(mproc_queue_empty(queue));
}

/* 65,536 of them: a block takes more where there are more bytes. */
static void there_may_be_more_bytes_than_pages_can_be_counted(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    size_t blocks = ((size_t)256 << 20) + 1, i;
    unsigned char *held[3];
    mproc_queue_t *queue;

    options.blocks = blocks;
    assert_success(mproc_queue_create(&queue, &options, *state));
    for (i = 0; i < 3; i++) {
        void *block;
        assert_success(mproc_queue_reserve(queue, 1, &block, 0));
        held[i] = block;
    }
    assert_int_equal(held[1] - held[0], 2 * GRANULE);
    for (i = 0; i < 3; i++)
        assert_success(mproc_queue_cancel(queue, held[i]));
    assert_status(mproc_queue_reserve(queue, blocks + 2 * GRANULE, (void **)&held[0], 0),
                  MPROC_ETOOLARGE);
}

/* -- Between processes --------------------------------------------------------------- */

static void a_child_writes_and_its_parent_reads(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    mproc_process_t *process;
    size_t i;

    assert_success(
        mproc_process_start(&process, put_many_in_place, MPROC_PACK(queue), NULL, *state));
    for (i = 0; i < MANY; i++)
        assert_success(get_in_place(queue, size_of(i), i, PATIENCE));
    assert_ended(process, 0);
    assert_all_room_is_free(queue);
}

/* The memory that the child has grown is there here, and what was grown here is there in the child. */
static void blocks_go_to_and_fro_while_they_grow(void **state)
{
    mproc_queue_t *there = make_queue_with_blocks(64 * BLOCKS, *state);
    mproc_queue_t *back = make_queue_with_blocks(64 * BLOCKS, *state);
    mproc_process_t *process;
    size_t size;

    assert_success(
        mproc_process_start(&process, pass_on_in_place, MPROC_PACK(there, back), NULL, *state));
    for (size = 1000; size < 64 * BLOCKS; size = 2 * size + 1) {
        assert_success(put_in_place(there, size, size, PATIENCE));
        assert_success(get_in_place(back, size, size, PATIENCE));
    }
    assert_success(put_in_place(there, 1, 0, PATIENCE));
    assert_success(get_in_place(back, 1, 0, PATIENCE));
    assert_ended(process, 0);
}

/* By turns in place and copied: whose message it is, and that it is that one's next. */
static void get_from_a_writer(mproc_queue_t *queue, int next[WRITERS], int turn)
{
    unsigned char copy[8192];
    void *block = copy;
    size_t size;
    int writer;

    if (turn % 2 == 0)
        assert_success(mproc_queue_acquire(queue, &block, &size, PATIENCE));
    else
        assert_success(mproc_queue_get_bytes(queue, copy, sizeof copy, &size, PATIENCE));
    writer = (int)(size - 1000) / 17 / EACH;
    assert_in_range(writer, 0, WRITERS - 1);
    assert_int_equal(size, size_of_writers(writer, next[writer]++));
    assert_int_equal(count_pattern(block, size, size), size);
    if (turn % 2 == 0)
        assert_success(mproc_queue_release(queue, block));
}

/* There is room for a few of them at a time. */
static void many_write_at_once(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(6 * GRANULE, *state);
    mproc_process_t *processes[WRITERS];
    int next[WRITERS] = {0}, i;

    for (i = 0; i < WRITERS; i++)
        assert_success(
            mproc_process_start(&processes[i], write_each, MPROC_PACK(queue, i), NULL, *state));
    for (i = 0; i < WRITERS * EACH; i++)
        get_from_a_writer(queue, next, i);
    for (i = 0; i < WRITERS; i++)
        assert_ended(processes[i], 0);
    assert_int_equal(count_room(queue, 6 * GRANULE), 1);
}

static void start_block_holder(mproc_process_t **process, mproc_connection_t **line,
                               mproc_queue_t *queue, apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, hold_two, MPROC_PACK(queue, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
}

static void who_holds_blocks_stops_nobody(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    mproc_connection_t *line;
    mproc_process_t *process;
    size_t i;

    assert_success(put_in_place(queue, BLOCKS / 4, 0, 0));
    start_block_holder(&process, &line, queue, *state);
    for (i = 0; i < MANY; i++) {
        assert_success(put_in_place(queue, BLOCKS / 4, i, 0));
        assert_success(get_in_place(queue, BLOCKS / 4, i, 0));
    }
    assert_int_equal(count_room(queue, BLOCKS / 4), 2);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
    assert_all_room_is_free(queue);
}

static void the_blocks_of_who_is_killed_come_back(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    mproc_connection_t *line;
    mproc_process_t *process;
    apr_uint64_t number;
    mproc_lost_t lost;
    size_t count;

    assert_success(put_in_place(queue, BLOCKS / 4, 0, 0));
    assert_success(mproc_queue_last(queue, &number, NULL));
    assert_success(put_in_place(queue, BLOCKS / 4, 1, 0));
    start_block_holder(&process, &line, queue, *state);
    assert_success(mproc_process_kill(process));
    assert_success(mproc_process_join(process, PATIENCE));
    assert_success(mproc_queue_lost(queue, &lost, 1, &count));
    assert_int_equal(count, 1);
    assert_int_equal(lost.number, number);
    assert_int_equal(count_room(queue, BLOCKS / 4), 3);
    assert_success(get_in_place(queue, BLOCKS / 4, 1, 0));
    assert_all_room_is_free(queue);
}

/* What it has put before stays, though its putter has gone, and its place been taken by another. */
static void what_was_committed_outlives_its_putter(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(4 * MANY * BLOCKS, *state);
    mproc_process_t *process;
    size_t i, round;

    for (round = 0; round < 2; round++) {
        assert_success(
            mproc_process_start(&process, put_many_in_place, MPROC_PACK(queue), NULL, *state));
        assert_ended(process, 0);
    }
    assert_int_equal(count_messages(queue), 2 * (size_t)MANY);
    for (i = 0; i < 2 * MANY; i++)
        assert_success(get_in_place(queue, size_of(i % MANY), i % MANY, 0));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(blocks_and_other_messages_come_in_their_order),
        claim_leaving_nothing(blocks_of_every_size_arrive_unchanged),
        claim_leaving_nothing(a_getter_need_not_know_that_it_is_a_block),
        claim_leaving_nothing(values_in_a_block_are_values),
        claim_leaving_nothing(too_small_a_buffer_leaves_the_block_and_tells_its_size),
        claim_leaving_nothing(batches_have_blocks_in_them),
        claim_leaving_nothing(any_message_can_be_acquired),
        claim_leaving_nothing(one_that_passes_in_pieces_too),
        claim_leaving_nothing(several_are_out_at_once_and_released_in_any_order),
        claim_leaving_nothing(what_is_acquired_is_a_task_until_it_is_said_to_be_done),
        claim_leaving_nothing(what_does_not_fit_is_waited_for),
        claim_leaving_nothing(who_waits_for_room_gets_what_is_given_back),
        claim_leaving_nothing(room_in_pieces_becomes_whole_again),
        claim_leaving_nothing(a_block_that_finds_no_room_in_the_queue_stays_reserved),
        claim_leaving_nothing(blocks_count_for_maxsize),
        claim_leaving_nothing(there_may_be_more_bytes_than_pages_can_be_counted),
        claim_leaving_nothing(a_child_writes_and_its_parent_reads),
        claim_leaving_nothing(blocks_go_to_and_fro_while_they_grow),
        claim_leaving_nothing(many_write_at_once),
        claim_leaving_nothing(who_holds_blocks_stops_nobody),
        claim_leaving_nothing(the_blocks_of_who_is_killed_come_back),
        claim_leaving_nothing(what_was_committed_outlives_its_putter),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
