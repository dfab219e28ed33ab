/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is refused of blocks, and what becomes of them when a queue is shut down or
 * closed: each by a status and a sentence, and with nothing changed.
 */

#include "claims.h"
#include "queues.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <string.h>

#define BLOCKS ((size_t)65536)

static mproc_queue_t *make_queue_with_blocks(size_t blocks, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = SMALL_RING;
    options.blocks = blocks;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

static void *reserve(mproc_queue_t *queue, size_t size)
{
    void *block;

    assert_success(mproc_queue_reserve(queue, size, &block, 0));
    return block;
}

static void put_block(mproc_queue_t *queue)
{
    void *block = reserve(queue, 4);

    memcpy(block, "word", 4);
    assert_success(mproc_queue_commit(queue, block, 0));
}

static void *acquire(mproc_queue_t *queue)
{
    void *block;
    size_t size;

    assert_success(mproc_queue_acquire(queue, &block, &size, 0));
    return block;
}

static void assert_all_room_is_free(mproc_queue_t *queue)
{
    assert_success(mproc_queue_cancel(queue, reserve(queue, BLOCKS)));
}

/* -- What the children do -------------------------------------------------------------- */

/* Tries what only the parent may do with its blocks, which lie at the same place behind the first. */
static apr_status_t meddle(mproc_task_t *task)
{
    apr_int64_t reserved, acquired;
    mproc_queue_t *queue;
    char *mine;
    void *block;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &reserved, &acquired));
    MPROC_TRY(mproc_queue_reserve(queue, 1, &block, 0));
    mine = block;
    if (mproc_queue_commit(queue, mine - reserved, 0) != APR_EINVAL ||
        mproc_queue_cancel(queue, mine - reserved) != APR_EINVAL ||
        mproc_queue_release(queue, mine - acquired) != APR_EINVAL ||
        mproc_queue_release(queue, mine) != APR_EINVAL)
        return APR_EGENERAL;
    return mproc_queue_cancel(queue, mine);
}

/* The parent's own queue, by fork, is not the child's. */
static mproc_queue_t *inherited;

static apr_status_t use_the_parents(mproc_task_t *task)
{
    void *block = task;
    size_t size;

    if (inherited == NULL) /* another start method: there is nothing to inherit */
        return APR_SUCCESS;
    return mproc_queue_reserve(inherited, 1, &block, 0) == MPROC_EFOREIGN &&
                   mproc_queue_commit(inherited, block, 0) == MPROC_EFOREIGN &&
                   mproc_queue_cancel(inherited, block) == MPROC_EFOREIGN &&
                   mproc_queue_acquire(inherited, &block, &size, 0) == MPROC_EFOREIGN &&
                   mproc_queue_release(inherited, block) == MPROC_EFOREIGN
               ? APR_SUCCESS
               : APR_EGENERAL;
}

/* Ends with blocks out, having closed nothing. */
static apr_status_t leave_with_blocks(mproc_task_t *task)
{
    mproc_queue_t *queue;
    void *block;
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(mproc_queue_reserve(queue, BLOCKS / 2, &block, 0));
    return mproc_queue_acquire(queue, &block, &size, 0);
}

static const mproc_target_t targets[] = {MPROC_TARGET(meddle), MPROC_TARGET(use_the_parents),
                                         MPROC_TARGET(leave_with_blocks),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Sizes ------------------------------------------------------------------------------ */

static void a_queue_without_blocks_reserves_none(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(0, *state);
    void *untouched = *state, *block = untouched;

    assert_refused(mproc_queue_reserve(queue, 1, &block, 0), APR_EINVAL,
                   "no blocks; its option `blocks`");
    assert_true(block == untouched);
    assert_refused(mproc_queue_commit(queue, block, 0), APR_EINVAL, "is no block of this queue");
    assert_refused(mproc_queue_cancel(queue, block), APR_EINVAL, "is no block of this queue");
    assert_refused(mproc_queue_release(queue, block), APR_EINVAL, "is no block of this queue");
}

static void a_block_beyond_the_bound_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *untouched = *state, *block = untouched;

    assert_refused(mproc_queue_reserve(queue, BLOCKS + 1, &block, MPROC_FOREVER), MPROC_ETOOLARGE,
                   "a block of 65537 bytes; the queue's option `blocks` allows 65536");
    assert_refused(mproc_queue_reserve(queue, SIZE_MAX, &block, MPROC_FOREVER), APR_EINVAL,
                   "a negative number?");
    assert_true(block == untouched);
    assert_all_room_is_free(queue);
}

