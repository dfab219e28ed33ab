/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members of a queue that are killed at any point of a call: what they leave in the
 * memory is what a survivor finds, who goes on as if nothing had happened.
 */

#include "sharing.h"
#include "walk.h"

#include <apr_general.h>

/* Messages: one that lies in the queue as a whole, and one that passes in pieces, but fits. */
enum { LITTLE = 8, LARGE = 1100 };

/* More points than any call has. */
enum { POINTS_MAX = 100 };

typedef struct play_t {
    apr_pool_t *mem;
    mproc_queue_t *queue; /* the survivor's, which is this process */
} play_t;

/* A child that is a member, and what it does when it dies. */
typedef struct player_t {
    fake_child_t *child;
    apr_int64_t pid;
    mproc_queue_t *queue;
    size_t size;  /* of what it puts */
    size_t count; /* of the messages that it puts or gets at once */
} player_t;

static void begin(play_t *play, unsigned processes)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;

    play->mem = fake_program_begin(walk_targets);
    fake_children_act(fake_is_idle, 0);
    options.capacity = SMALL;
    options.processes = processes;
    assert_success(mproc_queue_create(&play->queue, &options, play->mem));
}

static mproc_process_t *start_child(const play_t *play)
{
    mproc_process_t *process;

    assert_success(mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, play->mem));
    return process;
}

static player_t join(const play_t *play, size_t size, size_t count)
{
    player_t player = {.pid = mproc_process_pid(start_child(play)), .size = size, .count = count};

    player.child = fake_last_child();
    player.queue = share_queue(player.child, play->queue, play->mem);
    return player;
}

/* -- What members do -------------------------------------------------------------------- */

/* The first byte says which it is. */
static apr_status_t put_one(mproc_queue_t *queue, char which, size_t size)
{
    static char message[LARGE];

    memset(message, which, size);
    return mproc_queue_put_bytes(queue, message, size, 0);
}

static void put(void *data)
{
    const player_t *player = data;

    put_one(player->queue, 'c', player->size);
}

static void put_several(void *data)
{
    static const char message[LITTLE] = "cccccccc";
    const player_t *player = data;
    mproc_bytes_t messages[] = {{message, LITTLE}, {message, LITTLE}, {message, LITTLE}};
    size_t done;

    mproc_queue_put_many(player->queue, messages, player->count, &done, 0);
}

static void get(void *data)
{
    const player_t *player = data;
    char message[LARGE];
    size_t size;

    mproc_queue_get_bytes(player->queue, message, sizeof message, &size, 0);
}

static void get_several(void *data)
{
    const player_t *player = data;
    unsigned char buffer[LARGE];
    mproc_bytes_t messages[3];
    size_t got;

    mproc_queue_get_many(player->queue, buffer, sizeof buffer, messages, player->count, &got, 0);
}

static void shut_down_at_once(void *data)
{
    const player_t *player = data;

    mproc_queue_shutdown(player->queue, MPROC_AT_ONCE);
}

/* -- What a survivor finds -------------------------------------------------------------- */

static size_t length(const play_t *play)
{
    size_t messages;

    assert_success(mproc_queue_qsize(play->queue, &messages));
    return messages;
}

/* All that can be got, by their first bytes; each is whole. */
static const char *get_all(const play_t *play, char all[16])
{
    unsigned char message[LARGE];
    size_t size, n = 0, i;

    while (mproc_queue_get_bytes(play->queue, message, sizeof message, &size, 0) == APR_SUCCESS) {
        assert_true(size == LITTLE || size == LARGE);
        for (i = 1; i < size; i++)
            assert_int_equal(message[i], message[0]);
        all[n++] = (char)message[0];
        assert_true(n < 16);
    }
    all[n] = '\0';
    return all;
}

static size_t count_lost(const play_t *play)
{
    size_t lost;

    assert_success(mproc_queue_lost(play->queue, NULL, 0, &lost));
    return lost;
}

/* So many messages, from this number on, have gone with that child, and no others. */
static void check_lost(const play_t *play, const player_t *player, size_t count, size_t first)
{
    mproc_lost_t lost[4];
    size_t listed, i;

    assert_success(mproc_queue_lost(play->queue, lost, 4, &listed));
    assert_int_equal(listed, count);
    for (i = 0; i < count; i++) {
        assert_int_equal(lost[i].pid, player->pid);
        assert_int_equal(lost[i].number, first + i);
    }
}

