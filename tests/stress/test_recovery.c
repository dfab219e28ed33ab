/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What others see after a death, and when.
 */

#include "ends.h"
#include "queue.h"
#include "stage.h"

#include <apr_time.h>

#include <string.h>

/* What systems and their load add to a moment. */
#define LOAD apr_time_from_sec(10)

/* -- Targets -------------------------------------------------------------------------- */

static uint32_t now(void)
{
    return (uint32_t)(apr_time_now() & 0x7fffffff);
}

/*
 * When the getter sleeps for long, something is put, and told to nobody: it must look by itself.  The
 * message is named by its time.
 */
static apr_status_t put_and_die(mproc_task_t *task)
{
    unsigned char bytes[SHORT];
    mproc__ring_view_t *view;
    mproc_queue_t *queue;
    mproc__index_t tail;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    view = &queue->view;
    apr_sleep(apr_time_from_msec(1500)); /* until the other sleeps for its longest slice */
    while (!mproc__event_has_sleepers(&view->member, MPROC__NOT_EMPTY))
        port_yield();
    if (!mproc__lock_try(&view->ring->putting, &view->member))
        return APR_EGENERAL;
    write_message(bytes, now(), sizeof bytes);
    tail = atomic_load(&view->ring->index.tail);
    mproc__record_write(&view->bytes, tail, MPROC__WHOLE, bytes, sizeof bytes);
    atomic_store(&view->ring->index.tail,
                 mproc__index_advance(tail, mproc__record_size(sizeof bytes), 1, 0));
    end_this_process();
    return APR_EGENERAL;
}

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(stage_targets), MPROC_TARGET(put_and_die),
                                         MPROC_TARGETS_END};

static void set_stage_of(stage_t *stage, const char *name, apr_pool_t *mem)
{
    size_t i = 0;

    while (strcmp(scenes[i].name, name) != 0)
        assert_true(++i < nscenes);
    set_stage(stage, &scenes[i], mem);
}

/* -- What was lost ---------------------------------------------------------------------- */

static void assert_victim_had_the_first(const stage_t *stage)
{
    mproc_lost_t lost[2];
    size_t count;

    assert_success(mproc_queue_lost(stage->queue, lost, 2, &count));
    assert_int_equal(count, 1);
    assert_int_equal(lost[0].number, 1);
    assert_int_equal(lost[0].pid, mproc_process_pid(stage->victim));
}

/* Not while its putter may yet give it up; but when another getter has thrown the rest away. */
static void a_message_that_was_half_got_is_named(void **state)
{
    stage_t stage;
    size_t size, count;

    set_stage_of(&stage, "get when a getter has died in pieces", *state);
    assert_success(mproc_queue_lost(stage.queue, NULL, 0, &count));
    assert_int_equal(count, 0);
    assert_status(mproc_queue_get_bytes(stage.queue, NULL, 0, &size, A_MOMENT), APR_TIMEUP);
    assert_success(end_thread(&stage.early));
    assert_victim_had_the_first(&stage);
}

/* Its number goes to the next one, which is not lost. */
static void a_message_that_was_half_put_is_not_named(void **state)
{
    mproc_lost_t lost[2];
    stage_t stage;
    size_t count;

    set_stage_of(&stage, "get when both have died in pieces", *state);
    assert_success(mproc_queue_lost(stage.queue, lost, 2, &count));
    assert_int_equal(count, 0);
    assert_success(put_next(&stage, SHORT));
    assert_success(get_next(&stage, PATIENCE));
    assert_success(mproc_queue_lost(stage.queue, lost, 2, &count));
    assert_int_equal(count, 0);
}

static void what_is_thrown_away_is_not_named(void **state)
{
    mproc_lost_t lost[2];
    stage_t stage;
    size_t count;

    set_stage_of(&stage, "get when both have died in pieces", *state);
    assert_success(put_next(&stage, SHORT));
    assert_success(mproc_queue_shutdown(stage.queue, MPROC_AT_ONCE));
    assert_success(mproc_queue_lost(stage.queue, lost, 2, &count));
    assert_int_equal(count, 0);
}

/* -- How long others wait ------------------------------------------------------------------ */

typedef struct late_t {
    mproc_queue_t *queue;
    mproc_event_t *event;
} late_t;

/* When it is told to; or when who should have timed out waits for ever. */
static apr_status_t release_late(void *data)
{
    const late_t *late = data;

    (void)mproc_event_wait(late->event, PATIENCE);
    mproc__ring_unlock_putting(&late->queue->view);
    return APR_SUCCESS;
}

/* Another that puts may be stopped: whether it has put something is not worth more than was asked for. */
static void a_get_from_a_queue_that_is_shut_down_keeps_to_its_timeout(void **state)
{
    mproc_queue_t *queue;
    uint32_t name;
    late_t late;
    work_t work;

    assert_success(mproc_queue_create(&queue, NULL, *state));
    assert_success(mproc_event_create(&late.event, NULL, *state));
    late.queue = queue;
    assert_true(mproc__lock_try(&queue->view.ring->putting, &queue->view.member));
    atomic_store(&queue->view.ring->state, MPROC__RING_DRAINING);
    assert_success(start_thread(&work, release_late, &late, *state));
    assert_status(get_message(queue, &name, A_MOMENT), APR_TIMEUP);
    assert_status(get_message(queue, &name, 0), APR_TIMEUP);
    assert_success(mproc_event_set(late.event));
    assert_success(end_thread(&work));
    assert_status(get_message(queue, &name, 0), MPROC_ESHUTDOWN);
}

/* Nobody has asked how the dead one ended: on POSIX it is a zombie. */
static void the_lock_of_a_dead_process_is_had_soon(void **state)
{
    apr_time_t begin, time;
    stage_t stage;
    int i;

    for (i = 0; i < 2; i++) {
        set_stage_of(&stage, i == 0 ? "put after a dead putter" : "get after a dead getter",
                     *state);
        begin = apr_time_now();
        assert_success(i == 0 ? put_next(&stage, SHORT) : get_next(&stage, PATIENCE));
        time = apr_time_now() - begin;
        print_message("  the lock of a dead %s was had after %ld us\n",
                      i == 0 ? "putter" : "getter", (long)time);
        assert_true(time < apr_time_from_msec(20) + LOAD);
    }
}

static void who_sleeps_looks_by_itself_within_a_second(void **state)
{
    apr_interval_time_t time;
    mproc_process_t *process;
    mproc_queue_t *queue;
    uint32_t name;

    assert_success(mproc_queue_create(&queue, NULL, *state));
    assert_success(mproc_process_start(&process, put_and_die, MPROC_PACK(queue), NULL, *state));
    assert_success(get_message(queue, &name, PATIENCE));
    time = (apr_interval_time_t)(now() - name);
    print_message("  a message that nobody told of came after %ld us\n", (long)time);
    assert_true(time < apr_time_from_sec(1) + LOAD);
    assert_success(mproc_process_join(process, PATIENCE));
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_message_that_was_half_got_is_named),
        claim(a_message_that_was_half_put_is_not_named),
        claim(what_is_thrown_away_is_not_named),
        claim(a_get_from_a_queue_that_is_shut_down_keeps_to_its_timeout),
        claim(the_lock_of_a_dead_process_is_had_soon),
        claim(who_sleeps_looks_by_itself_within_a_second),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
