/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Threads as participants: they share what processes share, so that what looks for
 * races between threads sees those between processes, too.
 */

#include "message.h"

#include "claims.h"
#include "queue.h"
#include "threads.h"

#include <apr_strings.h>
#include <apr_time.h>

#include <stdatomic.h>

/* Messages at scale 1, and the sizes that they take in turn: some pass in pieces. */
#define MESSAGES 3000
static const size_t sizes[] = {8, 9, 100, 64, 1000, 1016, 1017, 3000, 20, 9000};

enum { PUTTERS = 3, GETTERS = 3, SLEEPERS = 24 };

typedef struct troupe_t {
    uint32_t messages;
    _Atomic uint32_t next; /* name that is put next */
    _Atomic uint32_t damaged;
    _Atomic unsigned char *got; /* by name: how often */
} troupe_t;

typedef struct member_t {
    mproc_queue_t *queue;
    troupe_t *troupe;
    work_t work;
} member_t;

static const mproc_target_t targets[] = {MPROC_TARGETS_END};

static apr_status_t put_all(void *data)
{
    member_t *member = data;
    uint32_t name;

    while ((name = atomic_fetch_add(&member->troupe->next, 1)) <= member->troupe->messages)
        MPROC_TRY(put_message(member->queue, name, sizes[name % 10], PATIENCE));
    return APR_SUCCESS;
}

static apr_status_t get_all(void *data)
{
    member_t *member = data;
    uint32_t name;
    apr_status_t rv;

    while ((rv = get_message(member->queue, &name, PATIENCE)) == APR_SUCCESS)
        if (name == 0 || name > member->troupe->messages)
            atomic_fetch_add(&member->troupe->damaged, 1);
        else
            atomic_fetch_add(&member->troupe->got[name], 1);
    return rv == MPROC_ESHUTDOWN ? APR_SUCCESS : rv;
}

static mproc_queue_t *make_queue(size_t maxsize, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = 4096;
    options.maxsize = maxsize;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

/* The same queue as another member has it: with a place, and sleepers, of its own. */
static mproc_queue_t *attach_again(const mproc_queue_t *queue, apr_pool_t *mem)
{
    mproc_queue_t *again = apr_pmemdup(mem, queue, sizeof *queue);

    assert_success(mproc__member_join(&again->view.member, mem));
    return again;
}

static void assert_each_came_once(const troupe_t *troupe)
{
    uint32_t name;

    assert_int_equal(atomic_load(&troupe->damaged), 0);
    for (name = 1; name <= troupe->messages; name++)
        if (atomic_load(&troupe->got[name]) != 1)
            fail_msg("message %u came %d times", name, atomic_load(&troupe->got[name]));
}

static void play(mproc_queue_t *queue, int is_attached_again, apr_pool_t *mem)
{
    member_t members[PUTTERS + GETTERS];
    troupe_t troupe = {.messages = (uint32_t)(MESSAGES * test_scale()), .next = 1};
    int i;

    troupe.got = apr_pcalloc(mem, troupe.messages + 1);
    for (i = 0; i < PUTTERS + GETTERS; i++) {
        members[i].queue = is_attached_again ? attach_again(queue, mem) : queue;
        members[i].troupe = &troupe;
    }
    for (i = 0; i < PUTTERS + GETTERS; i++)
        assert_success(
            start_thread(&members[i].work, i < PUTTERS ? put_all : get_all, &members[i], mem));
    for (i = 0; i < PUTTERS; i++)
        assert_success(end_thread(&members[i].work));
    assert_success(mproc_queue_shutdown(queue, MPROC_DRAIN));
    for (; i < PUTTERS + GETTERS; i++)
        assert_success(end_thread(&members[i].work));
    for (i = 0; is_attached_again && i < PUTTERS + GETTERS; i++)
        mproc__member_leave(&members[i].queue->view.member);
    assert_each_came_once(&troupe);
}

static void threads_share_one_object(void **state)
{
    play(make_queue(0, *state), 0, *state);
}

static void threads_have_an_object_each(void **state)
{
    play(make_queue(0, *state), 1, *state);
}

static void threads_share_a_queue_for_few_messages(void **state)
{
    play(make_queue(2, *state), 0, *state);
    play(make_queue(2, *state), 1, *state);
}

/* -- A message in pieces among others that wait ------------------------------------------------ */

static _Atomic int is_over;

static int may_put(const mproc__ring_view_t *view, apr_uint64_t unused)
{
    (void)view;
    (void)unused;
    return atomic_load(&is_over);
}

#define SOON apr_time_from_msec(900)
#define TRIES 8

/* As a putter does that had to wait before the pieces began. */
static apr_status_t wait_for_room(void *data)
{
    mproc__patience_t patience = mproc__patience(PATIENCE);
    mproc_queue_t *queue = data;

    return mproc__ring_await(&queue->view, MPROC__NOT_FULL, may_put, 0, &patience);
}

static apr_status_t put_long(void *data)
{
    return put_message(data, 1, MESSAGE_MAX, PATIENCE);
}

static void start_waiting(work_t *work, work_fn *function, mproc_queue_t *queue, int number,
                          apr_pool_t *mem)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    assert_success(start_thread(work, function, queue, mem));
    while (atomic_load(&queue->view.sleepers) < number)
        assert_true(apr_time_now() < limit);
}

