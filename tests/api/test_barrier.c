/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Barriers, among processes and threads.
 */

#include "claims.h"
#include "sleepers.h"
#include "threads.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdatomic.h>
#include <stdlib.h>

#define NPARTIES 4
#define ROUNDS 100

/* -- What the children do ------------------------------------------------------ */

/* Says what it has become of a wait: a number, "broken", or "failed". */
static apr_status_t say_outcome(mproc_connection_t *line, apr_status_t rv, unsigned index)
{
    char word[16];

    apr_snprintf(word, sizeof word, "%u", index);
    if (rv != APR_SUCCESS)
        return say(line, rv == MPROC_EBROKEN ? "broken" : "failed");
    return say(line, word);
}

/* Says "born", waits, and says how that ended. */
static apr_status_t meet(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_barrier_t *barrier;
    unsigned index = 77;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &barrier, &line));
    MPROC_TRY(say(line, "born"));
    rv = mproc_barrier_wait(barrier, &index, MPROC_FOREVER);
    return say_outcome(line, rv, index);
}

static apr_status_t say_acted(void *line)
{
    return say(line, "acted");
}

/* The same with an action, which says "acted". */
static apr_status_t meet_and_act(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_barrier_t *barrier;
    unsigned index = 77;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &barrier, &line));
    MPROC_TRY(say(line, "born"));
    rv = mproc_barrier_wait_with(barrier, say_acted, line, &index, MPROC_FOREVER);
    return say_outcome(line, rv, index);
}

/* Says "acting", and never returns: it is killed. */
static apr_status_t act_for_ever(void *line)
{
    MPROC_TRY(say(line, "acting"));
    return answer_on(line);
}

static apr_status_t meet_and_act_for_ever(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_barrier_t *barrier;

    MPROC_TRY(MPROC_UNPACK(task, &barrier, &line));
    MPROC_TRY(say(line, "born"));
    return mproc_barrier_wait_with(barrier, act_for_ever, line, NULL, PATIENCE);
}

