/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Processes that are stopped (SIGSTOP) with a lock, a semaphore's unit and the like, while they wait
 * for one, or in the middle of a call, are not dead: they hold up the others, or do not, and go on.
 */

#include "ends.h"
#include "failing.h"
#include "lock.h"
#include "shared_object.h"
#include "sync_stage.h"
#include "system.h"
#include "workers.h"

#include <apr_time.h>

#include <string.h>

/* Longer than the slices in which others look. */
#define A_STOP apr_time_from_msec(30)

/* So many failpoints are passed over at scale 1, others each time; from scale 20 on none is. */
#define STRIDE 5
#define ALL_OF_THEM 20

/* -- In the middle of a call ------------------------------------------------------------------ */

static void stop_here(void)
{
    atomic_store(&actors_notes->is_stopped, 1);
    stop_process(own_pid());
}

static int is_stopped(part_t *part)
{
    return atomic_load(&part->notes->is_stopped) || atomic_load(&part->notes->is_over);
}

/* Again and again, as it may not yet have been stopped when it is told to go on. */
static void hold_up(sync_stage_t *stage)
{
    mproc_sentinel_t end;

    assert_success(mproc_process_sentinel(stage->actor, &end));
    assert_success(await(&stage->part, is_stopped));
    do
        if (atomic_load(&stage->part.notes->is_stopped)) {
            apr_sleep(A_STOP);
            assert_true(continue_process(mproc_process_pid(stage->actor)));
        }
    while (!is_ready(end, 0));
}

/* Whether the actor was stopped; then it has done its part all the same. */
static int play(const void *scene, const char *const *environment, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    sync_stage_t stage;

    options.environment = environment;
    set_sync_stage(&stage, scene, mem);
    start_sync_actor(&stage, &options);
    hold_up(&stage);
    assert_int_equal(atomic_load(&stage.part.notes->is_over), 1);
    (void)assert_sync_survived(&stage);
    return (int)atomic_load(&stage.part.notes->is_stopped);
}

static void play_some(const sync_scene_t *scene, apr_pool_t *mem)
{
    long stride = test_scale() >= ALL_OF_THEM ? 1 : STRIDE;
    long first = 1 + (long)(apr_time_now() % stride);
    long met = meet_failpoints(play, scene, first, stride, mem);

    print_message("  %-44s stopped at failpoint %ld, and each %ld: %ld times\n", scene->name, first,
                  stride, met);
}

static void who_is_stopped_at_any_failpoint_goes_on_and_so_do_others(void **state)
{
    for_each_sync_scene(play_some, *state);
}

/* -- Holding it, and waiting for it -------------------------------------------------------------- */

/* What the child holds or waits for, by its name, and what is done there. */
typedef struct holding_t {
    const char *name;
    apr_status_t (*acquire)(part_t *part, apr_interval_time_t timeout);
    apr_status_t (*release)(part_t *part);
    unsigned sleeps_in; /* the event of the object at which it waits */
    void *(*object_of)(part_t *part);
} holding_t;

static apr_status_t acquire_lock(part_t *part, apr_interval_time_t timeout)
{
    return mproc_lock_acquire(part->lock, timeout);
}

static apr_status_t release_lock(part_t *part)
{
    return mproc_lock_release(part->lock);
}

static void *lock_of(part_t *part)
{
    return part->lock;
}

static apr_status_t acquire_unit(part_t *part, apr_interval_time_t timeout)
{
    return mproc_semaphore_acquire(part->semaphore, timeout);
}

static apr_status_t release_unit(part_t *part)
{
    return mproc_semaphore_release(part->semaphore);
}

static void *semaphore_of(part_t *part)
{
    return part->semaphore;
}

static apr_status_t acquire_condition(part_t *part, apr_interval_time_t timeout)
{
    return mproc_condition_acquire(part->condition, timeout);
}

static apr_status_t release_condition(part_t *part)
{
    return mproc_condition_release(part->condition);
}