/* The numbers of what this process has put and got last. */
static void check_last(const play_t *play, size_t put_number, size_t got_number)
{
    apr_uint64_t last_put, last_got;

    assert_success(mproc_queue_last(play->queue, &last_put, &last_got));
    assert_int_equal(last_put, put_number);
    assert_int_equal(last_got, got_number);
}

static int is_locked(const mproc__lock_t *lock)
{
    return atomic_load(&lock->owner) != 0;
}

/* The end of a play: nobody has a lock. */
static void end(const play_t *play)
{
    const mproc__ring_view_t *view = &play->queue->view;

    assert_false(is_locked(&view->ring->putting));
    assert_false(is_locked(&view->ring->getting));
    fake_program_end();
}

/* -- Putters ----------------------------------------------------------------------------- */

static int putter_dies(int n, void (*function)(void *data), size_t size, size_t count)
{
    char expected[16] = "a", all[16];
    player_t player;
    size_t put_before;
    play_t play;
    int has_died;

    begin(&play, 2);
    assert_success(put_one(play.queue, 'a', LITTLE));
    player = join(&play, size, count);
    has_died = fake_child_dies_at(player.child, n, function, &player);
    put_before = length(&play);
    assert_true(put_before == 1 || put_before == 1 + count);
    assert_success(put_one(play.queue, 'b', LITTLE));
    memset(expected + 1, 'c', put_before - 1);
    expected[put_before] = 'b';
    assert_string_equal(get_all(&play, all), expected);
    check_last(&play, put_before + 1, put_before + 1);
    assert_int_equal(count_lost(&play), 0);
    end(&play);
    return has_died;
}

static void check_putters(void (*function)(void *data), size_t size, size_t count)
{
    int n = 1;

    while (putter_dies(n, function, size, count))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 5);
}

static void a_message_of_a_dead_putter_is_there_or_not(void **state)
{
    (void)state;
    check_putters(put, LITTLE, 1);
}

static void a_message_in_pieces_of_a_dead_putter_is_there_or_not(void **state)
{
    (void)state;
    check_putters(put, LARGE, 1);
}

static void several_of_a_dead_putter_are_all_there_or_none(void **state)
{
    (void)state;
    check_putters(put_several, LITTLE, 3);
}

/* -- Getters ------------------------------------------------------------------------------ */

/* What it had taken is named at once, and also when others have come by it. */
static int getter_dies(int n, void (*function)(void *data), size_t size, size_t count)
{
    static const char messages[] = "abcd";
    char all[16];
    player_t player;
    play_t play;
    size_t lost, i;
    int has_died;

    begin(&play, 2);
    for (i = 0; i < 4; i++)
        assert_success(put_one(play.queue, messages[i], i == 0 ? size : LITTLE));
    player = join(&play, size, count);
    has_died = fake_child_dies_at(player.child, n, function, &player);
    lost = has_died ? count_lost(&play) : count;
    assert_true(lost == 0 || lost == count);
    check_lost(&play, &player, has_died ? lost : 0, 1);
    assert_string_equal(get_all(&play, all), messages + lost);
    check_lost(&play, &player, has_died ? lost : 0, 1);
    check_last(&play, 4, 4);
    end(&play);
    return has_died;
}

static void check_getters(void (*function)(void *data), size_t size, size_t count)
{
    int n = 1;

    while (getter_dies(n, function, size, count))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 5);
}

static void a_message_of_a_dead_getter_comes_or_is_named(void **state)
{
    (void)state;
    check_getters(get, LITTLE, 1);
}

static void a_message_in_pieces_of_a_dead_getter_comes_or_is_named(void **state)
{
    (void)state;
    check_getters(get, LARGE, 1);
}

static void several_of_a_dead_getter_come_or_are_named(void **state)
{
    (void)state;
    check_getters(get_several, LITTLE, 3);
}

/* -- Both sides ---------------------------------------------------------------------------- */

/*
 * The getter, first at its place, follows a message whose putter has died in the middle: what was
 * not put whole was not got by anybody, and its number is the next message's.
 */
