/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Queues that are given to children: by every start method, on to grandchildren,
 * as many as have a place, and beyond the end of who made them.
 */

#include "claims.h"
#include "queues.h"
#include "workers.h"

#include <string.h>

/* -- What the children do ------------------------------------------------------ */

/* Puts what it is told. */
static apr_status_t put_told(mproc_task_t *task)
{
    mproc_queue_t *queue;
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &word));
    return put_word(queue, word);
}

/* Starts the next of a chain, by the first of the methods; the last of it answers. */
static apr_status_t hand_on(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_queue_t *questions, *answers;
    mproc_process_t *process;
    mproc_values_t *methods;
    const char *method, *rest;

    MPROC_TRY(MPROC_UNPACK(task, &questions, &answers, &methods));
    if (mproc_values_count(methods) == 0)
        return put_word(answers, get_word(questions, mproc_task_mem(task)));
    MPROC_TRY(mproc_values_count(methods) == 1 ? MPROC_UNPACK(methods, &method)
                                               : MPROC_UNPACK(methods, &method, &rest));
    options.start_method = method;
    MPROC_TRY(mproc_process_start(
        &process, hand_on,
        MPROC_PACK(questions, answers,
                   mproc_values_count(methods) == 1 ? MPROC_NO_ARGS : MPROC_PACK(rest)),
        &options, mproc_task_mem(task)));
    MPROC_TRY(mproc_process_join(process, PATIENCE));
    return mproc_process_status(process);
}

/* What is put by one handle of a queue is got by the other. */
static apr_status_t use_both(mproc_task_t *task)
{
    mproc_queue_t *one, *other;
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &one, &other));
    MPROC_TRY(put_word(one, "word"));
    word = look_for_word(other, mproc_task_mem(task));
    MPROC_TRY(mproc_queue_close(one));
    MPROC_TRY(put_word(other, "last"));
    return one != other && strcmp(word, "word") == 0
               ? APR_SUCCESS
               : mproc_error_set(APR_EGENERAL, "got %s", word);
}

static apr_status_t number_nested(mproc_task_t *task)
{
    mproc_queue_t *one, *two, *three;
    mproc_values_t *inner, *innermost;

    MPROC_TRY(MPROC_UNPACK(task, &one, &inner));
    MPROC_TRY(MPROC_UNPACK(inner, &two, &innermost));
    MPROC_TRY(MPROC_UNPACK(innermost, &three));
    MPROC_TRY(put_word(one, "one"));
    MPROC_TRY(put_word(two, "two"));
    return put_word(three, "three");
}

/* For a child that outlives its parent: says what is in the queue when it is told to. */
static apr_status_t say_what_is_left(mproc_task_t *task)
{
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *line;
    mproc_queue_t *queue;
    const char *word;

    MPROC_TRY(MPROC_UNPACK(task, &line, &queue));
    MPROC_TRY(say(line, "born"));
    hear(line, mem);
    MPROC_TRY(put_word(queue, "three"));
    do {
        word = look_for_word(queue, mem);
        MPROC_TRY(say(line, word));
    } while (word[0] != '(');
    return APR_SUCCESS;
}

/* Makes a queue, puts into it, gives it to a detached child, and ends. */
static apr_status_t make_and_leave(mproc_task_t *task)
{
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    apr_pool_t *mem = mproc_task_mem(task);
    mproc_connection_t *line;
    mproc_process_t *process;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &line));
    MPROC_TRY(mproc_queue_create(&queue, NULL, mem));
    MPROC_TRY(put_word(queue, "one"));
    options.detached = 1;
    MPROC_TRY(
        mproc_process_start(&process, say_what_is_left, MPROC_PACK(line, queue), &options, mem));
    return put_word(queue, "two");
}

/* Has the queue until it is told to leave. */
static apr_status_t have_it(mproc_task_t *task)
{
    mproc_connection_t *line;
    mproc_queue_t *queue;

    MPROC_TRY(MPROC_UNPACK(task, &queue, &line));
    MPROC_TRY(put_word(queue, "word"));
    MPROC_TRY(say(line, "born"));
    return answer_on(line);
}

