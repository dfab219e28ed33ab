/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A member that gives no sign of life: it is dead, if nothing was closed in its
 * process meanwhile.  The sign is what the test says.
 */

#include "sharing.h"
#include "walk.h"

#include "belongings.h"

static apr_pool_t *mem;
static mproc_queue_t *queue;   /* this process's, which looks */
static mproc__member_t *other; /* a child's, which runs */

static void begin(void)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_process_t *process;

    mem = fake_program_begin(walk_targets);
    fake_children_act(fake_is_idle, 0);
    options.capacity = SMALL;
    options.processes = 2;
    assert_success(mproc_queue_create(&queue, &options, mem));
    assert_success(mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, mem));
    other = &share_queue(fake_last_child(), queue, mem)->view.member;
}

static int is_dead(void)
{
    return mproc__member_is_dead(&queue->view.member, other->id);
}

/* -- What is seen of the sign ---------------------------------------------------------- */

static int is_silent(unsigned place)
{
    return place == other->place;
}

static int closes_meanwhile(unsigned place)
{
    mproc__member_begin_closing(other);
    mproc__member_end_closing(other);
    return place == other->place;
}

static int begins_to_close(unsigned place)
{
    mproc__member_begin_closing(other);
    return place == other->place;
}

static int leaves_meanwhile(unsigned place)
{
    mproc__member_leave(other);
    return place == other->place;
}

/* -- Who is dead ----------------------------------------------------------------------- */

static void who_gives_no_sign_is_dead(void **state)
{
    (void)state;
    begin();
    assert_false(is_dead());
    fake_lives_let_go(is_silent);
    assert_true(is_dead());
    fake_program_end();
}

static void who_gives_none_during_a_closing_lives(void **state)
{
    (void)state;
    begin();
    fake_lives_let_go(is_silent);
    mproc__member_begin_closing(other);
    assert_false(is_dead());
    mproc__member_begin_closing(other);
    mproc__member_end_closing(other);
    assert_false(is_dead());
    mproc__member_end_closing(other);
    assert_true(is_dead());
    fake_program_end();
}

static void a_closing_that_began_and_ended_meanwhile_is_no_death(void **state)
{
    (void)state;
    begin();
    fake_lives_let_go(closes_meanwhile);
    assert_false(is_dead());
    fake_lives_let_go(begins_to_close);
    assert_false(is_dead());
    fake_program_end();
}

static void who_cannot_give_the_sign_again_is_not_dead(void **state)
{
    (void)state;
    begin();
    fake_lives_let_go(is_silent);
    fake_renewals_return(APR_EBUSY);
    mproc__member_begin_closing(other);
    mproc__member_end_closing(other);
    assert_false(is_dead());
    fake_program_end();
}

static void who_leaves_is_not_dead_at_that_moment(void **state)
{
    (void)state;
    begin();
    fake_lives_let_go(leaves_meanwhile);
    assert_false(mproc__place_is_dead(&queue->view.member, other->place));
    fake_program_end();
}

/* Whatever was said of the dead one. */
static void who_follows_a_dead_one_lives(void **state)
{
    mproc__member_t next;

    (void)state;
    begin();
    fake_lives_let_go(is_silent);
    next = *other;
    fake_act_as(fake_last_child());
    assert_int_equal(mproc__member_join(&next, mem), APR_SUCCESS);
    fake_act_as(NULL);
    assert_int_equal(next.place, other->place);
    assert_false(mproc__member_is_dead(&queue->view.member, next.id));
    assert_true(is_dead());
    mproc__member_end_closing(&next);
    assert_true(mproc__member_is_dead(&queue->view.member, next.id));
    fake_program_end();
}

static void who_follows_one_who_was_asleep_does_not_sleep(void **state)
{
    _Atomic uint32_t *sleepers;
    mproc__member_t next;

    (void)state;
    begin();
    sleepers = other->places[other->place].sleepers;
    (void)mproc__event_prepare(other, MPROC__NOT_EMPTY);
    assert_int_equal(atomic_load(&sleepers[MPROC__NOT_EMPTY]), 1);
    fake_lives_let_go(is_silent);
    next = *other;
    assert_int_equal(mproc__member_join(&next, mem), APR_SUCCESS);
    assert_int_equal(next.place, other->place);
    assert_int_equal(atomic_load(&sleepers[MPROC__NOT_EMPTY]), 0);
    fake_program_end();
}

static void join_as(void *member)
{
    (void)mproc__member_join(member, mem);
}

/* The next one is stopped at some point of its coming: whether it has so many. */
static int stops_coming_at(int n)
{
    fake_child_t *dead;
    mproc_process_t *process;
    mproc__member_t next;
    int was_stopped;

    begin();
    dead = fake_last_child();
    assert_success(mproc_process_start(&process, work, MPROC_NO_ARGS, NULL, mem));
    next = *other;
    fake_child_end(dead, PORT_SIGNALED, 9);
    was_stopped = fake_child_stops_at(fake_last_child(), n, join_as, &next);
    assert_true(is_dead());
    fake_program_end();
    return was_stopped;
}

