/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a pool and its workers read out of memory that a worker has damaged: never beyond what is
 * there, and everything comes to an end.
 */

#include "playing.h"

#include "pool/worker.h"
#include "queue.h"

#include <apr_general.h>

enum { WORKERS = 2, ITEMS = 10, ROUNDS = 3000 };

static apr_pool_t *mem;
static mproc_pool_t *workers;
static int items[ITEMS], results[ITEMS];

/* With workers that take no orders: the test takes them. */
static void begin(void)
{
    size_t i;

    for (i = 0; i < ITEMS; i++)
        items[i] = (int)i;
    memset(results, 0, sizeof results);
    mem = fake_program_begin(walk_targets);
    fake_children_act(fake_works, 0);
    assert_success(mproc_pool_create(&workers, WORKERS, NULL, mem));
    play(workers);
    play_how(PLAY_SILENT);
    fake_let_all_act();
}

static int end(void **state)
{
    end_program(state);
    play(NULL);
    return 0;
}

#define damage_claim(test) cmocka_unit_test_teardown(test, end)

static mproc_result_t *give_call(void)
{
    mproc_result_t *result;

    assert_success(mproc_pool_apply_async(&result, workers, work, MPROC_NO_ARGS, NULL, mem));
    return result;
}

static mproc_result_t *give_map(void)
{
    mproc_result_t *result;

    assert_success(mproc_pool_map_async(&result, workers, twice, items, sizeof *items, results,
                                        sizeof *results, ITEMS, NULL, mem));
    return result;
}

/* What worker 1 would say that has done this order. */
static mproc__reply_t reply_to(const mproc__order_t *order)
{
    mproc__reply_t reply = {
        .kind = MPROC__REPLY_DONE, .ticket = order->ticket, .index = order->index, .worker = 1};

    return reply;
}

static fake_child_t *child_of(unsigned number)
{
    return fake_last_child() - (WORKERS - number);
}

static void assert_doubled(void)
{
    size_t i;

    for (i = 0; i < ITEMS; i++)
        assert_int_equal(results[i], 2 * items[i]);
}

/* -- Replies that make no sense ------------------------------------------------------------ */

static void a_worker_whose_reply_is_cut_off_is_lost(void **state)
{
    mproc_result_t *result;
    mproc__order_t order;
    mproc__reply_t reply;

    (void)state;
    begin();
    result = give_call();
    order = take_order(workers, 1);
    reply = reply_to(&order);
    reply.size = 1;
    put_reply(workers, &reply, NULL, 0);
    assert_int_equal(mproc_result_get(result, A_WHILE), MPROC_EWORKERDIED);
}

/* The item is done by others: nobody has said that he had begun it. */
static void a_failure_of_an_item_that_is_not_there_is_nobodys(void **state)
{
    mproc_result_t *result;
    mproc__order_t order;
    mproc__reply_t reply;

    (void)state;
    begin();
    result = give_map();
    order = take_order(workers, 1);
    reply = reply_to(&order);
    reply.kind = MPROC__REPLY_ITEM_FAILED;
    reply.status = APR_EGENERAL;
    reply.item = ITEMS;
    put_reply(workers, &reply, NULL, 0);
    play_how(PLAY_WELL);
    assert_success(mproc_result_get(result, A_WHILE));
    assert_doubled();
}

static void a_call_has_no_items_that_fail(void **state)
{
    mproc_result_t *result;
    mproc__order_t order;
    mproc__reply_t reply;

    (void)state;
    begin();
    result = give_call();
    order = take_order(workers, 1);
    reply = reply_to(&order);
    reply.kind = MPROC__REPLY_ITEM_FAILED;
    reply.status = APR_EGENERAL;
    put_reply(workers, &reply, NULL, 0);
    assert_int_equal(mproc_result_get(result, A_WHILE), MPROC_EWORKERDIED);
}

