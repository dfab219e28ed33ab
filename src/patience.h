/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_PATIENCE_H
#define MPROC_PATIENCE_H

/*
 * How long a caller waits, and how long it sleeps at a time.
 *
 * The clock is read only when there is something to wait for: what can be done at
 * once must not pay for it.  No sleep is longer than a slice, as who should wake the
 * sleeper may be killed before it does.
 */

#include "deadline.h"

/* The first slice, and the longest one. */
#define MPROC__SLICE_MIN apr_time_from_msec(20)
#define MPROC__SLICE_MAX apr_time_from_sec(1)

typedef struct mproc__patience_t {
    apr_interval_time_t timeout;
    port_deadline_t deadline; /* once it has begun */
    apr_interval_time_t slice;
} mproc__patience_t;

static inline mproc__patience_t mproc__patience(apr_interval_time_t timeout)
{
    mproc__patience_t patience = {timeout, PORT_NOW, 0};

    return patience;
}

/* Time begins to count, if it has not. */
void mproc__patience_begin(mproc__patience_t *patience);

/* Whether the caller waits no longer. */
int mproc__patience_is_over(mproc__patience_t *patience);

/* When to look again at the latest; each slice is twice as long as the last one, up to the longest. */
port_deadline_t mproc__patience_slice(mproc__patience_t *patience);

#endif
