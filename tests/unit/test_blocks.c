/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of blocks, and what is done about one that another process has damaged:
 * nothing is handed out that does not lie in the blocks' memory, and every call
 * returns.
 */

#include "queue.h"
#include "unit.h"

#include <mproc/queue.h>

#include <string.h>

#define GRANULE ((size_t)4096)
#define GRANULES 16

/* -- Words -------------------------------------------------------------------------- */

static void assert_word_keeps(int state, uint32_t run, mproc__member_id_t owner)
{
    apr_uint64_t word = mproc__block_word(state, run, owner);

    assert_int_equal(mproc__block_state(word), state);
    assert_int_equal(mproc__block_run(word), run);
    assert_true(mproc__block_owner(word) == owner);
}

static void a_word_keeps_what_a_block_is(void **state)
{
    static const mproc__member_id_t owners[] = {0x10001, 0x10000 | 4096, 0xabcdef0123,
                                                (((mproc__member_id_t)1 << 33) - 1) << 16 | 4096};
    static const uint32_t runs[] = {1, 2, 65535, 65536};
    size_t i, j;

    (void)state;
    for (i = 0; i < 4; i++)
        for (j = 0; j < 4; j++) {
            assert_word_keeps(MPROC__RESERVED, runs[i], owners[j]);
            assert_word_keeps(MPROC__QUEUED, runs[i], owners[j]);
            assert_word_keeps(MPROC__ACQUIRED, runs[i], owners[j]);
        }
    assert_int_equal(mproc__block_state(mproc__block_free_word(7)), MPROC__FREE);
    assert_int_equal(mproc__block_run(mproc__block_free_word(65536)), 65536);
}