static void a_dead_one_is_dead_wherever_its_follower_is_stopped(void **state)
{
    int n = 1;

    (void)state;
    while (stops_coming_at(n))
        n++;
    assert_true(n > 5);
}

static void the_lock_of_one_that_gives_no_sign_is_taken(void **state)
{
    (void)state;
    begin();
    assert_true(mproc__lock_try(&queue->view.ring->putting, other));
    fake_lives_let_go(is_silent);
    mproc__member_begin_closing(other);
    assert_true(APR_STATUS_IS_TIMEUP(mproc_queue_put_bytes(queue, "word", 4, A_WHILE)));
    mproc__member_end_closing(other);
    assert_success(mproc_queue_put_bytes(queue, "word", 4, A_WHILE));
    fake_program_end();
}

/* -- What closes ----------------------------------------------------------------------- */

static void begin_closing(void)
{
    mproc__belongings_lock();
    mproc__belongings_begin_closing();
    mproc__belongings_unlock();
}

static void end_closing(void)
{
    mproc__belongings_lock();
    mproc__belongings_end_closing();
    mproc__belongings_unlock();
}

/* Closings that are under way, as others see them. */
static unsigned count_closings(const mproc_queue_t *of)
{
    const mproc__member_t *member = &of->view.member;

    return (unsigned)(atomic_load(&member->places[member->place].closings) & 0xffff);
}

static apr_uint64_t count_ended(const mproc_queue_t *of)
{
    const mproc__member_t *member = &of->view.member;

    return atomic_load(&member->places[member->place].closings) >> 16;
}

static void a_queue_that_is_made_during_closings_ends_them_too(void **state)
{
    mproc_queue_t *made;

    (void)state;
    begin();
    begin_closing();
    begin_closing();
    assert_success(mproc_queue_create(&made, NULL, mem));
    assert_int_equal(count_closings(made), 2);
    end_closing();
    assert_int_equal(count_closings(made), 1);
    end_closing();
    assert_int_equal(count_closings(made), 0);
    assert_int_equal(count_closings(queue), 0);
    fake_program_end();
}

static apr_status_t start_another(void)
{
    mproc_process_t *process;

    return mproc_process_start(&process, work, MPROC_PACK(queue), NULL, mem);
}

/* What fails is the n-th call; whether there were so many. */
static int fail_to_start(int n, int *failures)
{
    int has_failed;

    begin();
    fake_fail(n, APR_EGENERAL);
    *failures += start_another() != APR_SUCCESS;
    has_failed = fake_failed() != NULL;
    fake_relent();
    assert_int_equal(count_closings(queue), 0);
    fake_program_end();
    return has_failed;
}

static void a_start_is_a_closing_also_when_it_fails(void **state)
{
    apr_uint64_t ended;
    int n = 1, failures = 0;

    (void)state;
    begin();
    ended = count_ended(queue);
    assert_success(start_another());
    assert_true(count_ended(queue) > ended);
    fake_program_end();
    while (fail_to_start(n, &failures))
        n++;
    assert_true(failures > 0);
}

static void the_close_of_one_object_is_a_closing_of_the_others(void **state)
{
    mproc_connection_t *here, *there;
    mproc_queue_t *made;
    apr_uint64_t ended;

    (void)state;
    begin();
    assert_success(mproc_queue_create(&made, NULL, mem));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    ended = count_ended(queue);
    assert_success(mproc_queue_close(made));
    assert_int_equal(count_ended(queue), ended + 1);
    assert_success(mproc_connection_close(here));
    assert_int_equal(count_ended(queue), ended + 2);
    assert_int_equal(count_closings(queue), 0);
    fake_program_end();
}

/* What its parent was closing, it is not. */
static void a_copy_begins_with_no_closings(void **state)
{
    mproc_queue_t *made;

    (void)state;
    begin();
    begin_closing();
    mproc__belongings_give_up();
    assert_success(mproc_queue_create(&made, NULL, mem));
    assert_int_equal(count_closings(made), 0);
    fake_program_end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        claim(who_gives_no_sign_is_dead),
        claim(who_gives_none_during_a_closing_lives),
        claim(a_closing_that_began_and_ended_meanwhile_is_no_death),
        claim(who_cannot_give_the_sign_again_is_not_dead),
        claim(who_leaves_is_not_dead_at_that_moment),
        claim(who_follows_a_dead_one_lives),
        claim(who_follows_one_who_was_asleep_does_not_sleep),
        claim(a_dead_one_is_dead_wherever_its_follower_is_stopped),
        claim(the_lock_of_one_that_gives_no_sign_is_taken),
        claim(a_queue_that_is_made_during_closings_ends_them_too),
        claim(a_start_is_a_closing_also_when_it_fails),
        claim(the_close_of_one_object_is_a_closing_of_the_others),
        claim(a_copy_begins_with_no_closings),
    };

    fake_reset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
