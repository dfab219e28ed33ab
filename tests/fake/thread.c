/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A thread that the library starts.  It and the test's take turns: one runs only while the other
 * waits for something, or for its end, so that a test goes the same way each time and nothing here
 * needs a lock.
 */

#include "internal.h"

#define MPROC_TESTS_FAKE_HOOKS_THEMSELVES
#include "hooks.h"

#include <apr_thread_cond.h>

#include <string.h>

/* Turns that the test's thread gives away in a row, before it is taken for sure that nobody has
 * anything to do. */
#define QUIET_MAX 3

static apr_pool_t *mem; /* of what is here, for as long as the program runs */
static apr_thread_mutex_t *lock;
static apr_thread_cond_t *changed;

static struct {
    apr_thread_start_t function;
    void *data;
    int is_there;
    int has_turn;
    int has_left; /* it will not take another turn */
    port_deadline_t deadline;
} other;

static int quiet;
static _Thread_local int is_other;

/* Until whoever has the turn now gives it back. */
static void give_turn(int to_other)
{
    apr_thread_mutex_lock(lock);
    other.has_turn = to_other;
    apr_thread_cond_broadcast(changed);
    while (other.has_turn == to_other && !(is_other && other.has_left))
        apr_thread_cond_wait(changed, lock);
    apr_thread_mutex_unlock(lock);
}

static void await_first_turn(void)
{
    apr_thread_mutex_lock(lock);
    while (!other.has_turn)
        apr_thread_cond_wait(changed, lock);
    apr_thread_mutex_unlock(lock);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    void *result;

    (void)data;
    is_other = 1;
    await_first_turn();
    result = other.function(thread, other.data);
    other.is_there = 0;
    other.has_left = 1;
    give_turn(0);
    return result;
}

static void set_up(void)
{
    if (mem != NULL)
        return;
    assert_int_equal(apr_pool_create(&mem, NULL), APR_SUCCESS);
    assert_int_equal(apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, mem), APR_SUCCESS);
    assert_int_equal(apr_thread_cond_create(&changed, mem), APR_SUCCESS);
}

apr_status_t fake_thread_create(apr_thread_t **thread, apr_threadattr_t *attributes,
                                apr_thread_start_t function, void *data, apr_pool_t *pool)
{
    MPROC_TRY(fake_call());
    assert_false(other.is_there); /* there is room for one */
    set_up();
    memset(&other, 0, sizeof other);
    other.function = function;
    other.data = data;
    other.is_there = 1;
    quiet = 0;
    return apr_thread_create(thread, attributes, run, NULL, pool);
}

apr_status_t fake_thread_join(apr_status_t *status, apr_thread_t *thread)
{
    while (other.is_there)
        fake_let_time_pass(PORT_NEVER);
    return apr_thread_join(status, thread);
}

/* -- Taking turns ---------------------------------------------------------------------- */

int fake_is_other_thread(void)
{
    return is_other;
}

void fake_something_was_done(void)
{
    quiet = 0;
}

void fake_other_waits(port_deadline_t deadline)
{
    other.deadline = deadline;
    give_turn(0);
}

int fake_other_has_had_turn(void)
{
    if (!other.is_there || quiet == QUIET_MAX)
        return 0;
    quiet++;
    give_turn(1);
    return 1;
}

port_deadline_t fake_other_deadline(void)
{
    quiet = 0;
    return other.is_there ? other.deadline : PORT_NEVER;
}
