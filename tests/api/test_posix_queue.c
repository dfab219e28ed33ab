/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues and fork: a forked process has those that it was given, and no others.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <string.h>
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

static const mproc_target_t targets[] = {
    MPROC_TARGET(touch_what_was_not_given), MPROC_TARGET(touch_beside_what_was_given),
    MPROC_TARGET(destroy_parents_memory), MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

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

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_forked_child_cannot_use_what_it_was_not_given),
        claim_leaving_nothing(a_forked_child_uses_what_it_was_given_and_not_its_parents),
        claim_leaving_nothing(a_forked_child_may_destroy_its_parents_memory),
        claim_leaving_nothing(a_process_that_the_program_has_forked_cannot_use_a_queue),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
