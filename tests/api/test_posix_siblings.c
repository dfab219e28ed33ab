/* SPDX-License-Identifier: Apache-2.0 */

/*
 * POSIX only: a process that is dead and not reaped has its number still.  Those who
 * are not its parent must see its end all the same.
 */

#include "claims.h"
#include "queue.h"
#include "queues.h"
#include "workers.h"

#include <apr_time.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- What the children do ------------------------------------------------------ */

/* With what it has got, and in the middle of a put. */
static apr_status_t die_with_the_lock(mproc_task_t *task)
{
    mproc_queue_t *queue;
    char word[8];
    size_t size;

    MPROC_TRY(MPROC_UNPACK(task, &queue));
    MPROC_TRY(mproc_queue_get_bytes(queue, word, sizeof word, &size, PATIENCE));
    if (mproc__lock_try(&queue->view.ring->putting, &queue->view.member))
        kill(getpid(), SIGKILL);
    return APR_EGENERAL;
}

/* How long a put takes, once it is told to. */
static apr_status_t put_in_time(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    apr_time_t begin;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    hear(line, mproc_task_mem(task));
    begin = apr_time_now();
    MPROC_TRY(put_word(queue, "word"));
    return say(line, apr_time_now() - begin < apr_time_from_sec(10) ? "in time" : "late");
}

/* Whose messages were lost, as a sibling sees it. */
static apr_status_t name_the_lost(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    mproc_lost_t lost;
    size_t count;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    hear(line, mproc_task_mem(task));
    MPROC_TRY(mproc_queue_lost(queue, &lost, 1, &count));
    return say(line, count == 1 && lost.number == 1 ? "named" : "not named");
}

/* Copies of it: one that is dropped unseen, one that becomes an object, and one for a child. */
static apr_status_t close_some(mproc_queue_t *queue, apr_pool_t *mem)
{
    mproc_values_t *values = mproc_values_create(mem);
    mproc_connection_t *here, *there;
    mproc_process_t *process;
    mproc_queue_t *received;
    char bytes[100];
    size_t size;

    MPROC_TRY(mproc_pipe(&here, &there, MPROC_DUPLEX, mem));
    MPROC_TRY(mproc_connection_send(here, MPROC_PACK(queue), PATIENCE));
    MPROC_TRY(mproc_connection_recv_bytes(there, bytes, sizeof bytes, &size, PATIENCE));
    MPROC_TRY(mproc_connection_send(here, MPROC_PACK(queue), PATIENCE));
    MPROC_TRY(mproc_connection_recv(there, values, PATIENCE));
    MPROC_TRY(MPROC_UNPACK(values, &received));
    MPROC_TRY(mproc_queue_close(received));
    MPROC_TRY(mproc_connection_send(here, MPROC_PACK(queue), PATIENCE));
    MPROC_TRY(mproc_connection_poll(there, PATIENCE));
    MPROC_TRY(mproc_process_start(&process, succeed, MPROC_PACK(queue), NULL, mem));
    return mproc_process_join(process, PATIENCE);
}

static apr_status_t close_copies(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    apr_status_t rv = APR_SUCCESS;
    int i;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(say(line, "born"));
    close(STDIN_FILENO); /* what is received in their places is moved, and closed there */
    close(STDOUT_FILENO);
    for (i = 0; i < 50 && rv == APR_SUCCESS; i++) {
        apr_pool_t *mem;

        MPROC_TRY(apr_pool_create(&mem, mproc_task_mem(task)));
        rv = close_some(queue, mem);
        apr_pool_destroy(mem);
    }
    MPROC_TRY(rv);
    MPROC_TRY(say(line, "done"));
    hear(line, mproc_task_mem(task)); /* it is no more than closing as long as somebody looks */
    return APR_SUCCESS;
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(die_with_the_lock), MPROC_TARGET(put_in_time),        MPROC_TARGET(name_the_lost),
    MPROC_TARGET(close_copies),      MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- The tests --------------------------------------------------------------------- */

/* Its code stays where it is. */
static void assert_is_dead_and_not_reaped(const mproc_process_t *process, int options)
{
    siginfo_t how = {0};
    pid_t pid = (pid_t)mproc_process_pid(process);

    while (waitid(P_PID, (id_t)pid, &how, WEXITED | WNOWAIT | options) != 0)
        assert_int_equal(errno, EINTR);
    assert_int_equal(how.si_pid, pid);
    assert_int_equal(how.si_status, SIGKILL);
}

/* What a sibling says, who is told when the victim has died: a start would reap it. */
static void ask_a_sibling(mproc_target_fn *sibling, const char *answer, apr_pool_t *mem)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, mem);
    mproc_process_t *asked, *victim;
    mproc_connection_t *line, *there;

    assert_success(put_word(queue, "first"));
    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&asked, sibling, MPROC_PACK(queue, there), NULL, mem));
    assert_string_equal(hear(line, mem), "born");
    assert_success(mproc_process_start(&victim, die_with_the_lock, MPROC_PACK(queue), NULL, mem));
    assert_is_dead_and_not_reaped(victim, 0);
    assert_success(say(line, "go"));
    assert_string_equal(hear(line, mem), answer);
    assert_is_dead_and_not_reaped(victim, WNOHANG);
    assert_ended(asked, 0);
    assert_ended(victim, -SIGKILL);
}

static void the_lock_of_a_dead_sibling_is_taken_before_it_is_reaped(void **state)
{
    ask_a_sibling(put_in_time, "in time", *state);
}

static void what_a_dead_sibling_had_is_named_before_it_is_reaped(void **state)
{
    ask_a_sibling(name_the_lost, "named", *state);
}

/* Each closing takes its sign of life away, where that is all that there is. */
static void who_closes_copies_of_a_queue_is_never_taken_for_dead(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    const mproc__member_t *member = &queue->view.member;
    mproc_connection_t *line, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(
        mproc_process_start(&process, close_copies, MPROC_PACK(queue, there), NULL, *state));
    assert_string_equal(hear(line, *state), "born");
    do
        assert_false(mproc__place_is_dead(member, member->place + 1));
    while (APR_STATUS_IS_TIMEUP(mproc_connection_poll(line, 0)));
    assert_string_equal(hear(line, *state), "done");
    assert_success(say(line, "leave"));
    assert_ended(process, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(the_lock_of_a_dead_sibling_is_taken_before_it_is_reaped),
        claim_leaving_nothing(who_closes_copies_of_a_queue_is_never_taken_for_dead),
        claim_leaving_nothing(what_a_dead_sibling_had_is_named_before_it_is_reaped),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
