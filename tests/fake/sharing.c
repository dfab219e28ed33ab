/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Both see the same memory, by the same segment; each is a member of its own.
 */

#include "sharing.h"

#include <mproc/status.h>

#include <apr_strings.h>

apr_status_t try_to_share_queue(mproc_queue_t **childs, const fake_child_t *child,
                                const mproc_queue_t *queue, apr_pool_t *mem)
{
    mproc_queue_t *made = apr_pmemdup(mem, queue, sizeof *queue);
    apr_status_t rv;

    made->outgoing = (mproc__buffer_t){NULL, 0, 0};
    fake_act_as(child);
    rv = mproc__member_join(&made->view.member, mem);
    fake_act_as(NULL);
    if (rv != APR_SUCCESS)
        return rv;
    mproc__member_end_closing(&made->view.member);
    *childs = made;
    return APR_SUCCESS;
}

mproc_queue_t *share_queue(const fake_child_t *child, const mproc_queue_t *queue, apr_pool_t *mem)
{
    mproc_queue_t *childs;

    assert_int_equal(try_to_share_queue(&childs, child, queue, mem), APR_SUCCESS);
    return childs;
}