/* How long they take to pass. */
static apr_interval_time_t let_pieces_pass(mproc_queue_t *queue, apr_pool_t *mem)
{
    work_t works[SLEEPERS + 1];
    apr_interval_time_t time;
    apr_time_t begin;
    uint32_t name;
    int i;

    atomic_store(&is_over, 0);
    for (i = 0; i <= SLEEPERS; i++)
        start_waiting(&works[i], i < SLEEPERS ? wait_for_room : put_long, queue, i + 1, mem);
    apr_sleep(apr_time_from_msec(1400));
    begin = apr_time_now();
    assert_success(get_message(queue, &name, PATIENCE));
    time = apr_time_now() - begin;
    print_message("  the pieces passed within %ld us\n", (long)time);
    atomic_store(&is_over, 1);
    mproc__event_broadcast(&queue->view.member, MPROC__NOT_FULL);
    for (i = 0; i <= SLEEPERS; i++)
        assert_success(end_thread(&works[i]));
    return time;
}

/*
 * While a message passes, only its putter can use the room: who wakes another in its stead lets it
 * sleep out its slice, which is a second by then; so it would each time, and a busy machine would not.
 */
static void assert_pieces_are_not_held_up(mproc_queue_t *queue, apr_pool_t *mem)
{
    int tries = 0;

    while (let_pieces_pass(queue, mem) > SOON)
        assert_true(++tries < TRIES);
}

static void pieces_are_not_held_up_by_putters_that_wait_for_room(void **state)
{
    assert_pieces_are_not_held_up(make_queue(0, *state), *state);
}

static void pieces_are_not_held_up_where_messages_are_counted(void **state)
{
    assert_pieces_are_not_held_up(make_queue(1, *state), *state);
}

/* -- Tasks, while a message in pieces is got ----------------------------------------------------- */

static mproc_queue_t *make_joinable(apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = 4096;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

/* As a putter that goes no further. */
static void put_first_piece(mproc_queue_t *queue)
{
    mproc__ring_view_t *view = &queue->view;
    mproc__index_t tail = atomic_load(&view->ring->index.tail);
    apr_uint64_t total = MESSAGE_MAX;

    assert_true(mproc__lock_try(&view->ring->putting, &view->member));
    mproc__record_write(&view->bytes, tail, MPROC__FIRST, &total, sizeof total);
    atomic_store(
        &view->ring->index.tail,
        mproc__index_advance(tail, mproc__record_size(sizeof total), 0, MPROC__INDEX_OPEN));
}

static void give_up(mproc_queue_t *queue)
{
    mproc__stream_abort(&queue->view);
    mproc__ring_unlock_putting(&queue->view);
}

static void await_first_piece_got(mproc_queue_t *queue)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (!mproc__ring_is_open(&queue->view.ring->index.head))
        assert_true(apr_time_now() < limit);
}

static apr_status_t get_one(void *data)
{
    uint32_t name;

    return get_message(data, &name, PATIENCE);
}

typedef struct doing_t {
    mproc_queue_t *queue;
    atomic_int is_over;
} doing_t;

static apr_status_t do_one(void *data)
{
    doing_t *doing = data;
    apr_status_t rv = mproc_queue_task_done(doing->queue);

    atomic_store(&doing->is_over, 1);
    return rv;
}

/* It is, or the other thread sleeps too. */
static void await_done_or_waiting(doing_t *doing)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (!atomic_load(&doing->is_over) && atomic_load(&doing->queue->view.sleepers) < 2)
        assert_true(apr_time_now() < limit);
}

static void assert_tasks(mproc_queue_t *queue, size_t expected)
{
    size_t unfinished;

    assert_success(mproc_queue_tasks(queue, &unfinished, NULL));
    assert_int_equal(unfinished, expected);
}

/* Its putter may give it up: it would be done before it was put. */
static void what_another_thread_is_still_getting_is_no_task(void **state)
{
    mproc_queue_t *queue = make_joinable(*state);
    doing_t doing = {queue, 0};
    work_t getting, finishing;

    put_first_piece(queue);
    assert_success(start_thread(&getting, get_one, queue, *state));
    await_first_piece_got(queue);
    assert_success(start_thread(&finishing, do_one, &doing, *state));
    await_done_or_waiting(&doing);
    give_up(queue);
    assert_status(end_thread(&finishing), MPROC_EOVERRELEASE);
    assert_success(put_message(queue, 1, MESSAGE_MIN, PATIENCE));
    assert_success(end_thread(&getting));
    assert_tasks(queue, 1);
    assert_success(mproc_queue_task_done(queue));
    assert_success(mproc_queue_join(queue, 0));
}

/* Of those that were got one can be done meanwhile, and nobody waits. */
static void what_was_got_is_done_while_another_thread_gets(void **state)
{
    mproc_queue_t *queue = make_joinable(*state);
    work_t getting;
    uint32_t name;

    assert_success(put_message(queue, 1, MESSAGE_MIN, PATIENCE));
    assert_success(get_message(queue, &name, PATIENCE));
    put_first_piece(queue);
    assert_success(start_thread(&getting, get_one, queue, *state));
    await_first_piece_got(queue);
    assert_success(mproc_queue_task_done(queue));
    give_up(queue);
    assert_success(put_message(queue, 2, MESSAGE_MIN, PATIENCE));
    assert_success(end_thread(&getting));
    assert_tasks(queue, 1);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(threads_share_one_object),
        claim(threads_have_an_object_each),
        claim(threads_share_a_queue_for_few_messages),
        claim(pieces_are_not_held_up_by_putters_that_wait_for_room),
        claim(pieces_are_not_held_up_where_messages_are_counted),
        claim(what_another_thread_is_still_getting_is_no_task),
        claim(what_was_got_is_done_while_another_thread_gets),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
