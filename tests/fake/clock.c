/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A clock that jumps: who waits for what does not come is at its deadline at once.
 */

#include "internal.h"

static port_deadline_t now;

void fake_clock_reset(void)
{
    now = apr_time_from_sec(1);
}

port_deadline_t port_clock(void)
{
    return now;
}

apr_status_t fake_let_time_pass(port_deadline_t deadline)
{
    if (deadline <= now)
        return APR_TIMEUP;
    if (fake_children_have_acted())
        return APR_SUCCESS;
    if (deadline == PORT_NEVER)
        fail_msg("somebody waits without a deadline for what will never come");
    now = deadline;
    return APR_TIMEUP;
}