static void *condition_of(part_t *part)
{
    return part->condition;
}

static apr_status_t acquire_to_write(part_t *part, apr_interval_time_t timeout)
{
    return mproc_rwlock_acquire_write(part->rwlock, timeout);
}

static apr_status_t release_rwlock(part_t *part)
{
    return mproc_rwlock_release(part->rwlock);
}

static void *rwlock_of(part_t *part)
{
    return part->rwlock;
}

static const holding_t holdings[] = {
    {"a lock", acquire_lock, release_lock, IN_LOCK, lock_of},
    {"a unit", acquire_unit, release_unit, 1, semaphore_of},
    {"a condition", acquire_condition, release_condition, IN_LOCK, condition_of},
    {"an rwlock", acquire_to_write, release_rwlock, IN_RWLOCK, rwlock_of},
};

enum { AN_RWLOCK = 3, NHOLDINGS = sizeof holdings / sizeof holdings[0] };

/* One unit each. */
static void make_all(part_t *part, apr_pool_t *mem)
{
    assert_success(mproc_lock_create(&part->lock, NULL, mem));
    assert_success(mproc_bounded_semaphore_create(&part->semaphore, 1, NULL, mem));
    assert_success(mproc_condition_create(&part->condition, NULL, mem));
    assert_success(mproc_rwlock_create(&part->rwlock, NULL, mem));
}

/* Says "born", acquires, says "held", and releases when it hears anything. */
static apr_status_t hold(mproc_task_t *task)
{
    mproc_connection_t *line;
    part_t part = {NULL};
    int number;

    MPROC_TRY(MPROC_UNPACK(task, &line, &part.lock, &part.semaphore, &part.condition, &part.rwlock,
                           &number));
    MPROC_TRY(say(line, "born"));
    MPROC_TRY(holdings[number].acquire(&part, PATIENCE));
    MPROC_TRY(say(line, "held"));
    (void)hear(line, mproc_task_mem(task));
    return holdings[number].release(&part);
}

