/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MPROC_TESTS_FAKE_SHARING_H
#define MPROC_TESTS_FAKE_SHARING_H

/*
 * A queue that played children have too.
 */

#include "fake.h"

#include "queue.h"

/*
 * The queue as a child has it, which is a member from now on; no part of this process's list of
 * belongings, so that nothing is done at its end: it goes with `mem`, which must go before the
 * queue.  To be used while this process acts as the child.
 */
mproc_queue_t *share_queue(const fake_child_t *child, const mproc_queue_t *queue, apr_pool_t *mem);

/* The same, when the child may find no place: what the library says. */
apr_status_t try_to_share_queue(mproc_queue_t **childs, const fake_child_t *child,
                                const mproc_queue_t *queue, apr_pool_t *mem);

#endif
