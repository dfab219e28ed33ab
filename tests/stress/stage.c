/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stage: setting it, and what must be true when its actor has been killed.
 */

#include "stage.h"

#include "queue.h"
#include "shared.h"
#include "system.h"

#include <apr_time.h>

void set_stage(stage_t *stage, const scene_t *scene, apr_pool_t *mem)
{
    static const stage_t empty;
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    *stage = empty;
    stage->mem = mem;
    stage->scene = scene;
    options.capacity = CAPACITY;
    options.blocks = BLOCKS;
    options.processes = scene->is_joining || scene->is_crowded ? 2 : 8;
    options.joinable = stage_is_joinable;
    assert_success(apr_thread_mutex_create(&stage->receiving, APR_THREAD_MUTEX_DEFAULT, mem));
    assert_success(mproc_queue_create(&stage->queue, &options, mem));
    stage->notes = share_memory(&stage->path, sizeof *stage->notes, mem);
    scene->prepare(stage);
}

static apr_status_t play_peer(void *data)
{
    stage_t *stage = data;
    apr_status_t rv = stage->scene->peer(stage);

    atomic_store(&stage->peer_is_done, 1);
    return rv;
}

void start_actor(stage_t *stage, const mproc_process_options_t *options)
{
    assert_success(mproc_process_start(
        &stage->actor, act_in_scene,
        MPROC_PACK(stage->queue, stage->path, (int)(stage->scene - scenes)), options, stage->mem));
    atomic_store(&stage->peer_is_done, stage->scene->peer == NULL);
    if (stage->scene->peer != NULL)
        assert_success(start_thread(&stage->peer, play_peer, stage, stage->mem));
}

/* -- What survivors do ------------------------------------------------------------- */

static apr_status_t note_put(stage_t *stage, apr_status_t rv)
{
    if (rv == APR_SUCCESS)
        stage->numbers[++stage->put] =
            atomic_load(mproc__member_note(&stage->queue->view.member, MPROC__LAST_PUT));
    return rv;
}

apr_status_t put_next(stage_t *stage, size_t size)
{
    return note_put(stage, put_message(stage->queue, stage->put + 1, size, PATIENCE));
}

apr_status_t put_next_in_place(stage_t *stage, size_t size)
{
    return note_put(stage, put_message_in_place(stage->queue, stage->put + 1, size, PATIENCE));
}

static apr_status_t get_and_list(stage_t *stage, apr_interval_time_t timeout)
{
    uint32_t name;

    MPROC_TRY(get_message(stage->queue, &name, timeout));
    if (stage->nreceived < NAMES)
        stage->received[stage->nreceived++] = name;
    return name == 0 ? APR_EGENERAL : APR_SUCCESS;
}

/* A peer may get while we do: the list has the order of the queue all the same. */
apr_status_t get_next(stage_t *stage, apr_interval_time_t timeout)
{
    apr_status_t rv;

    apr_thread_mutex_lock(stage->receiving);
    rv = get_and_list(stage, timeout);
    apr_thread_mutex_unlock(stage->receiving);
    return rv;
}

int await_sleeper(stage_t *stage, unsigned event)
{
    while (!mproc__event_has_sleepers(&stage->queue->view.member, event)) {
        if (atomic_load(&stage->is_killed) || atomic_load(&stage->notes->is_over))
            return 0;
        port_yield();
    }
    return 1;
}

void start_victim(stage_t *stage, mproc_target_fn *target)
{
    assert_success(
        mproc_process_start(&stage->victim, target, MPROC_PACK(stage->queue), NULL, stage->mem));
}

/* Nobody has asked how it ended. */
static void await_end(mproc_process_t *process)
{
    mproc_sentinel_t sentinel;

    assert_success(mproc_process_sentinel(process, &sentinel));
    assert_true(is_ready(sentinel, PATIENCE));
}

void bury_victim(stage_t *stage)
{
    await_end(stage->victim);
}

/* -- What must be true ---------------------------------------------------------------- */

/* Until nothing is left, and none of us is about to put something. */
static void collect(stage_t *stage)
{
    int is_last;
    apr_status_t rv;

    do {
        is_last = atomic_load(&stage->peer_is_done);
        rv = get_next(stage, apr_time_from_msec(1));
    } while (rv == APR_SUCCESS || (APR_STATUS_IS_TIMEUP(rv) && !is_last));
    assert_status(rv, stage->scene->is_shut ? MPROC_ESHUTDOWN : APR_TIMEUP);
}

/* The marker is the next message that comes: nothing is left of what was before. */
static void assert_goes_on(stage_t *stage)
{
    size_t messages;

    if (!stage->scene->is_shut)
        assert_success(put_message(stage->queue, MARKER, SHORT, PATIENCE));
    if (stage->scene->peer != NULL)
        assert_success(end_thread(&stage->peer));
    if (!stage->scene->is_shut && !stage->scene->peer_collects)
        assert_success(get_next(stage, PATIENCE));
    if (!stage->scene->is_shut)
        assert_int_equal(stage->received[stage->nreceived - 1], MARKER);
    assert_success(mproc_queue_qsize(stage->queue, &messages));
    assert_int_equal(messages, 0);
}

