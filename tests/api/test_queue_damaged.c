/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A process that writes anything anywhere into the memory of a queue, while
 * another uses it: every call of that one returns, with a status that says so or as if
 * nothing were wrong.
 *
 * Only the words of the locks are left alone: one that names a living process makes
 * everybody wait for it.
 */

#include "claims.h"
#include "queue.h"
#include "queues.h"
#include "tasks.h"
#include "workers.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS(scale) (size_t)(270 + 30 * (scale))
#define MESSAGE_MAX (2 * SMALL_RING)
#define BLOCKS ((size_t)65536)

/* Those of whose tasks something is damaged. */
#define FIRST_PLACES 4

/* -- What the child does -------------------------------------------------------- */

/* The same numbers each time (https://en.wikipedia.org/wiki/Xorshift). */
static apr_uint64_t next_number(apr_uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Numbers that lie near to what could be there, and others. */
static apr_uint64_t any_value(apr_uint64_t *state)
{
    apr_uint64_t number = next_number(state);

    switch (number % 4) {
    case 0: return number >> 8;
    case 1: return (number >> 8) % 8 << 32 | (number >> 16) % SMALL_RING;
    case 2: return (number >> 8) % 4096;
    default: return UINT64_MAX;
    }
}

/* The locks, and the state, as nothing is to be found out about a queue that is shut down. */
static int is_left_alone(const mproc__ring_t *ring, const volatile apr_uint64_t *word)
{
    const volatile void *place = word;

    return place == &ring->putting.owner || place == &ring->getting.owner || place == &ring->state;
}

static int is_allocating(const mproc__ring_view_t *view, const volatile apr_uint64_t *word)
{
    const volatile void *place = word;

    return place == &view->blocks->table->allocating.owner;
}

/* Any word of the ring, of the members, of the messages, of the tasks or of the blocks; or the next message's header. */
static volatile apr_uint64_t *any_word(const mproc__ring_view_t *view, apr_uint64_t number)
{
    apr_uint64_t at =
        mproc__index_position(atomic_load(&view->ring->index.head)) % view->bytes.capacity;
    volatile apr_uint64_t *parts[] = {(void *)view->ring,          (void *)view->member.members,
                                      (void *)view->bytes.data,    (void *)view->tasks,
                                      (void *)view->blocks->table, (void *)(view->bytes.data + at)};
    const size_t sizes[] = {sizeof *view->ring,
                            mproc__members_size(view->member.nplaces),
                            view->bytes.capacity,
                            mproc__tasks_size(FIRST_PLACES),
                            mproc__block_table_size(BLOCKS),
                            8};
    size_t part = (size_t)(number % 6);

    return parts[part] + (number >> 8) % (sizes[part] / 8);
}

static void damage_something(const mproc__ring_view_t *view, apr_uint64_t *state)
{
    volatile apr_uint64_t *word = any_word(view, next_number(state));

    if (!is_left_alone(view->ring, word) && !is_allocating(view, word))
        *word = any_value(state);
    if (next_number(state) % 16 == 0) /* sound again for a while */
        atomic_store(&view->ring->index.head, atomic_load(&view->ring->index.tail));
}

/* Says "born", and goes on until it is told to leave. */
static apr_status_t damage(mproc_task_t *task)
{
    apr_uint64_t state = 88172645463325252u;
    mproc_connection_t *line;
    mproc_queue_t *queue;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    while (APR_STATUS_IS_TIMEUP(mproc_connection_poll(line, 0)))
        for (i = 0; i < 100; i++)
            damage_something(&queue->view, &state);
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {MPROC_TARGET(damage), MPROC_TARGETS_OF(worker_targets),
                                         MPROC_TARGETS_END};

/* -- The tests --------------------------------------------------------------------- */

static void assert_may_be(apr_status_t rv)
{
    if (APR_STATUS_IS_TIMEUP(rv) || APR_STATUS_IS_ENOSPC(rv) || APR_STATUS_IS_ENOMEM(rv) ||
        rv == MPROC_EMSGSIZE || rv == MPROC_ESHUTDOWN || rv == MPROC_ECORRUPT ||
        rv == MPROC_EWORKERDIED || rv == MPROC_EOVERRELEASE)
        return;
    assert_success(rv);
}

/* Whose a block is may be damaged too. */
static void assert_may_be_of_a_block(apr_status_t rv)
{
    if (rv != APR_EINVAL)
        assert_may_be(rv);
}

static void use_all_of(void *block, size_t size)
{
    assert_true(size <= BLOCKS);
    memset(block, 1, size);
}

static void call_everything_of_blocks(mproc_queue_t *queue, size_t round)
{
    size_t size = round * 7919 % BLOCKS;
    apr_status_t rv;
    void *block;

    rv = mproc_queue_reserve(queue, size, &block, 0);
    assert_may_be(rv);
    if (rv == APR_SUCCESS) {
        use_all_of(block, size);
        rv = mproc_queue_commit(queue, block, 0);
        assert_may_be_of_a_block(rv);
        if (rv != APR_SUCCESS)
            assert_may_be_of_a_block(mproc_queue_cancel(queue, block));
    }
    rv = mproc_queue_acquire(queue, &block, &size, 0);
    assert_may_be(rv);
    if (rv == APR_SUCCESS) {
        use_all_of(block, size);
        assert_may_be_of_a_block(mproc_queue_release(queue, block));
    }
}

static void call_everything(mproc_queue_t *queue, unsigned char *bytes, size_t round)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(queue)};
    mproc_bytes_t messages[8] = {{bytes, 3}, {bytes, 500}, {bytes, 2000}};
    apr_uint64_t last;
    size_t count = 0, size = 0, i;
    apr_status_t rv;

    assert_may_be(mproc_queue_put_bytes(queue, bytes, round * 7919 % MESSAGE_MAX, 0));
    assert_may_be(mproc_queue_put_many(queue, messages, 3, &count, 0));
    assert_true(count <= 3);
    rv = mproc_queue_get_bytes(queue, bytes, MESSAGE_MAX, &size, 0);
    assert_may_be(rv);
    assert_true(rv != APR_SUCCESS || size <= MESSAGE_MAX);
    rv = mproc_queue_get_many(queue, bytes, MESSAGE_MAX, messages, 8, &count, 0);
    assert_may_be(rv);
    assert_true(rv != APR_SUCCESS || (count > 0 && count <= 8));
    for (i = 0; rv == APR_SUCCESS && i < count; i++)
        assert_true(messages[i].size <= MESSAGE_MAX);
    assert_may_be(mproc_queue_qsize(queue, &size));
    mproc_queue_full(queue);
    mproc_queue_empty(queue);
    assert_may_be(mproc_queue_last(queue, &last, &last));
    assert_may_be(mproc_queue_lost(queue, NULL, 0, &count));
    assert_may_be(mproc_queue_task_done(queue));
    assert_may_be(mproc_queue_tasks(queue, &size, &count));
    assert_may_be(mproc_queue_join(queue, 0));
    assert_may_be(mproc_wait(what, 1, 0));
    call_everything_of_blocks(queue, round);
}

static mproc_queue_t *make_queue_of_all(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = SMALL_RING;
    options.blocks = BLOCKS;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

/* It does not show that damage is found, but that nothing else comes of it; see test_ring.c and test_blocks.c. */
static void every_call_returns_while_the_memory_is_damaged(void **state)
{
    mproc_queue_t *queue = make_queue_of_all(*state);
    unsigned char *bytes = calloc(1, MESSAGE_MAX);
    mproc_connection_t *line, *there;
    mproc_process_t *process;
    size_t round;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(mproc_process_start(&process, damage, MPROC_PACK(queue, there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(line, *state), "born");
    for (round = 0; round < ROUNDS(test_scale()); round++)
        call_everything(queue, bytes, round);
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
    for (round = 0; round < 100; round++)
        call_everything(queue, bytes, round);
    assert_success(mproc_queue_shutdown(queue, MPROC_AT_ONCE));
    assert_status(mproc_queue_get_bytes(queue, bytes, MESSAGE_MAX, &round, MPROC_FOREVER),
                  MPROC_ESHUTDOWN);
    free(bytes);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(every_call_returns_while_the_memory_is_damaged),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
