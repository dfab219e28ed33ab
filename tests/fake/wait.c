/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on many.
 */

#include "internal.h"

static int is_ready(const port_waitable_t *what)
{
    const fake_end_t *end;

    if (what->process != NULL && what->has_ended && fake_forkservers_are_stopped())
        return 0;
    if (what->process != NULL)
        return what->process->child != NULL && !what->process->child->is_running;
    if (what->bell != NULL)
        return fake_bell_is_ringing(what->bell);
    if (what->channel == NULL)
        return 0;
    end = fake_handle_end(what->channel->handle);
    assert_non_null(end);
    return end->size > 0 || end->peer->handles == 0;
}

static int mark_ready(port_waitable_t *what, size_t count)
{
    int found = 0;

    for (; count-- > 0; what++) {
        if (is_ready(what))
            what->is_ready = 1;
        found = found || what->is_ready;
    }
    return found;
}

apr_status_t port_wait(port_waitable_t *what, size_t count, port_deadline_t deadline)
{
    assert_true(count > 0);
    MPROC_TRY(fake_call());
    while (!mark_ready(what, count))
        MPROC_TRY(fake_let_time_pass(deadline));
    return APR_SUCCESS;
}