static int both_die(int nput, int nget, int *putter_has_died)
{
    player_t getter, putter;
    char all[16];
    play_t play;
    size_t is_put, lost;
    int getter_has_died;

    begin(&play, 3);
    getter = join(&play, LARGE, 1);
    putter = join(&play, LARGE, 1);
    *putter_has_died = fake_child_dies_at(putter.child, nput, put, &putter);
    is_put = length(&play);
    getter_has_died = fake_child_dies_at(getter.child, nget, get, &getter);
    assert_success(put_one(play.queue, 'b', LITTLE));
    if (getter_has_died) {
        get_all(&play, all);
        lost = count_lost(&play);
        assert_string_equal(all, is_put && !lost ? "cb" : "b");
        assert_true(lost <= is_put);
        check_lost(&play, &getter, lost, 1);
    } else {
        assert_string_equal(get_all(&play, all), "b");
        check_lost(&play, &getter, 0, 0);
    }
    check_last(&play, is_put + 1, is_put + 1);
    end(&play);
    return getter_has_died;
}

static void what_was_not_put_whole_is_not_lost(void **state)
{
    int nput = 0, nget, putter_has_died;

    (void)state;
    do {
        nput++;
        nget = 1;
        while (both_die(nput, nget, &putter_has_died))
            assert_true(++nget < POINTS_MAX);
        assert_true(nget > 1);
    } while (putter_has_died);
    assert_true(nput > 5 && nput < POINTS_MAX);
}

/* A putter that died in the middle, and a getter that followed it, and died. */
static player_t leave_open(play_t *play)
{
    player_t getter, putter;
    mproc__ring_t *ring;
    int n = 0;

    do {
        if (n > 0)
            fake_program_end();
        begin(play, 3);
        ring = play->queue->view.ring;
        getter = join(play, LARGE, 1);
        putter = join(play, LARGE, 1);
        assert_true(fake_child_dies_at(putter.child, 8, put, &putter));
        assert_true(fake_child_dies_at(getter.child, ++n, get, &getter));
    } while (!mproc__ring_is_open(&ring->index.head));
    assert_true(mproc__ring_is_open(&ring->index.tail));
    assert_true(is_locked(&ring->putting));
    assert_true(is_locked(&ring->getting));
    return getter;
}

/* Its putter is dead as well: it was never put, and its number goes to the next. */
static void an_unfinished_message_is_not_lost(void **state)
{
    player_t getter;
    char all[16];
    play_t play;

    (void)state;
    getter = leave_open(&play);
    check_lost(&play, &getter, 0, 0);
    assert_string_equal(get_all(&play, all), "");
    check_lost(&play, &getter, 0, 0);
    end(&play);
}

static void an_unfinished_message_is_forgotten_when_the_queue_is_shut_down(void **state)
{
    player_t getter;
    play_t play;

    (void)state;
    getter = leave_open(&play);
    assert_success(mproc_queue_shutdown(play.queue, MPROC_AT_ONCE));
    check_lost(&play, &getter, 0, 0);
    end(&play);
}

/* Whoever comes by what the first has left may die at it, too. */
static int two_getters_die(int nfirst, int nsecond, int *first_has_died)
{
    char expected[16] = "", all[16];
    mproc_lost_t lost[4];
    player_t first, second;
    size_t count, i, n = 0;
    play_t play;
    int has_died;

    begin(&play, 3);
    for (i = 0; i < 4; i++)
        assert_success(put_one(play.queue, "abcd"[i], i == 0 ? LARGE : LITTLE));
    first = join(&play, LARGE, 1);
    second = join(&play, LARGE, 1);
    *first_has_died = fake_child_dies_at(first.child, nfirst, get, &first);
    has_died = fake_child_dies_at(second.child, nsecond, get, &second);
    assert_success(mproc_queue_lost(play.queue, lost, 4, &count));
    get_all(&play, all);
    if (*first_has_died && has_died) {
        for (i = 0; i < 4; i++)
            if ((count < 1 || lost[0].number != i + 1) && (count < 2 || lost[1].number != i + 1))
                expected[n++] = "abcd"[i];
        assert_string_equal(all, expected);
        assert_int_equal(n + count, 4);
        assert_int_equal(count_lost(&play), count);
    }
    check_last(&play, 4, 4);
    end(&play);
    return has_died;
}

