/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A clock that jumps: who waits for what does not come is at its deadline at once.
 */

#include "internal.h"

/* Nothing in a test takes so long. */
#define TOO_LATE apr_time_from_sec(600)

static port_deadline_t now = apr_time_from_sec(1);

void fake_clock_reset(void)
{
    now = apr_time_from_sec(1);
}

port_deadline_t port_clock(void)
{
    return now;
}

/* The clock is the test's thread's to set, which knows when nobody has anything to do. */
static apr_status_t jump(port_deadline_t deadline)
{
    port_deadline_t others = fake_other_deadline();
    port_deadline_t until = others < deadline ? others : deadline;

    if (until == PORT_NEVER || now > TOO_LATE)
        fail_msg("somebody waits without an end for what will never come, after %s has failed",
                 fake_failed() != NULL ? fake_failed() : "nothing");
    now = until > now ? until : now;
    return deadline <= now ? APR_TIMEUP : APR_SUCCESS;
}

apr_status_t fake_let_time_pass(port_deadline_t deadline)
{
    if (deadline <= now)
        return APR_TIMEUP;
    if (fake_children_have_acted()) {
        fake_something_was_done();
        return APR_SUCCESS;
    }
    if (fake_is_other_thread()) {
        fake_other_waits(deadline);
        return deadline <= now ? APR_TIMEUP : APR_SUCCESS;
    }
    return fake_other_has_had_turn() ? APR_SUCCESS : jump(deadline);
}
