/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of the tasks of a joinable queue when the actor has been killed:
 * each message is a task that somebody has done, or that was lost.
 */

#include "stage.h"

#include "queue.h"

int stage_is_joinable;

/* What survivors have got, they do, unless they have done it before. */
static void finish_all(stage_t *stage)
{
    uint32_t left = (uint32_t)stage->nreceived - stage->done, i;

    for (i = 0; i < left; i++) {
        apr_status_t rv = mproc_queue_task_done(stage->queue);

        if (rv == MPROC_EOVERRELEASE && stage->scene->does_anothers)
            continue;
        assert_success(rv);
        stage->done++;
    }
    assert_status(mproc_queue_task_done(stage->queue), MPROC_EOVERRELEASE);
}

/* Lost tasks are told once, unless the actor was told of them. */
static void assert_told_once(const stage_t *stage, size_t lost)
{
    apr_status_t rv = mproc_queue_join(stage->queue, PATIENCE);

    if (!stage->scene->joins || rv != APR_SUCCESS)
        assert_status(rv, lost > 0 ? MPROC_EWORKERDIED : APR_SUCCESS);
    assert_success(mproc_queue_join(stage->queue, 0));
}

/*
 * Dead ones' tasks are counted before survivors do theirs, which may else be taken for others'.  The
 * actor may have done one more than it could note.
 */
void assert_tasks_are_known(stage_t *stage)
{
    uint32_t put = mproc__index_messages(atomic_load(&stage->queue->view.ring->index.tail));
    uint32_t begun = atomic_load(&stage->notes->begun), done = atomic_load(&stage->notes->done);
    size_t unfinished, lost, known;

    assert_success(mproc_queue_tasks(stage->queue, &unfinished, &lost));
    finish_all(stage);
    assert_success(mproc_queue_tasks(stage->queue, &unfinished, &lost));
    assert_int_equal(unfinished, 0);
    known = stage->done + done + lost;
    if (stage->scene->is_shut != 2 && known != put && known + (begun - done) != put)
        fail_msg("of %u messages the survivors have done %u, the actor %u or %u, and %u were lost",
                 put, stage->done, done, begun, (unsigned)lost);
    assert_told_once(stage, lost);
}