static void a_block_beyond_the_largest_message_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;
    void *block;

    options.blocks = BLOCKS;
    options.max_message_size = 100;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_refused(mproc_queue_reserve(queue, 101, &block, 0), MPROC_ETOOLARGE, "allows 100");
    assert_success(mproc_queue_cancel(queue, reserve(queue, 100)));
}

static void a_bound_beyond_all_memory_is_refused(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue = NULL;

    options.blocks = ((size_t)1 << 40) + 1;
    assert_refused(mproc_queue_create(&queue, &options, *state), APR_EINVAL,
                   "1099511627777 bytes of blocks are too many; 1099511627776 are the most");
    options.blocks = (size_t)1 << 40;
    assert_refused(mproc_queue_create(&queue, &options, *state), APR_ENOMEM,
                   "1099511627776 of blocks is more memory than there is");
    options.blocks = machine_memory();
    assert_refused(mproc_queue_create(&queue, &options, *state), APR_ENOMEM,
                   "of blocks is more memory than there is");
    assert_null(queue);
}

static void null_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block = NULL;
    size_t size;

    assert_refused(mproc_queue_reserve(queue, 1, NULL, 0), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_commit(queue, NULL, 0), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_cancel(queue, NULL), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_acquire(queue, NULL, &size, 0), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_acquire(queue, &block, NULL, 0), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_release(queue, NULL), APR_EINVAL, "is NULL");
    assert_refused(mproc_queue_reserve(NULL, 1, &block, 0), APR_EINVAL, "the queue is NULL");
    assert_refused(mproc_queue_release(NULL, &size), APR_EINVAL, "the queue is NULL");
}

/* -- Blocks that are not what the caller believes ----------------------------------------- */

static void what_is_no_block_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    char *block = reserve(queue, 5000);
    char *places[] = {(char *)&queue, block + 1, block + 64, block - 4096, block + BLOCKS};
    size_t i;

    for (i = 0; i < sizeof places / sizeof places[0]; i++) {
        assert_refused(mproc_queue_commit(queue, places[i], 0), APR_EINVAL,
                       "is no block of this queue");
        assert_refused(mproc_queue_cancel(queue, places[i]), APR_EINVAL,
                       "is no block of this queue");
        assert_refused(mproc_queue_release(queue, places[i]), APR_EINVAL,
                       "is no block of this queue");
    }
    assert_refused(mproc_queue_cancel(queue, block + 4096), APR_EINVAL, "has not reserved");
    assert_success(mproc_queue_cancel(queue, block));
    assert_all_room_is_free(queue);
}

static void one_of_another_queue_is_none_of_this(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    mproc_queue_t *other = make_queue_with_blocks(BLOCKS, *state);
    void *block = reserve(other, 1);

    assert_refused(mproc_queue_commit(queue, block, 0), APR_EINVAL, "is no block of this queue");
    assert_success(mproc_queue_commit(other, block, 0));
}

static void each_block_is_given_back_once(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block = reserve(queue, 1);

    assert_success(mproc_queue_cancel(queue, block));
    assert_refused(mproc_queue_cancel(queue, block), APR_EINVAL,
                   "this process has not reserved the block at");
    assert_refused(mproc_queue_commit(queue, block, 0), APR_EINVAL, "or no longer");
    put_block(queue);
    block = acquire(queue);
    assert_success(mproc_queue_release(queue, block));
    assert_refused(mproc_queue_release(queue, block), APR_EINVAL, "has not acquired");
    assert_success(put_word(queue, "no block"));
    block = acquire(queue);
    assert_success(mproc_queue_release(queue, block));
    assert_refused(mproc_queue_release(queue, block), APR_EINVAL, "is no block of this queue");
    assert_all_room_is_free(queue);
}

