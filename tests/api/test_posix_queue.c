/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues and fork: a forked process has those that it was given, and no others; and what
 * else only POSIX systems do to them.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* The parent's; in its memory, and so in a forked child's. */
static mproc_queue_t *not_given;
static apr_pool_t *parents_mem;

/* -- What the children do ------------------------------------------------------ */

#define MUST_BE_FOREIGN(call)                                                                      \
    do {                                                                                           \
        if ((call) != MPROC_EFOREIGN)                                                              \
            return mproc_error_set(APR_EGENERAL, "%s is not refused", #call);                      \
    } while (0)

static apr_status_t touch(mproc_values_t *values)
{
    mproc_waitable_t what[] = {MPROC_WAITABLE(not_given)};
    mproc_bytes_t message = {"word", 4};
    apr_uint64_t last;
    size_t count;
    char word[8];

    MUST_BE_FOREIGN(mproc_queue_put(not_given, MPROC_PACK(1), 0));
    MUST_BE_FOREIGN(mproc_queue_get(not_given, values, MPROC_FOREVER));
    MUST_BE_FOREIGN(mproc_queue_put_bytes(not_given, "word", 4, 0));
    MUST_BE_FOREIGN(mproc_queue_get_bytes(not_given, word, sizeof word, &count, MPROC_FOREVER));
    MUST_BE_FOREIGN(mproc_queue_put_many(not_given, &message, 1, &count, 0));
    MUST_BE_FOREIGN(mproc_queue_get_many(not_given, word, sizeof word, &message, 1, &count, 0));
    MUST_BE_FOREIGN(mproc_queue_qsize(not_given, &count));
    MUST_BE_FOREIGN(mproc_queue_shutdown(not_given, MPROC_AT_ONCE));
    MUST_BE_FOREIGN(mproc_queue_lost(not_given, NULL, 0, &count));
    MUST_BE_FOREIGN(mproc_queue_last(not_given, &last, &last));
    MUST_BE_FOREIGN(mproc_wait(what, 1, MPROC_FOREVER));
    if (!mproc_queue_empty(not_given) || !mproc_queue_full(not_given))
        return mproc_error_set(APR_EGENERAL, "it can be used");
    return mproc_queue_close(not_given);
}

static apr_status_t touch_what_was_not_given(mproc_task_t *task)
{
    mproc_process_t *process;

    MUST_BE_FOREIGN(
        mproc_process_start(&process, succeed, MPROC_PACK(not_given), NULL, mproc_task_mem(task)));
    return touch(mproc_values_create(mproc_task_mem(task)));
}

/* The same queue, by what it was given and by what lies in its memory. */
static apr_status_t touch_beside_what_was_given(mproc_task_t *task)
{
    mproc_queue_t *given;

    MPROC_TRY(MPROC_UNPACK(task, &given));
    MPROC_TRY(touch(mproc_values_create(mproc_task_mem(task))));
    return put_word(given, "given");
}

static apr_status_t destroy_parents_memory(mproc_task_t *task)
{
    mproc_queue_t *given;

    MPROC_TRY(MPROC_UNPACK(task, &given));
    apr_pool_destroy(parents_mem);
    return put_word(given, "given");
}

/* The copy of a process, which goes on to make a queue of its own when that is dead. */
static int outlive(const int *life, mproc_connection_t *line, apr_pool_t *mem)
{
    mproc_queue_t *own;
    char byte;

    close(life[1]);
    if (read(life[0], &byte, 1) != 0 || mproc_queue_create(&own, NULL, mem) != APR_SUCCESS ||
        say(line, "made") != APR_SUCCESS)
        return 1;
    return strcmp(hear(line, mem), "(end)") != 0;
}

static apr_status_t leave_a_copy(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;
    int life[2];

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    if (pipe(life) != 0)
        return APR_EGENERAL;
    if (fork() == 0)
        _exit(outlive(life, line, mproc_task_mem(task)));
    raise(SIGKILL);
    return APR_EGENERAL;
}

static void leave_by_a_signal(int number)
{
    (void)number;
    exit(0);
}

/* Mostly that is when the signal comes. */
static apr_status_t make_queues_for_ever(mproc_task_t *task)
{
    struct itimerval soon = {.it_value = {.tv_usec = 50000}};
    apr_pool_t *mem;

    signal(SIGALRM, leave_by_a_signal);
    setitimer(ITIMER_REAL, &soon, NULL);
    for (;;) {
        mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
        mproc_queue_t *queue;

        options.capacity = (size_t)16 << 20;
        MPROC_TRY(apr_pool_create(&mem, mproc_task_mem(task)));
        MPROC_TRY(mproc_queue_create(&queue, &options, mem));
        apr_pool_destroy(mem);
    }
}

static apr_status_t touch_nothing(mproc_task_t *task)
{
    mproc_queue_t *queue;

    return MPROC_UNPACK(task, &queue);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(touch_what_was_not_given), MPROC_TARGET(touch_beside_what_was_given),
    MPROC_TARGET(destroy_parents_memory),   MPROC_TARGET(leave_a_copy),
    MPROC_TARGET(make_queues_for_ever),     MPROC_TARGET(touch_nothing),
    MPROC_TARGETS_OF(worker_targets),       MPROC_TARGETS_END};

/* -- The tests --------------------------------------------------------------------- */

static const mproc_process_options_t *by_fork(mproc_process_options_t *options)
{
    const mproc_process_options_t initial = MPROC_PROCESS_OPTIONS;

    *options = initial;
    options->start_method = MPROC_FORK;
    return options;
}

static void assert_unharmed(mproc_queue_t *queue, const char *word, apr_pool_t *mem)
{
    assert_string_equal(look_for_word(queue, mem), word);
    assert_success(put_word(queue, "goes on"));
    assert_string_equal(look_for_word(queue, mem), "goes on");
    assert_string_equal(look_for_word(queue, mem), "(none)");
}

static void a_forked_child_cannot_use_what_it_was_not_given(void **state)
{
    mproc_process_options_t options;
    mproc_process_t *process;

    not_given = make_queue(SMALL_RING, 0, *state);
    assert_success(put_word(not_given, "word"));
    assert_success(
        status_of(&process, touch_what_was_not_given, MPROC_NO_ARGS, by_fork(&options), *state));
    assert_unharmed(not_given, "word", *state);
}

static void a_forked_child_uses_what_it_was_given_and_not_its_parents(void **state)
{
    mproc_process_options_t options;
    mproc_process_t *process;

    not_given = make_queue(SMALL_RING, 0, *state);
    assert_success(status_of(&process, touch_beside_what_was_given, MPROC_PACK(not_given),
                             by_fork(&options), *state));
    assert_unharmed(not_given, "given", *state);
}

static void a_forked_child_may_destroy_its_parents_memory(void **state)
{
    mproc_process_options_t options;
    mproc_process_t *process;
    mproc_queue_t *queue;

    assert_success(apr_pool_create(&parents_mem, *state));
    queue = make_queue(SMALL_RING, 0, parents_mem);
    assert_success(
        status_of(&process, destroy_parents_memory, MPROC_PACK(queue), by_fork(&options), *state));
    assert_unharmed(queue, "given", *state);
}

/* By fork(2): mproc knows of it all the same. */
static void a_process_that_the_program_has_forked_cannot_use_a_queue(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    int status;
    pid_t pid;

    not_given = make_queue(SMALL_RING, 0, *state);
    assert_success(put_word(not_given, "word"));
    pid = fork();
    if (pid == 0)
        _exit(touch(values) == APR_SUCCESS ? 0 : 1);
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_unharmed(not_given, "word", *state);
}

/* What keeps a living process's place must not keep a dead one's, whose descriptors the copy has. */
static void a_copy_of_a_dead_process_does_not_keep_its_place(void **state)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_connection_t *line, *there;
    mproc_process_t *process;
    mproc_queue_t *queue;

    options.processes = 2;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(
        mproc_process_start(&process, leave_a_copy, MPROC_PACK(queue, there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_ended(process, -9);
    assert_string_equal(hear(line, *state), "made");
    assert_success(status_of(&process, touch_nothing, MPROC_PACK(queue), NULL, *state));
}

/* -- Signs of life ------------------------------------------------------------------- */

/* As another process sees them: how many descriptors this one has of files in which it has a lock. */
static int count_signs_of_life(void)
{
    int status, descriptor, signs = 0;
    pid_t pid = fork();

    if (pid == 0) {
        for (descriptor = 3; descriptor < 256; descriptor++) {
            struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
            signs += fcntl(descriptor, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        }
        _exit(signs);
    }
    assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The system takes locks away when any descriptor of their file is closed. */
static void what_arrives_and_is_closed_takes_no_sign_of_life(void **state)
{
    mproc_values_t *values = mproc_values_create(*state);
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_connection_t *here, *there;
    mproc_queue_t *queue;
    char bytes[256];
    size_t size;

    options.processes = 1;
    assert_success(mproc_queue_create(&queue, &options, *state));
    assert_success(mproc_pipe(&here, &there, MPROC_DUPLEX, *state));
    assert_int_equal(count_signs_of_life(), 1);
    assert_success(mproc_connection_send(there, MPROC_PACK(queue), 0));
    assert_status(mproc_connection_recv(here, values, PATIENCE), MPROC_ETOOMANY);
    assert_int_equal(count_signs_of_life(), 1);
    assert_success(mproc_connection_send(there, MPROC_PACK(queue), 0));
    assert_success(mproc_connection_recv_bytes(here, bytes, sizeof bytes, &size, PATIENCE));
    assert_int_equal(count_signs_of_life(), 1);
    assert_success(mproc_connection_send(there, MPROC_PACK(queue), 0));
    assert_success(mproc_connection_poll(here, PATIENCE));
    assert_success(mproc_connection_close(here));
    assert_int_equal(count_signs_of_life(), 1);
}

/* -- Signals ------------------------------------------------------------------------- */

static void a_signal_may_end_a_process_that_makes_a_queue(void **state)
{
    mproc_process_t *process;
    int i;

    for (i = 0; i < 5; i++) {
        assert_success(
            mproc_process_start(&process, make_queues_for_ever, MPROC_NO_ARGS, NULL, *state));
        assert_ended(process, code_of_exit(0));
    }
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_forked_child_cannot_use_what_it_was_not_given),
        claim_leaving_nothing(a_forked_child_uses_what_it_was_given_and_not_its_parents),
        claim_leaving_nothing(a_forked_child_may_destroy_its_parents_memory),
        claim_leaving_nothing(a_process_that_the_program_has_forked_cannot_use_a_queue),
        claim_leaving_nothing(a_copy_of_a_dead_process_does_not_keep_its_place),
        claim_leaving_nothing(what_arrives_and_is_closed_takes_no_sign_of_life),
        claim_leaving_nothing(a_signal_may_end_a_process_that_makes_a_queue),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
