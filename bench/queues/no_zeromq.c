/* SPDX-License-Identifier: Apache-2.0 */

/* The place of ZeroMQ where it is not installed. */

#include "queues.h"

static const char *refuses(const queue_use_t *use)
{
    (void)use;
    return "ZeroMQ is not installed";
}

const queue_kind_t queue_zeromq = {.name = "ZeroMQ ipc", .refuses = refuses};
