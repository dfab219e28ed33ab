/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A fork server: there is none where there is no fork; see fork.c.
 */

#include "internal.h"

#include <assert.h>

apr_status_t port_forkserver_serve(port_channel_t *server, const port_serving_t *serving)
{
    (void)server;
    (void)serving;
    assert(!"port_forkserver_refusal() was not asked");
    return APR_ENOTIMPL;
}