static apr_status_t meet_often(mproc_task_t *task)
{
    mproc_barrier_t *barrier;
    int rounds;

    MPROC_TRY(MPROC_UNPACK(task, &barrier, &rounds));
    for (; rounds > 0; rounds--)
        MPROC_TRY(mproc_barrier_wait(barrier, NULL, PATIENCE));
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(meet),       MPROC_TARGET(meet_and_act),       MPROC_TARGET(meet_and_act_for_ever),
    MPROC_TARGET(meet_often), MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static mproc_barrier_t *make_barrier(unsigned parties, apr_pool_t *mem)
{
    mproc_barrier_t *barrier;

    assert_success(mproc_barrier_create(&barrier, parties, NULL, mem));
    return barrier;
}

typedef struct party_t {
    mproc_process_t *process;
    mproc_connection_t *line;
} party_t;

static void start(party_t *party, mproc_target_fn *target, mproc_barrier_t *barrier,
                  apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(&party->line, &there, MPROC_DUPLEX, mem));
    assert_success(
        mproc_process_start(&party->process, target, MPROC_PACK(barrier, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(party->line, mem), "born");
}

static void await_parties(mproc_barrier_t *barrier, unsigned count)
{
    apr_time_t limit = apr_time_now() + PATIENCE;

    while (mproc_barrier_n_waiting(barrier) < count) {
        assert_true(apr_time_now() < limit);
        apr_sleep(1000);
    }
}

static void assert_outcome(const party_t *party, const char *outcome, apr_pool_t *mem)
{
    assert_string_equal(hear(party->line, mem), outcome);
    assert_ended(party->process, 0);
}

/* -- Meeting ------------------------------------------------------------------------------ */

/* This process comes last. */
static void assert_all_meet(unsigned parties, apr_pool_t *mem)
{
    enum { MOST = 50 };
    mproc_barrier_t *barrier = make_barrier(parties, mem);
    party_t party[MOST];
    int seen[MOST] = {0};
    unsigned i, index;

    for (i = 0; i + 1 < parties; i++)
        start(&party[i], meet, barrier, mem);
    await_parties(barrier, parties - 1);
    assert_success(mproc_barrier_wait(barrier, &index, PATIENCE));
    assert_int_equal(index, parties - 1);
    for (i = 0; i + 1 < parties; i++) {
        int number = atoi(hear(party[i].line, mem));
        assert_true(number >= 0 && number < (int)parties - 1 && !seen[number]);
        seen[number] = 1;
        assert_ended(party[i].process, 0);
    }
    assert_int_equal(mproc_barrier_n_waiting(barrier), 0);
    assert_false(mproc_barrier_broken(barrier));
}

static void all_go_on_when_the_last_has_come(void **state)
{
    assert_all_meet(NPARTIES, *state);
}

static void fifty_processes_meet(void **state)
{
    assert_all_meet(50, *state);
}

static void one_party_meets_itself(void **state)
{
    mproc_barrier_t *barrier = make_barrier(1, *state);
    unsigned index = 77;

    assert_success(mproc_barrier_wait(barrier, &index, 0));
    assert_int_equal(index, 0);
    assert_success(mproc_barrier_wait(barrier, NULL, MPROC_FOREVER));
    assert_int_equal(mproc_barrier_parties(barrier), 1);
}

static void they_meet_again_and_again(void **state)
{
    mproc_barrier_t *barrier = make_barrier(NPARTIES, *state);
    mproc_process_t *processes[NPARTIES];
    int i, rounds = ROUNDS * test_scale();

    for (i = 0; i < NPARTIES; i++)
        assert_success(mproc_process_start(&processes[i], meet_often, MPROC_PACK(barrier, rounds),
                                           NULL, *state));
    for (i = 0; i < NPARTIES; i++)
        assert_ended(processes[i], 0);
    assert_int_equal(mproc_barrier_n_waiting(barrier), 0);
}

typedef struct crowd_t {
    mproc_barrier_t *barrier;
    _Atomic unsigned passes;
} crowd_t;

static apr_status_t meet_until_it_is_broken(void *data)
{
    crowd_t *crowd = data;
    apr_status_t rv;

    while ((rv = mproc_barrier_wait(crowd->barrier, NULL, PATIENCE)) == APR_SUCCESS)
        atomic_fetch_add(&crowd->passes, 1);
    return rv;
}

/* Twice as many as are wanted: each round is of some of them. */
static void more_threads_than_parties_share_the_rounds(void **state)
{
    crowd_t crowd = {make_barrier(2, *state), 0};
    apr_time_t limit = apr_time_now() + PATIENCE;
    work_t work[4];
    int i;

    for (i = 0; i < 4; i++)
        assert_success(start_thread(&work[i], meet_until_it_is_broken, &crowd, *state));
    while (atomic_load(&crowd.passes) < 4 * ROUNDS)
        assert_true(apr_time_now() < limit);
    assert_success(mproc_barrier_abort(crowd.barrier));
    for (i = 0; i < 4; i++)
        assert_status(end_thread(&work[i]), MPROC_EBROKEN);
    assert_int_equal(atomic_load(&crowd.passes) % 2, 0);
}

/* -- The action ----------------------------------------------------------------------------- */

static void one_acts_before_all_go_on(void **state)
{
    mproc_barrier_t *barrier = make_barrier(NPARTIES, *state);
    party_t party[NPARTIES];
    int i, acted = 0;

    for (i = 0; i < NPARTIES; i++)
        start(&party[i], meet_and_act, barrier, *state);
    for (i = 0; i < NPARTIES; i++) {
        const char *word = hear(party[i].line, *state);
        if (word[0] == 'a') {
            acted++;
            word = hear(party[i].line, *state);
            assert_int_equal(atoi(word), NPARTIES - 1);
        }
        assert_true(word[0] >= '0' && word[0] <= '9');
        assert_ended(party[i].process, 0);
    }
    assert_int_equal(acted, 1);
}

static apr_status_t find_nothing(void *context)
{
    (void)context;
    return mproc_error_set(APR_ENOENT, "nothing is there");
}

static void an_action_that_fails_breaks_the_barrier(void **state)
{
    mproc_barrier_t *barrier = make_barrier(2, *state);
    party_t party;

    start(&party, meet, barrier, *state);
    await_parties(barrier, 1);
    assert_refused(mproc_barrier_wait_with(barrier, find_nothing, NULL, NULL, PATIENCE), APR_ENOENT,
                   "nothing is there");
    assert_outcome(&party, "broken", *state);
    assert_true(mproc_barrier_broken(barrier));
}

static apr_status_t break_own(void *barrier)
{
    return mproc_barrier_abort(barrier);
}

static void an_action_may_break_its_barrier(void **state)
{
    mproc_barrier_t *barrier = make_barrier(1, *state);

    assert_status(mproc_barrier_wait_with(barrier, break_own, barrier, NULL, 0), MPROC_EBROKEN);
    assert_success(mproc_barrier_reset(barrier));
    assert_success(mproc_barrier_wait(barrier, NULL, 0));
}

static apr_status_t wait_in_a_thread(void *barrier)
{
    return mproc_barrier_wait(barrier, NULL, PATIENCE);
}

static void who_comes_while_one_acts_is_of_the_next_round(void **state)
{
    mproc_barrier_t *barrier = make_barrier(1, *state);
    party_t party;
    work_t work;

    start(&party, meet_and_act_for_ever, barrier, *state);
    assert_string_equal(hear(party.line, *state), "acting");
    assert_success(start_thread(&work, wait_in_a_thread, barrier, *state));
    await_sleepers(barrier, IN_BARRIER, 1);
    assert_success(say(party.line, "leave"));
    assert_success(end_thread(&work));
    assert_ended(party.process, 0);
}

static apr_status_t wait_without_time(void *barrier)
{
    return mproc_barrier_wait(barrier, NULL, 0);
}

/* As in Python: he waits for the end of the round before his own, and then breaks that one. */
static void who_comes_while_one_acts_without_time_breaks_the_next_round_only(void **state)
{
    mproc_barrier_t *barrier = make_barrier(2, *state);
    party_t waiting, acting;
    work_t work;

    start(&waiting, meet, barrier, *state);
    await_parties(barrier, 1);
    start(&acting, meet_and_act_for_ever, barrier, *state);
    assert_string_equal(hear(acting.line, *state), "acting");
    assert_success(start_thread(&work, wait_without_time, barrier, *state));
    await_sleepers(barrier, IN_BARRIER, 2);
    assert_false(mproc_barrier_broken(barrier));
    assert_success(say(acting.line, "leave"));
    assert_outcome(&waiting, "0", *state);
    assert_ended(acting.process, 0);
    assert_status(end_thread(&work), MPROC_EBROKEN);
    assert_true(mproc_barrier_broken(barrier));
}

#define A_WHILE apr_time_from_msec(300)

static apr_status_t wait_for_a_while(void *barrier)
{
    return mproc_barrier_wait(barrier, NULL, A_WHILE);
}

/* Longer than the other one waits, who has come, and than it takes him to notice. */
static apr_status_t act_for_longer(void *has_acted)
{
    *(int *)has_acted = 1;
    apr_sleep(2 * A_WHILE);
    return APR_SUCCESS;
}

static void await_one_or_the_end(mproc_barrier_t *barrier)
{
    while (mproc_barrier_n_waiting(barrier) == 0 && !mproc_barrier_broken(barrier))
        apr_sleep(1000);
}

/* Where this process comes so late that the other one's time is up before, they meet again. */
static void whose_time_is_up_while_one_acts_goes_on_with_the_others(void **state)
{
    mproc_barrier_t *barrier = make_barrier(2, *state);
    int has_acted = 0;
    apr_status_t rv;
    work_t work;

    for (;;) {
        assert_success(start_thread(&work, wait_for_a_while, barrier, *state));
        await_one_or_the_end(barrier);
        rv = mproc_barrier_wait_with(barrier, act_for_longer, &has_acted, NULL, PATIENCE);
        if (has_acted)
            break;
        assert_status(rv, MPROC_EBROKEN);
        assert_status(end_thread(&work), MPROC_EBROKEN);
        assert_success(mproc_barrier_reset(barrier));
    }
    assert_success(rv);
    assert_success(end_thread(&work));
    assert_false(mproc_barrier_broken(barrier));
}

/* -- Breaking ------------------------------------------------------------------------------- */

static void who_does_not_wait_any_longer_breaks_it(void **state)
{
    mproc_barrier_t *barrier = make_barrier(3, *state);
    party_t party;
    unsigned index = 77;

    start(&party, meet, barrier, *state);
    await_parties(barrier, 1);
    assert_refused(mproc_barrier_wait(barrier, &index, A_MOMENT), MPROC_EBROKEN, "is broken");
    assert_int_equal(index, 77);
    assert_outcome(&party, "broken", *state);
    assert_true(mproc_barrier_broken(barrier));
    assert_status(mproc_barrier_wait(barrier, NULL, MPROC_FOREVER), MPROC_EBROKEN);
    assert_int_equal(mproc_barrier_n_waiting(barrier), 0);
}

static void who_aborts_breaks_it(void **state)
{
    mproc_barrier_t *barrier = make_barrier(3, *state);
    party_t party;

    start(&party, meet, barrier, *state);
    await_parties(barrier, 1);
    assert_success(mproc_barrier_abort(barrier));
    assert_success(mproc_barrier_abort(barrier));
    assert_outcome(&party, "broken", *state);
    assert_status(mproc_barrier_wait(barrier, NULL, MPROC_FOREVER), MPROC_EBROKEN);
}

static void after_a_reset_they_meet_again(void **state)
{
    mproc_barrier_t *barrier = make_barrier(2, *state);
    party_t party;

    start(&party, meet, barrier, *state);
    await_parties(barrier, 1);
    assert_success(mproc_barrier_reset(barrier)); /* of one that is not broken */
    assert_outcome(&party, "broken", *state);
    assert_false(mproc_barrier_broken(barrier));
    assert_success(mproc_barrier_abort(barrier));
    assert_success(mproc_barrier_reset(barrier));
    assert_false(mproc_barrier_broken(barrier));
    start(&party, meet, barrier, *state);
    assert_success(mproc_barrier_wait(barrier, NULL, PATIENCE));
    assert_true(hear(party.line, *state)[0] != 'b');
    assert_ended(party.process, 0);
}

static void kill_it(const party_t *party)
{
    assert_success(mproc_process_kill(party->process));
    assert_success(mproc_process_join(party->process, PATIENCE));
}

/* Whichever of them it is. */
static void who_dies_waiting_breaks_it(void **state)
{
    int victim, i;

    for (victim = 0; victim < 3; victim++) {
        mproc_barrier_t *barrier = make_barrier(NPARTIES, *state);
        party_t party[3];

        for (i = 0; i < 3; i++) {
            start(&party[i], meet, barrier, *state);
            await_parties(barrier, (unsigned)i + 1);
        }
        kill_it(&party[victim]);
        for (i = 0; i < 3; i++)
            if (i != victim)
                assert_outcome(&party[i], "broken", *state);
        assert_true(mproc_barrier_broken(barrier));
    }
}

static void who_dies_acting_breaks_it(void **state)
{
    mproc_barrier_t *barrier = make_barrier(2, *state);
    party_t waiting, acting;

    start(&waiting, meet, barrier, *state);
    await_parties(barrier, 1);
    start(&acting, meet_and_act_for_ever, barrier, *state);
    assert_string_equal(hear(acting.line, *state), "acting");
    kill_it(&acting);
    assert_outcome(&waiting, "broken", *state);
}

static void who_comes_while_one_acts_hears_of_his_death(void **state)
{
    mproc_barrier_t *barrier = make_barrier(1, *state);
    party_t acting;
    work_t work;

    start(&acting, meet_and_act_for_ever, barrier, *state);
    assert_string_equal(hear(acting.line, *state), "acting");
    assert_success(start_thread(&work, wait_without_time, barrier, *state));
    await_sleepers(barrier, IN_BARRIER, 1);
    kill_it(&acting);
    assert_status(end_thread(&work), MPROC_EBROKEN);
}

/* -- What is refused ----------------------------------------------------------------------- */

static void a_barrier_at_which_a_thread_waits_is_not_closed(void **state)
{
    mproc_barrier_t *barrier = make_barrier(2, *state);
    work_t work;

    assert_success(start_thread(&work, wait_in_a_thread, barrier, *state));
    await_parties(barrier, 1);
    assert_refused(mproc_barrier_close(barrier), MPROC_EINUSE, "another thread waits");
    assert_success(mproc_barrier_wait(barrier, NULL, PATIENCE));
    assert_success(end_thread(&work));
    assert_success(mproc_barrier_close(barrier));
}

static void bad_arguments_are_refused(void **state)
{
    mproc_barrier_options_t unset = {0, 1};
    mproc_barrier_t *barrier;

    assert_refused(mproc_barrier_create(NULL, 1, NULL, *state), APR_EINVAL, "variable");
    assert_refused(mproc_barrier_create(&barrier, 0, NULL, *state), APR_EINVAL, "for 0 parties");
    assert_refused(mproc_barrier_create(&barrier, MPROC_BARRIER_MAX + 1, NULL, *state), APR_EINVAL,
                   "1 to 65536");
    assert_refused(mproc_barrier_create(&barrier, 1, &unset, *state), APR_EINVAL,
                   "MPROC_BARRIER_OPTIONS");
    assert_success(mproc_barrier_create(&barrier, MPROC_BARRIER_MAX, NULL, *state));
    assert_int_equal(mproc_barrier_parties(barrier), MPROC_BARRIER_MAX);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(all_go_on_when_the_last_has_come),
        claim(fifty_processes_meet),
        claim_leaving_nothing(one_party_meets_itself),
        claim_leaving_nothing(they_meet_again_and_again),
        claim_leaving_nothing(more_threads_than_parties_share_the_rounds),
        claim_leaving_nothing(one_acts_before_all_go_on),
        claim_leaving_nothing(an_action_that_fails_breaks_the_barrier),
        claim_leaving_nothing(an_action_may_break_its_barrier),
        claim_leaving_nothing(who_comes_while_one_acts_is_of_the_next_round),
        claim_leaving_nothing(who_comes_while_one_acts_without_time_breaks_the_next_round_only),
        claim_leaving_nothing(whose_time_is_up_while_one_acts_goes_on_with_the_others),
        claim_leaving_nothing(who_does_not_wait_any_longer_breaks_it),
        claim_leaving_nothing(who_aborts_breaks_it),
        claim_leaving_nothing(after_a_reset_they_meet_again),
        claim_leaving_nothing(who_dies_waiting_breaks_it),
        claim_leaving_nothing(who_dies_acting_breaks_it),
        claim_leaving_nothing(who_comes_while_one_acts_hears_of_his_death),
        claim_leaving_nothing(a_barrier_at_which_a_thread_waits_is_not_closed),
        claim_leaving_nothing(bad_arguments_are_refused),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