static mproc_process_t *start_to_hold(mproc_connection_t **line, const part_t *part, int number,
                                      apr_pool_t *mem)
{
    mproc_connection_t *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(
        &process, hold,
        MPROC_PACK(there, part->lock, part->semaphore, part->condition, part->rwlock, number), NULL,
        mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
    return process;
}

static void assert_a_stopped_holder_keeps_it(int number, apr_pool_t *mem)
{
    const holding_t *holding = &holdings[number];
    mproc_connection_t *line;
    mproc_process_t *process;
    part_t part = {NULL};

    make_all(&part, mem);
    process = start_to_hold(&line, &part, number, mem);
    assert_string_equal(hear(line, mem), "held");
    assert_true(stop_process(mproc_process_pid(process)));
    assert_status(holding->acquire(&part, apr_time_from_msec(300)), APR_TIMEUP);
    assert_true(continue_process(mproc_process_pid(process)));
    assert_success(say(line, "go"));
    assert_success(holding->acquire(&part, PATIENCE));
    assert_success(holding->release(&part));
    assert_ended(process, 0);
}

static void a_stopped_holder_keeps_what_it_has(void **state)
{
    int i;

    for (i = 0; i < NHOLDINGS; i++)
        assert_a_stopped_holder_keeps_it(i, *state);
}

/*
 * Who is stopped while he looks around would hold up the others, or not be counted: he goes on, and is
 * stopped again.
 */
static void stop_asleep(const mproc_process_t *process, void *object, unsigned event)
{
    apr_int64_t pid = mproc_process_pid(process);

    for (;;) {
        await_sleepers(object, event, 1);
        assert_true(stop_process(pid));
        apr_sleep(A_STOP);
        if (count_sleepers(object, event) > 0)
            return;
        assert_true(continue_process(pid));
    }
}

/* What a thread is to acquire. */
typedef struct attempt_t {
    part_t *part;
    const holding_t *holding;
} attempt_t;

static apr_status_t acquire_and_release(void *data)
{
    const attempt_t *attempt = data;

    MPROC_TRY(attempt->holding->acquire(attempt->part, PATIENCE));
    return attempt->holding->release(attempt->part);
}

/* It may be the one that is woken, and does nothing about it. */
static void assert_a_stopped_waiter_holds_up_nobody(int number, apr_pool_t *mem)
{
    const holding_t *holding = &holdings[number];
    part_t part = {NULL};
    attempt_t attempt = {&part, holding};
    mproc_connection_t *line;
    mproc_process_t *process;
    work_t work;

    make_all(&part, mem);
    assert_success(holding->acquire(&part, 0));
    process = start_to_hold(&line, &part, number, mem);
    stop_asleep(process, holding->object_of(&part), holding->sleeps_in);
    assert_success(start_thread(&work, acquire_and_release, &attempt, mem));
    await_sleepers(holding->object_of(&part), holding->sleeps_in, 2);
    assert_success(holding->release(&part));
    assert_success(end_thread(&work));
    assert_true(continue_process(mproc_process_pid(process)));
    assert_string_equal(hear(line, mem), "held");
    assert_success(say(line, "go"));
    assert_ended(process, 0);
}

static void a_stopped_waiter_holds_up_nobody(void **state)
{
    int i;

    for (i = 0; i < NHOLDINGS; i++)
        assert_a_stopped_waiter_holds_up_nobody(i, *state);
}

static apr_status_t read_and_release(void *rwlock)
{
    MPROC_TRY(mproc_rwlock_acquire_read(rwlock, PATIENCE));
    return mproc_rwlock_release(rwlock);
}

/* Neither those who wait when the last reader goes nor those who come later. */
static void a_stopped_writer_keeps_no_readers_out_of_what_is_free(void **state)
{
    mproc_connection_t *line;
    mproc_process_t *process;
    part_t part = {NULL};
    work_t work;

    make_all(&part, *state);
    assert_success(mproc_rwlock_acquire_read(part.rwlock, 0));
    process = start_to_hold(&line, &part, AN_RWLOCK, *state);
    stop_asleep(process, part.rwlock, IN_RWLOCK);
    assert_status(mproc_rwlock_acquire_read(part.rwlock, 10 * A_STOP), APR_TIMEUP);
    assert_success(start_thread(&work, read_and_release, part.rwlock, *state));
    await_sleepers(part.rwlock, IN_RWLOCK, 2);
    assert_success(mproc_rwlock_release(part.rwlock));
    assert_success(end_thread(&work));
    assert_success(read_and_release(part.rwlock));
    assert_true(continue_process(mproc_process_pid(process)));
    assert_string_equal(hear(line, *state), "held");
    assert_success(say(line, "go"));
    assert_ended(process, 0);
}

/* -- Who hears late how a barrier's round has ended ---------------------------------------------- */

/* So the round after them has the number of the first one again, in whatever has a bit for each. */
#define MANY_ROUNDS 63

/* Says how the round that it came to has ended. */
static apr_status_t meet_once(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_barrier_t *barrier;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line, &barrier));
    rv = mproc_barrier_wait(barrier, NULL, PATIENCE);
    return say(line, rv == APR_SUCCESS ? "passed" : rv == MPROC_EBROKEN ? "broken" : "refused");
}

static apr_status_t meet_often(void *barrier)
{
    int i;

    for (i = 0; i < MANY_ROUNDS; i++)
        MPROC_TRY(mproc_barrier_wait(barrier, NULL, PATIENCE));
    return APR_SUCCESS;
}

static void pass_many_rounds(mproc_barrier_t *barrier, apr_pool_t *mem)
{
    work_t work;

    assert_success(start_thread(&work, meet_often, barrier, mem));
    assert_success(meet_often(barrier));
    assert_success(end_thread(&work));
}

static void break_many_rounds(mproc_barrier_t *barrier, apr_pool_t *mem)
{
    int i;

    (void)mem;
    for (i = 0; i < MANY_ROUNDS; i++) {
        assert_success(mproc_barrier_abort(barrier));
        assert_success(mproc_barrier_reset(barrier));
    }
}

