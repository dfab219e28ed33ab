/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Joinable queues: when what they call fails; and the tasks of members that are killed at any point
 * of a call.
 */

#include "sharing.h"
#include "walk.h"

#include <apr_general.h>

/* Messages of a play, and how many of them a member gets at once, and does of those; twice. */
enum { PUT = 12, TAKEN = 3, DONE = 2 };

/* More points than any call has. */
enum { POINTS_MAX = 100 };

static mproc_queue_t *make_queue(unsigned processes, int count, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.capacity = SMALL;
    options.processes = processes;
    options.joinable = 1;
    assert_success(mproc_queue_create(&queue, &options, mem));
    for (; count > 0; count--)
        assert_success(mproc_queue_put_bytes(queue, "x", 1, 0));
    return queue;
}

static apr_status_t take_one(mproc_queue_t *queue)
{
    size_t size;
    char byte;

    return mproc_queue_get_bytes(queue, &byte, 1, &size, 0);
}

static void check_tasks(mproc_queue_t *queue, size_t unfinished, size_t lost)
{
    size_t left, gone;

    assert_success(mproc_queue_tasks(queue, &left, &gone));
    assert_int_equal(left, unfinished);
    assert_int_equal(gone, lost);
}

/* -- When something fails --------------------------------------------------------------------- */

static apr_status_t make(scene_t *scene)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    options.joinable = 1;
    return mproc_queue_create((mproc_queue_t **)&scene->made[0], &options, scene->mem);
}

static void check_made(scene_t *scene)
{
    assert_success(mproc_queue_put_bytes(scene->made[0], "x", 1, 0));
    check_tasks(scene->made[0], 1, 0);
}

static void a_joinable_queue_is_made_whole_or_not_at_all(void **state)
{
    static const walk_t walk = {.set_up = set_up_nothing, .call = make, .check = check_made};

    (void)state;
    take_walk(&walk);
}

static void set_up_one(scene_t *scene)
{
    scene->queue = make_queue(2, 1, scene->mem);
}

static void set_up_one_taken(scene_t *scene)
{
    set_up_one(scene);
    assert_success(take_one(scene->queue));
}

static apr_status_t finish(scene_t *scene)
{
    return mproc_queue_task_done(scene->queue);
}

static void check_finished(scene_t *scene)
{
    check_tasks(scene->queue, 0, 0);
}

static void nothing_can_fail_where_a_task_is_done(void **state)
{
    static const walk_t walk = {
        .set_up = set_up_one_taken, .call = finish, .check = check_finished};

    (void)state;
    take_short_walk(&walk);
}

static void check_unfinished(scene_t *scene)
{
    check_tasks(scene->queue, 1, 0);
}

static void nothing_can_fail_where_there_is_no_task_to_do(void **state)
{
    static const walk_t walk = {.set_up = set_up_one,
                                .call = finish,
                                .expected = MPROC_EOVERRELEASE,
                                .check = check_unfinished};

    (void)state;
    take_short_walk(&walk);
}

static apr_status_t join(scene_t *scene)
{
    return mproc_queue_join(scene->queue, A_WHILE);
}

static void check_unfinished_and_awake(scene_t *scene)
{
    check_unfinished(scene);
    assert_false(mproc__members_sleep(&scene->queue->view.member));
    assert_int_equal(atomic_load(&scene->queue->view.sleepers), 0);
}

/* Who sleeps may be woken for no reason. */
static void tasks_that_nobody_does_are_waited_for(void **state)
{
    static const char *const waking[] = {"port_park", NULL};
    static const walk_t walk = {.set_up = set_up_one_taken,
                                .call = join,
                                .expected = APR_TIMEUP,
                                .check = check_unfinished_and_awake,
                                .harmless = waking};

    (void)state;
    take_walk(&walk);
}

static void set_up_done(scene_t *scene)
{
    set_up_one_taken(scene);
    assert_success(finish(scene));
}

static void nothing_can_fail_where_all_is_done(void **state)
{
    static const walk_t walk = {.set_up = set_up_done, .call = join, .check = check_finished};

    (void)state;
    take_short_walk(&walk);
}

/* -- Members that die -------------------------------------------------------------------------- */

typedef struct play_t {
    apr_pool_t *mem;
    mproc_queue_t *queue; /* the survivor's, which is this process */
} play_t;

/* A child that is a member, and what it knows of its tasks. */
typedef struct player_t {
    fake_child_t *child;
    mproc_queue_t *queue;
    size_t begun, done;
} player_t;

static void begin(play_t *play, unsigned processes)
{
    play->mem = fake_program_begin(walk_targets);
    fake_children_act(fake_is_idle, 0);
    play->queue = make_queue(processes, PUT, play->mem);
}

static player_t add_player(const play_t *play)
{
    player_t player = {NULL, NULL, 0, 0};
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, play->mem));
    player.child = fake_last_child();
    player.queue = share_queue(player.child, play->queue, play->mem);
    return player;
}

static void finish_one(void *data)
{
    player_t *player = data;

    player->begun++;
    mproc_queue_task_done(player->queue);
    player->done++;
}

/* What was taken before makes a difference. */
static void take_and_do(void *data)
{
    const player_t *player = data;
    mproc_bytes_t messages[TAKEN];
    char buffer[8 * TAKEN];
    size_t got;
    int round, i;

    for (round = 0; round < 2; round++) {
        mproc_queue_get_many(player->queue, buffer, sizeof buffer, messages, TAKEN, &got, 0);
        for (i = 0; i < DONE; i++)
            finish_one(data);
    }
}

static void join_at_once(void *data)
{
    const player_t *player = data;

    mproc_queue_join(player->queue, 0);
}

