/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Lesson 6: who releases a lock that a thread holds?
 *
 * A thread of the parent holds a lock while the parent starts a child, and the
 * child wants that lock too.  The thread releases it at once, and the child waits
 * for a second.
 */

#include <mproc.h>

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include <stdio.h>

static apr_thread_mutex_t *lock = NULL; /* the one that this lesson is about */

/* How far the program is.  Threads wait for that here, so that nobody has to guess by sleeping. */
typedef enum stage_t { BEGUN, LOCK_IS_HELD, LOCK_MAY_GO } stage_t;

static stage_t stage = BEGUN;
static apr_thread_mutex_t *stage_lock = NULL;
static apr_thread_cond_t *stage_changed = NULL;

static apr_status_t reach(stage_t next)
{
    MPROC_TRY(apr_thread_mutex_lock(stage_lock));
    stage = next;
    MPROC_TRY(apr_thread_cond_broadcast(stage_changed));
    return apr_thread_mutex_unlock(stage_lock);
}

static apr_status_t wait_for(stage_t wanted)
{
    MPROC_TRY(apr_thread_mutex_lock(stage_lock));
    while (stage < wanted)
        MPROC_TRY(apr_thread_cond_wait(stage_changed, stage_lock));
    return apr_thread_mutex_unlock(stage_lock);
}

/* What the parent's other thread does. */
static void *APR_THREAD_FUNC hold_the_lock(apr_thread_t *thread, void *data)
{
    (void)data;
    MPROC_CHECK(apr_thread_mutex_lock(lock));
    MPROC_CHECK(reach(LOCK_IS_HELD));
    MPROC_CHECK(wait_for(LOCK_MAY_GO));
    MPROC_CHECK(apr_thread_mutex_unlock(lock));
    apr_thread_exit(thread, APR_SUCCESS); /* on Windows, APR minds if it is left out */
    return NULL;
}

static apr_status_t take_the_lock(const char *who)
{
    apr_status_t rv = apr_thread_mutex_timedlock(lock, apr_time_from_sec(1));

    if (APR_STATUS_IS_TIMEUP(rv)) {
        printf("%s: I have waited, and give up\n", who);
        return APR_SUCCESS;
    }
    MPROC_TRY(rv);
    printf("%s: I have the lock\n", who);
    return apr_thread_mutex_unlock(lock);
}

static apr_status_t want_the_lock(mproc_task_t *task)
{
    if (lock != NULL) {
        printf("child: I have a copy of my parent's lock\n");
    } else {
        printf("child: I have no lock yet, and make one\n");
        MPROC_TRY(apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_TIMED, mproc_task_mem(task)));
    }
    return take_the_lock("child");
}

static const mproc_target_t targets[] = {MPROC_TARGET(want_the_lock), MPROC_TARGETS_END};

int main(int argc, const char *const *argv)
{
    apr_pool_t *mem;
    apr_thread_t *thread;
    apr_status_t ended;
    mproc_process_t *child;

    mproc_init(&mem, &argc, &argv, targets); /* the guard: a spawned child goes no further */
    MPROC_CHECK(mproc_set_start_method(START_METHOD, 0));

    MPROC_CHECK(apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_TIMED, mem));
    MPROC_CHECK(apr_thread_mutex_create(&stage_lock, APR_THREAD_MUTEX_DEFAULT, mem));
    MPROC_CHECK(apr_thread_cond_create(&stage_changed, mem));
    MPROC_CHECK(apr_thread_create(&thread, NULL, hold_the_lock, NULL, mem));
    MPROC_CHECK(wait_for(LOCK_IS_HELD));
    printf("parent: my other thread has the lock\n");

    MPROC_CHECK(mproc_process_start(&child, want_the_lock, MPROC_NO_ARGS, NULL, mem));
    MPROC_CHECK(reach(LOCK_MAY_GO)); /* while the child waits */
    MPROC_CHECK(mproc_process_join(child, MPROC_FOREVER));

    MPROC_CHECK(apr_thread_join(&ended, thread));
    printf("parent: my other thread has released it\n");
    MPROC_CHECK(take_the_lock("parent"));
    return 0;
}