static void pass_one(mproc_barrier_t *barrier)
{
    assert_success(mproc_barrier_wait(barrier, NULL, PATIENCE));
}

static void break_one(mproc_barrier_t *barrier)
{
    assert_success(mproc_barrier_abort(barrier));
    assert_success(mproc_barrier_reset(barrier));
}

/* Stopped in its first round, it hears of its end when the others have had many. */
static void assert_heard_late(const char *outcome, void (*end_its_round)(mproc_barrier_t *barrier),
                              void (*go_on)(mproc_barrier_t *barrier, apr_pool_t *mem),
                              apr_pool_t *mem)
{
    mproc_connection_t *here, *there;
    mproc_barrier_t *barrier;
    mproc_process_t *process;

    assert_success(mproc_barrier_create(&barrier, 2, NULL, mem));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&process, meet_once, MPROC_PACK(there, barrier), NULL, mem));
    stop_asleep(process, barrier, IN_BARRIER);
    end_its_round(barrier);
    go_on(barrier, mem);
    break_one(barrier);
    assert_true(continue_process(mproc_process_pid(process)));
    assert_string_equal(hear(here, mem), outcome);
    assert_ended(process, 0);
}

static void who_hears_late_hears_of_his_own_round(void **state)
{
    assert_heard_late("passed", pass_one, pass_many_rounds, *state);
    assert_heard_late("broken", break_one, pass_many_rounds, *state);
    assert_heard_late("broken", break_one, break_many_rounds, *state);
}

/* Of a process that meets nobody: its barrier, and whether it has come to its failpoint. */
static mproc_barrier_t *lonely;
static int has_come;

static void break_lonely_often(void)
{
    const mproc__shared_object_t *object = (const void *)lonely;
    const mproc__lock_t *lock = object->state;

    has_come = 1;
    if (atomic_load(&lock->owner) != object->member.id)
        break_many_rounds(lonely, NULL);
}

static apr_status_t meet_nobody(mproc_task_t *task)
{
    mproc_connection_t *line;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line, &lonely));
    at_failpoint = break_lonely_often;
    begin_failing();
    rv = mproc_barrier_wait(lonely, NULL, 0);
    if (rv != MPROC_EBROKEN)
        return say(line, "passed");
    return say(line, has_come ? "broken" : "over");
}

static int play_alone(const void *unused, const char *const *environment, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *here, *there;
    mproc_barrier_t *barrier;
    mproc_process_t *process;
    const char *outcome;

    (void)unused;
    options.environment = environment;
    assert_success(mproc_barrier_create(&barrier, 2, NULL, mem));
    break_one(barrier); /* so that the end of its round is not the first that it looks at */
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    assert_success(
        mproc_process_start(&process, meet_nobody, MPROC_PACK(there, barrier), &options, mem));
    outcome = hear(here, mem);
    assert_string_not_equal(outcome, "passed");
    assert_ended(process, 0);
    return strcmp(outcome, "broken") == 0;
}

/* Whatever else ends between any two of its steps. */
static void who_meets_nobody_never_passes(void **state)
{
    assert_true(meet_failpoints(play_alone, NULL, 1, 1, *state) > 0);
}

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(sync_targets), MPROC_TARGET(hold),
                                         MPROC_TARGET(meet_once), MPROC_TARGET(meet_nobody),
                                         MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim(a_stopped_holder_keeps_what_it_has),
        claim(a_stopped_waiter_holds_up_nobody),
        claim(a_stopped_writer_keeps_no_readers_out_of_what_is_free),
        claim(who_hears_late_hears_of_his_own_round),
        claim(who_meets_nobody_never_passes),
        claim(who_is_stopped_at_any_failpoint_goes_on_and_so_do_others),
    };
    apr_pool_t *mem;

    begin_acting = begin_failing;
    end_acting = end_failing;
    at_failpoint = stop_here;
    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