static void every_message_of_two_dead_getters_comes_or_is_named(void **state)
{
    int nfirst = 0, nsecond, first_has_died;

    (void)state;
    do {
        nfirst++;
        nsecond = 1;
        while (two_getters_die(nfirst, nsecond, &first_has_died))
            assert_true(++nsecond < POINTS_MAX);
        assert_true(nsecond > 5);
    } while (first_has_died);
    assert_true(nfirst > 5 && nfirst < POINTS_MAX);
}

static int two_putters_die(int nfirst, int nsecond, int *first_has_died)
{
    char expected[16] = "", all[16];
    player_t first, second;
    size_t there;
    play_t play;
    int has_died;

    begin(&play, 3);
    first = join(&play, LARGE, 1);
    second = join(&play, LITTLE, 1);
    *first_has_died = fake_child_dies_at(first.child, nfirst, put, &first);
    has_died = fake_child_dies_at(second.child, nsecond, put, &second);
    there = length(&play);
    assert_true(there <= 2);
    memset(expected, 'c', there);
    expected[there] = 'b';
    assert_success(put_one(play.queue, 'b', LITTLE));
    assert_string_equal(get_all(&play, all), expected);
    check_last(&play, there + 1, there + 1);
    end(&play);
    return has_died;
}

static void every_message_of_two_dead_putters_is_there_or_not(void **state)
{
    int nfirst = 0, nsecond, first_has_died;

    (void)state;
    do {
        nfirst++;
        nsecond = 1;
        while (two_putters_die(nfirst, nsecond, &first_has_died))
            assert_true(++nsecond < POINTS_MAX);
        assert_true(nsecond > 5);
    } while (first_has_died);
    assert_true(nfirst > 5 && nfirst < POINTS_MAX);
}

/* -- Shutting down -------------------------------------------------------------------------- */

static int who_shuts_down_dies(int n)
{
    char all[16];
    player_t player;
    play_t play;
    int has_died;

    begin(&play, 2);
    assert_success(put_one(play.queue, 'a', LITTLE));
    player = join(&play, LITTLE, 1);
    has_died = fake_child_dies_at(player.child, n, shut_down_at_once, &player);
    assert_int_equal(put_one(play.queue, 'b', LITTLE), MPROC_ESHUTDOWN);
    assert_success(mproc_queue_shutdown(play.queue, MPROC_AT_ONCE));
    assert_string_equal(get_all(&play, all), "");
    assert_int_equal(length(&play), 0);
    assert_int_equal(count_lost(&play), 0);
    end(&play);
    return has_died;
}

static void a_queue_is_shut_down_whoever_dies_at_it(void **state)
{
    int n = 1;

    (void)state;
    while (who_shuts_down_dies(n))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 2);
}

static void a_queue_with_a_dead_putter_is_drained(void **state)
{
    unsigned char message[LARGE];
    player_t player;
    play_t play;
    size_t size;
    int n = 1;

    (void)state;
    for (;;) {
        int has_died;

        begin(&play, 2);
        player = join(&play, LARGE, 1);
        has_died = fake_child_dies_at(player.child, n++, put, &player);
        assert_success(mproc_queue_shutdown(play.queue, MPROC_DRAIN));
        if (length(&play) > 0)
            assert_success(mproc_queue_get_bytes(play.queue, message, LARGE, &size, 0));
        assert_int_equal(mproc_queue_get_bytes(play.queue, message, LARGE, &size, 0),
                         MPROC_ESHUTDOWN);
        end(&play);
        if (!has_died)
            break;
    }
    assert_true(n > 5);
}

/* -- Names ------------------------------------------------------------------------------------ */

/* The name in a lock is not that of who has the place now. */
static void a_lock_is_not_that_of_the_next_at_the_place(void **state)
{
    player_t former, next;
    play_t play;

    (void)state;
    begin(&play, 2);
    former = join(&play, LITTLE, 1);
    assert_true(fake_child_dies_at(former.child, 1, put, &former));
    next = join(&play, LITTLE, 1);
    assert_int_equal(next.queue->view.member.place, former.queue->view.member.place);
    assert_int_not_equal(next.queue->view.member.id, former.queue->view.member.id);
    assert_int_equal(atomic_load(&play.queue->view.ring->putting.owner),
                     former.queue->view.member.id);
    assert_success(put_one(play.queue, 'a', LITTLE));
    end(&play);
}

