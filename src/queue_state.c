/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What can be asked of a queue, and its end.
 */

#include "queue.h"
#include "tasks.h"

#include <mproc/status.h>

apr_status_t mproc_queue_qsize(mproc_queue_t *queue, size_t *messages)
{
    MPROC_TRY(mproc__queue_check(queue));
    if (messages == NULL)
        return mproc_error_set(APR_EINVAL, "the variable for the number of messages is NULL");
    return mproc__queue_failed(mproc__ring_count(&queue->view, messages));
}

int mproc_queue_empty(mproc_queue_t *queue)
{
    size_t messages;

    return mproc_queue_qsize(queue, &messages) != APR_SUCCESS || messages == 0;
}

int mproc_queue_full(mproc_queue_t *queue)
{
    return mproc__queue_check(queue) != APR_SUCCESS || mproc__ring_is_full(&queue->view);
}

apr_status_t mproc_queue_shutdown(mproc_queue_t *queue, mproc_shutdown_t how)
{
    apr_status_t rv;

    MPROC_TRY(mproc__queue_check(queue));
    if (how != MPROC_DRAIN && how != MPROC_AT_ONCE)
        return mproc_error_set(APR_EINVAL,
                               "a queue is shut down by MPROC_DRAIN or MPROC_AT_ONCE, "
                               "not %d",
                               (int)how);
    rv = mproc__ring_shut_down(&queue->view,
                               how == MPROC_DRAIN ? MPROC__RING_DRAINING : MPROC__RING_SHUT);
    if (queue->view.tasks != NULL)
        mproc__tasks_tell(&queue->view);
    return mproc__queue_failed(rv);
}

/* -- What dead processes had ---------------------------------------------------------- */

typedef struct list_t {
    mproc_lost_t *lost;
    size_t max, count;
} list_t;

static void list_claim(list_t *list, apr_int64_t pid, const mproc__claim_t *claim)
{
    uint32_t i;

    for (i = 0; i < claim->count; i++, list->count++)
        if (list->count < list->max) {
            list->lost[list->count].pid = pid;
            list->lost[list->count].number = claim->first + i;
        }
}

static void list_lost(list_t *list, const mproc__ring_view_t *view)
{
    const mproc__member_t *member = &view->member;
    unsigned place;

    for (place = 0; place < member->nplaces; place++) {
        port_life_t noted = atomic_load(&member->places[place].noted);
        mproc__claim_t claim = mproc__ring_claim(view, place);

        if (claim.count > 0 && mproc__place_is_dead(member, place) &&
            (view->tasks == NULL || !mproc__tasks_are_done(view, place)))
            list_claim(list, port_life_pid(noted), &claim);
    }
}

/*
 * Under the getters' lock claims and what was got agree with each other; and so they do where who has
 * it waits for another piece of a message.
 */
apr_status_t mproc_queue_lost(mproc_queue_t *queue, mproc_lost_t *lost, size_t max, size_t *count)
{
    mproc__patience_t patience = mproc__patience(MPROC__LOOK_MAX);
    list_t list = {lost, max, 0};
    int is_locked;

    MPROC_TRY(mproc__queue_check(queue));
    if (count == NULL || (lost == NULL && max > 0))
        return mproc_error_set(APR_EINVAL, "the list or the variable for its length is NULL");
    is_locked = mproc__ring_lock_getting(&queue->view, &patience) == APR_SUCCESS;
    if (is_locked)
        mproc__stream_end(&queue->view);
    list_lost(&list, &queue->view);
    if (is_locked)
        mproc__ring_unlock_getting(&queue->view);
    *count = list.count;
    return APR_SUCCESS;
}

apr_status_t mproc_queue_last(mproc_queue_t *queue, apr_uint64_t *put, apr_uint64_t *got)
{
    mproc__patience_t patience = mproc__patience(MPROC_FOREVER);
    mproc__claim_t claim;

    MPROC_TRY(mproc__queue_check(queue));
    MPROC_TRY(mproc__ring_lock_getting(&queue->view, &patience));
    claim = mproc__ring_claim(&queue->view, queue->view.member.place);
    mproc__ring_unlock_getting(&queue->view);
    if (put != NULL)
        *put = atomic_load(mproc__member_note(&queue->view.member, MPROC__LAST_PUT));
    if (got != NULL)
        *got = claim.count > 0 ? claim.first + claim.count - 1 : 0;
    return APR_SUCCESS;
}