static void a_block_in_the_queue_is_nobodys(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block = reserve(queue, 1);

    assert_success(mproc_queue_commit(queue, block, 0));
    assert_refused(mproc_queue_commit(queue, block, 0), APR_EINVAL, "has not reserved");
    assert_refused(mproc_queue_cancel(queue, block), APR_EINVAL, "has not reserved");
    assert_refused(mproc_queue_release(queue, block), APR_EINVAL, "has not acquired");
    assert_int_equal(count_messages(queue), 1);
    assert_true(acquire(queue) == block);
    assert_refused(mproc_queue_cancel(queue, block), APR_EINVAL, "has not reserved");
    assert_success(mproc_queue_release(queue, block));
    block = reserve(queue, 1);
    assert_refused(mproc_queue_release(queue, block), APR_EINVAL, "has not acquired");
    assert_success(mproc_queue_cancel(queue, block));
}

static void anothers_blocks_are_left_alone(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    char *reserved, *acquired, *next;
    mproc_process_t *process;

    put_block(queue);
    acquired = acquire(queue);
    reserved = reserve(queue, 1);
    next = reserve(queue, 1);
    assert_success(mproc_queue_cancel(queue, next));
    assert_success(mproc_process_start(
        &process, meddle,
        MPROC_PACK(queue, (apr_int64_t)(next - reserved), (apr_int64_t)(next - acquired)), NULL,
        *state));
    assert_ended(process, 0);
    assert_success(mproc_queue_cancel(queue, reserved));
    assert_success(mproc_queue_release(queue, acquired));
    assert_all_room_is_free(queue);
}

static void a_forked_child_has_none_of_its_parents(void **state)
{
    mproc_process_t *process;

    inherited = make_queue_with_blocks(BLOCKS, *state);
    put_block(inherited);
    assert_success(mproc_process_start(&process, use_the_parents, MPROC_NO_ARGS, NULL, *state));
    assert_ended(process, 0);
    assert_success(mproc_queue_release(inherited, acquire(inherited)));
    inherited = NULL;
}

/* -- Shutting down ------------------------------------------------------------------------ */

static void nothing_is_reserved_or_committed_after_shutting_down(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *one = reserve(queue, 1), *two = reserve(queue, 1), *other;
    size_t size;

    put_block(queue);
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_refused(mproc_queue_reserve(queue, 1, &other, MPROC_FOREVER), MPROC_ESHUTDOWN,
                   "was shut down");
    assert_refused(mproc_queue_commit(queue, one, MPROC_FOREVER), MPROC_ESHUTDOWN, "was shut down");
    assert_success(mproc_queue_cancel(queue, one));
    assert_success(mproc_queue_release(queue, acquire(queue)));
    assert_status(mproc_queue_acquire(queue, &other, &size, MPROC_FOREVER), MPROC_ESHUTDOWN);
    assert_success(mproc_queue_cancel(queue, two));
    assert_success(mproc_queue_close(queue));
}

static void what_is_out_is_usable_after_shutting_down_at_once(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    char *block;

    put_block(queue);
    put_block(queue);
    block = acquire(queue);
    assert_success(mproc_queue_shutdown(queue, MPROC_AT_ONCE));
    assert_memory_equal(block, "word", 4);
    assert_int_equal(count_messages(queue), 0);
    assert_success(mproc_queue_release(queue, block));
    assert_success(mproc_queue_close(queue));
}

static apr_status_t reserve_one_more(void *data)
{
    void *block;

    return mproc_queue_reserve(data, 1, &block, MPROC_FOREVER);
}