static void a_lock_of_the_living_is_not_taken(void **state)
{
    mproc__member_id_t nobody = 0;
    mproc__lock_t *putting;
    player_t player;
    play_t play;

    (void)state;
    begin(&play, 2);
    player = join(&play, LITTLE, 1);
    putting = &play.queue->view.ring->putting;
    atomic_store(&putting->owner, player.queue->view.member.id);
    assert_int_equal(put_one(play.queue, 'a', LITTLE), APR_TIMEUP);
    assert_int_equal(atomic_load(&putting->owner), player.queue->view.member.id);
    atomic_store(&putting->owner, nobody);
    assert_success(put_one(play.queue, 'a', LITTLE));
    end(&play);
}

/* Each process that dies behind its commit leaves a number that is too small. */
static void numbers_that_lag_behind_are_made_up_for(void **state)
{
    mproc__ring_t *ring;
    char all[16];
    play_t play;
    int i;

    (void)state;
    begin(&play, 2);
    ring = play.queue->view.ring;
    for (i = 0; i < 5; i++)
        assert_success(put_one(play.queue, 'a', LITTLE));
    atomic_store(&ring->putting.number, 2);
    assert_success(put_one(play.queue, 'b', LITTLE));
    check_last(&play, 6, 0);
    assert_string_equal(get_all(&play, all), "aaaaab");
    atomic_store(&ring->getting.number, 1);
    check_last(&play, 6, 6);
    end(&play);
}

/* -- Places ------------------------------------------------------------------------------------- */

static void sleep_at_empty_queue(void *data)
{
    const player_t *player = data;
    char byte;
    size_t size;

    mproc_queue_get_bytes(player->queue, &byte, 1, &size, MPROC_FOREVER);
}

static int sleeps(const play_t *play)
{
    return mproc__event_has_sleepers(&play->queue->view.member, MPROC__NOT_EMPTY);
}

/* There is nothing to get: the first point behind those of taking a look is its sleep. */
static void die_asleep(const play_t *play)
{
    player_t player;
    _Atomic apr_uint64_t *sleepers = play->queue->view.member.events[MPROC__NOT_EMPTY]->sleepers;
    apr_uint64_t before = atomic_load(sleepers);
    int n = 0;

    do {
        player = join(play, LITTLE, 1);
        assert_true(fake_child_dies_at(player.child, ++n, sleep_at_empty_queue, &player));
    } while (atomic_load(sleepers) == before);
}

/* Each put looks for somebody to wake, until it is plain that none is there. */
static void who_has_died_asleep_is_forgotten(void **state)
{
    char all[16];
    play_t play;
    int i;

    (void)state;
    begin(&play, 2);
    die_asleep(&play);
    for (i = 0; i < 1000 && sleeps(&play); i++) {
        assert_success(put_one(play.queue, 'a', LITTLE));
        assert_string_equal(get_all(&play, all), "a");
    }
    assert_false(sleeps(&play));
    end(&play);
}

static void who_lives_is_not_forgotten_with_the_dead(void **state)
{
    mproc__member_t *member;
    player_t player;
    play_t play;

    (void)state;
    begin(&play, 3);
    player = join(&play, LITTLE, 1);
    member = &player.queue->view.member;
    mproc__event_prepare(member, MPROC__NOT_EMPTY);
    die_asleep(&play);
    mproc__members_sweep(&play.queue->view.member);
    assert_true(sleeps(&play));
    mproc__event_finish(member, MPROC__NOT_EMPTY);
    assert_false(sleeps(&play));
    end(&play);
}

static void a_full_queue_has_a_place_when_one_has_died(void **state)
{
    player_t player, next;
    mproc_queue_t *queue;
    char all[16];
    play_t play;

    (void)state;
    begin(&play, 2);
    player = join(&play, LITTLE, 1);
    start_child(&play);
    assert_int_equal(try_to_share_queue(&queue, fake_last_child(), play.queue, play.mem),
                     MPROC_ETOOMANY);
    assert_true(fake_child_dies_at(player.child, 1, get, &player));
    next = join(&play, LITTLE, 1);
    assert_int_equal(next.queue->view.member.place, player.queue->view.member.place);
    assert_success(put_one(play.queue, 'a', LITTLE));
    assert_string_equal(get_all(&play, all), "a");
    end(&play);
}