static const mproc_target_t targets[] = {
    MPROC_TARGET(put_told),
    MPROC_TARGET(hand_on),
    MPROC_TARGET(use_both),
    MPROC_TARGET(number_nested),
    MPROC_TARGET(say_what_is_left),
    MPROC_TARGET(make_and_leave),
    MPROC_TARGET(have_it),
    MPROC_TARGETS_OF(worker_targets),
    MPROC_TARGETS_END,
};

/* -- Given ----------------------------------------------------------------------------- */

static void assert_chain(const char *first, const mproc_pack_t *others, apr_pool_t *mem)
{
    mproc_queue_t *questions = make_queue(SMALL_RING, 0, mem),
                  *answers = make_queue(SMALL_RING, 0, mem);
    mproc_process_options_t options = MPROC_PROCESS_OPTIONS;
    mproc_process_t *process;

    options.start_method = first;
    assert_success(put_word(questions, first));
    assert_success(
        status_of(&process, hand_on, MPROC_PACK(questions, answers, others), &options, mem));
    assert_string_equal(look_for_word(answers, mem), first);
    assert_true(mproc_queue_empty(questions));
}

/* A server that this process starts stays: the run by forkserver has the chains that begin so. */
static void a_queue_goes_on_by_all_chains_of_start_methods(void **state)
{
    const char *const *all = mproc_get_all_start_methods(), *const * i, *const * j, *const * k;

    for (i = all; *i != NULL; i++) {
        if (strcmp(*i, MPROC_FORKSERVER) == 0 && !is_by_forkserver())
            continue;
        assert_chain(*i, MPROC_NO_ARGS, *state);
        for (j = all; *j != NULL; j++) {
            assert_chain(*i, MPROC_PACK(*j), *state);
            for (k = all; *k != NULL; k++)
                assert_chain(*i, MPROC_PACK(*j, *k), *state);
        }
    }
}

static void a_queue_given_twice_is_one_with_two_handles(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *process;

    assert_success(status_of(&process, use_both, MPROC_PACK(queue, queue), NULL, *state));
    assert_string_equal(look_for_word(queue, *state), "last");
}

static void several_queues_arrive_each_at_its_place(void **state)
{
    mproc_queue_t *one = make_queue(SMALL_RING, 0, *state),
                  *two = make_queue(2 * SMALL_RING, 0, *state);
    mproc_queue_t *three = make_queue(SMALL_RING, 1, *state);
    mproc_process_t *process;

    assert_success(status_of(&process, number_nested,
                             MPROC_PACK(one, MPROC_PACK(two, MPROC_PACK(three))), NULL, *state));
    assert_string_equal(look_for_word(one, *state), "one");
    assert_string_equal(look_for_word(two, *state), "two");
    assert_string_equal(look_for_word(three, *state), "three");
}

static void a_queue_can_be_given_again_and_again(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *process;
    int i;

    for (i = 0; i < 5; i++) {
        assert_success(status_of(&process, put_told, MPROC_PACK(queue, "word"), NULL, *state));
        assert_string_equal(look_for_word(queue, *state), "word");
    }
}

/* -- Ends --------------------------------------------------------------------------------- */

static void children_go_on_with_a_queue_that_their_parent_has_closed(void **state)
{
    mproc_queue_t *queue = make_queue(SMALL_RING, 0, *state),
                  *answers = make_queue(SMALL_RING, 0, *state);
    mproc_process_t *getter, *putter;

    assert_success(mproc_process_start(&getter, hand_on, MPROC_PACK(queue, answers, MPROC_NO_ARGS),
                                       NULL, *state));
    assert_success(
        mproc_process_start(&putter, put_told, MPROC_PACK(queue, "from a child"), NULL, *state));
    assert_success(mproc_queue_close(queue));
    assert_string_equal(get_word(answers, *state), "from a child");
    assert_ended(getter, 0);
    assert_ended(putter, 0);
}

