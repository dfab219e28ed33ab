/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Waiting on many connections and processes at once.
 */

#include "claims.h"
#include "raw.h"
#include "threads.h"
#include "workers.h"

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than Windows waits on in one call. */
#define BEYOND_64 150

static const mproc_target_t targets[] = {MPROC_TARGETS_OF(worker_targets), MPROC_TARGETS_END};

/* -- Helpers ------------------------------------------------------------------ */

/* Both ends of many pipes; what[i] waits on here[i]. */
typedef struct pipes_t {
    mproc_connection_t **here, **there;
    mproc_waitable_t *what;
    size_t count;
} pipes_t;

static mproc_waitable_t waitable(mproc_connection_t *connection)
{
    mproc_waitable_t made = MPROC_WAITABLE(connection);

    return made;
}

static mproc_waitable_t waitable_process(mproc_process_t *process)
{
    mproc_waitable_t made = MPROC_WAITABLE(process);

    return made;
}

static pipes_t make_pipes(size_t count, apr_pool_t *mem)
{
    pipes_t pipes = {NULL, NULL, NULL, count};
    size_t i;

    pipes.here = apr_palloc(mem, count * sizeof *pipes.here);
    pipes.there = apr_palloc(mem, count * sizeof *pipes.there);
    pipes.what = apr_palloc(mem, (count + 1) * sizeof *pipes.what);
    for (i = 0; i < count; i++) {
        assert_success(mproc_pipe(&pipes.here[i], &pipes.there[i], MPROC_DUPLEX, mem));
        pipes.what[i] = waitable(pipes.here[i]);
    }
    return pipes;
}

/* Which are ready, as a word: "0110". */
static const char *ready(const mproc_waitable_t *what, size_t count, apr_pool_t *mem)
{
    char *word = apr_palloc(mem, count + 1);
    size_t i;

    for (i = 0; i < count; i++)
        word[i] = (char)('0' + what[i].ready);
    word[count] = '\0';
    return word;
}

/* -- What is ready ---------------------------------------------------------------- */

static void all_that_are_ready_are_reported(void **state)
{
    pipes_t pipes = make_pipes(4, *state);

    assert_success(say(pipes.there[1], "word"));
    assert_success(mproc_connection_close(pipes.there[3]));
    assert_success(mproc_wait(pipes.what, 4, PATIENCE));
    assert_string_equal(ready(pipes.what, 4, *state), "0101");
    assert_success(say(pipes.there[0], "word"));
    assert_success(mproc_wait(pipes.what, 4, PATIENCE));
    assert_string_equal(ready(pipes.what, 4, *state), "1101");
}

static void what_is_ready_stays_so_until_it_is_received(void **state)
{
    pipes_t pipes = make_pipes(2, *state);
    int i;

    assert_success(say(pipes.there[1], "one"));
    assert_success(say(pipes.there[1], "two"));
    for (i = 0; i < 3; i++)
        assert_success(mproc_wait(pipes.what, 2, PATIENCE));
    assert_string_equal(hear(pipes.here[1], *state), "one");
    assert_success(mproc_wait(pipes.what, 2, 0));
    assert_string_equal(ready(pipes.what, 2, *state), "01");
    assert_string_equal(hear(pipes.here[1], *state), "two");
    assert_status(mproc_wait(pipes.what, 2, 0), APR_TIMEUP);
    assert_string_equal(ready(pipes.what, 2, *state), "00");
}

static void an_empty_message_is_one(void **state)
{
    pipes_t pipes = make_pipes(1, *state);

    assert_success(say(pipes.there[0], ""));
    assert_success(mproc_wait(pipes.what, 1, PATIENCE));
    assert_string_equal(hear(pipes.here[0], *state), "");
    assert_status(mproc_wait(pipes.what, 1, 0), APR_TIMEUP);
}