static void results_of_another_size_are_failures(void **state)
{
    mproc_imap_options_t options = MPROC_IMAP_OPTIONS;
    mproc__order_t order;
    mproc__reply_t reply;
    mproc_imap_t *it;
    int result = 4711;

    (void)state;
    begin();
    options.chunksize = 2;
    assert_success(mproc_pool_imap(&it, workers, twice, items, sizeof *items, sizeof result, 2,
                                   &options, mem));
    order = take_order(workers, 1);
    reply = reply_to(&order);
    reply.size = sizeof result;
    put_reply(workers, &reply, &result, sizeof result);
    assert_int_equal(mproc_imap_next(it, NULL, &result, A_WHILE), MPROC_ECORRUPT);
    assert_int_equal(mproc_imap_next(it, NULL, &result, A_WHILE), MPROC_ECORRUPT);
    assert_int_equal(result, 4711);
    assert_int_equal(mproc_imap_next(it, NULL, &result, A_WHILE), APR_EOF);
}

static void fail_large(apr_uint32_t worker)
{
    mproc_result_t *result = give_call();
    mproc__order_t order = take_order(workers, 1);
    mproc__reply_t reply = reply_to(&order);

    reply.worker = worker;
    reply.is_in_memory = 1;
    reply.size = LARGE_RESULT;
    put_reply(workers, &reply, NULL, 0);
    assert_int_equal(mproc_result_get(result, A_WHILE), MPROC_ECORRUPT);
}

static void a_large_result_that_does_not_come_is_a_failure(void **state)
{
    (void)state;
    begin();
    fail_large(1);
}

static void a_large_result_of_another_worker_is_a_failure(void **state)
{
    (void)state;
    begin();
    fail_large(0);
    fail_large(2);
    fail_large(3);
    fail_large(UINT32_MAX);
}

/* -- Anything ------------------------------------------------------------------------------ */

/* The same numbers each time (https://en.wikipedia.org/wiki/Xorshift). */
static apr_uint64_t next_number(void)
{
    static apr_uint64_t number = 88172645463325252u;

    number ^= number << 13;
    number ^= number >> 7;
    number ^= number << 17;
    return number;
}

/* Near to what could be there, or not. */
static apr_uint64_t anything(void)
{
    static const apr_uint64_t values[] = {0,          1,         2,          ITEMS,
                                          ITEMS + 1,  1024,      16384,      UINT32_MAX,
                                          UINT64_MAX, INT64_MAX, 1ull << 62, 1ull << 32};

    return values[next_number() % (sizeof values / sizeof values[0])];
}

static void damage(void *struct_, size_t size, int times)
{
    for (; times > 0; times--) {
        apr_uint64_t value = anything();

        memcpy((unsigned char *)struct_ + 4 * (next_number() % (size / 4 - 1)), &value,
               next_number() % 2 ? 4 : 8);
    }
}

static void damage_reply(void)
{
    mproc_result_t *result = next_number() % 2 ? give_call() : give_map();
    mproc__order_t order = take_order(workers, 1);
    mproc__reply_t reply = reply_to(&order);
    apr_status_t rv;

    reply.kind = (apr_uint32_t)(next_number() % 6);
    if (reply.kind == MPROC__REPLY_BROKEN)
        reply.kind = MPROC__REPLY_DONE;
    damage(&reply, sizeof reply, (int)(next_number() % 3));
    put_reply(workers, &reply, &order, (size_t)(next_number() % 64));
    /* It may be that nothing was damaged that matters, or that it is still taken for under way. */
    rv = mproc_result_get(result, apr_time_from_sec(1));
    if (rv == APR_TIMEUP)
        assert_success(mproc_result_cancel(result));
    mproc_result_close(result);
}

/* A pool lasts for some of them: a test has few children. */
static void whatever_workers_reply_comes_to_an_end(void **state)
{
    int i, j;

    (void)state;
    for (i = 0; i < ROUNDS / 5; i++) {
        begin();
        for (j = 0; j < 5 && mproc_pool_resize(workers, WORKERS) == APR_SUCCESS; j++)
            damage_reply();
        assert_success(mproc_pool_terminate(workers));
        end(state);
    }
}

