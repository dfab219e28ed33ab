/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Closing a queue that a thread of this process is using: it is refused wherever
 * the thread waits, or holds what others wait for.
 */

#include "queue.h"
#include "threads.h"
#include "unit.h"

#include <mproc/queue.h>

static mproc_queue_t *make_queue(apr_pool_t *mem)
{
    mproc_queue_t *queue;

    assert_success(mproc_queue_create(&queue, NULL, mem));
    return queue;
}

static void assert_in_use(mproc_queue_t *queue)
{
    assert_int_equal(mproc_queue_close(queue), MPROC_EINUSE);
    assert_said("another thread");
    assert_non_null(queue->segment);
}

static void who_holds_a_lock_is_in_the_queue(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    mproc__lock_t *locks[] = {&queue->view.ring->putting, &queue->view.ring->getting};
    int i;

    for (i = 0; i < 2; i++) {
        assert_true(mproc__lock_try(locks[i], &queue->view.member));
        assert_in_use(queue);
        mproc__lock_release(locks[i]);
    }
    assert_success(mproc_queue_close(queue));
}

static apr_status_t put(void *data)
{
    return mproc_queue_put_bytes(data, "word", 4, MPROC_FOREVER);
}

/* Another member has it, as another process would. */
static void who_waits_for_a_lock_is_in_the_queue(void **state)
{
    mproc_queue_t *queue = make_queue(*state);
    mproc__lock_t *lock = &queue->view.ring->putting;
    mproc__member_t other = queue->view.member;
    work_t putting;

    assert_success(mproc__member_join(&other, *state));
    assert_true(mproc__lock_try(lock, &other));
    assert_success(start_thread(&putting, put, queue, *state));
    while (atomic_load(&queue->view.sleepers) == 0)
        port_yield();
    assert_in_use(queue);
    mproc__lock_release(lock);
    assert_success(end_thread(&putting));
    mproc__member_leave(&other);
    assert_success(mproc_queue_close(queue));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(who_holds_a_lock_is_in_the_queue),
        claim(who_waits_for_a_lock_is_in_the_queue),
    };

    apr_initialize();
    mproc__queue_register();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
