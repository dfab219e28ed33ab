/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Starts in storms: from many threads at once, from children of children, and
 * until a crowd lives at the same time.
 */

#include "claims.h"
#include "system.h"
#include "threads.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdio.h>
#include <string.h>

/* -- What the children do ------------------------------------------------------ */

/* Answers if it has its control channel, what it was given, and nothing else. */
static apr_status_t answer_alone(mproc_task_t *task)
{
    int count = count_open_channels();

    if (count != 2)
        return mproc_error_set(APR_EGENERAL, "a child has %d channels and not 2", count);
    return answer(task);
}

/* Hands the line down until the last generation answers; every one returns what the next did. */
static apr_status_t descend(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *line;
    mproc_process_t *process;
    const char *method, *next_method;
    int left;
    apr_status_t rv;

    MPROC_TRY(MPROC_UNPACK(task, &line, &left, &method, &next_method));
    if (left == 0) {
        MPROC_TRY(say(line, "born"));
        return answer_on(line);
    }
    options.start_method = next_method;
    MPROC_TRY(mproc_process_start(&process, descend, MPROC_PACK(line, left - 1, next_method, method),
                                  &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_connection_close(line));
    MPROC_TRY(mproc_process_join(process, MPROC_FOREVER));
    rv = mproc_process_status(process);
    return rv == APR_SUCCESS ? rv : mproc_error_set(rv, "%s", mproc_process_error(process));
}

static const mproc_target_t targets[] = {MPROC_TARGET(answer_alone), MPROC_TARGET(descend),
                                         MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- From many threads --------------------------------------------------------------- */

#define NTHREADS 16

/* A child, and its line. */
typedef struct child_t {
    mproc_process_t *process;
    mproc_connection_t *line;
    apr_pool_t *mem;
} child_t;

/* In a thread: asserts nothing. */
static apr_status_t start_alone(void *data)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    child_t *child = data;
    mproc_connection_t *there;

    options.start_method = MPROC_SPAWN;
    MPROC_TRY(mproc_pipe(&child->line, &there, MPROC_DUPLEX, child->mem));
    MPROC_TRY(mproc_process_start(&child->process, answer_alone, MPROC_PACK(there), &options, child->mem));
    MPROC_TRY(mproc_connection_close(there));
    return strcmp(hear(child->line, child->mem), "born") == 0 ? APR_SUCCESS : APR_EGENERAL;
}

static void start_by_threads(child_t *children, apr_pool_t *mem)
{
    work_t starting[NTHREADS];
    int i;

    for (i = 0; i < NTHREADS; i++) {
        assert_success(apr_pool_create(&children[i].mem, mem));
        assert_success(start_thread(&starting[i], start_alone, &children[i], mem));
    }
    for (i = 0; i < NTHREADS; i++)
        assert_success(end_thread(&starting[i]));
}

/* While the others live: had one of them a copy of its line, that would not end. */
static void assert_leaves_alone(const child_t *child)
{
    assert_success(say(child->line, "leave"));
    assert_ended(child->process, 0);
    assert_string_equal(hear(child->line, child->mem), "(end)");
}

static void threads_start_children_at_once_and_each_has_its_own_handles(void **state)
{
    child_t children[NTHREADS];
    int round, i;

    for (round = 0; round < 2 * test_scale(); round++) {
        apr_pool_t *mem;

        assert_success(apr_pool_create(&mem, *state));
        start_by_threads(children, mem);
        for (i = 0; i < NTHREADS; i++)
            assert_leaves_alone(&children[i]);
        apr_pool_destroy(mem);
    }
}

/* -- From children of children ------------------------------------------------------- */

#define GENERATIONS 5
#define CHAINS 4

static void start_chain(child_t *first, const char *method, const char *next_method, apr_pool_t *mem)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_connection_t *there;

    options.start_method = method;
    first->mem = mem;
    assert_success(mproc_pipe(&first->line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(&first->process, descend,
                                       MPROC_PACK(there, GENERATIONS - 1, method, next_method), &options, mem));
    assert_success(mproc_connection_close(there));
}

/* Some chains at a time. */
static void chains_work(const char *method, const char *next_method, apr_pool_t *mem)
{
    child_t chains[CHAINS];
    int i;

    for (i = 0; i < CHAINS; i++)
        start_chain(&chains[i], method, next_method, mem);
    for (i = 0; i < CHAINS; i++) {
        assert_string_equal(hear(chains[i].line, mem), "born");
        assert_success(say(chains[i].line, "up"));
        assert_string_equal(hear(chains[i].line, mem), "up");
    }
    for (i = 0; i < CHAINS; i++)
        assert_leaves_alone(&chains[i]);
}

/* By every method of the system, and by every two in turn. */
static void the_fifth_generation_answers_through_what_was_handed_down(void **state)
{
    const char *const *methods = mproc_get_all_start_methods();
    int round, i, j;

    for (round = 0; round < test_scale(); round++)
        for (i = 0; methods[i] != NULL; i++)
            for (j = 0; methods[j] != NULL; j++) {
                apr_pool_t *mem;

                assert_success(apr_pool_create(&mem, *state));
                chains_work(methods[i], methods[j], mem);
                apr_pool_destroy(mem);
            }
}

/* -- A crowd ---------------------------------------------------------------------------- */

/* A child of ours costs its parent less than that many handles. */
#define HANDLES_A_CHILD 8

static int size_of_crowd(void)
{
    int wanted = enough_children() * test_scale(), allowed = allow_handles() / HANDLES_A_CHILD;

    if (allowed < wanted)
        print_message("    %d children instead of %d, as handles are limited\n", allowed, wanted);
    return allowed < wanted ? allowed : wanted;
}

static void assert_answers(const child_t *child, int number)
{
    char word[32];

    snprintf(word, sizeof word, "child %d", number);
    assert_success(say(child->line, word));
    assert_string_equal(hear(child->line, child->mem), word);
}

static void a_crowd_of_children_answers_and_is_joined(void **state)
{
    int count = size_of_crowd(), i;
    child_t *children = apr_pcalloc(*state, (size_t)count * sizeof *children);
    mproc_process_t **active;
    size_t nactive;

    for (i = 0; i < count; i++) {
        children[i].mem = *state;
        start_born(&children[i].process, &children[i].line, answer, NULL, *state);
    }
    assert_success(mproc_active_children(&active, &nactive, *state));
    assert_int_equal(nactive, count);
    for (i = count; i-- > 0;)
        assert_answers(&children[i], i);
    for (i = 0; i < count; i++)
        assert_success(say(children[i].line, "leave"));
    for (i = 0; i < count; i++)
        assert_ended(children[i].process, 0);
    assert_success(mproc_active_children(&active, &nactive, *state));
    assert_int_equal(nactive, 0);
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(threads_start_children_at_once_and_each_has_its_own_handles),
        claim_leaving_nothing(the_fifth_generation_answers_through_what_was_handed_down),
        claim_leaving_nothing(a_crowd_of_children_answers_and_is_joined),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    use_all_start_methods();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
