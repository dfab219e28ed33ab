/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How long a caller waits.
 */

#include "patience.h"

void mproc__patience_begin(mproc__patience_t *patience)
{
    if (patience->slice > 0)
        return;
    patience->slice = MPROC__SLICE_MIN;
    patience->deadline = mproc__deadline(patience->timeout);
}

int mproc__patience_is_over(mproc__patience_t *patience)
{
    mproc__patience_begin(patience);
    if (patience->deadline == PORT_NEVER || patience->deadline == PORT_NOW)
        return patience->deadline == PORT_NOW;
    return port_clock() >= patience->deadline;
}

port_deadline_t mproc__patience_slice(mproc__patience_t *patience)
{
    port_deadline_t end;

    mproc__patience_begin(patience);
    end = port_clock() + patience->slice;
    patience->slice *= 2;
    if (patience->slice > MPROC__SLICE_MAX)
        patience->slice = MPROC__SLICE_MAX;
    return end < patience->deadline ? end : patience->deadline;
}