static void a_queue_lives_on_without_who_made_it(void **state)
{
    mproc_connection_t *line, *there;
    mproc_process_t *process;

    assert_success(mproc_pipe(&line, &there, MPROC_DUPLEX, *state));
    assert_success(status_of(&process, make_and_leave, MPROC_PACK(there), NULL, *state));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(line, *state), "born");
    assert_success(say(line, "go on"));
    assert_string_equal(hear(line, *state), "one");
    assert_string_equal(hear(line, *state), "two");
    assert_string_equal(hear(line, *state), "three");
    assert_string_equal(hear(line, *state), "(none)");
    assert_string_equal(hear(line, *state), "(end)");
}

/* -- Places --------------------------------------------------------------------------------- */

static mproc_queue_t *make_queue_for(unsigned processes, apr_pool_t *mem)
{
    mproc_queue_options_t options = MPROC_QUEUE_OPTIONS;
    mproc_queue_t *queue;

    options.processes = processes;
    assert_success(mproc_queue_create(&queue, &options, mem));
    return queue;
}

static void start_having(mproc_process_t **process, mproc_connection_t **line, mproc_queue_t *queue,
                         apr_pool_t *mem)
{
    mproc_connection_t *there;

    assert_success(mproc_pipe(line, &there, MPROC_DUPLEX, mem));
    assert_success(mproc_process_start(process, have_it, MPROC_PACK(queue, there), NULL, mem));
    assert_success(mproc_connection_close(there));
    assert_string_equal(hear(*line, mem), "born");
    assert_string_equal(look_for_word(queue, mem), "word");
}

static void one_process_more_than_there_are_places_for_is_refused(void **state)
{
    mproc_queue_t *queue = make_queue_for(2, *state);
    mproc_process_t *second, *third;
    mproc_connection_t *line;

    start_having(&second, &line, queue, *state);
    assert_status(status_of(&third, put_told, MPROC_PACK(queue, "word"), NULL, *state),
                  MPROC_ETOOMANY);
    assert_words(mproc_process_error(third), "its option `processes` is 2, and as many have it");
    assert_success(say(line, "word"));
    assert_string_equal(hear(line, *state), "word");
    assert_success(say(line, "leave"));
    assert_ended(second, 0);
    assert_success(status_of(&third, put_told, MPROC_PACK(queue, "word"), NULL, *state));
    assert_string_equal(look_for_word(queue, *state), "word");
}

static void the_places_of_the_dead_are_given_away_again(void **state)
{
    mproc_queue_t *queue = make_queue_for(2, *state);
    apr_pool_t *mem;
    int i;

    for (i = 0; i < 30 * test_scale(); i++) {
        mproc_process_t *process;
        mproc_connection_t *line;

        assert_success(apr_pool_create(&mem, *state));
        start_having(&process, &line, queue, mem);
        if (i % 3 == 0)
            assert_success(say(line, "leave"));
        else
            assert_success(mproc_process_kill(process));
        assert_ended(process, i % 3 == 0 ? 0 : -9);
        apr_pool_destroy(mem);
    }
}

static void one_place_is_its_makers(void **state)
{
    mproc_queue_t *queue = make_queue_for(1, *state);
    mproc_process_t *process;

    assert_success(put_word(queue, "word"));
    assert_status(status_of(&process, put_told, MPROC_PACK(queue, "word"), NULL, *state),
                  MPROC_ETOOMANY);
    assert_string_equal(look_for_word(queue, *state), "word");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(a_queue_goes_on_by_all_chains_of_start_methods),
        claim_leaving_nothing(a_queue_given_twice_is_one_with_two_handles),
        claim_leaving_nothing(several_queues_arrive_each_at_its_place),
        claim_leaving_nothing(a_queue_can_be_given_again_and_again),
        claim_leaving_nothing(children_go_on_with_a_queue_that_their_parent_has_closed),
        claim_leaving_nothing(a_queue_lives_on_without_who_made_it),
        claim_leaving_nothing(one_process_more_than_there_are_places_for_is_refused),
        claim_leaving_nothing(the_places_of_the_dead_are_given_away_again),
        claim_leaving_nothing(one_place_is_its_makers),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    use_all_start_methods();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