static void who_waits_for_room_is_woken_by_shutting_down(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block = reserve(queue, BLOCKS);
    work_t reserving;

    assert_success(start_thread(&reserving, reserve_one_more, queue, *state));
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    assert_status(end_thread(&reserving), MPROC_ESHUTDOWN);
    assert_success(mproc_queue_cancel(queue, block));
}

/* -- Closing -------------------------------------------------------------------------------- */

static void a_queue_is_not_closed_while_blocks_are_out(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *reserved = reserve(queue, 1), *acquired, *copied;

    put_block(queue);
    assert_success(put_word(queue, "no block"));
    acquired = acquire(queue);
    copied = acquire(queue);
    put_block(queue);
    assert_refused(mproc_queue_close(queue), MPROC_EINUSE, "to give 3 of the queue's blocks back");
    assert_success(mproc_queue_cancel(queue, reserved));
    assert_success(mproc_queue_release(queue, acquired));
    assert_refused(mproc_queue_close(queue), MPROC_EINUSE, "to give 1 of the queue's blocks back");
    assert_success(mproc_queue_release(queue, copied));
    assert_success(mproc_queue_close(queue));
}

static void a_closed_queue_has_no_blocks(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    void *block = reserve(queue, 1);
    size_t size;

    assert_success(mproc_queue_cancel(queue, block));
    assert_success(mproc_queue_close(queue));
    assert_refused(mproc_queue_reserve(queue, 1, &block, 0), MPROC_ECLOSED, "is closed");
    assert_refused(mproc_queue_commit(queue, block, 0), MPROC_ECLOSED, "is closed");
    assert_refused(mproc_queue_cancel(queue, block), MPROC_ECLOSED, "is closed");
    assert_refused(mproc_queue_acquire(queue, &block, &size, 0), MPROC_ECLOSED, "is closed");
    assert_refused(mproc_queue_release(queue, block), MPROC_ECLOSED, "is closed");
}

static void the_blocks_of_who_ends_come_back(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);
    mproc_process_t *process;
    size_t count;

    put_block(queue);
    assert_success(
        mproc_process_start(&process, leave_with_blocks, MPROC_PACK(queue), NULL, *state));
    assert_ended(process, 0);
    assert_success(mproc_queue_lost(queue, NULL, 0, &count));
    assert_int_equal(count, 0);
    assert_all_room_is_free(queue);
}

/* With its memory a queue is gone, whatever is out; and nothing else is left (see the claim). */
static void memory_with_blocks_out_can_be_destroyed(void **state)
{
    mproc_queue_t *queue = make_queue_with_blocks(BLOCKS, *state);

    reserve(queue, 1);
    put_block(queue);
    acquire(queue);
    assert_success(put_word(queue, "no block"));
    acquire(queue);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_queue_without_blocks_reserves_none),
        claim_leaving_nothing(a_block_beyond_the_bound_is_refused),
        claim_leaving_nothing(a_block_beyond_the_largest_message_is_refused),
        claim_leaving_nothing(a_bound_beyond_all_memory_is_refused),
        claim_leaving_nothing(null_is_refused),
        claim_leaving_nothing(what_is_no_block_is_refused),
        claim_leaving_nothing(one_of_another_queue_is_none_of_this),
        claim_leaving_nothing(each_block_is_given_back_once),
        claim_leaving_nothing(a_block_in_the_queue_is_nobodys),
        claim_leaving_nothing(anothers_blocks_are_left_alone),
        claim_leaving_nothing(a_forked_child_has_none_of_its_parents),
        claim_leaving_nothing(nothing_is_reserved_or_committed_after_shutting_down),
        claim_leaving_nothing(what_is_out_is_usable_after_shutting_down_at_once),
        claim_leaving_nothing(who_waits_for_room_is_woken_by_shutting_down),
        claim_leaving_nothing(a_queue_is_not_closed_while_blocks_are_out),
        claim_leaving_nothing(a_closed_queue_has_no_blocks),
        claim_leaving_nothing(the_blocks_of_who_ends_come_back),
        claim_leaving_nothing(memory_with_blocks_out_can_be_destroyed),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
