/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_DEADLINE_H
#define MPROC_DEADLINE_H

/*
 * The one meaning of a timeout, turned into a deadline once, on entry.
 */

#include "port.h"

#include <mproc/declare.h>

static inline port_deadline_t mproc__deadline(apr_interval_time_t timeout)
{
    port_deadline_t now;

    if (timeout == MPROC_FOREVER)
        return PORT_NEVER;
    if (timeout <= 0)
        return PORT_NOW;
    now = port_clock();
    return timeout < PORT_NEVER - now ? now + timeout : PORT_NEVER - 1;
}

#endif