/* -- What is left of a worker ---------------------------------------------------------------- */

static void die_with(apr_uint64_t chunk, apr_uint64_t item)
{
    mproc__slot_t *slot = &workers->engine->board->slots[0];
    mproc_result_t *result = give_map();
    apr_status_t rv;

    take_order(workers, 1);
    atomic_store(&slot->chunk, chunk);
    atomic_store(&slot->item, item);
    fake_child_end(child_of(1), PORT_SIGNALED, 11);
    play_how(PLAY_WELL);
    rv = mproc_result_get(result, A_WHILE);
    assert_true(rv == APR_SUCCESS || rv == MPROC_EWORKERDIED);
    if (rv == APR_SUCCESS)
        assert_doubled();
}

static void whatever_a_dead_worker_was_at_the_others_end(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < ROUNDS / 10; i++) {
        begin();
        die_with(anything(), anything());
        end(state);
    }
}

static void a_call_whose_ticket_was_written_over_is_done_by_another(void **state)
{
    mproc_result_t *result;
    mproc__order_t order;

    (void)state;
    begin();
    result = give_call();
    order = take_order(workers, 1);
    atomic_store(&workers->engine->board->tickets[order.index], UINT64_MAX / 3);
    fake_child_end(child_of(1), PORT_SIGNALED, 11);
    play_how(PLAY_WELL);
    assert_success(mproc_result_get(result, A_WHILE));
}

/* -- The queues themselves ------------------------------------------------------------------- */

static void write_over(mproc_queue_t *queue)
{
    memset(queue->view.bytes.data, 0xff, 64);
    atomic_store(&queue->view.ring->index.head, UINT64_MAX / 3);
}

static void a_pool_breaks_whose_replies_cannot_be_read(void **state)
{
    mproc_result_t *result;

    (void)state;
    begin();
    result = give_call();
    write_over(workers->engine->replies);
    assert_success(mproc_pool_close(workers));
    assert_int_equal(mproc_result_get(result, A_WHILE), MPROC_ECORRUPT);
    assert_int_equal(mproc_pool_join(workers, A_WHILE), MPROC_ECORRUPT);
}

static void a_pool_breaks_whose_orders_cannot_be_read(void **state)
{
    mproc_result_t *result;

    (void)state;
    begin();
    write_over(workers->engine->orders);
    result = give_call();
    play_how(PLAY_WELL); /* and come to an end */
    assert_int_equal(mproc_result_get(result, A_WHILE), MPROC_ECORRUPT);
    assert_int_equal(mproc_pool_join(workers, A_WHILE), MPROC_ECORRUPT);
}

/* -- Orders ---------------------------------------------------------------------------------- */

enum { MAPPED = 4096 };

typedef struct bench_t {
    mproc__worker_t worker;
    mproc__mapped_t mapped;
    _Alignas(mproc__order_t) unsigned char incoming[sizeof(mproc__order_t) + 256];
    mproc_connection_t *there;
} bench_t;

/* On a page, as shared memory is; a leak checker or sanitizer knows where it ends. */
static unsigned char *aligned_memory(void)
{
    static _Alignas(4096) unsigned char memory[MAPPED];

    return memory;
}

/* A worker that has one piece of memory, and to which nobody will speak any more. */
static void set_up_bench(bench_t *bench, mproc__board_t *board)
{
    mproc__worker_t *worker = &bench->worker;

    memset(bench, 0, sizeof *bench);
    worker->mem = mem;
    worker->number = 1;
    worker->board = board;
    worker->slot = &board->slots[0];
    assert_success(mproc_queue_create(&worker->replies, NULL, mem));
    assert_success(mproc_pipe(&worker->line, &bench->there, MPROC_DUPLEX, mem));
    mproc_connection_close(bench->there);
    assert_success(apr_pool_create(&worker->task_mem, mem));
    bench->mapped = (mproc__mapped_t){.number = 1, .size = MAPPED};
    bench->mapped.data = aligned_memory();
    worker->mapped = &bench->mapped;
    worker->target = &walk_targets[1];
    worker->order = (mproc__order_t *)(void *)bench->incoming;
}

