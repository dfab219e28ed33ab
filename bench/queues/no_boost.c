/* SPDX-License-Identifier: Apache-2.0 */

/* The place of Boost.Interprocess where it is not installed. */

#include "queues.h"

static const char *refuses(const queue_use_t *use)
{
    (void)use;
    return "Boost.Interprocess is not installed";
}

const queue_kind_t queue_boost = {.name = "Boost message_queue", .refuses = refuses};
