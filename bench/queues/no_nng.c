/* SPDX-License-Identifier: Apache-2.0 */

/* The place of nng where it is not installed. */

#include "queues.h"

static const char *refuses(const queue_use_t *use)
{
    (void)use;
    return "nng is not installed";
}

const queue_kind_t queue_nng = {.name = "nng ipc", .refuses = refuses};