static size_t count_queued(const play_t *play)
{
    size_t queued;

    assert_success(mproc_queue_qsize(play->queue, &queued));
    return queued;
}

/* Do all that is in the queue, or was got here before. */
static void do_the_rest(const play_t *play, size_t taken)
{
    for (; count_queued(play) > 0; taken++)
        assert_success(take_one(play->queue));
    for (; taken > 0; taken--)
        assert_success(mproc_queue_task_done(play->queue));
    assert_int_equal(mproc_queue_task_done(play->queue), MPROC_EOVERRELEASE);
}

static void check_told(const play_t *play, size_t lost)
{
    check_tasks(play->queue, 0, lost);
    assert_int_equal(mproc_queue_join(play->queue, 0), lost > 0 ? MPROC_EWORKERDIED : APR_SUCCESS);
    assert_success(mproc_queue_join(play->queue, 0));
    check_tasks(play->queue, 0, lost);
}

/* One that it was about to do is done or not. */
static size_t count_lost(const play_t *play, const player_t *player, size_t taken)
{
    size_t unfinished, lost;

    assert_success(mproc_queue_tasks(play->queue, &unfinished, &lost));
    assert_int_equal(unfinished, count_queued(play));
    assert_true(lost == taken - player->done || lost == taken - player->begun);
    return lost;
}

static int dies(int n)
{
    player_t player;
    play_t play;
    size_t lost;
    int has_died;

    begin(&play, 2);
    player = add_player(&play);
    has_died = fake_child_dies_at(player.child, n, take_and_do, &player);
    if (has_died) {
        lost = count_lost(&play, &player, PUT - count_queued(&play));
        do_the_rest(&play, 0);
        check_told(&play, lost);
    }
    fake_program_end();
    return has_died;
}

static void tasks_of_a_dead_member_are_done_or_lost(void **state)
{
    int n = 1;

    (void)state;
    while (dies(n))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 15);
}

/* Its place is taken by another before anybody has looked, who dies at some point as well. */
static int dies_or_its_follower(int n, int m)
{
    player_t first, second;
    size_t taken, lost;
    play_t play;
    int has_died, follower_has_died;

    begin(&play, 2);
    first = add_player(&play);
    has_died = fake_child_dies_at(first.child, n, take_and_do, &first);
    taken = PUT - count_queued(&play);
    if (!has_died) {
        fake_program_end();
        return 0;
    }
    second = add_player(&play);
    assert_int_equal(second.queue->view.member.place, first.queue->view.member.place);
    follower_has_died = fake_child_dies_at(second.child, m, take_and_do, &second);
    second.begun += first.begun;
    second.done += first.done;
    if (follower_has_died) {
        assert_success(mproc_queue_tasks(play.queue, NULL, &lost));
        taken = PUT - count_queued(&play);
        assert_true(lost <= taken - second.done && lost >= taken - second.begun);
        do_the_rest(&play, 0);
        check_told(&play, lost);
    }
    fake_program_end();
    return follower_has_died;
}

static void tasks_of_who_takes_a_dead_ones_place_are_its_own(void **state)
{
    int n = 0, m, most = 0;

    (void)state;
    do {
        n++;
        m = 1;
        while (dies_or_its_follower(n, m))
            assert_true(++m < POINTS_MAX);
        most = m > most ? m : most;
    } while (m > 1);
    assert_true(n > 15 && most > 15);
}

/* They are this process's. */
static int dies_doing_anothers(int n)
{
    player_t player;
    play_t play;
    size_t left, lost;
    int has_died;

    begin(&play, 2);
    assert_success(take_one(play.queue));
    assert_success(take_one(play.queue));
    player = add_player(&play);
    has_died = fake_child_dies_at(player.child, n, finish_one, &player);
    assert_success(mproc_queue_tasks(play.queue, &left, &lost));
    assert_int_equal(lost, 0);
    assert_true(left == PUT - player.done || left == PUT - player.begun);
    do_the_rest(&play, left - (PUT - 2));
    check_told(&play, 0);
    fake_program_end();
    return has_died;
}

static void a_task_that_a_dead_member_did_for_another_is_done_or_not(void **state)
{
    int n = 1;

    (void)state;
    while (dies_doing_anothers(n))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 5);
}

/* Its follower finds what the first has left. */
static int dies_joining(int n)
{
    player_t first, second;
    play_t play;
    size_t lost;
    int has_died;

    begin(&play, 3);
    first = add_player(&play);
    second = add_player(&play);
    assert_true(fake_child_dies_at(first.child, 15, take_and_do, &first));
    lost = count_lost(&play, &first, TAKEN);
    assert_true(lost > 0);
    do_the_rest(&play, 0);
    has_died = fake_child_dies_at(second.child, n, join_at_once, &second);
    if (has_died) {
        check_tasks(play.queue, 0, lost);
        (void)mproc_queue_join(play.queue, 0);
        assert_success(mproc_queue_join(play.queue, 0));
    }
    fake_program_end();
    return has_died;
}

static void who_dies_joining_keeps_nobody_from_it(void **state)
{
    int n = 1;

    (void)state;
    while (dies_joining(n))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_joinable_queue_is_made_whole_or_not_at_all),
        claim(nothing_can_fail_where_a_task_is_done),
        claim(nothing_can_fail_where_there_is_no_task_to_do),
        claim(tasks_that_nobody_does_are_waited_for),
        claim(nothing_can_fail_where_all_is_done),
        claim(tasks_of_a_dead_member_are_done_or_lost),
        claim(tasks_of_who_takes_a_dead_ones_place_are_its_own),
        claim(a_task_that_a_dead_member_did_for_another_is_done_or_not),
        claim(who_dies_joining_keeps_nobody_from_it),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