/* What the former had put and got is not said of it, alive or dead. */
static void the_next_at_a_place_has_taken_nothing(void **state)
{
    player_t player, next;
    apr_uint64_t put_number, got_number;
    play_t play;

    (void)state;
    begin(&play, 2);
    assert_success(put_one(play.queue, 'a', LITTLE));
    player = join(&play, LITTLE, 1);
    assert_false(fake_child_dies_at(player.child, POINTS_MAX, put, &player));
    assert_true(fake_child_dies_at(player.child, 5, get, &player));
    check_lost(&play, &player, 1, 1);
    next = join(&play, LITTLE, 1);
    assert_int_equal(count_lost(&play), 0);
    assert_success(mproc_queue_last(next.queue, &put_number, &got_number));
    assert_int_equal(put_number, 0);
    assert_int_equal(got_number, 0);
    assert_true(fake_child_dies_at(next.child, 1, get, &next));
    assert_int_equal(count_lost(&play), 0);
    end(&play);
}

static void join_again(void *data)
{
    const player_t *player = data;

    mproc__member_join(&player->queue->view.member, mproc__program.mem);
}

/* Who follows one that had taken a message dies at the n-th point of joining. */
static int who_joins_dies(int n)
{
    player_t former, next, last;
    mproc_lost_t lost[2];
    size_t count;
    char all[16];
    play_t play;
    int has_died;

    begin(&play, 2);
    assert_success(put_one(play.queue, 'a', LITTLE));
    former = join(&play, LITTLE, 1);
    assert_true(fake_child_dies_at(former.child, 5, get, &former));
    check_lost(&play, &former, 1, 1);
    next = former;
    next.pid = mproc_process_pid(start_child(&play));
    next.child = fake_last_child();
    has_died = fake_child_dies_at(next.child, n, join_again, &next);
    assert_success(mproc_queue_lost(play.queue, lost, 2, &count));
    assert_true(count == 0 || (count == 1 && lost[0].pid == former.pid));
    if (has_died) {
        last = join(&play, LITTLE, 1);
        assert_int_equal(last.queue->view.member.place, former.queue->view.member.place);
        assert_false(fake_child_dies_at(last.child, POINTS_MAX, put, &last));
        assert_string_equal(get_all(&play, all), "c");
    }
    fake_program_end();
    return has_died;
}

static void a_place_of_who_died_as_it_joined_is_taken_again(void **state)
{
    int n = 1;

    (void)state;
    while (who_joins_dies(n))
        assert_true(++n < POINTS_MAX);
    assert_true(n > 3);
}

static void the_next_at_a_place_does_not_sleep(void **state)
{
    play_t play;

    (void)state;
    begin(&play, 2);
    die_asleep(&play);
    join(&play, LITTLE, 1);
    assert_false(sleeps(&play));
    end(&play);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(a_message_of_a_dead_putter_is_there_or_not),
        claim(a_message_in_pieces_of_a_dead_putter_is_there_or_not),
        claim(several_of_a_dead_putter_are_all_there_or_none),
        claim(a_message_of_a_dead_getter_comes_or_is_named),
        claim(a_message_in_pieces_of_a_dead_getter_comes_or_is_named),
        claim(several_of_a_dead_getter_come_or_are_named),
        claim(what_was_not_put_whole_is_not_lost),
        claim(every_message_of_two_dead_getters_comes_or_is_named),
        claim(every_message_of_two_dead_putters_is_there_or_not),
        claim(an_unfinished_message_is_not_lost),
        claim(an_unfinished_message_is_forgotten_when_the_queue_is_shut_down),
        claim(a_queue_is_shut_down_whoever_dies_at_it),
        claim(a_queue_with_a_dead_putter_is_drained),
        claim(a_lock_is_not_that_of_the_next_at_the_place),
        claim(a_lock_of_the_living_is_not_taken),
        claim(numbers_that_lag_behind_are_made_up_for),
        claim(who_has_died_asleep_is_forgotten),
        claim(who_lives_is_not_forgotten_with_the_dead),
        claim(a_full_queue_has_a_place_when_one_has_died),
        claim(the_next_at_a_place_has_taken_nothing),
        claim(a_place_of_who_died_as_it_joined_is_taken_again),
        claim(the_next_at_a_place_does_not_sleep),
    };

    apr_initialize();
    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