/* No block is lost, nor in the queue: there is room for one that takes all. */
static void assert_all_room_is_free(stage_t *stage)
{
    void *block;

    assert_success(mproc_queue_reserve(stage->queue, BLOCKS, &block, PATIENCE));
    assert_success(mproc_queue_cancel(stage->queue, block));
}

/* How often each message has come, to us or to the actor; none is damaged. */
static void count_messages(const stage_t *stage, int counts[NAMES])
{
    uint32_t i, gets = atomic_load(&stage->notes->gets);

    for (i = 0; i < NAMES; i++)
        counts[i] = 0;
    for (i = 0; i < stage->nreceived; i++)
        counts[stage->received[i]]++;
    for (i = 0; i < gets; i++)
        counts[read_message(stage->notes->buffer + stage->notes->begins[i],
                            stage->notes->sizes[i])]++;
    assert_int_equal(counts[0], 0);
    for (i = 0; i < NAMES; i++)
        if (counts[i] > 1)
            fail_msg("message %u came %d times", i, counts[i]);
}

static void assert_in_order(const stage_t *stage)
{
    uint32_t ours = 0, actors = 0;
    size_t i;

    for (i = 0; i < stage->nreceived; i++) {
        uint32_t name = stage->received[i], *last = name < ACTORS ? &ours : &actors;
        assert_true(name > *last);
        *last = name;
    }
}

/* Those whose put has returned have come, and at most those that it was about to put. */
static void assert_actors_puts(const stage_t *stage, const int counts[NAMES])
{
    uint32_t puts = atomic_load(&stage->notes->puts), came = 0, i;

    for (i = 0; i < stage->scene->count; i++)
        came += counts[ACTORS + i] > 0;
    for (i = 0; i < came; i++)
        assert_int_equal(counts[ACTORS + i], 1);
    if (stage->scene->is_shut == 0 && came < puts)
        fail_msg("%u messages were put, and %u came", puts, came);
}

static int is_lost(const mproc_lost_t *lost, size_t count, apr_uint64_t number)
{
    size_t i;
    int found = 0;

    for (i = 0; i < count; i++)
        found += lost[i].number == number;
    return found;
}

/* Where the actor has done all that it got, it has lost nothing. */
static int may_have_done_all(const stage_t *stage)
{
    uint32_t begun = atomic_load(&stage->notes->begun);

    return begun > 0 && begun == atomic_load(&stage->notes->gets);
}

static int are_losses_named(const stage_t *stage)
{
    const scene_t *scene = stage->scene;

    return scene->is_shut != 2 && !scene->is_crowded && !scene->gets_twice &&
           !may_have_done_all(stage);
}

/* What did not come to us went with the actor, or with a victim, and is named; and nothing else is. */
static void assert_losses_are_named(stage_t *stage)
{
    mproc_lost_t lost[NAMES];
    int came[NAMES] = {0};
    size_t count, missing = 0, i;
    uint32_t name;

    for (i = 0; i < stage->nreceived; i++)
        came[stage->received[i]] = 1;
    assert_success(mproc_queue_lost(stage->queue, lost, NAMES, &count));
    for (name = 1; name <= stage->put; name++) {
        int found = is_lost(lost, count, stage->numbers[name]);
        if (found != !came[name])
            fail_msg("message %u %s, and is named %d times by what was lost", name,
                     came[name] ? "came" : "did not come", found);
        missing += !came[name];
    }
    assert_int_equal(count, missing);
    for (i = 0; i < count; i++)
        assert_true(lost[i].pid == mproc_process_pid(stage->actor) ||
                    (stage->victim != NULL && lost[i].pid == mproc_process_pid(stage->victim)));
}

/* What the victim had is known until its place is taken, and is never the actor's. */
static void assert_losses_are_the_victims(const stage_t *stage)
{
    mproc_lost_t lost;
    size_t count;

    assert_success(mproc_queue_lost(stage->queue, &lost, 1, &count));
    if (count > 0)
        assert_int_equal(lost.pid, mproc_process_pid(stage->victim));
}

static void shut_down(const stage_t *stage)
{
    assert_success(mproc_queue_shutdown(stage->queue,
                                        stage->scene->is_shut == 1 ? MPROC_DRAIN : MPROC_AT_ONCE));
}

apr_interval_time_t assert_survived(stage_t *stage)
{
    apr_time_t begin = apr_time_now(), end;
    int counts[NAMES];

    atomic_store(&stage->is_killed, 1);
    if (stage->scene->is_shut)
        shut_down(stage);
    if (!stage->scene->peer_collects)
        collect(stage);
    assert_goes_on(stage);
    end = apr_time_now();
    count_messages(stage, counts);
    assert_in_order(stage);
    assert_actors_puts(stage, counts);
    await_end(stage->actor);
    if (!stage->scene->is_shut)
        assert_all_room_is_free(stage);
    if (stage->scene->is_joining)
        assert_losses_are_the_victims(stage);
    else if (are_losses_named(stage))
        assert_losses_are_named(stage);
    if (stage_is_joinable)
        assert_tasks_are_known(stage);
    return end - begin;
}
