/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Counting the calls that can fail, and letting some of them.
 */

#include "internal.h"

#include <limits.h>

static int is_counting, pauses;
static int calls, first, last; /* the numbers of those that fail, or 0 */
static apr_status_t failure;
static const char *failed;

static void begin(int from, int to, apr_status_t status)
{
    is_counting = 1;
    calls = 0;
    first = from;
    last = to;
    failure = status;
    failed = NULL;
}

void fake_fail(int n, apr_status_t status)
{
    begin(n, n, status);
}

void fake_fail_from(int n, apr_status_t status)
{
    begin(n, INT_MAX, status);
}

void fake_relent(void)
{
    is_counting = 0;
}

int fake_calls(void)
{
    return calls;
}

const char *fake_failed(void)
{
    return failed;
}

void fake_pause(void)
{
    pauses++;
}

void fake_resume(void)
{
    assert(pauses > 0);
    pauses--;
}

apr_status_t fake_call_in(const char *function)
{
    if (!is_counting || pauses > 0)
        return APR_SUCCESS;
    calls++;
    if (calls < first || calls > last)
        return APR_SUCCESS;
    if (failed == NULL)
        failed = function;
    return failure;
}

fake_open_t fake_open(void)
{
    fake_open_t open = {
        .handles = fake_handles_count(FAKE_THIS_PROCESS),
        .processes = fake_processes_count(),
        .blocks = fake_blocks_count(),
        .pools = fake_pools_count(),
        .holds = fake_signals_are_held(),
    };

    fake_children_count(&open.running, &open.unreaped);
    return open;
}

void fake_reset(void)
{
    fake_relent();
    pauses = 0;
    fake_children_reset();
    fake_handles_close_of(FAKE_PARENT);
    fake_handles_close_of(FAKE_ON_THE_WAY);
    fake_handles_close_of(FAKE_THIS_PROCESS);
    fake_processes_reset();
    fake_clock_reset();
    fake_environment_reset();
    fake_surroundings_reset();
    fake_fork_reset();
    fake_forkserver_reset();
    fake_lives_let_go(NULL);
    fake_renewals_return(APR_SUCCESS);
}