static mproc__order_t any_order(void)
{
    mproc__area_t within = {1, 1024};
    mproc__order_t order = {.kind = (apr_uint32_t)(next_number() % 7),
                            .item_size = sizeof(int),
                            .result_size = sizeof(int),
                            .end = ITEMS,
                            .size = ITEMS * sizeof(int),
                            .chunksize = 3,
                            .chunks = {1, 0},
                            .items = within,
                            .results = {1, 2048}};

    damage(&order, sizeof order, (int)(next_number() % 3));
    return order;
}

static void obey(mproc__worker_t *worker)
{
    int is_enough = 0;

    if (worker->order->kind == MPROC__ITEMS)
        mproc__worker_do_items(worker);
    else if (worker->order->kind == MPROC__RANGE)
        mproc__worker_do_range(worker);
    else if (worker->order->kind == MPROC__CHUNKS)
        mproc__worker_do_chunks(worker, &is_enough);
}

/*
 * Those of strange sizes are for strange items, which twice() would not know, or for more memory
 * than there is time to fill; and chunks that are
 * written over by results need have no end.
 */
static int can_be_obeyed(const mproc__order_t *order)
{
    return order->item_size >= sizeof(int) && order->result_size >= sizeof(int) &&
           order->result_size <= MAPPED &&
           (order->kind != MPROC__CHUNKS ||
            order->results.offset >= sizeof(mproc__chunks_t) + ITEMS);
}

static void whatever_the_order_a_worker_stays_within_its_memory(void **state)
{
    mproc__board_t *board;
    int i, obeyed = 0;
    bench_t bench;

    (void)state;
    mem = fake_program_begin(walk_targets);
    board = apr_pcalloc(mem, sizeof *board + sizeof(mproc__slot_t) + 128);
    board = (mproc__board_t *)(void *)(((uintptr_t)board + 127) & ~(uintptr_t)127);
    set_up_bench(&bench, board);
    for (i = 0; i < ROUNDS; i++) {
        size_t size = sizeof(mproc__order_t) + ITEMS * sizeof(int);
        char reply[MAPPED];

        *bench.worker.order = any_order();
        memset(bench.mapped.data, 0, MAPPED);
        if (!mproc__order_is_sound(bench.worker.order, size) || !can_be_obeyed(bench.worker.order))
            continue;
        obey(&bench.worker);
        obeyed += mproc_queue_get_bytes(bench.worker.replies, reply, sizeof reply, &size, 0) ==
                  APR_SUCCESS;
    }
    assert_true(obeyed > ROUNDS / 20);
    mproc__buffer_free(&bench.worker.returned);
    mproc__buffer_free(&bench.worker.outgoing);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        damage_claim(a_worker_whose_reply_is_cut_off_is_lost),
        damage_claim(a_failure_of_an_item_that_is_not_there_is_nobodys),
        damage_claim(a_call_has_no_items_that_fail),
        damage_claim(results_of_another_size_are_failures),
        damage_claim(a_large_result_that_does_not_come_is_a_failure),
        damage_claim(a_large_result_of_another_worker_is_a_failure),
        damage_claim(whatever_workers_reply_comes_to_an_end),
        damage_claim(whatever_a_dead_worker_was_at_the_others_end),
        damage_claim(a_call_whose_ticket_was_written_over_is_done_by_another),
        damage_claim(a_pool_breaks_whose_replies_cannot_be_read),
        damage_claim(a_pool_breaks_whose_orders_cannot_be_read),
        damage_claim(whatever_the_order_a_worker_stays_within_its_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