static void there_are_never_more_granules_than_can_be_counted(void **state)
{
    static const struct {
        apr_uint64_t bytes;
        size_t granule;
    } expected[] = {
        {1, 4096},
        {4096, 4096},
        {(apr_uint64_t)1 << 28, 4096},
        {((apr_uint64_t)1 << 28) + 1, 8192},
        {((apr_uint64_t)1 << 29) - 1, 8192},
        {(apr_uint64_t)1 << 29, 8192},
        {(apr_uint64_t)1 << 40, (size_t)1 << 24},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(mproc__block_granule(expected[i].bytes), expected[i].granule);
}

/* -- A damaged table ------------------------------------------------------------------- */

static mproc_queue_t *make_queue(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = 4096;
    options.blocks = GRANULES * GRANULE;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

static _Atomic apr_uint64_t *word_of(mproc_queue_t *queue, uint32_t index)
{
    return &queue->blocks.table->blocks[index].word;
}

static void assert_nothing_is_reserved(mproc_queue_t *queue, size_t size)
{
    void *untouched = queue, *block = untouched;

    assert_int_equal(mproc_queue_reserve(queue, size, &block, 0), MPROC_ECORRUPT);
    assert_said("has damaged the queue");
    assert_true(block == untouched);
}

static void a_run_that_cannot_be_is_found(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    static const uint32_t runs[] = {0, GRANULES + 1, 65536, 131071};
    size_t i;

    for (i = 0; i < 4; i++) {
        atomic_store(word_of(queue, 0), mproc__block_free_word(runs[i]));
        assert_nothing_is_reserved(queue, 1);
        atomic_store(word_of(queue, 0),
                     mproc__block_word(MPROC__QUEUED, runs[i], queue->view.member.id));
        assert_nothing_is_reserved(queue, 1);
    }
    atomic_store(word_of(queue, 0), mproc__block_free_word(1));
    atomic_store(word_of(queue, 1), mproc__block_free_word(GRANULES));
    assert_nothing_is_reserved(queue, 2 * GRANULE);
}

/* Who is led in circles would never come back: each run ends behind its beginning. */
static void where_the_search_begins_is_not_believed(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    apr_uint64_t *rover = &queue->blocks.table->allocating.guarded[MPROC__ROVER];
    static const apr_uint64_t places[] = {GRANULES, GRANULES - 1, UINT32_MAX, UINT64_MAX};
    void *block;
    size_t i;

    for (i = 0; i < 4; i++) {
        *rover = places[i];
        if (mproc_queue_reserve(queue, 1, &block, 0) != APR_SUCCESS)
            assert_said("has damaged the queue");
        else
            assert_success(mproc_queue_cancel(queue, block));
    }
}

static void memory_that_is_said_to_be_there_is_not_beyond_the_end(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    void *block;

    atomic_store(&queue->blocks.table->grown, UINT32_MAX);
    assert_success(mproc_queue_reserve(queue, GRANULES * GRANULE, &block, 0));
    memset(block, 1, GRANULES * GRANULE);
    assert_int_equal(mproc_queue_reserve(queue, 1, &block, 0), APR_TIMEUP);
}

/* -- A ring that names what is no block ---------------------------------------------------- */

/* Put a record that names a block, which is not looked at. */
static void put_number(mproc_queue_t *queue, apr_uint64_t kind, apr_uint64_t number, size_t size)
{
    mproc__ring_view_t *view = &queue->view;
    mproc__index_t tail = atomic_load(&view->ring->index.tail);

    mproc__record_write(&view->bytes, tail, kind, &number, size);
    atomic_store(&view->ring->index.tail,
                 mproc__index_advance(tail, mproc__record_size(size), 1, 0));
}

static void assert_nothing_is_got(mproc_queue_t *queue)
{
    void *untouched = queue, *block = untouched;
    unsigned char buffer[64];
    size_t size;

    assert_int_equal(mproc_queue_acquire(queue, &block, &size, 0), MPROC_ECORRUPT);
    assert_said("has damaged the queue");
    assert_true(block == untouched);
    assert_int_equal(mproc_queue_get_bytes(queue, buffer, sizeof buffer, &size, 0), MPROC_ECORRUPT);
    atomic_store(&queue->view.ring->index.head, atomic_load(&queue->view.ring->index.tail));
}

static void a_number_beyond_all_blocks_is_found(void **state)
{
    static const apr_uint64_t numbers[] = {GRANULES, 65536, UINT32_MAX, UINT64_MAX};
    mproc_queue_t *queue = make_queue(*state);
    size_t i;

    for (i = 0; i < 4; i++) {
        put_number(queue, MPROC__BLOCK, numbers[i], 8);
        assert_nothing_is_got(queue);
    }
    put_number(queue, MPROC__BLOCK, 0, 4);
    assert_nothing_is_got(queue);
}

static void a_block_is_not_got_from_its_living_owner(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    void *block;

    put_number(queue, MPROC__BLOCK, 0, 8); /* nobody's */
    assert_nothing_is_got(queue);
    assert_success(mproc_queue_reserve(queue, 1, &block, 0));
    put_number(queue, MPROC__BLOCK, 0, 8);
    assert_nothing_is_got(queue);
    atomic_store(word_of(queue, 0), mproc__block_word(MPROC__ACQUIRED, 1, queue->view.member.id));
    put_number(queue, MPROC__BLOCK, 0, 8);
    assert_nothing_is_got(queue);
}

static void a_block_that_is_larger_than_its_run_is_found(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    mproc__block_t *entry = &queue->blocks.table->blocks[GRANULES - 1];

    atomic_store(&entry->word, mproc__block_word(MPROC__QUEUED, 1, queue->view.member.id));
    atomic_store(&entry->size, GRANULE + 1);
    put_number(queue, MPROC__BLOCK, GRANULES - 1, 8);
    assert_nothing_is_got(queue);
    atomic_store(&entry->size, UINT64_MAX);
    put_number(queue, MPROC__BLOCK, GRANULES - 1, 8);
    assert_nothing_is_got(queue);
    atomic_store(&entry->word, mproc__block_word(MPROC__QUEUED, 2, queue->view.member.id));
    put_number(queue, MPROC__BLOCK, GRANULES - 1, 8);
    assert_nothing_is_got(queue);
}

static void a_block_in_a_queue_without_any_is_found(void **state)
{
    mproc_queue_t *queue;

    assert_success(mproc_queue_create(&queue, NULL, *state));
    put_number(queue, MPROC__BLOCK, 0, 8);
    assert_nothing_is_got(queue);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_word_keeps_what_a_block_is),
        claim(there_are_never_more_granules_than_can_be_counted),
        claim(a_run_that_cannot_be_is_found),
        claim(where_the_search_begins_is_not_believed),
        claim(memory_that_is_said_to_be_there_is_not_beyond_the_end),
        claim(a_number_beyond_all_blocks_is_found),
        claim(a_block_is_not_got_from_its_living_owner),
        claim(a_block_that_is_larger_than_its_run_is_found),
        claim(a_block_in_a_queue_without_any_is_found),
    };

    apr_initialize();
    mproc__queue_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