static void a_process_is_ready_when_it_has_ended(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    mproc_waitable_t what[2];

    start_born(&process, &line, answer, NULL, *state);
    what[0] = waitable_process(process);
    what[1] = waitable(line);
    assert_status(mproc_wait(what, 2, A_MOMENT), APR_TIMEUP);
    assert_success(say(line, "word"));
    assert_success(mproc_wait(what, 2, PATIENCE));
    assert_string_equal(ready(what, 2, *state), "01");
    assert_string_equal(hear(line, *state), "word");
    assert_success(say(line, "leave"));
    assert_success(mproc_wait(what, 1, PATIENCE));
    assert_int_equal(what[0].ready, 1);
    assert_ended(process, 0);
    assert_success(mproc_wait(what, 1, 0));
}

static void a_killed_process_is_ready(void **state)
{
    mproc_process_t *process;
    mproc_connection_t *line;
    mproc_waitable_t what[1];

    start_born(&process, &line, compute, NULL, *state);
    what[0] = waitable_process(process);
    assert_success(mproc_process_kill(process));
    assert_success(mproc_wait(what, 1, MPROC_FOREVER));
    assert_ended(process, -9);
}

static apr_status_t say_later(void *connection)
{
    apr_sleep(A_MOMENT); /* so that the wait most often has begun; the claim holds if it has not */
    return say(connection, "late word");
}

static void a_wait_ends_when_something_comes(void **state)
{
    pipes_t pipes = make_pipes(3, *state);
    work_t work;

    assert_success(start_thread(&work, say_later, pipes.there[2], *state));
    assert_success(mproc_wait(pipes.what, 3, MPROC_FOREVER));
    assert_string_equal(ready(pipes.what, 3, *state), "001");
    assert_success(end_thread(&work));
}

/* Two bytes of four are no message; the wait neither ends by them nor burns time until it does. */
static void half_a_header_is_not_ready(void **state)
{
    static const unsigned char header[] = {0, 0, 0, 1};
    pipes_t pipes = make_pipes(1, *state);

    assert_success(write_raw(pipes.there[0], header, 2, *state));
    assert_status(mproc_wait(pipes.what, 1, A_MOMENT), APR_TIMEUP);
    assert_success(write_raw(pipes.there[0], header + 2, 2, *state));
    assert_success(mproc_wait(pipes.what, 1, PATIENCE));
}

/* -- Many -------------------------------------------------------------------------- */

static void assert_one_of_many_is_found(size_t count, apr_pool_t *mem)
{
    pipes_t pipes = make_pipes(count, mem);
    mproc_process_t *process;
    mproc_connection_t *line;
    size_t places[] = {0, 63, 64, 65, count - 1}, i;

    start_born(&process, &line, answer, NULL, mem);
    pipes.what[count] = waitable_process(process);
    assert_status(mproc_wait(pipes.what, count + 1, A_MOMENT), APR_TIMEUP);
    for (i = 0; i < sizeof places / sizeof places[0]; i++) {
        assert_success(say(pipes.there[places[i]], "word"));
        assert_success(mproc_wait(pipes.what, count + 1, PATIENCE));
        assert_int_equal(pipes.what[places[i]].ready, 1);
        assert_string_equal(hear(pipes.here[places[i]], mem), "word");
    }
    assert_status(mproc_wait(pipes.what, count + 1, 0), APR_TIMEUP);
    assert_success(say(line, "leave"));
    assert_success(mproc_wait(pipes.what, count + 1, PATIENCE));
    assert_int_equal(pipes.what[count].ready, 1);
}

static void more_than_64_can_be_waited_on(void **state)
{
    assert_one_of_many_is_found(BEYOND_64, *state);
}

static void a_thousand_can_be_waited_on(void **state)
{
    assert_one_of_many_is_found(1000, *state);
}

/* Each is heard as often as it speaks, though the first ones always have something to say. */
static void the_last_is_heard_though_the_first_always_speak(void **state)
{
    pipes_t pipes = make_pipes(3, *state);
    int i;

    assert_success(say(pipes.there[2], "word"));
    for (i = 0; i < 5; i++) {
        assert_success(say(pipes.there[0], "word"));
        assert_success(mproc_wait(pipes.what, 3, PATIENCE));
        assert_string_equal(ready(pipes.what, 3, *state), "101");
        assert_string_equal(hear(pipes.here[0], *state), "word");
    }
}

/* -- Time --------------------------------------------------------------------------- */

