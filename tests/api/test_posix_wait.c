/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting while signals come: they neither end a wait nor prolong it.
 */

#include "claims.h"
#include "workers.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#define TICKS_A_SECOND 200

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

static volatile sig_atomic_t ticks;

static void count_tick(int number)
{
    (void)number;
    ticks++;
}

/* A handler without SA_RESTART, every five milliseconds. */
static void tick(int is_on)
{
    struct itimerval every = {{0, is_on ? 1000000 / TICKS_A_SECOND : 0}, {0, is_on ? 1000 : 0}};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = is_on ? count_tick : SIG_IGN;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    ticks = 0;
}

static void signals_do_not_move_the_deadline(void **state)
{
    mproc_connection_t *here, *there;
    apr_time_t begin, lasted;

    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    {
        mproc_waitable_t what[] = {MPROC_WAITABLE(here)};

        tick(1);
        begin = apr_time_now();
        assert_status(mproc_wait(what, 1, apr_time_from_msec(300)), APR_TIMEUP);
        lasted = apr_time_now() - begin;
        assert_true(ticks > 3);
        tick(0);
    }
    assert_true(lasted >= apr_time_from_msec(299) && lasted < apr_time_from_sec(10));
}

static void signals_do_not_end_a_wait_for_ever(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;

    start_born(&process, &line, answer, NULL, *state);
    {
        mproc_waitable_t what[] = {MPROC_WAITABLE(process), MPROC_WAITABLE(line)};

        tick(1);
        assert_status(mproc_wait(what, 2, A_MOMENT), APR_TIMEUP);
        assert_success(say(line, "leave"));
        assert_success(mproc_wait(what, 1, MPROC_FOREVER));
        tick(0);
    }
    assert_ended(process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(signals_do_not_move_the_deadline),
        claim_leaving_nothing(signals_do_not_end_a_wait_for_ever),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