static void a_wait_lasts_no_less_than_its_timeout(void **state)
{
    pipes_t pipes = make_pipes(2, *state);
    apr_time_t begin = apr_time_now();

    assert_refused(mproc_wait(pipes.what, 2, A_MOMENT), APR_TIMEUP, "in time");
    assert_true(apr_time_now() - begin >= A_MOMENT - 1000);
    assert_status(mproc_wait(pipes.what, 2, -5), APR_TIMEUP);
}

/* -- What is refused ------------------------------------------------------------------ */

static void assert_refused_and_untouched(mproc_waitable_t *what, size_t count, apr_status_t expected,
                                         const char *words)
{
    size_t i;

    for (i = 0; i < count; i++)
        what[i].ready = 77;
    assert_refused(mproc_wait(what, count, MPROC_FOREVER), expected, words);
    for (i = 0; i < count; i++)
        assert_int_equal(what[i].ready, 77);
}

static void nothing_to_wait_on_is_refused(void **state)
{
    mproc_waitable_t what = waitable(NULL);

    (void)state;
    assert_refused(mproc_wait(NULL, 1, 0), APR_EINVAL, "nothing to wait on");
    assert_refused(mproc_wait(&what, 0, MPROC_FOREVER), APR_EINVAL, "nothing to wait on");
    assert_refused_and_untouched(&what, 1, APR_EINVAL, "what[0]: the connection is NULL");
}

/* And the others are free again. */
static void a_bad_one_is_named_by_its_place(void **state)
{
    mproc_connection_t *reader, *writer;
    pipes_t pipes = make_pipes(3, *state);

    assert_success(mproc_pipe(&reader, &writer, MPROC_ONE_WAY, *state));
    pipes.what[2] = waitable(writer);
    assert_refused_and_untouched(pipes.what, 3, MPROC_EDIRECTION, "what[2]: ");
    pipes.what[2] = pipes.what[0];
    assert_refused_and_untouched(pipes.what, 3, MPROC_EINUSE, "what[2]: ");
    pipes.what[2] = waitable_process(mproc_current_process());
    assert_refused_and_untouched(pipes.what, 3, APR_EINVAL, "what[2]: ");
    pipes.what[2] = waitable(pipes.here[2]);
    assert_success(mproc_connection_close(pipes.here[2]));
    assert_refused_and_untouched(pipes.what, 3, MPROC_ECLOSED, "what[2]: the connection is closed");
    pipes.what[2].kind = (mproc_waitable_kind_t)9;
    assert_refused_and_untouched(pipes.what, 3, APR_EINVAL, "MPROC_WAITABLE");
    assert_success(say(pipes.there[0], "word"));
    assert_string_equal(hear(pipes.here[0], *state), "word");
}

static void a_closed_process_is_named(void **state)
{
    mproc_process_t *process;
    mproc_waitable_t what[1];

    assert_success(status_of(&process, succeed, MPROC_NO_ARGS, NULL, *state));
    assert_success(mproc_process_close(process));
    what[0] = waitable_process(process);
    assert_refused_and_untouched(what, 1, MPROC_ECLOSED, "is closed");
}

int main(int argc, const char *const *argv)
{
    static const struct CMUnitTest tests[] = {
        claim_leaving_nothing(all_that_are_ready_are_reported),
        claim_leaving_nothing(what_is_ready_stays_so_until_it_is_received),
        claim_leaving_nothing(an_empty_message_is_one),
        claim_leaving_nothing(a_process_is_ready_when_it_has_ended),
        claim_leaving_nothing(a_killed_process_is_ready),
        claim_leaving_nothing(a_wait_ends_when_something_comes),
        claim_leaving_nothing(half_a_header_is_not_ready),
        claim(more_than_64_can_be_waited_on),
        claim(a_thousand_can_be_waited_on),
        claim_leaving_nothing(the_last_is_heard_though_the_first_always_speak),
        claim_leaving_nothing(a_wait_lasts_no_less_than_its_timeout),
        claim_leaving_nothing(nothing_to_wait_on_is_refused),
        claim_leaving_nothing(a_bad_one_is_named_by_its_place),
        claim_leaving_nothing(a_closed_process_is_named),
    };
    apr_pool_t *mem;

    mproc_init(&mem, &argc, &argv, targets);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
